"""Uploads with a key whose answers get lost: each row is there once, or an error is raised."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from server import Act, Fault, Request, Server, Wire, hang_up, reset, respond, stall
from upload_service import Service

from crowdflower.exceptions import (
    ApplicationError,
    InvalidInput,
    MalformedResponse,
    OutcomeUnknown,
    SourceChanged,
    UploadError,
    UploadIncomplete,
    UploadLocked,
    ValidationError,
)
from crowdflower.job import Job
from crowdflower.rows.exactly_once import Uploaded
from crowdflower.rows.upload_plan import open_plan

if TYPE_CHECKING:
    from conftest import FastClock

    from crowdflower.client import Client

ROWS = [{"id": number, "text": f"row {number}"} for number in range(120)]
"""Three chunks of the size in these tests."""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crowdflower.rows.upload_plan.ROWS_PER_CHUNK", 50)


@pytest.fixture
def serve(server: Server) -> Callable[..., Service]:
    def begin(*treats: tuple[str, Act | None]) -> Service:
        service = Service(*treats)
        server.answer(lambda _: Fault(service))
        return service

    return begin


@pytest.fixture
def job(client: Client) -> Job:
    return Job(client, id=7)


EVERY_KEY = [row["id"] for row in ROWS]
LOST = [hang_up, reset, respond(b"<html>", kind="text/html"), respond(status="500 Oh")]


def test_rows_are_sent_in_chunks_and_verified(
    serve: Callable[..., Service], job: Job, clock: FastClock
) -> None:
    service = serve()

    done = job.upload(ROWS, key="id")

    assert done == Uploaded(rows=120, chunks=3, resends=0, duplicates_removed=0, found=0)
    assert service.uploads == [50, 50, 20]
    assert service.keys == EVERY_KEY
    assert clock.slept == []


@pytest.mark.row("N10", "N11", "P6")
@pytest.mark.parametrize("act", LOST, ids=["FIN", "RST", "a page", "500"])
@pytest.mark.parametrize("stored", ["all", "half", "nothing", "twice"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_each_row_is_there_once_whatever_was_stored_of_a_lost_chunk(
    serve: Callable[..., Service], job: Job, stored: str, act: Act, place: int
) -> None:
    service = serve(*[("all", None)] * place, (stored, act))

    done = job.upload(ROWS, key="id")

    size = [50, 50, 20][place]
    assert service.keys == EVERY_KEY
    assert done.rows == 120
    assert done.resends == (stored in {"half", "nothing"})
    assert done.duplicates_removed == (size if stored == "twice" else 0)
    assert sum(service.uploads) - 120 == {"half": size // 2, "nothing": size}.get(stored, 0)


def test_a_read_timeout_is_a_lost_answer(
    serve: Callable[..., Service], connect: Callable[..., Client], server: Server
) -> None:
    service = serve(("all", stall))
    client = connect(server.url, timeout=(10, 1))

    done = Job(client, id=7).upload(ROWS[:10], key="id")

    assert service.keys == EVERY_KEY[:10]
    assert done.resends == 0


@pytest.mark.parametrize("pings", [0, 1, 4, 6, 8, 11, 14])
def test_late_rows_are_waited_for_or_deleted(
    serve: Callable[..., Service], job: Job, pings: int
) -> None:
    service = serve(("late", hang_up))
    service.pings_until_late = pings

    done = job.upload(ROWS[:30], key="id")

    assert service.keys == EVERY_KEY[:30]
    assert (done.resends, done.duplicates_removed) in {(0, 0), (1, 30)}


def test_the_older_of_two_units_stays(serve: Callable[..., Service], job: Job) -> None:
    service = serve(("twice", None))

    job.upload(ROWS[:10], key="id")

    assert service.deleted == list(range(11, 21))
    assert sorted(service.units) == list(range(1, 11))


def test_a_chunk_that_never_arrives_stops_the_upload_which_can_be_resumed(
    serve: Callable[..., Service], job: Job
) -> None:
    service = serve(("all", None), *[("nothing", hang_up)] * 3)

    with pytest.raises(UploadIncomplete, match="3 times") as caught:
        job.upload(ROWS, key="id")
    assert service.keys == EVERY_KEY[:50]
    done = job.upload(ROWS, key="id", resume=caught.value.resume)

    assert service.keys == EVERY_KEY
    assert service.uploads == [50, 50, 50, 50, 50, 20]
    assert done.rows == 120
    Path(str(caught.value.resume)).unlink()


def test_a_refusal_of_the_first_chunk_is_raised(serve: Callable[..., Service], job: Job) -> None:
    no = respond(b'{"error": {"message": "Row 1 has other columns."}}', status="422 No")
    service = serve(("nothing", no))

    with pytest.raises(ValidationError, match=r"Row 1 has other columns.*; nothing was stored$"):
        job.upload(ROWS, key="id")

    assert service.uploads == [50]


def test_a_refusal_in_a_success_is_whole_if_the_job_shows_no_row(
    serve: Callable[..., Service], job: Job
) -> None:
    no = respond(b'{"error": {"message": "Row 1 has other columns."}}')
    service = serve(("nothing", no))

    with pytest.raises(ApplicationError, match=r"other columns.*; nothing was stored$"):
        job.upload(ROWS, key="id")

    assert service.uploads == [50]


def test_a_refusal_in_a_success_is_not_whole_if_the_job_shows_the_rows(
    serve: Callable[..., Service], job: Job
) -> None:
    no = respond(b'{"error": {"message": "Something went wrong."}}')
    serve(("all", no))

    with pytest.raises(UploadIncomplete, match="the job holds") as caught:
        job.upload(ROWS, key="id")

    Path(str(caught.value.resume)).unlink()


def test_a_refusal_of_a_later_chunk_does_not_promise_that_resuming_helps(
    serve: Callable[..., Service], job: Job
) -> None:
    no = respond(b'{"error": {"message": "Row 1 has other columns."}}', status="422 No")
    service = serve(("all", None), ("nothing", no))

    with pytest.raises(UploadIncomplete, match=r"correct the rows.*without resume") as caught:
        job.upload(ROWS, key="id")
    Path(str(caught.value.resume)).unlink()
    done = job.upload(ROWS, key="id")

    assert isinstance(caught.value.__cause__, ValidationError)
    assert service.keys == EVERY_KEY
    assert done.found == 50


def test_a_plan_of_which_nothing_was_sent_takes_corrected_rows(
    serve: Callable[..., Service], job: Job, tmp_path: Path
) -> None:
    no = respond(b'{"error": {"message": "Row 1 has other columns."}}', status="422 No")
    service = serve(("nothing", no))
    plan = tmp_path / "rows.upload"
    with pytest.raises(ValidationError):
        job.upload(ROWS, key="id", resume=plan)

    done = job.upload(ROWS[:60], key="id", resume=plan)

    assert service.keys == EVERY_KEY[:60]
    assert (done.rows, done.chunks) == (60, 2)


def test_repeating_an_upload_sends_nothing(serve: Callable[..., Service], job: Job) -> None:
    service = serve()
    job.upload(ROWS[:60], key="id")

    done = job.upload(iter(ROWS[:61]), key="id")

    assert done == Uploaded(rows=61, chunks=2, resends=0, duplicates_removed=0, found=60)
    assert service.uploads == [50, 10, 1]
    assert service.keys == EVERY_KEY[:61]


def test_duplicates_from_before_the_upload_are_not_deleted(
    serve: Callable[..., Service], job: Job
) -> None:
    service = serve()
    service.store([ROWS[3], ROWS[3]])

    with pytest.raises(InvalidInput, match="twice already"):
        job.upload(ROWS[:10], key="id")

    assert (service.uploads, service.deleted) == ([], [])


# Before anything is sent


@pytest.mark.parametrize(
    ("state", "auto_order", "problem"),
    [("running", True, "orders"), ("canceled", False, "canceled")],
)
def test_a_job_in_which_rows_would_be_wasted_is_refused(
    serve: Callable[..., Service], job: Job, state: str, auto_order: bool, problem: str
) -> None:
    service = serve()
    service.state, service.auto_order = state, auto_order

    with pytest.raises(InvalidInput, match=problem):
        job.upload(ROWS[:10], key="id")

    assert service.uploads == []


def test_live_true_uploads_to_a_job_that_orders_by_itself(
    serve: Callable[..., Service], job: Job
) -> None:
    service = serve()
    service.state, service.auto_order = "running", True

    job.upload(ROWS[:10], key="id", live=True)

    assert service.keys == EVERY_KEY[:10]


def test_in_a_job_that_orders_by_itself_a_chunk_whose_answer_is_lost_is_not_sent_again(
    serve: Callable[..., Service], job: Job
) -> None:
    service = serve(("nothing", hang_up))
    service.state, service.auto_order = "running", True

    with pytest.raises(UploadIncomplete, match="would be ordered") as caught:
        job.upload(ROWS[:10], key="id", live=True)

    assert service.uploads == [10]
    Path(str(caught.value.resume)).unlink()


@pytest.mark.row("U9", "U10", "U11")
@pytest.mark.parametrize(
    ("rows", "number", "problem"),
    [
        ([{"id": 1}, {"id": 1}], 2, "rows 1 and 2 have the same"),
        ([{"id": 1}, {"id": "1 "}], 2, "same"),
        (
            [{"id": 1}, {"text": "a"}],
            2,
            "row 2 has no column 'id', the key; its columns are: text$",
        ),
        ([{"id": 1}, {"id": None}], 2, "None as its 'id'"),
        ([{"id": ""}], 1, "'' as its"),
        ([{"id": True}], 1, "True as its"),
        ([{"id": 1.5}], 1, "integer"),
        ([{"id": 1}, ["a"]], 2, "not a dict"),
        ([{"id": 1}, {"id": 2, "text": b"b"}], 2, "row 2"),
        ([{"id": 1}, {"id": 2, "text": float("nan")}], 2, "row 2"),
        ([{"id": 1}, {"id": 2, "more": "b"}], 2, "'more'; force=True"),
        ([], None, "no rows"),
        (iter([]), None, "consumed before"),
    ],
)
def test_if_one_row_is_bad_nothing_is_sent(
    serve: Callable[..., Service], job: Job, rows: Any, number: int | None, problem: str
) -> None:
    service = serve()

    with pytest.raises(InvalidInput, match=problem) as caught:
        job.upload(rows, key="id")

    assert caught.value.row == number
    assert service.uploads == []


def test_a_late_bad_row_is_numbered_through_all_blocks(
    serve: Callable[..., Service], job: Job
) -> None:
    serve()

    with pytest.raises(InvalidInput) as caught:
        job.upload(
            [*({"id": n, "text": n} for n in range(1200)), {"id": "x", "text": {1}}], key="id"
        )

    assert caught.value.row == 1201


@pytest.mark.row("U12")
def test_more_rows_than_a_job_can_hold_are_not_sent(
    serve: Callable[..., Service], job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crowdflower.rows.exactly_once.MAX_ROWS", 11)
    service = serve()
    service.store([{"id": "other"}, ROWS[0]])

    job.upload(ROWS[:10], key="id")
    with pytest.raises(InvalidInput, match="would hold 12 rows"):
        job.upload(ROWS[:11], key="id")

    assert service.uploads == [9]


def test_rows_without_a_column_get_an_empty_one_in_every_chunk(
    serve: Callable[..., Service], job: Job
) -> None:
    service = serve()
    rows = [{"id": 1, "text": "a"}, {"id": 2}, {"id": 3, "text_gold": "b"}]

    job.upload(rows, key="id")

    assert list(service.units.values()) == [
        {"id": 1, "text": "a"},
        {"id": 2, "text": None},
        {"id": 3, "text_gold": "b", "text": None},
    ]


@pytest.mark.parametrize("how", [{"resume": "a.upload"}, {"live": True}])
def test_resume_and_live_need_a_key(job: Job, how: Any) -> None:
    with pytest.raises(InvalidInput, match="require key"):
        job.upload(ROWS[:1], **how)


def test_without_a_key_a_lost_answer_is_outcome_unknown(
    serve: Callable[..., Service], job: Job
) -> None:
    service = serve(("all", hang_up))

    with pytest.raises(OutcomeUnknown):
        job.upload(ROWS)

    assert service.uploads == [120]


# Files


def test_a_file_of_json_lines_is_sent_unchanged(
    serve: Callable[..., Service], job: Job, server: Server, tmp_path: Path
) -> None:
    service = serve()
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"id": 1, "x": 1.10}\n\n  {"id": 2, "x": 2e3}\r\n')

    done = job.upload_file(path, key="id")

    sent = [request.body for request in server.log if request.line.startswith("PUT")]
    assert sent == [b'{"id": 1, "x": 1.10}\n{"id": 2, "x": 2e3}\n']
    assert (done.rows, service.keys) == (2, [1, 2])


def test_each_chunk_of_a_csv_begins_with_its_header(
    connect: Callable[..., Client], server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "rows.csv"
    lines = [f'{number},"two\nlines, {number}"\n' for number in range(70)]
    path.write_text("\ufeffKey No.,text\n" + "".join(lines), encoding="utf-8")
    bodies: list[bytes] = []
    units: dict[str, Any] = {}

    def act(wire: Wire, request: Request) -> None:
        answer: Any = {"id": 7, "state": "unordered", "units_count": len(units)}
        if request.method == "PUT":
            bodies.append(request.body)
            for number in re.findall(rb"(?m)^(\d+),", request.body):
                units[str(len(units) + 1)] = {"key_no": number.decode()}
        elif "/units.json" in request.target:
            page = int(parse_qs(urlsplit(request.target).query)["page"][0])
            answer = dict([*units.items()][(page - 1) * 1000 : page * 1000])
        elif "ping" in request.target:
            answer = {"done": True, "count": len(units)}
        respond(json.dumps(answer).encode())(wire, request)

    server.answer(lambda _: Fault(act))

    done = Job(connect(server.url), id=7).upload_file(path, key="Key No.")

    assert (done.rows, done.chunks) == (70, 2)
    assert [body.partition(b"\r\n")[0] for body in bodies] == [b"Key No.,text"] * 2
    assert bodies[1].startswith(b'Key No.,text\r\n50,"two\nlines, 50"\r\n')


@pytest.mark.parametrize(
    ("name", "content", "problem", "row"),
    [
        ("a.csv", "id,text\n1,a\n2\n", "row 2, on line 3, has 1 of 2", 2),
        ("a.csv", 'id,text\n1,a\n2,"b\n', "line 3: unexpected end", None),
        (
            "a.csv",
            "text,more\n1,a\n",
            "has no column 'id', the key; its columns are: text, more$",
            None,
        ),
        ("a.csv", "Id,more\n1,a\n", "columns are: Id, more; did you mean 'Id'", None),
        ("a.csv", "id,id\n1,a\n", "has the column 'id' twice", None),
        ("a.csv", "id\n", "no rows", None),
        ("a.json", '{"id": 1}\n{"id":\n', "row 2 is not JSON", 2),
        ("a.json", '{"id": 1}\n7\n', "row 2 is an int", 2),
        ("a.json", '{"id": 1}\n{"id": "\\ud800"}\n', "row 2, column 'id': the string", 2),
        ("a.xlsx", "PK", "save it as CSV", None),
    ],
)
def test_nothing_is_sent_of_a_file_with_a_bad_row(
    serve: Callable[..., Service],
    job: Job,
    tmp_path: Path,
    name: str,
    content: str,
    problem: str,
    row: int | None,
) -> None:
    service = serve()
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")

    with pytest.raises(InvalidInput, match=problem) as caught:
        job.upload_file(path, key="id")

    assert caught.value.row == row
    assert service.uploads == []


def test_the_callers_file_stays_open(
    serve: Callable[..., Service], job: Job, tmp_path: Path
) -> None:
    service = serve()
    path = tmp_path / "rows.json"
    path.write_text('{"id": 1}\n', encoding="utf-8")

    with path.open("rb") as file:
        job.upload_file(file, key="id")
        assert not file.closed

    assert service.keys == [1]


# Going on


def test_an_upload_is_resumed_with_the_same_rows(
    serve: Callable[..., Service], job: Job, tmp_path: Path
) -> None:
    service = serve(("all", None), *[("nothing", hang_up)] * 3)
    plan = tmp_path / "rows.upload"
    with pytest.raises(UploadIncomplete):
        job.upload((row for row in ROWS), key="id", resume=plan)

    job.upload((row for row in ROWS), key="id", resume=plan)

    assert service.keys == EVERY_KEY


def test_only_the_owner_can_read_the_plan_and_it_ends_empty(
    serve: Callable[..., Service], job: Job, tmp_path: Path
) -> None:
    serve()
    plan = tmp_path / "rows.upload"

    job.upload(ROWS, key="id", resume=plan)

    assert plan.stat().st_mode & 0o777 == 0o600
    assert plan.stat().st_size < 50_000
    assert b"row 119" not in plan.read_bytes()


def test_a_finished_upload_is_not_repeated_even_after_a_launch(
    serve: Callable[..., Service], job: Job, tmp_path: Path
) -> None:
    service = serve()
    first = job.upload(ROWS, key="id", resume=tmp_path / "rows.upload")
    service.state = "running"

    again = job.upload(ROWS, key="id", resume=tmp_path / "rows.upload")

    assert again == first
    assert len(service.uploads) == 3


@pytest.mark.row("P9")
@pytest.mark.parametrize(
    ("rows", "how"),
    [
        (ROWS[:119], {}),
        ([*ROWS[:-1], {"id": 119, "text": "another"}], {}),
        (ROWS, {"force": True}),
        ([{"id": row["text"], "text": row["id"]} for row in ROWS], {"key": "text"}),
    ],
    ids=["fewer", "another", "forced", "another key"],
)
def test_a_plan_cannot_be_resumed_with_other_rows(
    serve: Callable[..., Service], job: Job, tmp_path: Path, rows: Any, how: Any
) -> None:
    service = serve(("all", None), *[("nothing", hang_up)] * 3)
    plan = tmp_path / "rows.upload"
    with pytest.raises(UploadIncomplete):
        job.upload(ROWS, key="id", resume=plan)
    before = list(service.uploads)

    with pytest.raises(SourceChanged):
        job.upload(rows, **{"key": "id", "resume": plan, **how})

    assert service.uploads == before


@pytest.mark.row("C8")
def test_other_units_with_a_lone_surrogate_as_key_are_ignored(
    serve: Callable[..., Service], job: Job
) -> None:
    service = serve(("half", hang_up))
    service.store([{"id": "\ud800"}])

    job.upload(ROWS, key="id")

    assert sorted(str(data["id"]) for data in service.units.values())[:-1] == sorted(
        str(key) for key in EVERY_KEY
    )


@pytest.mark.row("C1")
@pytest.mark.parametrize("body", [b"[]", b"7", b'"job"', b"null"])
def test_an_answer_that_is_not_a_job_stops_an_upload_before_it_begins(
    server: Server, job: Job, body: bytes
) -> None:
    server.plan(Fault(respond(body)))

    with pytest.raises(MalformedResponse, match=r"GET /jobs/7\.json: expected the JSON of a job"):
        job.upload(ROWS, key="id")

    assert len(server.log) == 1


@pytest.mark.row("C2")
def test_an_id_that_sqlite_cannot_store_stops_an_upload_which_can_be_resumed(
    serve: Callable[..., Service], job: Job, tmp_path: Path
) -> None:
    service = serve()
    service._next_id = 10**19

    with pytest.raises(UploadError, match="cannot be used"):
        job.upload(ROWS, key="id", resume=tmp_path / "rows.upload")

    assert service.keys == EVERY_KEY


@pytest.mark.row("P7")
def test_one_process_at_a_time_can_use_a_plan(
    serve: Callable[..., Service], job: Job, tmp_path: Path
) -> None:
    service = serve()
    plan = tmp_path / "rows.upload"

    with open_plan(plan), pytest.raises(UploadLocked):
        job.upload(ROWS, key="id", resume=plan)

    assert service.uploads == []


@pytest.mark.parametrize("kind", ["text", "database"])
def test_a_file_that_is_not_a_plan_is_not_changed(job: Job, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "notes"
    if kind == "text":
        path.write_bytes(b"my notes" * 200)
    else:
        base = sqlite3.connect(path)
        base.execute("CREATE TABLE mine (name TEXT)")
        base.close()
    before = path.read_bytes()

    with pytest.raises(InvalidInput, match="not an upload plan"):
        job.upload(ROWS, key="id", resume=path)

    assert path.read_bytes() == before


@pytest.mark.parametrize("progress", ["[1", "[1]", '{"moods": 7}'])
def test_a_plan_with_unreadable_progress_is_refused(
    job: Job, tmp_path: Path, progress: str
) -> None:
    path = tmp_path / "rows.upload"
    with open_plan(path) as plan:
        plan._connection.execute("INSERT INTO about VALUES ('progress', ?)", (progress,))

    with pytest.raises(InvalidInput, match="not an upload plan"):
        job.upload(ROWS, key="id", resume=path)


def test_a_path_that_cannot_be_a_plan_is_an_upload_error(job: Job, tmp_path: Path) -> None:
    with pytest.raises(UploadError, match="cannot be used: unable to open"):
        job.upload(ROWS, key="id", resume=tmp_path)


def test_a_plan_named_memory_is_a_file(
    serve: Callable[..., Service], job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve()
    monkeypatch.chdir(tmp_path)

    job.upload(ROWS, key="id", resume=":memory:")

    assert (tmp_path / ":memory:").stat().st_size > 0


def test_a_missing_folder_is_file_not_found_error(job: Job, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        job.upload(ROWS, key="id", resume=tmp_path / "nowhere" / "rows.upload")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_a_successful_or_refused_upload_leaves_no_temporary_file(
    serve: Callable[..., Service], job: Job, temporary: Path
) -> None:
    serve()

    job.upload(ROWS[:10], key="id")
    with pytest.raises(InvalidInput):
        job.upload([{"id": None}], key="id")

    assert list(temporary.iterdir()) == []
