"""Databases of ``crowdflower serve`` that version 1.0.0 made are migrated when they are opened.

``make_fixtures.py`` made them, with version 1.0.0: three jobs, one of them finished by a crowd.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.store.engines import schema as tables
from crowdflower.sandbox.store.failures import SchemaMismatch
from crowdflower.sandbox.store.tables import VERSION
from crowdflower.sandbox.store.tables import unit as units

KEY = "made-by-version-1-0-0"
OLD = Path(__file__).parent / "made_by_1_0_0"
SHOWN = json.loads((OLD / "shown.json").read_text(encoding="utf-8"))
"""What version 1.0.0 showed of the database."""

POSTGRESQL = "CROWDFLOWER_TEST_POSTGRESQL"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return Path(shutil.copy(OLD / "sandbox.db", tmp_path))


@pytest.fixture
def postgresql_url(request: pytest.FixtureRequest) -> str:
    """The URL of a schema with the tables and rows of version 1.0.0."""
    if POSTGRESQL not in os.environ:
        pytest.skip(f"{POSTGRESQL} is not set")
    import psycopg  # noqa: PLC0415 - only tests of PostgreSQL need the driver

    url: str = request.getfixturevalue("schema")
    dump = (OLD / "sandbox.sql").read_text(encoding="utf-8").replace("public.", "")
    statements = re.sub("SELECT pg_catalog.set_config.*", "", dump)  # of the search path
    with psycopg.connect(url) as connection:
        connection.execute(statements)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest) -> Path | str:
    """A database of version 1.0.0."""
    database: Path | str = request.getfixturevalue(
        "file" if request.param == "sqlite" else "postgresql_url"
    )
    return database


@pytest.fixture
def box(old: Path | str) -> Iterator[Sandbox]:
    with Sandbox(3, key=KEY, database=old, ampcrowd=True) as box:
        yield box


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        ((found,),) = connection.execute("SELECT version FROM schema_info")
    return int(found)


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def comparable(value: Any) -> Any:
    """Return JSON without times and secrets, which differ between the two databases."""
    if isinstance(value, dict):
        kept = [name for name in value if name != "secret" and not name.endswith("_at")]
        return {name: comparable(value[name]) for name in kept}
    return [*map(comparable, value)] if isinstance(value, list) else value


def test_jobs_units_and_money_are_as_before(box: Sandbox) -> None:
    client = box.client()

    for job in SHOWN["jobs"]:
        now = client.get_job(job["id"]).json
        assert comparable({name: now[name] for name in job}) == comparable(job)
    for unit_id, unit in SHOWN["units"].items():
        now = client.call(f"jobs/{SHOWN['jobs'][0]['id']}/units/{unit_id}.json")
        for name in ("id", "state", "data", "judgments_count", "missed_count"):
            assert now[name] == unit[name]
        assert now["results"].get("sentiment") == unit["results"].get("sentiment")
    assert client.get_account()["balance"] == SHOWN["balance"]
    assert comparable(box.ledger()) == comparable(SHOWN["ledger"])


def test_the_agreement_of_finished_units_is_computed(box: Sandbox) -> None:
    client = box.client()
    with box.database.snapshot() as tx:
        stored = {row.id: row.agreement for row in tx.all(select(units))}

    for job in SHOWN["jobs"]:
        for each in client.get_job(job["id"]).units:
            assert stored[each.id] == (each.agreement if each.state == "finalized" else None)
    assert len([value for value in stored.values() if value is not None]) > 1


def test_work_goes_on(box: Sandbox) -> None:
    """A paused job of version 1.0.0 is finished, and a large upload goes into a draft."""
    client = box.client()
    _, paused, draft = (client.get_job(job["id"]) for job in SHOWN["jobs"])
    box.crowd.add(6, truth={"sentiment": lambda _: "good"})

    paused.resume()
    box.crowd.run(paused)
    client.upload_job(({"text": f"New {number}"} for number in range(25_000)), draft.id)

    assert draft.reload().units_count == 25_000
    assert paused.reload().state == "finished"
    assert [unit.state for unit in paused.units].count("finalized") == 5


def test_the_file_is_copied_before(file: Path) -> None:
    before = dump(file)

    Sandbox(key=KEY, database=file).close()

    copy = file.with_name("sandbox.db.1.0.0")
    assert (version(file), version(copy)) == (VERSION, 1)
    assert dump(copy) == before
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.glob("*.1.0.0*")] == [copy.name]


def test_a_copy_replaces_no_other_file(file: Path) -> None:
    file.with_name("sandbox.db.1.0.0").write_text("precious")

    Sandbox(key=KEY, database=file).close()

    assert file.with_name("sandbox.db.1.0.0").read_text() == "precious"
    assert version(file.with_name("sandbox.db.1.0.0-2")) == 1


def test_a_second_opening_copies_nothing(file: Path) -> None:
    Sandbox(key=KEY, database=file).close()
    copy = file.with_name("sandbox.db.1.0.0")
    copy.unlink()

    Sandbox(key=KEY, database=file).close()

    assert not copy.exists()


def test_a_migration_that_fails_leaves_the_file_as_it_was(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: Any, _driver: Any) -> None:
        tables._create_table(connection, tables.tables.upload)
        raise RuntimeError("killed")

    before = dump(file)
    with monkeypatch.context() as patch:
        patch.setitem(tables._MIGRATIONS, 1, fail)
        with pytest.raises(RuntimeError, match="killed"):
            Sandbox(key=KEY, database=file)

    assert dump(file) == before
    Sandbox(key=KEY, database=file).close()
    assert version(file) == VERSION


def test_a_later_version_is_refused_and_not_changed(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE schema_info SET version = ?", (VERSION + 1,))
    before = dump(file)

    with pytest.raises(SchemaMismatch, match=f"version {VERSION + 1} of the tables.*Upgrade"):
        Sandbox(key=KEY, database=file)

    assert dump(file) == before
    assert not file.with_name("sandbox.db.1.0.0").exists()
