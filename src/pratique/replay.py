"""The whole way through the house, walked step by step on real sockets: `pratique demo --replay`.

A mandate is signed → tubes are sealed → a laboratory answers over MLLP → notices clear and passes come out of the
same transaction → a gate opens for one person and not for another → the mandate ends → the data is destroyed. The
same walk is a test on both databases; each step tells figures that the test holds it to.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import uvicorn

from pratique import town
from pratique.app import desk_of, results, web_app
from pratique.core.errors import NotFound
from pratique.core.moment import Moment
from pratique.core.text import Text
from pratique.credentials import service as credentials
from pratique.credentials.snapshot import SKEW_S
from pratique.fleet import service as fleet
from pratique.gate.enrol import SNAPSHOT, Link, enrol
from pratique.mandates import service as mandates
from pratique.mandates.document import document_text
from pratique.mandates.model import EndOrder
from pratique.mandates.note import sign_note
from pratique.mandates.verify import Verdict, read_folder, verify
from pratique.notices import service as notices
from pratique.notices.model import OPEN_STATES, WalletView
from pratique.peers import Holder, Laboratory, SiteDevice, free_port
from pratique.port import Port, open_port, tell
from pratique.retire import service as retire
from pratique.settings import Settings
from pratique.testing import service as testing
from pratique.testing import tubecode
from pratique.testing.client import Answer, send
from pratique.testing.model import TubeEvent

PEOPLE, TUBE = 200, 10
POSITIVE = 3  # which tube of the day is positive


class Step(NamedTuple):
    """One step: what happened, in words and in figures."""

    name: str
    text: Text
    figures: dict[str, Any]


def print_replay(*, as_json: bool) -> int:
    """Print every step as it happens. 0 if the whole way was walked."""
    with tempfile.TemporaryDirectory(prefix="pratique-replay-") as folder:
        start = time.monotonic()
        for number, step in enumerate(walk(Settings(home=Path(folder), port=free_port(18080))), 1):
            if as_json:
                row = {"step": number, "name": step.name, "text": step.text, "figures": step.figures}
                print(msgspec.json.encode(row).decode(), flush=True)
            else:
                shown = ", ".join(f"{key} {value}" for key, value in step.figures.items())
                print(f"{number:2}. {step.text.en}\n    {step.text.zh_hans}\n    [{shown}]", flush=True)
        if not as_json:
            print(f"the whole way in {time.monotonic() - start:.1f} s")
    return 0


def walk(settings: Settings) -> Iterator[Step]:
    """Walk the way on a deployment of its own; the caller owns `settings.home`."""
    settings = msgspec.structs.replace(settings, lab_port=free_port(settings.port + 1))
    port = open_port(settings)
    server = _Server(port)
    try:
        walker = _Walker(port)
        yield walker.order()
        yield walker.move_in()
        server.start()
        yield walker.sample()
        yield from walker.laboratory()
        yield walker.gate()
        yield walker.singles()
        yield from walker.end()
    finally:
        server.stop()
        port.close()


class _Server:
    """The real server in a thread of its own."""

    def __init__(self, port: Port) -> None:
        config = uvicorn.Config(
            web_app(port, desk_of(port)),
            host=port.settings.host,
            port=port.settings.port,
            lifespan="on",
            access_log=False,
            log_level="warning",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="server", daemon=True)

    def start(self) -> None:
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.02)

    def stop(self) -> None:
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(15)


class _Walker:
    """Keeps what one step makes for the next."""

    def __init__(self, port: Port) -> None:
        self.port = port
        self.laboratory_of_town = Laboratory(town.LAB, town.LAB_OID)
        self.holders: list[Holder] = []
        self.tubes: list[str] = []
        self.first_pass = b""
        self.town: town.Town

    def order(self) -> Step:
        self.town = town.found(self.port, self.port.moment(), grace_hours=0)
        verdict = self._log_verdict()
        return Step(
            "mandate",
            Text(
                "Two officers signed a mandate; it stands in the public log, and the log verifies.",
                "两名官员签署授权令并写入公开日志，日志核验通过。",
            ),
            {
                "mandate": self.town.mandate_id,
                "log_entries": verdict.entries,
                "problems": list(verdict.problems),
            },
        )

    def move_in(self) -> Step:
        self.holders = [Holder() for _ in range(PEOPLE)]
        town.settle(self.port, self.port.moment(), self.holders)
        views = self._views(self.holders)
        self.first_pass = self._pass(self.holders[POSITIVE * TUBE])
        return Step(
            "people",
            Text(
                "Two hundred people bound their wallets; each has one notice that says why, what and by when.",
                "二百人绑定卡包；每人收到一条写明理由、事项与期限的提示。",
            ),
            {
                "people": len(views),
                "notices": sum(len(view.notices) for view in views),
                "outcomes": _count(view.decision.outcome if view.decision else "none" for view in views),
                "passes": sum(len(view.passes) for view in views),
            },
        )

    def sample(self) -> Step:
        device = SiteDevice(self.town.site_id)
        moment = self.port.moment()
        token = self.port.store.write(lambda tx: testing.make_device_token(tx, moment, self.town.site_id))
        device.device_id = self.port.store.write(
            lambda tx: testing.enrol_device(tx, moment, token, device.public_key)
        ).device_id
        outcomes = []
        for first in range(0, PEOPLE, TUBE):
            at = self.port.moment()
            code = tubecode.make(at)
            people = [(one.subject_id, at.now) for one in self.holders[first : first + TUBE]]
            outcomes.append(self._hand_in(at, device.seal(at, code, people, at.now)))
            self.tubes.append(code)
        moment = self.port.moment()
        self.port.store.write(
            lambda tx: testing.receive_at_lab(tx, moment, town.LAB, self.tubes, "courier", tell(self.port))
        )
        return Step(
            "tubes",
            Text(
                "Twenty tubes of ten were sealed, signed by the site's device, and received by the laboratory.",
                "二十支十人混检管由采样点设备签名封管，实验室已接收。",
            ),
            {"tubes": len(self.tubes), "events": _count(outcomes)},
        )

    def laboratory(self) -> Iterator[Step]:
        now = self.port.clock()
        lab = self.laboratory_of_town
        messages = [
            lab.report(code, "positive" if n == POSITIVE else "negative", now)
            for n, code in enumerate(self.tubes)
        ]
        messages.append(messages[0])  # a resend of the same bytes
        later = now + timedelta(seconds=1)
        messages.append(lab.report(self.tubes[5], "negative", later, status="C"))  # a correction
        messages.append(b"MSH|^~\\&|LIS|LAB-A01|PRATIQUE|HUB|2026||ORU^R01^ORU_R01||P|2.5.1\r")  # malformed
        started = time.monotonic()
        answers = self._send(messages)
        yield Step(
            "laboratory",
            Text(
                "Over a real MLLP socket: twenty results, a resend, a correction and a malformed message; "
                "each was on disk before its answer.",
                "经真实 MLLP 套接字：二十条结果、一次重发、一次更正和一条错误报文；均先落盘后应答。",
            ),
            {
                "answers": _count(one.letters[-1] for found in answers for one in found),
                "refused_at": [one.where for found in answers for one in found if not one.accepted],
                "seconds": round(time.monotonic() - started, 2),
            },
        )
        self._until(lambda: len(self._in_hold()) == TUBE)
        views = self._views(self.holders)
        yield Step(
            "decisions",
            Text(
                "One hundred and ninety people are clear, their notices cleared and passes issued in the same "
                "transaction. Ten are asked for a test of their own. Nobody is positive.",
                "一百九十人判定通行，提示在同一事务中解除并签发凭证；十人需做单管检测。没有任何人被判阳性。",
            ),
            {
                "outcomes": _count(view.decision.outcome if view.decision else "none" for view in views),
                "states": _count(f"{n.kind} {n.state}" for view in views for n in view.notices),
                "passes": sum(len(view.passes) for view in views),
                "detected": sum(one.outcome == "detected" for view in views for one in view.results),
            },
        )

    def gate(self) -> Step:
        moment = self.port.moment()
        good, revoked = self._pass(self.holders[0]), self.first_pass
        self.port.store.write(lambda tx: fleet.refresh_snapshot(tx, moment, self.port.signing_roots))
        token = self.port.store.write(
            lambda tx: fleet.make_token(
                tx, moment, mandate_id=self.town.mandate_id, place=town.GATE, made_by="replay"
            )
        )
        home = self.port.settings.home / "gate"
        gate_id = enrol(Link(self.port.settings.public_address(), token, ""), home, lambda _: True).gate_id
        self.port.store.write(lambda tx: fleet.confirm(tx, moment, gate_id, "replay"))
        at = self.port.clock()
        shown = [
            self.holders[0].show(good, at),
            self.holders[POSITIVE * TUBE].show(revoked, at),
            self.holders[0].show(good, at - timedelta(seconds=SKEW_S + 120)),
            "PQ1:NOT A PASS",
        ]
        lines = self._at_gate(home, shown)
        return Step(
            "gate",
            Text(
                "A gate that asks nobody opens for a cleared person, holds a pass that was revoked, and sends an old "
                "screenshot and a false code to staff.",
                "一个不询问任何服务器的哨位：放行已通过者，拦下已撤销的凭证，旧截屏与假码交由工作人员。",
            ),
            {
                "decisions": [f"{line['outcome']}/{line['reason']}" for line in lines],
                "milliseconds": [round(float(line["ms"]), 1) for line in lines],
            },
        )

    def singles(self) -> Step:
        """The ten give a sample of their own; nine are clear at once, one is detected."""
        moment = self.port.moment()
        device = SiteDevice(self.town.site_id)
        token = self.port.store.write(lambda tx: testing.make_device_token(tx, moment, self.town.site_id))
        device.device_id = self.port.store.write(
            lambda tx: testing.enrol_device(tx, moment, token, device.public_key)
        ).device_id
        time.sleep(1.1)  # a single counts only if it was sampled after the pool; sites write whole seconds
        asked = self.holders[POSITIVE * TUBE : (POSITIVE + 1) * TUBE]
        codes = []
        for holder in asked:
            at = self.port.moment()
            code = tubecode.make(at)
            self._hand_in(at, device.seal(at, code, [(holder.subject_id, at.now)], at.now))
            codes.append(code)
        moment = self.port.moment()
        self.port.store.write(
            lambda tx: testing.receive_at_lab(tx, moment, town.LAB, codes, "courier", tell(self.port))
        )
        now = self.port.clock()
        messages = [
            self.laboratory_of_town.report(code, "positive" if n == 0 else "negative", now, members=1)
            for n, code in enumerate(codes)
        ]
        self._send(messages)
        self._until(lambda: len(self._in_hold()) == 1 and self._detected() == 1)
        return Step(
            "singles",
            Text(
                "The ten were tested one by one: nine are clear at once, one is told what to do, until when, and how "
                "to appeal.",
                "十人逐一单检：九人立即通行，一人被告知该做什么、到何时、如何申诉。",
            ),
            {"held": len(self._in_hold()), "detected": self._detected()},
        )

    def end(self) -> Iterator[Step]:
        moment = self.port.moment()
        order = EndOrder(
            v=1, kind="mandate-end", id=self.town.mandate_id, reason="no-longer-needed", at=moment.now
        )
        raw = sign_note(document_text(order), self.town.officers.legal).raw
        self.port.store.write(lambda tx: mandates.end(tx, moment, raw))
        self._until(lambda: self._open_notices() == 0)
        yield Step(
            "end",
            Text(
                "The mandate was ended by a signed note: every open notice lifted by itself.",
                "授权令经签署提前终止：所有未完成提示自行解除。",
            ),
            {"open_notices": self._open_notices()},
        )
        self._until(lambda: self._destruction() == "waits for two signatures", 60)
        for signer in self.town.officers.both:
            at = self.port.moment()
            self.port.store.write(
                partial(retire.attest_with, moment=at, mandate_id=self.town.mandate_id, signer=signer)
            )
        self.port.log.publish(self.port.moment())
        verdict = self._log_verdict()
        yield Step(
            "destroyed",
            Text(
                "Keys and rows are destroyed, the scan that found the planted texts before finds none after, two "
                "officers signed the certificate, and it stands in a log that verifies.",
                "密钥与数据已销毁；销毁前能找到的预埋文字，销毁后均已找不到；两名官员签署证明，已写入并通过核验的日志。",
            ),
            {
                "state": self._destruction(),
                "certificates": len(list((self.port.log_folder / "certificate").glob("*.note"))),
                "log_entries": verdict.entries,
                "problems": list(verdict.problems),
            },
        )

    # What the walker's hands do

    def _views(self, holders: Sequence[Holder]) -> list[WalletView]:
        of, moment = results(self.port), self.port.moment()
        with self.port.store.read() as tx:
            return [
                notices.wallet_view(tx, moment, self.port.house, one.subject_id, of, SKEW_S)
                for one in holders
            ]

    def _hand_in(self, moment: Moment, event: dict[str, Any]) -> str:
        read = msgspec.convert(event, TubeEvent)
        taken = self.port.store.write(lambda tx: testing.take_events(tx, moment, [read], tell(self.port)))
        return taken[0].outcome

    def _send(self, messages: Sequence[bytes]) -> list[list[Answer]]:
        return asyncio.run(send(self.port.settings.host, self.port.settings.lab_port, messages))

    def _log_verdict(self) -> Verdict:
        log = self.port.log
        return verify(read_folder(self.port.log_folder), log.signer.vkey, self.port.clock())

    def _open_notices(self) -> int:
        with self.port.store.read() as tx:
            counts = notices.notice_counts(tx, self.town.mandate_id)
        return sum(n for states in counts.values() for state, n in states.items() if state in OPEN_STATES)

    def _destruction(self) -> str:
        with self.port.store.read() as tx:
            try:
                return retire.standing(tx, self.town.mandate_id).state
            except NotFound:
                return ""

    def _in_hold(self) -> list[WalletView]:
        return [
            view for view in self._views(self.holders) if view.decision and view.decision.outcome == "hold"
        ]

    def _detected(self) -> int:
        return sum(one.outcome == "detected" for view in self._views(self.holders) for one in view.results)

    def _pass(self, holder: Holder) -> bytes:
        with self.port.store.read() as tx:
            return credentials.passes_of(tx, holder.subject_id, self.port.clock())[0].credential

    def _at_gate(self, home: Path, shown: Sequence[str]) -> list[dict[str, Any]]:
        gate = [sys.executable, "-m", "pratique.gate"]
        subprocess.run([*gate, "sync", "--home", str(home), "--once"], check=True, capture_output=True)
        if not (home / SNAPSHOT).exists():
            raise RuntimeError("the gate got no snapshot")
        done = subprocess.run(
            [*gate, "run", "--source", "stdin", "--home", str(home), "--json"],
            input="\n".join(shown).encode() + b"\n",
            capture_output=True,
            timeout=60,
            check=True,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def _until(self, holds: Callable[[], bool], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                raise RuntimeError("what should follow by itself did not follow in time")
            time.sleep(0.1)


def _count(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
