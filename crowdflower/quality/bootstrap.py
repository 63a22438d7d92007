"""Bootstrap intervals of what is a function of sums over units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor, fsum
from operator import mul
from random import Random
from typing import Any, Final

CONFIDENCE: Final = 0.95
"""The share of bootstrap samples inside an interval."""

MAX_GROUPS: Final = 1000
"""Groups of units that are resampled at most."""

MIN_DEFINED: Final = 0.5
"""Share of bootstrap samples that must be defined for an interval."""


@dataclass(frozen=True)
class Sums:
    """A statistic that is a function of sums over units.

    :param parts: What a unit adds, by the name of the sum, for each kind of unit: many are alike.
    :param kinds: The kind of each unit, as its place in ``parts``.
    :param evaluate: Returns the statistic; a string is the reason why it is undefined.
    """

    parts: Sequence[Mapping[Any, float]]
    kinds: Sequence[int]
    evaluate: Callable[[dict[Any, float]], float | str]

    def value(self) -> float | str:
        """Return the statistic of all units."""
        return self.evaluate(self.add_up(self.kinds))

    def add_up(self, kinds: Iterable[int]) -> dict[Any, float]:
        """Return the sums over some units."""
        amounts: dict[Any, list[float]] = {}
        for kind, times in Counter(kinds).items():
            for name, amount in self.parts[kind].items():
                amounts.setdefault(name, []).append(times * amount)
        return {name: fsum(each) for name, each in amounts.items()}


def percentile_interval(sums: Sums, resamples: int, seed: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a statistic over samples of units, drawn with replacement.

    More than :data:`MAX_GROUPS` units are put into as many random groups, which are drawn in place
    of units: the sums vary by as much, and 100,000 units take a second.

    :param resamples: How many samples to draw.
    :param seed: The same seed gives the same interval, on every platform and Python version.
    :returns: The bounds; ``None`` if the statistic is undefined for more than half of the samples.
        Undefined ones are left out otherwise.

    >>> zero, one = {"sum": 0.0, "units": 1.0}, {"sum": 1.0, "units": 1.0}
    >>> mean = Sums([zero, one], [0, 1] * 50, lambda totals: totals["sum"] / totals["units"])
    >>> percentile_interval(mean, 1000, seed=0)
    (0.39, 0.59)

    Source: Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13.
    """
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    groups = _group(sums, random)
    names = dict.fromkeys(name for group in groups for name in group)
    columns = {name: [group.get(name, 0.0) for group in groups] for name in names}
    places = range(len(groups))
    values = []
    for _ in range(resamples):
        drawn = Counter(random.choices(places, k=len(groups)))
        times = [drawn[place] for place in places]
        totals = {name: sum(map(mul, times, column)) for name, column in columns.items()}
        value = sums.evaluate(totals)
        if isinstance(value, float):
            values.append(value)
    if len(values) < MIN_DEFINED * resamples or not values:
        return None
    values.sort()
    outside = (1 - CONFIDENCE) / 2
    return _quantile(values, outside), _quantile(values, 1 - outside)


def _group(sums: Sums, random: Random) -> list[dict[Any, float]]:
    """Return the sums over groups of units: each unit by itself, or random groups."""
    kinds = list(sums.kinds)
    if len(kinds) > MAX_GROUPS:
        random.shuffle(kinds)
    count = min(len(kinds), MAX_GROUPS)
    return [sums.add_up(kinds[start::count]) for start in range(count)]


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile, between two values in proportion.

    >>> _quantile([0.0, 1.0, 2.0], 0.25)
    0.5
    """
    place = share * (len(ordered) - 1)
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
