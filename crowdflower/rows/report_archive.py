"""Read a zipped report row by row, in constant memory.

The archive comes from a storage host and is not trusted: its sizes are checked before anything is
unpacked, and file names in it are never used as paths.
"""

from __future__ import annotations

import csv
import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from typing import IO, Any, Final, cast

from crowdflower._types import JSONObject, describe_type
from crowdflower.exceptions import ReportCorrupt, ReportEmpty, ReportTooLarge
from crowdflower.http import encoding
from crowdflower.rows import csv_format
from crowdflower.states import ReportType

MAX_UNPACKED: Final = 20 << 30
"""Bytes that a report may unpack to by default."""

MAX_FILES: Final = 16
"""Files in an archive; the service puts one into each."""

MAX_RATIO: Final = 200
"""How many times its size an archive may unpack to. Text reaches thirty, a zip bomb a thousand."""

SMALL: Final = 16 << 20
"""Bytes that an archive may unpack to whatever its ratio."""

MAX_DIRECTORY: Final = 1 << 20
"""Bytes of the zip directory, which is read whole; 16 names take a few hundred."""

CHUNK: Final = 1 << 18
"""Bytes that are read at a time."""

TEXT: Final = 1 << 22
"""Bytes of a JSON report that are read into Arrow at a time."""

OVERLAP: Final = 32
"""Bytes of two chunks that are searched together: a number may be in both."""

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
is before the beginning of the file."""


def check(archive: IO[bytes], largest: int = MAX_UNPACKED) -> None:
    """Read an archive to its end, which verifies its checksums.

    :param largest: Bytes that it may unpack to.
    :raises ReportCorrupt: The archive is damaged.
    :raises ReportEmpty: The archive has no file, or an empty one.
    :raises ReportTooLarge: The archive unpacks to more, or is a zip bomb.
    """
    with _open(archive, largest) as zipped:
        for entry in zipped.infolist():
            with zipped.open(_check_method(entry)) as member:
                while member.read(CHUNK):
                    pass  # zipfile compares the checksum at the end


def rows(
    archive: IO[bytes], type_: ReportType, largest: int = MAX_UNPACKED
) -> Iterator[JSONObject]:
    """Yield the rows of a report: units as JSON, or CSV records as column to string.

    The first file of the archive is read, whatever its name.

    :param largest: Bytes that it may unpack to.
    :raises ReportCorrupt: The archive is damaged, or its content does not fit the type; the rows
        before the damage have been yielded.
    :raises ReportEmpty: The archive has no file, or an empty one.
    :raises ReportTooLarge: The archive unpacks to more, or is a zip bomb.
    """
    if type_ == "json":
        yield from (unit for unit, _ in units(archive, largest))
        return
    with _open(archive, largest) as zipped, _open_first(zipped) as member:
        yield from _csv_rows(io.BufferedReader(member, CHUNK))


def units(archive: IO[bytes], largest: int = MAX_UNPACKED) -> Iterator[tuple[JSONObject, bytes]]:
    """Yield the units of a JSON report, each with the line that it was decoded from.

    Raises what :func:`rows` raises.
    """
    with _open(archive, largest) as zipped, _open_first(zipped) as member:
        yield from _decode_units(_Sampled(member))


@dataclass(frozen=True)
class Text:
    """Whole lines of a JSON report.

    :param lines: Lines before them.
    """

    content: bytes
    lines: int

    def units(self) -> Iterator[JSONObject]:
        """Decode the lines.

        :raises ReportCorrupt: A line is not JSON, or not an object.
        """
        try:
            member = _Sampled(io.BytesIO(self.content))
            yield from (unit for unit, _ in _decode_units(member, self.lines))
        except ValueError as error:
            problem = str(error)
        else:
            return
        raise _corrupt(ValueError(problem))


def texts(archive: IO[bytes], largest: int = MAX_UNPACKED) -> Iterator[Text]:
    """Yield the lines of a JSON report, many at once.

    Raises what :func:`rows` raises, but does not decode them.
    """
    lines, rest = 0, b""
    with _open(archive, largest) as zipped, _open_first(zipped) as member:
        while piece := member.read(TEXT):
            end = piece.rfind(b"\n") + 1
            if end:
                text = Text(rest + piece[:end], lines)
                lines += text.content.count(b"\n")
                rest = piece[end:]
                yield text
            else:
                rest += piece
            if len(rest) >= csv_format.MAX_LINE:
                raise ValueError(f"line {lines + 1} is longer than {csv_format.MAX_LINE:,} bytes")
        if rest:
            yield Text(rest, lines)


def content(archive: IO[bytes], largest: int = MAX_UNPACKED) -> Iterator[bytes]:
    """Yield the bytes of a report, unchanged; raises what :func:`rows` raises."""
    with _open(archive, largest) as zipped, _open_first(zipped) as member:
        while piece := member.read(CHUNK):
            yield piece


def escape_formulas(archive: IO[bytes], largest: int = MAX_UNPACKED) -> Iterator[bytes]:
    """Yield a table as CSV without formulas in its cells; raises what :func:`rows` raises."""
    with _open(archive, largest) as zipped, _open_first(zipped) as member:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        source = io.BufferedReader(member, CHUNK)
        for _, cells in csv_format.records(csv_format.text_lines(source)):
            writer.writerow(map(csv_format.escape_formula, cells))
            if text.tell() > CHUNK:
                yield text.getvalue().encode("utf-8")
                text.seek(0)
                text.truncate()
        yield text.getvalue().encode("utf-8")


@contextmanager
def _open(archive: IO[bytes], largest: int) -> Iterator[zipfile.ZipFile]:
    """Open an archive within the limits; its errors in the block become ``ReportCorrupt``."""
    try:
        _check_directory(archive)
        with zipfile.ZipFile(archive) as zipped:
            _check_sizes(zipped.infolist(), archive.seek(0, io.SEEK_END), largest)
            yield zipped
    except DAMAGE as error:
        corrupt = _corrupt(error)
    else:
        return
    raise corrupt


def _corrupt(error: Exception) -> ReportCorrupt:
    problem = f"{type(error).__name__}: {error}"
    return ReportCorrupt(f"the report cannot be read ({problem}); download it again")


def _check_directory(archive: IO[bytes]) -> None:
    """Check the size of the zip directory, which ``zipfile`` would read whole."""
    end = archive.seek(0, io.SEEK_END)
    archive.seek(max(0, end - (1 << 16) - 98))
    tail = archive.read()
    place = tail.rfind(b"PK\5\6")
    size = struct.unpack_from("<I", tail, place + 12)[0] if place >= 0 else 0
    large = place - 76
    if large >= 0 and tail[large : large + 4] == b"PK\6\6":
        size = struct.unpack_from("<Q", tail, large + 40)[0]
    if MAX_DIRECTORY < size < end:
        raise ReportTooLarge(
            f"the directory of the archive takes {size:,} bytes; at most {MAX_DIRECTORY:,}"
        )


def _check_sizes(entries: list[zipfile.ZipInfo], packed: int, largest: int) -> None:
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > MAX_FILES:
        raise ReportTooLarge(f"the archive holds {len(entries)} files; a report is one")
    if unpacked > largest:
        raise ReportTooLarge(f"the archive unpacks to {unpacked:,} bytes; at most {largest:,}")
    if unpacked > max(SMALL, MAX_RATIO * packed):
        raise ReportTooLarge(f"the archive's {packed:,} bytes unpack to {unpacked:,}: a zip bomb")
    files = [entry for entry in entries if _is_file(entry)]
    if not files or not files[0].file_size:
        raise ReportEmpty("the archive holds no file, or an empty one")


def _open_first(zipped: zipfile.ZipFile) -> io.RawIOBase:
    """Open the first entry that is a file."""
    entry = next(entry for entry in zipped.infolist() if _is_file(entry))
    return cast("io.RawIOBase", zipped.open(_check_method(entry)))


def _is_file(entry: zipfile.ZipInfo) -> bool:
    # Not is_dir(): before Python 3.12 it fails for a file without a name.
    return not entry.filename.endswith("/")


def _check_method(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Refuse compression methods that the service does not use: each has other errors."""
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ValueError(f"compressed by method {entry.compress_type}")
    return entry


class _Sampled(io.RawIOBase):
    """A file, and where in it a long number may be: so that lines need not be searched for it."""

    def __init__(self, member: io.RawIOBase | io.BytesIO) -> None:
        self._member = member
        self._end = b""
        self.chunks = 0
        """Chunks that were read."""
        self.last_long = 0
        """The last of these in which a number may be long, whether it begins there or before."""

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read a chunk."""
        chunk = self._member.read(len(buffer)) or b""
        buffer[: len(chunk)] = chunk
        self.chunks += 1
        if encoding.may_have_long_number(chunk) or encoding.may_have_long_number(
            self._end + chunk[:OVERLAP]
        ):
            self.last_long = self.chunks
        self._end = chunk[-OVERLAP:]
        return len(chunk)


def _decode_units(member: _Sampled, lines: int = 0) -> Iterator[tuple[JSONObject, bytes]]:
    """Decode the lines of a file; blank ones are skipped.

    :param lines: Lines before these.
    :raises ValueError: A line is not JSON, or not an object; the message starts with its number.
    """
    number = row = lines
    begin = 1
    try:
        source = csv_format.lines(io.BufferedReader(member, CHUNK))
        for number, line in enumerate(source, lines + 1):  # noqa: B007 - named in the error
            if not line.isspace():
                is_short = member.last_long < begin
                unit = (encoding.decode_short_numbers if is_short else encoding.decode_json)(line)
                row += 1
                if not isinstance(unit, dict):
                    break
                yield unit, line
            begin = member.chunks  # the buffer has what is left of this chunk
        else:
            return
    except ValueError as error:
        problem = f"line {number}: {error}"
    else:
        problem = f"row {row} is {describe_type(unit)}, not an object"
    raise ValueError(problem)


def _csv_rows(member: IO[bytes]) -> Iterator[JSONObject]:
    lines = csv_format.records(csv_format.text_lines(member))
    columns = _distinct(next(lines, (1, []))[1])
    for number, cells in lines:
        if len(cells) != len(columns):
            raise ValueError(f"line {number} has {len(cells)} of {len(columns)} cells")
        yield dict(zip(columns, cells, strict=True))


def _distinct(names: Iterable[str]) -> list[str]:
    """Number equal column names, so that no column hides another.

    >>> _distinct(["city", "city", "city_2"])
    ['city', 'city_2', 'city_2_2']
    """
    taken: dict[str, None] = {}
    for name in names:
        numbered = (f"{name}_{number}" for number in count(2))
        taken[next(each for each in chain([name], numbered) if each not in taken)] = None
    return list(taken)
