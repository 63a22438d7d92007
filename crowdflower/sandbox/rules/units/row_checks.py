"""Checks the rows of an upload, and keeps those of a file until they are stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from tempfile import SpooledTemporaryFile
from time import sleep
from typing import IO, Any, Final, Self, cast

from crowdflower._types import Message
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.store.column_types import encode_line, encode_row

GOLD_COLUMN = re.compile(r"_golden|_gold_pool|.+_gold|.+_gold_reason")
"""Columns of test questions; rows of one file may differ in them."""

MAX_COLUMNS: Final = 5000
"""Columns of a job."""

MAX_CACHED_SHAPES = 1000
"""Maximum number of distinct sets of columns to cache while a file is read."""

BATCH_ROWS: Final = 2000
"""Most rows that one transaction stores."""

BATCH_BYTES: Final = 4 * 1024 * 1024
"""Bytes after which a transaction stores no further row."""

_PAUSE_ROWS: Final = 500
_BUFFER: Final = 1024 * 1024
"""Bytes after which rows are written to the temporary file."""

_PAUSE: Final = 0.00005
"""Seconds: other threads of this process run while this one sleeps."""


class CheckedRows:
    """The rows of one file: checked, and encoded as JSON in a temporary file.

    :param rows: Iterated once, outside of any transaction.
    :param known: The columns of the job.
    :param force: Accept columns that the job does not have.
    :param max_rows: How many units the job may still get; ``None`` for no limit.
    :raises Invalid: A row has other columns, or values that cannot be stored as JSON; the message
        has its number, from 1, without the header.

    >>> with CheckedRows([{"a": 1}, {"a": 2}]) as rows:
    ...     rows.count, rows.new_columns([]), list(rows.batches())
    (2, ['a'], [['{"a":1}', '{"a":2}']])
    """

    def __init__(
        self,
        rows: Iterable[Mapping[str, Any]],
        known: Iterable[str] = (),
        *,
        force: bool = False,
        max_rows: int | None = None,
    ) -> None:
        self.count = 0
        self.upload_id: int | None = None
        """The upload under which the rows are stored already; ``None`` if they are not."""
        self.job_id: int | None = None
        """The job that was created for these rows; ``None`` for an existing one."""
        self._checker = RowChecker([*known], force=force, max_rows=max_rows)
        file = SpooledTemporaryFile(max_size=BATCH_BYTES)  # noqa: SIM115 - closed by __exit__
        self._file = cast(IO[bytes], file)
        try:
            self._encode(rows)
        except BaseException:
            self._file.close()
            raise
        self.fits_one_batch = self.count <= BATCH_ROWS and self._file.tell() <= BATCH_BYTES
        """Whether one transaction stores all rows."""

    def check_again(self, known: list[str], max_rows: int | None) -> None:
        """Check that the rows still fit to their job, which others may have changed meanwhile.

        :raises Invalid: The job has got other columns, or too many units.
        """
        self._checker.check_again(known, max_rows, self.count)

    def new_columns(self, known: list[str]) -> list[str]:
        """Return the columns that are not yet those of the job, in the order of the file."""
        return [name for name in self._checker.columns if name not in known]

    def batches(self) -> Iterator[list[str]]:
        """Yield the rows as JSON in batches, each for one transaction."""
        self._file.seek(0)
        batch, size = [], 0
        for line in self._file:
            batch.append(line[:-1].decode())
            size += len(line)
            if len(batch) == BATCH_ROWS or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _encode(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write the rows to the temporary file, many at once."""
        # One buffer for all: each small result of orjson would keep a larger one while it lives.
        buffer, count = bytearray(), 0
        for count, line in enumerate(self._checker.json_lines(rows), 1):
            buffer += line
            if count % _PAUSE_ROWS == 0 or len(buffer) >= _BUFFER:
                self._file.write(buffer)
                buffer.clear()
                sleep(_PAUSE)
        self._file.write(buffer)
        self.count = count

    def close(self) -> None:
        """Delete the temporary file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def to_json(data: Mapping[str, Any]) -> str:
    """Encode the data of a unit as JSON.

    :raises ValueError: A number or a character cannot be represented in JSON or UTF-8.
    :raises TypeError: A value has a type that JSON does not have.
    """
    return encode_row(data)


class RowChecker:
    """Checks the rows of one upload, and collects their columns."""

    def __init__(self, known: list[str], *, force: bool, max_rows: int | None) -> None:
        self.columns = list(known)
        self._force = force
        self._max_rows = max_rows
        self._header: dict[str, None] = {}
        self._is_empty = True
        self._incomplete: dict[tuple[str, ...], bool] = {}

    def json_rows(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """Yield each row as JSON after it was checked."""
        return (line[:-1].decode() for line in self.json_lines(rows))

    def json_lines(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
        """Yield each row as a line of JSON in UTF-8 after it was checked."""
        max_rows, shapes = self._max_rows, self._incomplete
        for number, row in enumerate(rows, 1):
            if max_rows is not None and number > max_rows:
                raise _too_many(number)
            if type(row) is not dict and not isinstance(row, Mapping):
                text = f"Row {number} is not an object with a value for each column."
                raise Invalid(Message(text, "row_not_object", row=number))
            if number == 1:
                self._is_empty = False
                self._header = dict.fromkeys(name for name in row if not _is_gold_column(name))
                self._check_header(self.columns)
            shape = tuple(row)  # a file has few distinct sets of columns: check each once
            incomplete = shapes.get(shape)
            if incomplete is None:
                incomplete = self._check_columns(number, shape)
            try:
                line = encode_line({**self._header, **row} if incomplete else row)
            except (TypeError, ValueError) as error:
                text = f"Row {number} cannot be stored as JSON: {error}."
                raise Invalid(Message(text, "row_not_storable", row=number)) from None
            yield line

    def check_again(self, known: list[str], max_rows: int | None, count: int) -> None:
        """Check rows that were checked before against what their job has become."""
        if max_rows is not None and count > max_rows:
            raise _too_many(max(max_rows, 0) + 1)
        if not self._is_empty:
            self._check_header(known)

    def _check_header(self, known: list[str]) -> None:
        """Compare the columns of the first row with those of the job."""
        expected = [name for name in known if not _is_gold_column(name)]
        if known and not self._force and self._header.keys() != set(expected):
            raise Invalid(_describe_difference(self._header, expected))

    def _check_columns(self, number: int, shape: tuple[str, ...]) -> bool:
        """Check a new set of columns; return whether it lacks columns of the header."""
        for name in shape:
            if not isinstance(name, str):
                raise Invalid(f"Row {number} has a column {name!r}: names must be strings.")
            if name not in self._header and not _is_gold_column(name) and not self._force:
                text = (
                    f"Row {number} has a column that row 1 does not have: {name}. "
                    f"Send force=true to add it."
                )
                raise Invalid(Message(text, "added_column", row=number, column=name))
        known = set(self.columns)
        self.columns += [name for name in shape if name not in known]
        if len(self.columns) > MAX_COLUMNS:
            raise _too_wide(number, len(self.columns))
        incomplete = not self._header.keys() <= set(shape)
        if len(self._incomplete) < MAX_CACHED_SHAPES:
            self._incomplete[shape] = incomplete
        return incomplete


def _too_many(number: int) -> Invalid:
    text = f"Row {number} exceeds the maximum number of units of a job."
    return Invalid(Message(text, "many_rows", row=number))


def _too_wide(number: int, columns: int) -> Invalid:
    text = f"With row {number} the job has {columns} columns; {MAX_COLUMNS} is the limit."
    return Invalid(Message(text, "job_columns", row=number, columns=columns, most=MAX_COLUMNS))


def _is_gold_column(name: object) -> bool:
    return isinstance(name, str) and GOLD_COLUMN.fullmatch(name) is not None


def _describe_difference(found: Iterable[str], expected: Iterable[str]) -> Message:
    missing = ", ".join(name for name in expected if name not in found)
    added = ", ".join(str(name) for name in found if name not in expected)
    parts = [f"lacks {missing}"] * bool(missing) + [f"adds {added}"] * bool(added)
    text = (
        f"Row 1 has other columns than the job: it {' and '.join(parts)}. "
        f"Send the same columns, or force=true to store them as they are."
    )
    return Message(text, "other_columns", missing=missing, added=added)
