"""`pratique revoke …`: take an issuing key off the list, or a whole batch back. Thin; the deployment is handed in.

Exit codes: 0 done · 1 nothing to revoke · 2 called wrongly. Each revocation names a mandate and a reason and ends with
what it revokes; verifiers learn of it with their next bundle.
"""

import sys
from collections.abc import Callable
from typing import Annotated, Any, Protocol

import msgspec
from cyclopts import App, Parameter

from pratique.core.moment import Moment, from_ms, rfc3339
from pratique.credentials import service
from pratique.credentials.jose import unb64url
from pratique.credentials.reasons import BadText
from pratique.store.store import Store

Kid = Annotated[str, Parameter(allow_leading_hyphen=True)]  # base64url may begin with one


class Opened(Protocol):
    """What these commands need of an opened deployment."""

    @property
    def store(self) -> Store: ...
    def moment(self) -> Moment: ...
    def close(self) -> None: ...


def revoke_commands(open_house: Callable[[], Opened]) -> App:
    """The commands of those who must stop a key or a batch."""
    app = App(
        name="revoke", help="Issuing keys and batches: cut a key, take a batch back, list what is revoked."
    )

    @app.command
    def key(kid: Kid, /, *, mandate: str, reason: str) -> int:
        """Take one of our issuing keys off the list: all that it signed ends with the next bundle.

        Parameters
        ----------
        kid
            The key's id, base64url, as in the claims of a verification.
        mandate
            The mandate under which this is done.
        reason
            Why, in one sentence.
        """
        try:
            raw = unb64url(kid)
        except BadText:
            print("pratique revoke key: the id is not base64url", file=sys.stderr)
            return 2

        def act(opened: Opened) -> int:
            moment = opened.moment()
            return opened.store.write(
                lambda tx: int(service.revoke_key(tx, moment, kid=raw, mandate_id=mandate, reason=reason))
            )

        return _done(open_house, act, "no key of ours that is in use")

    @app.command
    def batch(batch_id: str, /, *, mandate: str, reason: str) -> int:
        """Revoke every credential of one batch that is still alive.

        Parameters
        ----------
        batch_id
            The batch, as `pratique revoke batches` lists it.
        mandate
            The mandate under which this is done.
        reason
            Why, in one sentence.
        """

        def act(opened: Opened) -> int:
            moment = opened.moment()
            return opened.store.write(
                lambda tx: service.revoke_batch(
                    tx, moment, batch_id=batch_id, mandate_id=mandate, reason=reason
                )
            )

        return _done(open_house, act, "nothing of this batch is alive")

    @app.command
    def batches() -> int:
        """List the batches with credentials that are alive, one JSON object a line."""
        return _list(open_house, lambda opened, tx: service.live_batches(tx, opened.moment().now))

    @app.command(name="list")
    def list_all() -> int:
        """List the revocations that have not ended: what, under which mandate, why, until when. No subjects."""
        return _list(open_house, lambda opened, tx: service.live_revocations(tx, opened.moment().now))

    return app


def _done(open_house: Callable[[], Opened], act: Callable[[Opened], int], nothing: str) -> int:
    opened = open_house()
    try:
        count = act(opened)
    finally:
        opened.close()
    print(f"revoked: {count}" if count else f"pratique revoke: {nothing}", file=None if count else sys.stderr)
    return 0 if count else 1


def _list(open_house: Callable[[], Opened], rows: Callable[[Opened, Any], list[dict[str, Any]]]) -> int:
    opened = open_house()
    try:
        with opened.store.read() as tx:
            for row in rows(opened, tx):
                said = {
                    name: rfc3339(from_ms(value)) if name.endswith("_at") else value
                    for name, value in row.items()
                }
                print(msgspec.json.encode(said).decode())
    finally:
        opened.close()
    return 0
