"""A zipped report to rows, without holding more than one of them."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from crowdflower import serialization
from crowdflower._types import JSONObject
from crowdflower.exceptions import ReportCorrupt, ReportEmpty
from crowdflower.states import ReportType


def rows(archive: IO[bytes], type_: ReportType) -> Iterator[JSONObject]:
    """Yield the rows of a report: units as JSON, or lines of a CSV as column to text.

    The archive's first file is read, whatever its name.

    :raises ReportCorrupt: The archive is damaged, or its content is not what the type promises.
    :raises ReportEmpty: There is no file in it.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            names = [entry for entry in zipped.infolist() if not entry.is_dir()]
            if names:
                with zipped.open(names[0]) as member:
                    yield from _json_rows(member) if type_ == "json" else _csv_rows(member)
                return
    # What a damaged archive raises, found by flipping bits in good ones.
    except (
        zipfile.BadZipFile,
        zlib.error,
        csv.Error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        problem = f"{type(error).__name__}: {error}"
    else:
        raise ReportEmpty("the archive holds no file")
    raise ReportCorrupt(f"the report cannot be read ({problem}); download it once more")


def _json_rows(member: IO[bytes]) -> Iterator[JSONObject]:
    for number, row in enumerate(serialization.decode_lines(member), 1):
        if not isinstance(row, dict):
            raise ValueError(f"row {number} is a {type(row).__name__}, not an object")  # noqa: TRY004
        yield row


def _csv_rows(member: IO[bytes]) -> Iterator[JSONObject]:
    text = io.TextIOWrapper(member, "utf-8-sig", newline="")
    yield from csv.DictReader(text, strict=True)
