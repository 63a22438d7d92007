"""Type aliases for JSON and rows, and the marker for a missing value."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, Final, TypeAlias

JSON: TypeAlias = Any
"""Any decoded JSON; a recursive type would promise more than the service guarantees."""

JSONObject: TypeAlias = dict[str, Any]
"""A decoded JSON object."""

Row: TypeAlias = Mapping[str, Any]
"""One row of data to label: column name to value."""

Rows: TypeAlias = Iterable[Row]
"""Rows; iterated once, in order."""


class Missing(Enum):
    """The type of :data:`MISSING`; an enum, so that type checkers can narrow it."""

    MISSING = "MISSING"

    def __repr__(self) -> str:
        return self.value


MISSING: Final = Missing.MISSING
"""Marks a missing value where ``None`` is a valid one."""


def describe_type(value: object) -> str:
    """Return the type of a value with its article, for error messages.

    >>> describe_type(7), describe_type([]), describe_type(None)
    ('an int', 'a list', 'None')
    """
    name = type(value).__name__
    if value is None:
        return "None"
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
