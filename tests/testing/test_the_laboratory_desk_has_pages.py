"""The pages of the laboratory desk and of custody, with real sessions: who may do what, and what a wrong scan says."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from pratique import town
from pratique.app import web_app
from pratique.chores import add_up
from pratique.demo import make_town, report_in
from pratique.peers import Laboratory
from pratique.people import service as people
from pratique.port import Port, open_port
from pratique.settings import Settings


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    opened = open_port(Settings(home=tmp_path_factory.mktemp("home")))
    make_town(opened)
    yield opened
    opened.close()


def signed_in(port: Port, role: str) -> TestClient:
    moment = port.moment()
    code = port.store.write(
        lambda tx: people.invite_staff(tx, moment, None, name=f"Demo {role}", role=role, trial=True)
    ).token
    client = TestClient(web_app(port))
    assert client.post("/sign-in", data={"code": code, "next": "/console"}).status_code == 200
    return client


def sealed(port: Port) -> list[str]:
    with port.store.read() as tx:
        return [row[0] for row in tx.all("SELECT code FROM tube WHERE state = 'sealed' ORDER BY code")]


def test_it_works(port: Port) -> None:
    sampler, courier, desk = (signed_in(port, role) for role in ("sampler", "courier", "lab-desk"))
    codes = sealed(port)
    assert len(codes) == 2

    put_in = {"act": "box", "box": "BOX-7", "codes": "\n".join(codes)}
    assert "2 tubes are in box BOX-7" in sampler.post("/console/custody/scan", data=put_in).text
    taken = courier.post("/console/custody/scan", data={"act": "take", "codes": "BOX-7"})
    assert "1 boxes with 2 tubes" in taken.text
    short = desk.post(
        "/console/custody/scan", data={"act": "receive", "lab": town.LAB, "codes": "BOX-7", "counted": "1"}
    )
    assert "scan each tube now" in short.text
    desk.post("/console/custody/scan", data={"act": "receive", "lab": town.LAB, "codes": codes[0]})

    seen = courier.get("/console/custody?lang=en").text
    assert codes[1] in seen
    assert "1 / 2" in seen
    assert "BOX-7" in desk.get("/console/laboratory").text  # the count is a task of the desk


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"act": "box", "box": "", "codes": "X"}, "scan the code of the box first"),
        ({"act": "take", "codes": "NO-SUCH"}, "nothing was put into box"),
        ({"act": "receive", "lab": "LAB-Z", "codes": "X"}, "no laboratory of this name"),
        ({"act": "receive", "lab": town.LAB, "codes": "A B", "counted": "2"}, "one box at a time"),
    ],
)
def test_a_wrong_scan_says_what_to_do_and_keeps_what_was_typed(port: Port, form: dict, says: str) -> None:
    answer = signed_in(port, "lab-desk").post("/console/custody/scan", data=form)

    assert answer.status_code == 422
    assert says in answer.text
    assert form["codes"] in answer.text


def test_the_balance_and_the_rule_stand_on_the_desk(port: Port) -> None:
    add_up(port)
    page = signed_in(port, "lab-desk").get("/console/laboratory").text

    assert "Balance of each laboratory and day" in page
    assert town.LAB in page
    chinese = signed_in(port, "lab-desk")
    chinese.get("/language?to=zh-Hans")
    assert "各机构每日物料平衡" in chinese.get("/console/laboratory").text


def test_looking_closes_a_task_and_a_held_run_needs_a_review(port: Port) -> None:
    named = Laboratory(town.LAB, town.LAB_OID)
    with port.store.read() as tx:
        code = str(tx.all("SELECT code FROM tube WHERE state = 'at-lab' ORDER BY code")[0][0])
    raw = named.report(code, "negative", port.moment().now).replace(b"||POOL", b"||Muster^Ada")
    report_in(port, port.moment(), raw)
    desk = signed_in(port, "lab-desk")
    with port.store.read() as tx:
        (task,) = tx.all("SELECT id FROM testing_task WHERE kind = 'names' AND closed_at IS NULL")
    assert "was dropped" in desk.get("/console/laboratory").text

    assert desk.post(f"/console/laboratory/tasks/{task[0]}").status_code == 200
    with port.store.read() as tx:
        assert tx.all("SELECT id FROM testing_task WHERE kind = 'names' AND closed_at IS NULL") == []
    assert desk.post(f"/console/laboratory/tasks/{task[0]}").status_code == 404


def test_two_people_empty_the_quarantine(port: Port) -> None:
    raw = Laboratory("LAB-UNHEARD", "").report("X0001", "negative", port.moment().now)
    report_in(port, port.moment(), raw)
    first, second = signed_in(port, "lab-desk"), signed_in(port, "lab-desk")
    with port.store.read() as tx:
        (row,) = tx.all(
            "SELECT id FROM lab_quarantine WHERE why_en LIKE '%not registered%' AND resolved_at IS NULL"
        )
    address = f"/console/laboratory/quarantine/{row[0]}"
    assert "Messages in quarantine" in first.get("/console/laboratory").text

    assert first.post(address, data={"act": "refuse", "reason": "x"}).status_code == 422
    asked = first.post(address, data={"act": "refuse", "reason": "nobody knows this sender"})
    assert "A second person must confirm this." in asked.text
    assert first.post(address, data={"act": "confirm"}).status_code == 403
    assert "its bytes are destroyed" in second.post(address, data={"act": "confirm"}).text
    assert second.post(address, data={"act": "confirm"}).status_code == 404
    assert signed_in(port, "courier").get("/console/laboratory/quarantine").status_code == 404


def test_the_board_closes_a_site_and_opens_it(port: Port) -> None:
    officer = signed_in(port, "campaign-officer")
    with port.store.read() as tx:
        site_id = tx.all("SELECT id FROM site ORDER BY id")[0][0]
    assert "Close this site" in officer.get("/console/board").text

    closed = officer.post(f"/console/board/sites/{site_id}", data={"act": "close"}).text
    assert "is closed. The deadlines of its campaign stand still" in closed
    with port.store.read() as tx:
        assert tx.one("SELECT COUNT(*) FROM fault WHERE cause = 'closed-site' AND to_at IS NULL") == (1,)
    opened = officer.post(f"/console/board/sites/{site_id}", data={"act": "open"}).text
    assert "is open again" in opened
    assert officer.post("/console/board/sites/none", data={"act": "close"}).status_code == 404
    assert signed_in(port, "lab-desk").post(f"/console/board/sites/{site_id}").status_code in (403, 404)


@pytest.mark.parametrize("role", ["courier", "sampler"])
def test_who_carries_tubes_sees_no_laboratory_desk(port: Port, role: str) -> None:
    assert signed_in(port, role).get("/console/laboratory").status_code == 404
