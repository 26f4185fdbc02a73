"""The wallet's one read over HTTP: ETag and 304, a fresh pass when it runs out, forgetting, the end of a mandate."""

from datetime import timedelta
from typing import Any

import msgspec
from starlette.testclient import TestClient

from pratique.core.moment import Moment
from pratique.mandates import service as mandates
from pratique.mandates.document import document_text
from pratique.mandates.model import EndOrder
from pratique.mandates.note import sign_note
from pratique.notices import api, service
from pratique.notices.model import WalletView
from pratique.people import api as people_api
from pratique.people import service as people
from pratique.people.binding import to_b64
from pratique.web.frame import Caller
from pratique.web.serve import build_app
from tests.mandates.making import COURT
from tests.notices.town import Town
from tests.people.keys import new_key, point, sign

SECRET = b"s" * 32


def client(town: Town) -> TestClient:
    routes = [
        *people_api.routes(town.store, SECRET, town.house.sealer),
        *api.routes(town.store, town.house, lambda *_: []),
    ]

    def who(headers: Any, cookies: Any, moment: Moment) -> Caller | None:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        subject = people.holder_of(SECRET, token, moment.now)
        return Caller("holder", subject) if subject else None

    return TestClient(build_app(routes, who, lambda: town.moment, {}))


def bearer(town: Town, subject: str) -> dict[str, str]:
    return {"Authorization": "Bearer " + people.token_for(SECRET, subject, town.now)[0]}


def test_it_works(town: Town) -> None:
    """From a fresh key to a pass, over HTTP alone."""
    town.start()
    web, key = client(town), new_key()
    challenge = web.get("/v1/challenge").json()["challenge"]
    body = {
        "public_key": to_b64(point(key)),
        "challenge": challenge,
        "signature": to_b64(sign(key, "pratique-bind\n" + challenge)),
    }
    made = web.post("/v1/subjects", json=body)
    again = web.post("/v1/subjects", json=body)
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json()["subject_id"] == again.json()["subject_id"]

    headers = {"Authorization": "Bearer " + made.json()["token"]}
    answer = web.get("/v1/wallet", headers=headers)
    assert answer.status_code == 200
    wallet = answer.json()
    assert wallet["subject_id"] == made.json()["subject_id"]
    assert [notice["kind"] for notice in wallet["notices"]] == ["N1"]  # came later, asked all the same
    assert wallet["notices"][0]["title"]["zh-Hans"] == "请完成一次检测"
    assert wallet["decision"]["outcome"] == "conditions"
    assert wallet["mandate"]["id"] == town.mandate.id
    assert len(wallet["passes"]) == 1
    msgspec.json.decode(answer.content, type=WalletView)

    same = web.get("/v1/wallet", headers=headers | {"If-None-Match": answer.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_each_change_gives_a_new_tag(town: Town) -> None:
    town.start()
    one = town.members[0]

    def tag() -> str:
        with town.store.read() as tx:
            return service.wallet_tag(tx, town.moment, one)

    seen = {tag()}
    town.after(minutes=1)
    assert tag() in seen
    acts = (
        lambda: town.tell("not-detected", "R1", sampled=town.now, whom=[one]),
        lambda: town.store.write(
            lambda tx: service.declare_fault(tx, town.moment, scope="all", cause="outage", by="x")
        ),
        lambda: town.tell("retest-required", "R2", sampled=town.now, whom=[one]),
        lambda: town.store.write(
            lambda tx: service.appeal(
                tx, town.moment, town.house, subject_id=one, notice_id=town.notice(one, "N2").id, text=""
            )
        ),
        lambda: town.after(hours=1),
    )
    for act in acts:
        act()
        assert tag() not in seen
        seen.add(tag())


def test_a_pass_is_renewed_when_it_runs_out_and_not_before(town: Town) -> None:
    one = town.members[0]
    town.tell("not-detected", "R1", sampled=town.now, whom=[one])
    web = client(town)
    first = web.get("/v1/wallet", headers=bearer(town, one)).json()["passes"]
    town.after(hours=9)
    assert web.get("/v1/wallet", headers=bearer(town, one)).json()["passes"] == first
    town.after(hours=5)
    renewed = web.get("/v1/wallet", headers=bearer(town, one)).json()["passes"]
    assert renewed[0]["expires"] > first[0]["expires"]
    assert web.get("/v1/wallet", headers=bearer(town, one)).json()["passes"] == renewed
    town.after(days=3)  # the test is older than 72 hours: a pass with conditions
    later = web.get("/v1/wallet", headers=bearer(town, one)).json()
    assert later["decision"]["outcome"] == "conditions"
    assert town.live(one) == [2]


def test_nobody_reads_without_a_token_or_after_forgetting(town: Town) -> None:
    one = town.members[0]
    town.start()
    web, headers = client(town), bearer(town, one)
    card = {"name": "Canary Finch", "phone": "+86 000 5550 0177", "language": "en"}
    assert web.put("/v1/card", headers=headers, json=card).status_code == 200
    assert web.put("/v1/card", headers=headers, json=card | {"id": 1}).json()["field"] == "id"
    for path in ("/v1/wallet",):
        assert web.get(path).status_code == 401
    told = web.post("/v1/forget", headers=headers)
    assert told.status_code == 200
    assert told.json()["final_by"] == "2026-01-06T00:00:00Z"
    for answer in (
        web.get("/v1/wallet", headers=headers),
        web.put("/v1/card", headers=headers, json=card),
        web.post("/v1/forget", headers=headers),
    ):
        assert answer.status_code == 404
    with town.store.read() as tx:
        for table in ("notice", "subject_key", "contact_card"):
            assert tx.one(f"SELECT COUNT(*) FROM {table} WHERE subject_id = :id", id=one) == (0,)
    town.store.write(lambda tx: people.finish_forgetting(tx, town.keys))
    assert town.keys.mandates_of(one) == []


def test_appeals_and_reading_over_http(town: Town) -> None:
    one, other = town.members[:2]
    town.tell("not-detected", "R1", sampled=town.now)
    town.after(hours=1).tell("retest-required", "R2", sampled=town.now - timedelta(hours=1), supersedes="R1")
    web = client(town)
    path = town.notice(one, "N2").appeal.path
    made = web.post(path, headers=bearer(town, one), json={"text": "no"})
    assert made.status_code == 201
    assert set(made.json()) >= {"id", "due_at", "state"}
    assert web.post(path, headers=bearer(town, other), json={}).status_code == 404
    assert web.post(path, headers=bearer(town, one), json={"why": 1}).json()["field"] == "why"
    assert web.post(path, headers=bearer(town, one), json={"text": "x" * 8001}).status_code == 422
    n6 = town.notice(one, "N6").id
    assert web.post(f"/v1/notices/{n6}/read", headers=bearer(town, other)).status_code == 404
    assert web.post(f"/v1/notices/{n6}/read", headers=bearer(town, one)).status_code == 200
    assert town.states(one)["N6"] == "cleared"


def test_a_slip_opens_the_same_wallet(town: Town) -> None:
    subject = town.store.write(lambda tx: people.create_subject(tx, town.moment, "paper"))
    code = town.store.write(lambda tx: people.make_claim_code(tx, town.moment, SECRET, subject))
    web = client(town)
    claimed = web.post("/v1/claims", json={"claim_code": code.lower()})
    assert claimed.json()["subject_id"] == subject
    wallet = web.get("/v1/wallet", headers={"Authorization": "Bearer " + claimed.json()["token"]}).json()
    assert wallet["passes"] == []  # paper passes are printed
    wrong = code[:-2] + ("0" if code[-2] != "0" else "1") + code[-1]
    assert web.post("/v1/claims", json={"claim_code": wrong}).status_code == 422


def test_a_mandate_that_ends_lifts_everything(town: Town) -> None:
    town.start()
    town.tell("detected", "S0", sampled=town.now, whom=town.members[:1], pooled=False)
    town.after(days=2)
    ended = town.now
    end_early(town)
    town.after(minutes=1)
    while town.sweep():
        pass
    for one in town.members:
        assert not {"open", "waiting"} & set(town.states(one).values())
    notice = town.notice(town.members[0], "N4")
    assert notice.state == "lifted"
    assert notice.history[-1].at == ended.isoformat().replace("+00:00", "Z")
    town.tell("retest-required", "R9", sampled=town.now)  # a late result finds no mandate and asks nothing
    assert "N2" not in town.states(town.members[0])


def test_erasing_a_mandate_leaves_no_row(town: Town) -> None:
    town.start()
    town.tell("retest-required", "R1", sampled=town.now, whom=town.members[:1])
    town.store.write(
        lambda tx: service.appeal(
            tx, town.moment, town.house, subject_id=town.members[0],
            notice_id=town.notice(town.members[0], "N2").id, text="x",
        )
    )  # fmt: skip
    gone = town.store.write(lambda tx: service.erase_mandate(tx, town.mandate.id))
    assert gone["notice"] == 11
    assert gone["appeal"] == 1
    with town.store.read() as tx:
        for table in gone:
            assert tx.one(f"SELECT COUNT(*) FROM {table}") == (0,), table


def test_lists_for_the_console_name_nobody(town: Town) -> None:
    town.start()
    town.tell("retest-required", "R1", sampled=town.now, whom=town.members[:3])
    with town.store.read() as tx:
        first = service.notice_list(tx, limit=4)
        rest = service.notice_list(tx, after=(first[-1].due_at, first[-1].id))
        counts = service.notice_counts(tx, town.mandate.id)
    assert len(first) == 4
    assert len(rest) == 9
    assert [line.due_at for line in first + rest] == sorted(line.due_at for line in first + rest)
    assert counts == {"N1": {"open": 10}, "N2": {"open": 3}}
    said = str([msgspec.to_builtins(line) for line in first + rest])
    assert not any(one in said for one in town.members)


def end_early(town: Town) -> None:
    """The court ends the mandate now."""
    order = EndOrder(v=1, kind="mandate-end", id=town.mandate.id, reason="no-longer-needed", at=town.now)
    raw = sign_note(document_text(order), COURT).raw
    town.store.write(lambda tx: mandates.end(tx, town.moment, raw))
