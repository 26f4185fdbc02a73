"""One text, one moment, one snapshot, one decision: the cases of a gate."""

from collections.abc import Iterator
from typing import Any

from pratique.credentials import pq1
from pratique.credentials.jose import b64url
from pratique.gate.decide import decide
from pratique.gate.model import FailTable
from tests.credentials.vectors.parts import AT, STRANGER, claims, hc1, pass_of, shown
from tests.web_twin.vectors.parts import DAY, HOUR, LOADED, NOW, Case, at_time


def gate_cases() -> Iterator[Case]:
    """One text, one moment, one snapshot."""
    fresh = shown(pass_of())
    paper = pq1.paper(pass_of(holder_key=None, expires=at_time(AT + 20 * DAY)))
    altered = bytearray(pass_of())
    altered[-1] ^= 1

    def case(name: str, text: str, snapshot: str = "plain", **more: Any) -> Case:
        asked = {
            "at": AT,
            "grade": "good",
            "fail": {"stale": "admit", "clock": "see-staff"},
            "seen": [],
        } | more
        return {"id": name, "snapshot": snapshot, "text": text} | asked

    yield case("clear", fresh)
    yield case("conditions", shown(pass_of(pass_class=pq1.CONDITIONS)))
    yield case("another class is a condition", shown(pass_of(pass_class=7)))
    yield case("paper", paper)
    yield case("paper where none may be", paper, "no paper")
    yield case("paper of a month", pq1.paper(pass_of(holder_key=None, expires=at_time(AT + 40 * DAY))))
    yield case("expired", shown(pass_of(expires=at_time(AT - 60))))
    yield case("revoked", fresh, "revoked")
    yield case("no such status list", shown(pass_of(status=(2, 5))))
    yield case("beyond the status list", shown(pass_of(status=(1, 5000))))
    yield case("a stranger's pass", shown(pass_of(signer=STRANGER)))
    yield case("an altered pass", shown(bytes(altered)))
    yield case("an altered class", shown(_with_class(pass_of(pass_class=2), 1)))
    yield case("a device's pass as paper", pq1.paper(pass_of()))
    yield case("another's proof", shown(pass_of(), by=STRANGER))
    yield case("no proof at all", pq1.present(pass_of(), AT, bytes(64)))
    yield case("replayed", fresh, seen=[b64url(_replay(fresh))])
    for seconds in (-80_000, -181, -180, 0, 180, 181):
        yield case(f"shown {seconds} s from now", shown(pass_of(), AT + seconds))
    yield case("a minute and a half where a minute is allowed", shown(pass_of(), AT - 90), "skew of a minute")
    yield case("an answer to a challenge that nobody made", shown(pass_of(), nonce=bytes(8)))
    for text in (
        "",
        " ",
        "x",
        "PQ1:",
        "PQ1:%%%",
        "HC1:" + "A" * 9000,
        "HC1:6BF",
        "HC2:AAA",
        "shc:/1",
        "GREEN",
        "PQ1:" + "A" * 3000,
        "通行",
        "LT1:X",
        "WIFI:T:WPA;;",
    ):
        yield case(f"no pass: {text[:12]!r} {len(text)}", text)
    for grade in ("lower_bound", "bad"):
        for clock in ("see-staff", "admit"):
            how = {"grade": grade, "fail": {"stale": "admit", "clock": clock}}
            for name, text in (
                ("clear", fresh),
                ("expired", shown(pass_of(expires=at_time(AT - 60)))),
                (
                    "expired by our clock, not by the phone's",
                    shown(pass_of(expires=at_time(AT - 60)), AT - 400),
                ),
                ("shown tomorrow", shown(pass_of(), AT + DAY // 2)),
                ("shown after its end", shown(pass_of(), AT + 2 * DAY)),
                ("not yet valid", shown(pass_of(issued=at_time(AT + HOUR)), AT + HOUR)),
                ("revoked", shown(pass_of(status=(1, 9)))),
                ("paper where none may be", paper),
            ):
                yield case(
                    f"{name}, {grade}, {clock}",
                    text,
                    "no paper" if name.startswith("paper") else "plain",
                    **how,
                )
    for stale in ("admit", "see-staff", "stop"):
        late = AT + 4 * DAY
        how = {"at": late, "fail": {"stale": stale, "clock": "see-staff"}}
        live = pass_of(issued=at_time(late - HOUR), expires=at_time(late + HOUR))
        yield case(f"stale lists, {stale}", shown(live, late), **how)
        yield case(f"stale lists and expired, {stale}", shown(pass_of(), late), **how)
        yield case(
            f"stale lists and revoked, {stale}",
            shown(pass_of(issued=at_time(late - HOUR), expires=at_time(late + HOUR), status=(1, 9)), late),
            **how,
        )
    certificate = hc1()
    for snapshot in ("plain", "rules", "rules that fail", "a faulty rule", "a newer rule", "two versions"):
        yield case(f"certificate, {snapshot}", certificate, snapshot)
    yield case(
        "certificate, rules, a year later", hc1(claims(exp=AT + 500 * DAY)), "rules", at=AT + 365 * DAY
    )
    yield case("certificate expired", hc1(claims(exp=AT - 1)))
    yield case("certificate of a stranger", hc1(signer=STRANGER))
    yield case("certificate that never ends", hc1(claims(exp=1 << 50)), "rules")
    for code in ("260415000", "260373001"):
        yield case(f"test result {code}", hc1(claims(_tested(code))))
        yield case(f"test result {code}, rules for doses only", hc1(claims(_tested(code))), "rules")


def _tested(code: str) -> dict[str, Any]:
    entry = {
        "tg": "840539006",
        "tt": "LP6464-4",
        "sc": "2026-01-04T12:34:56Z",
        "tr": code,
        "co": "AT",
        "is": "Muster",
        "ci": "URN:UVCI:01:AT:SYNTHETIC000000000000000002#6",
    }
    return {"ver": "1.3.0", "nam": {"fn": "Muster", "fnt": "MUSTER"}, "dob": "1998-02-26", "t": [entry]}


def _with_class(credential: bytes, wanted: int) -> bytes:
    """The class changed in the signed bytes, as a forger would."""
    at = credential.index(b"\x3a\x00\x01\x11\x70\x81") + 6
    return credential[:at] + bytes((wanted,)) + credential[at + 1 :]


def _replay(text: str) -> bytes:
    found = decide(text, NOW, "good", LOADED["plain"], FailTable(), lambda _: False)
    return found.replay


def gate_answer(case: Case) -> Any:
    """What our gate decides, in the form of the file."""
    lists, seen = LOADED[case["snapshot"]], set(case["seen"])
    found = decide(
        case["text"],
        at_time(case["at"]),
        case["grade"],
        lists,
        FailTable(**case["fail"]),
        lambda r: b64url(r) in seen,
    )
    decision = found.decision
    return {
        "outcome": decision.outcome,
        "reason": decision.reason,
        "policy": decision.policy,
        "snapshot": decision.snapshot,
        "replay": b64url(found.replay) or None,
        "named": bool(found.credential),
        "window": found.window,
    }
