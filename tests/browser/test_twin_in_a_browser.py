"""The twin in Chromium says what Python says: both files of vectors, and texts that nobody would issue."""

import json
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Watched
from tests.browser.gates import Gates
from tests.web_twin.asking import WEB, b64
from tests.web_twin.comparing import bundle_body, credentials, decisions, differing, told, verify
from tests.web_twin.mutants import Mutants


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The twin as one script, from the sources that the faces are built from."""
    made: Path = tmp_path_factory.mktemp("twin") / "twin.js"
    subprocess.run(["node", "twin.mjs", "--bundle", str(made)], cwd=WEB, check=True)
    return made.read_text(encoding="utf-8")


@pytest.fixture
def page(browser: Browser, script: str) -> Iterator[Page]:
    """A page of our own origin, where WebCrypto is: the twin runs in it beside the face."""
    gates = Gates()
    watched = Watched(browser, gates.url)
    opened = watched.page("/handheld/")
    opened.evaluate(f"() => {{ {script}; globalThis.twin = twin; }}")
    yield opened
    watched.close()
    gates.close()


def ask(page: Page, questions: Iterable[dict[str, Any]]) -> list[Any]:
    answers: list[str] = page.evaluate(
        """async (lines) => {
          const answers = [];
          for (const line of lines) answers.push(await twin.line(line));
          return answers;
        }""",
        [json.dumps(question) for question in questions],
    )
    return [json.loads(answer) for answer in answers]


def test_it_works(page: Page) -> None:
    asked = list(credentials())

    assert differing(asked, ask(page, [question for _, question, _ in asked])) == []


def test_a_gate_decides_alike(page: Page) -> None:
    asked = list(decisions())

    assert differing(asked, ask(page, [question for _, question, _ in asked])) == []


def test_what_nobody_would_issue_is_refused_alike(page: Page) -> None:
    source = Mutants(7)
    texts = list(source.texts(300))
    trust = {"op": "trust", "name": "mutants", "body": b64(bundle_body(source.snapshot.bundle))}
    questions = [
        {"op": "verify", "text": text, "at": at.timestamp(), "trust": "mutants"} for text, at in texts
    ]
    _, *answers = ask(page, [trust, *questions])
    asked = [(text[:24], question, None) for (text, _), question in zip(texts, questions, strict=True)]
    expected = [
        (name, question, told(verify(text, at, source.snapshot)))
        for (name, question, _), (text, at) in zip(asked, texts, strict=True)
    ]
    for _, _, found in expected:
        found["findings"] = sorted(found["findings"])

    assert differing(expected, answers) == []
