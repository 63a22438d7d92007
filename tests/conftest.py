"""Fixtures for tests on PostgreSQL, configured by ``CROWDFLOWER_TEST_POSTGRESQL``.

Without the variable, the sandbox uses SQLite in all tests. With the URL of a database, tests create
schemas in it and drop them afterwards. With the word ``start``, the test run starts a temporary
server, which listens only on a Unix socket, and deletes it at the end.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.insert(0, str(Path(__file__).parent))  # for served.py

pytest_plugins = ["pytester"]

VARIABLE = "CROWDFLOWER_TEST_POSTGRESQL"
START = "start"
TIMEOUT = 60
"""Maximum time for each command, in seconds."""


def pytest_configure() -> None:
    """Skip the test run if a server should be started but PostgreSQL is not installed."""
    if os.environ.get(VARIABLE) == START and binaries() is None:
        pytest.exit("skipped: PostgreSQL is not installed (neither initdb nor pg_config found)", 0)


def binaries() -> Path | None:
    """Return the folder of the newest PostgreSQL's programs; on Debian it is not on the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    by_path = shutil.which("initdb")
    if by_path:
        found.append(Path(by_path).resolve())
    elif shutil.which("pg_config"):
        command = ["pg_config", "--bindir"]
        process = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - PostgreSQL's own
        found.append(Path(process.stdout.strip()) / "initdb")
    return next((each.parent for each in reversed(found) if each.exists()), None)


@contextmanager
def run_server(programs: Path) -> Iterator[str]:
    """Run a server in a temporary directory; yield the URL of its database."""
    user = _unprivileged_user()
    directory = Path(tempfile.mkdtemp(prefix="crowdflower-postgresql-"))
    try:
        if user is not None:
            shutil.chown(directory, user)
        data = directory / "data"
        command = [programs / "initdb", "-D", data, "-U", "crowd", "-E", "UTF8", "--locale=C"]
        subprocess.run(  # noqa: S603 - PostgreSQL's own program
            [*command, "--auth=trust", "--no-sync", "--no-instructions"],
            user=user,
            cwd=directory,
            check=True,
            capture_output=True,
            timeout=TIMEOUT,
        )
        # The data need not survive a power failure, so nothing waits for the disk.
        options = ["-F", "-c", "listen_addresses=", "-c", "full_page_writes=off"]
        with (
            (directory / "log").open("wb") as log,
            subprocess.Popen(  # noqa: S603 - PostgreSQL's own program
                [programs / "postgres", "-D", data, "-k", directory, *options],
                user=user,
                cwd=directory,
                stdout=log,
                stderr=log,
            ) as process,
        ):
            try:
                _wait_for(programs, directory)
                yield f"postgresql://crowd:s3cret-pass@/postgres?host={directory}"
            finally:
                process.send_signal(signal.SIGINT)  # disconnects all clients
                process.wait(TIMEOUT)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a database for tests."""
    value = os.environ[VARIABLE]
    if value != START:
        yield value
        return
    programs = binaries()
    assert programs is not None
    with run_server(programs) as url:
        yield url


@contextmanager
def schema_in(url: str, name: str) -> Iterator[str]:
    """Create an empty schema; yield its URL, and drop the schema at the end."""
    import psycopg  # noqa: PLC0415 - only tests of PostgreSQL need the driver

    name = f"test_{os.getpid()}_{name}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
        try:
            settings = f"options=-csearch_path%3D{name}&application_name={name}"
            yield f"{url}{'&' if '?' in url else '?'}{settings}"
        finally:
            connection.execute(f"DROP SCHEMA {name} CASCADE")


_numbers = count()


@pytest.fixture
def schema(postgresql: str) -> Iterator[str]:
    """The URL of an empty schema, for one test."""
    with schema_in(postgresql, str(next(_numbers))) as url:
        yield url


@pytest.fixture(scope="session")
def _reused_schema(postgresql: str) -> Iterator[str]:
    with schema_in(postgresql, "reused") as url:
        yield url


@pytest.fixture
def rowless_schema(_reused_schema: str) -> Iterator[str]:
    """The URL of a schema without rows, for one test; it may have the tables of an earlier test.

    To create and drop the tables takes longer than most tests.
    """
    yield _reused_schema
    _delete_rows(_reused_schema)


@pytest.fixture(scope="session")
def session_schema(postgresql: str) -> Iterator[str]:
    """The URL of a schema that all tests of this process share."""
    with schema_in(postgresql, "session") as url:
        yield url


_DELETE_IF_FILLED = """SELECT 'DELETE FROM "NAME"' WHERE EXISTS (SELECT 1 FROM "NAME")"""


def _delete_rows(url: str) -> None:
    """Delete all rows and restart the ids; with few rows, faster than ``TRUNCATE``."""
    import psycopg  # noqa: PLC0415 - only tests of PostgreSQL need the driver

    from crowdflower.sandbox.store.tables import metadata, schema_info  # noqa: PLC0415 - the same

    names = [table.name for table in reversed(metadata.sorted_tables) if table is not schema_info]
    ids = """
        SELECT format('ALTER SEQUENCE %I RESTART', sequencename) FROM pg_sequences
        WHERE schemaname = current_schema() AND last_value IS NOT NULL
    """
    filled = " UNION ALL ".join(_DELETE_IF_FILLED.replace("NAME", name) for name in names)
    with psycopg.connect(url, autocommit=True) as connection:
        (is_new,) = connection.execute("SELECT to_regclass('job') IS NULL").fetchone() or (True,)
        if is_new:  # the test created no tables
            return
        connection.execute(f"SET lock_timeout = '{TIMEOUT}s'")
        for query in (filled, ids):
            for (command,) in connection.execute(query).fetchall():
                connection.execute(command)


def _unprivileged_user() -> str | None:
    """Return a user to run the server as; it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415 - missing on Windows

    names = {each.pw_name for each in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _wait_for(programs: Path, directory: Path) -> None:
    command = [programs / "pg_isready", "-q", "-h", directory, "-t", "1"]
    for _ in range(TIMEOUT):
        process = subprocess.run(command, check=False, timeout=TIMEOUT)  # noqa: S603 - PostgreSQL's
        if process.returncode == 0:
            return
    raise AssertionError((directory / "log").read_text(encoding="utf-8"))
