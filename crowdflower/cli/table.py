"""A table for people, printed row by row, as wide as the terminal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from crowdflower._types import one_line

GAP: Final = "  "
"""What separates two columns."""

MIN_WIDTH: Final = 8
"""The least width to which a column is shortened."""

STATE_STYLES: Final = {
    "running": "green",
    "paused": "yellow",
    "canceled": "red",
    "unordered": "dim",
}
"""Styles of the states of a job."""


@dataclass(frozen=True)
class TableColumn:
    """A column: its name, and how it is aligned, shortened or wrapped.

    :param wraps: For the last column: continue on further lines rather than shorten it.
    """

    name: str
    right: bool = False
    flexible: bool = False
    wraps: bool = False
    style: str = ""


class Table:
    """A table whose widths are chosen from its first rows.

    In a terminal, flexible columns are shortened until a row fits. In a pipe nothing is shortened,
    unless ``COLUMNS`` is set. Colours are those of rich: none in a pipe or with ``NO_COLOR``.
    """

    def __init__(self, columns: Sequence[TableColumn], first_rows: Sequence[Sequence[str]]) -> None:
        # rich itself keeps bold and dim with NO_COLOR
        styles: Final = None if os.environ.get("NO_COLOR") else "auto"
        self._console = Console(highlight=False, color_system=styles)
        self._is_limited = self._console.is_terminal or "COLUMNS" in os.environ
        widths = _natural_widths(columns, [list(map(one_line, row)) for row in first_rows])
        shown = self._count_shown(columns, widths) if self._is_limited else len(columns)
        self._columns, self._widths = columns[:shown], self._shrink(columns[:shown], widths[:shown])
        self.hidden = [column.name for column in columns[shown:]]
        """Names of columns for which the terminal is too narrow."""
        if any(column.name for column in columns):
            self._print([column.name for column in self._columns], ["bold"] * shown)

    def print_row(self, cells: Sequence[str]) -> None:
        """Print a row, each cell on one line and without what would control the terminal."""
        cells = cells[: len(self._columns)]
        styles = [
            column.style or (STATE_STYLES.get(cell, "") if column.name == "state" else "")
            for column, cell in zip(self._columns, cells, strict=True)
        ]
        self._print([one_line(cell) for cell in cells], styles)

    def _count_shown(self, columns: Sequence[TableColumn], widths: Sequence[int]) -> int:
        """Return how many columns fit if all flexible ones are short; at least one."""
        least = [
            min(width, MIN_WIDTH) if column.flexible or column.wraps else width
            for column, width in zip(columns, widths, strict=True)
        ]
        ends = accumulate(width + len(GAP) for width in least)
        return max(1, sum(end - len(GAP) <= self._console.width for end in ends))

    def _shrink(self, columns: Sequence[TableColumn], widths: Sequence[int]) -> list[int]:
        """Return the widths, with flexible columns shortened so that a row fits."""
        widths = list(widths)
        flexible = [index for index, column in enumerate(columns) if column.flexible]
        excess = sum(widths) + len(GAP) * (len(widths) - 1) - self._console.width
        while self._is_limited and excess > 0 and flexible:
            widest = max(flexible, key=lambda index: widths[index])
            if widths[widest] <= MIN_WIDTH:
                break
            widths[widest] -= 1
            excess -= 1
        return widths

    def _print(self, cells: Sequence[str], styles: Sequence[str]) -> None:
        line = Text()
        last = len(cells) - 1
        indent = sum(self._widths[:last]) + len(GAP) * last
        room = self._console.width - indent
        if self._columns[last].wraps and self._is_limited and room >= MIN_WIDTH:
            first, *rest = Text(cells[last]).wrap(self._console, room) or [Text()]
            cells = [*cells[:last], first.plain]
        else:
            rest = []
        for index, (whole, style) in enumerate(zip(cells, styles, strict=True)):
            column, width = self._columns[index], self._widths[index]
            is_cut = self._is_limited and column.flexible and cell_len(whole) > width
            cell = self._shorten(whole, width) if is_cut else whole
            padding = " " * (width - cell_len(cell))
            if column.right:
                line.append(padding)
            line.append(cell, style)
            if index < last:
                line.append(GAP if column.right else padding + GAP)
        line.rstrip()
        self._console.print(line, soft_wrap=True)
        for more in rest:
            self._console.print(
                Text(" " * indent + more.plain.rstrip(), styles[last]), soft_wrap=True
            )

    def _shorten(self, cell: str, width: int) -> str:
        end = "…" if self._console.encoding.lower().startswith("utf") else "~"
        return set_cell_size(cell, width - 1).rstrip() + end


def _natural_widths(columns: Sequence[TableColumn], rows: Sequence[Sequence[str]]) -> list[int]:
    return [
        max([cell_len(column.name), *(cell_len(row[index]) for row in rows)])
        for index, column in enumerate(columns)
    ]
