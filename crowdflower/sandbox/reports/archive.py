"""A report as a file: a zip archive with one member, written as a stream."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import datetime, timezone
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
"""What the member is called in the archive of each type."""


def write_archive(
    path: Path, member: str, now: float, lines: Iterable[str] | Iterable[list[str]]
) -> None:
    r"""Write a report; only the line that is being written is in memory.

    CSV as the service writes it: quotes only where they are needed, ``\n`` at the end of a line.

    :param member: The name of the file inside.
    :param now: The time the archive says it was written at, in seconds since 1970 UTC.
    :param lines: Lines of text as they are, or rows of cells to be written as CSV.
    """
    at = datetime.fromtimestamp(now, timezone.utc)
    about = zipfile.ZipInfo(member, (at.year, at.month, at.day, at.hour, at.minute, at.second))
    about.compress_type = zipfile.ZIP_DEFLATED
    with (
        zipfile.ZipFile(path, "w") as archive,
        archive.open(about, "w", force_zip64=True) as binary,
        io.TextIOWrapper(binary, "utf-8", newline="") as text,
    ):
        table = csv.writer(_UnixLines(text))
        for line in lines:
            if isinstance(line, str):
                text.write(line)
            else:
                table.writerow(line)


class _UnixLines:
    r"""Ends lines with ``\n`` where the writer of CSV ends them with ``\r\n``.

    Told to end them with ``\n`` itself, Python before 3.13 would leave a cell with a lone ``\r``
    unquoted, and readers take that for the end of the line.
    """

    def __init__(self, text: io.TextIOBase) -> None:
        self._text = text

    def write(self, line: str) -> None:
        self._text.write(f"{line[:-2]}\n")
