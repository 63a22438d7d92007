"""How far a job is, as read at one moment, and how far a program waits for it to be. Data only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from math import ceil
from numbers import Integral, Real
from typing import Any, Final, Literal, TypeAlias

from crowdflower.exceptions import InvalidInput
from crowdflower.states import JobState

CENTS: Final = 100

LAUNCHED: Final = frozenset({"running", "paused", "finished"})
"""States of a job in which ordered units are finalized, or will be."""


@dataclass(frozen=True, repr=False)
class Counts:
    """How far a job is. A count that the service does not show is ``None``.

    >>> counts = Counts("running", ordered=8, finalized=2, judgments=12, needed_judgments=18)
    >>> counts, counts.is_complete
    (<Counts running: 2 of 8 units, 12 judgments, 18 needed>, False)
    """

    state: JobState | str | None = None
    """The state of the job. ``finished`` comes some time after the last judgment."""

    ordered: int | None = None
    """Units that were ordered, test questions not counted."""

    finalized: int | None = None
    """How many of them are done. A service of 2011 does not show it: then at least so many."""

    not_ordered: int | None = None
    """Units that were never ordered, test questions not counted: no contributor sees them."""

    judgments: int | None = None
    """Judgments collected, those of test questions and of untrusted contributors included."""

    needed_judgments: int | None = None
    """Judgments still to collect."""

    cost_cents: int | None = None
    """What the job has cost so far, all its orders together, in US cents: what contributors were
    paid (``crowd_costs``) and the fee of the service. Your own contributors are free."""

    seconds: float = 0.0
    """How long the wait took until then."""

    @property
    def is_complete(self) -> bool:
        """Whether every ordered unit is finalized.

        The counts decide, and the state where they do not: it changes later than they do, and an
        order shows later than it is placed.

        >>> Counts("running", ordered=8, finalized=8, needed_judgments=0).is_complete
        True
        """
        if self.state not in LAUNCHED or self.ordered == 0 or self.needed_judgments:
            return False
        if self.ordered is not None and (self.finalized or 0) >= self.ordered:
            return True
        return self.state == "finished"

    def __repr__(self) -> str:
        return f"<Counts {self}>"

    def __str__(self) -> str:
        parts = []
        if self.ordered is not None or self.finalized is not None:
            finalized = "?" if self.finalized is None else f"{self.finalized:,}"
            parts.append(f"{finalized} of {_counted(self.ordered, 'unit')}")
        if self.judgments is not None:
            parts.append(_counted(self.judgments, "judgment"))
        if self.needed_judgments:
            parts.append(f"{self.needed_judgments:,} needed")
        if self.not_ordered:
            parts.append(f"{_counted(self.not_ordered, 'unit')} not ordered")
        if self.cost_cents is not None:
            parts.append(f"${self.cost_cents // CENTS:,}.{self.cost_cents % CENTS:02}")
        if self.seconds >= 1:
            parts.append(str(timedelta(seconds=round(self.seconds))))
        return f"{self.state or 'in an unknown state'}: {', '.join(parts) or 'no counts'}"


Until: TypeAlias = Literal["finished"] | float | Callable[[Counts], object]
"""``"finished"``; an integer, so many finalized units; a fraction up to 1.0, that share of the
ordered units; or a function of the :class:`Counts` that returns whether it is enough."""


@dataclass(frozen=True)
class Goal:
    """What is waited for.

    >>> Goal.parse(0.5).target(15), Goal.parse(4).target(15), Goal.parse("finished").target(15)
    (8, 4, 15)
    """

    units: int | None = None
    share: float = 1.0
    condition: Callable[[Counts], object] | None = None
    whole: bool = False
    """All ordered units, and so the job."""

    @classmethod
    def parse(cls, until: object) -> Goal:
        """Return the goal that a caller names.

        :raises InvalidInput: The value is not one of :data:`Until`.
        """
        if until == "finished" and isinstance(until, str):
            return cls(whole=True)
        if isinstance(until, Integral) and not isinstance(until, bool) and int(until) >= 1:
            return cls(units=int(until))
        if isinstance(until, Real) and not isinstance(until, Integral) and 0 < float(until) <= 1:
            return cls(share=float(until))
        if callable(until):
            return cls(condition=until)
        raise InvalidInput(
            "until must be 'finished', a number of units such as 100, a share of them such as 0.5,"
            f" or a function of the counts, not {until!r:.80}"
        )

    def __str__(self) -> str:
        if self.condition is not None:
            return "until(counts) is true"
        if self.whole:
            return "it is finished"
        if self.units is None:
            return f"{self.share * 100:g} percent of its units are finalized"
        return f"{_counted(self.units, 'unit')} {'is' if self.units == 1 else 'are'} finalized"

    def target(self, ordered: int | None) -> int | None:
        """Return how many units it takes, for a bar; ``None`` if that is unknown."""
        if self.units is not None or ordered is None:
            return self.units
        return max(1, ceil(round(self.share * ordered, 6)))

    def is_met(self, counts: Counts, ordered: int | None) -> bool:
        """Return whether the counts are enough.

        :param ordered: Units that must show as ordered, before a share of them means anything.
        """
        if self.condition is not None:
            return bool(self.condition(counts))
        if self.whole:
            return counts.is_complete and (ordered is None or (counts.ordered or 0) >= ordered)
        known = [each for each in (counts.ordered, ordered) if each is not None]
        target = self.target(max(known) if any(known) else None)
        return target is not None and (counts.finalized or 0) >= target

    def describe_unmet(self, job: str) -> str:
        """Return the clause of a message that says that it is not reached.

        >>> Goal.parse(0.5).describe_unmet("job 7")
        'less than 50 percent of the units of job 7 are finalized'
        """
        if self.condition is not None:
            return f"until(counts) is not true for {job}"
        if self.whole:
            return f"{job} is not finished"
        if self.units == 1:
            return f"no unit of {job} is finalized"
        if self.units is not None:
            return f"fewer than {self.units:,} units of {job} are finalized"
        return f"less than {self.share * 100:g} percent of the units of {job} are finalized"


def read_counts(
    job: Mapping[str, Any], ping: Mapping[str, Any], *, fee_percent: float, seconds: float = 0.0
) -> Counts:
    """Return the counts in the JSON of a job and in its counters, of services of any age.

    :param ping: The counters of the job: six to eleven, by the age of the service.
    :param fee_percent: The fee of the service on what contributors are paid.

    >>> ping = {"all_units": 10, "golden_units": 2, "ordered_units": 8, "needed_judgments": 18}
    >>> ping |= {"all_judgments": 12, "completed_non_gold_estimate": 2}
    >>> read_counts({"state": "running", "crowd_costs": 0.3}, ping, fee_percent=20)
    <Counts running: 2 of 8 units, 12 judgments, 18 needed, $0.36>
    >>> read_counts({"state": "running"}, {"all_units": 10, "needed_judgments": 4}, fee_percent=20)
    <Counts running: 6 of 10 units, 4 needed>
    """
    units, needed = count_in(ping, "all_units"), count_in(ping, "needed_judgments")
    if units is not None:
        units -= count_in(ping, "golden_units") or 0
    ordered = count_in(ping, "ordered_units")
    finalized = count_in(ping, "completed_non_gold_estimate")
    if finalized is None:
        finalized = count_in(ping, "completed_units_estimate")
        if finalized is not None:
            finalized = max(0, finalized - (count_in(ping, "completed_gold_estimate") or 0))
    not_ordered = None if units is None or ordered is None else max(0, units - ordered)
    ordered = units if ordered is None else ordered
    judgments = count_in(ping, "all_judgments")
    if finalized is None and needed is not None and ordered is not None:
        # Each unit that is not done needs at least one, and an order shows late.
        finalized = max(0, ordered - needed) if needed or judgments else 0
    state = job.get("state")
    return Counts(
        state=state if isinstance(state, str) else None,
        ordered=ordered,
        finalized=finalized,
        not_ordered=not_ordered,
        judgments=judgments,
        needed_judgments=needed,
        cost_cents=_cost_cents(job.get("crowd_costs"), fee_percent),
        seconds=seconds,
    )


def count_in(fields: Mapping[str, Any], name: str) -> int | None:
    """Return a count; ``None`` if it is missing, or not an integer of 0 or more.

    >>> count_in({"all_units": 10}, "all_units"), count_in({"all_units": "many"}, "all_units")
    (10, None)
    """
    value = fields.get(name)
    if value is None and name == "needed_judgments":
        value = fields.get("needed_jugdments")  # so today's API description spells it
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if is_count else None


def _cost_cents(dollars: object, fee_percent: float) -> int | None:
    """Return dollars with the fee in cents, rounded up.

    >>> _cost_cents(1.1, 20), _cost_cents("0.30", 0), _cost_cents(None, 20)
    (132, 30, None)
    """
    if isinstance(dollars, bool) or not isinstance(dollars, (int, float, str)):
        return None
    with suppress(InvalidOperation):
        amount = Decimal(str(dollars))
        if amount.is_finite() and amount >= 0:
            return ceil(amount * (CENTS + Decimal(str(fee_percent))))
    return None


def _counted(count: int | None, noun: str) -> str:
    return f"{'?' if count is None else f'{count:,}'} {noun}{'' if count == 1 else 's'}"
