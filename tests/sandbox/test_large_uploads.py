"""Large uploads: short transactions, and rows that are visible only when the last is in."""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, func, select

from crowdflower.exceptions import (
    ApplicationError,
    AuthenticationError,
    NotFound,
    ValidationError,
)
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.rules.units import row_checks, staging
from crowdflower.sandbox.store import Limits
from crowdflower.sandbox.store.tables import job as jobs
from crowdflower.sandbox.store.tables import unit, upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from crowdflower.client import Client
    from crowdflower.job import Job

VARIABLE = "CROWDFLOWER_TEST_POSTGRESQL"
BATCH = 10
ROWS = [{"text": f"row {number}", "n": number} for number in range(3 * BATCH + 5)]
FORM = '<p>{{text}}</p><cml:text label="Why?" name="why" validates="required"/>'
READY = {"title": "Reviews", "instructions": "Read each.", "cml": FORM}


@pytest.fixture(
    params=[
        "memory",
        "file",
        pytest.param(
            "postgresql",
            marks=pytest.mark.skipif(VARIABLE not in os.environ, reason=f"needs {VARIABLE}"),
        ),
    ]
)
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox of each kind of database; for PostgreSQL, of the server that the variable names."""
    if request.param == "postgresql":
        database = request.getfixturevalue("schema")
    else:
        database = tmp_path / "sandbox.db" if request.param == "file" else None
    with Sandbox(database=database) as box:
        yield box


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (row_checks, staging):
        monkeypatch.setattr(module, "BATCH_ROWS", BATCH)


@contextmanager
def between_batches(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> Iterator[None]:
    """Call a function once after the second transaction of the next upload."""
    calls = []

    def pause(_: float) -> None:
        calls.append(1)
        if len(calls) == 2:
            act()

    with monkeypatch.context() as patch:
        patch.setattr(staging, "sleep", pause)
        yield
    assert len(calls) > 2


def data_of(job: Job) -> list[Any]:
    return [each.data for each in job.client.get_units(job)]


def leftovers(box: Sandbox) -> tuple[int, int, bool]:
    """Return the hidden uploads, the units, and whether all jobs count them correctly."""
    with box.database.snapshot() as tx:
        counted = tx.one(select(func.coalesce(func.sum(jobs.c.units_count), 0).label("n"))).n
        stored = tx.one(select(func.count().label("n")).select_from(unit)).n
        hidden = tx.one(select(func.count().label("n")).select_from(upload)).n
    return hidden, stored, counted == stored


@pytest.mark.parametrize("appends", [False, True])
def test_no_transaction_stores_more_rows_than_a_batch(box: Sandbox, appends: bool) -> None:
    client = box.client()
    job = client.upload_job(ROWS[:3]) if appends else None
    sizes: list[int] = []
    found = 3 if appends else 0

    def count(connection: Any) -> None:
        nonlocal found
        before, found = found, connection.scalar(select(func.count()).select_from(unit))
        sizes.append(found - before)

    event.listen(box.database._backend.engine, "commit", count)
    if job is None:
        client.upload_job(ROWS)
    else:
        job.upload(ROWS)
    event.remove(box.database._backend.engine, "commit", count)

    assert sum(sizes) == len(ROWS)
    assert max(sizes) == BATCH


def test_the_rows_of_a_new_job_are_visible_only_when_the_last_is_in(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = box.client()
    seen: list[Any] = []

    def look() -> None:
        number = max(int(each) for each in _all_ids(box, jobs))
        seen.append([each.id for each in client.get_jobs()])
        with pytest.raises(NotFound):
            client.get_job(number)
        with pytest.raises(NotFound):
            list(client.get_units(number))

    with between_batches(monkeypatch, look):
        job = client.upload_job(ROWS)

    assert seen == [[]]
    assert job.units_count == len(ROWS)
    assert data_of(job) == ROWS
    assert [each.id for each in client.get_jobs()] == [job.id]
    assert leftovers(box) == (0, len(ROWS), True)


def test_rows_that_are_added_to_a_job_are_no_part_of_it_until_the_last_is_in(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = box.client()
    job = client.upload_job(ROWS[:7])
    client.update_job(job.id, READY)
    job.add_channels(["cf_internal"])
    seen: dict[str, Any] = {}

    def look() -> None:
        hidden = max(_all_ids(box, unit))
        again = client.get_job(job.id)
        seen["count"] = again.units_count
        seen["ping"] = again.ping()["all_units"]
        seen["units"] = data_of(again)
        seen["progress"] = client.call(f"jobs/{job.id}/units/ping.json")
        seen["copy"] = again.copy(all_units=True).units_count
        with pytest.warns(UserWarning, match="99, but only 7 units are left"):
            again.launch(99)
        seen["order"] = again.ping()["ordered_units"]
        with pytest.raises(NotFound):
            client.get_unit(job.id, hidden)
        with pytest.raises(NotFound):
            client.call(f"jobs/{job.id}/units/{hidden}.json", method="delete")
        seen["source"] = len(client.get_report(job.id, "source"))

    with between_batches(monkeypatch, look):
        job.upload(ROWS)

    assert seen == {
        "count": 7,
        "ping": 7,
        "units": ROWS[:7],
        "progress": {"done": False, "count": 7},
        "copy": 7,
        "order": 7,
        "source": 7,
    }
    assert client.get_job(job.id).units_count == 7 + len(ROWS)
    assert data_of(job) == ROWS[:7] + ROWS
    assert client.call(f"jobs/{job.id}/units/ping.json") == {"done": True, "count": 42}
    with pytest.warns(UserWarning, match="99, but only 35 units are left"):
        client.get_job(job.id).launch(99)
    assert job.ping()["ordered_units"] == 42


def test_units_and_files_that_come_meanwhile_have_their_place_after_the_rows(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = box.client()
    job = client.upload_job(ROWS[:2])

    def add() -> None:
        job.add_unit({"text": "single", "n": 0})
        client.get_job(job.id).upload([{"text": "small", "n": 0}])

    with between_batches(monkeypatch, add):
        job.upload(ROWS)

    texts = [each["text"] for each in data_of(job)]
    assert texts == [each["text"] for each in ROWS[:2] + ROWS] + ["single", "small"]
    assert client.get_job(job.id).units_count == len(texts)
    pages = [client.call(f"jobs/{job.id}/units.json?page={n}&limit=30") for n in (1, 2, 3)]
    assert [len(page) for page in pages] == [30, len(texts) - 30, 0]


def test_a_job_that_is_deleted_meanwhile_gets_no_rows(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = box.client()
    job = client.upload_job(ROWS[:2])

    with between_batches(monkeypatch, job.delete), pytest.raises(NotFound):
        job.upload(ROWS)

    assert leftovers(box) == (0, 2, True)


def test_a_reset_ends_an_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox() as box:
        client = box.client()
        with between_batches(monkeypatch, lambda: None):
            client.upload_job(ROWS)
        monkeypatch.setattr(staging, "sleep", lambda _: box.database.reset())
        with pytest.raises((AuthenticationError, NotFound)):
            client.upload_job(ROWS)
        assert leftovers(box) == (0, 0, True)


def test_a_job_that_changed_meanwhile_is_checked_again(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = box.client()
    job = client.create_job({"title": "Empty"})

    with (
        between_batches(monkeypatch, lambda: job.upload([{"other": "column"}])),
        pytest.raises(ValidationError, match="Row 1 has other columns than the job"),
    ):
        client.get_job(job.id).upload(ROWS)

    assert data_of(job) == [{"other": "column"}]
    assert leftovers(box) == (0, 1, True)


def test_the_limit_of_units_holds_for_several_uploads_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Sandbox(limits=Limits(rows_per_job=40)) as box:
        client = box.client()
        job = client.upload_job(ROWS[:2])
        with (
            between_batches(monkeypatch, lambda: job.upload(ROWS[:9])),
            pytest.raises(ValidationError, match="Row 30 exceeds the maximum number of units"),
        ):
            client.get_job(job.id).upload(ROWS)

        assert data_of(job) == ROWS[:2] + ROWS[:9]
        assert leftovers(box) == (0, 11, True)
        job.upload(ROWS[:29])
        assert client.get_job(job.id).units_count == 40


def test_a_refused_file_leaves_nothing_but_the_reason(box: Sandbox) -> None:
    client = box.client()
    job = client.upload_job(ROWS[:2])
    bad = [*ROWS, {"text": "x", "n": 1, "unknown": 2}]

    with pytest.raises(ValidationError, match=f"Row {len(bad)} has a column"):
        client.call(f"jobs/{job.id}/upload.json", "\n".join(map(json.dumps, bad)), method="post")

    assert leftovers(box) == (0, 2, True)
    with pytest.raises(ApplicationError, match="unknown"):
        client.call(f"jobs/{job.id}/units/ping.json")
    job.upload(ROWS)
    assert data_of(job) == ROWS[:2] + ROWS


def test_one_key_sent_twice_at_once_stores_the_rows_once(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = box.client()
    body = "\n".join(map(json.dumps, ROWS))
    answers = []

    def send() -> None:
        headers = {"Idempotency-Key": "a key", "Content-Type": "application/json"}
        answers.append(client.call("jobs/upload.json", body, headers, method="post"))

    with between_batches(monkeypatch, send):
        send()
    send()

    assert answers[0] == answers[1] == answers[2]
    assert [each.id for each in client.get_jobs()] == [answers[0]["id"]]
    assert leftovers(box) == (0, len(ROWS), True)


def test_new_rows_are_ordered_automatically_when_the_last_is_in(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = box.client()
    job = client.create_job({**READY, "auto_order": True})
    job.add_channels(["cf_internal"])
    seen: list[Any] = []

    with between_batches(monkeypatch, lambda: seen.append(job.ping()["ordered_units"])):
        client.get_job(job.id).upload(ROWS)

    assert seen == [0]
    assert job.ping()["ordered_units"] == len(ROWS)


def test_many_uploads_at_once_keep_the_rows_of_each_file_together(box: Sandbox) -> None:
    client = box.client()
    shared = client.upload_job([{"file": 9, "n": 0}])
    own: list[Job] = []

    def send(file: int) -> None:
        rows = [{"file": file, "n": number} for number in range(3 * BATCH)]
        with box.client() as mine:
            mine.get_job(shared.id).upload(rows)
            own.append(mine.upload_job(rows))

    threads = [threading.Thread(target=send, args=(file,)) for file in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    rows = data_of(shared)[1:]
    assert len(rows) == 9 * BATCH
    files = [rows[start]["file"] for start in range(0, len(rows), 3 * BATCH)]
    assert sorted(files) == [0, 1, 2]
    assert rows == [{"file": file, "n": n} for file in files for n in range(3 * BATCH)]
    assert [job.units_count for job in own] == [3 * BATCH] * 3
    assert leftovers(box) == (0, 18 * BATCH + 1, True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the test forks")
@pytest.mark.parametrize("appends", [False, True])
@pytest.mark.parametrize("after", [1, 2, 4])
def test_a_restart_removes_the_rows_of_an_upload_whose_process_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, appends: bool, after: int
) -> None:
    file = tmp_path / "sandbox.db"
    with Sandbox(database=file, key="the-key") as box:
        number = box.client().upload_job(ROWS[:2]).id
    process = os.fork()
    if not process:
        calls: list[float] = []

        def die(seconds: float) -> None:
            calls.append(seconds)
            if len(calls) == after:
                os._exit(9)

        monkeypatch.setattr(staging, "sleep", die)
        client = Sandbox(database=file, key="the-key").client()
        _upload(client, number, appends=appends)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9

    with Sandbox(database=file, key="the-key") as box:
        assert leftovers(box) == (0, 2, True)
        client = box.client()
        assert [each.id for each in client.get_jobs()] == [number]
        job = _upload(client, number, appends=appends)
        assert data_of(job) == (ROWS[:2] if appends else []) + ROWS
        with box.database.snapshot() as tx:
            row = tx.one(select(jobs).where(jobs.c.id == job.id))
        assert (row.seq_dense, row.next_seq) == (True, row.units_count + 1)


def test_rows_of_an_upload_whose_sandbox_was_closed_are_removed_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sandbox.db"
    box = Sandbox(database=file)
    monkeypatch.setattr(staging, "sleep", lambda _: box.close())

    with pytest.raises(RuntimeError, match="closed"):
        box.client().upload_job(ROWS)

    with Sandbox(database=file) as again:
        assert leftovers(again) == (0, 0, True)


@pytest.mark.parametrize(
    ("owner", "age", "removed"),
    [
        ("another-host 1", 0, False),
        ("another-host 1", staging.LEASE + 1, True),
        (f"{socket.gethostname()} {os.getppid()}", 0, False),
        (f"{socket.gethostname()} {os.getpid()}", 0, True),
        (f"{socket.gethostname()} 4194305", 0, True),
    ],
    ids=["elsewhere", "expired", "running", "own number", "no process"],
)
def test_only_the_rows_of_abandoned_uploads_are_removed(
    tmp_path: Path, owner: str, age: float, removed: bool
) -> None:
    file = tmp_path / "sandbox.db"
    with Sandbox(database=file) as box:
        job = box.client().upload_job(ROWS[:2])
        with box.database.transaction() as tx:
            hidden = {"first_seq": 2, "end_seq": 3, "next_seq": 3, "job_id": job.id}
            now = tx.clock.now() - age
            tx.add(upload, {**hidden, "owner": owner, "touched_at": now})

    with Sandbox(database=file) as again:
        assert leftovers(again)[:2] == ((0, 1) if removed else (1, 2))
        page = again.client().call(f"jobs/{job.id}/units.json")
        assert [*page.values()] == ROWS[:1]


def test_a_second_server_leaves_the_upload_of_the_first_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sandbox.db"
    with Sandbox(database=file, key="the-key") as box:

        def open_again() -> None:
            with Sandbox(database=file, key="the-key") as second:
                assert list(second.client().get_jobs()) == []

        with between_batches(monkeypatch, open_again):
            job = box.client().upload_job(ROWS)

        assert data_of(job) == ROWS


def _upload(client: Client, number: int, *, appends: bool) -> Job:
    if not appends:
        return client.upload_job(ROWS)
    job = client.get_job(number)
    job.upload(ROWS)
    return job


def _all_ids(box: Sandbox, table: Any) -> list[int]:
    with box.database.snapshot() as tx:
        return [row.id for row in tx.all(select(table.c.id))]
