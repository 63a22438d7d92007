"""A stream has each judgment once, across restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("pyspark")
pa = pytest.importorskip("pyarrow")
np = pytest.importorskip("numpy")

from pyspark.errors import StreamingQueryException  # noqa: E402 - pyspark may be missing

from crowdflower.spark import register  # noqa: E402 - pyspark may be missing
from crowdflower.spark.spark_options import SparkOptions  # noqa: E402 - the same
from crowdflower.spark.spark_stream import SEEN, JudgmentStream, decode_ids, encode_ids  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Account


STARTS = 5
SLOW_START = "Python worker failed to connect back"
"""Spark waits ten seconds for the process that reads a stream, which a busy machine exceeds."""


@pytest.mark.parametrize(
    "ids", [[], [1], [5, 3, 3], [2**60, 0, 7], list(range(1000, 3000, 2))], ids=len
)
def test_an_offset_holds_any_ids(ids: list[int]) -> None:
    assert decode_ids(encode_ids(ids)).tolist() == sorted(set(ids))
    assert encode_ids(ids) == encode_ids(ids[::-1])


def test_an_offset_takes_less_than_a_byte_for_each_judgment_of_a_busy_job() -> None:
    dice = np.random.default_rng(1)
    ids = np.cumsum(dice.integers(1, 4, 100_000)) + 4_000_000_000

    assert len(encode_ids(ids)) < 100_000


def test_each_judgment_comes_once_across_restarts(
    spark: Any, account: Account, tmp_path: Path
) -> None:
    register(spark)
    job = account.create_job("streamed", ({"sku": f"s{n}"} for n in range(20)))
    account.judge(job, 8)
    out, checkpoint = str(tmp_path / "out"), str(tmp_path / "checkpoint")

    def run() -> set[int]:
        """Read what is new, as a job that runs every hour does; return all judgments so far."""
        stream = spark.readStream.format("crowdflower").options(**account.options, job=job.id)
        writer = stream.load().writeStream.format("parquet").trigger(availableNow=True)
        for _ in range(STARTS):
            query = writer.option("checkpointLocation", checkpoint).start(out)
            try:
                assert query.awaitTermination(600), "the query has read all there is"
            except StreamingQueryException as error:
                if SLOW_START not in str(error):
                    raise
            else:
                break
        found = [row["judgment_id"] for row in spark.read.parquet(out).collect()]
        assert len(found) == len(set(found))
        return set(found)

    assert run() == {each.id for each in job.judgments()}
    account.judge(job, 12)
    assert run() == {each.id for each in job.judgments()}
    assert len(run()) == 60


def test_a_late_judgment_with_a_lower_id_is_not_lost(spark: Any, account: Account) -> None:
    job = account.create_job("late judgments", ({"sku": f"s{n}"} for n in range(3)))
    account.judge(job, 3)
    ids = sorted(each.id for each in job.judgments())
    options = SparkOptions.read({**account.options, "job": str(job.id)})
    schema = spark.createDataFrame([], "sentiment string, unit_id long").schema
    reader = JudgmentStream(options, schema)
    start = {SEEN: encode_ids([ids[0], *ids[2:]])}

    batches, end = reader.read(start)

    assert [batch.num_rows for batch in batches] == [1]
    assert decode_ids(end[SEEN]).tolist() == ids
    again = list(reader.readBetweenOffsets(start, end))
    assert [batch.schema.names for batch in again] == [["sentiment", "unit_id"]]
    assert sum(batch.num_rows for batch in again) == 1
    assert reader.read(end)[1] == end


def test_a_stream_of_another_table_is_refused(spark: Any, account: Account, tmp_path: Path) -> None:
    register(spark)
    job = account.create_job("no stream", [{"sku": 1}])
    stream = spark.readStream.format("crowdflower").options(**account.options, job=job.id)
    writer = stream.option("table", "units").load().writeStream.format("parquet")
    writer = writer.option("checkpointLocation", str(tmp_path / "checkpoint"))

    for _ in range(STARTS):
        with pytest.raises(StreamingQueryException) as caught:
            writer.trigger(availableNow=True).start(str(tmp_path / "out")).awaitTermination(600)
        if SLOW_START not in str(caught.value):
            break

    assert "a stream has new judgments, not units" in str(caught.value)


def test_the_id_of_a_stream_may_be_in_another_case(spark: Any, account: Account) -> None:
    job = account.create_job("upper case", ({"sku": f"s{n}"} for n in range(2)))
    account.judge(job, 2)
    options = SparkOptions.read({**account.options, "job": str(job.id)})
    schema = spark.createDataFrame([], "JUDGMENT_ID long").schema

    batches, end = JudgmentStream(options, schema).read({SEEN: encode_ids([])})

    ids = sorted(each.id for each in job.judgments())
    assert sorted(next(batches)["JUDGMENT_ID"].to_pylist()) == ids
    assert decode_ids(end[SEEN]).tolist() == ids
