"""Rows or a file, made ready to be sent: checked to the end before the first byte leaves."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import PurePath
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import IO, Any, Final

from crowdflower._types import Rows
from crowdflower.exceptions import InvalidInput
from crowdflower.http.encoding import json_lines

KEPT_IN_MEMORY: Final = 1 << 20
"""Bytes that an upload may have before it is kept in a temporary file instead."""

CHUNK: Final = 1 << 16

JSON_LINES: Final = "application/json"
CSV: Final = "text/csv"
CONTENT_TYPES: Final = {
    "csv": CSV,
    "json": JSON_LINES,
    "jsonl": JSON_LINES,
    "ndjson": JSON_LINES,
    "tsv": "text/tab-separated-values",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
}
"""What the service takes, by the ending of a file's name."""


@contextmanager
def spooled_rows(rows: Rows) -> Iterator[IO[bytes]]:
    """Write rows as JSON lines to a temporary file, which is gone when the block ends.

    :raises InvalidInput: A row cannot be written, and ``row`` says which; or there is none.
    """
    with SpooledTemporaryFile(max_size=KEPT_IN_MEMORY) as spool:
        for block in json_lines(rows):
            spool.write(block)  # writelines would look at the size only after the last of them
        if not spool.tell():
            raise InvalidInput("there are no rows to upload; was their iterator consumed before?")
        spool.seek(0)
        yield spool


@contextmanager
def opened_file(
    file: str | PathLike[str] | IO[Any], type_: str | None
) -> Iterator[tuple[IO[bytes], str]]:
    """Open a file for sending, as bytes, together with its content type.

    A file of bytes is sent from where it stands; a file of text, or one that cannot be read twice,
    is written to a temporary one first, as UTF-8.

    :param type_: An ending of :data:`CONTENT_TYPES`, or a MIME type; guessed from the name if
        ``None``.
    :raises InvalidInput: The type cannot be guessed, or the content cannot be what it should be.
    """
    content_type = _content_type(file, type_)
    if isinstance(file, (str, PathLike)):
        with open(file, "rb") as source:  # noqa: PTH123
            _check(source, content_type)
            yield source, content_type
    elif isinstance(file, io.IOBase) and not isinstance(file, io.TextIOBase) and file.seekable():
        _check(file, content_type)
        yield file, content_type
    else:
        with TemporaryFile() as copy:
            _drain(file, copy)
            copy.seek(0)
            _check(copy, content_type)
            yield copy, content_type


def _content_type(file: str | PathLike[str] | IO[Any], type_: str | None) -> str:
    if type_ is not None:
        if "/" in type_:
            return type_
        ending, asked = type_.lower().lstrip("."), f"the type {type_!r}"
    else:
        name = fspath(file) if isinstance(file, (str, PathLike)) else getattr(file, "name", "")
        ending = PurePath(str(name)).suffix.lower().lstrip(".")
        asked = f"the name {name!r}"
    if ending in CONTENT_TYPES:
        return CONTENT_TYPES[ending]
    raise InvalidInput(
        f"{asked} does not say what is in the file; give type_ as one of"
        f" {', '.join(CONTENT_TYPES)}, or as a MIME type"
    )


def _drain(source: IO[Any], target: IO[bytes]) -> None:
    try:
        while chunk := source.read(CHUNK):
            target.write(chunk if isinstance(chunk, bytes) else chunk.encode("utf-8"))
    except UnicodeError as error:
        problem = str(error)
    else:
        return
    raise InvalidInput(f"the file is not in the encoding that it was opened with: {problem}")


def _check(source: IO[bytes], content_type: str) -> None:
    """Read a file of text to its end, and leave it where it was."""
    if content_type not in {CSV, JSON_LINES}:
        return
    start = source.tell()
    if not _is_utf8(source):
        source.seek(start)
        row = _first_bad_row(source, content_type)
        raise InvalidInput(
            f"{'the file' if row is None else f'row {row}'} is not UTF-8; save it with that"
            " encoding, or open it as text with the one it has",
            row=row,
        )
    source.seek(start)
    if content_type == CSV:
        _check_header(source)
    else:
        _check_no_array(source)
    source.seek(start)


def _check_header(source: IO[bytes]) -> None:
    first = source.readline().decode("utf-8-sig")
    try:
        names = next(csv.reader([first]), [])
    except csv.Error as error:
        raise InvalidInput(f"the header of the CSV cannot be read: {error}") from None
    if not names:
        raise InvalidInput("the CSV has no header: its first line must name the columns")
    for position, name in enumerate(names, 1):
        if not name.strip():
            raise InvalidInput(f"column {position} of the CSV has no name in the header")


def _check_no_array(source: IO[bytes]) -> None:
    if source.read(CHUNK).removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
        raise InvalidInput(
            "the file is a JSON array; the API reads one object a line, without brackets and"
            " commas between them"
        )


def _is_utf8(source: IO[bytes]) -> bool:
    """Read to the end; a NUL is valid, and a sure sign of UTF-16."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := source.read(CHUNK):
            decoder.decode(chunk)
            if b"\0" in chunk:
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _first_bad_row(source: IO[bytes], content_type: str) -> int | None:
    """Number the first row that is no UTF-8, from 1; ``None`` for a header or what is no CSV."""
    text = io.TextIOWrapper(source, "utf-8", errors="surrogateescape", newline="")
    # Python 3.10 reads no NUL from a CSV, and from 3.11 on it is nothing special.
    lines = (line.replace("\0", "\udc00") for line in text)
    try:
        if content_type == CSV:
            numbered = enumerate(csv.reader(lines))
        else:
            numbered = enumerate(([line] for line in lines), 1)
        bad = (number for number, cells in numbered if not _encodes("".join(cells)))
        return next(bad, None) or None
    except csv.Error:
        return None
    finally:
        text.detach()


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
