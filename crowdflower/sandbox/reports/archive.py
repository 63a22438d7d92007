"""A report as a file: a zip archive with one member, written as a stream."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from crowdflower.states import ReportType

FILE_NAMES: Final[dict[ReportType, str]] = {
    "full": "f{job}.csv",
    "aggregated": "a{job}.csv",
    "source": "source{job}.csv",
    "json": "job_{job}.json",
    "gold_report": "job_{job}_gold_report.csv",
    "workset": "workset{job}.csv",
}
"""The name of the archive's member, by report type."""


def write_archive(
    path: Path, member: str, now: float, lines: Iterable[str] | Iterable[list[str]]
) -> None:
    r"""Write a report as a zip archive, line by line, with one line in memory.

    CSV is written as the service does: quotes only where needed, lines end with ``\n``.

    :param member: The name of the file inside the archive.
    :param now: The modification time in the archive, in seconds since 1970 UTC.
    :param lines: Strings, written as they are; or rows of cells, written as CSV.
    """
    at = datetime.fromtimestamp(now, UTC)
    info = zipfile.ZipInfo(member, (at.year, at.month, at.day, at.hour, at.minute, at.second))
    info.compress_type = zipfile.ZIP_DEFLATED
    with (
        zipfile.ZipFile(path, "w") as archive,
        archive.open(info, "w", force_zip64=True) as binary,
        io.TextIOWrapper(binary, "utf-8", newline="") as text,
    ):
        table = csv.writer(_UnixLines(text))
        for line in lines:
            if isinstance(line, str):
                text.write(line)
            else:
                table.writerow(line)


class _UnixLines:
    r"""Replaces the ``\r\n`` at the end of each CSV line by ``\n``.

    With ``lineterminator="\n"``, :mod:`csv` before Python 3.13 leaves a cell with a lone ``\r``
    unquoted, and readers take the ``\r`` for the end of the line.
    """

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text

    def write(self, line: str) -> None:
        self._text.write(f"{line[:-2]}\n")
