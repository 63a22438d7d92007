"""The cache of reports: complete files only, evicted and deleted in time."""

from __future__ import annotations

import errno
import tempfile
from typing import TYPE_CHECKING

import pytest

from crowdflower.sandbox.control.delays import Delays
from crowdflower.sandbox.reports import MadeReport, ReportCache
from crowdflower.sandbox.reports.cache import MAX_UNFETCHED
from crowdflower.sandbox.server.app import create_app

if TYPE_CHECKING:
    from pathlib import Path

    from crowdflower.sandbox.store import Database


def add_file(cache: ReportCache, job: int, kind: str, token: str) -> Path:
    """Add a file to a cache, and return its path."""
    with cache.add(job, kind, token) as path:
        path.write_bytes(b"PK")
    archive = cache.find(token)
    assert archive is not None
    return archive


def write_and_fail(cache: ReportCache, job: int, kind: str, token: str) -> None:
    """Fail with a full disk at the second byte."""
    with cache.add(job, kind, token) as path:
        path.write_bytes(b"P")
        raise OSError(errno.ENOSPC, "the disk is full")


def test_an_archive_is_found_only_when_it_is_complete() -> None:
    cache = ReportCache()

    with cache.add(7, "full", "token") as path:
        path.write_bytes(b"P")
        meanwhile = cache.find("token")

    assert meanwhile is None
    assert cache.find("token") is not None
    cache.close()


def test_a_failed_report_leaves_no_file_and_is_generated_again() -> None:
    cache = ReportCache(Delays({"report": 1}))
    last = add_file(cache, 7, "full", "last")
    polls = [cache.is_ready(7, "full") for _ in range(2)]

    with pytest.raises(OSError, match="full"):
        write_and_fail(cache, 7, "full", "token")

    assert polls == [False, True]
    assert cache.is_ready(7, "full") is False
    assert cache.find("token") is None
    assert list(last.parent.iterdir()) == [last]
    cache.close()


def test_the_cache_may_be_cleared_during_a_write() -> None:
    cache = ReportCache()

    with cache.add(7, "full", "token") as path:
        path.write_bytes(b"P")
        cache.clear()

    assert cache.find("token") is None
    cache.close()


def test_reports_are_deleted_with_the_sandbox(
    database: Database, job: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    app = create_app(database)
    path = add_file(app.services.reports, job, "full", "token")
    assert path.is_relative_to(tmp_path)

    app.services.reset()

    assert list(tmp_path.iterdir()) == []


def test_the_oldest_archives_are_evicted() -> None:
    cache = ReportCache()
    for number in range(5):
        cache.mark_fetched(add_file(cache, 7, "full", f"token{number}"))
    other = add_file(cache, 7, "json", "other")

    archive = [number for number in range(5) if cache.find(f"token{number}")]

    assert archive == [3, 4]
    assert cache.find("other") == other
    assert len(list(other.parent.iterdir())) == 3
    cache.close()


def test_archives_that_were_not_downloaded_are_evicted_too() -> None:
    cache = ReportCache()
    for number in range(MAX_UNFETCHED + 3):
        path = add_file(cache, 7, "full", f"token{number}")

    assert [number for number in range(5) if cache.find(f"token{number}")] == [3, 4]
    assert len(list(path.parent.iterdir())) == MAX_UNFETCHED
    cache.close()


def describe(cache: ReportCache, token: str, made_at: float) -> None:
    """Say as of when an archive is."""
    cache.describe(MadeReport(token, "f7.csv", made_at, 2, 8, 3))


def test_the_latest_report_is_the_one_that_was_finished_last() -> None:
    cache = ReportCache()
    assert cache.latest(7, "full") is None
    for number in range(5):
        cache.mark_fetched(add_file(cache, 7, "full", f"token{number}"))
        describe(cache, f"token{number}", number)
    add_file(cache, 7, "full", "without a description")
    describe(cache, "evicted or never added", 99)

    latest = cache.latest(7, "full")

    assert latest is not None
    assert (latest.token, latest.made_at) == ("token4", 4)
    assert cache.latest(7, "json") is None
    cache.clear()
    assert cache.latest(7, "full") is None


def test_a_report_is_being_made_until_its_archive_is_complete_or_failed() -> None:
    cache = ReportCache()
    with cache.add(7, "full", "token") as path:
        path.write_bytes(b"PK")
        during = cache.is_being_made(7, "full"), cache.is_being_made(7, "json")

    with pytest.raises(OSError, match="full"):
        write_and_fail(cache, 7, "full", "other")

    assert during == (True, False)
    assert not cache.is_being_made(7, "full")
    cache.close()
