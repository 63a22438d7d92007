"""What a command prints on standard output: a table for people, JSON or CSV for programs.

Messages and progress go to standard error, so that the output can be piped.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

import click

from crowdflower._types import JSON, JSONObject, one_line
from crowdflower.cli.table import Table, TableColumn

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

T = TypeVar("T")

SPOOLED: Final = 1 << 20
"""Bytes of rows that are kept in memory until all their columns are known."""

FIRST_ROWS: Final = 200
"""Rows of a table for people that are read before the first one is printed."""


@dataclass(frozen=True)
class Column(Generic[T]):
    """A column of a list: its name, and the value of an item.

    :param name: In CSV; the API's name if it has one.
    :param title: For people, by default the name.
    :param show: What people see, if that is not the value.
    :param right: Align it to the right, as numbers are.
    :param flexible: It may be shortened to the width of the terminal.
    :param wraps: For the last column: continue on further lines rather than shorten it.
    :param in_table: People see it; otherwise it is in the CSV only.
    """

    name: str
    value: Callable[[T], Any]
    show: Callable[[Any], str] | None = None
    title: str = ""
    right: bool = False
    flexible: bool = False
    wraps: bool = False
    in_table: bool = True

    def in_a_table(self) -> TableColumn:
        """Return how people see it."""
        name = self.title or self.name
        return TableColumn(name, right=self.right, flexible=self.flexible, wraps=self.wraps)

    def text(self, item: T) -> str:
        """Return what people see of an item."""
        value = self.value(item)
        return self.show(value) if self.show else as_text(value)


@dataclass(frozen=True)
class Output:
    """Prints lists and single objects, in the style that the options choose."""

    style: Literal["table", "json", "csv"] = "table"

    def print_list(
        self,
        items: Iterable[T],
        columns: Sequence[Column[T]],
        as_json: Callable[[T], JSON],
        *,
        empty: str = "",
    ) -> None:
        """Print items as they come.

        :param as_json: Returns what an item is in JSON.
        :param empty: The message if there are none.
        """
        items = iter(items)
        first = list(islice(items, 1))
        if not first and empty:
            say(empty)
        items = chain(first, items)
        if self.style == "json":
            print_json_array(map(as_json, items))
        elif self.style == "csv":
            rows = ([column.value(item) for column in columns] for item in items)
            print_csv([column.name for column in columns], rows)
        elif first:
            shown = [column for column in columns if column.in_table]
            print_table(
                [each.in_a_table() for each in shown],
                ([column.text(item) for column in shown] for item in items),
            )

    def print_records(
        self,
        items: Iterable[T],
        as_record: Callable[[T], JSONObject],
        as_json: Callable[[T], JSON],
        *,
        first: Sequence[str] = (),
        empty: str = "",
    ) -> None:
        """Print items whose columns are not known before: those of the rows of a job.

        :param as_record: Returns the cells of an item by column.
        :param as_json: Returns what an item is in JSON.
        :param first: Names of the columns that come first, and are not shortened.
        :param empty: The message if there are none.
        """
        items = iter(items)
        start = list(islice(items, FIRST_ROWS if self.style == "table" else 1))
        if not start and empty:
            say(empty)
        items = chain(start, items)
        if self.style == "json":
            print_json_array(map(as_json, items))
        elif self.style == "csv":
            _print_records_as_csv(map(as_record, items), first)
        elif start:
            names = list(dict.fromkeys(chain(first, *map(as_record, start))))
            print_table(
                [TableColumn(name, flexible=name not in first) for name in names],
                ([as_text(record.get(name)) for name in names] for record in map(as_record, items)),
            )

    def print_object(
        self, item: T, columns: Sequence[Column[T]], as_json: Callable[[T], JSON]
    ) -> None:
        """Print one object: for people a line for each column, without the empty ones."""
        if self.style == "json":
            write(f"{to_json(as_json(item), indent=2)}\n")
        elif self.style == "csv":
            print_csv(
                [column.name for column in columns],
                iter([[column.value(item) for column in columns]]),
            )
        else:
            shown = [
                (column.title or column.name, column.text(item))
                for column in columns
                if column.in_table
            ]
            print_table(
                [TableColumn("", style="dim"), TableColumn("", wraps=True)],
                iter([[name, text] for name, text in shown if text]),
            )


def field(name: str) -> Callable[[JSONObject], Any]:
    """Return a function that reads a field of a dict, for a column.

    >>> field("a")({"a": 1}), field("a")({})
    (1, None)
    """
    return lambda item: item.get(name)


def as_text(value: Any) -> str:
    """Return a value as people read it.

    >>> as_text(None), as_text(True), as_text([1, "a"]), as_text({"a": 1})
    ('', 'yes', '1, a', '{"a": 1}')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list) and not any(isinstance(each, (dict, list)) for each in value):
        return ", ".join(map(as_text, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)


def as_cell(value: Any) -> str:
    r"""Return a value as a cell of a CSV; several answers are on separate lines, as in reports.

    >>> as_cell(None), as_cell(True), as_cell(["a", "b"]), as_cell({"a": 1})
    ('', 'true', 'a\nb', '{"a": 1}')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list) and not any(isinstance(each, (dict, list)) for each in value):
        return "\n".join(map(as_cell, value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)


def to_json(value: JSON, indent: int | None = None) -> str:
    """Return JSON that a terminal can show: characters that control one are escaped."""
    is_ascii = not _is_unicode(sys.stdout)
    text = json.dumps(value, ensure_ascii=is_ascii, indent=indent, default=_as_json)
    return _CONTROLS.sub(_escape, text)


def _as_json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def print_json_array(items: Iterable[JSON]) -> None:
    """Print a JSON array, one item a line, as they come."""
    is_first = True
    for item in items:
        write(("[\n" if is_first else ",\n") + to_json(item))
        is_first = False
    write("[]\n" if is_first else "\n]\n")


def print_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print CSV in UTF-8, as the rows come."""
    with _csv_stream() as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([as_cell(value) for value in row] for row in rows)


def print_table(columns: Sequence[TableColumn], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; its widths are those of the first rows."""
    rows = iter(rows)
    start = list(islice(rows, FIRST_ROWS))
    table = Table(columns, start)
    for row in chain(start, rows):
        table.print_row(row)
    if table.hidden:
        say(f"The terminal is too narrow for: {', '.join(table.hidden)}. --json shows all.")


def write(text: str) -> None:
    """Write text to standard output as it is."""
    sys.stdout.write(text)


def write_bytes(blocks: Iterable[bytes]) -> None:
    """Write UTF-8 to standard output: as it is, or to a terminal without what would control it."""
    if sys.stdout.isatty():
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for block in blocks:
            write(_CONTROLS.sub(_escape, decoder.decode(block)))
        return
    sys.stdout.flush()
    sys.stdout.buffer.writelines(blocks)
    sys.stdout.buffer.flush()


def say(text: str) -> None:
    """Print a message for people, on standard error."""
    click.echo(one_line(text), err=True)


def _print_records_as_csv(records: Iterable[JSONObject], first: Sequence[str]) -> None:
    """Print dicts as CSV: all are kept in a temporary file until their columns are known."""
    names = dict.fromkeys(first)
    with SpooledTemporaryFile(SPOOLED, "w+", encoding="utf-8", newline="\n") as spool:
        for record in records:
            names.update(dict.fromkeys(record))
            spool.write(f"{json.dumps(record)}\n")
        spool.seek(0)
        print_csv(list(names), ([row.get(name) for name in names] for row in _read(spool)))


def _read(spool: IO[str]) -> Iterator[JSONObject]:
    return (json.loads(line) for line in spool)


@contextmanager
def _csv_stream() -> Iterator[SupportsWrite[str]]:
    """Yield standard output: UTF-8 in a file or pipe; in a terminal, with controls escaped."""
    if sys.stdout.isatty():
        yield _Terminal()
        return
    sys.stdout.flush()
    stream = io.TextIOWrapper(sys.stdout.buffer, "utf-8", "backslashreplace", newline="")
    try:
        yield stream
        stream.flush()
    finally:
        stream.detach()


class _Terminal:
    """Writes CSV to a terminal, without what would control it."""

    def write(self, text: str) -> int:
        return sys.stdout.write(_CONTROLS.sub(_escape, text))


def _is_unicode(stream: IO[str]) -> bool:
    return (getattr(stream, "encoding", None) or "").lower().replace("-", "") in {"utf8", "utf16"}


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


_CONTROLS: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff]"
)
"""Characters that control a terminal or reverse text; all are escapes of JSON with four digits."""
