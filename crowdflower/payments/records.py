"""Whether a payment took effect, judged by what can be seen: pure decisions, no clock, no network.

What a payment changes is looked at before it is sent and again when its answer was lost. A launch
shows itself in the job; a bonus only in the balance, which other things move as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from crowdflower.payments import pricing
from crowdflower.payments.journal import Operation


@dataclass(frozen=True)
class Finding:
    """What was found out about a payment whose answer was lost."""

    evidence: str
    """In words, for a person."""


class Applied(Finding):
    """It was paid: do not repeat it."""


class NotSeen(Finding):
    """Its effect did not show in all the time that was waited.

    Most likely it was not paid. The library does not repeat it by itself, nor should a program.
    """


class Inconclusive(Finding):
    """What can be seen does not decide it: look into the account, then resolve the operation."""


def places(operation: Operation) -> Mapping[str, tuple[str, ...]]:
    """Return where the effect of a payment shows: path to the fields to remember.

    What the job costs is read along: it says what the payment may cost.
    """
    job = "/".join(operation.path.split("/")[:2])
    if operation.name == "launch":
        return {
            f"{job}/ping.json": ("ordered_units",),
            f"{job}.json": ("state", "auto_order", "crowd_costs", *pricing.FIELDS),
        }
    if operation.name == "request_more_judgments":
        unit = operation.path.rpartition("/")[0]
        return {
            f"{unit}.json": ("state", "judgments_count"),
            f"{job}.json": ("payment_cents",),
        }
    return {"account.json": ("balance",)}


def judged(operation: Operation, after: Mapping[str, Any], *, alone: bool) -> Finding | None:
    """Compare what is seen with what was seen before; ``None`` where it may yet show.

    :param alone: No other payment went the same way at the same time.

    >>> lost = Operation(
    ...     "1",
    ...     "launch",
    ...     "",
    ...     "POST",
    ...     "jobs/7/orders.json",
    ...     "debit%5Bunits_count%5D=8",
    ...     before={"ordered_units": 0, "state": "unordered"},
    ... )
    >>> judged(lost, {"ordered_units": 8, "state": "running"}, alone=True)
    Applied(evidence='ordered_units rose from 0 to 8, 8 were ordered')
    >>> judged(lost, {"ordered_units": 0, "state": "unordered"}, alone=True) is None
    True
    """
    return _JUDGES[operation.name](operation, after, alone)


def unseen(operation: Operation, after: Mapping[str, Any]) -> Finding:
    """Say what it means that nothing has shown when the waiting is over."""
    first, last = operation.before, after
    if operation.name == "launch" and _rise("ordered_units", first, last) == 0:
        return NotSeen(f"ordered_units is still {last['ordered_units']}")
    if operation.name == "launch" and first.get("state") == last.get("state") == UNORDERED:
        return NotSeen("the job is still unordered")
    if operation.name == "request_more_judgments" and last.get("state") == "finalized":
        return NotSeen("the unit is still finalized")
    if operation.name == "bonus" and _rise("balance", first, last) == 0:
        return Inconclusive(
            f"the balance is still {last['balance']} cents, which speaks against it; bonuses cannot"
            " be listed"
        )
    return Inconclusive("what would show it could not be read, before or after")


UNORDERED: Final = "unordered"


def _launch(operation: Operation, after: Mapping[str, Any], alone: bool) -> Finding | None:
    before = operation.before
    asked = _asked(operation, "debit[units_count]")
    rise = _rise("ordered_units", before, after)
    began = before.get("state") == UNORDERED and _state(after) not in {None, UNORDERED}
    if not rise and not began:
        return None
    seen = (
        f"ordered_units rose from {before['ordered_units']} to {after['ordered_units']}, {asked}"
        " were ordered"
        if rise
        else f"the job was unordered and is {after['state']}"
    )
    if not alone or before.get("auto_order") or after.get("auto_order"):
        return Inconclusive(f"{seen}; but units were ordered by other means as well")
    if rise is not None and not 0 <= rise <= asked:
        return Inconclusive(f"{seen}; somebody else orders units of this job")
    return Applied(seen)


def _more(operation: Operation, after: Mapping[str, Any], alone: bool) -> Finding | None:
    before = operation.before.get("state")
    if before != "finalized":
        return Inconclusive(f"the unit was {before} already, so its state does not tell")
    if _state(after) in {None, before}:
        return None
    seen = f"the unit was finalized and is {after['state']}"
    return Applied(seen) if alone else Inconclusive(f"{seen}; but it was asked for more than once")


def _bonus(operation: Operation, after: Mapping[str, Any], alone: bool) -> Finding | None:
    before, amount = operation.before, _asked(operation, "amount")
    fall = _rise("balance", after, before)
    if not fall:
        return None
    fits = {amount, operation.cents}
    speaks = "for it" if alone and fall in fits else "neither for it nor against it"
    return Inconclusive(
        f"the balance went from {before['balance']} to {after['balance']} cents, the bonus is"
        f" {amount}: this speaks {speaks}; bonuses cannot be listed"
    )


_JUDGES: Final = {"launch": _launch, "request_more_judgments": _more, "bonus": _bonus}


def _asked(operation: Operation, name: str) -> int:
    return int(parse_qs(operation.body)[name][0])


def _state(seen: Mapping[str, Any]) -> str | None:
    """Return the state that was shown; what is no word for one tells nothing."""
    state = seen.get("state")
    return state if isinstance(state, str) else None


def _rise(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> int | None:
    """Return by how much a count rose; ``None`` where it is not known."""
    first, second = before.get(name), after.get(name)
    if isinstance(first, (int, float)) and isinstance(second, (int, float)):
        with suppress(OverflowError):  # of numbers that no account has
            return int(second - first)
    return None
