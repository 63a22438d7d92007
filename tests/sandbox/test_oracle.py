"""The oracle finds each violation of an invariant, and none in an intact database."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from oracle import INVARIANTS, NOT_OVERJUDGED, Write, find_violations
from sqlalchemy import select

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.units import uploads
from crowdflower.sandbox.rules.work import handout, workers
from crowdflower.sandbox.store.tables import account, judgment

if TYPE_CHECKING:
    from pathlib import Path

FORM = """
<p>{{text}}</p>
<cml:radios label="Sentiment?" name="sentiment" validates="required">
  <cml:radio label="Positive" value="positive"/>
  <cml:radio label="Negative" value="negative"/>
</cml:radios>
"""
READY = {"title": "Sentiment of reviews", "instructions": "Read.", "cml": FORM}


@pytest.fixture(scope="module")
def intact_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a half-done job, an open page, a bonus and a second account."""
    file = tmp_path_factory.mktemp("oracle") / "sandbox.db"
    data = [{"text": f"row {number}", "mark": "u"} for number in range(10)]
    with Sandbox(database=file, key="one") as box:
        with box.database.transaction() as tx:
            job = uploads.create_job(tx, tx.one(select(account)), data)
            jobs.update(tx, job, READY)
            orders.place(tx, job, 0, ["on_demand"])
            other = accounts.open_account(tx, key="two", balance_cents=500)
            jobs.create(tx, other, READY)
        box.crowd.add(3)
        box.crowd.run(job.id, pages=4)
        with box.database.transaction() as tx:
            first = tx.all(select(judgment.c.worker_id).order_by(judgment.c.id))[0]
            workers.bonus(tx, job, first.worker_id, 10, "b")
            handout.take_page(tx, job, workers.join(tx, channel="on_demand"))
    return file


@pytest.fixture
def file(intact_database: Path, tmp_path: Path) -> Path:
    return shutil.copy(intact_database, tmp_path / "sandbox.db")


def test_an_intact_database_has_no_violations(file: Path) -> None:
    assert find_violations(file) == []


@pytest.mark.parametrize(
    ("statement", "change"),
    [
        ("I4 a balance is", "UPDATE account SET balance_mc = balance_mc + 1"),
        ("I4 a balance is", "DELETE FROM ledger WHERE kind = 'bonus'"),
        ("I4 the balance of", "UPDATE ledger SET amount_mc = -1 WHERE kind = 'credit'"),
        ("I4 an order has", "DELETE FROM ledger WHERE kind = 'reserve'"),
        ("I4 an order has", "UPDATE orders SET spent_mc = spent_mc + 1"),
        ("I4 every ledger entry", "UPDATE unit SET order_id = NULL; DELETE FROM orders"),
        ("I4 every bonus", "UPDATE bonus SET amount_cents = amount_cents + 1"),
        ("I4 every bonus", "DELETE FROM ledger WHERE kind = 'bonus'"),
        ("I4 submitted pages", "UPDATE assignment SET cost_mc = cost_mc + 1 WHERE state <> 'open'"),
        ("I3 a submitted page", "DELETE FROM judgment WHERE id = (SELECT max(id) FROM judgment)"),
        (
            "I5 no contributor judged",
            """
            CREATE TABLE twice AS SELECT * FROM judgment UNION ALL SELECT * FROM judgment;
            DROP TABLE judgment;
            ALTER TABLE twice RENAME TO judgment;
            """,
        ),
        (
            "I5 no contributor has",
            """
            INSERT INTO assignment
              (job_id, worker_id, mode, state, form_token, started_at, expires_at)
            SELECT job_id, worker_id, mode, state, form_token, started_at, expires_at
            FROM assignment WHERE state = 'open'
            """,
        ),
        ("I5 no unit has", "UPDATE unit SET needed = 0"),
        ("I6 the counters and open", "UPDATE unit SET judgments_count = judgments_count + 1"),
        ("I6 the counters and open", "UPDATE unit SET open_slots = open_slots + 1"),
        ("I6 the counters of a job", "UPDATE job SET judgments_count = judgments_count + 1"),
        ("I6 the units of all", "UPDATE job SET units_count = units_count + 1"),
        ("I6 an active job", "UPDATE job SET state = 'finished' WHERE state = 'running'"),
        ("I6 the counter of a", "UPDATE worker_job SET judgments_count = judgments_count + 1"),
        (
            "I7 the file",
            """
            PRAGMA writable_schema = ON;
            DELETE FROM sqlite_master WHERE name = 'ledger_by_job';
            """,
        ),
        ("I7 every foreign key", "DELETE FROM worker"),
        ("I8 orders and ledger", "UPDATE orders SET account_id = account_id + 1"),
        (
            "I8 orders and ledger",
            "UPDATE ledger SET account_id = account_id + (kind = 'bonus')",
        ),
        ("I8 judgments, orders and", "UPDATE unit SET job_id = (SELECT max(id) FROM job)"),
    ],
)
def test_each_violation_is_found(file: Path, statement: str, change: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(change)

    violations = find_violations(file)

    assert any(each.startswith(statement) for each in violations), violations


def test_every_invariant_can_be_violated() -> None:
    """Each has a line in the table above."""
    [table] = [
        mark.args[1]
        for mark in test_each_violation_is_found.pytestmark  # type: ignore[attr-defined]
    ]
    statements = [f"{each.number} {each.statement}" for each in (*INVARIANTS, NOT_OVERJUDGED)]

    assert all(any(each.startswith(start) for start, _ in table) for each in statements)


def test_a_corrupt_page_of_the_file_is_found(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[8 * 4096 : 9 * 4096] = b"\xff" * 4096
    file.write_bytes(content)

    assert any(each.startswith("I7 the file is intact") for each in find_violations(file))


@pytest.mark.parametrize(
    ("write", "number"),
    [
        (Write("upload", "u", 11, "acknowledged"), "I1"),
        (Write("bonus", "never arrived", 1, "acknowledged"), "I1"),
        (Write("bonus", "b", 1, "refused"), "I2"),
        (Write("upload", "u", 20, "unknown"), "I3"),
        (Write("bonus", "b", 1, "acknowledged"), "I3 a response is stored"),
    ],
)
def test_an_effect_that_contradicts_the_response_is_found(
    file: Path, write: Write, number: str
) -> None:
    assert any(each.startswith(number) for each in find_violations(file, [write]))
