"""Reports as downloads: the archive or its file, and tables without formulas."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from typing import TYPE_CHECKING

import pytest

from crowdflower.rows.csv_format import escape_formula
from crowdflower.sandbox import reports
from crowdflower.sandbox.reports import MadeReport
from crowdflower.sandbox.reports.archive import BLOCK
from crowdflower.sandbox.reports.downloads import escape_formulas, open_download

if TYPE_CHECKING:
    from pathlib import Path

CELLS = [
    "plain",
    "=1+1",
    "+1",
    "-5",
    "@name",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠name",
    '=HYPERLINK("https://evil.example","click")',
    '"=1"',
    'say "hi"\n=2',
    "a,=1",
    "a\n=1,+2",
    "'=1",
    "",
    '""',
    "é\r\n=1",
]
TABLE = [["=column", "text"], *([first, second] for first in CELLS for second in CELLS)]


def write(path: Path, member: str, lines: list[list[str]] | list[str]) -> MadeReport:
    """Write an archive, and return what it is."""
    count = reports.write_archive(path, member, 1435148651, lines)
    return MadeReport("token", member, 1435148651, count, 0, 1)


def read(path: Path, made: MadeReport, *, zipped: bool, safe: bool) -> bytes:
    """Return the content of a download, unpacked."""
    download = open_download(path, made, zipped=zipped, safe=safe)
    content = b"".join(download.blocks)
    download.close()
    if not zipped:
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [made.member]
        return archive.read(made.member)


@pytest.mark.parametrize("zipped", [False, True])
def test_no_cell_of_a_safe_table_is_a_formula_and_all_else_stays(
    tmp_path: Path, *, zipped: bool
) -> None:
    made = write(tmp_path / "r.zip", "f7.csv", TABLE)

    content = read(tmp_path / "r.zip", made, zipped=zipped, safe=True)

    cells = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert cells == [[escape_formula(cell) for cell in line] for line in TABLE]


@pytest.mark.parametrize("zipped", [False, True])
def test_a_table_for_programs_stays_byte_for_byte(tmp_path: Path, *, zipped: bool) -> None:
    made = write(tmp_path / "r.zip", "f7.csv", TABLE)
    with zipfile.ZipFile(tmp_path / "r.zip") as archive:
        original = archive.read("f7.csv")

    assert read(tmp_path / "r.zip", made, zipped=zipped, safe=False) == original


@pytest.mark.parametrize("safe", [False, True])
def test_json_has_no_formulas_to_escape(tmp_path: Path, *, safe: bool) -> None:
    made = write(tmp_path / "r.zip", "job_7.json", ['{"text":"=1"}\n', '{"text":"a,=1"}\n'])

    content = read(tmp_path / "r.zip", made, zipped=False, safe=safe)

    assert content == b'{"text":"=1"}\n{"text":"a,=1"}\n'


def test_a_cell_may_be_longer_than_a_block_and_than_the_limit_of_csv(tmp_path: Path) -> None:
    text = "=" + 'a "quoted" word,\n' * (csv.field_size_limit() // 10)
    made = write(tmp_path / "r.zip", "f7.csv", [["text"], [text], ["=2"]])

    content = read(tmp_path / "r.zip", made, zipped=False, safe=True).decode()

    quoted = text.replace('"', '""')
    assert len(text) > 2 * BLOCK
    assert content == f"text\n\"'{quoted}\"\n'=2\n"


def test_a_download_is_a_stream_of_blocks_that_survives_the_file(tmp_path: Path) -> None:
    made = write(tmp_path / "r.zip", "f7.csv", [[str(number), "=1"] for number in range(50_000)])

    download = open_download(tmp_path / "r.zip", made, zipped=False, safe=True)
    (tmp_path / "r.zip").unlink()
    sizes = [len(block) for block in download.blocks]
    download.close()

    assert len(sizes) > 2
    assert max(sizes) < 2 * BLOCK


@pytest.mark.parametrize(
    ("member", "zipped", "name", "content_type"),
    [
        ("f7.csv", False, "f7.csv", "text/csv; charset=utf-8"),
        ("f7.csv", True, "f7.csv.zip", "application/zip"),
        ("job_7.json", False, "job_7.json", "application/x-ndjson; charset=utf-8"),
    ],
)
def test_a_download_has_a_name_and_a_type(
    tmp_path: Path, member: str, *, zipped: bool, name: str, content_type: str
) -> None:
    made = write(tmp_path / "r.zip", member, ["{}\n"])

    download = open_download(tmp_path / "r.zip", made, zipped=zipped, safe=False)

    assert (download.name, download.content_type) == (name, content_type)
    download.close()


def test_a_cell_of_many_lines_takes_linear_time() -> None:
    lines = ["text\n", '"=x\n', *["\n"] * 300_000, '=y"\n', "=z\n"]
    start = time.process_time()

    safe = "".join(escape_formulas(lines))

    assert time.process_time() - start < 10
    assert safe == "".join(lines).replace('"=x', "\"'=x").replace("\n=z", "\n'=z")
