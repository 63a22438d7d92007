"""A zipped report to rows, without holding more than one of them.

An archive comes from a storage host that may have been given anything: it is held against limits
before anything of it is unpacked, and no name in it is ever used as one.
"""

from __future__ import annotations

import csv
import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, count
from typing import IO, Final, cast

from crowdflower._types import JSONObject, a_type
from crowdflower.exceptions import ReportCorrupt, ReportEmpty, ReportTooLarge
from crowdflower.http import encoding
from crowdflower.rows import csv_format
from crowdflower.states import ReportType

LARGEST: Final = 20 << 30
"""Bytes, unpacked, of the largest report that is taken unless somebody wants a larger one."""

MEMBERS: Final = 16
"""Files in an archive; the service puts one into each."""

RATIO: Final = 200
"""How many times its size an archive may unpack to. Texts reach thirty, a bomb a thousand."""

SMALL: Final = 16 << 20
"""Bytes that do no harm however small the archive was that they came from."""

DIRECTORY: Final = 1 << 20
"""Bytes of the table of contents; it is read at one go, and 16 names take a few hundred."""

CHUNK: Final = 1 << 18

DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    csv.Error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
)
"""What a damaged archive raises, found by flipping bits in good ones: ``OSError`` where an offset
points before the beginning of the file."""


def check(archive: IO[bytes], largest: int = LARGEST) -> None:
    """Read all of an archive once, and forget it.

    :param largest: Bytes to which it may unpack.
    :raises ReportCorrupt: It is damaged.
    :raises ReportEmpty: There is no file in it, or an empty one.
    :raises ReportTooLarge: It unpacks to more, or is made to.
    """
    with _opened(archive, largest) as zipped:
        for entry in zipped.infolist():
            with zipped.open(_readable(entry)) as member:
                while member.read(CHUNK):
                    pass  # the end of it is where its checksum is compared


def rows(archive: IO[bytes], type_: ReportType, largest: int = LARGEST) -> Iterator[JSONObject]:
    """Yield the rows of a report: units as JSON, or lines of a CSV as column to text.

    The archive's first file is read, whatever its name.

    :param largest: Bytes to which it may unpack.
    :raises ReportCorrupt: The archive is damaged, or its content is not what the type promises; the
        rows before that have been yielded then.
    :raises ReportEmpty: There is no file in it, or an empty one.
    :raises ReportTooLarge: It unpacks to more, or is made to.
    """
    with _opened(archive, largest) as zipped, _first(zipped) as member:
        yield from _json_rows(member) if type_ == "json" else _csv_rows(member)


def content(archive: IO[bytes], largest: int = LARGEST) -> Iterator[bytes]:
    """Yield the bytes of a report, unchanged; it raises what :func:`rows` does."""
    with _opened(archive, largest) as zipped, _first(zipped) as member:
        while piece := member.read(CHUNK):
            yield piece


def harmless(archive: IO[bytes], largest: int = LARGEST) -> Iterator[bytes]:
    """Yield a table as CSV of which no cell is a formula; it raises what :func:`rows` does."""
    with _opened(archive, largest) as zipped, _first(zipped) as member:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        for _, cells in csv_format.records(csv_format.text_lines(member)):
            writer.writerow(map(csv_format.harmless, cells))
            if text.tell() > CHUNK:
                yield text.getvalue().encode("utf-8")
                text.seek(0)
                text.truncate()
        yield text.getvalue().encode("utf-8")


@contextmanager
def _opened(archive: IO[bytes], largest: int) -> Iterator[zipfile.ZipFile]:
    """Open an archive that keeps within the limits; whatever goes wrong inside is its fault."""
    try:
        _measure_directory(archive)
        with zipfile.ZipFile(archive) as zipped:
            _measure(zipped.infolist(), archive.seek(0, io.SEEK_END), largest)
            yield zipped
    except DAMAGE as error:
        problem = f"{type(error).__name__}: {error}"
    else:
        return
    raise ReportCorrupt(f"the report cannot be read ({problem}); download it once more")


def _measure_directory(archive: IO[bytes]) -> None:
    """Look at the size of the table of contents, which would be read whole."""
    end = archive.seek(0, io.SEEK_END)
    archive.seek(max(0, end - (1 << 16) - 98))
    tail = archive.read()
    place = tail.rfind(b"PK\5\6")
    size = struct.unpack_from("<I", tail, place + 12)[0] if place >= 0 else 0
    large = place - 76
    if large >= 0 and tail[large : large + 4] == b"PK\6\6":
        size = struct.unpack_from("<Q", tail, large + 40)[0]
    if DIRECTORY < size < end:
        raise ReportTooLarge(f"the archive's table of contents takes {size:,} bytes")


def _measure(entries: list[zipfile.ZipInfo], packed: int, largest: int) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > MEMBERS:
        raise ReportTooLarge(f"the archive holds {len(entries)} files, where a report is one")
    if unpacked > largest:
        raise ReportTooLarge(f"the archive unpacks to {unpacked:,} bytes; at most {largest:,}")
    if unpacked > max(SMALL, RATIO * packed):
        raise ReportTooLarge(f"the archive's {packed:,} bytes unpack to {unpacked:,}: a bomb")
    files = [entry for entry in entries if _is_file(entry)]
    if not files or not files[0].file_size:
        raise ReportEmpty("the archive holds no file, or an empty one")


def _first(zipped: zipfile.ZipFile) -> IO[bytes]:
    """Open the first file, in whatever place."""
    entry = next(entry for entry in zipped.infolist() if _is_file(entry))
    member = cast("io.RawIOBase", zipped.open(_readable(entry)))
    return io.BufferedReader(member, CHUNK)


def _is_file(entry: zipfile.ZipInfo) -> bool:
    # Not is_dir(): before Python 3.12 it stumbles over a file without a name.
    return not entry.filename.endswith("/")


def _readable(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Refuse what the service does not send: other methods fail in ways of their own."""
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ValueError(f"compressed by method {entry.compress_type}")
    return entry


def _json_rows(member: IO[bytes]) -> Iterator[JSONObject]:
    for number, row in enumerate(encoding.decode_lines(csv_format.lines(member)), 1):
        if not isinstance(row, dict):
            raise ValueError(f"row {number} is {a_type(row)}, not an object")  # noqa: TRY004
        yield row


def _csv_rows(member: IO[bytes]) -> Iterator[JSONObject]:
    lines = csv_format.records(csv_format.text_lines(member))
    columns = _distinct(next(lines, (1, []))[1])
    for number, cells in lines:
        if len(cells) != len(columns):
            raise ValueError(f"line {number} has {len(cells)} of {len(columns)} cells")
        yield dict(zip(columns, cells, strict=True))


def _distinct(names: Iterable[str]) -> list[str]:
    """Tell equal names apart by a number, so that no column hides another.

    >>> _distinct(["city", "city", "city_2"])
    ['city', 'city_2', 'city_2_2']
    """
    taken: dict[str, None] = {}
    for name in names:
        numbered = (f"{name}_{number}" for number in count(2))
        taken[next(each for each in chain([name], numbered) if each not in taken)] = None
    return list(taken)
