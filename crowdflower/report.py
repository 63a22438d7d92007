"""A zipped report to rows, without holding more than one of them."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain, count
from typing import IO

from crowdflower import serialization
from crowdflower._types import JSONObject
from crowdflower.exceptions import ReportCorrupt, ReportEmpty
from crowdflower.states import ReportType


def rows(archive: IO[bytes], type_: ReportType) -> Iterator[JSONObject]:
    """Yield the rows of a report: units as JSON, or lines of a CSV as column to text.

    The archive's first file is read, whatever its name.

    :raises ReportCorrupt: The archive is damaged, or its content is not what the type promises.
    :raises ReportEmpty: There is no file in it, or an empty one.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            files = [entry for entry in zipped.infolist() if not entry.is_dir()]
            if files and files[0].file_size:
                with zipped.open(_readable(files[0])) as member:
                    yield from _json_rows(member) if type_ == "json" else _csv_rows(member)
                return
    # What a damaged archive raises, found by flipping bits in good ones: OSError where an offset
    # points before the beginning of the file.
    except (
        zipfile.BadZipFile,
        zlib.error,
        csv.Error,
        EOFError,
        NotImplementedError,
        OSError,
        RuntimeError,
        ValueError,
    ) as error:
        problem = f"{type(error).__name__}: {error}"
    else:
        raise ReportEmpty("the archive holds no file, or an empty one")
    raise ReportCorrupt(f"the report cannot be read ({problem}); download it once more")


def _readable(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """Refuse what the service does not send: other methods fail in ways of their own."""
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ValueError(f"compressed by method {entry.compress_type}")
    return entry


def _json_rows(member: IO[bytes]) -> Iterator[JSONObject]:
    for number, row in enumerate(serialization.decode_lines(member), 1):
        if not isinstance(row, dict):
            raise ValueError(f"row {number} is a {type(row).__name__}, not an object")  # noqa: TRY004
        yield row


def _csv_rows(member: IO[bytes]) -> Iterator[JSONObject]:
    lines = csv.reader(io.TextIOWrapper(member, "utf-8-sig", newline=""), strict=True)
    columns = _distinct(next(lines, []))
    for cells in filter(None, lines):
        if len(cells) != len(columns):
            raise ValueError(f"line {lines.line_num} has {len(cells)} of {len(columns)} cells")
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
