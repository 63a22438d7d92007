"""Files of results: CSV, JSON, JSON lines and Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import click

from crowdflower.cli.exit_codes import CommandError
from crowdflower.cli.output import as_cell, to_json
from crowdflower.rows.csv_format import escape_formula
from crowdflower.rows.new_file import new_file
from crowdflower.tables.typed_table import Table

if TYPE_CHECKING:
    import pyarrow as pa

STATE, FINALIZED, FINALIZED_AT = "state", "finalized", "finalized_at"


class ResultRows:
    """Rows to print.

    Their number, their latest time, and whether the limit left out rows, are known afterwards.
    """

    def __init__(self, table: Table, *, only_finalized: bool, limit: int | None) -> None:
        self.names = list(table.columns)
        self.number = 0
        self.latest: datetime | None = None
        self.is_cut = False
        self._table = table
        self._only_finalized = only_finalized
        self._limit = limit

    @property
    def _state(self) -> str:
        """The column with the state of the unit."""
        return STATE if STATE in self.names else "unit_state"

    def to_arrow(self) -> pa.Table:
        """Return the rows as an Arrow table.

        :raises ImportError: pyarrow is not installed.
        """
        table = self._table.to_arrow()
        from pyarrow import compute  # noqa: PLC0415 - an extra

        if self._only_finalized:
            table = table.filter(compute.equal(table[self._state], FINALIZED))
        if self._limit is not None:
            self.is_cut = table.num_rows > self._limit
            table = table.slice(0, self._limit)
        self.number = table.num_rows
        if FINALIZED_AT in self.names:
            self.latest = compute.max(table[FINALIZED_AT]).as_py()
        return table

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        names = self.names
        state = names.index(self._state)
        time = names.index(FINALIZED_AT) if FINALIZED_AT in names else None
        rows = self._table.rows()
        if self._only_finalized:
            rows = (row for row in rows if row[state] == FINALIZED)
        for row in islice(rows, self._limit):
            self.number += 1
            if time is not None and row[time] is not None:
                self.latest = max(self.latest or row[time], row[time])
            yield row
        self.is_cut = next(rows, None) is not None


Writer: TypeAlias = Callable[[IO[bytes], ResultRows], None]


def safe_cells(rows: ResultRows) -> Iterator[list[str]]:
    """Yield the rows as cells that no spreadsheet evaluates."""
    return ([escape_formula(as_cell(value)) for value in row] for row in rows)


def choose_writer(path: Path, *, spreadsheet_safe: bool) -> Writer:
    """Return what writes a file of this name.

    :raises click.UsageError: Its format is not known.
    """
    writers = {
        ".csv": _write_safe_csv if spreadsheet_safe else _write_csv,
        ".json": _write_json,
        ".jsonl": _write_json_lines,
        ".ndjson": _write_json_lines,
        ".parquet": _write_parquet,
    }
    write = writers.get(path.suffix.lower())
    if write is None:
        raise click.UsageError(
            f"the name {str(path)!r} does not tell the format; choose one of {', '.join(writers)}"
        )
    return write


def save(path: Path, write: Writer, rows: ResultRows, *, overwrite: bool) -> None:
    """Write a file, which appears complete or not at all.

    :raises CommandError: The file exists.
    """
    try:
        with new_file(path, overwrite=overwrite) as (file, _):
            write(file, rows)
    except FileExistsError:
        raise CommandError(f"{path} exists; to replace it, add --overwrite") from None


def _write_csv(file: IO[bytes], rows: ResultRows) -> None:
    _write_cells(file, rows.names, ([as_cell(value) for value in row] for row in rows))


def _write_safe_csv(file: IO[bytes], rows: ResultRows) -> None:
    _write_cells(file, rows.names, safe_cells(rows))


def _write_cells(file: IO[bytes], names: Sequence[str], rows: Iterator[list[str]]) -> None:
    text = io.TextIOWrapper(file, "utf-8", "backslashreplace", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    text.detach()


def _write_json(file: IO[bytes], rows: ResultRows) -> None:
    separator = b"[\n"
    for row in rows:
        file.write(separator + _object(rows.names, row))
        separator = b",\n"
    file.write(b"\n]\n" if rows.number else b"[]\n")


def _write_json_lines(file: IO[bytes], rows: ResultRows) -> None:
    file.writelines(_object(rows.names, row) + b"\n" for row in rows)


def _object(names: Sequence[str], row: Sequence[Any]) -> bytes:
    return to_json(dict(zip(names, row, strict=True))).encode("utf-8")


def _write_parquet(file: IO[bytes], rows: ResultRows) -> None:
    table = rows.to_arrow()
    from pyarrow import parquet  # noqa: PLC0415 - an extra

    parquet.write_table(table, file)
