"""Checks of arguments, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crowdflower._types import JSONObject, a_type
from crowdflower.exceptions import InvalidInput


def whole(what: str, value: object) -> int:
    """Return a count, if it is one: a whole number from 1 on.

    :raises InvalidInput: It is not; nothing was sent.

    >>> whole("units_count", 0)
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: units_count is a whole number from 1 on, not 0
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidInput(f"{what} is a whole number from 1 on, not {value!r}")
    return value


def names(what: str, value: Iterable[str]) -> list[str]:
    """Return names as a list; a single text is a mistake that would send its letters.

    :raises InvalidInput: It is one, or something in it is no name.

    >>> names("tags", ("spring", "reviews"))
    ['spring', 'reviews']
    """
    if isinstance(value, str):
        raise InvalidInput(f"{what} is a list of names; write [{value!r}]")
    found = list(value)
    for each in found:
        if not isinstance(each, str) or not each.strip():
            raise InvalidInput(f"{what} holds {each!r:.80}, which is no name")
    return found


def joined(what: str, value: Iterable[str]) -> str:
    """Return names as the one text, with commas between them, that a query takes.

    :raises InvalidInput: There is a comma in one, which would make two of it.

    >>> joined("on", ["colors", "sizes"])
    'colors,sizes'
    """
    found = names(what, value)
    for each in found:
        if "," in each:
            raise InvalidInput(f"{what} holds {each!r:.80}; a comma would make two names of it")
    return ",".join(found)


def channel_names(value: Iterable[str]) -> list[str]:
    """Return the names of channels, at least one.

    :raises InvalidInput: There is none.

    >>> channel_names(["on_demand"])
    ['on_demand']
    """
    channels = names("channels", value)
    if not channels:
        raise InvalidInput("channels is empty; without any, nobody would see the job")
    return channels


def a_row(data: object) -> JSONObject:
    """Return a row as a dict from column to value.

    :raises InvalidInput: It is none, or the name of a column is no text; nothing was sent.

    >>> a_row([1])
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: a row is a dict from column to value, not a list
    """
    if not isinstance(data, Mapping):
        raise InvalidInput(f"a row is a dict from column to value, not {a_type(data)}")
    for column in data:
        if not isinstance(column, str):
            raise InvalidInput(f"the column name {column!r:.80} is no text")
    return dict(data)
