"""Votes in Spark to labels, and two jobs of 100,000 units joined with a table.

::

    python -m tests.benchmarks spark_consensus

Five million simulated votes, with 4 labels and texts as ids, become labels by ``consensus``. The
floor collects the votes as they are, and aggregates them without Spark. Processor time and memory
are those of the driver without its Java machine. It needs PySpark, NumPy and Java.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.harness import Benchmark, Figures, Line, Stopwatch, compare, run_case, scaled

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

VOTES, VOTES_PER_TASK, VOTES_PER_WORKER, LABELS = scaled(5_000_000), 4, 100, 4
UNITS = scaled(100_000)
LEAST_RIGHT = 0.8
"""Least share of right labels; it is about 0.93."""

NEEDS = ["pyspark", "pyarrow", "numpy"]
WORKS = [
    Benchmark(
        f"{VOTES:,} votes, from Spark",
        "consensus",
        "collected",
        needs=NEEDS,
        count=VOTES,
        rounds=1,
    ),
    Benchmark(
        f"two jobs of {UNITS:,} units, joined",
        "join",
        needs=NEEDS,
        count=2 * UNITS,
        clock="seconds",
        rounds=1,
    ),
]


@contextmanager
def session() -> Iterator[SparkSession]:
    """Yield a session of Spark on this machine, with two tasks at a time."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - optional

    os.environ["PYSPARK_PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.memory": "3g",
            "spark.local.dir": folder,
            "spark.log.level": "ERROR",
            "spark.sql.shuffle.partitions": "4",
            "spark.sql.warehouse.dir": f"{folder}/warehouse",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }
        builder = SparkSession.builder.master("local[2]")
        for name, value in settings.items():
            builder = builder.config(name, value)
        spark = builder.getOrCreate()
        try:
            yield spark
        finally:
            spark.stop()


def simulate(spark: SparkSession, folder: str) -> DataFrame:
    """Return votes that were written to a file, with the right label of each task."""
    tasks, workers = VOTES // VOTES_PER_TASK, max(VOTES // VOTES_PER_WORKER, 5)
    frame = spark.range(0, VOTES, 1, 4).selectExpr(
        f"id % {tasks} task", f"cast(rand(1) * {workers} as int) worker", "rand(2) dice"
    )
    frame = frame.selectExpr(
        "concat('task ', task) task",
        "concat('worker ', worker) worker",
        # Workers are right with a probability between 0.5 and 0.95, and else give any label.
        f"""concat('label ', if(dice < 0.5 + 0.45 * pmod(hash(worker), 100) / 100,
            pmod(hash(task), {LABELS}), pmod(hash(dice), {LABELS}))) label""",
        f"concat('label ', pmod(hash(task), {LABELS})) truth",
    )
    frame.write.parquet(f"{folder}/votes")
    return spark.read.parquet(f"{folder}/votes")


def consensus_ours(watch: Stopwatch) -> None:
    """Aggregate a DataFrame, and collect the labels."""
    from crowdflower.spark import consensus  # noqa: PLC0415 - optional

    with session() as spark, tempfile.TemporaryDirectory() as folder:
        votes = simulate(spark, folder)
        with watch():
            best = consensus(votes).toArrow()
        assert best.num_rows == VOTES // VOTES_PER_TASK, best.num_rows
        truth = votes.select("task", "truth").distinct()
        found = spark.createDataFrame(best).join(truth, "task")
        right = found.selectExpr("avg(double(label = truth))").collect()[0][0]
        assert right >= LEAST_RIGHT, f"only {right:.1%} of the labels are right"


def collected_floor(watch: Stopwatch) -> None:
    """Collect the votes, and aggregate them without Spark."""
    from crowdflower.quality import VoteColumns, hierarchical_dawid_skene  # noqa: PLC0415

    with session() as spark, tempfile.TemporaryDirectory() as folder:
        votes = simulate(spark, folder).select("task", "worker", "label")
        with watch():
            labels = hierarchical_dawid_skene(VoteColumns.from_arrow(votes.toArrow())).labels
        assert len(labels) == VOTES // VOTES_PER_TASK


def join_ours(watch: Stopwatch) -> None:
    """Read the units of two jobs, and join them with a table."""
    from crowdflower.sandbox import Sandbox  # noqa: PLC0415 - of this process only
    from crowdflower.spark import register  # noqa: PLC0415 - optional

    with Sandbox() as box, session() as spark, tempfile.TemporaryDirectory() as folder:
        client = box.client()
        jobs = [client.create_job({"title": f"Job {each}"}) for each in "ab"]
        for job in jobs:
            job.upload({"sku": f"{job.id}-{n}", "size": n % 100} for n in range(UNITS))
        key_file = Path(folder, "key")
        key_file.write_text(box.key, encoding="utf-8")
        register(spark)
        reader = spark.read.format("crowdflower").option("url", box.url)
        reader = reader.option("key_file", str(key_file)).option("table", "units")
        names = spark.range(0, UNITS, 1, 2).selectExpr("id", "id % 7 kind")
        table = names.selectExpr(f"concat('{jobs[0].id}-', id) sku", "kind").union(
            names.selectExpr(f"concat('{jobs[1].id}-', id) sku", "kind")
        )
        with watch():
            units = reader.option("job", f"{jobs[0].id},{jobs[1].id}").load()
            found = units.join(table, "sku").groupBy("job_id").count().collect()
        assert [row["count"] for row in found] == [UNITS, UNITS], found


def lines(rounds: int) -> Iterator[Line]:
    """Yield a line per benchmark, or one that says that there is no Java."""
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        yield Line("Spark", note="skipped: needs Java")
        return
    run: partial[Figures] = partial(run_case, __name__)
    for work in WORKS:
        yield compare(work, run, rounds)
