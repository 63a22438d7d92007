"""Consensus about questions with several answers, such as checkboxes."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from crowdflower.quality.consensus import (
    Consensus,
    Task,
    Worker,
    is_missing,
    sort_values,
    weighted_votes,
)
from crowdflower.quality.methods import DEFAULT_METHOD, run_method
from crowdflower.quality.trust_and_confidence import TIE_DIGITS

AS_LIKELY_AS_NOT: Final = 0.5
"""The probability of an option that is a tie, and so not chosen."""


def multiple_choice(
    votes: Iterable[tuple[Task, Worker, Collection[Any]]],
    *,
    method: str = DEFAULT_METHOD,
    known: Mapping[Task, Collection[Any]] | None = None,
    weights: Iterable[float] | None = None,
    **settings: Any,
) -> Consensus[Task, Worker, Any]:
    """Find the options that are right for each task, where workers may choose several.

    Each option that at least one worker chose for a task is a question of its own, which every
    worker on the task answered: chosen, or not chosen. All these questions are one problem with two
    labels, so that workers are judged by all of their choices. Options that no worker chose for a
    task, and that are not known to be true, are left out; if they were kept, most answers would be
    "not chosen", and the model would learn little else.

    :param votes: ``(task, worker, options)`` tuples, in any order. The options are a list, tuple or
        set; an empty one is an answer too, and counts against every option.
    :param method: The method for the problem with two labels, by its name in ``METHODS``.
    :param known: Task to its true options, for the default method.
    :param weights: How much each answer counts, whatever the number of its options, for the default
        method: finite numbers >= 0.
    :param settings: Further options of the method, except those about labels.
    :returns: ``labels`` has a list of options for each task, the most probable first; it may be
        empty. ``probabilities`` has the probability of each option that a worker chose or
        that is known to be true; they need not sum to 1. ``ties`` has the tasks with an option that
        is exactly as likely as not, which is not chosen. The interval of an option is
        ``interval(task, option)``.
    :raises ValueError: A vote does not have three parts, a part is missing, a weight is invalid,
        ``options`` or ``frequencies`` are given, or the method does not exist.
    :raises TypeError: The options are a string or not a collection, or a part is not hashable.

    >>> votes = [
    ...     (1, "ann", ["cat", "dog"]),
    ...     (1, "bob", ["cat"]),
    ...     (1, "cem", ["cat", "dog", "bird"]),
    ...     (2, "ann", []),
    ... ]
    >>> outcome = multiple_choice(votes)
    >>> outcome.labels
    {1: ['cat', 'dog'], 2: []}
    >>> {option: round(share, 2) for option, share in outcome.probabilities[1].items()}
    {'cat': 0.99, 'dog': 0.8, 'bird': 0.14}
    """
    for name in ("options", "frequencies"):
        if name in settings:
            raise ValueError(
                f"{name} cannot be given for several answers: each option is a question of its own,"
                " chosen or not"
            )
    answers: dict[Task, list[tuple[Worker, frozenset[Any], float]]] = {}
    chosen: dict[Task, dict[Any, None]] = {}
    for (task, worker, given), weight in weighted_votes(votes, weights, _check_vote):
        answers.setdefault(task, []).append((worker, frozenset(given), weight))
        chosen.setdefault(task, {}).update(dict.fromkeys(given))
    if known is not None:
        for task, right in known.items():
            _check_known(task, right)
            if task in chosen:
                chosen[task].update(dict.fromkeys(right))
        settings["known"] = {
            (task, option): option in known[task]
            for task, options in chosen.items()
            if task in known
            for option in options
        }
    if weights is not None:
        settings["weights"] = [
            weight for task, each in answers.items() for _ in chosen[task] for *_, weight in each
        ]
    if method == DEFAULT_METHOD:
        settings["options"] = (False, True)
    found = run_method(
        method,
        (
            ((task, option), worker, option in given)
            for task, given_answers in answers.items()
            for option in chosen[task]
            for worker, given, _ in given_answers
        ),
        **settings,
    )
    probabilities = {
        task: {option: found.probabilities[task, option].get(True, 0.0) for option in each}
        for task, each in chosen.items()
    }
    return Consensus(
        {
            task: _rank({option: p for option, p in row.items() if found.labels[task, option]})
            for task, row in probabilities.items()
        },
        probabilities,
        {worker: 1.0 for each in answers.values() for worker, *_ in each} | found.skills,
        frozenset(task for task, row in probabilities.items() if _has_tie(row)),
        frozenset(task for task, _ in found.doubted),
        found.passes,
        found.converged,
        found.temperature,
        found.votes_per_worker,
        found.few_votes,
        _OptionIntervals(found),
    )


def _rank(probabilities: dict[Any, float]) -> list[Any]:
    """Return the chosen options, the most probable first, without those that are a tie."""
    rounded = {option: round(each, TIE_DIGITS) for option, each in probabilities.items()}
    ranked = sorted(sort_values(rounded), key=lambda option: -rounded[option])
    return [option for option in ranked if rounded[option] != AS_LIKELY_AS_NOT]


def _has_tie(probabilities: dict[Any, float]) -> bool:
    return any(round(each, TIE_DIGITS) == AS_LIKELY_AS_NOT for each in probabilities.values())


@dataclass(frozen=True)
class _OptionIntervals:
    """Computes the intervals of options from those of the problem with two labels."""

    found: Consensus[Any, Any, bool]

    def __call__(self, task: Any, option: Any = None) -> tuple[float, float]:
        """Return the interval of the probability that an option is right."""
        if option is None:
            raise ValueError(f"name an option: interval({task!r}, option)")
        return self.found.interval((task, option), True)


def _check_known(task: Any, right: Any) -> None:
    """Refuse known options that are not a collection of labels."""
    if isinstance(right, str) or not isinstance(right, Collection):
        raise TypeError(f"known[{task!r}] is {right!r}: it must be a list, tuple or set of options")
    for option in right:
        if not isinstance(option, Hashable):
            raise TypeError(f"known[{task!r}] contains {option!r}: an option must be hashable")
        if is_missing(option):
            raise ValueError(f"known[{task!r}] contains a missing option, {option!r}: leave it out")


def _check_vote(number: int, vote: tuple[Any, Any, Any]) -> None:
    """Refuse options that are not a collection, and missing values."""
    task, worker, given = vote
    if isinstance(given, str) or not isinstance(given, Collection):
        if is_missing(given):
            raise ValueError(f"vote {number} is {vote!r}: leave out votes without a label")
        raise TypeError(f"vote {number} is {vote!r}: the options must be a list, tuple or set")
    for name, part in (("task", task), ("worker", worker), *(("label", each) for each in given)):
        if not isinstance(part, Hashable):
            raise TypeError(f"vote {number} is {vote!r}: its {name} {part!r} is not hashable")
        if is_missing(part):
            raise ValueError(f"vote {number} is {vote!r}: leave out votes without a {name}")
