"""`pratique mandate` and `pratique log`: the whole way of an order, on the command line, and every refusal by name."""

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.mandates.cli import log_commands, mandate_commands
from pratique.mandates.form import EXAMPLE
from pratique.mandates.note import NoteSigner
from pratique.mandates.publisher import Publisher
from pratique.store.store import Store

LOG = NoteSigner("log.port.example", b"L" * 32)
Run = Callable[..., Any]


class House:
    """An opened house whose clock stands still."""

    def __init__(self, store: Store, folder: Path, moment: Moment) -> None:
        self.store, self.log, self._moment = store, Publisher(store, folder, LOG), moment

    def moment(self) -> Moment:
        return self._moment

    def close(self) -> None:
        """The fixture closes the store."""


@pytest.fixture
def run(sqlite_store: Store, tmp_path: Path, moment: Moment, capsys: pytest.CaptureFixture[str]) -> Run:
    house = House(sqlite_store, tmp_path / "log", moment)
    apps = {
        "mandate": mandate_commands(lambda: house),
        "log": log_commands(lambda: house, lambda: moment.now),
    }

    def act(*words: str) -> Any:
        code = apps[words[0]]([*words[1:]], result_action="return_value")
        out = capsys.readouterr().out
        return code, ([json.loads(line) for line in out.splitlines()] if "--json" in words else out)

    return act


def _form(tmp_path: Path, run: Run, **changes: str) -> Path:
    keys = []
    for role in ("legal", "public-health"):
        path = tmp_path / role
        code, rows = run("mandate", "key", "port.example", "--role", role, "--out", str(path), "--json")
        assert code == 0
        assert run("mandate", "trust", rows[0]["vkey"])[0] == 0
        keys.append(rows[0]["vkey"])
    text = EXAMPLE.replace('["…/legal+…", "…/public-health+…"]', json.dumps(keys))
    for old, new in changes.items():
        text = text.replace(old, new)
    form = tmp_path / "form.toml"
    form.write_text(text)
    (tmp_path / "order.txt").write_text("An order of a made-up port.\n")
    return form


def _drafted(tmp_path: Path, run: Run) -> str:
    form = _form(tmp_path, run)
    code, rows = run("mandate", "new", str(form), "--reading", str(tmp_path / "order.txt"), "--json")
    assert (code, rows[0]["state"]) == (0, "draft")
    return str(rows[0]["id"])


def test_it_works(run: Run, tmp_path: Path) -> None:
    mandate_id = _drafted(tmp_path, run)

    for role in ("legal", "public-health"):
        assert run("mandate", "sign", mandate_id, "--key", str(tmp_path / role))[0] == 0
    code, rows = run("mandate", "publish", mandate_id, "--json")
    assert (code, rows[0]["state"], rows[0]["log_index"]) == (0, "live", 2)
    assert run("mandate", "list", "--json")[1][0]["days_left"] == 30
    code, rows = run("log", "verify", str(tmp_path / "log"), "--key", LOG.vkey.text, "--json")
    assert (code, rows[0]["ok"], rows[0]["entries"], rows[0]["mandates"]) == (0, True, 3, 1)
    code, rows = run(
        "mandate", "end", mandate_id, "--key", str(tmp_path / "legal"), "--reason", "over", "--json"
    )
    assert (code, rows[0]["state"]) == (0, "grace")
    code, out = run("log", "verify", str(tmp_path / "log"))
    assert (code, "everything holds" in out, "by --key" in out) == (0, True, True)


def test_a_private_key_is_its_owners_alone(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "key"
    run("mandate", "key", "port.example", "--role", "court", "--out", str(out))

    assert out.stat().st_mode & 0o077 == 0
    with pytest.raises(Refusal, match="exists"):
        run("mandate", "key", "port.example", "--role", "court", "--out", str(out))


def test_refusals_name_what_is_wrong(run: Run, tmp_path: Path) -> None:
    mandate_id = _drafted(tmp_path, run)
    run("mandate", "sign", mandate_id, "--key", str(tmp_path / "legal"))
    stranger = tmp_path / "stranger"
    run("mandate", "key", "elsewhere.example", "--role", "legal", "--out", str(stranger))
    calls: dict[str, tuple[str, ...]] = {
        "SIGNATURES_MISSING": ("publish", mandate_id),
        "SIGNATURE_WRONG": ("sign", mandate_id, "--key", str(stranger)),
        "NO_SUCH_MANDATE": ("publish", "0" * 26),
        "NO_FILE": ("sign", mandate_id, "--key", str(tmp_path / "nowhere")),
        "NOT_A_KEY": ("sign", mandate_id, "--key", str(tmp_path / "order.txt")),
        "NO_FORM": ("new",),
        "NOT_TOML": ("new", str(stranger)),
        "NO_ZONE": ("end", mandate_id, "--key", str(tmp_path / "legal"), "--at", "2026-01-06T00:00:00"),
        "BAD_KEY": ("trust", "nonsense"),
    }

    for code, words in calls.items():
        with pytest.raises(Refusal) as refusal:
            run("mandate", *words)
        assert refusal.value.code == code


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("\ndays = 30", "\ndays = 91", "end"),
        ("\ndays = 30", "", "end"),
        ("\ndays = 30", "\ndays = 30\nscore = 5", "score"),
        ("\ndays = 30", "\ndays = 30\nstart = 2026-01-06T00:00:00", "start"),
        ("max_days = 14", "max_days = 140", "data[0].max_days"),
        ('class = "contact"', 'class = "itinerary"', "data[0].class"),
        ("clock_hours = 24", "clock_hours = 2.5", "form"),
        (', zh-Hans = "示例法"', "", "basis[0].law.zh-Hans"),
    ],
)
def test_a_form_is_refused_by_field(run: Run, tmp_path: Path, old: str, new: str, field: str) -> None:
    form = _form(tmp_path, run, **{old: new})

    with pytest.raises(Refusal) as refusal:
        run("mandate", "new", str(form), "--reading", str(tmp_path / "order.txt"))
    assert refusal.value.field == field


def test_the_example_is_printed(run: Run) -> None:
    assert run("mandate", "new", "--example") == (0, EXAMPLE)


def test_a_broken_log_is_exit_code_one(run: Run, tmp_path: Path, moment: Moment) -> None:
    _drafted(tmp_path, run)
    run("log", "publish")
    kept = tmp_path / "kept"
    kept.write_bytes((tmp_path / "log" / "checkpoint").read_bytes())
    assert run("log", "verify", str(tmp_path / "log"), "--since", str(kept))[0] == 0
    (tmp_path / "log" / "tile" / "0" / "000.p" / "2").write_bytes(os.urandom(64))

    code, rows = run("log", "verify", str(tmp_path / "log"), "--key", LOG.vkey.text, "--json")
    assert (code, rows[0]["ok"]) == (1, False)
    with pytest.raises(Refusal, match="cannot be read"):
        run("log", "verify", str(tmp_path / "nowhere"))
    assert run("log", "verify", str(tmp_path), "--key", LOG.vkey.text)[0] == 1


def test_deadlines_are_judged_at_the_time_given(run: Run, tmp_path: Path, moment: Moment) -> None:
    mandate_id = _drafted(tmp_path, run)
    for role in ("legal", "public-health"):
        run("mandate", "sign", mandate_id, "--key", str(tmp_path / role))
    run("mandate", "publish", mandate_id)
    late = msgspec.to_builtins(moment.now + timedelta(days=60))

    assert run("log", "verify", str(tmp_path / "log"))[0] == 0
    assert run("log", "verify", str(tmp_path / "log"), "--at", late)[0] == 1
