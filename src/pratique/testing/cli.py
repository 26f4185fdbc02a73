"""`pratique lab …`: thin. What it opens is handed in by the composition root.

Exit codes: 0 done · 1 something was refused · 2 called wrongly. `read` and `send` need no deployment.
"""

import asyncio
import signal
import ssl
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol

import msgspec
import uvloop
from cyclopts import App, Parameter

from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.testing import er7, service
from pratique.testing.client import send as send_frames
from pratique.testing.mllp import Door, Listener
from pratique.testing.mllp_tls import client_tls, server_tls
from pratique.testing.reading import Refused, read_file

Files = Annotated[list[Path], Parameter(negative="", consume_multiple=True)]


class Opened(Protocol):
    """What `serve` needs of an opened deployment."""

    @property
    def door(self) -> Door: ...
    def close(self) -> None: ...


def lab_commands(open_lab: Callable[[], Opened]) -> App:
    """The commands of laboratories."""
    app = App(name="lab", help="Laboratories: add, read, serve, send, take.")

    @app.command
    def read(files: Files, /) -> int:
        """Print one JSON line a result of HL7 v2, FHIR JSON, CSV or XLSX files, or one line a refusal.

        Parameters
        ----------
        files
            Laboratory files; the format is seen in the bytes.
        """
        return read_files(files)

    @app.command
    def serve(
        *, mllp: int, host: str = "127.0.0.1", cert: Path | None = None, key: Path | None = None,
        client_ca: Path | None = None, always_answer: bool = False,
    ) -> int:  # fmt: skip
        """Listen for HL7 v2 messages over MLLP; each is on disk before it is acknowledged.

        Parameters
        ----------
        mllp
            The port; 0 picks a free one. The port in use is printed.
        host
            The address to listen on.
        cert
            TLS certificate chain (PEM); with it the port speaks TLS.
        key
            Its private key (PEM).
        client_ca
            Ask for client certificates of this authority; their common name is the laboratory.
        always_answer
            Answer also where MSH-15 says NE.
        """
        opened = open_lab()
        try:
            uvloop.run(
                _serve(opened.door, host, mllp, server_tls(cert, key, client_ca), always_answer=always_answer)
            )
        finally:
            opened.close()
        return 0

    @app.command
    def send(
        files: Files, /, *, to: str, ca: Path | None = None, cert: Path | None = None, key: Path | None = None
    ) -> int:
        """Send HL7 v2 files to a listener and print what it answers.

        Parameters
        ----------
        files
            Each file is sent as one frame, a batch as a batch.
        to
            HOST:PORT.
        ca
            Speak TLS and trust this authority (PEM).
        cert
            The laboratory's own certificate chain (PEM).
        key
            Its private key (PEM).
        """
        return send_files(files, to, client_tls(ca, cert, key) if ca else None)

    @app.command
    def add(
        name: str, /, *, oid: str = "", zone: str = "Asia/Shanghai", charset: str = "", always_answer: bool = False,
        run_minutes: int = 60, sends_controls: bool = False, tubes_a_day: int = 0,
    ) -> int:  # fmt: skip
        """Register a laboratory.

        Parameters
        ----------
        name
            What it sends as the first component of MSH-4.
        oid
            What it sends as the second; empty: any.
        zone
            IANA time zone of its times without an offset.
        charset
            Its character set where MSH-18 does not say it, such as "GB 18030".
        always_answer
            Answer also where MSH-15 says NE.
        run_minutes
            No run of it is shorter; results that come sooner after our receipt scan are held.
        sends_controls
            It says how the controls of its runs went; results are held until it has said so of their run.
        tubes_a_day
            What its licensed machines can run in a day; 0 where nobody said.
        """
        return _with(open_lab, lambda door: add_lab(
            door, name, oid=oid, zone=zone, charset=charset, always_answer=always_answer, run_minutes=run_minutes,
            sends_controls=sends_controls, tubes_a_day=tubes_a_day,
        ))  # fmt: skip

    @app.command
    def key(name: str, /) -> int:
        """Make the key with which a laboratory speaks over HTTP; it is shown once, and earlier ones end.

        Parameters
        ----------
        name
            The laboratory's name.
        """
        return _with(open_lab, lambda door: make_key(door, name))

    @app.command
    def take(file: Path, /, *, lab: str, by: str, rows: int = 0, sha256: str = "") -> int:
        """Take in one FHIR document or one table (CSV, XLSX) of a laboratory.

        Parameters
        ----------
        file
            The format is seen in the bytes.
        lab
            The laboratory's name.
        by
            Who uploads; somebody else must release what the gate holds.
        rows
            How many rows the table has, as declared by the laboratory.
        sha256
            The SHA-256 of the table, as declared by the laboratory.
        """
        return _with(open_lab, lambda door: take_file(door, file, lab, by, rows, sha256))

    return app


def _with(open_lab: Callable[[], Opened], act: Callable[[Door], int]) -> int:
    opened = open_lab()
    try:
        return act(opened.door)
    finally:
        opened.close()


def add_lab(door: Door, name: str, **profile: Any) -> int:
    """Register a laboratory and print its id."""
    print(door.store.write(lambda tx: service.add_lab(tx, door.moment(), name, **profile)))
    return 0


def make_key(door: Door, name: str) -> int:
    """Make a key and print it."""
    print(door.store.write(lambda tx: service.make_lab_key(tx, door.moment(), name)))
    return 0


def take_file(door: Door, path: Path, lab: str, by: str, rows: int, digest: str) -> int:
    """Print the verdict of a FHIR document, or the counts and refusals of a table; 1 if anything was refused."""
    raw = _bytes(path)
    encode = msgspec.json.encode
    if raw.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        ack = door.store.write(
            lambda tx: service.receive_document(tx, door.moment(), raw, lab, by, door.tell)
        )
        said = {"file": str(path), "answer": f"A{ack.letter}"}
        if ack.text is not None:
            said |= {"refused": f"{ack.field}: {ack.text.en}"}
        sys.stdout.write(encode(said).decode() + "\n")
        return int(ack.letter != "A")
    done = door.store.write(
        lambda tx: service.receive_table(
            tx, door.moment(), raw, rows=rows, digest=digest, lab_name=lab, by=by, tell=door.tell
        )
    )
    for where, why in done.refused:
        sys.stdout.write(encode({"file": str(path), "refused": f"{where}: {why.en}"}).decode() + "\n")
    counts = {"file": str(path), "rows": done.rows, "accepted": done.accepted, "refused": len(done.refused)}
    sys.stdout.write(encode(counts).decode() + "\n")
    return int(done.accepted < done.rows)


def read_files(files: Sequence[Path]) -> int:
    """Print the lines of every file; 1 if anything was refused."""
    refused = 0
    encode = msgspec.json.Encoder().encode
    for path in files:
        for line in read_file(str(path), _bytes(path)):
            refused += isinstance(line, Refused)
            sys.stdout.write(encode(line).decode() + "\n")
    return int(refused > 0)


def send_files(files: Sequence[Path], to: str, tls: ssl.SSLContext | None = None) -> int:
    """Send every file; 1 if anything was refused or went unanswered."""
    host, _, port = to.rpartition(":")
    if not port.isdigit():
        print("pratique: --to: HOST:PORT is needed, such as 127.0.0.1:2575", file=sys.stderr)
        return 2
    frames = [_bytes(path).strip(er7.BLANK) for path in files]
    try:
        answers = asyncio.run(send_frames(host or "127.0.0.1", int(port), frames, tls))
    except OSError as fault:
        print(
            f"pratique: nobody listens at {to} ({fault.strerror}); start `pratique lab serve`",
            file=sys.stderr,
        )
        return 3
    bad = len(files) - len(answers)
    encode = msgspec.json.encode
    for path, found in zip(files, answers, strict=False):
        if not found:
            bad += 1
            sys.stdout.write(encode({"file": str(path), "answer": None}).decode() + "\n")
        for one in found:
            bad += not one.accepted
            said = {"file": str(path), "answer": one.letters, "control_id": one.control_id}
            if one.why or one.code:
                said |= {"where": one.where, "code": one.code, "why": one.why}
            sys.stdout.write(encode(said).decode() + "\n")
    return int(bad > 0)


async def _serve(
    door: Door, host: str, port: int, tls: ssl.SSLContext | None, *, always_answer: bool
) -> None:
    listener = Listener(door, always_answer=always_answer)
    opened = await listener.open(host, port, tls)
    print(f"listening for laboratories on {host}:{opened}{' (TLS)' if tls else ''}", flush=True)
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()
    await listener.close()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise Refusal(
            "UNREADABLE", str(path), Text(f"cannot be read ({fault.strerror})", f"无法读取({fault.strerror})")
        ) from None
