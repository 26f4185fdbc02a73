"""Passes of one device for one day cannot be told to be one holder's; batches and keys are taken back with a reason."""

import json
from datetime import timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from pratique.core.errors import NoMandate, Refusal
from pratique.core.moment import Moment
from pratique.credentials import pq1, service
from pratique.credentials.revoke_cli import revoke_commands
from pratique.credentials.verify import verify
from pratique.store.store import Store
from pratique.store.tx import Tx
from tests.credentials.making import ISSUER, es256, show
from tests.credentials.test_passes_are_given_and_taken import renew, taken_along
from tests.people.law import put_mandate

SUBJECT = "S" * 26
DEVICE = [es256() for _ in range(8)]
KEYS = [signer.public_key for signer in DEVICE]


def day(tx: Tx, moment: Moment, mandate_id: str, **changes: Any) -> list[Any]:
    given: dict[str, Any] = {
        "subject_id": SUBJECT,
        "holder_keys": KEYS,
        "pass_class": pq1.CLEAR,
        "mandate_id": mandate_id,
        "until": moment.now + timedelta(days=3),
    }
    service.register_key(tx, moment, ISSUER, "pass", moment.now + timedelta(days=60))
    return service.issue_for_the_day(tx, moment, ISSUER, **(given | changes))


def test_it_works(store: Store, moment: Moment) -> None:
    def way(tx: Tx) -> None:
        held = day(tx, moment, put_mandate(tx, moment))
        along = taken_along(tx, moment)
        for signer, one in zip(DEVICE, held, strict=True):
            assert verify(show(one.credential, moment.now, by=signer), moment.now, along).ok

    store.write(way)


def test_nothing_in_two_passes_is_the_holders(sqlite_store: Store, moment: Moment) -> None:
    """What two verifiers could compare: key, status place, times, signature. Only what all holders share is equal."""

    def way(tx: Tx) -> None:
        held = day(tx, moment, put_mandate(tx, moment))
        claims = [pq1.read(pq1.paper(one.credential)).claims for one in held]

        assert len({c.holder for c in claims}) == 8
        assert len({c.status for c in claims}) == 8
        assert len({(c.issued, c.expires) for c in claims}) == 8
        assert {c.status[0] for c in claims if c.status} == {1}
        assert {c.hints for c in claims} == {None}
        assert {c.pass_class for c in claims} == {pq1.CLEAR}
        assert all(one.expires - moment.now <= timedelta(hours=24) for one in held)
        places = sorted(c.status[1] for c in claims if c.status)
        assert min(b - a for a, b in pairwise(places)) > 1  # no run of neighbours
        assert tx.one("SELECT COUNT(DISTINCT batch_id), COUNT(*) FROM issuance") == (8, 8)
        assert tx.one("SELECT COUNT(*) FROM pass_outbox") == (0,)

    sqlite_store.write(way)


def test_a_worse_decision_takes_all_of_them_back(sqlite_store: Store, moment: Moment) -> None:
    def way(tx: Tx) -> None:
        mandate_id = put_mandate(tx, moment)
        held = day(tx, moment, mandate_id)
        renew(tx, moment, mandate_id, pass_class=None)
        along = taken_along(tx, moment)
        for signer, one in zip(DEVICE, held, strict=True):
            assert verify(show(one.credential, moment.now, by=signer), moment.now, along).reason == "REVOKED"

    sqlite_store.write(way)


@pytest.mark.parametrize(
    "keys", [[], [KEYS[0], KEYS[0]], [es256().public_key for _ in range(9)], [b"\x02" + b"\xff" * 32]]
)
def test_keys_that_are_no_fresh_keys_are_refused(
    sqlite_store: Store, moment: Moment, keys: list[bytes]
) -> None:
    with pytest.raises(Refusal, match="keys"):
        sqlite_store.write(lambda tx: day(tx, moment, put_mandate(tx, moment), holder_keys=keys))


def test_a_batch_is_taken_back_whole_with_a_mandate_and_a_reason(store: Store, moment: Moment) -> None:
    def way(tx: Tx) -> None:
        mandate_id = put_mandate(tx, moment)
        renew(tx, moment, mandate_id, holder_keys=KEYS[:3])
        other = "T" * 26
        renew(tx, moment, mandate_id, subject_id=other)
        first = next(row for row in service.live_batches(tx, moment.now) if row["alive"] == 3)
        shown = [show(one.credential, moment.now, by=signer) for signer, one in _of(tx, moment, KEYS[:3])]

        for wrong in ({"mandate_id": ""}, {"reason": " "}, {"reason": "x" * 201}):
            with pytest.raises((NoMandate, Refusal)):
                service.revoke_batch(tx, moment, **({"batch_id": first["batch"], **said(mandate_id)} | wrong))
        assert service.revoke_batch(tx, moment, batch_id=first["batch"], **said(mandate_id)) == 3
        assert service.revoke_batch(tx, moment, batch_id=first["batch"], **said(mandate_id)) == 0

        along = taken_along(tx, moment)
        assert [verify(text, moment.now, along).reason for text in shown] == ["REVOKED"] * 3
        assert service.passes_of(tx, SUBJECT, moment.now) == []
        assert len(service.passes_of(tx, other, moment.now)) == 1
        listed = service.live_revocations(tx, moment.now)
        assert len(listed) == 3
        for row in listed:
            assert row["mandate"] == mandate_id
            assert row["reason"] == "printed twice"
            assert row["ends_at"] > row["revoked_at"]
            assert "subject" not in str(row.keys())

    store.write(way)


def said(mandate_id: str) -> dict[str, str]:
    return {"mandate_id": mandate_id, "reason": "printed twice"}


def _of(tx: Tx, moment: Moment, keys: list[bytes]) -> list[tuple[Any, Any]]:
    """The waiting passes with the device key each is bound to."""
    by_point = {pq1.compress(signer.public_key): signer for signer in DEVICE}
    held = service.passes_of(tx, SUBJECT, moment.now)
    return [(by_point[pq1.read(pq1.paper(one.credential)).claims.holder], one) for one in held]  # type: ignore[index]


def test_a_key_is_cut_only_with_a_reason(store: Store, moment: Moment) -> None:
    def way(tx: Tx) -> None:
        mandate_id = put_mandate(tx, moment)
        renew(tx, moment, mandate_id)
        with pytest.raises(Refusal):
            service.revoke_key(tx, moment, kid=ISSUER.kid, mandate_id=mandate_id, reason="")
        assert service.revoke_key(tx, moment, kid=ISSUER.kid, mandate_id=mandate_id, reason="lost")
        assert service.live_revocations(tx, moment.now)[0]["scope"] == "kid"

    store.write(way)


def test_the_database_itself_wants_a_reason_and_an_end(store: Store, moment: Moment) -> None:
    def put(tx: Tx, **changes: Any) -> None:
        from pratique.credentials import store as tables
        from pratique.credentials.revoking import revocation_row

        row = (
            revocation_row(moment, put_mandate(tx, moment), "lost") | {"ends_at": moment.now_ms + 1} | changes
        )
        tables.add_revocations(tx, [row])

    store.write(put)
    for wrong in ({"reason": ""}, {"ends_at": moment.now_ms}):
        with pytest.raises(Exception, match="NO_END"):
            store.write(lambda tx, wrong=wrong: put(tx, **wrong))  # type: ignore[misc]


def test_keys_and_batches_are_taken_back_at_the_command_line(
    store: Store, moment: Moment, capsys: pytest.CaptureFixture[str]
) -> None:
    class Opened(NamedTuple):
        store: Store

        def moment(self) -> Moment:
            return moment

        def close(self) -> None:
            pass

    def run(*words: str) -> tuple[int, list[dict[str, Any]]]:
        capsys.readouterr()
        code = revoke_commands(lambda: Opened(store))(words, result_action="return_value")
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines() if line[0] == "{"]

    mandate_id = store.write(lambda tx: put_mandate(tx, moment))
    store.write(lambda tx: renew(tx, moment, mandate_id))
    named = ("--mandate", mandate_id, "--reason", "printed twice")
    (batch,) = run("batches")[1]

    assert run("batch", batch["batch"], *named)[0] == 0
    assert run("batch", batch["batch"], *named)[0] == 1
    assert run("key", batch["kid"], *named)[0] == 0
    assert run("key", batch["kid"], *named)[0] == 1
    assert run("key", "no key id", *named)[0] == 2
    assert sorted(row["scope"] for row in run("list")[1]) == ["issuance", "kid"]
    assert all(
        row["reason"] == "printed twice" and row["ends_at"] > row["revoked_at"] for row in run("list")[1]
    )
