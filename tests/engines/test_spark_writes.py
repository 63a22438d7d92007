"""Rows of a DataFrame become units, each once, or none at all."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("pyspark")
pa = pytest.importorskip("pyarrow")

from crowdflower.spark import register  # noqa: E402 - pyspark may be missing

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Account

    from crowdflower.job import Job


@pytest.fixture
def save(spark: Any, account: Account) -> Any:
    """A function that writes a DataFrame with some options."""
    register(spark)

    def write(frame: Any, mode: str = "append", **options: Any) -> None:
        writer = frame.write.format("crowdflower").options(**account.options, **options)
        writer.mode(mode).save()

    return write


@pytest.fixture
def job(account: Account) -> Job:
    return account.create_job("written by Spark")


def skus(job: Job) -> Counter[str]:
    """Return how often each row is in the job."""
    return Counter(unit.data["sku"] for unit in job.units)


def rows(spark: Any, count: int = 30, partitions: int = 3) -> Any:
    frame = spark.range(0, count, 1, partitions)
    return frame.selectExpr("concat('s', id) sku", "id * 1.5d price", "array('x', 'y') tags")


def test_rows_become_units_that_are_not_ordered(spark: Any, save: Any, job: Job) -> None:
    save(rows(spark), job=job.id, key="sku")

    assert skus(job) == {f"s{n}": 1 for n in range(30)}
    assert {unit.state for unit in job.units} == {"new"}
    first = next(unit.data for unit in job.units if unit.data["sku"] == "s3")
    assert (first["price"], first["tags"]) == (4.5, ["x", "y"])


def test_a_second_write_adds_only_what_is_new(spark: Any, save: Any, job: Job) -> None:
    save(rows(spark, 10), job=job.id, key="sku")
    save(rows(spark, 25), job=job.id, key="sku")

    assert skus(job) == {f"s{n}": 1 for n in range(25)}


def test_a_job_may_be_given_by_its_alias(spark: Any, save: Any, account: Account, job: Job) -> None:
    job.alias = "reviews-by-spark"
    job.update()

    save(rows(spark, 5), alias="reviews-by-spark", key="sku")

    assert len(skus(job)) == 5


def test_the_job_is_launched_once_under_a_key(
    spark: Any, save: Any, account: Account, job: Job, tmp_path: Path
) -> None:
    options = {"job": job.id, "key": "sku", "launch_key": "run-1", "max_cost_cents": 10_000}
    options["journal"] = str(tmp_path / "payments")

    save(rows(spark, 10), **options)
    balance = account.client.get_account()["balance"]
    save(rows(spark, 10), **options)

    assert job.reload().state == "running"
    assert account.client.get_account()["balance"] == balance
    assert len(skus(job)) == 10


def test_what_costs_too_much_is_not_launched_and_leaves_nothing(
    spark: Any, save: Any, job: Job
) -> None:
    with pytest.raises(Exception, match="max_cost_cents") as caught:
        save(rows(spark), job=job.id, key="sku", launch_key="run-2", max_cost_cents=1)

    assert "but the launch failed. The driver now removes the rows" in str(caught.value)
    assert "commit_write again" not in str(caught.value)
    assert skus(job) == {}
    assert job.reload().state == "unordered"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_task_that_is_killed_and_tried_again_leaves_no_doubled_row(
    spark: Any, save: Any, job: Job, tmp_path: Path, when: str
) -> None:
    mark = str(tmp_path / "killed")

    def kill_once(batches: Any) -> Any:
        """End the process in the first attempt, when some or all rows were handed on."""
        for batch in batches:
            is_victim = batch["sku"][0].as_py() == "s0" and not os.path.exists(mark)  # noqa: PTH110
            if is_victim and when == "before":
                os.close(os.open(mark, os.O_CREAT))
                os._exit(1)
            yield batch
        if when == "after" and is_victim:
            os.close(os.open(mark, os.O_CREAT))
            os._exit(1)

    frame = rows(spark, 300)
    frame = frame.mapInArrow(kill_once, frame.schema)

    save(frame, job=job.id, key="sku")

    assert os.path.exists(mark), "a process was killed"  # noqa: PTH110
    assert skus(job) == {f"s{n}": 1 for n in range(300)}


def killing_source(mark: Path) -> Any:
    """Return a source whose first task ends its process when it has staged its rows.

    Its classes are local, so that they are pickled by value: workers cannot import this file.
    """
    from crowdflower.spark.spark_source import (  # noqa: PLC0415 - imports pyspark
        CrowdflowerSource,
        CrowdflowerWriter,
    )

    class KillingWriter(CrowdflowerWriter):
        def write(self, iterator: Any) -> Any:
            staged = CrowdflowerWriter.write(self, iterator)
            if not mark.exists():
                mark.touch()
                os._exit(1)
            return staged

    class KillingSource(CrowdflowerSource):
        @classmethod
        def name(cls) -> str:
            return "killing"

        def writer(self, schema: Any, overwrite: bool) -> Any:
            made = CrowdflowerSource.writer(self, schema, overwrite)
            return KillingWriter(made.options, made.token)

    return KillingSource


def test_a_task_that_is_killed_after_its_rows_were_sent_leaves_no_doubled_row(
    spark: Any, save: Any, job: Job, account: Account, tmp_path: Path
) -> None:
    mark = tmp_path / "killed"
    spark.dataSource.register(killing_source(mark))

    writer = rows(spark, 300).write.format("killing").options(**account.options)
    writer.options(job=job.id, key="sku").mode("append").save()

    assert mark.exists()
    assert skus(job) == {f"s{n}": 1 for n in range(300)}


def test_a_write_that_fails_for_good_takes_its_rows_back(spark: Any, save: Any, job: Job) -> None:
    save(rows(spark, 5), job=job.id, key="sku")

    def fail_late(batches: Any) -> Any:
        import time  # noqa: PLC0415 - in the worker

        for batch in batches:
            yield batch
            if batch["sku"][-1].as_py() == "s29":
                time.sleep(1)
                raise ValueError("no more")

    frame = rows(spark)
    with pytest.raises(Exception, match="no more"):
        save(frame.mapInArrow(fail_late, frame.schema), job=job.id, key="sku")

    assert skus(job) == {f"s{n}": 1 for n in range(5)}


def test_rows_with_the_same_key_are_refused(spark: Any, save: Any, job: Job) -> None:
    frame = rows(spark, 10, 2)

    with pytest.raises(Exception, match="s7") as caught:
        save(frame.union(frame.filter("sku = 's7'")), job=job.id, key="sku")

    assert "Nothing was launched. The driver now removes the rows" in str(caught.value)
    assert "stays staged" not in str(caught.value)
    assert "write_partition." not in str(caught.value)
    assert skus(job) == {}


def test_an_empty_frame_writes_nothing(spark: Any, save: Any, job: Job) -> None:
    save(rows(spark).filter("false"), job=job.id, key="sku")

    assert skus(job) == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "overwrite"}, "units are only ever added: use .mode"),
        ({"mode": "errorifexists"}, "use either the .Append."),
        ({"key": "s3cret-key"}, "the option key must name the column .* are: sku, price, tags"),
        ({"key": None}, "pass the column that identifies a row"),
        ({"job": None}, "pass the job to write to"),
        ({"max_cost_cents": "5"}, "max_cost_cents needs launch_key"),
        ({"max_cost_cent": "5"}, "no option 'max_cost_cent' to write; did you mean"),
        ({"max_cost_cents": "0.5", "launch_key": "a"}, "max_cost_cents must be a whole number"),
    ],
)
def test_wrong_writes_are_refused_before_a_row_is_sent(
    spark: Any, save: Any, job: Job, options: dict[str, Any], message: str
) -> None:
    given = {"job": str(job.id), "key": "sku", **options}

    with pytest.raises(Exception, match=message) as caught:
        save(rows(spark), **{name: value for name, value in given.items() if value is not None})

    assert "s3cret" not in str(caught.value)
    assert skus(job) == {}
