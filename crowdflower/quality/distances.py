"""How different two answers are, by their level of measurement, for Krippendorff's alpha.

The answers are numbered from 0 in sorted order; ``counts`` has how often each number was given.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from math import fsum, isfinite
from operator import mul
from statistics import fmean
from typing import Any, Final


class Distance(ABC):
    """The distance between answers."""

    is_fixed = True
    """Whether a distance depends on nothing else than the two answers."""

    def __init__(self, values: Sequence[Any], order: Sequence[Hashable] | None = None) -> None:
        """Keep the distinct answers, by their numbers.

        :raises ValueError: An answer has no place on this level.
        """
        self.values = values
        if order is not None:
            raise ValueError("order is for the level ordinal")

    @abstractmethod
    def between(self, one: int, two: int) -> float:
        """Return the distance between two answers."""

    def expected(self, counts: Mapping[int, float]) -> float:
        """Return the sum of the distances over all ordered pairs of answers."""
        codes = list(counts)
        weights = list(counts.values())
        return fsum(
            weight * fsum(map(mul, weights, [self.between(one, two) for two in codes]))
            for one, weight in counts.items()
        )

    def observed(
        self, counts: Mapping[int, float], pairs: Mapping[tuple[int, int], float]
    ) -> float:
        """Return the sum of the distances over pairs, if they depend on ``counts``."""
        raise NotImplementedError(type(self).__name__)


class Nominal(Distance):
    """Equal or not."""

    def between(self, one: int, two: int) -> float:
        """Return 0 or 1."""
        return float(one != two)

    def expected(self, counts: Mapping[int, float]) -> float:
        """Return the number of ordered pairs of different answers."""
        total = fsum(counts.values())
        return total * total - fsum(count * count for count in counts.values())


class Interval(Distance):
    """Squared difference of numbers."""

    def __init__(self, values: Sequence[Any], order: Sequence[Hashable] | None = None) -> None:
        super().__init__(values, order)
        numbers = [_number(value, "interval") for value in values]
        mean = fmean(numbers) if numbers else 0.0
        # Close to zero, squares lose no digits.
        self._numbers = [number - mean for number in numbers]

    def between(self, one: int, two: int) -> float:
        """Return the squared difference."""
        return (self._numbers[one] - self._numbers[two]) ** 2

    def expected(self, counts: Mapping[int, float]) -> float:
        """Return the sum over all pairs, from the sums of numbers and squares."""
        return _squared_differences(
            [(self._numbers[code], count) for code, count in counts.items()]
        )


class Ordinal(Distance):
    """Squared number of answers between two ranks, half of those at the ranks included."""

    is_fixed = False

    def __init__(self, values: Sequence[Any], order: Sequence[Hashable] | None = None) -> None:
        super().__init__(values)
        if order is None:
            places = [_number(value, "ordinal") for value in values]
        else:
            known = {value: float(place) for place, value in enumerate(order)}
            for value in values:
                if value not in known:
                    raise ValueError(f"the answer {value!r:.80} is not in order")
            places = [known[value] for value in values]
        self._ordered = sorted(range(len(values)), key=places.__getitem__)

    def between(self, one: int, two: int) -> float:
        """Raise: the distance depends on all answers."""
        raise NotImplementedError

    def expected(self, counts: Mapping[int, float]) -> float:
        """Return the sum over all pairs, from the ranks."""
        ranks = self._ranks(counts)
        return _squared_differences([(ranks[code], count) for code, count in counts.items()])

    def observed(
        self, counts: Mapping[int, float], pairs: Mapping[tuple[int, int], float]
    ) -> float:
        """Return the sum over pairs, from the ranks."""
        ranks = self._ranks(counts)
        return fsum(
            count * (ranks[one] - ranks[two]) ** 2 for (one, two), count in pairs.items() if count
        )

    def _ranks(self, counts: Mapping[int, float]) -> dict[int, float]:
        """Return how many answers are below the middle of each answer, around zero."""
        below = -fsum(counts.values()) / 2
        ranks = {}
        for code in self._ordered:
            count = counts.get(code, 0.0)
            ranks[code] = below + count / 2
            below += count
        return ranks


class Ratio(Distance):
    """Squared difference of numbers, relative to their sum."""

    def __init__(self, values: Sequence[Any], order: Sequence[Hashable] | None = None) -> None:
        super().__init__(values, order)
        self._numbers = [_number(value, "ratio") for value in values]
        if self._numbers and min(self._numbers) < 0:
            raise ValueError(f"the level ratio needs numbers from 0, not {min(self._numbers):g}")

    def between(self, one: int, two: int) -> float:
        """Return the squared relative difference."""
        first, second = self._numbers[one], self._numbers[two]
        return ((first - second) / (first + second)) ** 2 if first != second else 0.0


class Jaccard(Distance):
    """The share of options that only one of two answers has."""

    def between(self, one: int, two: int) -> float:
        """Return 1 minus the Jaccard index; two answers without options are equal."""
        first, second = self.values[one], self.values[two]
        together = len(first | second)
        return 1 - len(first & second) / together if together else 0.0


class Masi(Jaccard):
    """The Jaccard distance, less if one answer contains the other."""

    def between(self, one: int, two: int) -> float:
        """Return 1 minus MASI."""
        first, second = self.values[one], self.values[two]
        if first == second:
            return 0.0
        contained = first <= second or second <= first
        factor = 2 / 3 if contained else 1 / 3  # disjoint sets have no overlap to multiply
        return 1 - factor * (1 - super().between(one, two))


LEVELS: Final[Mapping[str, type[Distance]]] = {
    "nominal": Nominal,
    "ordinal": Ordinal,
    "interval": Interval,
    "ratio": Ratio,
    "jaccard": Jaccard,
    "masi": Masi,
}
"""The levels of measurement."""


def distance_for(
    level: str, values: Sequence[Any], order: Sequence[Hashable] | None = None
) -> Distance:
    """Return the distance between answers on a level.

    :raises ValueError: The level does not exist, or an answer has no place on it.

    >>> distance_for("masi", [frozenset("ab"), frozenset("b")]).between(0, 1)
    0.6666666666666667
    """
    if level not in LEVELS:
        raise ValueError(f"no level {level!r}; choose from: {', '.join(LEVELS)}")
    return LEVELS[level](values, order)


def _squared_differences(weighted: Sequence[tuple[float, float]]) -> float:
    """Return the sum of squared differences over all ordered pairs of weighted numbers."""
    total = fsum(weight for _, weight in weighted)
    first = fsum(weight * number for number, weight in weighted)
    second = fsum(weight * number * number for number, weight in weighted)
    return 2 * (total * second - first * first) if len(weighted) > 1 else 0.0


def _number(value: Any, level: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if isfinite(number):
        return number
    advice = "; pass order" if level == "ordinal" else ""
    raise ValueError(f"the level {level} needs numbers, and {value!r:.80} is not one{advice}")
