"""`pratique retire`: dry run, order, approval, act, attestation; every step by its own word."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pratique.core.errors import Refusal
from pratique.core.moment import Moment
from pratique.mandates import service as mandates
from pratique.mandates.document import document_text
from pratique.mandates.model import EndOrder
from pratique.mandates.note import sign_note
from pratique.retire.cli import retire_command
from pratique.retire.service import Retiring
from pratique.store.store import Store
from tests.mandates import making
from tests.retire.houses import begun


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    made = {}
    for signer in (making.LEGAL, making.HEALTH):
        role = signer.name.rsplit("/", 1)[-1]
        made[role] = tmp_path / f"{role}.key"
        made[role].write_text(signer.private_text())
    return made


def _run(house: Retiring, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    @contextmanager
    def opened() -> Iterator[Retiring]:
        yield house

    app = retire_command(opened)

    def act(*words: object) -> Any:
        assert app([str(word) for word in (*words, "--json")], result_action="return_value") == 0
        return json.loads(capsys.readouterr().out)

    return act


def test_it_works(
    sqlite_store: Store,
    moment: Moment,
    tmp_path: Path,
    keys: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    house, clock, mandate = begun(sqlite_store, tmp_path / "home", moment)
    run = _run(house, capsys)
    clock.move(days=3)

    assert run("--mandate", mandate.id, "--dry-run")["per_class"]["contact"] > 0
    assert run("--mandate", mandate.id)["state"] == "waits for two signatures"
    run("--mandate", mandate.id, "--attest", keys["legal"])
    said = run("--mandate", mandate.id, "--attest", keys["public-health"])
    assert said["state"] == "certified"
    assert said["certificate"]["canaries"]["valid"] is True
    assert (tmp_path / "home" / "log" / "certificate").is_dir()
    assert run("--mandate", mandate.id)["state"] == "certified"


def test_early_goes_step_by_step(
    sqlite_store: Store,
    moment: Moment,
    tmp_path: Path,
    keys: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    house, clock, mandate = begun(sqlite_store, tmp_path / "home", moment, days=60)
    run = _run(house, capsys)

    with pytest.raises(Refusal, match="--order"):
        run("--mandate", mandate.id)
    run("--mandate", mandate.id, "--order")
    assert run("--mandate", mandate.id, "--approve", keys["legal"])["approvals"] == 1
    assert run("--mandate", mandate.id, "--approve", keys["public-health"])["approvals"] == 2
    order = EndOrder(v=1, kind="mandate-end", id=mandate.id, reason="over", at=moment.now)
    sqlite_store.write(lambda tx: mandates.end(tx, moment, sign_note(document_text(order), making.LEGAL).raw))
    clock.move(hours=23)
    with pytest.raises(Refusal):
        run("--mandate", mandate.id)
    clock.move(hours=1)
    assert run("--mandate", mandate.id)["state"] == "waits for two signatures"


def test_wrong_words_are_refused(
    sqlite_store: Store, moment: Moment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house, _, mandate = begun(sqlite_store, tmp_path / "home", moment)
    run = _run(house, capsys)

    for code, words in {
        "ONE_AT_A_TIME": ("--mandate", mandate.id, "--dry-run", "--order"),
        "NOT_A_KEY": ("--mandate", mandate.id, "--approve", tmp_path / "nowhere"),
        "NO_SUCH_MANDATE": ("--mandate", "0" * 26, "--dry-run"),
    }.items():
        with pytest.raises(Refusal) as refusal:
            run(*words)
        assert refusal.value.code == code
