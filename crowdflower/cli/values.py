"""The values of arguments and options: a job, an amount, a duration, a day."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from typing import TypeAlias

    JobId: TypeAlias = int | str

MAX_CENTS: Final = 10**12
"""The largest amount of the command: ten billion dollars."""


class ValueType(click.ParamType):  # type: ignore[type-arg]
    """Base of the types below: click's own is generic from release 8.4 on only."""


class JobType(ValueType):
    """The id of a job, or its alias.

    >>> JOB.convert("700001", None, None), JOB.convert("reviews", None, None)
    (700001, 'reviews')
    """

    name = "job"

    def convert(
        self, value: int | str, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Return a number for an id, or a string for an alias."""
        text = str(value).strip()
        if not text or text.startswith("-"):
            self.fail(f"{value!r} is not a job: expected its id or its alias", param, ctx)
        return int(text) if text.isascii() and text.isdecimal() else text


class DollarsType(ValueType):
    """An amount in dollars, converted to cents, exactly.

    :param least: The smallest amount, in cents.
    :param most: The largest amount, in cents.

    >>> DOLLARS.convert("12.50", None, None)
    1250
    """

    name = "dollars"

    def __init__(self, least: int = 0, most: int = MAX_CENTS) -> None:
        self.least, self.most = least, most

    def convert(
        self, value: int | str, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the amount in cents."""
        if isinstance(value, int):
            return value  # click converts what was converted before
        try:
            amount = 100 * Decimal(value.removeprefix("$"))
        except InvalidOperation:
            self.fail(f"{value!r} is not an amount in dollars, such as 12.50", param, ctx)
        if not amount.is_finite() or amount < 0 or amount != amount.to_integral_value():
            self.fail(f"{value!r} must be 0 or more dollars, with at most two decimals", param, ctx)
        if amount > self.most:
            self.fail(f"{value!r} is more than {self.most // 100:,} dollars", param, ctx)
        if amount < self.least:
            self.fail(f"{value!r} is less than {format_dollars(self.least)}", param, ctx)
        return int(amount)


class DurationType(ValueType):
    """A time such as ``90s``, ``30m``, ``6h``, ``1h30m`` or ``2d``; a bare number is in seconds.

    >>> str(DURATION.convert("1h30m", None, None)), str(DURATION.convert("90", None, None))
    ('1:30:00', '0:01:30')
    """

    name = "duration"

    def convert(
        self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return the duration."""
        if isinstance(value, timedelta):
            return value
        text = value.replace(" ", "").lower()
        if _NUMBER.fullmatch(text):
            text += "s"
        parts = _PART.findall(text)
        if not parts or "".join(map("".join, parts)) != text:
            self.fail(f"{value!r} is not a time such as 90s, 30m, 6h, 1h30m or 2d", param, ctx)
        try:
            return timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in parts))
        except OverflowError:
            self.fail(f"{value!r} is too long", param, ctx)


_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
_PART: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class DayType(ValueType):
    """A day such as ``2026-07-30``.

    >>> DAY.convert("2026-07-30", None, None)
    datetime.date(2026, 7, 30)
    """

    name = "date"

    def convert(
        self, value: str | date, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Return the day."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day such as 2026-07-30", param, ctx)


class MomentType(DayType):
    """A day, which begins at midnight in UTC, or a time with its time zone.

    >>> str(MOMENT.convert("2026-07-30T12:00:00+02:00", None, None))
    '2026-07-30 12:00:00+02:00'
    """

    name = "time"

    def convert(
        self, value: str | date, param: click.Parameter | None, ctx: click.Context | None
    ) -> date | datetime:
        """Return the day or the time."""
        if isinstance(value, date):
            return value
        with suppress(ValueError):
            return date.fromisoformat(value)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2026-07-30T12:00:00Z", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} has no time zone; for UTC write {value}Z", param, ctx)
        return moment


JOB: Final = JobType()
DOLLARS: Final = DollarsType()
DURATION: Final = DurationType()
DAY: Final = DayType()
MOMENT: Final = MomentType()


def format_dollars(cents: int | None) -> str:
    """Return an amount in dollars.

    >>> format_dollars(123456), format_dollars(None)
    ('$1,234.56', 'no limit')
    """
    return "no limit" if cents is None else f"${cents / 100:,.2f}"


def count(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> count(1, "unit"), count(1200, "unit")
    ('1 unit', '1,200 units')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def format_time(text: object) -> str:
    """Return a timestamp of the service to the minute, or what it sent instead.

    >>> format_time("2026-07-30T12:26:53+00:00"), format_time(None)
    ('2026-07-30 12:26', '')
    """
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return "" if text is None else str(text)
    return f"{moment:%Y-%m-%d %H:%M}"
