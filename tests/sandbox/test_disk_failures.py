"""Full disks and locked, moved or damaged files: a clear error, and no partial writes."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from crashes import KEY, Connection, ForkServer, Workload
from oracle import find_violations
from sqlalchemy import event

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.api.routes import ROUTES
from crowdflower.sandbox.server.in_process import ORIGIN, session_for
from crowdflower.sandbox.store import Database, SchemaMismatch, StoreFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from requests import Response

    Api = Callable[..., Response]

ROWS = [{"text": "x" * 500, "number": number} for number in range(1000)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.db"


@pytest.fixture
def box(file: Path) -> Iterator[Sandbox]:
    with Sandbox(database=file, key=KEY) as box:
        yield box


@pytest.fixture
def api(box: Sandbox) -> Iterator[Api]:
    """A function that calls the API of a sandbox on a file."""
    with session_for(box.app) as session:
        session.headers["Authorization"] = f"Token token={KEY}"

        def call(verb: str, path: str, **settings: Any) -> Response:
            return session.request(verb, f"{ORIGIN}/v1{path}", allow_redirects=False, **settings)

        yield call


def upload(api: Api, path: str = "/jobs/upload", count: int = 1000) -> Response:
    """Upload rows of 500 characters."""
    lines = "".join(f'{{"text": "{row["text"]}"}}\n' for row in ROWS[:count])
    return api("POST", path, data=lines, headers={"Content-Type": "application/json"})


def run_pragma(box: Sandbox, text: str) -> Any:
    """Run a pragma on the pool's only connection; requests may not run pragmas."""
    with box.database.snapshot() as tx:
        tx.driver.set_authorizer(lambda *_: sqlite3.SQLITE_OK)  # type: ignore[attr-defined]
        return tx.driver.execute(f"PRAGMA {text}").fetchone()


@contextmanager
def limit_file_size(box: Sandbox) -> Iterator[None]:
    """Let the file grow by at most ten pages within the block."""
    (pages,) = run_pragma(box, "page_count")
    run_pragma(box, f"max_page_count = {pages + 10}")
    try:
        yield
    finally:
        run_pragma(box, f"max_page_count = {2**30}")


def test_a_full_disk_refuses_writes_without_partial_changes(box: Sandbox, api: Api) -> None:
    job = upload(api, count=5).json()["id"]

    with limit_file_size(box):
        refused = [upload(api), upload(api, f"/jobs/{job}/upload")]
        reading = api("GET", f"/jobs/{job}/units")
    afterwards = upload(api, f"/jobs/{job}/upload", 7)

    assert [response.status_code for response in refused] == [507, 507]
    assert all("is full" in response.json()["error"]["message"] for response in refused)
    assert reading.status_code == 200
    assert len(reading.json()) == 5
    assert (afterwards.status_code, afterwards.json()["units_count"]) == (200, 12)
    assert len(api("GET", "/jobs").json()) == 1


def test_a_full_database_in_memory_refuses_writes() -> None:
    with Sandbox(key=KEY) as box, session_for(box.app) as session:
        session.headers["Authorization"] = f"Token token={KEY}"

        def api(verb: str, path: str, **settings: Any) -> Response:
            return session.request(verb, f"{ORIGIN}/v1{path}", **settings)

        with limit_file_size(box):
            refused = upload(api)
        accepted = upload(api)

    assert (refused.status_code, accepted.status_code) == (507, 200)


def test_a_write_refused_by_a_full_disk_does_not_use_its_idempotency_key(
    box: Sandbox, api: Api
) -> None:
    settings = {"headers": {"Idempotency-Key": "k", "Content-Type": "application/json"}}
    lines = "".join(f'{{"text": "{row["text"]}"}}\n' for row in ROWS)

    with limit_file_size(box):
        refused = api("POST", "/jobs/upload", data=lines, **settings)
    done = api("POST", "/jobs/upload", data=lines, **settings)

    assert (refused.status_code, done.status_code) == (507, 200)
    assert "Idempotent-Replayed" not in done.headers


def test_a_disk_that_refuses_more_bytes_stops_writes_only(file: Path) -> None:
    """The operating system limits the file size of a separate server process."""
    workload = Workload.create(file, units=5)
    with ForkServer() as server, server.serve(file) as url:
        connection, lines = Connection(url), [{"text": "x" * 100}] * 1000
        limit = file.stat().st_size + 200_000
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        statuses: list[int] = []
        while 507 not in statuses and len(statuses) < 100:
            statuses.append(connection.send("POST", "/jobs/upload", lines).status)
        reading = connection.send("GET", f"/jobs/{workload.job}/units", None).status
        with (
            closing(Connection(url)) as other,
            pytest.raises((OSError, HTTPException)),  # the server cannot buffer the request body
        ):
            other.send("POST", "/jobs/upload", lines * 20)
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, unlimited)
        afterwards = connection.send("POST", "/jobs/upload", lines).status
        connection.close()

    assert set(statuses) == {200, 507}
    assert (reading, afterwards) == (200, 200)
    assert find_violations(file) == []
    query = "SELECT units_count FROM job WHERE id <> ?"
    with closing(sqlite3.connect(file)) as database:
        counts = database.execute(query, [workload.job]).fetchall()
    assert counts == [(1000,)] * statuses.count(200) + [(1000,)]


def test_a_file_locked_by_another_process_gives_503_after_the_timeout(
    box: Sandbox, api: Api, file: Path
) -> None:
    run_pragma(box, "busy_timeout = 50")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = api("POST", "/jobs", json={"job": {"title": "A job"}})
        reading = api("GET", "/jobs")
        other.execute("ROLLBACK")

    done = api("POST", "/jobs", json={"job": {"title": "A job"}})

    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "5"
    assert "Another process" in refused.json()["error"]["message"]
    assert (reading.status_code, reading.json()) == (200, [])
    assert done.status_code == 200


def test_the_control_interface_gives_the_same_error(file: Path) -> None:
    with Sandbox(database=file, control="token") as box:
        run_pragma(box, "busy_timeout = 50")
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            response = box.app.test_client().post(
                "/_sandbox/reset", headers={"Authorization": "Bearer token"}
            )

    assert response.status_code == 503
    assert "Another process" in response.json["error"]["message"]


@pytest.mark.parametrize(
    "route",
    [each for each in ROUTES if not each.unsupported],
    ids=lambda each: f"{each.verbs} {each.path}",
)
def test_requests_that_may_write_begin_a_write_transaction(
    box: Sandbox, api: Api, route: Any
) -> None:
    """A transaction that reads first and writes later may conflict with another writer.

    A file is checked before the transaction that stores it, after one that only reads.
    """
    job = upload(api, count=5).json()["id"]
    verb = route.verbs.split()[-1]
    path = route.path.replace("<job>", str(job))
    for part in ("<int:unit>", "<int:judgment>", "<int:worker>", "<int:order>"):
        path = path.replace(part, "7")
    statements: list[str] = []
    event.listen(
        box.database._backend.engine,
        "before_cursor_execute",
        lambda *arguments: statements.append(arguments[2]),
    )

    with box.database.snapshot() as tx:
        before = tx.driver.total_changes  # type: ignore[attr-defined]
    statements.clear()
    response = api(verb, path, json={})
    begins = {text for text in statements if text.startswith("BEGIN")}
    with box.database.snapshot() as tx:
        changed = tx.driver.total_changes - before  # type: ignore[attr-defined]

    assert response.status_code < 500
    assert "BEGIN IMMEDIATE" in begins or not route.writes
    assert "BEGIN DEFERRED" not in begins or not route.writes or route.takes_file
    assert route.writes or not changed


@pytest.mark.parametrize("way", ["removed", "replaced"])
def test_a_file_that_is_moved_away_is_not_created_again(
    box: Sandbox, api: Api, file: Path, way: str
) -> None:
    upload(api, count=5)
    away = file.with_name("away.db")
    file.rename(away)
    if way == "replaced":
        shutil.copy(away, file)
    existed = file.exists()

    responses = [api("POST", "/jobs", json={"job": {"title": "Lost"}}), api("GET", "/jobs")]
    exists = file.exists()
    file.unlink(missing_ok=True)
    away.rename(file)
    back = api("GET", "/jobs")

    assert [response.status_code for response in responses] == [503, 503]
    assert all("put the file back" in response.json()["error"]["message"] for response in responses)
    assert existed is exists is (way == "replaced")
    assert (back.status_code, len(back.json())) == (200, 1)


def test_a_log_without_its_file_is_refused_and_left_unchanged(file: Path) -> None:
    box = Sandbox(database=file)
    log = file.with_name("sandbox.db-wal")
    content = log.read_bytes()
    box.close()
    file.unlink()
    log.write_bytes(content)

    with pytest.raises(StoreFailure, match=r"log of its latest changes exists\. Put the file back"):
        Sandbox(database=file)

    assert content
    assert not file.exists()
    assert log.read_bytes() == content


@pytest.mark.parametrize(
    ("place", "bytes_", "message"),
    [
        (0, b"not a database now  ", "not an SQLite database, or its header is damaged"),
        (100, b"\xff" * 3996, "damaged"),
    ],
)
def test_a_file_with_a_damaged_header_is_refused_and_left_unchanged(
    file: Path, place: int, bytes_: bytes, message: str
) -> None:
    Sandbox(database=file).close()
    whole = bytearray(file.read_bytes())
    whole[place : place + len(bytes_)] = bytes_
    file.write_bytes(whole)

    with pytest.raises(StoreFailure, match=message):
        Sandbox(database=file)

    assert file.read_bytes() == whole


def test_a_file_that_is_damaged_while_open_gives_503(box: Sandbox, api: Api, file: Path) -> None:
    upload(api)
    run_pragma(box, "wal_checkpoint(TRUNCATE)")
    run_pragma(box, "cache_size = 0")
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(b"\xff" * (size - 4096))

    responses = [api("GET", "/jobs"), upload(api)]

    assert [response.status_code for response in responses] == [503, 503]
    assert all("damaged" in response.json()["error"]["message"] for response in responses)


def test_a_read_only_file_gives_503_for_writes(box: Sandbox, api: Api) -> None:
    run_pragma(box, "query_only = ON")

    responses = [api("POST", "/jobs", json={"job": {"title": "A job"}}), api("GET", "/jobs")]

    assert [response.status_code for response in responses] == [503, 200]
    assert "is read-only" in responses[0].json()["error"]["message"]


AS_ANOTHER_USER = """
import os, sys
from crowdflower.cli.local.serve import serve
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
serve(["--port", "0", "--database", sys.argv[1]])
"""


def test_serve_reports_a_read_only_file() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        file = Path(directory) / "sandbox.db"
        Sandbox(database=file).close()
        file.chmod(0o444)
        before = file.read_bytes()

        process = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", AS_ANOTHER_USER, str(file)],
            capture_output=True, check=False, text=True, timeout=60,
        )  # fmt: skip

        assert process.returncode == 1
        assert process.stderr == f"Error: {file} cannot be opened: {os.strerror(13)}.\n"
        assert file.read_bytes() == before


def test_a_file_of_a_later_version_is_refused_with_advice(file: Path) -> None:
    Sandbox(database=file).close()
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE schema_info SET version = 99")

    with pytest.raises(SchemaMismatch, match=r"version 99 .* changed\. Upgrade crowdflower"):
        Database(f"sqlite:///{file}")
