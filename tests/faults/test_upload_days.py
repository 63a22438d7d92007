"""Uploads with a key to a launched job, and with a journal file: every day, killed or not."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from server import Fault, Server, hang_up, reset, respond
from upload_service import Service

from crowdflower.exceptions import (
    InvalidInput,
    JournalError,
    UploadIncomplete,
    UploadLocked,
    ValidationError,
)
from crowdflower.job import Job
from crowdflower.rows import upload_keys
from crowdflower.rows.exactly_once import Uploaded, upload_exactly_once
from crowdflower.rows.recovery.upload_journal import JournaledUpload, UploadJournal

if TYPE_CHECKING:
    from conftest import FastClock

    from crowdflower.client import Client

ROWS = [{"id": number, "text": f"row {number}"} for number in range(120)]
"""Three chunks of the size in these tests."""

LOSSES = {"half", "nothing"}
"""Ways to treat an upload of which no success may tell."""

EVERY_KEY = [row["id"] for row in ROWS]
TOMORROW = [{"id": number, "text": f"row {number}"} for number in range(1000, 1030)]


class Killed(BaseException):
    """The process ends here, as far as the library can tell: nothing is caught or recorded."""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crowdflower.rows.upload_plan.ROWS_PER_CHUNK", 50)


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("temporary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(folder))
        yield folder
    assert [*folder.iterdir()] == []


@pytest.fixture
def service(server: Server) -> Service:
    service = Service()
    server.answer(lambda _: Fault(service))
    return service


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """The journal; nothing else may be left beside it."""
    folder = tmp_path / "state"
    folder.mkdir()
    yield folder / "reviews.journal"
    assert {each.name for each in folder.iterdir()} <= {
        "reviews.journal", "reviews.journal-wal", "reviews.journal-shm",
    }  # fmt: skip


@pytest.fixture
def open_job(connect: Callable[..., Client], server: Server, path: Path) -> Callable[[], Job]:
    """Return the job as a new process sees it, with the same journal."""
    return lambda: Job(connect(server.url, journal=path), id=7)


def kill_at(call: str, number: int, patch: pytest.MonkeyPatch) -> None:
    """End the process at the n-th call of a method of the record."""
    original = getattr(JournaledUpload, call)
    left = [number]

    def run(self: JournaledUpload, *values: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return original(self, *values)

    patch.setattr(JournaledUpload, call, run)


# A launched job


@pytest.mark.parametrize("state", ["running", "paused", "finished"])
@pytest.mark.parametrize("stored", ["all", "half", "nothing", "twice"])
@pytest.mark.parametrize("has_journal", [True, False])
def test_rows_reach_a_launched_job_once_although_the_answer_is_lost(
    service: Service,
    open_job: Callable[[], Job],
    client: Client,
    state: str,
    stored: str,
    has_journal: bool,
) -> None:
    service.state = state
    service.treat(("all", None), (stored, hang_up))
    job = open_job() if has_journal else Job(client, id=7)

    done = job.upload(ROWS, key="id")

    assert service.keys == EVERY_KEY
    assert service.deleted == []
    assert len(service.canceled) == done.duplicates_removed == (50 if stored == "twice" else 0)
    assert done.resends == (stored in {"half", "nothing"})


@pytest.mark.parametrize("has_journal", [True, False])
def test_a_canceled_duplicate_is_neither_a_row_nor_a_duplicate_on_the_next_day(
    service: Service, open_job: Callable[[], Job], client: Client, has_journal: bool
) -> None:
    service.state = "running"
    service.treat(("twice", None))
    job = open_job() if has_journal else Job(client, id=7)
    job.upload(ROWS[:10], key="id")
    assert service.canceled == [*range(11, 21)]
    again = open_job() if has_journal else job

    first = again.upload(ROWS[:20], key="id")
    second = again.upload(ROWS[:20], key="id")

    assert (first.found, second.found) == (10, 20)
    assert service.uploads == [10, 10]
    assert service.keys == EVERY_KEY[:20]
    assert len(service.canceled) == 10


def test_a_row_of_which_only_the_canceled_duplicate_is_left_is_sent_again_once(
    service: Service, open_job: Callable[[], Job]
) -> None:
    service.state = "running"
    service.treat(("twice", None))
    open_job().upload(ROWS[:10], key="id")
    del service.units[1]

    for _ in range(3):
        open_job().upload(ROWS[:10], key="id")

    assert service.uploads == [10, 1]
    assert service.keys == EVERY_KEY[:10]


def test_a_row_that_a_person_canceled_is_not_sent_again(
    service: Service, open_job: Callable[[], Job]
) -> None:
    open_job().upload(ROWS[:10], key="id")
    service.state = "running"
    service.states[3] = "canceled"

    done = open_job().upload(ROWS[:10], key="id")

    assert (done.found, service.uploads) == (10, [10])


def test_duplicates_of_others_in_a_launched_job_are_not_touched(
    service: Service, open_job: Callable[[], Job]
) -> None:
    service.state = "running"
    service.store([ROWS[3], ROWS[3]])

    with pytest.raises(InvalidInput, match="such as unit 2; delete or cancel those first"):
        open_job().upload(ROWS[:10], key="id")

    assert (service.uploads, service.deleted, service.canceled) == ([], [], [])


def test_a_unit_with_judgments_is_kept_instead_of_the_older_one(
    service: Service, open_job: Callable[[], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    service.treat(("twice", None))
    with monkeypatch.context() as patch:
        kill_at("finish", 0, patch)
        patch.setattr("crowdflower.rows.exactly_once.KeyedUpload._verify", lambda _: None)
        with pytest.raises(Killed):
            open_job().upload(ROWS[:3], key="id")
    service.state = "running"
    service.states |= {3: "judgable", 5: "finalized", 6: "judgable"}
    service.judgments[5] = 3

    with pytest.warns(UserWarning, match="unit 6 repeats the row of unit 3") as caught:
        open_job().upload(ROWS[:3], key="id")

    assert sorted(service.canceled) == [2, 4, 6]
    assert "was ordered; it was canceled, which may not be refunded" in str(caught[0].message)
    assert len(caught) == 1


def test_a_duplicate_that_was_judged_is_reported_once_and_stays(
    service: Service, open_job: Callable[[], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    service.treat(("twice", None))
    with monkeypatch.context() as patch:
        kill_at("settle", 0, patch)
        with pytest.raises(Killed):
            open_job().upload(ROWS[:1], key="id")
    service.state = "running"
    service.judgments |= {1: 3, 2: 3}
    service.states |= {1: "finalized", 2: "finalized"}

    with pytest.warns(UserWarning, match="unit 2 repeats the row of unit 1, and stays: it is fin"):
        open_job().upload(ROWS[:1], key="id")
    done = open_job().upload(ROWS[:1], key="id")

    assert done.found == 1
    assert service.canceled == []


def test_a_new_duplicate_that_cannot_be_canceled_stops_the_upload(
    service: Service, open_job: Callable[[], Job]
) -> None:
    service.state, service.refuses_cancel = "running", True
    service.treat(("twice", None))

    with pytest.raises(
        UploadIncomplete, match=r"unit 2 repeats .* neither be deleted nor"
    ) as caught:
        open_job().upload(ROWS[:1], key="id")
    service.refuses_cancel = False
    open_job().upload(TOMORROW, key="id")

    assert caught.value.resume is None
    assert service.canceled == [2]
    assert service.keys == [0, *range(1000, 1030)]


# A journal


def test_nothing_is_sent_and_nothing_read_twice_if_no_row_is_new(
    service: Service, open_job: Callable[[], Job], path: Path, clock: FastClock
) -> None:
    first = open_job().upload(ROWS, key="id")
    before = path.read_bytes()
    service.pages.clear()

    second = open_job().upload(ROWS, key="id")

    assert first == Uploaded(rows=120, chunks=3, resends=0, duplicates_removed=0, found=0)
    assert second == Uploaded(rows=120, chunks=3, resends=0, duplicates_removed=0, found=120)
    assert service.uploads == [50, 50, 20]
    assert service.pages.count(1) == 1
    assert path.read_bytes() == before
    assert clock.slept == []


def test_only_the_pages_of_new_units_are_read_again(
    service: Service, open_job: Callable[[], Job]
) -> None:
    service.store([{"id": -number} for number in range(1, 3501)])

    open_job().upload(ROWS, key="id")

    assert sorted(page for page in service.pages if page < 5) == [1, 2, 3, 4, 4]
    assert len(service.keys) == 3620


@pytest.mark.parametrize("call", ["send", "settle", "finish"])
@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize(
    "next_rows", [ROWS, [*ROWS, *TOMORROW], TOMORROW], ids=["same", "more", "other"]
)
def test_an_upload_that_was_killed_is_continued(
    service: Service,
    open_job: Callable[[], Job],
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    number: int,
    next_rows: list[dict[str, Any]],
) -> None:
    with monkeypatch.context() as patch:
        kill_at(call, number if call != "finish" else 0, patch)
        with pytest.raises(Killed):
            open_job().upload(ROWS, key="id")
    arrived = len(service.units)
    service.state = "running"

    done = open_job().upload(next_rows, key="id")

    assert service.keys == sorted({row["id"] for row in [*ROWS[:arrived], *next_rows]})
    assert done.found == 0
    assert service.canceled == []


@pytest.mark.parametrize("pings", [0, 3, 6, 8, 11, 14])
@pytest.mark.parametrize("state", ["unordered", "running"])
def test_rows_of_a_killed_upload_that_arrive_late_are_waited_for_or_removed(
    service: Service,
    open_job: Callable[[], Job],
    monkeypatch: pytest.MonkeyPatch,
    pings: int,
    state: str,
) -> None:
    service.state = state
    service.treat(("late", None))
    with monkeypatch.context() as patch:
        kill_at("settle", 0, patch)
        with pytest.raises(Killed):
            open_job().upload(ROWS[:30], key="id")
    service.pings_until_late = pings

    done = open_job().upload(ROWS[:40], key="id")

    assert service.keys == EVERY_KEY[:40]
    assert len(service.canceled) + len(service.deleted) == done.duplicates_removed
    assert done.duplicates_removed in {0, 30}


def test_rows_that_were_given_up_are_waited_for_even_after_a_second_kill(
    service: Service, open_job: Callable[[], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    present = [{"id": number, "text": "a chunk"} for number in range(1000, 1050)]
    open_job().upload(present, key="id")
    service.treat(("late", None))
    for call, number in [("settle", 0), ("send", 1)]:
        with monkeypatch.context() as patch:
            kill_at(call, number, patch)
            with pytest.raises(Killed):
                open_job().upload([*present, *ROWS] if number else ROWS, key="id")
        service.pings_until_late = 20 if call == "settle" else 7

    done = open_job().upload([*present, *ROWS], key="id")

    assert service.keys == [*EVERY_KEY, *range(1000, 1050)]
    assert done.duplicates_removed == 50


@pytest.mark.parametrize("state", ["unordered", "running", "finished"])
def test_duplicates_of_a_killed_upload_are_removed_although_the_next_rows_are_others(
    service: Service, open_job: Callable[[], Job], monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    service.store([{"id": -1}, {"id": -1}])
    service.treat(("twice", None))
    with monkeypatch.context() as patch:
        kill_at("settle", 0, patch)
        with pytest.raises(Killed):
            open_job().upload(ROWS[:30], key="id")
    service.state = state

    done = open_job().upload(TOMORROW, key="id")

    assert done.duplicates_removed == 30
    assert sorted([*service.deleted, *service.canceled]) == [*range(33, 63)]
    assert service.keys == [-1, -1, *range(30), *range(1000, 1030)]


def test_an_upload_with_another_key_column_cleans_up_by_the_former_one(
    service: Service, open_job: Callable[[], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    service.treat(("twice", None))
    with monkeypatch.context() as patch:
        kill_at("settle", 0, patch)
        with pytest.raises(Killed):
            open_job().upload(ROWS[:30], key="id")

    done = open_job().upload([{"id": 500, "text": "another"}], key="text")

    assert done.duplicates_removed == 30
    assert service.keys == [*range(30), 500]


def test_a_refused_chunk_is_not_waited_for_on_the_next_call(
    service: Service, open_job: Callable[[], Job], clock: FastClock
) -> None:
    no = respond(b'{"error": {"message": "Row 1 has other columns."}}', status="422 No")
    service.treat(("nothing", no))
    with pytest.raises(ValidationError, match="nothing was stored"):
        open_job().upload(ROWS[:10], key="id")

    open_job().upload(TOMORROW, key="id")

    assert service.uploads == [10, 30]
    assert clock.slept == []


def test_an_incomplete_upload_is_continued_by_the_same_call(
    service: Service, open_job: Callable[[], Job]
) -> None:
    service.treat(("all", None), *[("nothing", hang_up)] * 3)

    with pytest.raises(UploadIncomplete, match=r"To continue, repeat the call") as caught:
        open_job().upload(ROWS, key="id")
    open_job().upload(ROWS, key="id", resume=caught.value.resume)

    assert service.keys == EVERY_KEY


def test_a_plan_of_ones_own_and_a_journal_know_of_each_other(
    service: Service,
    open_job: Callable[[], Job],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    service.treat(("twice", None))
    with monkeypatch.context() as patch:
        kill_at("settle", 0, patch)
        with pytest.raises(Killed):
            open_job().upload(ROWS[:30], key="id")

    done = open_job().upload(ROWS, key="id", resume=tmp_path / "rows.upload")

    assert done.duplicates_removed == 30
    assert service.keys == EVERY_KEY


def test_the_record_of_another_job_with_the_same_id_is_forgotten(
    service: Service, open_job: Callable[[], Job]
) -> None:
    """A sandbox that starts afresh uses its ids again, and the journal stays."""
    service.state = "running"
    service.treat(("twice", None))
    open_job().upload(ROWS[:10], key="id")
    service.units = {number: {"id": number} for number in range(11, 21)}
    service.states = {}
    service.created_at = "2026-02-05T09:00:00+00:00"

    done = open_job().upload([{"id": number} for number in range(11, 21)], key="id")

    assert done.found == 10


def test_the_journal_keeps_no_row_and_no_key_and_is_empty_at_the_end(
    service: Service, open_job: Callable[[], Job], monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    rows = [{"id": f"secret-{number}", "text": "private"} for number in range(10)]
    with monkeypatch.context() as patch:
        kill_at("settle", 0, patch)
        with pytest.raises(Killed):
            open_job().upload(rows, key="id")
    with closing(sqlite3.connect(path)) as connection:
        dump = "".join(connection.iterdump())

    open_job().upload(rows, key="id")

    assert "secret" not in dump
    assert "private" not in dump
    assert "'sent'" in dump
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM upload_chunks").fetchone() == (0,)


def test_a_journal_that_cannot_be_used_stops_an_upload_before_it_begins(
    service: Service, connect: Callable[..., Client], server: Server, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.write_text("not a journal" * 100)

    with pytest.raises(JournalError):
        Job(connect(server.url, journal=broken), id=7).upload(ROWS, key="id")

    assert service.uploads == []


def test_an_account_is_asked_for_once(
    service: Service, open_job: Callable[[], Job], server: Server
) -> None:
    open_job().upload(ROWS, key="id")
    open_job().upload(ROWS, key="id")

    assert sum("account" in request.line for request in server.log) == 1


TREATS = ["all", "all", "half", "nothing", "twice", "late"]
ACTS = [None, None, hang_up, reset, respond(status="500 Oh")]


@pytest.mark.parametrize("seed", range(10))
def test_days_of_random_faults_and_kills(
    seed: int, service: Service, open_job: Callable[[], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crowdflower.rows.upload_plan.ROWS_PER_CHUNK", 10)
    chance = Random(seed)  # noqa: S311 - a test may be predictable
    service.state = chance.choice(["unordered", "running", "paused", "finished"])
    wanted: set[int] = set()
    last = 0
    for _ in range(3):
        first, last = max(0, last - chance.randrange(15)), last + chance.randrange(5, 40)
        while True:
            treats = [(chance.choice(TREATS), chance.choice(ACTS)) for _ in range(6)]
            service.treat(*((way, hang_up if way in LOSSES else act) for way, act in treats))
            service.pings_until_late = chance.randrange(8)
            rows = [{"id": number} for number in range(first, last)]
            with monkeypatch.context() as patch, suppress(Killed, UploadIncomplete):
                if chance.random() < 0.6:
                    call = chance.choice(["send", "send", "settle", "settle", "save", "finish"])
                    kill_at(call, chance.randrange(4), patch)
                open_job().upload(rows, key="id")
                break
            last += chance.choice([0, 0, 0, 5])
        wanted |= {*range(first, last)}
        assert service.keys == sorted(wanted | {*service.keys})
        assert service.late == []
        service.state = chance.choice(["running", "paused", "finished"])


# Locks


def test_two_uploads_to_one_job_at_the_same_time_are_refused(
    service: Service, open_job: Callable[[], Job], clock: FastClock
) -> None:
    job = open_job()
    journal = job.client.operations.journal
    assert journal.path is not None
    account = job.client.operations.account.name
    other = UploadJournal(journal.path, journal.transaction, account)

    with other.open(8, clock):
        open_job().upload(ROWS[:10], key="id")
    with other.open(7, clock), pytest.raises(UploadLocked, match="an upload to job 7"):
        job.upload(ROWS, key="id")
    job.upload(ROWS, key="id")

    assert service.uploads == [10, 40, 50, 20]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_does_not_hold_the_lock_of_its_parent(
    open_job: Callable[[], Job], service: Service, clock: FastClock
) -> None:
    job = open_job()
    journal = job.client.operations.journal
    assert journal.path is not None
    uploads = UploadJournal(journal.path, journal.transaction, lambda: "account")
    read, write = os.pipe()

    with uploads.open(7, clock):
        child = os.fork()
        if not child:
            os.close(write)
            os.read(read, 1)
            os._exit(0)
    with uploads.open(7, clock):
        pass
    os.close(write)
    os.close(read)

    assert os.waitpid(child, 0)[1] == 0


# Progress


def test_the_number_of_rows_in_the_job_is_reported_as_it_grows(
    service: Service, client: Client
) -> None:
    service.store(ROWS[:5])
    job, seen = Job(client, id=7), list[int]()

    upload_exactly_once(
        client,
        7,
        upload_keys.of_rows(ROWS, "id", force=False),
        job._unit_data,
        key="id",
        force=False,
        report=seen.append,
    )

    assert seen == [5, 50, 100, 120, 120]
