"""Posted files of rows: whether they can be read at all, before their first row is parsed.

The rows are read by the same code as those of the API's upload; here is only what a person needs to
be told about a file of another kind.
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from crowdflower.sandbox.api.uploads import CSV
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.pages.translations import gettext

if TYPE_CHECKING:
    from werkzeug.datastructures import FileStorage

JSON_LINES: Final = "application/json"
MAX_NAME: Final = 100
"""Characters of a file's name that are shown."""

_HEAD: Final = 64 * 1024
"""Bytes that are looked at to tell what a file is."""

_JSON_NAME: Final = re.compile(r"\.(?:json|jsonl|ndjson)\Z", re.IGNORECASE)
_CSV_NAME: Final = re.compile(r"\.(?:csv|tsv|txt)\Z", re.IGNORECASE)
_QUOTED: Final = re.compile('"[^"]*"')
_SEPARATORS: Final = (";", "\t", "|")
_UTF_16_32: Final = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


class RowFile(NamedTuple):
    """A file of rows, as a browser posted it."""

    name: str
    """For people; cut, and without characters that cannot be printed."""
    content_type: str
    """What the API's upload would be told that it is."""
    stream: IO[bytes]
    separator: str = ","
    """The character between the cells of a CSV file."""


def open_row_file(upload: FileStorage | None) -> RowFile:
    """Return a posted file, ready to be read from its beginning.

    :raises Invalid: No file was posted, or it cannot be CSV or JSON Lines in UTF-8.
    """
    if upload is None or not upload.filename:
        raise Invalid(gettext("Choose a file with your rows, or go on without data."))
    stream = upload.stream
    name = printable_name(upload.filename)
    head = stream.read(_HEAD)
    stream.seek(0)
    if not head:
        raise Invalid(gettext("%(name)s is empty.") % {"name": name})
    _refuse_other_kinds(name, head)
    if _is_json(upload.filename, head):
        return RowFile(name, JSON_LINES, stream)
    return RowFile(name, CSV, stream, _find_separator(head))


def printable_name(filename: str) -> str:
    r"""Return the name of a file as it can be shown: without its folders, on one line.

    >>> printable_name("C:\\data\\rev\x00iews\n.csv")
    'reviews.csv'
    """
    last = re.split(r"[/\\]", filename)[-1]
    return "".join(filter(str.isprintable, last))[:MAX_NAME]


def _refuse_other_kinds(name: str, head: bytes) -> None:
    if kind := _other_kind(head):
        raise Invalid(
            gettext("%(name)s is %(kind)s. Save the rows as CSV in UTF-8, and choose that file.")
            % {"name": name, "kind": kind}
        )
    if head.startswith(_UTF_16_32):
        raise Invalid(
            gettext(
                "%(name)s is encoded in UTF-16 or UTF-32. Save it as UTF-8 (“CSV UTF-8” in Excel),"
                " and choose it again."
            )
            % {"name": name}
        )


def _other_kind(head: bytes) -> str:
    """Return what a file is by its first bytes, in words; empty if they say nothing."""
    kinds = {
        b"PK\x03\x04": gettext("an Excel workbook or a zip archive"),
        b"\xd0\xcf\x11\xe0": gettext("an old Excel workbook"),
        b"\x1f\x8b": gettext("a file compressed by gzip"),
        b"%PDF": gettext("a PDF"),
        b"PAR1": gettext("a Parquet file"),
    }
    return next((kind for start, kind in kinds.items() if head.startswith(start)), "")


def _is_json(filename: str, head: bytes) -> bool:
    """Return whether a file is JSON: by the end of its name, or else by its first character."""
    if _JSON_NAME.search(filename):
        return True
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return start in {b"{", b"["} and not _CSV_NAME.search(filename)


def _find_separator(head: bytes) -> str:
    r"""Return the character between the cells of a CSV file, by its first line.

    Spreadsheets write semicolons where a comma is the decimal mark.

    >>> _find_separator(b'sku;"review, in full"\n'), _find_separator(b"sku,a;b\n")
    (';', ',')
    """
    text = head.decode("utf-8-sig", "replace").lstrip("\r\n")
    header = _QUOTED.sub("", re.split(r"[\r\n]", text, maxsplit=1)[0])
    if "," in header or "\0" in text:
        return ","
    return next((each for each in _SEPARATORS if each in header), ",")
