"""Disks that are full, files that are held, moved or damaged: it is said, and nothing half done."""

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
from crashes import KEY, Line, Nursery, Scene
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
    """Call a sandbox on a file; nobody waits for long there."""
    with session_for(box.app) as session:
        session.headers["Authorization"] = f"Token token={KEY}"

        def call(verb: str, path: str, **settings: Any) -> Response:
            return session.request(verb, f"{ORIGIN}/v1{path}", allow_redirects=False, **settings)

        yield call


def upload(api: Api, path: str = "/jobs/upload", count: int = 1000) -> Response:
    with_lines = "".join(f'{{"text": "{row["text"]}"}}\n' for row in ROWS[:count])
    return api("POST", path, data=with_lines, headers={"Content-Type": "application/json"})


def pragma(box: Sandbox, text: str) -> Any:
    """Set something of the one connection that there is, as no request could."""
    with box.database.snapshot() as tx:
        tx.driver.set_authorizer(lambda *_: sqlite3.SQLITE_OK)  # type: ignore[attr-defined]
        return tx.driver.execute(f"PRAGMA {text}").fetchone()


@contextmanager
def full(box: Sandbox) -> Iterator[None]:
    """Let the file grow by a few pages only, until the block ends."""
    (pages,) = pragma(box, "page_count")
    pragma(box, f"max_page_count = {pages + 10}")
    try:
        yield
    finally:
        pragma(box, f"max_page_count = {2**30}")


def test_a_full_disk_is_said_and_nothing_is_half_stored(box: Sandbox, api: Api) -> None:
    job = upload(api, count=5).json()["id"]

    with full(box):
        refused = [upload(api), upload(api, f"/jobs/{job}/upload")]
        read = api("GET", f"/jobs/{job}/units")
    afterwards = upload(api, f"/jobs/{job}/upload", 7)

    assert [answer.status_code for answer in refused] == [507, 507]
    assert all("is full" in answer.json()["error"]["message"] for answer in refused)
    assert read.status_code == 200
    assert len(read.json()) == 5
    assert (afterwards.status_code, afterwards.json()["units_count"]) == (200, 12)
    assert len(api("GET", "/jobs").json()) == 1


def test_the_same_in_memory() -> None:
    with Sandbox(key=KEY) as box, session_for(box.app) as session:
        session.headers["Authorization"] = f"Token token={KEY}"

        def api(verb: str, path: str, **settings: Any) -> Response:
            return session.request(verb, f"{ORIGIN}/v1{path}", **settings)

        with full(box):
            refused = upload(api)
        taken = upload(api)

    assert (refused.status_code, taken.status_code) == (507, 200)


def test_a_full_disk_takes_no_key_for_a_request(box: Sandbox, api: Api) -> None:
    asked = {"headers": {"Idempotency-Key": "k", "Content-Type": "application/json"}}
    lines = "".join(f'{{"text": "{row["text"]}"}}\n' for row in ROWS)

    with full(box):
        refused = api("POST", "/jobs/upload", data=lines, **asked)
    done = api("POST", "/jobs/upload", data=lines, **asked)

    assert (refused.status_code, done.status_code) == (507, 200)
    assert "Idempotent-Replayed" not in done.headers


def test_a_disk_that_takes_no_more_bytes_stops_nothing_but_writing(file: Path) -> None:
    """The limit is the operating system's, and the server a process of its own."""
    scene = Scene.prepared(file, units=5)
    with Nursery() as nursery, nursery.serving(file) as url:
        line, lines = Line(url), [{"text": "x" * 100}] * 1000
        room = file.stat().st_size + 200_000
        resource.prlimit(nursery.server, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        statuses: list[int] = []
        while 507 not in statuses and len(statuses) < 100:
            statuses.append(line.send("POST", "/jobs/upload", lines).status)
        read = line.send("GET", f"/jobs/{scene.job}/units", None).status
        with pytest.raises((OSError, HTTPException)):  # it cannot even be taken in
            Line(url).send("POST", "/jobs/upload", lines * 20)
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(nursery.server, resource.RLIMIT_FSIZE, unlimited)
        afterwards = line.send("POST", "/jobs/upload", lines).status
        line.close()

    assert set(statuses) == {200, 507}
    assert (read, afterwards) == (200, 200)
    assert find_violations(file) == []
    with closing(sqlite3.connect(file)) as opened:
        counts = opened.execute("SELECT units_count FROM job WHERE id <> ?", [scene.job]).fetchall()
    assert counts == [(1000,)] * statuses.count(200) + [(1000,)]


def test_a_file_that_somebody_else_writes_to_is_waited_for_and_then_said(
    box: Sandbox, api: Api, file: Path
) -> None:
    pragma(box, "busy_timeout = 50")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = api("POST", "/jobs", json={"job": {"title": "A job"}})
        read = api("GET", "/jobs")
        other.execute("ROLLBACK")

    done = api("POST", "/jobs", json={"job": {"title": "A job"}})

    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "5"
    assert "Another process" in refused.json()["error"]["message"]
    assert (read.status_code, read.json()) == (200, [])
    assert done.status_code == 200


def test_control_says_it_too(file: Path) -> None:
    with Sandbox(database=file, control="token") as box:
        pragma(box, "busy_timeout = 50")
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = box.app.test_client().post(
                "/_sandbox/reset", headers={"Authorization": "Bearer token"}
            )

    assert answer.status_code == 503
    assert "Another process" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "route",
    [each for each in ROUTES if not each.unsupported],
    ids=lambda each: f"{each.verbs} {each.path}",
)
def test_what_may_write_says_so_with_its_first_word(box: Sandbox, api: Api, route: Any) -> None:
    """Whoever begins to read and then writes may find that somebody has written meanwhile."""
    job = upload(api, count=5).json()["id"]
    verb = route.verbs.split()[-1]
    path = route.path.replace("<job>", str(job))
    for part in ("<int:unit>", "<int:judgment>", "<int:worker>", "<int:order>"):
        path = path.replace(part, "7")
    said: list[str] = []
    event.listen(
        box.database._backend.engine,
        "before_cursor_execute",
        lambda *told: said.append(told[2]),
    )

    with box.database.snapshot() as tx:
        before = tx.driver.total_changes  # type: ignore[attr-defined]
    said.clear()
    answer = api(verb, path, json={})
    words = {text for text in said if text.startswith("BEGIN")}
    with box.database.snapshot() as tx:
        changed = tx.driver.total_changes - before  # type: ignore[attr-defined]

    assert answer.status_code < 500
    assert words == {"BEGIN IMMEDIATE" if route.writes else "BEGIN DEFERRED"}
    assert route.writes or not changed


@pytest.mark.parametrize("way", ["removed", "replaced"])
def test_a_file_that_is_taken_away_is_not_made_anew(
    box: Sandbox, api: Api, file: Path, way: str
) -> None:
    upload(api, count=5)
    away = file.with_name("away.db")
    file.rename(away)
    if way == "replaced":
        shutil.copy(away, file)
    there = file.exists()

    answers = [api("POST", "/jobs", json={"job": {"title": "Lost"}}), api("GET", "/jobs")]
    still_there = file.exists()
    file.unlink(missing_ok=True)
    away.rename(file)
    back = api("GET", "/jobs")

    assert [answer.status_code for answer in answers] == [503, 503]
    assert all("put the file back" in answer.json()["error"]["message"] for answer in answers)
    assert there is still_there is (way == "replaced")
    assert (back.status_code, len(back.json())) == (200, 1)


def test_a_log_without_its_file_is_not_begun_anew(file: Path) -> None:
    box = Sandbox(database=file)
    log = file.with_name("sandbox.db-wal")
    kept = log.read_bytes()
    box.close()
    file.unlink()
    log.write_bytes(kept)

    with pytest.raises(StoreFailure, match=r"log of its latest changes exists\. Put the file back"):
        Sandbox(database=file)

    assert kept
    assert not file.exists()
    assert log.read_bytes() == kept


@pytest.mark.parametrize(
    ("place", "bytes_", "said"),
    [
        (0, b"no database any more", "not an SQLite database, or its header is damaged"),
        (100, b"\xff" * 3996, "damaged"),
    ],
)
def test_a_file_whose_beginning_is_damaged_is_refused_and_left_alone(
    file: Path, place: int, bytes_: bytes, said: str
) -> None:
    Sandbox(database=file).close()
    whole = bytearray(file.read_bytes())
    whole[place : place + len(bytes_)] = bytes_
    file.write_bytes(whole)

    with pytest.raises(StoreFailure, match=said):
        Sandbox(database=file)

    assert file.read_bytes() == whole


def test_a_file_that_is_damaged_while_it_is_open_is_no_bug(
    box: Sandbox, api: Api, file: Path
) -> None:
    upload(api)
    pragma(box, "wal_checkpoint(TRUNCATE)")
    pragma(box, "cache_size = 0")
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.seek(4096)
        opened.write(b"\xff" * (size - 4096))

    answers = [api("GET", "/jobs"), upload(api)]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert all("damaged" in answer.json()["error"]["message"] for answer in answers)


def test_a_file_that_may_only_be_read_is_no_bug(box: Sandbox, api: Api) -> None:
    pragma(box, "query_only = ON")

    answers = [api("POST", "/jobs", json={"job": {"title": "A job"}}), api("GET", "/jobs")]

    assert [answer.status_code for answer in answers] == [503, 200]
    assert "is read-only" in answers[0].json()["error"]["message"]


AS_SOMEBODY_ELSE = """
import os, sys
from crowdflower.cli.serve import serve
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
serve(["--port", "0", "--database", sys.argv[1]])
"""


def test_serve_says_that_a_file_may_only_be_read() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        file = Path(directory) / "sandbox.db"
        Sandbox(database=file).close()
        file.chmod(0o444)
        before = file.read_bytes()

        ended = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", AS_SOMEBODY_ELSE, str(file)],
            capture_output=True, check=False, text=True, timeout=60,
        )  # fmt: skip

        assert ended.returncode == 1
        assert ended.stderr == f"Error: {file} cannot be opened: {os.strerror(13)}.\n"
        assert file.read_bytes() == before


def test_a_file_of_a_later_version_says_what_to_do(file: Path) -> None:
    Sandbox(database=file).close()
    with closing(sqlite3.connect(file)) as opened, opened:
        opened.execute("UPDATE schema_info SET version = 99")

    with pytest.raises(SchemaMismatch, match=r"version 99 .* changed\. Use the version"):
        Database(f"sqlite:///{file}")
