"""A PostgreSQL for the tests that ask for one: named by a variable, or started here.

Without ``CROWDFLOWER_TEST_POSTGRESQL`` nothing of this happens, and the sandbox keeps everything in
SQLite. With the address of a database, tests make schemas in that and remove them again. With the
word ``start``, a server of their own is started, which listens to nothing but a socket in a
directory of its own, and thrown away with all that is in it.
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

sys.path.insert(0, str(Path(__file__).parent))  # served, for whoever starts the command

VARIABLE = "CROWDFLOWER_TEST_POSTGRESQL"
START = "start"
PATIENCE = 60


def pytest_configure() -> None:
    """Say it, and do nothing, where a server is to be started and there is none."""
    if os.environ.get(VARIABLE) == START and binaries() is None:
        pytest.exit("skipped: no PostgreSQL here (neither initdb nor pg_config is found)", 0)


def binaries() -> Path | None:
    """Find the programs of the newest PostgreSQL; Debian does not put them on the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    by_path = shutil.which("initdb")
    if by_path:
        found.append(Path(by_path).resolve())
    elif shutil.which("pg_config"):
        said = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True)  # noqa: S607 - whichever is there
        found.append(Path(said.stdout.strip()) / "initdb")
    return next((each.parent for each in reversed(found) if each.exists()), None)


@contextmanager
def started(programs: Path) -> Iterator[str]:
    """Start a server in a directory of its own; yield the address of its database."""
    user = _unprivileged()
    directory = Path(tempfile.mkdtemp(prefix="crowdflower-postgresql-"))
    try:
        if user is not None:
            shutil.chown(directory, user)
        data = directory / "data"
        made = [programs / "initdb", "-D", data, "-U", "crowd", "-E", "UTF8", "--locale=C"]
        subprocess.run(  # noqa: S603 - PostgreSQL's own program
            [*made, "--auth=trust", "--no-sync", "--no-instructions"],
            user=user,
            cwd=directory,
            check=True,
            capture_output=True,
            timeout=PATIENCE,
        )
        # Nothing of this outlives the tests, so it need not survive a power cut.
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
                process.send_signal(signal.SIGINT)  # whoever is connected is cut off
                process.wait(PATIENCE)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a database that is there for tests."""
    named = os.environ[VARIABLE]
    if named != START:
        yield named
        return
    programs = binaries()
    assert programs is not None
    with started(programs) as url:
        yield url


@contextmanager
def schema_in(url: str, name: str) -> Iterator[str]:
    """Make an empty schema; yield its address, and remove it in the end."""
    import psycopg  # noqa: PLC0415 - where there is no PostgreSQL there need be no driver

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
    """The address of an empty schema, for one test."""
    with schema_in(postgresql, str(next(_numbers))) as url:
        yield url


@pytest.fixture(scope="session")
def lasting_schema(postgresql: str) -> Iterator[str]:
    """The address of a schema that is there for all tests of this process."""
    with schema_in(postgresql, "lasting") as url:
        yield url


def _unprivileged() -> str | None:
    """Name a user that the server may run as; it refuses to be root's."""
    if os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415 - only where there are users of this kind

    known = {each.pw_name for each in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _wait_for(programs: Path, directory: Path) -> None:
    asked = [programs / "pg_isready", "-q", "-h", directory, "-t", "1"]
    for _ in range(PATIENCE):
        answer = subprocess.run(asked, check=False, timeout=PATIENCE)  # noqa: S603 - PostgreSQL's
        if answer.returncode == 0:
            return
    raise AssertionError((directory / "log").read_text(encoding="utf-8"))
