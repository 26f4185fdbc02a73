"""The pages of access as each role uses them: invite, grant, break glass, review, export, trace; the watermark."""

import re
from datetime import timedelta

from pratique import town
from pratique.credentials.qr import read_picture
from pratique.desk import service as desk
from pratique.exports.trace import copy_of_code
from pratique.peers import Holder
from pratique.people import service as people
from pratique.people.access import PURPOSES
from tests.abuse.house import House

WHY = {"reason": "life", "text": "fell at the counter, unconscious, no relative present"}
PHONE = "+86 000 5550 0177"


def test_it_works(house: House) -> None:
    for who, path in (
        ("console", "/console/access"), ("duty-doctor", "/console/glass"), ("auditor", "/console/looks?check=1"),
        ("data-officer", "/console/exports"), ("campaign-officer", "/console/exports"),
    ):  # fmt: skip
        for language in ("zh-Hans", "en"):
            answer = house.client(who).get(path, params={"lang": language})
            assert answer.status_code == 200, (who, path)
            assert house.staff[who].id[:10] in answer.text  # the watermark names who looks
            assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\dZ", answer.text)


def test_an_account_is_made_given_reach_and_ended(house: House) -> None:
    client = house.client("console")
    made = client.post(
        "/console/access", data={"what": "invite", "name": "Test Godwit", "role": "case-worker"}
    )
    code = re.search(r"sign-in\?code=([\w-]+)", made.text)
    assert code is not None
    with house.port.store.read() as tx:
        (staff,) = [s for s, _, _ in people.list_staff(tx) if s.name == "Test Godwit"]
    grant = {"what": "grant", "id": staff.id, "kind": "area"}
    misspelt = client.post("/console/access", data=grant | {"name": "Harbor"})
    assert misspelt.status_code == 422
    assert "there is no such area here; choose one from the list" in misspelt.text
    granted = client.post("/console/access", data=grant | {"name": "harbour"})
    assert "area harbour" in granted.text
    refused = client.post(
        "/console/access", data={"what": "grant", "id": staff.id, "kind": "own", "name": "x"}
    )
    assert refused.status_code == 422
    assert client.post("/console/access", data={"what": "end", "id": staff.id}).status_code == 200
    assert house.client().post("/sign-in", data={"code": code[1]}).status_code == 404
    me = house.staff["console"].id
    assert client.post("/console/access", data={"what": "end", "id": me}).status_code == 409


def test_an_emergency_opens_one_card_is_told_and_reviewed(house: House) -> None:
    doctor, officer = house.client("duty-doctor"), house.client("data-officer")
    assert doctor.post("/console/glass", data=WHY | {"person": "+86 1"}).status_code == 404
    opened = doctor.post("/console/glass", data=WHY | {"person": PHONE})
    assert opened.status_code == 200
    assert PHONE in opened.text
    wallet = house.client("other").get("/v1/wallet").json()
    assert any(look["purpose"]["en"] == PURPOSES["emergency"].en for look in wallet["looks"])
    assert any(notice["kind"] == "N7" for notice in wallet["notices"])
    assert doctor.post("/console/glass", data=WHY | {"person": PHONE}).status_code == 409
    page = officer.get("/console/looks").text
    assert "unconscious" in page
    found = re.search(r'name="id" value="(\w+)"', page)
    assert found is not None
    assert house.client("auditor").get("/console/looks").text.count("<form") == 0
    answer = officer.post("/console/looks", data={"id": found[1], "outcome": "in order"})
    assert answer.status_code == 303
    assert "unconscious" not in officer.get("/console/looks").text


def test_an_export_is_asked_agreed_viewed_photographed_and_traced(house: House) -> None:
    asker, officer = house.client("campaign-officer"), house.client("data-officer")
    wish = {
        "mandate_id": house.town.mandate_id, "purpose": "capacity", "recipient": "Harbour hospital",
        "reason": "beds for the coming week",
    }  # fmt: skip
    bad = asker.post("/console/exports", data=wish | {"reason": "short"})
    assert bad.status_code == 422
    assert "reason" in bad.text
    assert asker.post("/console/exports", data=wish).status_code == 303
    found = re.findall(r'name="id" value="(\w+)"', officer.get("/console/exports").text)
    for one in found:
        officer.post("/console/exports/decision", data={"id": one, "agreed": "yes"})
    view = asker.post("/console/exports/copy", data={"id": found[0], "what": "view"})
    assert view.status_code == 200
    assert '<div class="export-code" aria-hidden="true"><svg' in view.text
    file = asker.post("/console/exports/copy", data={"id": found[0], "what": "file"})
    assert file.headers["content-disposition"].startswith("attachment")
    traced = officer.post("/console/exports/trace", data={"text": file.text})
    assert house.staff["campaign-officer"].name in traced.text  # its canary is among the rows


def test_the_code_beside_a_view_is_read_from_a_photograph(house: House) -> None:
    from pratique.credentials.qr import to_png, write
    from pratique.exports.trace import code_of

    code = code_of(house.export_id, house.port.secret)
    (text,) = read_picture(to_png(write(code)))
    assert copy_of_code(text, house.port.secret) == house.export_id


def test_who_signs_publishes_or_goes_back_shows_first_that_it_is_them(house: House) -> None:
    officer, drafts = house.client("mandate-officer"), "/console/policy/drafts/00000000000000000000000000"
    acts = (f"{drafts}/sign", f"{drafts}/publish", "/console/policy/1/back", "/console/policy/1/go-on")
    for path in acts:
        assert officer.post(path, data={}).status_code != 303, path
    hours_ago = house.port.moment().now_ms - 3_600_000
    house.port.store.write(
        lambda tx: tx.run(
            "UPDATE staff_session SET asserted_at = :at WHERE staff_id = :id",
            at=hours_ago,
            id=house.staff["mandate-officer"].id,
        )
    )
    for path in acts:
        answer = officer.post(path, data={}, headers={"Referer": f"http://testserver{drafts}"})
        assert (answer.status_code, answer.headers["location"].split("?")[0]) == (303, "/console/confirm"), (
            path
        )
    stopped = officer.post("/console/policy/1/stop", data={})
    assert "confirm" not in stopped.headers.get("location", "")  # stopping waits for nothing


def test_somebody_without_a_phone_gets_the_copy_of_their_order_on_paper(house: House) -> None:
    port, moment = house.port, house.port.moment()
    holder = Holder()
    town.settle(port, moment, [holder])
    care = {
        "food": "Test kitchen",
        "medicine": "Test pharmacy",
        "contact": "Test night desk",
        "daily_call": "Test team",
    }
    port.store.write(
        lambda tx: desk.give_order(
            tx, moment, port.house, house.staff["duty-doctor"], subject_id=holder.subject_id,
            mandate_id=house.town.mandate_id, why="close contact <b>", ends=moment.now + timedelta(days=3), lines=care,
        )
    )  # fmt: skip
    code = port.store.write(lambda tx: people.make_claim_code(tx, moment, port.secret, holder.subject_id))
    for language, court in (("en", "Harbour district court"), ("zh-Hans", "港区法院")):
        page = house.client("console").post(
            "/console/counter/claim", params={"lang": language}, data={"claim": code}
        )
        assert page.status_code == 200
        for line in (*care.values(), court, "close contact &lt;b&gt;"):
            assert line in page.text
