"""The rows of an upload are reported while they are sent."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower import progress as progress_module
from crowdflower.client import Client
from crowdflower.exceptions import InvalidInput, NotFound, OutcomeUnknown
from crowdflower.rows import upload_plan
from crowdflower.rows.sources import row_progress
from crowdflower.rows.sources.row_progress import report_rows
from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import SentRequest
    from responses import RequestsMock

    from crowdflower.progress import Progress

API = "https://api.appen.com/v1"


@pytest.fixture(params=["in process", "over a socket"])
def account(request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client of a sandbox."""
    with Sandbox() as box:
        if request.param == "in process":
            yield box.client()
        else:
            with Client(box.key, box.url) as client:
                yield client


def test_rows_are_counted_up_to_their_number(account: Client) -> None:
    seen: list[Progress] = []

    job = account.upload_job(({"text": "x" * 500} for _ in range(5000)), progress=seen.append)

    assert job.units_count == 5000
    assert (seen[0].done, seen[0].total, seen[0].unit) == (0, 5000, "rows")
    assert (seen[-1].done, seen[-1].total) == (5000, 5000)
    assert [each.done for each in seen] == sorted(each.done for each in seen)


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("rows.csv", 'a,b\n1,"x\ny ""z""\n"\n\n2,z', 2),
        ("rows.csv", "a\r1\r2\r3\r", 3),
        ("rows.csv", "a\r\n1\r\n2\r\n", 2),
        ("rows.jsonl", '{"a": 1}\n\n{"a": "\\"x\\""}\n', 2),
        ("rows.jsonl", '{"a": 1}\n{"a": 2}', 2),
    ],
)
def test_the_rows_of_a_file_are_counted(
    account: Client, tmp_path: Path, name: str, content: str, rows: int
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    seen: list[Progress] = []

    job = account.upload_job(path, progress=seen.append)

    assert job.units_count == rows
    assert [(each.done, each.total) for each in seen] == [(0, rows), (rows, rows)]


def test_a_csv_is_counted_wherever_its_blocks_end() -> None:
    content = ("id,text\n" + "".join(f'{n},"a ""{n}""\nb\r\nc"\r\n' for n in range(50))).encode()
    dice = random.Random(4)  # noqa: S311 - repeatable

    for _ in range(200):
        seen: list[Progress] = []
        with report_rows(io.BytesIO(content), "text/csv; charset=utf-8", seen.append) as body:
            while body.read(dice.randint(1, 60)):
                pass
        assert (seen[-1].done, seen[-1].total) == (50, 50)


def test_a_body_that_is_rewound_is_counted_again() -> None:
    source = io.BytesIO(b"ignored\na\n1\n2\n")
    source.readline()
    seen: list[Progress] = []

    with report_rows(source, "text/csv", seen.append) as body:
        start = body.tell()
        assert body.read() == b"a\n1\n2\n"
        body.seek(start)
        assert b"".join(body) == b"a\n1\n2\n"

    assert {each.total for each in seen} == {2}
    assert seen[-1].done == 2


def test_an_exception_of_the_function_stops_the_upload(account: Client) -> None:
    def stop(progress: Progress) -> None:
        if progress.done:
            raise OSError("the display is gone")

    rows = [{"text": "x" * 500}] * 500
    with pytest.raises(OSError, match=r"^the display is gone$"):
        account.upload_job(rows, progress=stop)

    assert list(account.get_jobs()) == []
    assert account.upload_job(rows).units_count == 500


def test_an_exception_at_the_last_row_stops_the_upload(account: Client) -> None:
    job = account.create_job({"title": "Reviews"})

    def stop(progress: Progress) -> None:
        if progress.is_complete:
            raise KeyError("complete")

    with pytest.raises(KeyError, match="complete"):
        job.upload([{"text": "a"}, {"text": "b"}], progress=stop)

    assert job.reload().units_count == 0


# With a key


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_plan, "ROWS_PER_CHUNK", 10)
    monkeypatch.setattr(progress_module, "INTERVAL", 0.0)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("source", ["dicts", "csv"])
def test_rows_with_a_key_are_counted_by_requests(
    account: Client, tmp_path: Path, source: str
) -> None:
    job = account.create_job({"title": "Reviews"})
    path = tmp_path / "rows.csv"
    path.write_text("id,text\n" + "".join(f"{n},a\n" for n in range(25)))
    dicts = ({"id": n, "text": "a"} for n in range(25))
    seen: list[Progress] = []

    job.upload(path if source == "csv" else dicts, key="id", progress=seen.append)

    assert {(each.total, each.unit) for each in seen} == {(25, "rows")}
    assert [each.done for each in seen] == [0, 10, 20, 25]


@pytest.mark.usefixtures("small_chunks")
def test_rows_that_are_there_already_are_counted(account: Client, tmp_path: Path) -> None:
    job = account.create_job({"title": "Reviews"})
    rows = [{"id": n} for n in range(25)]
    job.upload(rows[:5], key="id")
    seen: list[Progress] = []
    again: list[Progress] = []

    job.upload(rows, key="id", progress=seen.append, resume=tmp_path / "plan")
    job.upload(rows, key="id", progress=again.append, resume=tmp_path / "plan")

    assert seen[0].done == 5
    assert [(each.done, each.total) for each in again] == [(25, 25)]


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("kind", [OSError, OverflowError, ValueError, NotFound])
def test_after_an_exception_of_the_function_the_same_call_continues(
    account: Client, kind: type[Exception]
) -> None:
    job = account.create_job({"title": "Reviews"})
    rows = [{"id": n} for n in range(25)]

    def stop(progress: Progress) -> None:
        if progress.done == 10:
            raise kind("the display is gone")

    with pytest.raises(kind, match="the display is gone"):
        job.upload(rows, key="id", progress=stop)

    assert job.reload().units_count == 10
    assert job.upload(rows, key="id").found == 10
    assert sorted(unit.data["id"] for unit in job.reload().units) == list(range(25))


# Without progress


def test_an_unusable_progress_is_refused(client: Client, sent: list[SentRequest]) -> None:
    with pytest.raises(TypeError, match="progress must be True, False or a function"):
        client.upload_job([{"text": "a"}], progress="yes")  # type: ignore[arg-type]

    assert sent == []


def test_rows_of_a_spreadsheet_are_not_counted(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.put(f"{API}/jobs/7/upload.json", json={"id": 7})
    seen: list[Progress] = []

    client.upload_job_file(io.BytesIO(b"PK\x03\x04"), "xlsx", 7, progress=seen.append)

    assert seen == []
    assert sent[0].body == b"PK\x03\x04"


def test_a_refused_row_is_not_reported(client: Client) -> None:
    seen: list[Progress] = []

    with pytest.raises(InvalidInput):
        client.upload_job([{"text": "a"}, {"text": b"b"}], 7, progress=seen.append)

    assert seen == []


def test_a_lost_response_is_no_complete_upload(api: RequestsMock, client: Client) -> None:
    api.put(f"{API}/jobs/7/upload.json", body=ConnectionError("reset"))

    with pytest.raises(OutcomeUnknown):
        client.upload_job([{"text": "a"}], 7, progress=lambda _: None)


def test_no_progress_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_progress, "_CountedBody", None)
    source: Any = io.BytesIO(b'{"a": 1}\n')

    for progress in (None, False):
        with report_rows(source, "application/json", progress) as body:
            assert body is source
