"""Reports from a host that truncates, sends zip bombs or web pages; and a full disk."""

from __future__ import annotations

import csv
import io
import os
import resource
import signal
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from server import Fault, Server, redirect, respond

from crowdflower.client import Client
from crowdflower.exceptions import (
    InvalidInput,
    ReportCorrupt,
    ReportEmpty,
    ReportTooLarge,
    StaleReportWarning,
    TruncatedResponse,
    UnexpectedContentType,
)
from crowdflower.job import Job
from crowdflower.rows import csv_format, report_archive
from crowdflower.rows.new_file import new_file

TABLE = "_unit_id,text\n1,fine\n2,=1+1\n"
UNITS = "".join(f'{{"id":{number},"judgments_count":3}}\n' for number in (1, 2))


def packed(*files: tuple[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as zipped:
        for name, content in files:
            zipped.writestr(name, content)
    return archive.getvalue()


def damaged(archive: bytes) -> bytes:
    """Flip a bit of the content: the archive opens, and only its checksum shows the damage."""
    place = 30 + archive[26] + 3
    return archive[:place] + bytes([archive[place] ^ 1]) + archive[place + 1 :]


GOOD = packed(("f7.csv", TABLE))
STORED = packed(("f7.csv", TABLE), method=zipfile.ZIP_STORED)


def zipped(body: bytes, length: int | None = None) -> Fault:
    return Fault(respond(body, kind="application/zip", length=length))


# Whole or not at all


@pytest.mark.row("H13", "F6")
def test_the_storage_host_does_not_get_the_key(
    server: Server, other: Server, client: Client, tmp_path: Path
) -> None:
    archive = packed(("../../f7.csv", TABLE))
    server.plan(Fault(redirect(f"{other.url}/f7.zip")))
    other.plan(zipped(archive))

    path = client.download_report(7, "full", tmp_path / "answers.csv")

    assert path.read_text(encoding="utf-8") == TABLE
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert "authorization" not in other.log[0].headers


def test_a_zip_name_gets_the_archive_unchanged(
    server: Server, client: Client, tmp_path: Path
) -> None:
    server.plan(zipped(GOOD))

    path = client.download_report(7, "full", tmp_path / "answers.zip")

    assert path.read_bytes() == GOOD


@pytest.mark.row("F1", "F2", "N19")
@pytest.mark.parametrize(
    "bad",
    [
        zipped(GOOD[:40]),
        zipped(GOOD[:40], length=len(GOOD)),
        zipped(damaged(STORED)),
        zipped(b""),
        Fault(respond(b"<html>", kind="text/html")),
    ],
    ids=["cut short", "broken off", "a bit flipped", "nothing", "a page"],
)
def test_a_damaged_archive_is_downloaded_again(
    server: Server, client: Client, tmp_path: Path, bad: Fault
) -> None:
    server.plan(bad, zipped(GOOD))

    path = client.download_report(7, "full", tmp_path / "answers.csv")

    assert path.read_text(encoding="utf-8") == TABLE
    assert len(server.log) == 2


@pytest.mark.row("F1", "F2", "F3", "F4", "F7")
@pytest.mark.parametrize(
    ("bad", "error", "requests"),
    [
        (zipped(GOOD[:40]), ReportCorrupt, 5),
        (zipped(GOOD[:40], length=len(GOOD)), TruncatedResponse, 5),
        (zipped(damaged(STORED)), ReportCorrupt, 2),
        (zipped(packed(("a.csv", TABLE), method=zipfile.ZIP_LZMA)), ReportCorrupt, 2),
        (Fault(respond(b"<html>", kind="text/html")), UnexpectedContentType, 5),
        (zipped(packed()), ReportEmpty, 1),
        (zipped(packed(("a/", b""))), ReportEmpty, 1),
        (zipped(packed(("a.csv", b""))), ReportEmpty, 1),
    ],
)
def test_a_permanently_damaged_archive_leaves_no_file(
    server: Server,
    client: Client,
    tmp_path: Path,
    bad: Fault,
    error: type[Exception],
    requests: int,
) -> None:
    server.plan(bad)
    before = tmp_path / "answers.csv"
    before.write_text("what was there")

    with pytest.raises(error):
        client.download_report(7, "full", before, overwrite=True)

    assert len(server.log) == requests
    assert before.read_text() == "what was there"
    assert list(tmp_path.iterdir()) == [before]


def test_no_row_of_a_damaged_archive_is_yielded(server: Server, client: Client) -> None:
    server.plan(zipped(damaged(STORED)))

    with pytest.raises(ReportCorrupt, match="CRC"):
        client.get_report(7, "full")


# Zip bombs


@pytest.mark.row("F5")
@pytest.mark.parametrize(
    ("archive", "said_"),
    [
        (packed(("a.csv", bytes(64 << 20))), "a zip bomb"),
        (packed(*[(f"{number}.csv", "a") for number in range(17)]), "17 files"),
        (packed(*[("a" * 60_000 + str(number), "a") for number in range(20)]), "directory"),
    ],
    ids=["ratio", "files", "directory"],
)
def test_a_zip_bomb_is_not_unpacked(
    server: Server, client: Client, archive: bytes, said_: str
) -> None:
    server.plan(zipped(archive))

    with pytest.raises(ReportTooLarge, match=said_):
        client.get_report(7, "full")

    assert len(server.log) == 1


@pytest.mark.row("F5")
@pytest.mark.parametrize("largest", [len(GOOD) - 1, len(TABLE) - 1])
def test_the_size_limit_can_be_set(
    server: Server, client: Client, tmp_path: Path, largest: int
) -> None:
    server.plan(zipped(GOOD))

    with pytest.raises(ReportTooLarge):
        client.download_report(7, "full", tmp_path / "a.csv", largest=largest)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.row("F5")
def test_overlapping_files_are_each_counted() -> None:
    one = packed(("a.csv", bytes(4 << 20)))
    end = one.rindex(b"PK\5\6")
    entry = one[one.rindex(b"PK\1\2") : end]
    start = struct.unpack_from("<I", one, end + 16)[0]
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 8, 8, len(entry) * 8, start, 0)

    with pytest.raises((ReportTooLarge, ReportCorrupt)):
        report_archive.check(io.BytesIO(one[:start] + entry * 8 + tail))


def test_an_archive_in_an_archive_is_not_a_report(server: Server, client: Client) -> None:
    server.plan(zipped(packed(("a.json", GOOD))))

    with pytest.raises(ReportCorrupt):
        client.get_report(7)


# The place it goes to


@pytest.mark.row("F10")
def test_an_existing_file_is_refused_before_any_request(
    server: Server, client: Client, tmp_path: Path
) -> None:
    taken = tmp_path / "answers.csv"
    taken.write_text("mine")

    with pytest.raises(FileExistsError, match="overwrite=True"):
        client.download_report(7, "full", taken)
    with pytest.raises(IsADirectoryError):
        client.download_report(7, "full", tmp_path)
    with pytest.raises(FileNotFoundError):
        client.download_report(7, "full", tmp_path / "nowhere" / "a.csv")

    assert server.log == []
    assert taken.read_text() == "mine"


@pytest.mark.row("F10")
def test_two_writers_of_one_file_are_refused(
    server: Server, client: Client, tmp_path: Path
) -> None:
    with (
        new_file(tmp_path / "a.csv", overwrite=False),
        pytest.raises(BlockingIOError, match="another process"),
    ):
        client.download_report(7, "full", tmp_path / "a.csv")

    assert server.log == []


@pytest.mark.row("F6", "F10")
def test_a_part_file_that_is_a_link_is_not_followed(
    server: Server, client: Client, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("precious")
    (tmp_path / ".a.csv.part").symlink_to(theirs)

    with pytest.raises(OSError, match=r"\.a\.csv\.part"):
        client.download_report(7, "full", tmp_path / "a.csv")

    assert server.log == []
    assert theirs.read_text() == "precious"


@pytest.mark.row("F9", "S10")
def test_a_readable_part_file_becomes_private(
    server: Server, client: Client, tmp_path: Path
) -> None:
    server.plan(zipped(GOOD))
    part = tmp_path / ".a.csv.part"
    part.write_text("left behind")
    part.chmod(0o666)

    path = client.download_report(7, "full", tmp_path / "a.csv")

    assert path.read_text() == TABLE
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.row("F8")
def test_a_full_disk_is_an_os_error_and_leaves_no_file(
    server: Server, client: Client, tmp_path: Path
) -> None:
    server.plan(zipped(packed(("a.csv", os.urandom(200_000)), method=zipfile.ZIP_STORED)))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            client.download_report(7, "full", tmp_path / "a.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)

    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
from crowdflower.client import Client
from crowdflower.rows import report_download

replace = os.replace
os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
Client("a-key", sys.argv[1]).download_report(7, "full", sys.argv[2])
"""


@pytest.mark.row("F9")
def test_a_killed_download_leaves_a_part_file_that_the_next_overwrites(
    server: Server, client: Client, tmp_path: Path
) -> None:
    server.plan(zipped(GOOD))
    target = tmp_path / "answers.csv"

    ended = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", KILLED, server.url, str(target)], check=False, timeout=120
    )
    left = [path.name for path in tmp_path.iterdir()]
    client.download_report(7, "full", target)

    assert ended.returncode == -signal.SIGKILL
    assert left == [".answers.csv.part"]
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_text(encoding="utf-8") == TABLE


# What is in it


@pytest.mark.row("F13")
def test_formulas_are_escaped_only_with_spreadsheet_safe(
    server: Server, client: Client, tmp_path: Path
) -> None:
    content = (
        'text,n\n"=HYPERLINK(""x"")",-5\n@a,"\tb"\n+1,"two\nlines"\n'
        '"\n=1","\r=1"\n\uff1d1,\uff0b1\n\uff0d1,\uff20SUM(1)\n'
    )
    server.plan(zipped(packed(("a.csv", content))))

    raw = client.download_report(7, "full", tmp_path / "raw.csv")
    safe = client.download_report(7, "full", tmp_path / "safe.csv", spreadsheet_safe=True)

    assert raw.read_bytes() == content.encode()
    with safe.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["text", "n"],
            ['\'=HYPERLINK("x")', "'-5"],
            ["'@a", "'\tb"],
            ["'+1", "two\nlines"],
            ["'\n=1", "'\r=1"],
            ["'\uff1d1", "'\uff0b1"],
            ["'\uff0d1", "'\uff20SUM(1)"],
        ]


@pytest.mark.parametrize(("type_", "name"), [("json", "a.csv"), ("full", "a.zip")])
def test_spreadsheet_safe_is_only_for_tables(
    client: Client, tmp_path: Path, type_: Any, name: str
) -> None:
    with pytest.raises(InvalidInput, match="CSV reports only"):
        client.download_report(7, type_, tmp_path / name, spreadsheet_safe=True)


def rows(server: Server, client: Client, content: str | bytes) -> list[Any]:
    server.plan(zipped(packed(("a.csv", content))))
    return client.get_report(7, "full")


@pytest.mark.row("C16")
def test_a_cell_may_be_large_and_the_global_limit_is_restored(
    server: Server, client: Client
) -> None:
    cell = "x" * 10_000_000
    before = csv.field_size_limit()

    found = rows(server, client, f"a,b\n1,{cell}\n")

    assert found == [{"a": "1", "b": cell}]
    assert csv.field_size_limit() == before


@pytest.mark.row("C16")
def test_a_too_large_cell_is_named_by_its_line(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_format, "MAX_CELL", 100)
    before = csv.field_size_limit()

    with pytest.raises(ReportCorrupt, match="line 3: field larger"):
        rows(server, client, f"a\n1\n{'x' * 101}\n")

    assert csv.field_size_limit() == before != 100


@pytest.mark.row("C16")
def test_a_file_that_is_one_line_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_format, "MAX_LINE", 1000)
    archive = io.BytesIO(packed(("a.json", '{"a":"' + "x" * 2000)))

    with pytest.raises(ReportCorrupt, match="line 1 is longer"):
        list(report_archive.rows(archive, "json"))


@pytest.mark.row("F12")
@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("a,b\n1,x\0y\n2,z\n", [{"a": "1", "b": "x\0y"}, {"a": "2", "b": "z"}]),
        ("\ufeffa\n1\n", [{"a": "1"}]),
        ("a,a,a\n1,2,3\n", [{"a": "1", "a_2": "2", "a_3": "3"}]),
        ("a\r\n\r\n1\r\n", [{"a": "1"}]),
    ],
)
def test_a_table_is_read_alike_by_every_python(
    server: Server, client: Client, content: str, found: object
) -> None:
    assert rows(server, client, content) == found


@pytest.mark.row("F12")
@pytest.mark.parametrize(
    ("content", "said_"),
    [
        ("a,b\n1,2\n\n3\n", "line 4 has 1 of 2"),
        ('a,b\n1,2\n3,"x\ny"\n2\n', "line 5 has 1 of 2"),
        ('a,b\n1,2\n3,"4\n5,6\n7,8\n', "line 3: unexpected end"),
        ('a,b\n1,2\n3,"4"5\n', "line 3: "),
        (b"a,b\n1,2\n3,\xff\n", "line 3: .*utf-8"),
    ],
)
def test_an_error_in_a_table_has_its_line_and_comes_after_the_rows_before(
    content: str | bytes, said_: str
) -> None:
    found = report_archive.rows(io.BytesIO(packed(("a.csv", content))), "full")

    assert next(found) == {"a": "1", "b": "2"}
    with pytest.raises(ReportCorrupt, match=said_):
        list(found)


@pytest.mark.row("F11")
def test_an_error_in_json_lines_has_its_number_and_comes_after_the_rows_before() -> None:
    content = '{"id": 1}\r\n\n{"id": 2}\n{"id":\n{"id": 3}'
    found = report_archive.rows(io.BytesIO(packed(("a.json", content))), "json")

    assert [next(found)["id"], next(found)["id"]] == [1, 2]
    with pytest.raises(ReportCorrupt, match="line 4"):
        next(found)


# Old ones


@pytest.mark.row("F14")
def test_a_report_with_fewer_judgments_than_the_job_is_stale(
    server: Server, client: Client
) -> None:
    server.plan(zipped(packed(("a.json", UNITS))))

    with pytest.warns(StaleReportWarning, match="6 of 7 judgments"):
        found = client.get_report(Job(client, id=7, judgments_count=7))

    assert len(found) == 2


@pytest.mark.parametrize("count", [None, 0, 5, 6])
def test_a_report_with_as_many_or_more_judgments_is_not_stale(
    server: Server, client: Client, count: int | None
) -> None:
    server.plan(zipped(packed(("a.json", UNITS))))

    assert len(client.get_report(Job(client, id=7, judgments_count=count))) == 2
