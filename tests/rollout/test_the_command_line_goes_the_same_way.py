"""`pratique policy …` on a real folder: the same steps, the same refusals, the house's exit codes."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pratique import cli, town
from pratique.policy.service import town_rules
from tests.rollout.making import draft_of, hold_without_test, milder, world


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, str]:
    """A deployment in a folder; its officers' key files; the id of its mandate."""
    monkeypatch.setenv("PRATIQUE_HOME", str(tmp_path / "home"))
    with world(tmp_path / "home", datetime.now(UTC), tested=12, untested=15) as made:
        for signer, name in zip(made.town.officers.both, ("legal", "health"), strict=True):
            (tmp_path / name).write_text(signer.private_text())
        return tmp_path, made.town.mandate_id


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        cli.main(["policy", *words])
    out, err = capsys.readouterr()
    return int(str(left.value.code)), out, err


def last(out: str) -> Any:
    return json.loads(out.splitlines()[-1])


def test_it_works(house: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    folder, mandate = house
    rules = folder / "rules.json"
    rules.write_bytes(draft_of(hold_without_test))

    code, out, _ = run(capsys, "preview", str(rules), "--days", "2")
    seen = last(out)
    assert code == 0
    assert out.splitlines()[0].split()[:2] == ["worse", "off"]
    assert (seen["worse"], seen["people"], seen["made_up"]) == (10, 20, False)  # in tens: 15 and 27

    assert run(capsys, "publish", str(rules), "--mandate", mandate)[0] == 2  # no preview named
    code, _, err = run(capsys, "publish", str(rules), "--mandate", mandate, "--preview", "x")
    assert (code, "draft" in err) == (1, True)

    code, out, _ = run(capsys, "draft", str(rules), "--mandate", mandate, "--json")
    order = last(out)
    assert (code, order["state"], order["missing"]) == (0, "previewed", ["legal", "public-health"])
    code, _, err = run(capsys, "publish", order["id"], "--mandate", mandate, "--preview", order["preview"])
    assert (code, "legal, public-health" in err) == (1, True)
    assert run(capsys, "publish", str(rules), "--mandate", mandate, "--preview", "0" * 64)[0] == 1
    for name in ("legal", "health"):
        assert run(capsys, "sign", order["id"], "--key", str(folder / name))[0] == 0
    code, out, _ = run(capsys, "publish", str(rules), "--mandate", mandate, "--preview", order["preview"])
    assert (code, last(out)["number"]) == (0, 2)

    code, out, err = run(capsys, "redecide", "--json")
    assert (code, last(out)["changed"], last(out)["people"]) == (0, 15, 27)
    assert "27 of 27 people, 15 changed" in err
    code, out, _ = run(capsys, "status", "--json")
    assert (code, last(out)["re-decision"], last(out)["told"]) == (0, "done", 15)
    code, out, _ = run(capsys, "export", "2", "--eu")
    assert json.loads(out) == [entry["rule"] for entry in json.loads(rules.read_bytes())["rules"]]
    assert run(capsys, "back", "2")[0] == 0
    assert last(run(capsys, "redecide", "--json")[1])["policy"] == 3
    assert len(run(capsys, "list")[1].splitlines()) == 2


def test_what_is_unsound_is_refused_in_one_line(
    house: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, mandate = house
    rules = folder / "rules.json"
    rules.write_text('{"rules": []}')
    code, _, err = run(capsys, "draft", str(rules), "--mandate", mandate)
    assert (code, len(err.splitlines()), "rules" in err) == (1, 1, True)
    assert run(capsys, "draft", str(folder / "no.json"), "--mandate", mandate)[0] == 1
    rules.write_bytes(draft_of(milder))
    code, _, err = run(capsys, "draft", str(rules), "--mandate", "0" * 26)
    assert (code, "mandate" in err) == (1, True)
    assert run(capsys, "draft", str(rules), "--mandate", mandate, "--from", "tomorrow")[0] == 1
    assert run(capsys, "sign", "0" * 26, "--key", str(folder / "legal"))[0] == 1
    assert run(capsys, "go-on", "1")[0] == 1


def test_two_files_need_no_deployment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(town_rules())
    document["rules"][2]["rule"]["Logic"]["if"][1]["not-after"][1]["plusTime"][1] = 24
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_bytes(town_rules())
    new.write_text(json.dumps(document))
    code, out, _ = run(capsys, "preview", str(old), str(new), "--people", "5000", "--days", "2")
    seen = last(out)

    assert code == 0
    assert out.splitlines()[0].split()[:2] == ["worse", "off"]
    assert seen["worse"] > 0
    assert seen["causes"][0]["rule"] == "TR-ZZ-0003"
    assert len(seen["days"]) == 3
    assert seen["assumed"][0]["en"].startswith("assumed:")
    assert {"area", "age"} == set(seen["groups"])
    assert run(capsys, "preview", "-", str(old), "--people", "1000", "--days", "0", "--json")[0] == 0
    assert run(capsys, "preview", "-", str(tmp_path / "no.json"))[0] == 2
    assert run(capsys, "preview", "-", str(old), "--days", "61")[0] == 2
    assert run(capsys, "preview", "-", str(old), "--people-a-tube", "0")[0] == 2


def test_a_preview_goes_with_the_mandate_as_a_pdf(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = tmp_path / "old.json"
    old.write_bytes(town_rules())
    made = tmp_path / "preview.pdf"
    words = ("preview", "-", str(old), "--people", "2000", "--days", "2", "--tubes-a-day", "50")
    code, _, _ = run(capsys, *words, "--pdf", str(made))

    assert code == 0
    assert made.read_bytes().startswith(b"%PDF")
    assert len(made.read_bytes()) > 10_000


def test_the_town_publishes_the_same_way(tmp_path: Path) -> None:
    with world(tmp_path, datetime.now(UTC), tested=0, untested=0) as made, made.port.store.read() as tx:
        assert tx.one("SELECT count(*) FROM policy_order_signature") == (2,)
        assert town.LASTS.days == 30
