"""A condition: which rows of a table to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from crowdflower._types import describe_type
from crowdflower.exceptions import InvalidInput
from crowdflower.models.arguments import did_you_mean
from crowdflower.tables.optional_packages import require
from crowdflower.tables.partitions.arrow_cells import (
    UnfitCell,
    arrow_array,
    is_list,
    is_text,
)

if TYPE_CHECKING:
    import pyarrow as pa

_COMPARISONS: Final = {
    "=": "equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}
_OF_NULLS: Final = ("is null", "is not null")

OPERATORS: Final = (*_COMPARISONS, "in", *_OF_NULLS)
"""The operators of conditions."""


@dataclass(frozen=True)
class Condition:
    """Selects the rows in which a column has certain values.

    As in SQL, a missing value is neither equal to a value, nor less, nor greater.

    :param column: The name of the column.
    :param operator: One of :data:`OPERATORS`.
    :param value: What to compare with; of ``in``, several; of ``is null`` and ``is not null``,
        nothing.
    :raises InvalidInput: The operator does not exist, or the value does not go with it.

    >>> Condition("trust", "!=", 1)
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: no operator '!=': a condition has one of =, <, <=, >, \
>=, in, is null, is not null
    """

    column: str
    operator: str
    value: Any = None

    def __post_init__(self) -> None:
        """Check the operator and the value."""
        if not isinstance(self.column, str):
            raise InvalidInput(
                f"the column of a condition must be a string, not {describe_type(self.column)}"
            )
        if self.operator not in OPERATORS:
            raise InvalidInput(
                f"no operator {self.operator!r:.80}: a condition has one of {', '.join(OPERATORS)}"
            )
        if self.operator == "in":
            value = self.value
            if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
                raise InvalidInput(
                    f"the value of {self.column!r} in … must be a list of values, not"
                    f" {describe_type(value)}"
                )
            object.__setattr__(self, "value", tuple(value))
        elif self.operator in _OF_NULLS:
            if self.value is not None:
                raise InvalidInput(f"{self.column!r} {self.operator} takes no value")
        elif self.value is None:
            raise InvalidInput(
                f"{self.column!r} {self.operator} None selects nothing: use 'is null' or"
                " 'is not null'"
            )

    def check(self, kind: pa.DataType) -> None:
        """Check that the values of a column can be compared with the value.

        :param kind: The type of the column.
        :raises InvalidInput: The values cannot be compared.
        """
        pyarrow = require("pyarrow", "arrow", "plan_partitions")
        if self.operator in _OF_NULLS:
            return
        types = pyarrow.types
        if is_list(pyarrow, kind) or types.is_struct(kind) or types.is_map(kind):
            raise InvalidInput(
                f"column {self.column!r} has the type {kind}, whose values can only be"
                " selected by 'is null' and 'is not null'"
            )
        self.values(kind)

    def matches(self, column: pa.Array) -> pa.Array:
        """Return which values of a column the condition selects, as an array of booleans."""
        compute = require("pyarrow.compute", "arrow", "read_partition")
        if self.operator == "is null":
            return compute.is_null(column)
        if self.operator == "is not null":
            return compute.is_valid(column)
        if hasattr(column, "dictionary_decode"):
            column = column.dictionary_decode()
        values = self.values(column.type)
        if values.type != column.type:  # an integer is compared with a fraction
            column = column.cast(values.type, safe=False)
        if self.operator == "in":
            found = compute.is_in(column, value_set=values)
            return compute.and_(found, compute.is_valid(column))
        compare = getattr(compute, _COMPARISONS[self.operator])
        return compute.fill_null(compare(column, values[0]), False)

    def values(self, kind: Any) -> Any:
        """Return the values to compare with, as an array."""
        pyarrow = require("pyarrow", "arrow", "plan_partitions")
        types = pyarrow.types
        if types.is_dictionary(kind):
            kind = kind.value_type
        given = self.value if self.operator == "in" else (self.value,)
        unfit = [each for each in given if not _is_like(pyarrow, each, kind)]
        is_fraction = types.is_integer(kind) and any(isinstance(each, float) for each in given)
        if not unfit:
            try:
                return arrow_array(given, pyarrow.float64() if is_fraction else kind)
            except UnfitCell as error:
                unfit = [given[error.position]]
        raise InvalidInput(
            f"the condition {self.column!r} {self.operator} {unfit[0]!r:.80} does not fit: the"
            f" column has the type {kind}"
        )


def _is_like(pyarrow: Any, value: object, kind: Any) -> bool:
    """Return whether a value may be meant to be of a type: text holds strings only."""
    if value is None:
        return False
    types = pyarrow.types
    if is_text(pyarrow, kind):
        return isinstance(value, str)
    if types.is_boolean(kind):
        return isinstance(value, bool)
    if types.is_integer(kind) or types.is_floating(kind):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return True


def as_conditions(conditions: object) -> tuple[Condition, ...]:
    """Return conditions; each may be a tuple of its parts.

    :raises InvalidInput: Something else is among them.

    >>> as_conditions([("state", "=", "running")])
    (Condition(column='state', operator='=', value='running'),)
    """
    if isinstance(conditions, Condition):
        return (conditions,)
    if isinstance(conditions, (str, Mapping)) or not isinstance(conditions, Iterable):
        raise InvalidInput(
            f"conditions must be a list of conditions, not {describe_type(conditions)}"
        )
    found = []
    for each in conditions:
        if isinstance(each, tuple) and len(each) in {2, 3}:
            found.append(Condition(*each))
        elif isinstance(each, Condition):
            found.append(each)
        else:
            raise InvalidInput(
                "a condition must be a Condition(column, operator, value), not"
                f" {describe_type(each)}"
            )
    return tuple(found)


def check_names(what: str, table: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Check that a table has columns of some names.

    :param what: Who names them, for the message.
    :raises InvalidInput: The table has no such column.
    """
    known = list(known)
    for name in names:
        if name not in known:
            raise InvalidInput(
                f"{what}: the table {table} has no column {name!r:.80}"
                f"{did_you_mean(str(name), known)}; its columns are: {', '.join(known):.500}"
            )
