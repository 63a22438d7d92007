"""The consensus of votes in a Spark DataFrame: Spark codes the columns, NumPy fits the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 - its usual name
from pyspark.sql.types import ArrayType, DoubleType, FloatType, MapType, StructType, VariantType

from crowdflower._types import describe_type
from crowdflower.exceptions import InvalidInput, warn
from crowdflower.models.arguments import check_count
from crowdflower.quality.methods import DEFAULT_METHOD, check_method, run_method
from crowdflower.tables.optional_packages import require

if TYPE_CHECKING:
    from pyspark.sql import Column

    from crowdflower.quality.vote_columns import VoteColumns

MAX_VOTES: Final = 20_000_000
"""How many votes :func:`consensus` takes by default."""

BYTES_PER_VOTE: Final = 160
"""How much memory of the driver a vote takes at most, as measured with 4 votes a task."""


class Columns(NamedTuple):
    """The names of the columns of votes."""

    task: str
    worker: str
    label: str
    weight: str | None


def consensus(
    votes: DataFrame,
    task: str = "task",
    worker: str = "worker",
    label: str = "label",
    *,
    weight: str | None = None,
    method: str = DEFAULT_METHOD,
    max_votes: int = MAX_VOTES,
    **options: Any,
) -> DataFrame:
    """Return the most probable label of each task: the same labels as without Spark.

    Spark codes the three columns as integers, which are collected; the model is fitted with NumPy
    on the driver; and Spark joins the result to the tasks. The votes are read once: what arrives
    while the consensus is computed makes no difference.

    :param votes: One row per vote.
    :param task: The name of the column with the task of each vote. So are the next two. Numbers,
        strings, dates, times and other values that are not nested.
    :param weight: The name of a column with the weight of each vote, such as the trust of the
        worker; by default all count the same.
    :param method: As of :meth:`Job.aggregate() <crowdflower.job.Job.aggregate>`.
    :param max_votes: How many votes may be collected. Each takes up to 160 bytes of the driver's
        memory, so the default of 20,000,000 takes up to 3.2 GB.
    :param options: Options of the method, such as ``known={task: label}``.
    :returns: Three columns, one row per task: the task and the label by the names that they have
        in ``votes``, and ``confidence``, the estimated probability of the label.
    :raises InvalidInput: ``votes`` is not a DataFrame of Spark, or ``max_votes`` not a positive
        integer.
    :raises ValueError: A column does not exist or has nulls, there are more than ``max_votes``
        votes, or the method or an option of it does not exist.
    :raises TypeError: A column has lists or other nested values.

    .. code-block:: python

       votes = spark.read.parquet("votes.parquet")
       best = consensus(votes, "unit_id", "worker_id", "sentiment")
       best.filter("confidence < 0.8").show()
    """
    check_method(method)
    check_count("max_votes", max_votes)
    if not isinstance(votes, DataFrame):
        raise InvalidInput(
            f"votes must be a DataFrame of Spark, not {describe_type(votes)}: make one with"
            " spark.createDataFrame(votes), or call crowdflower.quality, which needs no Spark"
        )
    pa = require("pyarrow", "spark", "consensus")
    require("numpy", "spark", "consensus")
    names = Columns(task, worker, label, weight)
    _check_columns(votes, names)
    # A copy, since each action would read a source again, perhaps with more votes than before.
    copy = votes.select(
        *(
            _column(name).alias(part)
            for part, name in zip(Columns._fields, names, strict=True)
            if name is not None
        )
    ).localCheckpoint()
    _check_votes(copy, names, max_votes)
    places = {part: _places(copy, part) for part in ("task", "worker", "label")}
    places["task"] = places["task"].localCheckpoint()
    if options.get("known"):
        options["known"] = _code_tasks(options["known"], places["task"])
    label_values = places["label"].orderBy("label_place").select("label").toArrow()["label"]
    found = run_method(method, _collect(copy, places, label_values), **options)
    if found.few_votes:
        warn(
            f"the median number of votes per worker is {found.votes_per_worker:g}: too few for"
            f" {method} to learn how reliable each is"
        )
    confidences = (found.probabilities[each][chosen] for each, chosen in found.labels.items())
    table = pa.table(
        {
            "task_place": pa.array(list(found.labels), pa.int32()),
            "label": pa.array(list(found.labels.values()), label_values.type),
            "confidence": pa.array(confidences, pa.float64()),
        }
    )
    return (
        places["task"]
        .join(votes.sparkSession.createDataFrame(table), "task_place")
        .select(F.col("task").alias(task), F.col("label").alias(label), "confidence")
    )


def _column(name: str) -> Column:
    """Return a column by its name, dots included."""
    return F.col(f"`{name.replace('`', '``')}`")


def _check_columns(votes: DataFrame, names: Columns) -> None:
    """Refuse columns that do not exist, exist twice, or cannot be a part of a vote."""
    given = {part: name for part, name in names._asdict().items() if name is not None}
    for part, name in given.items():
        count = votes.columns.count(name)
        if count > 1:
            raise ValueError(
                f"the DataFrame has {count} columns named {name!r}: rename all but one"
            )
        if not count:
            raise ValueError(
                f"the DataFrame has no column {name!r} for the {part} of a vote; its columns are:"
                f" {', '.join(votes.columns)}"
            )
        kind = votes.schema[name].dataType
        if isinstance(kind, (ArrayType, MapType, StructType, VariantType)):
            raise TypeError(
                f"the column {name!r} is of type {kind.simpleString()}, but the {part} of a vote"
                " must be a single value"
            )
    if len(set(given.values())) < len(given):
        raise ValueError(
            f"the parts of a vote must be different columns: {', '.join(given.values())}"
        )
    if "confidence" in (names.task, names.label):
        raise ValueError("the result has a column 'confidence': rename the column of the votes")


def _check_votes(votes: DataFrame, names: Columns, max_votes: int) -> None:
    """Refuse too many votes, and votes with a missing part."""
    kinds = {field.name: field.dataType for field in votes.schema}

    def is_missing(part: str) -> Column:
        missing = F.col(part).isNull()
        return (
            missing | F.isnan(part) if isinstance(kinds[part], (FloatType, DoubleType)) else missing
        )

    counts = votes.agg(
        F.count("*").alias("votes"),
        *(F.count_if(is_missing(part)).alias(part) for part in votes.columns),
    ).first()
    if counts is None:  # an aggregate always has a row
        raise AssertionError
    count = counts["votes"]
    if count > max_votes:
        raise ValueError(
            f"there are {count:,} votes, more than max_votes={max_votes:,}: with more,"
            f" {count * BYTES_PER_VOTE / 1e9:.1f} GB of the driver's memory may be needed; pass"
            f" max_votes={count} if it has them, or aggregate groups of tasks one by one"
        )
    for part in votes.columns:
        if counts[part]:
            name = getattr(names, part)
            raise ValueError(
                f"{counts[part]:,} of {count:,} votes have no {part} (null or NaN in the column"
                f" {name!r}): leave them out with votes.dropna(subset=[{name!r}])"
            )


def _places(votes: DataFrame, part: str) -> DataFrame:
    """Return the distinct values of a column, each with its place in their sorted order.

    The order is that of Python, so sums over tasks and workers are the same as without Spark.
    """
    # All are in one group, since none is null. A window without groups would log a warning.
    window = Window.partitionBy(F.col(part).isNull()).orderBy(part)
    place = (F.row_number().over(window) - 1).alias(f"{part}_place")
    return votes.select(part).distinct().select(part, place)


def _collect(votes: DataFrame, places: Mapping[str, DataFrame], label_values: Any) -> VoteColumns:
    """Return the votes as columns of integers, with the values of the labels only."""
    import pyarrow as pa  # noqa: PLC0415 - optional

    from crowdflower.quality.vote_columns import VoteColumns  # noqa: PLC0415 - imports NumPy

    for part, frame in places.items():
        votes = votes.join(frame, part)
    weights = ["weight"] if "weight" in votes.columns else []
    table = votes.select(*(f"{part}_place" for part in places), *weights).toArrow()
    labels = pa.DictionaryArray.from_arrays(
        table["label_place"].combine_chunks(), label_values.combine_chunks()
    )
    return VoteColumns.of(
        table["task_place"].to_numpy(),
        table["worker_place"].to_numpy(),
        labels,
        table["weight"].to_numpy() if weights else None,
    )


def _code_tasks(known: Mapping[Any, Any], places: DataFrame) -> dict[int, Any]:
    """Return known labels by the place of their task; tasks without votes are left out."""
    import pyarrow as pa  # noqa: PLC0415 - optional

    kind = places.limit(0).toArrow().schema.field("task").type
    try:
        tasks = pa.array(list(known), kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ValueError(f"a task in known is not of type {kind}: {error}") from None
    table = pa.table({"task": tasks, "number": pa.array(range(len(known)), pa.int32())})
    found = places.join(places.sparkSession.createDataFrame(table), "task").toArrow()
    labels = list(known.values())
    return {
        place: labels[number]
        for place, number in zip(
            found["task_place"].to_pylist(), found["number"].to_pylist(), strict=True
        )
    }
