"""Rows that one job has no room for: they go on in copies of it, each exactly once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crowdflower.client import Client
from crowdflower.exceptions import (
    InvalidInput,
    OutcomeUnknown,
    UploadIncomplete,
    ValidationError,
)
from crowdflower.http.base_client import BaseClient
from crowdflower.job import Job
from crowdflower.rows.job_copies.many_uploads import ManyUploads
from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.store.transaction import Limits

ROWS = [{"sku": f"A-{number}", "text": f"row {number}"} for number in range(23)]
MORE = [{"sku": f"B-{number}", "text": f"row {number}"} for number in range(9)]

CML = """
<cml:radios label="Good?" name="good" validates="required" gold="true">
  <cml:radio label="Yes"/><cml:radio label="No"/>
</cml:radios>
"""


class Killed(BaseException):
    """The process ends here, as far as the library can tell."""


class InstantClock:
    """A clock that does not wait."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crowdflower.rows.upload_plan.ROWS_PER_CHUNK", 6)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(limits=Limits(rows_per_job=10), seed=5) as box:
        yield box


@pytest.fixture
def client(box: Sandbox) -> Iterator[Client]:
    with box.client(clock=InstantClock()) as client:
        yield client


@pytest.fixture
def job(client: Client) -> Job:
    return client.create_job({"title": "Reviews"})


def keys_in(client: Client, job: Job | int) -> list[str]:
    return [unit.data["sku"] for unit in client.get_units(job)]


def all_keys(client: Client) -> Counter[str]:
    """Count the keys in all jobs of the account."""
    return Counter(key for job in client.get_jobs() for key in keys_in(client, job))


def sizes(uploaded: ManyUploads[Job]) -> list[int]:
    return [job.units_count for job in uploaded.jobs]


def once(*rows: dict[str, str]) -> Counter[str]:
    return Counter(row["sku"] for row in rows)


def uploads(box: Sandbox) -> list[int]:
    """List the statuses of the uploads so far."""
    return [each.status for each in box.requests if each.path.endswith("/upload.json")]


def test_rows_that_a_job_has_no_room_for_go_to_copies_of_it(
    box: Sandbox, client: Client, job: Job
) -> None:
    seen: list[int] = []

    done = client.upload_many(
        ROWS, job=job, key="sku", progress=lambda progress: seen.append(progress.done)
    )

    assert sizes(done) == [10, 10, 3]
    assert [each.title for each in done.jobs] == [
        "Reviews", "Reviews (part 2)", "Reviews (part 3)",
    ]  # fmt: skip
    assert [each.alias for each in done.jobs] == [
        None, f"job-{job.id}-part-2", f"job-{job.id}-part-3",
    ]  # fmt: skip
    assert [row["sku"] for row in ROWS] == [
        key for each in done.jobs for key in keys_in(client, each)
    ]
    assert (done.rows, done.found, done.missing, done.resends) == (23, 0, 0, 0)
    assert {each.state for each in done.jobs} == {"unordered"}
    assert (seen[0], seen[-1]) == (0, 23)
    assert seen == sorted(seen)
    # One request a chunk of six rows, and for each full job one that was refused.
    assert sorted(uploads(box)) == [200] * 5 + [422] * 2


def test_each_key_leads_to_its_job_and_unit(client: Client, job: Job) -> None:
    done = client.upload_many(ROWS, job=job, key="sku")

    units = done.units

    assert len(units) == 23
    assert list(units) == [row["sku"] for row in ROWS]
    for row in (ROWS[0], ROWS[9], ROWS[10], ROWS[22]):
        place = units[row["sku"]]
        assert client.get_unit(place.job_id, place.unit_id).data == row
    assert dict(units.items()) == {key: units[key] for key in units}
    assert list(units.values()) == [place for _, place in units.items()]
    assert "A-23" not in units
    assert 7 not in units
    with pytest.raises(KeyError):
        units["A-23"]
    assert units.get(" A-1 ") == units["A-1"]
    assert (
        repr(units) == f"<UnitMap of jobs {', '.join(str(job.id) for job in done.jobs)} by 'sku'>"
    )


def test_the_map_reads_each_page_once_and_is_a_table(
    box: Sandbox, client: Client, job: Job
) -> None:
    pa = pytest.importorskip("pyarrow")
    done = client.upload_many(ROWS, job=job, key="sku")
    before = len(box.requests)

    table = done.units.to_arrow()

    assert table.schema == pa.schema(
        [("key", pa.string()), ("job_id", pa.int64()), ("unit_id", pa.int64())]
    )
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        (key, *place) for key, place in done.units.items()
    ]
    lists = [each.path for each in list(box.requests)[before:]]
    assert len(lists) == len(set(lists)) * 2 == 6  # the page, and the empty one after it
    client.upload_many([*ROWS, *MORE], job=job, key="sku")
    assert len(done.units) == 23
    done.units.reload()
    assert len(done.units) == 30  # of these jobs; two rows are in a fourth one


@pytest.mark.parametrize("limit", [1, 5, 12])
@pytest.mark.parametrize(
    "message", ["Unit limit reached", "Row 250001 exceeds the maximum number of units", None]
)
def test_a_job_is_filled_to_its_limit_whatever_the_refusal_says(
    monkeypatch: pytest.MonkeyPatch, limit: int, message: str | None
) -> None:
    if message:
        monkeypatch.setattr(
            "crowdflower.sandbox.rules.units.row_checks._too_many", lambda _: Invalid(message)
        )
    with Sandbox(limits=Limits(rows_per_job=limit)) as box, box.client() as client:
        job = client.create_job({"title": "Reviews"})

        done = client.upload_many(ROWS[:6], job=job, key="sku", max_jobs=6)

        full, rest = divmod(6, limit)
        assert sizes(done) == [limit] * full + ([rest] if rest else [])
        assert all_keys(client) == once(*ROWS[:6])


# Again


def test_the_same_call_again_sends_nothing(box: Sandbox, client: Client, job: Job) -> None:
    first = client.upload_many(ROWS, job=job, key="sku")
    before = len(uploads(box))

    again = client.upload_many(ROWS, job=job.id, key="sku")

    assert len(uploads(box)) == before
    assert (again.rows, again.found) == (23, 23)
    assert [each.id for each in again.jobs] == [each.id for each in first.jobs]


def test_more_rows_go_to_the_last_job_and_then_to_a_new_copy(client: Client, job: Job) -> None:
    client.upload_many(ROWS, job=job, key="sku")

    done = client.upload_many([*MORE, *ROWS], job=job, key="sku")

    assert sizes(done) == [10, 10, 10, 2]
    assert (done.rows, done.found) == (32, 23)
    assert all_keys(client) == once(*ROWS, *MORE)


@pytest.mark.parametrize("reference", ["alias", "part alias", "part"])
def test_the_jobs_are_found_by_an_alias_or_by_a_copy(client: Client, reference: str) -> None:
    job = client.create_job({"title": "Reviews", "alias": "reviews"})
    first = client.upload_many(ROWS[:12], job="reviews", key="sku")
    name: Any = {"alias": "reviews", "part alias": f"job-{job.id}-part-2", "part": first.jobs[1]}

    done = client.upload_many(ROWS, job=name[reference], key="sku")

    assert [each.id for each in done.jobs][:2] == [each.id for each in first.jobs]
    assert sizes(done) == [10, 10, 3]


def test_rows_of_a_copy_that_was_deleted_are_sent_again(client: Client, job: Job) -> None:
    done = client.upload_many(ROWS, job=job, key="sku")
    done.jobs[1].delete()

    again = client.upload_many(ROWS, job=job, key="sku")

    assert sizes(again) == [10, 10, 3]
    assert [each.id for each in again.jobs[:2]] == [done.jobs[0].id, done.jobs[2].id]
    assert again.jobs[2].alias == f"job-{job.id}-part-4"
    assert all_keys(client) == once(*ROWS)


def test_a_dry_run_counts_and_changes_nothing(box: Sandbox, client: Client, job: Job) -> None:
    client.upload_many(ROWS[:12], job=job, key="sku")
    before = len(box.requests)

    done = client.upload_many(ROWS, job=job, key="sku", dry_run=True)

    assert {each.verb for each in list(box.requests)[before:]} == {"GET"}
    assert not any("copy" in each.path for each in list(box.requests)[before:])
    assert (done.rows, done.found, done.missing, len(done.jobs)) == (23, 12, 11, 2)
    assert len(done.units) == 12


# Killed, or without an answer


def kill_at(place: int, when: str, patch: pytest.MonkeyPatch) -> None:
    """End the process before or after a request that changes something."""
    request, count = BaseClient.request, 0

    def request_or_die(client: BaseClient, method: str, path: str, *args: Any, **kw: Any) -> Any:
        nonlocal count
        count += method != "GET" or "copy" in path
        is_here = count == place and (method != "GET" or "copy" in path)
        if is_here and when == "before":
            raise Killed
        try:
            return request(client, method, path, *args, **kw)
        finally:
            if is_here:
                raise Killed

    patch.setattr(BaseClient, "request", request_or_die)


def was_killed(upload: Callable[[], object]) -> bool:
    try:
        upload()
    except Killed:
        return True
    return False


@pytest.mark.parametrize(
    ("when", "journal"),
    # Without a journal, nothing is recorded between a response and the next request.
    [("before", True), ("after", True), ("after", False)],
)
def test_a_killed_upload_is_continued_wherever_it_was(
    tmp_path: Path, when: str, *, journal: bool
) -> None:
    with Sandbox(limits=Limits(rows_per_job=10), seed=5) as box:
        place, goes_on = 0, True
        while goes_on:
            place += 1
            box.reset()
            path = tmp_path / f"{place}.journal" if journal else None
            job = box.client().create_job({"title": "Reviews"})

            with pytest.MonkeyPatch.context() as patch, box.client(journal=path) as client:
                kill_at(place, when, patch)
                goes_on = was_killed(lambda: client.upload_many(ROWS[:12], job=job.id, key="sku"))  # noqa: B023
            with box.client(journal=path, clock=InstantClock()) as client:
                done = client.upload_many(ROWS[:12] + MORE, job=job.id, key="sku")

                assert sizes(done) == [10, 10, 1]
                assert all_keys(client) == once(*ROWS[:12], *MORE)
                assert len([*client.get_jobs()]) == 3
        assert place == 7  # the last one was not killed: four uploads, a copy and its name


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("path", ["*/copy", "*/upload", "/jobs/7????2"])
@pytest.mark.parametrize("journal", [True, False])
def test_a_lost_response_leaves_neither_a_second_copy_nor_a_second_row(
    box: Sandbox, tmp_path: Path, path: str, *, done: bool, journal: bool
) -> None:
    client = box.client(journal=tmp_path / "a.journal" if journal else None, clock=InstantClock())
    job = client.create_job({"title": "Reviews"})
    verb = "PUT" if "copy" not in path else None
    box.faults.next(drop=True, verb=verb, path=path, done=done, times=2)

    uploaded = None
    for _ in range(3):
        try:
            uploaded = client.upload_many(ROWS, job=job, key="sku")
            break
        except (OutcomeUnknown, UploadIncomplete):
            continue

    assert uploaded is not None
    assert sizes(uploaded) == [10, 10, 3]
    assert all_keys(client) == once(*ROWS)
    assert len([*client.get_jobs()]) == 3


@pytest.mark.parametrize("journal", [True, False])
def test_a_copy_that_another_process_made_meanwhile_is_used(
    box: Sandbox, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, journal: bool
) -> None:
    client = box.client(journal=tmp_path / "a.journal" if journal else None)
    request, others = BaseClient.request, list[Job]()

    def be_slow(client: BaseClient, method: str, path: str, *args: Any, **kw: Any) -> Any:
        if method == "PUT" and "upload" not in path and not others:
            others.append(job.copy())
            client.update_job(others[0].id, {"alias": f"job-{job.id}-part-2"})
        return request(client, method, path, *args, **kw)

    monkeypatch.setattr(BaseClient, "request", be_slow)

    done = client.upload_many(ROWS[:15], job=job, key="sku")

    assert done.jobs[1].id == others[0].id
    assert sizes(done) == [10, 5]
    assert len([*client.get_jobs()]) == 2


def test_a_copy_that_somebody_made_for_something_else_is_left_alone(
    client: Client, job: Job
) -> None:
    other = job.copy()
    client.update_job(other.id, {"title": "An experiment"})

    done = client.upload_many(ROWS, job=job, key="sku")

    assert other.id not in {each.id for each in done.jobs}
    assert client.get_job(other.id).units_count == 0


def test_a_job_that_took_the_alias_of_a_copy_is_not_filled(client: Client, job: Job) -> None:
    other = client.create_job({"title": "Something else", "alias": f"job-{job.id}-part-2"})
    copy = client.copy_job(other.id, all_units=False, gold=False)
    client.update_job(other.id, {"alias": "other"})
    client.update_job(copy.id, {"alias": f"job-{job.id}-part-2"})

    with pytest.raises(InvalidInput, match=f"job {copy.id} has the alias .* not a copy of job"):
        client.upload_many(ROWS, job=job, key="sku")

    assert all_keys(client) == Counter()


# Test questions, limits, refusals


def with_test_questions(client: Client, count: int) -> Job:
    job = client.upload_job(
        {"sku": f"T-{number}", "text": "x", "_golden": True, "good_gold": "Yes"}
        for number in range(count)
    )
    job.title, job.instructions, job.cml = "Reviews", "Read.", CML
    job.update()
    job.convert_test_questions()
    return job


def test_a_copy_gets_the_test_questions_of_the_first_job(client: Client) -> None:
    job = with_test_questions(client, 4)
    questions = [{"sku": f"T-{number}", "text": "x"} for number in range(4)]

    done = client.upload_many([*questions, *ROWS], job=job, key="sku", force=True)

    assert sizes(done) == [10, 10, 10, 9]
    assert [each.golds_count for each in done.jobs] == [4, 4, 4, 4]
    assert (done.rows, done.found) == (27, 4)
    assert all_keys(client) == once(*ROWS) + Counter({row["sku"]: 4 for row in questions})
    assert done.units["T-1"].job_id == job.id
    assert len(done.units) == 27


def test_a_copy_can_do_without_test_questions(client: Client) -> None:
    job = with_test_questions(client, 4)

    done = client.upload_many(ROWS, job=job, key="sku", gold=False, force=True)

    assert sizes(done) == [10, 10, 7]
    assert [each.golds_count for each in done.jobs] == [4, 0, 0]


def test_copies_that_have_no_room_are_not_made_again_and_again(client: Client) -> None:
    job = with_test_questions(client, 10)

    with pytest.raises(UploadIncomplete, match="a new copy, has no room for any of 23 rows"):
        client.upload_many(ROWS, job=job, key="sku", force=True)

    assert len([*client.get_jobs()]) == 2


def test_no_more_jobs_are_made_than_allowed(client: Client, job: Job) -> None:
    with pytest.raises(UploadIncomplete, match="3 rows do not fit into 2 jobs") as caught:
        client.upload_many(ROWS, job=job, key="sku", max_jobs=2)

    assert caught.value.resume is None
    assert all_keys(client) == once(*ROWS[:20])
    assert client.upload_many(ROWS, job=job, key="sku").found == 20


@pytest.mark.parametrize("value", [0, True, "2", 1.5])
def test_a_wrong_number_of_jobs_is_refused(client: Client, job: Job, value: Any) -> None:
    with pytest.raises(InvalidInput, match="max_jobs must be a positive integer"):
        client.upload_many(ROWS, job=job, key="sku", max_jobs=value)


def test_a_job_that_orders_by_itself_gets_no_rows(box: Sandbox, client: Client, job: Job) -> None:
    client.upload_many(ROWS[:5], job=job, key="sku")
    client.update_job(job.id, {"auto_order": True})
    before = len(uploads(box))

    with pytest.raises(InvalidInput, match="orders rows as they arrive"):
        client.upload_many(ROWS, job=job, key="sku")

    assert len(uploads(box)) == before
    assert client.upload_many(ROWS[:5], job=job, key="sku").found == 5


def launched(client: Client, job: Job) -> Job:
    client.update_job(job.id, {"instructions": "Read.", "cml": CML})
    job.reload()
    job.launch(5, channels=["cf_internal"])
    return job


def test_a_launched_job_is_continued_and_its_copy_is_not_launched(client: Client, job: Job) -> None:
    client.upload_many(ROWS[:8], job=job, key="sku")
    launched(client, job)

    done = client.upload_many(ROWS, job=job, key="sku")

    assert sizes(done) == [10, 10, 3]
    assert [each.state for each in done.jobs][1:] == ["unordered"] * 2
    assert client.get_job(job.id).ping()["ordered_units"] == 5


def test_a_canceled_copy_gets_no_rows_and_a_canceled_job_is_refused(
    client: Client, job: Job
) -> None:
    first = client.upload_many(ROWS[:15], job=job, key="sku")
    launched(client, first.jobs[1]).cancel()

    done = client.upload_many(ROWS, job=job, key="sku")

    assert sizes(done) == [10, 5, 8]
    other = client.create_job({"title": "Reviews"})
    other.upload(ROWS[:5])
    launched(client, other).cancel()
    with pytest.raises(InvalidInput, match=f"job {other.id} is canceled"):
        client.upload_many(ROWS, job=other, key="sku")


def test_a_refused_row_is_named_by_its_number_in_the_upload(client: Client, job: Job) -> None:
    rows: list[dict[str, Any]] = [dict(row) for row in ROWS]
    rows[17]["more"] = "x"

    with pytest.raises(InvalidInput, match="row 18 has a column that row 1 does not") as caught:
        client.upload_many(rows, job=job, key="sku")

    assert caught.value.row == 18
    assert all_keys(client) == Counter()


def test_a_refusal_in_a_later_job_keeps_what_was_sent(
    box: Sandbox, client: Client, job: Job
) -> None:
    box.faults.next(path=f"*/jobs/{job.id + 2}/upload", status=422)

    with pytest.raises(UploadIncomplete, match=r"may hold some of its rows: .*repeat the call"):
        client.upload_many(ROWS, job=job, key="sku")

    assert all_keys(client) == once(*ROWS[:20])
    assert sizes(client.upload_many(ROWS, job=job, key="sku")) == [10, 10, 3]


def test_a_refusal_before_anything_was_sent_is_raised_as_it_is(
    box: Sandbox, client: Client, job: Job
) -> None:
    box.faults.next(path="*/upload", status=422)

    with pytest.raises(ValidationError, match="nothing was stored"):
        client.upload_many(ROWS, job=job, key="sku")

    assert all_keys(client) == Counter()


# What rows come from


def test_rows_come_from_files_and_tables(client: Client, tmp_path: Path) -> None:
    lines, table = tmp_path / "rows.jsonl", tmp_path / "rows.csv"
    lines.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    table.write_text(
        "sku,text\n" + "".join(f"{row['sku']},{row['text']}\n" for row in ROWS), encoding="utf-8"
    )
    sources: list[Any] = [lines, str(table), iter(ROWS)]
    if pyarrow := pytest.importorskip("pyarrow"):
        sources.append(pyarrow.Table.from_pylist(ROWS))
    for source in sources:
        job = client.create_job({"title": "Reviews"})

        done = client.upload_many(source, job=job, key="sku")

        assert sizes(done) == [10, 10, 3]
        assert list(done.units) == [row["sku"] for row in ROWS]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "no rows to upload"),
        ([*ROWS, ROWS[3]], "rows 4 and 24 have the same 'sku', 'A-3'"),
        ([{"text": "x"}], "row 1 has no column 'sku'"),
        ("rows", "not a file of rows"),
    ],
)
def test_rows_that_cannot_be_sent_are_refused(
    box: Sandbox, client: Client, job: Job, rows: Any, problem: str
) -> None:
    with pytest.raises(InvalidInput, match=problem):
        client.upload_many(rows, job=job, key="sku")

    assert uploads(box) == []
