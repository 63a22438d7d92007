"""The consensus methods by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from crowdflower.quality.consensus import Consensus, Label, Task, Worker
from crowdflower.quality.expectation_maximization import dawid_skene, one_coin
from crowdflower.quality.hierarchical import hierarchical_dawid_skene
from crowdflower.quality.voting import majority_vote, wawa

DEFAULT_METHOD: Final = "hierarchical-dawid-skene"
"""The method that ``job.aggregate`` uses by default."""

METHODS: Final[dict[str, Callable[..., Consensus[Any, Any, Any]]]] = {
    DEFAULT_METHOD: hierarchical_dawid_skene,
    "majority": majority_vote,
    "wawa": wawa,
    "one-coin": one_coin,
    "dawid-skene": dawid_skene,
}
"""The consensus methods, by the names that ``job.aggregate`` takes."""

_WARN: Final = ("one-coin", "dawid-skene")


def check_method(method: str) -> None:
    """Refuse an unknown method.

    :raises ValueError: The method does not exist; the message lists those that do.
    """
    if method not in METHODS:
        raise ValueError(f"no method {method!r}; choose from: {', '.join(METHODS)}")


def run_method(
    method: str, votes: Iterable[tuple[Task, Worker, Label]], **options: Any
) -> Consensus[Task, Worker, Label]:
    """Run a method by its name; ``few_votes`` of the result stands for its warning.

    :raises ValueError: The method does not exist.

    >>> run_method("majority", [(1, "ann", "x")]).labels
    {1: 'x'}
    """
    check_method(method)
    quiet = {"warn": False} if method in _WARN else {}
    return METHODS[method](votes, **quiet, **options)
