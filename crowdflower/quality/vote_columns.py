"""Votes in columns of integers: read without an object for each, and sorted for the models.

A task, a worker and a label are numbers in the sorted order of their values, and the votes are
sorted too. Sums of floating-point numbers depend on their order in the last digit, and expectation
maximization can amplify that; so the order in which votes are given makes no difference.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from crowdflower.quality.consensus import (
    check_vote,
    check_weight,
    is_missing,
    sort_values,
    split_vote,
)

Integers = NDArray[np.int32]
Floats = NDArray[np.float64]

PARTS: Final = ("task", "worker", "label")

SPARSE: Final = 4
"""How many times more numbers than votes a column of integers may span to be coded by a table."""


@dataclass(frozen=True, repr=False, eq=False)
class VoteColumns:
    """Votes as columns: for each vote its task, worker and label, as positions in lists of values.

    Every consensus method takes them in place of ``(task, worker, label)`` tuples. The default
    method then needs no Python object per vote. Iterating yields the tuples.

    >>> import numpy
    >>> votes = VoteColumns.of([1, 1, 2], ["ann", "bob", "ann"], ["x", "y", "y"])
    >>> votes, list(votes)[0]
    (<VoteColumns of 3 votes by 2 workers on 2 tasks>, (1, 'ann', 'x'))
    >>> from crowdflower.quality import hierarchical_dawid_skene
    >>> hierarchical_dawid_skene(votes).labels[2]
    'y'
    """

    task: Integers
    """The task of each vote, ascending, as a position in :attr:`task_values`."""

    worker: Integers
    label: Integers

    weight: Floats | None
    """The weight of each vote; ``None`` if all are 1."""

    task_values: list[Any]
    worker_values: list[Any]
    label_values: list[Any]

    task_order: Integers
    """The positions of the tasks, in the order in which they were first given."""

    worker_order: Integers
    label_order: Integers

    @classmethod
    def of(
        cls,
        tasks: Iterable[Any],
        workers: Iterable[Any],
        labels: Iterable[Any],
        weights: Iterable[float] | None = None,
    ) -> Self:
        """Return the votes in three columns of equal length, with the weight of each.

        :param tasks: The task of each vote: a NumPy array, a column of Arrow, pandas or polars, or
            any iterable of hashable values. So are the others.
        :raises ValueError: The columns have different lengths, a value is missing (``None``, NaN,
            NaT, NA), or a weight is not a finite number >= 0.
        :raises TypeError: A value is not hashable.
        """
        columns = [_encode(column) for column in (tasks, workers, labels)]
        lengths = [len(codes) for codes, _ in columns]
        if len(set(lengths)) > 1:
            found = ", ".join(f"{n} {name}s" for n, name in zip(lengths, PARTS, strict=True))
            raise ValueError(f"the columns must have the same length; there are {found}")
        return cls._sorted(columns, _weight_column(weights, lengths[0]))

    @classmethod
    def from_arrow(
        cls, table: Any, task: str = "task", worker: str = "worker", label: str = "label"
    ) -> Self:
        """Return the votes in three columns of a table, without a Python object for each.

        :param table: An Arrow table, a polars or pandas frame, or anything else that exports
            itself as an Arrow stream (``__arrow_c_stream__``).
        :param task: The name of the column, as are the others.
        :raises ImportError: ``pyarrow`` is not installed.
        :raises ValueError: A column or a value is missing.
        """
        try:
            import pyarrow as pa  # noqa: PLC0415 - optional
        except ImportError as missing:
            raise ImportError(
                "votes from Arrow need pyarrow, which is not installed:"
                " pip install 'crowdflower-client[arrow]'"
            ) from missing
        if not isinstance(table, pa.Table):
            table = pa.RecordBatchReader.from_stream(table).read_all()
        for name in (task, worker, label):
            if name not in table.column_names:
                raise ValueError(
                    f"the table has no column {name!r}; its columns are:"
                    f" {', '.join(table.column_names)}"
                )
        return cls.of(table[task], table[worker], table[label])

    @classmethod
    def read(
        cls,
        votes: Iterable[tuple[Any, Any, Any]],
        weights: Iterable[float] | None = None,
    ) -> Self:
        """Return checked votes, without those of weight 0. Errors are those of ``Votes.read``."""
        if isinstance(votes, cls):
            if weights is not None:  # the columns are sorted, so the order of the weights is lost
                raise ValueError("pass the weights of votes in columns to VoteColumns.of")
            return votes
        columns = array("i"), array("i"), array("i")
        codes: tuple[dict[Any, int], ...] = {}, {}, {}
        (add_task, add_worker, add_label), (tasks, workers, labels) = (
            [column.append for column in columns],
            codes,
        )
        number, vote = 0, ((), (), ())
        try:
            for number, vote in enumerate(votes, 1):  # noqa: B007 - for the message
                task, worker, label = vote
                add_task(tasks.setdefault(task, len(tasks)))
                add_worker(workers.setdefault(worker, len(workers)))
                add_label(labels.setdefault(label, len(labels)))
        except (TypeError, ValueError):
            check_vote(number, split_vote(number, vote))
            raise  # the votes themselves could not be read
        encoded = [
            (np.frombuffer(column, np.int32) if column else np.zeros(0, np.int32), list(values))
            for column, values in zip(columns, codes, strict=True)
        ]
        return cls._sorted(encoded, _weight_column(weights, number))

    @classmethod
    def _sorted(cls, columns: Sequence[tuple[Integers, list[Any]]], weight: Floats | None) -> Self:
        """Number the values in their sorted order, and sort the votes.

        Votes of weight 0 are left out, and so are values that only they have.
        """
        _refuse_missing(columns)
        if weight is not None and not weight.all():
            kept = weight > 0
            columns = [_without_unused(codes[kept], values) for codes, values in columns]
            weight = weight[kept]
        if weight is not None and (weight == 1).all():
            weight = None
        numbers, names, orders = [], [], []
        for codes, values in columns:
            ordered = sort_values(values)
            place = {value: number for number, value in enumerate(ordered)}
            rank = np.fromiter(map(place.__getitem__, values), np.int32, len(values))
            numbers.append(rank[codes])
            names.append(ordered)
            orders.append(rank)
        task, worker, label = numbers
        order = _order(task, worker, label, weight, [len(each) for each in names])
        task, worker, label = (column[order] for column in numbers)
        weight = None if weight is None else weight[order]
        tasks, workers, labels = names
        return cls(task, worker, label, weight, tasks, workers, labels, *orders)

    def __len__(self) -> int:
        return len(self.task)

    def __iter__(self) -> Iterator[tuple[Any, Any, Any]]:
        tasks, workers, labels = self.task_values, self.worker_values, self.label_values
        columns = (each.tolist() for each in (self.task, self.worker, self.label))
        for task, worker, label in zip(*columns, strict=True):
            yield tasks[task], workers[worker], labels[label]

    def __repr__(self) -> str:
        return (
            f"<VoteColumns of {len(self):,} votes by {len(self.worker_values):,} workers on"
            f" {len(self.task_values):,} tasks>"
        )

    def with_labels(self, more: Collection[Any]) -> Self:
        """Return the same votes, with more labels that are possible."""
        known = set(self.label_values)
        if known.issuperset(more):
            return self
        values = sort_values(dict.fromkeys([*self.label_values, *more]))
        place = {value: number for number, value in enumerate(values)}
        rank = np.array([place[value] for value in self.label_values], np.int32)
        return replace(
            self,
            label=rank[self.label],
            label_values=values,
            label_order=rank[self.label_order],
        )

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """The number of the first vote of each task, and the number of votes at the end."""
        counts = np.bincount(self.task, minlength=len(self.task_values))
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])

    @cached_property
    def by_worker(self) -> Floats:
        """The sum of the weights of each worker's votes."""
        sums = np.bincount(self.worker, self.weight, minlength=len(self.worker_values))
        return sums.astype(np.float64, copy=False)

    @property
    def votes_per_worker(self) -> float:
        """The median number of votes of a worker; 0 without votes."""
        if not len(self):
            return 0
        return float(np.median(np.bincount(self.worker, minlength=len(self.worker_values))))

    def known_share(self, half_known: float) -> float:
        """Return how well the workers are known from their other votes, in [0, 1)."""
        if not len(self):
            return 0.0
        if self.weight is None:
            counts = self.by_worker
            others = counts - 1
            return float((counts * others / (others + half_known)).sum() / len(self))
        others = np.maximum(self.by_worker[self.worker] - self.weight, 0.0)
        known = self.weight * others / (others + half_known)
        return float(known.sum() / self.weight.sum())

    # One task or worker, for results that are computed on demand

    def on_task(self, task: int) -> list[tuple[int, int, int, float]]:
        """Return number, worker, label and weight of each vote on a task."""
        start, end = int(self.first[task]), int(self.first[task + 1])
        weights = [1.0] * (end - start) if self.weight is None else self.weight[start:end].tolist()
        workers, labels = self.worker[start:end].tolist(), self.label[start:end].tolist()
        return list(zip(range(start, end), workers, labels, weights, strict=True))

    def of_worker(self, worker: int) -> list[tuple[int, float]]:
        """Return the task and the weight of each vote of a worker."""
        votes = np.flatnonzero(self.worker == worker)
        weights = [1.0] * len(votes) if self.weight is None else self.weight[votes].tolist()
        return list(zip(self.task[votes].tolist(), weights, strict=True))


def _encode(column: Iterable[Any]) -> tuple[Integers, list[Any]]:
    """Return the position of each value among the distinct ones, and those as Python objects."""
    if isinstance(column, np.ndarray) and column.ndim == 1 and column.dtype.kind in "iubfUS":
        return _encode_array(column)
    if hasattr(column, "dictionary_encode"):  # an Arrow column
        return _encode_arrow(column)
    codes = array("i")
    add, places = codes.append, dict[Any, int]()
    for value in column:
        add(places.setdefault(value, len(places)))
    return (np.frombuffer(codes, np.int32) if codes else np.zeros(0, np.int32)), list(places)


def _encode_array(column: NDArray[Any]) -> tuple[Integers, list[Any]]:
    """Return the position of each value among the distinct ones, in the order they were given."""
    span = (
        int(column.max()) - int(column.min()) + 1
        if column.dtype.kind in "iu" and len(column)
        else 0
    )
    if 0 < span <= SPARSE * len(column):  # without sorting
        values = np.arange(span) + int(column.min())
        codes = (column - column.min()).astype(np.int64)
        first = np.full(span, len(column))
        first[codes[::-1]] = np.arange(len(column))[::-1]
    else:
        values, first, codes = np.unique(column, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    order = order[: np.count_nonzero(first < len(column))]
    place = np.empty(len(values), np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return place[codes], values[order].tolist()


def _encode_arrow(column: Any) -> tuple[Integers, list[Any]]:
    encoded = column.dictionary_encode()
    if hasattr(encoded, "combine_chunks"):  # a column of a table
        encoded = encoded.combine_chunks()
    if encoded.null_count:
        at = encoded.is_valid().to_pylist().index(False) + 1
        raise ValueError(f"vote {at} has a null: leave out votes with a missing part")
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    return codes, encoded.dictionary.to_pylist()


def _weight_column(weights: Iterable[float] | None, count: int) -> Floats | None:
    """Return one checked weight for each vote."""
    if weights is None:
        return None
    found = np.fromiter(
        (check_weight(number, weight) for number, weight in enumerate(weights, 1)), np.float64
    )
    if len(found) > count:
        raise ValueError("there are more weights than votes: give one for each vote")
    if len(found) < count:
        check_weight(len(found) + 1, None)
    return found


def _refuse_missing(columns: Sequence[tuple[Integers, list[Any]]]) -> None:
    """Refuse votes with a missing part, by the number of the first."""
    bad = [
        (int(np.argmax(codes == code)), part)
        for part, (codes, values) in enumerate(columns)
        for code, value in enumerate(values)
        if is_missing(value)
    ]
    if bad:
        at, _ = min(bad)
        check_vote(at + 1, tuple(values[codes[at]] for codes, values in columns))


def _without_unused(codes: Integers, values: list[Any]) -> tuple[Integers, list[Any]]:
    """Drop the values that no vote has any more; the others are in the order of the votes."""
    codes, kept = _encode_array(codes)
    return codes, [values[code] for code in kept]


def _order(
    task: Integers,
    worker: Integers,
    label: Integers,
    weight: Floats | None,
    sizes: Sequence[int],
) -> NDArray[np.int64]:
    """Return the order of the votes by task, worker, label and weight."""
    tasks, workers, labels = (max(size, 1) for size in sizes)
    if weight is None and tasks * workers * labels < 1 << 63:
        key = (task.astype(np.int64) * workers + worker) * labels + label
        return np.argsort(key)
    keys = (label, worker, task) if weight is None else (weight, label, worker, task)
    return np.lexsort(keys)
