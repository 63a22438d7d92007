"""The same source on Sail, an engine with the interface of Spark and without Java."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("pyspark")
pa = pytest.importorskip("pyarrow")
pysail = pytest.importorskip("pysail.spark")

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Account

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning:pyspark"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

NEWEST_CLIENT = (4, 2)
"""Sail refuses clients from this version on."""


@pytest.fixture(scope="module")
def sail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session on a server in this process."""
    import pyspark  # noqa: PLC0415 - optional

    if tuple(map(int, pyspark.__version__.split(".")[:2])) >= NEWEST_CLIENT:
        pytest.skip(f"Sail takes PySpark 4.1, not {pyspark.__version__}")
    from pyspark.sql import SparkSession  # noqa: PLC0415 - optional

    from crowdflower.spark import register  # noqa: PLC0415 - optional

    with pytest.MonkeyPatch.context() as patch:
        checkpoints = tmp_path_factory.mktemp("checkpoints")
        patch.setenv("SAIL_EXECUTION__CHECKPOINT__PATH", f"file://{checkpoints}")
        server = pysail.SparkConnectServer("127.0.0.1", 0)
        server.start(background=True)
        _, port = server.listening_address
        session = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
        register(session)
        try:
            yield session
        finally:
            session.stop()
            server.stop()


def test_it_reads_what_one_machine_reads(sail: Any, account: Account) -> None:
    job = account.create_job("read by Sail", ({"sku": f"s{n}"} for n in range(10)))
    account.judge(job, 10)

    reader = sail.read.format("crowdflower").options(**account.options, job=str(job.id))
    found = reader.option("table", "results").load()
    good = reader.option("table", "judgments").load().filter("sentiment = 'good'")

    expected = job.results().to_arrow()
    assert sorted(found.toArrow().to_pylist(), key=repr) == sorted(expected.to_pylist(), key=repr)
    answers = job.judgments().to_arrow()["sentiment"].to_pylist()
    assert good.count() == answers.count("good")


def test_it_reads_units_by_pages(sail: Any, account: Account) -> None:
    job = account.create_job("units by Sail", ({"sku": n} for n in range(1500)))

    reader = sail.read.format("crowdflower").options(**account.options, job=str(job.id))
    found = reader.option("table", "units").option("partitions", "2").load()

    assert sorted(found.toArrow()["sku"].to_pylist()) == list(range(1500))


def test_it_writes_each_row_once(sail: Any, account: Account) -> None:
    job = account.create_job("written by Sail")
    frame = sail.range(0, 40, 1, 3).selectExpr("concat('s', id) sku", "id * 2 size")

    for _ in range(2):
        writer = frame.write.format("crowdflower").options(**account.options)
        writer.option("job", str(job.id)).option("key", "sku").mode("append").save()

    assert sorted(unit.data["sku"] for unit in job.units) == sorted(f"s{n}" for n in range(40))


def test_it_finds_the_same_consensus(sail: Any) -> None:
    pytest.importorskip("numpy")
    from crowdflower.quality import hierarchical_dawid_skene  # noqa: PLC0415 - optional
    from crowdflower.spark import consensus  # noqa: PLC0415 - optional

    votes = [(f"t{n % 50}", n % 7, "ab"[(n * n + n // 11) % 2]) for n in range(600)]
    frame = sail.createDataFrame(votes, ["task", "worker", "label"])

    found = {row["task"]: row["label"] for row in consensus(frame).collect()}

    assert found == hierarchical_dawid_skene(votes).labels
