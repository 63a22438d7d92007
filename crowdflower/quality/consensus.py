"""Votes and their consensus: the input and output of all consensus methods."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from math import fsum, isfinite
from statistics import fmean, median
from typing import Any, Generic, TypeVar

from crowdflower._html import MAX_ROWS, table
from crowdflower.quality.trust_and_confidence import TIE_DIGITS

Task = TypeVar("Task", bound=Hashable)
Worker = TypeVar("Worker", bound=Hashable)
Label = TypeVar("Label", bound=Hashable)


@dataclass(frozen=True, repr=False)
class Consensus(Generic[Task, Worker, Label]):
    """The result of a consensus method; tasks, workers and labels in the order of the votes."""

    labels: dict[Task, Label]
    """The most probable label of each task, among those that a worker gave for it. On a tie, the
    label with more votes on the task wins, then the one with more votes on all tasks, then the
    first in sorted order; the order of the votes has no effect."""

    probabilities: Mapping[Task, dict[Label, float]]
    """The probability of each label of each task: fractions that sum to 1. A label that the method
    does not consider for a task has no entry there."""

    skills: dict[Worker, float]
    """The estimated share of correct votes of each worker: a fraction in [0, 1]."""

    ties: frozenset[Task]
    """The tasks whose most probable label was a tie."""

    doubted: frozenset[Task] = frozenset()
    """The tasks for which a label that no worker gave is more probable than the chosen one."""

    passes: int = 0
    """How many iterations over all votes a model took; 0 for a method without a model."""

    converged: bool = True
    """Whether the model converged; ``False`` if it was stopped at the maximum of passes."""

    temperature: float = 1.0
    """How much the probabilities were softened, at least 1 (temperature scaling): 1 is not at all.
    """

    votes_per_worker: float = 0.0
    """The median number of votes of a worker."""

    few_votes: bool = False
    """Whether the workers gave too few votes for the method to learn much about them."""

    _interval: Callable[[Task, Any], tuple[float, float]] | None = field(
        default=None, compare=False
    )

    def interval(self, task: Task, label: Any = None) -> tuple[float, float]:
        """Return the 90 % interval of a probability, for a method that estimates intervals.

        It shows how uncertain the probability is because the workers are known only from their
        votes. It is approximate: in simulations, 86 to 95 % of the true probabilities lay inside.

        :param label: The label; by default the chosen one. For a question with several answers, one
            of the options, which is required.
        :returns: Lower and upper bound of the probability of the label against the best other one.
        :raises ValueError: The method does not estimate intervals.
        :raises KeyError: The task has no votes, or the label is unknown.
        """
        if self._interval is None:
            raise ValueError("only hierarchical_dawid_skene estimates intervals")
        return self._interval(task, label)

    def __repr__(self) -> str:
        """Return a summary; the full content would fill pages at a prompt."""
        ties = f", {len(self.ties)} tied" if self.ties else ""
        few = ", too few votes per worker" if self.few_votes else ""
        stopped = "" if self.converged else f", not converged in {self.passes} passes"
        workers, tasks = len(self.skills), len(self.labels)
        return f"<Consensus of {workers} workers on {tasks} tasks{ties}{few}{stopped}>"

    def _repr_html_(self) -> str:
        """Return the labels of the first tasks as an HTML table."""
        first = islice(self.labels.items(), MAX_ROWS)
        rows = [(task, label, self._probability(task, label)) for task, label in first]
        header = ["task", "label", "probability"]
        return table(rows, header, caption=repr(self)[1:-1], count=len(self.labels))

    def _probability(self, task: Task, label: Label) -> str:
        """Return the probability of a label, or of each option in a list of them."""
        known = self.probabilities.get(task, {})
        options = label if isinstance(label, list) else [label]
        return ", ".join(f"{known[each]:.3f}" for each in options if each in known)


def numbered_votes(
    votes: Iterable[tuple[Task, Worker, Label]],
) -> Iterator[tuple[int, tuple[Task, Worker, Label]]]:
    """Yield the votes with their numbers, from 1.

    :raises ValueError: A vote does not have three parts.

    >>> list(numbered_votes([("t1", "ann", "a")]))
    [(1, ('t1', 'ann', 'a'))]
    """
    for number, vote in enumerate(votes, start=1):
        yield number, split_vote(number, vote)


def split_vote(number: int, vote: tuple[Task, Worker, Label]) -> tuple[Task, Worker, Label]:
    """Return the parts of a vote.

    :raises ValueError: It does not have three parts.
    """
    try:
        task, worker, label = vote
    except (TypeError, ValueError):
        message = f"vote {number} is {vote!r}: each vote must be (task, worker, label)"
        raise ValueError(message) from None
    return task, worker, label


def weighted_votes(
    votes: Iterable[tuple[Task, Worker, Any]],
    weights: Iterable[float] | None,
    check: Callable[[int, tuple[Task, Worker, Any]], None],
) -> Iterator[tuple[tuple[Task, Worker, Any], float]]:
    """Yield each vote with its weight, without those of weight 0.

    :param weights: One weight per vote; ``None`` if all are 1.
    :param check: Refuses an invalid vote; it gets its number and the vote.
    :raises ValueError: A weight is invalid, or there are more or fewer weights than votes.
    """
    given = None if weights is None else iter(weights)
    for number, vote in numbered_votes(votes):
        check(number, vote)
        weight = 1.0 if given is None else check_weight(number, next(given, None))
        if weight:
            yield vote, weight
    if given is not None and next(given, None) is not None:
        raise ValueError("there are more weights than votes: give one for each vote")


def is_missing(value: object) -> bool:
    """Return whether a value stands for a missing one: ``None``, NaN, NaT, or ``NA`` of pandas.

    None of these is equal to itself, or the comparison has no truth value. An empty string and 0
    are values.

    >>> [is_missing(value) for value in (None, float("nan"), "", 0, "nan")]
    [True, True, False, False, False]
    """
    try:
        return value is None or not value == value  # noqa: PLR0124, SIM201 - NaN is not equal to itself
    except Exception:  # noqa: BLE001 - such as TypeError, or InvalidOperation of Decimal
        return True


@dataclass(frozen=True)
class Votes(Generic[Task, Worker, Label]):
    """Checked votes, grouped by task, in the order they were given."""

    by_task: dict[Task, list[tuple[Worker, Label]]]

    weights: dict[Task, list[float]] = field(default_factory=dict)
    """The weight of each vote, as in ``by_task``; empty if all are 1."""

    @classmethod
    def read(
        cls,
        votes: Iterable[tuple[Task, Worker, Label]],
        weights: Iterable[float] | None = None,
    ) -> Votes[Task, Worker, Label]:
        """Check the votes and group them by task.

        :param weights: One weight per vote, finite and at least 0; votes with weight 0 are left
            out.
        :raises ValueError: A vote does not have three parts, or one of them is missing (``None``,
            NaN, NaT, NA); or a weight is invalid, or there are more or fewer weights than votes.
        :raises TypeError: A part of a vote is not hashable, such as a list of labels.
        """
        by_task: dict[Task, list[tuple[Worker, Label]]] = {}
        by_weight: dict[Task, list[float]] = {}
        for (task, worker, label), weight in weighted_votes(votes, weights, check_vote):
            if weights is not None:
                by_weight.setdefault(task, []).append(weight)
            by_task.setdefault(task, []).append((worker, label))
        return cls(by_task, by_weight)

    @property
    def workers(self) -> list[Worker]:
        """The distinct workers."""
        return list(dict.fromkeys(worker for votes in self.by_task.values() for worker, _ in votes))

    @property
    def labels(self) -> list[Label]:
        """The distinct labels."""
        return list(dict.fromkeys(label for votes in self.by_task.values() for _, label in votes))

    @property
    def votes_per_worker(self) -> float:
        """The median number of votes of a worker; 0 without votes."""
        counts: dict[Worker, int] = {}
        for votes in self.by_task.values():
            for worker, _ in votes:
                counts[worker] = counts.get(worker, 0) + 1
        return median(counts.values()) if counts else 0

    def weights_of(self, task: Task) -> list[float]:
        """Return the weight of each vote on a task."""
        return self.weights[task] if self.weights else [1.0] * len(self.by_task[task])

    def weights_by_label(self, task: Task) -> dict[Label, float]:
        """Return the labels given for a task, each with the sum of the weights of its votes."""
        by_label: dict[Label, list[float]] = {}
        for (_, label), weight in zip(self.by_task[task], self.weights_of(task), strict=True):
            by_label.setdefault(label, []).append(weight)
        return {label: fsum(weights) for label, weights in by_label.items()}

    def decide(
        self, probabilities: Mapping[Task, Mapping[Label, float]]
    ) -> tuple[dict[Task, Label], frozenset[Task]]:
        """Return the most probable label of each task among those given, and the tied tasks."""
        counts = {task: self.weights_by_label(task) for task in self.by_task}
        totals: dict[Label, list[float]] = {}
        for by_label in counts.values():
            for label, count in by_label.items():
                totals.setdefault(label, []).append(count)
        total = {label: round(fsum(parts), TIE_DIGITS) for label, parts in totals.items()}
        rank = {label: -place for place, label in enumerate(sort_values(totals))}
        labels, ties = {}, set()
        for task, by_label in counts.items():
            rounded = {label: round(probabilities[task][label], TIE_DIGITS) for label in by_label}
            top = max(rounded.values())
            best = [label for label, probability in rounded.items() if probability == top]
            if len(best) > 1:
                ties.add(task)
                best.sort(
                    key=lambda label: (
                        round(by_label[label], TIE_DIGITS),
                        total[label],
                        rank[label],
                    )
                )
            labels[task] = best[-1]
        return labels, frozenset(ties)

    def skills(self, probabilities: Mapping[Task, Mapping[Label, float]]) -> dict[Worker, float]:
        """Return the mean probability of the labels that each worker gave."""
        by_worker: dict[Worker, list[float]] = {}
        for task, votes in self.by_task.items():
            for worker, label in votes:
                by_worker.setdefault(worker, []).append(probabilities[task].get(label, 0.0))
        return {worker: fmean(given) for worker, given in by_worker.items()}


def sort_values(values: Iterable[Label]) -> list[Label]:
    """Sort values that need not be comparable, the same in whatever order they come.

    >>> sort_values([10, 9.5, 2]), sort_values(["b", 10, "a", 9])
    ([2, 9.5, 10], [10, 9, 'a', 'b'])
    """
    found = list(values)
    kinds = set(map(type, found))
    if kinds <= {str} or kinds <= {int, float, bool} or (kinds <= {tuple} and _are_plain(found)):
        try:
            return sorted(found)  # type: ignore[type-var]
        except TypeError:
            pass
    return sorted(found, key=_sort_key)


def _are_plain(tuples: Iterable[Any]) -> bool:
    """Return whether tuples contain only what has a total order, unlike sets."""
    return all(isinstance(part, (str, int, float)) for each in tuples for part in each)


def _sort_key(value: object) -> tuple[str, str]:
    if not isinstance(value, (tuple, frozenset)):
        return type(value).__name__, repr(value)
    parts = list(map(_sort_key, value))
    return type(value).__name__, repr(parts if isinstance(value, tuple) else sorted(parts))


def check_weight(number: int, weight: Any) -> float:
    """Return the weight of a vote as a float.

    :raises ValueError: It is missing, infinite or below 0.
    """
    if is_missing(weight) or not (isfinite(weight) and weight >= 0):
        raise ValueError(
            f"the weight of vote {number} is {weight!r}: give each vote a finite number >= 0"
        )
    return float(weight)


def check_vote(number: int, vote: tuple[Any, Any, Any]) -> None:
    """Refuse a vote with a part that is missing or not hashable.

    :raises ValueError: A part is missing.
    :raises TypeError: A part is not hashable.
    """
    for name, part in zip(("task", "worker", "label"), vote, strict=True):
        if isinstance(part, Hashable) and is_missing(part):
            raise ValueError(f"vote {number} is {vote!r}: leave out votes without a {name}")
    try:
        hash(vote)
    except TypeError as unhashable:
        raise TypeError(
            f"vote {number} is {vote!r}, {unhashable}: use strings or numbers; for several "
            "answers, use quality.multiple_choice, or give one tuple as the label"
        ) from None
