"""A report as a file: a zip archive with one member, written as a stream."""

from __future__ import annotations

import csv
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
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

BLOCK: Final = 64 * 1024
"""Characters after which lines are compressed and written."""


def write_archive(
    path: Path, member: str, now: float, lines: Iterable[str] | Iterable[list[str]]
) -> int:
    r"""Write a report as a zip archive, block by block.

    CSV is written as the service does: quotes only where needed, lines end with ``\n``.

    :param member: The name of the file inside the archive.
    :param now: The modification time in the archive, in seconds since 1970 UTC.
    :param lines: Strings, written as they are; or rows of cells, written as CSV.
    :returns: How many lines it has, the header included. A cell may hold line breaks.
    """
    info = member_info(member, now)
    with zipfile.ZipFile(path, "w") as archive, archive.open(info, "w", force_zip64=True) as file:
        count = 0
        for block, length in _blocks(lines):
            file.write(block.encode())
            count += length
    return count


def member_info(member: str, now: float) -> zipfile.ZipInfo:
    """Return the entry of an archive's member; see :func:`write_archive`."""
    at = datetime.fromtimestamp(now, UTC)
    info = zipfile.ZipInfo(member, (at.year, at.month, at.day, at.hour, at.minute, at.second))
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _blocks(lines: Iterable[str] | Iterable[list[str]]) -> Iterator[tuple[str, int]]:
    r"""Yield the text of a report in blocks of many lines, each with the number of its lines.

    Each line of CSV ends with ``\r\n``, which is replaced: with ``lineterminator="\n"``,
    :mod:`csv` before Python 3.13 leaves a cell with a lone ``\r`` unquoted, and readers take the
    ``\r`` for the end of the line.
    """
    table = csv.writer(_Echo())
    block: list[str] = []
    size = 0
    for line in lines:
        text = line if isinstance(line, str) else f"{table.writerow(line)[:-2]}\n"
        block.append(text)
        size += len(text)
        if size >= BLOCK:
            yield "".join(block), len(block)
            block, size = [], 0
    yield "".join(block), len(block)


class _Echo:
    """Returns each line that is written, and so does the ``writerow`` of its :mod:`csv` writer."""

    write = str
