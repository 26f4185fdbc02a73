"""Laboratory messages over MLLP on 40 connections, each on disk before its ACK, beside python-hl7 on the same bytes.

Peer: python-hl7's own MLLP server, which parses, reads the same fields, stores them with the raw bytes through the
same group commit and answers after it. Limit: a bare loop that stores the same bytes, one commit a message.
Ours, twice, through the real listener. `intake`: the result of a tube its site has not sent yet, which is the peer's
work and more (key, laboratory, redaction, version, run). `whole`: the result of a registered tube of ten, up to the
evidence of ten people in the same transaction (policy and notices behind the port have numbers of their own).

Server on core 0, client on core 1 where there are two; rounds alternate. The last line is one JSON object;
`ratio_to_python_hl7` and `ratio_to_bare_commits` are of intake, `whole_…` of the whole way; medians of the rounds.
CPU is that of the server's process.
"""

import asyncio
import json
import os
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import hl7
import uvloop
from hl7.mllp import start_hl7_server

from pratique.core.moment import Moment, to_ms
from pratique.core.text import Text
from pratique.people import service as people
from pratique.store.sealing import Sealer
from pratique.store.store import Store, open_store
from pratique.store.tx import Tx
from pratique.testing import er7, oru, service
from pratique.testing.mllp import END, START, Door, Listener
from pratique.testing.model import Lab

CONNECTIONS = 40
ROUNDS = 5
OURS, THEIRS = 2000, 400  # messages a round
UNKNOWN = 500_000  # tubes from this number on are not registered
NOW = datetime(2026, 1, 5, 4, tzinfo=UTC)
FACILITY = "Synthetic Laboratory of the Port^L^2.999.7.1^^^CLIA&2.999.8&ISO^XX^^^LAB-A"
FIELDS = (
    ("MSH", 7),
    ("ORC", 2),
    ("OBR", 2),
    ("OBR", 22),
    ("OBX", 3),
    ("OBX", 5),
    ("OBX", 11),
    ("SPM", 2),
    ("SPM", 13),
)


QUESTIONS = (
    ("95418-0", "Employed in a healthcare setting", "N", "No"),
    ("95419-8", "Has symptoms related to condition of interest", "N", "No"),
    ("95421-4", "Resides in a congregate care setting", "UNK", "Unknown"),
)


def message(n: int) -> bytes:
    """A made-up ORU^R01 about tube n, with five OBX as the median of the real ones (those have 4 kB)."""
    code, at = f"X{n:06d}", "20260105040000+0000"
    note = "Synthetic sample of a pooled tube. This text stands for the comments that real messages carry along. "
    tail = f"F|||{at}|LAB-A||PCR^Real time PCR^L||{at}||||{FACILITY}|1 Example Quay^^Test Port^TP^00000^CHN^B"
    return "\r".join([
        f"MSH|^~\\&|LIS^2.999.8^ISO|LAB-A^2.999.7.1^ISO|PRATIQUE^2.999.9^ISO|HUB^2.999.10^ISO|{at}||ORU^R01^ORU_R01|"
        f"{n}|P|2.5.1|||AL|NE|CHN|UNICODE UTF-8|||PHLabReport-NoAck^ELR_Receiver^2.16.840.1.113883.9.11^ISO",
        "SFT|Synthetic Maker^L^^^^2.999.11&ISO^XX^^^1|7.4.2|Laboratory System|A-1||20250101",
        f"PID|1||{code}^^^PRATIQUE&2.999.9&ISO^PT||POOL^^^^^^L||||||^^^^^CHN|||||||||||",
        f"ORC|RE|{code}^LIS^2.999.8^ISO|{code}-LAB^LIS^2.999.8^ISO|||||||||1^^^^^^^^NPI&2.999.12&ISO||"
        f"^WPN^PH^^1^555^0100000|{at}||||||{FACILITY}|1 Example Quay^^Test Port^TP^00000^CHN^B|^WPN^PH^^1^555^0100001",
        f"OBR|1|{code}^LIS^2.999.8^ISO|{code}-LAB^LIS^2.999.8^ISO|94500-6^SARS-CoV-2 RNA Resp Ql NAA+probe^LN^COVID^"
        f"COVID-19 PCR^L^2.69^1|||{at}|{at}||||||||1^^^^^^^^NPI&2.999.12&ISO|^WPN^PH^^1^555^0100000|||||{at}|||F",
        "OBX|1|CWE|94500-6^SARS-CoV-2 RNA Resp Ql NAA+probe^LN^COVID^COVID-19 PCR^L^2.69^1|1|895231008^Not detected "
        f"in pooled specimen^SCT^ND^Not detected^L^20250901^1||||||{tail}",
        f"OBX|2|NM|94510-5^SARS-CoV-2 (COVID-19) N gene [Cycle Threshold #]^LN^CT^Ct N^L^2.69^1|1|38.2|||||N|{tail}",
        *(
            f"OBX|{i}|CWE|{loinc}^{asked}^LN^Q{i}^{asked}^L^2.69^1||{said}^{words}^HL70136^{said}^{words}^L^2.5.1^1||||||"
            f"{tail}||||QST"
            for i, (loinc, asked, said, words) in enumerate(QUESTIONS, 3)
        ),
        *(f"NTE|{i}|L|{note}|RE" for i in range(1, 7)),
        f"SPM|1|{code}&PRATIQUE&2.999.9&ISO^{code}-LAB&LIS&2.999.8&ISO||258529004^Throat swab^SCT^TS^Throat^L^20250901"
        f"^1||||71836000^Nasopharynx^SCT|||G^Group^HL70369||10||||{at}^{at}|{at}",
    ]).encode() + b"\r"  # fmt: skip


# Servers, each a process of its own: `python bench/lab.py ours|theirs HOME N`


class NoKeys:
    """Nothing is sealed here."""

    def mandate(self, mandate: str, *, make: bool = False) -> bytes:
        return bytes(32)

    def day(self, mandate: str, day: str, *, make: bool = False) -> bytes:
        return bytes(32)

    def subject(self, mandate: str, subject: str, *, make: bool = False) -> bytes:
        return bytes(32)

    def together(self, mandate: str, day: str, subject: str, *, make: bool = False) -> bytes:
        return bytes(96)


def moment() -> Moment:
    return Moment(NOW, secrets.token_bytes)


def prepare(home: Path, tubes: int) -> Store:
    """A campaign with tubes of ten people, all received by the laboratory two hours ago."""
    store = open_store("", home)
    at = to_ms(NOW - timedelta(hours=2))

    def build(tx: Tx) -> None:
        mandate = moment().new_id()
        ends = to_ms(NOW + timedelta(days=60))
        tx.run(
            "INSERT INTO mandate (id, start_at, end_at, ends_at, grace_hours) VALUES (:id, :at, :end, :end, 24)",
            id=mandate, at=at, end=ends,
        )  # fmt: skip
        tx.run("INSERT INTO mandate_unlock (mandate_id, unlock) VALUES (:id, 'campaign')", id=mandate)
        tx.run("UPDATE mandate SET published_at = start_at WHERE id = :id", id=mandate)
        campaign = service.open_campaign(
            tx, moment(), mandate_id=mandate, name=Text("bench", "测速"), capacity=10, analytes=["94500-6"],
            opens_at=NOW, closes_at=NOW + timedelta(days=9),
        )  # fmt: skip
        lab = service.add_lab(tx, moment(), "LAB-A")
        subjects = people.create_papers(tx, moment(), 10 * tubes)
        tx.many(
            "INSERT INTO tube (code, campaign_id, kind, purpose, parent_pool, reserved_for, site_id, lane, device_id,"
            " opened_at, sealed_at, device_sealed_at, registered_at, people, in_conflict, state)"
            " VALUES (:code, :campaign, 'mixed', 'screen', '', '', '', 1, '', :at, :at, :at, :at, 10, 0, 'at-lab')",
            [{"code": f"X{n:06d}", "campaign": campaign, "at": at} for n in range(tubes)],
        )
        tx.many(
            "INSERT INTO tube_member (code, pos, subject_id, at) VALUES (:code, :pos, :subject, :at)",
            [
                {"code": f"X{n // 10:06d}", "pos": n % 10 + 1, "subject": s, "at": at}
                for n, s in enumerate(subjects)
            ],
        )
        tx.many(
            "INSERT INTO custody (id, thing, box, lab_id, at, by_id, recorded_at)"
            " VALUES (:id, :code, '', :lab, :at, '', :at)",
            [{"id": f"c{n}", "code": f"X{n:06d}", "lab": lab, "at": at} for n in range(tubes)],
        )

    store.write(build)
    return store


async def ours(home: Path, tubes: int) -> None:
    store = prepare(home, tubes)
    listener = Listener(Door(store, moment, lambda *_: None, Sealer(NoKeys(), secrets.token_bytes)))
    print(await listener.open("127.0.0.1", 0), flush=True)
    await asyncio.sleep(3600)


async def theirs(home: Path, _: int) -> None:
    """python-hl7's server: parse, read the same fields, store, commit in a group, then answer."""
    store = open_store("", home)
    store.write(lambda tx: tx.run("CREATE TABLE raw (id TEXT PRIMARY KEY, body BLOB, fields TEXT)") and None)

    async def serve(reader: Any, writer: Any) -> None:
        while not writer.is_closing():
            try:
                parsed = await reader.readmessage()
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            fields = "\n".join(str(parsed.segment(name)[field]) for name, field in FIELDS)
            key, body = str(parsed.segment("MSH")[10]), str(parsed).encode()
            await store.awrite(
                lambda tx, key=key, body=body, fields=fields: tx.run(
                    "INSERT INTO raw (id, body, fields) VALUES (:id, :body, :fields)",
                    id=key,
                    body=body,
                    fields=fields,
                )
            )
            writer.writemessage(parsed.create_ack())
            await writer.drain()

    server = await start_hl7_server(serve, "127.0.0.1", 0, encoding="utf-8")
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(3600)


# The client and the yardsticks


class Laboratory(asyncio.Protocol):
    """One connection that sends its messages one after the other, each when the last is answered. As little work as
    a client can have, so that the server is what is measured."""

    def __init__(self, frames: list[tuple[bytes, bytes]], waits: list[float]) -> None:
        self.frames, self.waits = iter(frames), waits
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.send()

    def send(self) -> None:
        found = next(self.frames, None)
        if found is None:
            self.done.set_result(None)
            self.transport.close()
            return
        frame, self.wanted = found
        self.heard = b""
        self.begun = time.perf_counter()
        self.transport.write(frame)

    def data_received(self, chunk: bytes) -> None:
        self.heard += chunk
        if self.heard.endswith(END):
            self.waits.append(time.perf_counter() - self.begun)
            if self.wanted not in self.heard:
                self.done.set_exception(
                    SystemExit(f"{self.wanted!r} is missing in {self.heard!r}: the round is void")
                )
                return
            self.send()


async def blast(port: int, first: int, n: int, accepted: bytes) -> tuple[float, list[float]]:
    """(messages a second, seconds to each ACK) over 40 connections, each waiting for its answer."""
    waits: list[float] = []
    loop = asyncio.get_running_loop()
    frames = [(START + message(k) + END, b"MSA|%b|%d\r" % (accepted, k)) for k in range(first, first + n)]
    lanes = [Laboratory(frames[k::CONNECTIONS], waits) for k in range(CONNECTIONS)]
    begun = time.perf_counter()
    for lane in lanes:
        await loop.create_connection(lambda lane=lane: lane, "127.0.0.1", port)
    await asyncio.gather(*(lane.done for lane in lanes))
    return n / (time.perf_counter() - begun), waits


def bare(home: Path, n: int) -> float:
    """Commits a second of a loop that stores the same bytes, one at a time, with the same settings of SQLite."""
    connection = sqlite3.connect(home / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=wal")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS raw (id INTEGER PRIMARY KEY, body BLOB)")
    bodies = [message(k) for k in range(n)]
    begun = time.perf_counter()
    for body in bodies:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO raw (body) VALUES (?)", (body,))
        connection.execute("COMMIT")
    rate = n / (time.perf_counter() - begun)
    connection.close()
    return rate


def parsers() -> dict[str, float]:
    """CPU microseconds a message: `er7` and python-hl7 parse it and read the same nine fields; `incoming` is what
    intake does with it, every check and the redaction included."""
    lab = Lab("0" * 26, "LAB-A", "", "Asia/Shanghai", "", False, False, 60, False)

    def theirs(body: bytes) -> None:
        parsed = hl7.parse(body.decode())
        _ = [str(parsed.segment(name)[field]) for name, field in FIELDS]

    def same(body: bytes) -> None:
        found = er7.read(body)
        _ = [segment.text(field) for name, field in FIELDS if (segment := found.first(name)) is not None]

    def everything(body: bytes) -> None:
        oru.incoming(er7.read(body), lab)

    bodies = [message(n) for n in range(2000)]
    turns = {"er7": (same, bodies), "incoming": (everything, bodies), "python-hl7": (theirs, bodies[:150])}
    spent: dict[str, list[float]] = {name: [] for name in turns}
    for _ in range(2 * ROUNDS):
        for name, (act, some) in turns.items():
            begun = time.process_time()
            for body in some:
                act(body)
            spent[name].append((time.process_time() - begun) / len(some) * 1e6)
    return {name: median(each) for name, each in spent.items()}


def start(kind: str, home: Path, tubes: int) -> tuple[subprocess.Popen[str], int]:
    home.mkdir()
    process = subprocess.Popen(
        [sys.executable, __file__, kind, str(home), str(tubes)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def pin(core: int) -> None:
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {core})


def cpu(process: "subprocess.Popen[str]") -> float:
    """Seconds of CPU a process has used so far; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        pin(1)
        mine, port = start("ours", home / "ours", OURS * ROUNDS + 400)
        peer, peer_port = start("theirs", home / "theirs", 0)
        turns = {
            "intake": (mine, port, UNKNOWN, OURS, b"CA"), "whole": (mine, port, 0, OURS, b"CA"),
            "python-hl7": (peer, peer_port, 0, THEIRS, b"AA"),
        }  # fmt: skip
        rates: dict[str, list[float]] = {name: [] for name in (*turns, "bare")}
        used: dict[str, list[float]] = {name: [] for name in turns}
        waits: dict[str, list[float]] = {name: [] for name in turns}
        try:
            for first in (OURS * ROUNDS, UNKNOWN + OURS * ROUNDS):
                uvloop.run(blast(port, first, 400, b"CA"))  # warm
            for number in range(ROUNDS):
                for name, (process, where, first, n, accepted) in turns.items():
                    before = cpu(process)
                    rate, each = uvloop.run(blast(where, first + n * number, n, accepted))
                    rates[name].append(rate)
                    used[name].append((cpu(process) - before) / n * 1e6)
                    waits[name] += each
                rates["bare"].append(bare(home, 1000))
                print(
                    {name: round(r[-1]) for name, r in rates.items()}, "load", os.getloadavg()[0], flush=True
                )
        finally:
            for process in (mine, peer):
                process.kill()
                process.wait()
        report(rates, used, {name: sorted(each) for name, each in waits.items()})


def report(
    rates: dict[str, list[float]], used: dict[str, list[float]], waits: dict[str, list[float]]
) -> None:
    """The last line."""
    parsing = parsers()

    def ratio(name: str, other: str) -> float:
        return round(median(a / b for a, b in zip(rates[name], rates[other], strict=True)), 2)

    print(json.dumps({
        "claim": "ORU over MLLP, 40 connections, committed before ACK: >= 10 x python-hl7, >= 0.5 x bare commits, "
        ">= 1500/s; er7 >= 50 x python-hl7",
        "per_s": {name: round(median(each)) for name, each in rates.items()},
        "cpu_us": {name: round(median(each)) for name, each in used.items()},
        "ratio_to_python_hl7": ratio("intake", "python-hl7"),
        "ratio_to_bare_commits": ratio("intake", "bare"),
        "whole_ratio_to_python_hl7": ratio("whole", "python-hl7"),
        "whole_ratio_to_bare_commits": ratio("whole", "bare"),
        "cpu_ratio_to_python_hl7": round(median(used["python-hl7"]) / max(median(used["intake"]), 1e-9), 2),
        "ack_p50_ms": {name: round(each[len(each) // 2] * 1000, 1) for name, each in waits.items()},
        "ack_p99_ms": {name: round(each[len(each) * 99 // 100] * 1000, 1) for name, each in waits.items()},
        "parser_us": {name: round(us, 1) for name, us in parsing.items()},
        "er7_ratio_to_python_hl7": round(parsing["python-hl7"] / parsing["er7"], 1),
        "incoming_ratio_to_python_hl7": round(parsing["python-hl7"] / parsing["incoming"], 1),
        "bytes_per_message": len(message(1)),
        "rounds": ROUNDS,
        "load": round(os.getloadavg()[0], 1),
    }))  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) == 4:
        pin(0)
        uvloop.run({"ours": ours, "theirs": theirs}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3])))
    else:
        main()
