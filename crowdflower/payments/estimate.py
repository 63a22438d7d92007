"""The result of an estimate: data only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from math import ceil
from typing import Self

from crowdflower._html import table
from crowdflower.models.display import counted, dollars


@dataclass(frozen=True)
class Cost:
    """A cost in US cents, and its parts, which sum to it."""

    pages: int
    """Pages that are paid."""

    full_pages_cents: int
    """Pages with as many units as a page can have."""

    partial_pages_cents: int
    """Pages that are not full, which cost as much as full ones."""

    replaced_cents: int
    """Pages of contributors who lose trust: they are paid, and their judgments are collected
    again."""

    quiz_pages_cents: int
    """Quiz pages, if they are paid."""

    fee_cents: int
    """The fee of the service on all of them."""

    @property
    def total_cents(self) -> int:
        """The sum of the parts."""
        return sum(cents for _, cents in self.parts)

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """The parts with their names."""
        return (
            ("full pages", self.full_pages_cents),
            ("pages that are not full", self.partial_pages_cents),
            ("replaced judgments", self.replaced_cents),
            ("quiz pages", self.quiz_pages_cents),
            ("fee", self.fee_cents),
        )

    @classmethod
    def of_pages(
        cls,
        payment: Fraction,
        price: Fraction,
        *,
        full: int,
        partial: int,
        replaced: int = 0,
        quiz: int = 0,
    ) -> Self:
        """Return the cost of some pages. Cents are rounded up so that the parts sum to the total.

        :param payment: The pay of a page, in cents.
        :param price: The same with the fee.
        """
        pages = list(accumulate((full, partial, replaced, quiz)))
        sums = [ceil(count * payment) for count in pages] + [ceil(pages[-1] * price)]
        parts = [after - before for before, after in pairwise([0, *sums])]
        return cls(pages[-1], *parts)


@dataclass(frozen=True, repr=False)
class Estimate:
    """What an order of units is expected to cost, and what it costs at most.

    >>> page = Fraction(10), Fraction(12)
    >>> expected = Cost.of_pages(*page, full=12, partial=0)
    >>> at_most = Cost.of_pages(*page, full=12, partial=3, replaced=10)
    >>> estimate = Estimate(20, expected, at_most, replaced=0.8, fee_percent=20)
    >>> estimate
    <Estimate for 20 units: $1.44 expected, $3.00 at most>
    >>> print(estimate)
    20 units                     expected   at most
    full pages                      $1.20     $1.20
    pages that are not full         $0.00     $0.30
    replaced judgments, 80 %        $0.00     $1.00
    quiz pages                      $0.00     $0.00
    fee, 20 %                       $0.24     $0.50
    total                           $1.44     $3.00
    """

    units_count: int
    """Units, without test questions."""

    expected: Cost
    """By the vendor's formula, which the service reserves: no judgment is replaced. With dynamic
    judgments, every unit gets its maximum."""

    at_most: Cost | None
    """With the pages that may not be full and the judgments that are replaced. ``None`` if there is
    no limit: dynamic judgments without ``max_judgments_per_unit``."""

    replaced: float
    """The share of judgments that :attr:`at_most` assumes to be replaced."""

    fee_percent: float
    """The fee of the service on what contributors are paid."""

    @property
    def expected_cents(self) -> int:
        """The total of :attr:`expected`, in US cents."""
        return self.expected.total_cents

    @property
    def at_most_cents(self) -> int | None:
        """The total of :attr:`at_most`, in US cents; ``None`` if there is no limit."""
        return None if self.at_most is None else self.at_most.total_cents

    def __repr__(self) -> str:
        limit = _dollars_or_none(self.at_most_cents)
        limit = limit if self.at_most is None else f"{limit} at most"
        expected = dollars(self.expected_cents)
        return f"<Estimate for {counted(self.units_count, 'unit')}: {expected} expected, {limit}>"

    def __str__(self) -> str:
        lines = [
            counted(self.units_count, "unit").ljust(27) + "  expected   at most",
            *(f"{name:27}{expected:>10}{limit:>10}" for name, expected, limit in self._lines()),
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        header = [counted(self.units_count, "unit"), "expected", "at most"]
        return table(list(self._lines()), header)

    def _lines(self) -> Iterator[tuple[str, str, str]]:
        """Yield the name, the expected amount and the limit of each part, and of the total."""
        notes = {
            "replaced judgments": f", {100 * self.replaced:g} %",
            "fee": f", {self.fee_percent:g} %",
        }
        names = [name + notes.get(name, "") for name, _ in self.expected.parts]
        limits = [None] * len(names) if self.at_most is None else [c for _, c in self.at_most.parts]
        for name, (_, expected), limit in zip(names, self.expected.parts, limits, strict=True):
            yield name, dollars(expected), _dollars_or_none(limit)
        yield "total", dollars(self.expected_cents), _dollars_or_none(self.at_most_cents)


def _dollars_or_none(cents: int | None) -> str:
    return "no limit" if cents is None else dollars(cents)
