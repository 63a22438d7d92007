"""The columns of the uploaded rows, and their names beside those of the results."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from crowdflower.tables.columns import Column, TypedColumn, values_of

if TYPE_CHECKING:
    from crowdflower.tables.reading.arrow_blocks import ArrowBlocks


class RowColumns:
    """Collects rows, of which each may have other columns.

    >>> rows = RowColumns()
    >>> rows.add([{"text": "Fine."}, {"text": "Bad.", "state": "NY"}])
    >>> list(rows.finish(taken={"state"}))
    ['text', 'orig_state']
    """

    def __init__(self) -> None:
        self._columns: dict[str, Column] = {}
        self._length = 0

    def add(self, rows: Sequence[Mapping[str, Any]], counts: Sequence[int] | None = None) -> None:
        """Append rows.

        :param counts: How often each is repeated; once by default.
        """
        self._add_columns(rows)
        for name, column in self._columns.items():
            values = values_of(rows, name)
            column.extend(values if counts is None else repeated(values, counts))
        self._length += len(rows) if counts is None else sum(counts)

    def prepare(self, arrow: ArrowBlocks, rows: Any, owners: Any) -> Iterator[Callable[[], None]]:
        """Yield functions that append Arrow data to the columns.

        :param owners: The row of each judgment.
        :raises Unreadable: The rows have columns that are not known, or cannot be appended.
        """
        arrow.check_names(rows, self._columns)
        for name, column in self._columns.items():
            yield arrow.prepare(column, arrow.field(rows, name).take(owners))

    def skip(self, count: int) -> None:
        """Take rows into account that were appended to the columns."""
        self._length += count

    def observe(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take rows into account for columns and their types, and do not append them.

        So a table has the same columns whichever rows it has.
        """
        self._add_columns(rows)
        for name, column in self._columns.items():
            column.observe(values_of(rows, name))

    def finish(self, taken: Collection[str]) -> dict[str, TypedColumn]:
        """Return the columns.

        :param taken: Names of other columns; one of the same name here gets ``orig_``, repeated
            until no column has the name.
        """
        names = free_row_names(list(self._columns), taken)
        columns, self._columns = self._columns, {}
        return {names[name]: column.finish() for name, column in columns.items()}

    def _add_columns(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if self._columns.keys() >= set().union(*rows):
            return
        for name in dict.fromkeys(chain.from_iterable(rows)):
            if name not in self._columns:
                self._columns[name] = Column()
                self._columns[name].skip(self._length)


def repeated(values: Iterable[Any], counts: Iterable[int]) -> list[Any]:
    """Return each value as often as its count says.

    >>> repeated(["a", "b", "c"], [2, 0, 1])
    ['a', 'a', 'c']
    """
    return list(chain.from_iterable(map(repeat, values, counts)))


def free_row_names(columns: Collection[str], taken: Collection[str]) -> dict[str, str]:
    """Return the names in a table, by the rule of the service's reports.

    >>> free_row_names(["mood", "orig_mood", "text"], {"mood"})
    {'mood': 'orig_orig_mood', 'orig_mood': 'orig_mood', 'text': 'text'}
    """
    used, own = set(taken), set(columns)
    names: dict[str, str] = {}
    for column in columns:
        name = column
        while name in used or (name != column and name in own):
            name = f"orig_{name}"
        names[column] = name
        used.add(name)
    return names
