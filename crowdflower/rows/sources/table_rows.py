"""The rows of a table: data frames, Arrow tables and relations, read in blocks of columns.

A table of a million rows never becomes a list of dicts: a block is read, converted and encoded
before the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from crowdflower._types import Row, describe_type
from crowdflower.exceptions import InvalidInput
from crowdflower.rows.sources.cell_values import convert_column, whole_seconds

MAX_ROWS: Final = 1000
"""Rows of a block."""

MAX_CELLS: Final = 50_000
"""Cells of a block: a wide table has blocks of fewer rows."""

MAX_WHOLE: Final = 2**53
"""Below this, a float that is an integer is exactly that integer."""

NANOSECONDS: Final = 1000
"""In a microsecond, the shortest time that Python's own types have."""

Block: TypeAlias = Sequence[list[Any]]
"""A list of values for each column."""


class UnreadableCell(ValueError):
    """A value that Python has no type for, such as a date in the year 20,000.

    :param position: Of the value in its block, from 0.
    """

    def __init__(self, position: int, column: str, problem: Exception) -> None:
        super().__init__(f"column {column!r:.80}: {problem}; convert the column to text")
        self.position = position


class TableRows:
    """The rows of a table as dicts that can be encoded as JSON; consumed once.

    :param kind: What the table is called in errors: a frame, a table, a relation.
    :param names: The names of its columns.
    :param blocks: Its cells, from the first row to the last.
    :param index: Names of columns that are not sent, since they are an index.
    :raises InvalidInput: A name is not a string, or is there twice; or the table has no columns.

    >>> list(TableRows("frame", ["id", "score"], [[[1, 2], [0.5, float("nan")]]]))
    [{'id': 1, 'score': 0.5}, {'id': 2, 'score': None}]
    """

    def __init__(
        self,
        kind: str,
        names: Iterable[object],
        blocks: Iterable[Block],
        *,
        index: Sequence[str] = (),
    ) -> None:
        self.kind = kind
        self.names = _check_names(kind, list(names))
        self.index = index
        self._blocks = iter(blocks)
        self._key: int | None = None

    def __iter__(self) -> Iterator[Row]:
        count = 0
        try:
            for block in self._blocks:
                columns = [convert_column(values) for values in block]
                if self._key is not None:
                    columns[self._key] = [_as_integer(value) for value in columns[self._key]]
                for cells in zip(*columns, strict=True):
                    yield dict(zip(self.names, cells, strict=True))
                count += len(columns[0])
        except UnreadableCell as error:
            problem, row = str(error), count + error.position + 1
        else:
            if not count:
                raise InvalidInput(f"no rows to upload: the {self.kind} has none")
            return
        raise InvalidInput(f"row {row}, {problem}", row=row)

    def use_key(self, column: str) -> None:
        """Send the floats of a column as integers if they are.

        Data frames turn a column of integers in which one is missing into floats. As a key, 7.0
        would not be the 7 of another upload.
        """
        self._key = self.names.index(column)


def read_column(name: str, column: Any, read: Callable[[Any], list[Any]]) -> list[Any]:
    """Return the values of a column.

    :param column: Anything with slices, for which ``read`` returns the values.
    :raises UnreadableCell: A value cannot be read.
    """
    try:
        return read(column)
    except (ValueError, OverflowError):
        for position in range(len(column)):
            try:
                read(column[position : position + 1])
            except (ValueError, OverflowError) as error:
                raise UnreadableCell(position, name, error) from None
        raise


def seconds_of(nanoseconds: list[int | None]) -> list[int | float | None]:
    """Return durations in seconds, as integers if they are.

    >>> seconds_of([60 * 10**9, 1_500_000_000, None])
    [60, 1.5, None]
    """
    return [None if count is None else whole_seconds(count / 10**9) for count in nanoseconds]


def rows_per_block(columns: int) -> int:
    """Return how many rows to read at a time.

    >>> rows_per_block(5), rows_per_block(500), rows_per_block(100_000)
    (1000, 100, 1)
    """
    return max(1, min(MAX_ROWS, MAX_CELLS // max(1, columns)))


def _as_integer(value: Any) -> Any:
    if type(value) is float and value.is_integer() and abs(value) < MAX_WHOLE:
        return int(value)
    return value


def _check_names(kind: str, names: list[object]) -> list[str]:
    if not names:
        raise InvalidInput(f"no rows to upload: the {kind} has no columns")
    checked = [_check_name(kind, name) for name in names]
    if len(set(checked)) < len(checked):
        twice = next(name for name in checked if checked.count(name) > 1)
        raise InvalidInput(
            f"the {kind} has the column {twice!r:.80} twice, and a row can have it once; rename or"
            " drop one of them"
        )
    return checked


def _check_name(kind: str, name: object) -> str:
    if isinstance(name, str):
        return name
    if isinstance(name, tuple):
        raise InvalidInput(
            f"the columns of the {kind} have several levels, such as {name!r:.80}; give each one"
            " name, such as frame.columns = frame.columns.map('_'.join)"
        )
    raise InvalidInput(
        f"the {kind} has the column name {name!r:.80}, {describe_type(name)}; names must be"
        " strings, such as after frame.columns = frame.columns.map(str)"
    )
