"""Database URLs: which are accepted, clear errors for the others, and never a password."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from traceback import TracebackException
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.server.in_process import ORIGIN, session_for
from crowdflower.sandbox.store import Database, SchemaMismatch
from crowdflower.sandbox.store.failures import Unreachable

KEY = "planted-key-7f3a90c1"
TIMEOUT = 60

Query = Callable[..., list[Any]]


def test_the_scheme_postgres_is_accepted(schema: str) -> None:
    with Sandbox(database=schema.replace("postgresql://", "postgres://", 1)) as box:
        assert box.client().create_job({"title": "By the short name"}).state == "unordered"


def test_the_name_of_a_sandbox_does_not_show_the_password(box: Sandbox) -> None:
    assert "s3cret" not in repr(box)
    assert repr(box).startswith("<Sandbox postgresql://")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:s3cret@127.0.0.1:1/crowd",
        "postgresql://ada@127.0.0.1:1/crowd?password=s3cret",
    ],
)
def test_an_unreachable_server_is_named_without_the_password(url: str) -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1.* cannot be reached") as caught:
        Database(url)

    assert "s3cret" not in str(caught.value)
    assert not variables_with_password(caught.value)


@pytest.mark.parametrize(
    "url", ["postgresql://ada:s3cret@127.0.0.1:bad/crowd", "mysql://ada:s3cret@127.0.0.1/crowd"]
)
def test_a_refused_url_is_in_no_local_variable(url: str) -> None:
    with pytest.raises(ValueError, match="must be SQLite or PostgreSQL") as caught:
        Sandbox(database=url)

    assert not variables_with_password(caught.value)


def variables_with_password(error: BaseException | None) -> list[tuple[str, str]]:
    """Return the local variables with the password, in all frames below the test's own."""
    found = []
    while error is not None:
        frames = TracebackException.from_exception(error, capture_locals=True).stack
        found += [
            (frame.name, name)
            for frame in frames
            for name, value in (frame.locals or {}).items()
            if "s3cret" in value and not frame.name.startswith("test_")
        ]
        error = error.__cause__ or error.__context__
    return found


def test_tables_of_another_program_are_left_unchanged(schema: str, query: Query) -> None:
    query("CREATE TABLE recipe (name text)")

    with pytest.raises(SchemaMismatch, match="another schema"):
        Database(schema)

    tables = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    assert query(tables) == [("recipe",)]


def test_tables_of_another_version_are_left_unchanged(schema: str, query: Query) -> None:
    Database(schema).close()
    query("UPDATE schema_info SET version = 99")

    with pytest.raises(SchemaMismatch, match="version 99 of the tables; this is version"):
        Database(schema)


def test_a_missing_schema_is_not_created(schema: str) -> None:
    with pytest.raises(Exception, match="no schema has been selected"):
        Database(schema.replace("search_path%3Dtest_", "search_path%3Dnone_"))


def test_a_database_whose_text_is_not_utf_8_is_refused(postgresql: str, schema: str) -> None:
    name = schema.rpartition("=")[2] + "_latin"
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
        )
        try:
            with pytest.raises(SchemaMismatch, match="LATIN1, not in UTF8"):
                Database(postgresql.replace("/postgres?", f"/{name}?"))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_without_the_driver_the_error_says_how_to_install_it() -> None:
    program = """
import sys
sys.modules["psycopg"] = None
from crowdflower.sandbox import Sandbox
Sandbox().close()
Sandbox(database="postgresql://ada@localhost/crowd")
"""

    process = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )

    assert process.returncode == 1
    assert "pip install 'crowdflower-client[postgres]'" in process.stderr


def test_two_processes_may_open_a_new_schema_at_once(schema: str, query: Query) -> None:
    program = "import sys; from crowdflower.sandbox import Sandbox; Sandbox(database=sys.argv[1])"

    opening = [
        subprocess.Popen([sys.executable, "-c", program, schema])  # noqa: S603 - our own Python
        for _ in range(2)
    ]

    assert [each.wait(TIMEOUT) for each in opening] == [0, 0]
    assert query("SELECT count(*) FROM account") == [(1,)]


def test_a_reset_restarts_the_ids(box: Sandbox) -> None:
    first = [each.id for each in box.client().upload_job([{"text": "a row"}]).units]

    box.reset()

    assert [each.id for each in box.client().upload_job([{"text": "a row"}]).units] == first
    assert [line["id"] for line in box.ledger()] == [1]


def test_all_integer_columns_have_64_bits(box: Sandbox) -> None:
    with box.database.transaction() as tx:
        kind = tx.connection.execute(
            text(
                "SELECT DISTINCT data_type FROM information_schema.columns"
                " WHERE table_schema = current_schema() AND data_type IN ('integer', 'smallint')"
            )
        ).all()

    assert kind == []


@pytest.mark.parametrize("title", ["a\0b", "\0"])
def test_a_string_with_nul_is_refused(box: Sandbox, title: str) -> None:
    with session_for(box.app) as session:
        response = session.post(
            f"{ORIGIN}/v1/jobs",
            json={"job": {"title": title}},
            headers={"Authorization": f"Token token={KEY}"},
        )

    assert response.status_code == 400
    assert "0000" in response.json()["error"]["message"]
