"""The body of an upload: rows or a file, checked to the end before the first byte is sent."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from os import PathLike, fspath
from pathlib import PurePath
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import IO, Any, Final

from crowdflower._types import RowSource, describe_type, is_path
from crowdflower.exceptions import ApplicationError, InvalidInput, RefusedError, ServerError
from crowdflower.http.encoding import is_encodable
from crowdflower.rows import csv_format
from crowdflower.rows.json_lines import json_lines

MAX_IN_MEMORY: Final = 1 << 20
"""Bytes of an upload that are kept in memory; a larger one goes to a temporary file."""

CHUNK: Final = 1 << 16
"""Bytes that are read at a time."""

MAX_CHECKED: Final = 1 << 22
"""Characters of the longest header, and of the longest row that is searched for a bad character:
what is not text may be a single line of any length."""

SEPARATORS: Final = {";": "semicolons", "\t": "tabs"}
"""Separators of files that are named CSV, but have no commas."""

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
"""Content types that the service accepts, by file name extension."""

PARQUET: Final = frozenset({"parquet", "pq", "application/vnd.apache.parquet"})
"""Extensions and MIME type of Parquet files, which are read here and sent as JSON lines."""


@contextmanager
def spool_rows(rows: RowSource) -> Iterator[IO[bytes]]:
    """Write rows as JSON lines to a temporary file, which is deleted when the block ends.

    :raises InvalidInput: A row cannot be encoded, and ``row`` is its number; or no rows at all.
    """
    with SpooledTemporaryFile(max_size=MAX_IN_MEMORY) as spool:
        for block in json_lines(rows):
            spool.write(block)  # writelines would check the size only at the end
        if not spool.tell():
            raise InvalidInput("no rows to upload; was their iterator consumed before?")
        spool.seek(0)
        yield spool


@contextmanager
def open_file(
    file: str | PathLike[str] | IO[Any], type_: str | None
) -> Iterator[tuple[IO[bytes], str]]:
    """Open a file for upload, as bytes; return it with its content type.

    A binary file is sent from its current position. A text file, or one that cannot be read twice,
    is copied to a temporary file first, as UTF-8.

    :param type_: A key of :data:`CONTENT_TYPES`, or a MIME type; by default guessed from the name.
    :raises InvalidInput: The argument is not a file, the type cannot be guessed, or the content
        does not fit it.
    """
    is_file = callable(getattr(file, "read", None)) and not isinstance(file, type)
    if not is_path(file) and not is_file:
        given = f"the class {file.__name__}" if isinstance(file, type) else describe_type(file)
        raise InvalidInput(f"file must be a path or an open file, not {given}{_file_advice(file)}")
    if type_ is not None and not isinstance(type_, str):
        raise InvalidInput(
            f"type_ must be a file extension such as 'csv', or a MIME type, not"
            f" {describe_type(type_)}"
        )
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
            _copy(file, copy)
            copy.seek(0)
            _check(copy, content_type)
            yield copy, content_type


def check_path(path: str | PathLike[str]) -> None:
    """Check that a string or a path is the name of a file of rows.

    :raises InvalidInput: Its extension does not tell the format, or it is not a path.

    >>> check_path("Good!")
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: 'Good!' is not a file of rows: its name must end in ...
    """
    text = str(path)
    if _URL.match(text):
        advice = "an address on the network; download the file first"
    elif isinstance(path, str) and (text.lstrip()[:1] in {"{", "["} or "\n" in text):
        advice = "text; decode it first, such as with json.loads(), or pass it as io.StringIO to"
        advice += " upload_file"
    elif _extension(path) in {*CONTENT_TYPES, *PARQUET}:
        return
    else:
        extensions = ", ".join(f".{extension}" for extension in (*CONTENT_TYPES, "parquet"))
        raise InvalidInput(
            f"{text!r:.80} is not a file of rows: its name must end in one of {extensions}; for a"
            " file of another name, call upload_file with type_"
        )
    raise InvalidInput(f"{text!r:.80} is not a file of rows, but {advice}")


_URL: Final = re.compile("[A-Za-z][A-Za-z0-9+.-]+://")


def is_parquet(file: object, type_: str | None) -> bool:
    """Return whether a file is Parquet, by its type or by its name.

    >>> (
    ...     is_parquet("rows.parquet", None),
    ...     is_parquet("rows.csv", None),
    ...     is_parquet("rows", "parquet"),
    ... )
    (True, False, True)
    """
    if isinstance(type_, str):
        return type_.lower().lstrip(".") in PARQUET
    return type_ is None and _extension(file) in PARQUET


def _extension(file: object) -> str:
    """Return the extension of the name of a file, in lower case and without the dot."""
    name = file if isinstance(file, (str, PathLike)) else getattr(file, "name", "")
    return PurePath(str(name)).suffix.lower().lstrip(".")


def _file_advice(value: object) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "; wrap the content in io.BytesIO(...) and pass type_"
    if isinstance(value, type):
        return "; call it first"
    if isinstance(value, Iterable):
        return "; to upload rows, call upload, or the client's upload_job"
    return ""


def is_refused_whole(error: RefusedError) -> bool:
    """Return whether the service refused an upload by its status, before it stored a row."""
    return not isinstance(error, (ApplicationError, ServerError))


def say_nothing_stored(error: RefusedError) -> None:
    """Add to the message of a refusal that nothing was stored."""
    error.args = (f"{str(error).rstrip('.')}; nothing was stored",)


def _content_type(file: str | PathLike[str] | IO[Any], type_: str | None) -> str:
    if type_ is not None:
        if "/" in type_:
            return type_
        extension, source = type_.lower().lstrip("."), f"the type {type_!r}"
    else:
        name = fspath(file) if isinstance(file, (str, PathLike)) else getattr(file, "name", "")
        extension, source = _extension(file), f"the name {name!r}"
    if extension in CONTENT_TYPES:
        return CONTENT_TYPES[extension]
    raise InvalidInput(
        f"{source} does not tell the format of the file; pass type_ as one of"
        f" {', '.join(CONTENT_TYPES)}, parquet, or as a MIME type"
    )


def _copy(source: IO[Any], target: IO[bytes]) -> None:
    try:
        while chunk := source.read(CHUNK):
            target.write(chunk if isinstance(chunk, bytes) else chunk.encode("utf-8"))
    except UnicodeError as error:
        problem = str(error)
    else:
        return
    raise InvalidInput(f"the file is not in the encoding that it was opened with: {problem}")


def _check(source: IO[bytes], content_type: str) -> None:
    """Read a CSV or JSON lines file to its end, and restore its position."""
    if content_type not in {CSV, JSON_LINES}:
        return
    start = source.tell()
    if not _is_utf8(source):
        source.seek(start)
        row, cells = _first_bad_row(source, content_type)
        where = "the file" if row is None else f"row {row}"
        position = next((index for index, cell in enumerate(cells, 1) if "\0" in cell), 0)
        if position and is_encodable("".join(cells)):
            column = f" in column {position}" if content_type == CSV else ""
            raise InvalidInput(
                f"{where} has the character NUL{column}; remove it, or if the file is UTF-16, save"
                " it as UTF-8",
                row=row,
            )
        raise InvalidInput(
            f"{where} is not UTF-8; save it as UTF-8, or open it as text with the encoding it has",
            row=row,
        )
    source.seek(start)
    if content_type == CSV:
        _check_separator(source)
        source.seek(start)
        _check_header(source)
    else:
        _check_json_lines(source)
    source.seek(start)


def _check_separator(source: IO[bytes]) -> None:
    """Refuse a header that is one name with commas, but several with another separator.

    Spreadsheets in much of Europe save CSV with semicolons. A name in quotes may contain them.
    """
    header = ""
    with suppress(ValueError):  # _check_header reports it
        header = next(_first_lines(source), "").strip()
    if _count_names(header, ",") > 1:
        return
    for separator, name in SEPARATORS.items():
        if _count_names(header, separator) > 1:
            raise InvalidInput(
                f"the CSV is separated by {name}, and the API reads commas: save it with commas, or"
                " put the header in quotes if it is a single name"
            )


def _count_names(header: str, separator: str) -> int:
    try:
        return len(next(csv.reader([header], delimiter=separator), []))
    except csv.Error:  # a name that is too long to be one
        return 0


def _check_header(source: IO[bytes]) -> None:
    records = csv_format.records(_first_lines(source))
    try:
        line, names = next(records, (1, []))
    except ValueError as error:
        raise InvalidInput(f"the header of the CSV cannot be read: {error}") from None
    if not names or line > 1:
        raise InvalidInput("the CSV has no header: its first line must name the columns")
    for position, name in enumerate(names, 1):
        if not name.strip():
            raise InvalidInput(f"column {position} of the CSV has no name in the header")
    has_rows = True
    with suppress(ValueError):  # a row that cannot be read is a row
        has_rows = next(records, None) is not None
    if not has_rows:
        raise InvalidInput("no rows to upload: the CSV has a header and nothing below it")


def _first_lines(source: IO[bytes]) -> Iterator[str]:
    """Yield the lines of a file until they have more than :data:`MAX_CHECKED` characters."""
    size = 0
    for line in csv_format.text_lines(source, MAX_CHECKED):
        yield line
        size += len(line)
        if size > MAX_CHECKED:
            raise ValueError(f"it is longer than {MAX_CHECKED:,} characters")


def _check_json_lines(source: IO[bytes]) -> None:
    start = source.read(CHUNK).removeprefix(codecs.BOM_UTF8).lstrip()
    if not start and not source.read(1):
        raise InvalidInput("no rows to upload: the file is empty")
    if start.startswith(b"["):
        raise InvalidInput(
            "the file is a JSON array; the API reads one object a line, without brackets and"
            " without commas between objects"
        )


def _is_utf8(source: IO[bytes]) -> bool:
    """Return whether a file is UTF-8; a NUL is valid there, but means UTF-16 in practice."""
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


def _first_bad_row(source: IO[bytes], content_type: str) -> tuple[int | None, list[str]]:
    """Return number and cells of the first row that is not UTF-8 or has a NUL.

    :returns: The number is ``None`` for the header, and after one longer than :data:`MAX_CHECKED`.
    """
    text = io.TextIOWrapper(source, "utf-8", errors="surrogateescape", newline="")
    size = 0

    def lines() -> Iterator[str]:
        nonlocal size
        while line := text.readline(MAX_CHECKED):
            size += len(line)
            if size >= MAX_CHECKED:
                raise csv.Error
            yield line

    def rows(records: Iterable[list[str]]) -> Iterator[list[str]]:
        nonlocal size
        for cells in records:
            yield cells
            size = 0

    try:
        if content_type == CSV:
            numbered = enumerate(rows(csv.reader(lines())))
        else:
            numbered = enumerate(rows([line] for line in lines()), 1)
        bad = (each for each in numbered if _is_bad("".join(each[1])))
        number, cells = next(bad, (0, []))
    except csv.Error:
        return None, []
    else:
        return number or None, cells
    finally:
        text.detach()


def _is_bad(text: str) -> bool:
    """Return whether text has a NUL, or a surrogate in place of a byte that is not UTF-8."""
    return "\0" in text or not is_encodable(text)
