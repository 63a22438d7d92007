"""The option ``conditions``: which rows of a table to read, as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from crowdflower.exceptions import InvalidInput

_VALUE: Final = r"'(?:[^']|'')*'|[-+]?[0-9][0-9.eE+-]*|true\b|false\b"
_CONDITION: Final = re.compile(
    rf"""\s* (?: `(?P<quoted>(?:[^`]|``)+)` | (?P<plain>\w+) ) \s*
    (?: (?P<nulls>\bis\s+(?:not\s+)?null\b)
      | \bin\s*\( \s* (?P<several>(?:{_VALUE})(?:\s*,\s*(?:{_VALUE}))*) \s*\)
      | (?P<operator>[<>]=?|=) \s* (?P<value>{_VALUE}) )
    \s* (?P<rest>\band\b|$)""",
    re.IGNORECASE | re.VERBOSE,
)


def parse_conditions(text: str) -> list[tuple[Any, ...]]:
    """Return the conditions in a text, with ``and`` between them.

    :returns: What :class:`~crowdflower.tables.partitions.Condition` takes, for each.
    :raises InvalidInput: It is not written like this.

    >>> parse_conditions("tainted = false and trust >= 0.7 and country in ('DE', 'FR')")
    [('tainted', '=', False), ('trust', '>=', 0.7), ('country', 'in', ('DE', 'FR'))]
    >>> parse_conditions("`my column` is not null AND note = 'it''s'")
    [('my column', 'is not null'), ('note', '=', "it's")]
    """
    return list(_parse(text))


def _parse(text: str) -> Iterator[tuple[Any, ...]]:
    place = 0
    while True:
        found = _CONDITION.match(text, place)
        if found is None:
            raise InvalidInput(
                f"the option conditions cannot be read at {text[place:].strip()!r:.80}: write"
                " conditions such as \"state = 'finalized' and trust >= 0.7\", with one of =, <,"
                " <=, >, >=, in (…), is null, is not null, strings and times in '…', and column"
                " names with other characters in `…`; use .filter(…) for others"
            )
        column = found["plain"] or found["quoted"].replace("``", "`")
        if found["nulls"]:
            yield column, " ".join(found["nulls"].lower().split())
        elif found["several"]:
            yield (
                column,
                "in",
                tuple(map(_value, re.findall(_VALUE, found["several"], re.IGNORECASE))),
            )
        else:
            yield column, found["operator"], _value(found["value"])
        if not found["rest"]:
            return
        place = found.end()


def _value(text: str) -> Any:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(
            f"the option conditions has {text!r:.80}, which is not a number"
        ) from None
