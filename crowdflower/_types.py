"""Names for the shapes of JSON, and for what is not there."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final, TypeAlias

JSON: TypeAlias = Any
"""Whatever :func:`json.loads` returns; a recursive type would promise more than the wire keeps."""

JSONObject: TypeAlias = dict[str, Any]
"""A JSON object, as decoded."""

Row: TypeAlias = Mapping[str, Any]
"""One row of data to label: column to value."""

Rows: TypeAlias = Iterable[Row]
"""Rows, consumed once and in order."""


class Missing(Enum):
    """The type of :data:`MISSING`; an enum, so that type checkers can tell it from every value."""

    MISSING = "MISSING"

    def __repr__(self) -> str:
        return self.value


MISSING: Final = Missing.MISSING
"""No value at all, where ``None`` is one."""


def a_type(value: object) -> str:
    """Name the type of a value as a sentence does.

    >>> a_type(7), a_type([]), a_type(None)
    ('an int', 'a list', 'None')
    """
    name = type(value).__name__
    if value is None:
        return "None"
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
