"""A finished report as a download: the archive or its file, also without formulas, as a stream."""

from __future__ import annotations

import io
import re
import zipfile
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from crowdflower.sandbox.reports.archive import BLOCK, member_info

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from crowdflower.sandbox.reports.cache import MadeReport

FORMULA: Final = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
r"""First characters of cells that a spreadsheet takes for formulas, as a set of a regular
expression; the last four are full-width. The client's ``spreadsheet_safe`` has the same ones.

Source: `CWE-1236 <https://cwe.mitre.org/data/definitions/1236.html>`_.
"""

_MAY_HAVE_FORMULA = re.compile(f'(?:^|,)(?:"[{FORMULA}]|[{FORMULA.replace(chr(10), "")}])')
_CELL = re.compile(r'"[^"]*(?:""[^"]*)*"|[^,"\n]+')
_FORMULA_CELL = re.compile(f'("?)(?=[{FORMULA}])')


class Download(NamedTuple):
    """A file to send."""

    name: str
    content_type: str
    blocks: Iterator[bytes]
    close: Callable[[], None]
    """To be called at the end, also if not all blocks were read."""


def open_download(path: Path, made: MadeReport, *, zipped: bool, safe: bool) -> Download:
    """Open the archive of a report for one download.

    :param path: The archive. It may be deleted as soon as this returns.
    :param zipped: Whether to send a zip archive, or the file in it.
    :param safe: Whether each cell of a table that a spreadsheet would evaluate as a formula gets
        ``'`` before it. A JSON report stays as it is.
    :raises FileNotFoundError: The archive was deleted.
    """
    is_table = made.member.endswith(".csv")
    if zipped and not (safe and is_table):
        whole = path.open("rb")
        blocks = _closing(iter(partial(whole.read, BLOCK), b""), whole.close)
        return Download(f"{made.member}.zip", "application/zip", blocks, whole.close)
    archive = zipfile.ZipFile(path)
    member = archive.open(made.member)
    if safe and is_table:
        blocks = _encode(escape_formulas(io.TextIOWrapper(member, "utf-8", newline="\n")))
    else:
        blocks = iter(partial(member.read, BLOCK), b"")
    if zipped:
        blocks = _closing(_zip(blocks, made), archive.close)
        return Download(f"{made.member}.zip", "application/zip", blocks, archive.close)
    kind = "text/csv" if is_table else "application/x-ndjson"
    blocks = _closing(blocks, archive.close)
    return Download(made.member, f"{kind}; charset=utf-8", blocks, archive.close)


def escape_formulas(lines: Iterable[str]) -> Iterator[str]:
    r"""Yield the records of a CSV without formulas in their cells.

    The text need not be parsed into cells, whose length :mod:`csv` limits for the whole process.

    :param lines: CSV as :func:`~crowdflower.sandbox.reports.archive.write_archive` writes it, in
        lines with their ends.

    >>> "".join(escape_formulas(["name,text\n", 'Mia,"=1+1, or\n', '=2"\n']))
    'name,text\nMia,"\'=1+1, or\n=2"\n'
    """
    parts: list[str] = []
    is_inside = False  # a cell that goes on in the next line
    for line in lines:
        parts.append(line)
        is_inside ^= line.count('"') % 2 == 1
        if is_inside:
            continue
        record = "".join(parts)
        parts.clear()
        yield _CELL.sub(_escape, record) if _MAY_HAVE_FORMULA.search(record) else record


def _escape(cell: re.Match[str]) -> str:
    return _FORMULA_CELL.sub(r"\1'", cell[0], count=1) if _FORMULA_CELL.match(cell[0]) else cell[0]


def _encode(records: Iterable[str]) -> Iterator[bytes]:
    block: list[str] = []
    size = 0
    for record in records:
        block.append(record)
        size += len(record)
        if size >= BLOCK:
            yield "".join(block).encode()
            block, size = [], 0
    yield "".join(block).encode()


def _closing(blocks: Iterator[bytes], close: Callable[[], None]) -> Iterator[bytes]:
    try:
        yield from blocks
    finally:
        close()


def _zip(content: Iterable[bytes], made: MadeReport) -> Iterator[bytes]:
    """Yield an archive while it is written."""
    sink = _Sink()
    info = member_info(made.member, made.made_at)
    with zipfile.ZipFile(sink, "w") as archive:
        with archive.open(info, "w", force_zip64=True) as file:
            for block in content:
                file.write(block)
                yield sink.take()
        yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """A file that can only be written to, and that forgets what was taken."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last call."""
        taken = bytes(self._written)
        self._written.clear()
        return taken
