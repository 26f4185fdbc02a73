"""A policy on a real Spark cluster of one master and two workers, one of which is killed in the middle: the rows are
those of the embedded engine. pyspark and Java are part of `make test`; without them this fails."""

from pathlib import Path

import polars as pl
import pytest

from pratique.core.errors import Refusal
from pratique.policy import cluster, parts
from pratique.policy.cluster import Cluster, decide_on_spark, rows_of
from pratique.policy.parts import Unreadable, decide_parts, parts_in, read_part
from tests.policy.making import NOW
from tests.policy.test_a_policy_as_one_statement import logics, made_people, policy_of

PARTS = 8


def test_a_worker_dies_and_the_rows_are_the_same(tmp_path: Path) -> None:
    source = tmp_path / "in"
    source.mkdir()
    people = made_people()
    for i in range(PARTS):
        parts.write_part(source / f"part-{i:05}.parquet", people.sample(500, seed=i))
    ruleset, killed = policy_of(logics()), []
    with Cluster(2, "1g") as running:

        def watch(done: int, wanted: int) -> None:
            if not killed and 0 < done < wanted:
                running.kill_worker(0)
                killed.append(done)

        counted = decide_on_spark(running.url, ruleset, source, tmp_path / "spark", NOW, watch=watch)
    decide_parts(ruleset, source, tmp_path / "own", NOW)
    own = pl.concat([read_part(path) for path in parts_in(tmp_path / "own")])
    theirs = rows_of(tmp_path / "spark")

    assert killed, "the worker was to die in the middle of the run"
    assert counted == PARTS * 500
    assert theirs["part"].unique().sort().to_list() == [path.name for path in parts_in(source)]
    for name in own.columns:
        assert own[name].cast(pl.Int64).to_list() == theirs[name].cast(pl.Int64).to_list(), name


def test_parts_that_differ_are_refused_by_name(tmp_path: Path) -> None:
    people = made_people()
    parts.write_part(tmp_path / "part-0.parquet", people)
    parts.write_part(tmp_path / "part-1.parquet", people.drop("doses"))
    with pytest.raises(Unreadable, match=r"part-1\.parquet: its columns are not those"):
        cluster.types_of_parts(tmp_path)


def test_what_is_missing_is_said_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(Refusal, match="apt-get install openjdk-17-jre-headless"):
        cluster.spark_home()
    monkeypatch.setattr(cluster, "find_spec", lambda _name: None)
    with pytest.raises(Refusal, match=r"make \.venv/\.spark"):
        cluster.spark_home()
