"""The main job on real input, on both databases: mandate → tubes → MLLP → decisions → gate → end → destruction.

Real server, real MLLP socket, real gate process, real keys. The figures of each step are held here.
"""

import os
from pathlib import Path

import pytest

from pratique.peers import free_port
from pratique.replay import Step, walk
from pratique.settings import Settings


@pytest.fixture(params=["sqlite", "postgresql"])
def steps(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Step]:
    url = request.getfixturevalue("postgres_database") if request.param == "postgresql" else ""
    settings = Settings(
        home=tmp_path / "home", database_url=url, port=free_port(20000 + os.getpid() % 800 * 10)
    )
    return {step.name: step for step in walk(settings)}


def test_it_works(steps: dict[str, Step]) -> None:
    assert list(steps) == [
        "mandate", "people", "tubes", "laboratory", "decisions", "gate", "singles", "end", "destroyed",
    ]  # fmt: skip
    figures = {name: step.figures for name, step in steps.items()}

    assert figures["mandate"]["problems"] == []
    assert figures["people"] | {"outcomes": None} == {
        "people": 200, "notices": 200, "outcomes": None, "passes": 200,
    }  # fmt: skip
    assert figures["tubes"] == {"tubes": 20, "events": {"stored": 20}}
    assert figures["laboratory"]["answers"] == {"A": 22, "R": 1}
    assert figures["laboratory"]["refused_at"] == ["MSH^1^10"]
    assert figures["decisions"] == {
        "outcomes": {"clear": 190, "hold": 10},
        "states": {"N1 cleared": 190, "N1 waiting": 10, "N2 open": 10},
        "passes": 190,
        "detected": 0,
    }
    assert figures["gate"]["decisions"] == [
        "clear/pass", "hold/revoked", "see_staff/clock", "see_staff/unreadable",
    ]  # fmt: skip
    assert figures["singles"] == {"held": 1, "detected": 1}
    assert figures["end"] == {"open_notices": 0}
    assert figures["destroyed"]["state"] == "certified"
    assert figures["destroyed"]["certificates"] == 1
    assert figures["destroyed"]["problems"] == []
