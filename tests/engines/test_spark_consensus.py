"""The consensus of votes in a DataFrame is the one that is computed without Spark."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import pytest

pytest.importorskip("pyspark")
pa = pytest.importorskip("pyarrow")
np = pytest.importorskip("numpy")

from crowdflower.exceptions import InvalidInput  # noqa: E402 - after the checks
from crowdflower.quality import METHODS, VoteColumns, run_method  # noqa: E402 - numpy may be missing
from crowdflower.spark import consensus  # noqa: E402 - pyspark may be missing


def simulate(votes: int, seed: int = 1, labels: int = 4) -> Any:
    """Return votes in which workers differ, and some tasks are tied."""
    dice = random.Random(seed)  # noqa: S311 - a simulation
    tasks, workers = votes // 4, max(votes // 40, 3)
    truth = [dice.randrange(labels) for _ in range(tasks)]
    skill = [dice.uniform(0.4, 0.95) for _ in range(workers)]
    rows = []
    for number in range(votes):
        task, worker = number % tasks, dice.randrange(workers)
        right = dice.random() < skill[worker]
        rows.append((f"t{task}", worker, f"l{truth[task] if right else dice.randrange(labels)}"))
    dice.shuffle(rows)
    return pa.table(dict(zip(("task", "worker", "label"), zip(*rows, strict=True), strict=True)))


def as_dict(frame: Any) -> dict[Any, tuple[Any, float]]:
    """Return label and confidence by task."""
    assert frame.columns[2] == "confidence"
    rows = frame.collect()
    found = {row[0]: (row[1], row[2]) for row in rows}
    assert len(found) == len(rows), "a task occurs once"
    return found


def locally(method: str, votes: Any, **options: Any) -> dict[Any, tuple[Any, float]]:
    """Return the same without Spark."""
    found = run_method(method, votes, **options)
    return {task: (each, found.probabilities[task][each]) for task, each in found.labels.items()}


@pytest.mark.parametrize("method", METHODS)
def test_labels_and_confidences_are_those_without_spark(spark: Any, method: str) -> None:
    table = simulate(4000)
    votes = spark.createDataFrame(table).repartition(3)

    found = as_dict(consensus(votes, method=method))

    assert found == locally(method, VoteColumns.from_arrow(table))


@pytest.mark.filterwarnings("ignore:the median number of votes")
@pytest.mark.parametrize(
    "values",
    [
        [10, 9, 2],
        ["b", "B", "ä", "𝄞", "￿", ""],
        [1.5, -0.5, 10.0],
        [date(2026, 1, 2), date(2025, 12, 31)],
        [True, False],
        [b"x", b"\xff"],
    ],
    ids=lambda values: type(values[0]).__name__,
)
def test_ties_are_broken_alike_for_values_of_any_type(spark: Any, values: list[Any]) -> None:
    votes = [
        (values[task % len(values)], values[worker % len(values)], values[(task + worker) % 2])
        for task in range(len(values))
        for worker in range(2)
    ]
    frame = spark.createDataFrame(votes, ["unit.id", "by", "sentiment"])

    found = consensus(frame, "unit.id", "by", "sentiment")

    assert found.columns == ["unit.id", "sentiment", "confidence"]
    assert found.schema["sentiment"].dataType == frame.schema["sentiment"].dataType
    assert as_dict(found) == locally("hierarchical-dawid-skene", votes)


def test_weights_and_options_of_a_method_have_their_effect(spark: Any) -> None:
    table = simulate(400, labels=2)
    weights = [0.0, 0.5, 1.0, 2.0] * 100
    frame = spark.createDataFrame(table.append_column("trust", pa.array(weights)))
    # A label that nobody gave may be known, and so may tasks without votes.
    options: dict[str, Any] = {"known": {"t3": "l9", "t5": "l1", "nowhere": "l0"}}

    found = as_dict(consensus(frame, weight="trust", **options))

    columns = (table[name].to_pylist() for name in table.column_names)
    expected = locally("hierarchical-dawid-skene", VoteColumns.of(*columns, weights), **options)
    assert found == expected
    assert found["t3"] == ("l9", 1.0)


def test_a_known_task_of_another_type_is_refused(spark: Any) -> None:
    frame = spark.createDataFrame([(1, 1, "a"), (1, 2, "b")], ["task", "worker", "label"])

    with pytest.raises(ValueError, match="a task in known is not of type int64"):
        consensus(frame, known={"one": "a"})


def test_too_many_votes_are_refused_and_the_limit_can_be_raised(spark: Any) -> None:
    frame = spark.createDataFrame(simulate(400))

    with pytest.raises(ValueError, match=r"there are 400 votes, more than max_votes=399.*pass"):
        consensus(frame, max_votes=399)

    assert consensus(frame, max_votes=400).count() == 100


@pytest.mark.parametrize(
    ("row", "part"),
    [
        ((None, 1, "a"), "task"),
        ((float("nan"), 1, "a"), "task"),
        ((1.0, None, "a"), "worker"),
        ((1.0, 1, None), "label"),
    ],
)
def test_a_missing_part_of_a_vote_is_refused_with_what_to_do(
    spark: Any, row: tuple[Any, ...], part: str
) -> None:
    frame = spark.createDataFrame([(1.0, 1, "b"), row], "unit double, by int, mood string")

    with pytest.raises(ValueError, match=rf"1 of 2 votes have no {part} .*dropna\(subset="):
        consensus(frame, "unit", "by", "mood")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"label": "mood"}, ValueError, "no column 'mood' for the label of a vote; its columns"),
        ({"label": "several"}, TypeError, "array<string>, but the label of a vote must be a"),
        ({"label": "task"}, ValueError, "must be different columns: task, worker, task"),
        ({"label": "confidence"}, ValueError, "rename the column of the votes"),
        ({"method": "guess"}, ValueError, "no method 'guess'; choose from: hierarchical"),
        ({"worker": "twice"}, ValueError, "has 2 columns named 'twice': rename all but one"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_read(
    spark: Any, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    frame = spark.createDataFrame([], "task int, worker int, label string, confidence double")
    frame = frame.selectExpr("*", "array(label) several", "1 twice", "2 twice")

    with pytest.raises(error, match=message):
        consensus(frame, **arguments)


def test_no_votes_have_no_labels(spark: Any) -> None:
    frame = spark.createDataFrame([], "task int, worker string, label boolean")

    found = consensus(frame)

    assert found.collect() == []
    assert found.dtypes == [("task", "int"), ("label", "boolean"), ("confidence", "double")]


def test_votes_that_change_while_they_are_read_do_not_mix_up_tasks(spark: Any) -> None:
    seen = spark.sparkContext.accumulator(0)

    def grow(batches: Any) -> Any:
        for batch in batches:
            seen.add(1)
            yield batch

    frame = spark.createDataFrame(simulate(400)).coalesce(1)
    frame = frame.mapInArrow(grow, frame.schema)

    found = consensus(frame)

    assert found.count() == found.count() == 100
    assert seen.value == 1, "the votes are read once, however often the result is"


def test_few_votes_per_worker_are_reported(spark: Any) -> None:
    frame = spark.createDataFrame([(1, 1, "a"), (1, 2, "b")], ["task", "worker", "label"])

    with pytest.warns(UserWarning, match="the median number of votes per worker is 1: too few"):
        consensus(frame)


@pytest.mark.parametrize("votes", [[("t1", 7, "good")], None, pa.table({"task": [1]})])
def test_votes_must_be_a_data_frame_of_spark(votes: Any) -> None:
    with pytest.raises(InvalidInput, match=r"votes must be a DataFrame of Spark, not .*: make one"):
        consensus(votes)


@pytest.mark.parametrize("max_votes", ["x", 0, 1.5, None])
def test_max_votes_must_be_a_positive_integer(max_votes: Any) -> None:
    with pytest.raises(InvalidInput, match="max_votes must be a positive integer"):
        consensus(None, max_votes=max_votes)  # type: ignore[arg-type]
