"""The same policy on a Spark standalone cluster, for cities that one machine no longer decides.

One statement (`city_sql.py`) over Parquet parts; rows come out with the name of their part and their place in it, so
that they can be laid beside those of `parts.decide_parts`. A worker that dies costs its running tasks only: Spark gives
them to another. pyspark and Java 17 are asked for here alone; what is missing is said with the way to get it.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

import polars as pl

from pratique.core.errors import Refusal
from pratique.core.text import Text
from pratique.policy.city_sql import city_statement
from pratique.policy.model import RuleSet
from pratique.policy.parts import Unreadable, parts_in

HOST = "127.0.0.1"
READY_S = 180  # a machine that is busy with something else starts a JVM slowly
_URL = re.compile(rb"spark://[0-9.]+:[0-9]+")
_REGISTERED = b"Successfully registered with master"


class Cluster:
    """One master and some workers on this machine's loopback address; a context manager that leaves nothing behind."""

    def __init__(self, workers: int = 2, memory: str = "1g") -> None:
        self.count, self.memory, self.url = workers, memory, ""
        self.home = Path(tempfile.mkdtemp(prefix="pratique-spark-"))
        self.master: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Cluster":
        try:
            self.master = self._start("master", "master.Master", "--port", "0")
            self.url = self._wait("master", _URL).decode()
            for i in range(self.count):
                more = (
                    "--cores",
                    "1",
                    "--memory",
                    self.memory,
                    "--work-dir",
                    str(self.home / f"work{i}"),
                    self.url,
                )
                self.workers.append(self._start(f"worker{i}", "worker.Worker", *more))
            for i in range(self.count):
                self._wait(f"worker{i}", re.compile(_REGISTERED))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def kill_worker(self, i: int) -> None:
        """As a machine that loses its power: the worker and what runs on it."""
        _kill(self.workers[i])

    def close(self) -> None:
        """End every process of the cluster."""
        for process in [*self.workers, *([self.master] if self.master else [])]:
            _kill(process)
        shutil.rmtree(self.home, ignore_errors=True)

    def _start(self, name: str, what: str, *more: str) -> "subprocess.Popen[bytes]":
        command = [str(spark_home() / "bin" / "spark-class"), f"org.apache.spark.deploy.{what}"]
        command += ["--host", HOST, "--webui-port", "0", *more]
        with (self.home / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, env=_environment(), start_new_session=True, cwd=self.home
            )

    def _wait(self, name: str, wanted: "re.Pattern[bytes]") -> bytes:
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            if found := wanted.search((self.home / f"{name}.log").read_bytes()):
                return found[0]
            time.sleep(0.1)
        told = (self.home / f"{name}.log").read_bytes()[-300:].decode(errors="replace")
        raise RuntimeError(f"the Spark {name} did not start within {READY_S} s: {told}")


def decide_on_spark(
    master: str,
    ruleset: RuleSet,
    source: Path,
    target: Path,
    now: datetime,
    *,
    watch: Callable[[int, int], None] = lambda _done, _all: None,
) -> int:
    """Decide about everybody in the parts of `source`; how many people. `target` gets `part`, `row` and the columns of
    `parts.py`. `watch(done, all)` is told how many tasks are done. Raises Refusal where Spark is missing, NotInSql for
    rules that SQL cannot hold, Unreadable for parts whose columns differ."""
    types = types_of_parts(source)
    statement = city_statement(
        ruleset,
        now,
        types,
        table="parts",
        key=("part", "row"),
        dialect="spark",
    )
    session = _session(master)
    try:
        parts = session.read.parquet(*map(str, parts_in(source)))
        place = ("_metadata.file_name AS part", "_metadata.row_index AS row")
        parts.selectExpr("*", *place).createOrReplaceTempView("parts")
        frame = session.sql(statement.text).withColumnsRenamed({"k0": "part", "k1": "row"})
        _write(session, frame, target, watch)
        people: int = session.read.parquet(str(target)).count()
    finally:
        session.stop()
    return people


def rows_of(folder: Path) -> pl.DataFrame:
    """What a run wrote, in the order of the parts."""
    return pl.read_parquet(folder / "*.parquet").sort("part", "row")


def types_of_parts(source: Path) -> dict[str, str]:
    """By column, the one type that it has in every part. Raises Unreadable."""
    found: dict[str, str] = {}
    for i, path in enumerate(parts_in(source)):
        types = {name: str(dtype) for name, dtype in pl.read_parquet_schema(path).items()}
        if i and types != found:
            raise Unreadable(f"{path.name}: its columns are not those of the parts before it")
        found = types
    return found


def spark_home() -> Path:
    """Where pyspark lies. Raises Refusal with the way to get what is missing."""
    found = find_spec("pyspark")
    if found is None or found.origin is None:
        raise Refusal(
            "NO_SPARK",
            "pyspark",
            Text("pyspark is missing: make .venv/.spark", "缺少pyspark：make .venv/.spark"),
        )
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        told = "Java 17 is missing: apt-get install openjdk-17-jre-headless"
        raise Refusal("NO_JAVA", "java", Text(told, "缺少Java 17：apt-get install openjdk-17-jre-headless"))
    return Path(found.origin).parent


def _session(master: str) -> Any:
    home = spark_home()
    from pyspark.sql import SparkSession

    os.environ.update(_environment(), SPARK_HOME=str(home))
    settings = {
        "spark.driver.bindAddress": HOST,
        "spark.driver.host": HOST,
        "spark.driver.memory": "512m",
        "spark.executor.memory": "512m",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.files.openCostInBytes": str(128 << 20),  # a task a part
        "spark.task.maxFailures": "8",
        "spark.network.timeout": "20s",
        "spark.network.timeoutInterval": "5s",
        "spark.executor.heartbeatInterval": "2s",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master(master).appName("pratique")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def _write(session: Any, frame: Any, target: Path, watch: Callable[[int, int], None]) -> None:
    """Write in a thread of its own; tell how far it is meanwhile."""
    from concurrent.futures import ThreadPoolExecutor

    tracker = session.sparkContext.statusTracker()
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(frame.write.mode("overwrite").parquet, str(target))
        while not writing.done():
            for stage in tracker.getActiveStageIds():
                if (known := tracker.getStageInfo(stage)) is not None:
                    watch(known.numCompletedTasks, known.numTasks)
            time.sleep(0.05)
        writing.result()


def _environment() -> dict[str, str]:
    return {**os.environ, "SPARK_LOCAL_IP": HOST, "PYSPARK_PYTHON": sys.executable, "SPARK_NO_DAEMONIZE": "1"}


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
