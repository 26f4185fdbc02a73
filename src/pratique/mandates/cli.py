"""`pratique mandate …` and `pratique log …`: thin; what they open is handed in by the composition root.

Exit codes: 0 done · 1 refused · 2 called wrongly. Refusals come out of the use cases and reach the one handler.
"""

import os
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
from cyclopts import App

from pratique.core.errors import Refusal
from pratique.core.moment import Moment, rfc3339
from pratique.core.text import Text
from pratique.mandates import service
from pratique.mandates.checkpoint import Checkpoint, open_checkpoint
from pratique.mandates.command_line import Json, file_of, opened, say, signer_of, time_of
from pratique.mandates.document import days_left, document_text, mandate_of
from pratique.mandates.form import EXAMPLE, read_form
from pratique.mandates.model import EndOrder, Role, Standing
from pratique.mandates.note import BadNote, NoteSigner, VerifierKey, parse_vkey, sign_note
from pratique.mandates.publisher import Publisher
from pratique.mandates.tiles import BadTile
from pratique.mandates.verify import logged_looks, read_address, read_folder, verify
from pratique.store.store import Store


class Opened(Protocol):
    """What these commands need of an opened deployment."""

    @property
    def store(self) -> Store: ...
    @property
    def log(self) -> Publisher: ...
    def moment(self) -> Moment: ...
    def close(self) -> None: ...


Open = Callable[[], Opened]


def mandate_commands(open_house: Open) -> App:
    """The commands of officers."""
    app = App(name="mandate", help="Mandates: key, trust, new, sign, publish, list, show, end.")

    @app.command
    def key(name: str, /, *, role: Role, out: Path, as_json: Json = False) -> int:
        """Make an officer's key. The file belongs to that officer alone; the printed verifier key is public.

        Parameters
        ----------
        name
            Whose key: an address without scheme, such as health.port.example.
        role
            What it signs as.
        out
            The private file to make; it must not exist.
        """
        signer = NoteSigner(f"{name}/{role}", secrets.token_bytes(32))
        try:
            handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise Refusal(
                "FILE_EXISTS", "--out", Text(f"{out} exists; name another file", f"{out} 已存在")
            ) from None
        with os.fdopen(handle, "w") as file:
            file.write(signer.private_text() + "\n")
            file.flush()
            os.fsync(file.fileno())
        return say(as_json, {"vkey": signer.vkey.text, "role": role, "file": str(out)}, signer.vkey.text)

    @app.command
    def trust(vkey: str, /, *, as_json: Json = False) -> int:
        """Trust an officer's verifier key (or the public part of a key file) to sign mandates here; logged."""
        text = signer_of(Path(vkey)).vkey.text if Path(vkey).is_file() else vkey
        with opened(open_house) as house:
            moment = house.moment()
            seq = house.store.write(lambda tx: service.trust_officer(tx, moment, text))
            house.log.publish(moment)
        return say(as_json, {"vkey": text, "log_index": seq}, f"trusted: {text} (log entry {seq})")

    @app.command
    def new(
        form: Path | None = None,
        /,
        *,
        reading: Path | None = None,
        example: bool = False,
        as_json: Json = False,
    ) -> int:
        """Draft a mandate from a filled-in form.

        Parameters
        ----------
        form
            TOML; `--example` prints one to start from.
        reading
            The text residents will read; its digest goes into the mandate.
        """
        if example:
            print(EXAMPLE, end="")
            return 0
        if form is None:
            raise Refusal(
                "NO_FORM",
                "FORM",
                Text("name a form; `--example` prints one", "请指明表格;`--example` 打印样例"),
            )
        read = file_of(reading) if reading else None
        with opened(open_house) as house:
            moment = house.moment()
            document = read_form(file_of(form).decode(), moment, read)
            standing = house.store.write(lambda tx: service.draft(tx, moment, document, read))
        return say(as_json, _row(standing, moment.now), document.id)

    @app.command
    def sign(mandate_id: str, /, *, key: Path, as_json: Json = False) -> int:
        """Sign a draft with an officer's key file. Two are needed: legal and public-health."""
        signer = signer_of(key)
        with opened(open_house) as house:
            moment = house.moment()
            standing = house.store.write(lambda tx: service.sign_with(tx, moment, mandate_id, signer))
        roles = ", ".join(signed.role for signed in standing.signatures)
        return say(as_json, _row(standing, moment.now), f"{mandate_id}: signed by {roles}")

    @app.command
    def publish(mandate_id: str, /, *, as_json: Json = False) -> int:
        """Log and publish a signed mandate; from its start on it is in force."""
        with opened(open_house) as house:
            moment = house.moment()
            seq = house.store.write(lambda tx: service.publish(tx, moment, mandate_id))
            house.log.publish(moment)
            with house.store.read() as tx:
                standing = service.standing(tx, mandate_id)
        return say(as_json, _row(standing, moment.now), f"{mandate_id}: published, log entry {seq}")

    @app.command(name="list")
    def list_all(*, as_json: Json = False) -> int:
        """Every mandate: state, days left, what it allows."""
        with opened(open_house) as house:
            moment = house.moment()
            with house.store.read() as tx:
                standings = service.standings(tx)
        for standing in standings:
            row = _row(standing, moment.now)
            line = f"{row['id']}  {row['state']:9} {row['days_left']:3} days left  {row['purpose']['en']}"
            say(as_json, row, f"{line}  [{', '.join(row['unlocks'])}]")
        if not standings and not as_json:
            print("no mandate yet; start with `pratique mandate new --example`")
        return 0

    @app.command
    def show(mandate_id: str, /) -> int:
        """The note of a mandate as it stands: its text and the signatures so far."""
        with opened(open_house) as house, house.store.read() as tx:
            standing = service.standing(tx, mandate_id)
        note = service.note_of(standing) if standing.signatures else document_text(standing.document)
        print(note.decode(), end="")
        return 0

    @app.command
    def end(
        mandate_id: str,
        /,
        *,
        key: Path,
        reason: str = "no-longer-needed",
        at: str = "",
        as_json: Json = False,
    ) -> int:
        """End a mandate early: one signature of the issuer, or of the court it names. It cannot be taken back.

        Parameters
        ----------
        key
            The officer's key file.
        reason
            A short code in lower case with hyphens.
        at
            RFC 3339 with zone; now by default.
        """
        signer = signer_of(key)
        with opened(open_house) as house:
            moment = house.moment()
            order = EndOrder(
                v=1,
                kind="mandate-end",
                id=mandate_id,
                reason=reason,
                at=time_of(at, "--at") if at else moment.now,
            )
            raw = sign_note(document_text(order), signer).raw
            seq = house.store.write(lambda tx: service.end(tx, moment, raw))
            house.log.publish(moment)
            with house.store.read() as tx:
                row = _row(service.standing(tx, mandate_id), moment.now)
        return say(as_json, row, f"{mandate_id}: ends {row['ends']}, log entry {seq}")

    return app


def log_commands(open_house: Open, clock: Callable[[], datetime]) -> App:
    """The commands of the public log. `verify` opens nothing of ours; `clock` is the machine's time in UTC."""
    app = App(name="log", help="The public log: publish, verify.")

    @app.command
    def publish(*, as_json: Json = False) -> int:
        """Write what is committed as static files. `pratique serve` does so by itself every second."""
        with opened(open_house) as house:
            checkpoint = house.log.publish(house.moment())
            folder = house.log.folder
        row = {"origin": checkpoint.origin, "size": checkpoint.size, "folder": str(folder)}
        return say(as_json, row, f"{checkpoint.origin}: {checkpoint.size} entries in {folder}")

    @app.command(name="verify")
    def verify_log(
        target: str, /, *, key: str = "", since: Path | None = None, at: str = "", as_json: Json = False
    ) -> int:
        """Replay a log from its static files. Exit code 1 with a sentence for each thing that is wrong.

        Parameters
        ----------
        target
            An http(s) address or a folder.
        key
            The log's verifier key, or a file that holds it. Without it the log's own statement is taken, and said so.
        since
            A checkpoint kept from an earlier look: the log must continue it.
        at
            Judge deadlines at this time (RFC 3339) instead of now.
        """
        read = (
            read_address(target) if target.startswith(("http://", "https://")) else read_folder(Path(target))
        )
        try:
            vkey, taken = _log_key(key, read("log.vkey", 4096))
            earlier = _earlier(since, vkey)
            verdict = verify(read, vkey, time_of(at, "--at") if at else clock(), earlier)
        except (OSError, BadNote) as fault:
            raise _unreadable(target, fault) from None
        row = {
            "ok": not verdict.problems,
            "origin": vkey.name,
            "entries": verdict.entries,
            "mandates": verdict.mandates,
            "problems": verdict.problems,
            "key_from_log": taken,
        }
        lines = [*verdict.problems, f"{vkey.name}: {verdict.entries} entries, {verdict.mandates} mandates"]
        if taken:
            lines.append("the key was taken from the log itself; compare it with one you know, by --key")
        lines.append(
            "everything holds" if not verdict.problems else f"{len(verdict.problems)} things are wrong"
        )
        say(as_json, row, "\n".join(lines))
        return int(bool(verdict.problems))

    return app


def _row(standing: Standing, now: datetime) -> dict[str, Any]:
    document = standing.document
    mandate = mandate_of(document, standing.published_at or document.start, standing.ended_at)
    return {
        "id": document.id,
        "state": standing.state(now),
        "purpose": msgspec.to_builtins(document.purpose.text),
        "unlocks": sorted(document.unlocks),
        "start": rfc3339(mandate.start),
        "ends": rfc3339(mandate.ends()),
        "days_left": days_left(mandate, now),
        "signed_by": [signed.role for signed in standing.signatures],
        "log_index": standing.log_seq,
    }


def looks_in(target: str, key: str) -> dict[int, bytes]:
    """The heads of the chain of looks in the log below an http(s) address or a folder: number of entries → hash.

    Raises Refusal where the log cannot be read or is not what its key signed.
    """
    read = read_address(target) if target.startswith(("http://", "https://")) else read_folder(Path(target))
    try:
        return logged_looks(read, _log_key(key, read("log.vkey", 4096))[0])
    except (OSError, BadNote, BadTile) as fault:
        raise _unreadable(target, fault) from None


def _unreadable(target: str, fault: Exception) -> Refusal:
    return Refusal(
        "LOG_UNREADABLE", target, Text(f"the log cannot be read: {fault}", f"无法读取日志：{fault}")
    )


def _log_key(given: str, own: bytes | None) -> tuple[VerifierKey, bool]:
    if given:
        return parse_vkey(Path(given).read_text().strip() if Path(given).is_file() else given), False
    if own is None:
        raise BadNote("it names no key of its own; give one by --key")
    return parse_vkey(own.decode().strip()), True


def _earlier(path: Path | None, key: VerifierKey) -> Checkpoint | None:
    return open_checkpoint(file_of(path), [key], key.name)[1] if path else None
