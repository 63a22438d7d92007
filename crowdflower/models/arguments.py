"""Checks arguments before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from numbers import Real
from typing import Final

from crowdflower._types import JSONObject, describe_type
from crowdflower.exceptions import ApiError, InvalidInput
from crowdflower.http.json_problems import describe_path, find_problem, numpy_advice


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return the end of a message that suggests the most similar name; empty if none is similar.

    >>> did_you_mean("Titel", ["title", "cml"]), did_you_mean("colour", ["title", "cml"])
    ("; did you mean 'title'?", '')
    """
    from difflib import get_close_matches  # noqa: PLC0415 - needed for error messages only

    by_lower_case = {each.lower(): each for each in names}
    near = get_close_matches(name.lower(), by_lower_case, n=1)
    return f"; did you mean {by_lower_case[near[0]]!r}?" if near else ""


def check_count(name: str, value: object) -> int:
    """Return a positive integer.

    :param name: Name of the argument, for the error.
    :raises InvalidInput: The value is not an integer, or below 1.

    >>> check_count("units_count", 0)
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: units_count must be a positive integer, not 0
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        advice = numpy_advice(value)
        raise InvalidInput(f"{name} must be a positive integer, not {value!r:.80}{advice}")
    return value


def check_cents(name: str, value: object, error: type[ApiError] = InvalidInput) -> None:
    """Check an amount in US cents, 0 included.

    :param error: What to raise, :class:`~crowdflower.exceptions.InvalidInput` by default.

    >>> check_cents("max_cost_cents", 1.5)
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: max_cost_cents must be a whole number of US cents, not 1.5
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        advice = numpy_advice(value)
        raise error(f"{name} must be a whole number of US cents, not {value!r:.80}{advice}")


def check_seconds(name: str, value: object, *, zero: bool = False) -> float:
    """Return a duration in seconds.

    :param value: A number of seconds, or a ``timedelta``.
    :param zero: Whether 0 is allowed.
    :raises InvalidInput: The value is neither, or negative, or 0.

    >>> check_seconds("timeout", timedelta(minutes=2)), check_seconds("timeout", 5)
    (120.0, 5.0)
    """
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    is_number = isinstance(seconds, Real) and not isinstance(seconds, bool)
    if not is_number or not (seconds >= 0 if zero else seconds > 0):  # type: ignore[operator]
        least = "of at least 0" if zero else "above 0"
        raise InvalidInput(
            f"{name} must be a number of seconds {least}, or a timedelta, not {value!r:.80}"
        )
    return float(seconds)  # type: ignore[arg-type]


def check_names(name: str, value: Iterable[str]) -> list[str]:
    """Return a list of non-empty strings; a single string would be sent letter by letter.

    :raises InvalidInput: The value is a string, a dict or not iterable, or an item is not a string,
        or blank.

    >>> check_names("tags", ("spring", "reviews"))
    ['spring', 'reviews']
    """
    if isinstance(value, str):
        raise InvalidInput(f"{name} must be a list of strings; write [{value!r}]")
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        raise InvalidInput(f"{name} must be a list of strings, not {describe_type(value)}")
    names = list(value)
    for each in names:
        if not isinstance(each, str) or not each.strip():
            raise InvalidInput(f"{name} contains {each!r:.80}: expected a non-empty string")
    return names


def join_names(name: str, value: Iterable[str]) -> str:
    """Return names as the comma-separated string that a query takes.

    :raises InvalidInput: A name contains a comma.

    >>> join_names("on", ["colors", "sizes"])
    'colors,sizes'
    """
    names = check_names(name, value)
    for each in names:
        if "," in each:
            raise InvalidInput(f"{name} contains {each!r:.80}: a comma would split it in two")
    return ",".join(names)


def check_channels(value: Iterable[str]) -> list[str]:
    """Return names of channels, at least one.

    :raises InvalidInput: The list is empty.

    >>> check_channels(["on_demand"])
    ['on_demand']
    """
    channels = check_names("channels", value)
    if not channels:
        raise InvalidInput("channels is empty: without a channel no contributor sees the job")
    return channels


def check_alias(alias: object) -> str:
    """Return the alias of a job, which stands where an id could: ``jobs/{alias}``.

    :raises InvalidInput: The alias is not a string, is empty or too long, could be an id or another
        path, or contains a space.

    >>> check_alias("reviews")
    'reviews'
    >>> check_alias("7")
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: the alias '7' is a number, so it would be read as an id:
    choose a name such as 'reviews'
    """
    if not isinstance(alias, str):
        advice = " (get_job fetches a job by its id)" if type(alias) is int else ""
        raise InvalidInput(
            f"an alias must be a string such as 'reviews', not {alias!r:.80}{advice}"
        )
    problem = next((text for is_wrong, text in _ALIAS_PROBLEMS if is_wrong(alias)), None)
    if problem is not None:
        raise InvalidInput(f"the alias {alias!r:.80} {problem}: choose a name such as 'reviews'")
    return alias


MAX_ALIAS_LENGTH: Final = 255

_ALIAS_PROBLEMS: Final[tuple[tuple[Callable[[str], object], str], ...]] = (
    (lambda alias: not alias.strip(), "is empty"),
    (lambda alias: alias.strip().isdecimal(), "is a number, so it would be read as an id"),
    (re.compile(r"\s").search, "contains a space"),
    (
        re.compile(r"[/\\.?#%]").search,
        "contains a character that changes a path (one of / \\ . ? # %)",
    ),
    (lambda alias: not alias.isprintable(), "contains a character that cannot be printed"),
    (lambda alias: alias == "upload", "is the path of another resource"),
    (lambda alias: len(alias) > MAX_ALIAS_LENGTH, f"has more than {MAX_ALIAS_LENGTH} characters"),
)


def check_row(data: object) -> JSONObject:
    """Return a row as a dict from column to JSON value.

    :raises InvalidInput: The value is not a dict, a column name is not a string, or a value is not
        JSON; the message names the column and says what to send instead.

    >>> check_row([1])
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: a row must be a dict from column to value, not a list
    """
    if not isinstance(data, Mapping):
        raise InvalidInput(f"a row must be a dict from column to value, not {describe_type(data)}")
    for column in data:
        if not isinstance(column, str):
            raise InvalidInput(
                f"the column name {column!r:.80} is {describe_type(column)}, not a string"
            )
    row = dict(data)
    if found := find_problem(row):
        (column, *rest), problem = found if found[0] else ((None,), found[1])
        where = "" if column is None else f"column {column!r:.80}: "
        at = f"at {describe_path(tuple(rest))}, " if rest else ""
        raise InvalidInput(f"{where}{at}{problem}")
    return row
