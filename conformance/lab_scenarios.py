"""The 24 failure scenarios of pooled testing, played against the real MLLP listener.

`python -m conformance.lab_scenarios DIR` prints one JSON line an instance and a last line with the counts. Each
instance starts with an empty store in the setting of the README beside the data. Members are told through a port of
this runner's own, which stands where policy and notices stand in the house and counts what each person hears.
"""

import asyncio
import json
import re
import secrets
import sys
import tempfile
from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pratique.core.moment import Moment, rfc3339, to_ms
from pratique.core.text import Text
from pratique.people import service as people
from pratique.policy.service import EvidenceChange
from pratique.store.sealing import Sealer
from pratique.store.store import open_store
from pratique.store.tx import Tx
from pratique.testing import service
from pratique.testing.mllp import END, START, Door, Listener
from pratique.testing.model import Member, TubeEvent
from pratique.testing.sealed import event_bytes
from pratique.testing.times import read_hl7

CHINA = timezone(timedelta(hours=8))
DAY = datetime(2026, 1, 5, tzinfo=CHINA)
SEALED, AT_LAB = DAY.replace(hour=8), DAY.replace(hour=9)
SINGLES_SEALED, SINGLES_AT_LAB = DAY.replace(hour=16), DAY.replace(hour=17)
LABS = {"LAB-A01": "2.999.7.1", "LAB-B07": "2.999.7.2", "LAB-C12": "2.999.7.3"}
STATES = {name: f"pool-{name}" for name in ("negative", "positive", "indeterminate")}


class _Secrets:
    """A key store in memory; what is sealed here is never read again."""

    def mandate(self, mandate: str, *, make: bool = False) -> bytes:
        return bytes(32)

    def day(self, mandate: str, day: str, *, make: bool = False) -> bytes:
        return bytes(32)

    def subject(self, mandate: str, subject: str, *, make: bool = False) -> bytes:
        return bytes(32)

    def together(self, mandate: str, day: str, subject: str, *, make: bool = False) -> bytes:
        return bytes(96)


class Town:
    """One instance's world: a store, a clock, one device, three laboratories, and what each person was told."""

    def __init__(self, home: Path) -> None:
        self.store = open_store("", home)
        self.now = DAY.astimezone(UTC) + timedelta(hours=7)
        self.told: dict[str, list[EvidenceChange]] = {}
        self.subjects: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.device_key = Ed25519PrivateKey.generate()
        self.seq, self.prev = 0, ""
        self.store.write(self._open)

    def moment(self) -> Moment:
        return Moment(self.now, secrets.token_bytes)

    def tell(self, tx: Tx, moment: Moment, changes: Sequence[EvidenceChange]) -> None:
        tx.after_commit(
            lambda: [self.told.setdefault(c.evidence.subject_id, []).append(c) for c in changes] and None
        )

    def _open(self, tx: Tx) -> None:
        moment, mandate = self.moment(), self.moment().new_id()
        start = to_ms(DAY - timedelta(days=1))
        end = to_ms(DAY + timedelta(days=60))
        tx.run(
            "INSERT INTO mandate (id, start_at, end_at, ends_at, grace_hours) VALUES (:id, :start, :end, :end, 24)",
            id=mandate, start=start, end=end,
        )  # fmt: skip
        tx.run("INSERT INTO mandate_unlock (mandate_id, unlock) VALUES (:id, 'campaign')", id=mandate)
        tx.run("UPDATE mandate SET published_at = start_at WHERE id = :id", id=mandate)
        self.campaign = add_campaign(tx, moment, mandate)
        service.add_tube_batch(tx, self.campaign, "T", "none")
        self.site = service.add_site(tx, moment, self.campaign, Text("site one", "一号点"))
        token = service.make_device_token(tx, moment, self.site)
        key = self.device_key.public_key().public_bytes_raw()
        self.device = service.enrol_device(tx, moment, token, key).device_id
        for name, oid in LABS.items():
            service.add_lab(tx, moment, name, oid=oid)

    def register(self, code: str, members: Sequence[str], sealed: datetime) -> None:
        """The site's signed event arrives now."""
        subjects = [self._subject(name) for name in members]
        self.seq += 1
        at = rfc3339(sealed)
        event = TubeEvent(
            self.moment().new_id(), code, self.site, 1, self.device, self.seq, self.prev, at, at,
            [Member(s, n, at) for n, s in enumerate(subjects, 1)], "",
        )  # fmt: skip
        signed = event_bytes(event)
        sig = urlsafe_b64encode(self.device_key.sign(signed)).decode().rstrip("=")
        event = msgspec.structs.replace(event, sig=sig)
        moment = self.moment()
        done = self.store.write(lambda tx: service.take_events(tx, moment, [event], self.tell))
        assert done[0].outcome == "stored", done[0]
        self.prev = sha256(signed).hexdigest()

    def _subject(self, name: str) -> str:
        if name not in self.subjects:
            moment = self.moment()
            made = self.store.write(lambda tx: people.create_papers(tx, moment, 1))[0]
            self.subjects[name], self.names[made] = made, name
        return self.subjects[name]

    def custody(self, codes: Sequence[str], at: datetime) -> None:
        moment = self.moment()
        self.store.write(
            lambda tx: service.receive_at_lab(tx, moment, "LAB-A01", codes, "courier", self.tell, to_ms(at))
        )

    def settle(self) -> None:
        moment = self.moment()
        self.store.write(lambda tx: service.settle(tx, moment, self.tell))

    def pass_to(self, at: datetime) -> None:
        """Let the clock run to `at`; runs that were quiet on the way are judged as they would have been."""
        if at > self.now:
            if at - self.now >= timedelta(seconds=5):
                self.now += timedelta(seconds=5)
                self.settle()
            self.now = at

    # What stands at the end

    def state_of(self, code: str) -> str:
        with self.store.read() as tx:
            row = tx.one("SELECT state FROM tube_state WHERE code = :code", code=code)
        return STATES.get(row[0], row[0]) if row else "no-result"

    def count(self, table: str) -> int:
        with self.store.read() as tx:
            row = tx.one(f"SELECT COUNT(*) FROM {table}")
        return int(row[0]) if row else 0

    def results_told(self, name: str) -> list[EvidenceChange]:
        heard = self.told.get(self.subjects.get(name, ""), [])
        return [change for change in heard if change.evidence.outcome != "sample-sealed"]


def add_campaign(tx: Tx, moment: Moment, mandate: str) -> str:
    """The campaign of every instance."""
    return service.open_campaign(
        tx, moment, mandate_id=mandate, name=Text("scenario", "情景"), capacity=10, analytes=["94500-6"],
        opens_at=DAY, closes_at=DAY + timedelta(days=30),
    )  # fmt: skip


async def _send(port: int, raw: bytes, *, end: bool) -> list[str] | None:
    """The MSA-1 codes of the answer as classes AA, AE, AR; None where no answer was owed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(START + raw + (END if end else b""))
    await writer.drain()
    if not end:
        writer.close()
        await writer.wait_closed()
        return None
    answer = await asyncio.wait_for(reader.readuntil(END), 20)
    writer.close()
    lines = answer.decode().replace("\x0b", "\r").split("\r")
    return ["A" + line.split("|")[1][1] for line in lines if line.startswith("MSA|")]


def _received(step: dict[str, Any], raw: bytes, now: datetime) -> datetime:
    if "received" in step:
        return read_hl7(step["received"], CHINA).at
    for line in raw.replace(b"\n", b"\r").split(b"\r"):
        if line.startswith(b"MSH"):
            stamp = line.split(b"|")[6].decode("ascii", "replace")
            return max(now, read_hl7(stamp, CHINA).at + timedelta(minutes=2))
    return now


async def play(folder: Path) -> dict[str, Any]:
    """One instance; its line of the report, with `ok` and what was wrong."""
    asked = json.loads((folder / "expect.json").read_text(encoding="utf-8"))
    expect, steps = asked["expect"], asked["steps"]
    tubes: list[str] = expect.get("tubes") or [expect["tube"]]
    pools = {code: expect.get("members") or [f"{code}-{n}" for n in range(10)] for code in tubes}
    singles: dict[str, str] = expect.get("singles", {})
    acks: list[Any] = []
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as home:
        town = Town(Path(home))
        listener = Listener(Door(town.store, town.moment, town.tell, Sealer(_Secrets(), secrets.token_bytes)))
        port = await listener.open("127.0.0.1", 0)
        try:
            town.now = SEALED.astimezone(UTC)
            if not any(step.get("event") == "tube-sealed-sync" for step in steps):
                for code, members in pools.items():
                    town.register(code, members, SEALED)
            town.now = AT_LAB.astimezone(UTC)
            town.custody(tubes, AT_LAB)
            for n, step in enumerate(steps):
                if singles and n == 1:
                    _singles(town, singles)
                if step.get("event") == "tube-sealed-sync":
                    for code, members in pools.items():
                        town.register(code, members, SEALED)
                    continue
                raw = (folder / step["file"]).read_bytes()
                town.pass_to(_received(step, raw, town.now))
                got = await _send(port, raw, end=step.get("mllp_end", True))
                wanted = step["ack"]
                acks.append(got if isinstance(wanted, list) or got is None else got[0])
                if acks[-1] != wanted:
                    wrong.append(f"step {n}: answered {acks[-1]}, expected {wanted}")
            town.pass_to(town.now + timedelta(minutes=1))
        finally:
            await listener.close()
        report = _report(town, asked, pools, acks, wrong)
        town.store.close()
    return report


def _singles(town: Town, singles: dict[str, str]) -> None:
    town.pass_to(SINGLES_SEALED.astimezone(UTC))
    for name, code in singles.items():
        town.register(code, [name], SINGLES_SEALED)
    town.pass_to(SINGLES_AT_LAB.astimezone(UTC))
    town.custody(list(singles.values()), SINGLES_AT_LAB)


def _report(
    town: Town, asked: dict[str, Any], pools: dict[str, list[str]], acks: list[Any], wrong: list[str]
) -> dict[str, Any]:
    expect = asked["expect"]
    states = {code: town.state_of(code) for code in pools}
    final = expect["final"]
    for code, state in states.items():
        wanted = final[code] if isinstance(final, dict) else final
        if state != wanted:
            wrong.append(f"tube {code} is {state}, expected {wanted}")
    members = {name: town.results_told(name) for names in pools.values() for name in names}
    stands = {name: heard[-1].evidence.outcome if heard else "" for name, heard in members.items()}
    wanted_members = expect.get("members_state", {})
    if isinstance(wanted_members, str):
        wrong += _compare_text(wanted_members, members)
    else:
        wrong += [
            f"{name} is {stands[name]}" for name, state in wanted_members.items() if stands[name] != state
        ]
    for table, key in (("result_version", "versions"), ("lab_quarantine", "quarantine")):
        if key in expect and town.count(table) != expect[key]:
            wrong.append(f"{key}: {town.count(table)}, expected {expect[key]}")
    if "notifications_per_member" in expect:
        n = expect["notifications_per_member"]
        wrong += [f"{name} was told {len(heard)} times" for name, heard in members.items() if len(heard) != n]
    wrong += _always(members, states, asked["scenario"])
    return {
        "scenario": asked["scenario"], "seed": asked["seed"], "acks": acks, "tubes": states, "members": stands,
        "versions": town.count("result_version"), "quarantine": town.count("lab_quarantine"),
        "messages": {name: len(heard) for name, heard in members.items()}, "ok": not wrong, "wrong": wrong[:5],
    }  # fmt: skip


def _compare_text(wanted: str, members: dict[str, list[EvidenceChange]]) -> list[str]:
    state = re.split(r"[;(]", wanted, maxsplit=1)[0].strip()
    wrong = []
    for name, heard in members.items():
        last = heard[-1] if heard else None
        if last is None or last.evidence.outcome != state:
            wrong.append(f"{name} is {last.evidence.outcome if last else 'untold'}, expected {state}")
        elif "(pooled)" in wanted and not last.evidence.pooled:
            wrong.append(f"{name}: the evidence does not say pooled")
        elif "earlier pass revoked" in wanted and last.supersedes != heard[-2].evidence.ref:
            wrong.append(f"{name}: the earlier result was not withdrawn")
    return wrong


def _always(members: dict[str, list[EvidenceChange]], states: dict[str, str], scenario: str) -> list[str]:
    """What holds in every scenario, said or not: nobody is positive from a pool, what is held reaches nobody, and
    an older result is never shown after a newer one."""
    wrong = []
    if set(states.values()) <= {"held", "no-result"} and any(members.values()):
        wrong.append("somebody was told of a held result")
    for name, heard in members.items():
        if any(c.evidence.pooled and c.evidence.outcome == "detected" for c in heard):
            wrong.append(f"{name} is positive from a pool")
        if scenario.startswith("s06") and any(c.evidence.outcome == "not-detected" for c in heard):
            wrong.append(f"{name} was shown the older negative")
    return wrong


def instances(folder: Path) -> list[Path]:
    """Every folder below that holds an expect.json."""
    return sorted(path.parent for path in folder.rglob("expect.json"))


def run(data: Path) -> Iterable[tuple[str, int, int, int, list[str]]]:
    """One row a kind for `make conformance`."""
    passed, failed = Counter[str](), Counter[str]()
    lines: dict[str, list[str]] = {}
    for folder in instances(data / "testing" / "synthetic"):
        report = asyncio.run(play(folder))
        kind = report["scenario"]
        (passed if report["ok"] else failed)[kind] += 1
        lines.setdefault(kind, []).extend(f"{report['seed']}: {what}" for what in report["wrong"])
    for kind in sorted(lines):
        yield kind, passed[kind], failed[kind], 0, lines[kind]


def main(folder: Path) -> int:
    """Print one JSON line an instance and the counts; 1 if any failed."""
    passed = failed = 0
    for instance in instances(folder):
        report = asyncio.run(play(instance))
        passed, failed = passed + report["ok"], failed + (not report["ok"])
        print(json.dumps(report, ensure_ascii=False), flush=True)
    print(json.dumps({"passed": passed, "failed": failed}))
    return int(failed > 0 or passed == 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
