"""Lost connections, deadlocks and conflicts: what is retried, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from contributors import launch
from sqlalchemy import Connection, text

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.server.in_process import ORIGIN, session_for
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.failures import Busy, Unconfirmed, Unreachable

KEY = "planted-key-7f3a90c1"
TIMEOUT = 60
TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND application_name = current_setting('application_name')
"""

Query = Callable[..., list[Any]]


@pytest.fixture
def disconnect(query: Query) -> Callable[[], object]:
    """Terminate all connections of the sandboxes, like a restart of the server."""
    return lambda: query(TERMINATE)


def insert_event(tx: Transaction, kind: str = "Inserted") -> None:
    """Write something."""
    statement = "INSERT INTO event (kind, detail, created_at) VALUES (?, '{}', 0.0)"
    tx.driver.execute(statement, (kind,))


def test_an_idle_connection_that_was_closed_is_replaced(
    box: Sandbox, disconnect: Callable[[], object]
) -> None:
    client = box.client()
    job = client.create_job({"title": "Before the restart"})
    disconnect()

    assert client.get_job(job.id).title == "Before the restart"
    disconnect()
    with box.database.transaction() as tx:
        insert_event(tx)
    assert [each["kind"] for each in box.events()] == ["Inserted"]


def test_a_write_that_lost_its_connection_is_retried_once(
    box: Sandbox, disconnect: Callable[[], object]
) -> None:
    attempts = []

    def write(tx: Transaction) -> None:
        attempts.append(1)
        insert_event(tx)
        if len(attempts) == 1:
            disconnect()
        insert_event(tx)

    box.database.write(write)

    assert len(attempts) == 2
    assert len(box.events()) == 2


def test_after_four_attempts_the_database_counts_as_unreachable(
    box: Sandbox, disconnect: Callable[[], object]
) -> None:
    attempts = []

    def write(tx: Transaction) -> None:
        attempts.append(1)
        disconnect()
        insert_event(tx)

    with pytest.raises(Unreachable, match="cannot be reached") as caught:
        box.database.write(write)

    assert len(attempts) == 4
    assert "s3cret" not in str(caught.value)
    assert box.events() == []


def disconnect_before_commit(
    monkeypatch: pytest.MonkeyPatch, disconnect: Callable[[], object]
) -> None:
    """Disconnect just before the next commit."""
    commit, first = Connection.commit, iter([True])

    def disconnect_first(connection: Connection) -> None:
        if next(first, False):
            disconnect()
        commit(connection)

    monkeypatch.setattr(Connection, "commit", disconnect_first)


def test_an_unconfirmed_commit_is_not_retried(
    box: Sandbox, disconnect: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    disconnect_before_commit(monkeypatch, disconnect)

    with session_for(box.app) as session:
        response = session.post(
            f"{ORIGIN}/v1/jobs",
            json={"job": {"title": "Maybe made"}},
            headers={"Authorization": f"Token token={KEY}"},
        )

    assert response.status_code == 500
    assert "unknown whether this was done" in response.json()["error"]["message"]


def test_an_unconfirmed_commit_with_an_idempotency_key_is_retried(
    box: Sandbox, disconnect: Callable[[], object], monkeypatch: pytest.MonkeyPatch, query: Query
) -> None:
    disconnect_before_commit(monkeypatch, disconnect)

    with session_for(box.app) as session:
        response = session.post(
            f"{ORIGIN}/v1/jobs",
            json={"job": {"title": "Made once"}},
            headers={"Authorization": f"Token token={KEY}", "Idempotency-Key": "k1"},
        )

    assert response.status_code == 200
    assert query("SELECT title FROM job") == [("Made once",)]


def test_a_read_is_retried(box: Sandbox, disconnect: Callable[[], object]) -> None:
    attempts = []

    def read(tx: Transaction) -> int:
        attempts.append(1)
        if len(attempts) == 1:
            disconnect()
        return int(tx.connection.execute(text("SELECT 7")).scalar_one())

    assert box.database.read(read) == 7
    assert len(attempts) == 2


def test_after_a_deadlock_one_of_two_writes_is_retried(box: Sandbox, other: Sandbox) -> None:
    one, another = launch(box, 5), launch(box, 5)
    barrier = Barrier(2, timeout=TIMEOUT)
    attempts: list[int] = []

    def write(tx: Transaction, first: int, second: int) -> None:
        attempts.append(1)
        locks.lock_job(tx, first)
        if len(attempts) <= 2:
            barrier.wait()
        locks.lock_job(tx, second)

    with ThreadPoolExecutor(2) as pool:
        writes = [
            pool.submit(box.database.write, lambda tx: write(tx, one, another)),
            pool.submit(other.database.write, lambda tx: write(tx, another, one)),
        ]
        for each in writes:
            each.result(TIMEOUT)

    assert len(attempts) > 2


def test_a_reset_that_deadlocks_is_retried(box: Sandbox, other: Sandbox, query: Query) -> None:
    """After a second, PostgreSQL aborts one of the two transactions, usually the reset."""
    box.client().create_job({"title": "To be deleted"})
    resetting: list[Future[None]] = []

    def read_two_tables(tx: Transaction) -> None:
        tx.driver.execute("SELECT 1 FROM judgment")  # the reset locks this table after account
        if not resetting:
            resetting.append(pool.submit(box.database.reset))
            while not query("SELECT 1 FROM pg_locks WHERE NOT granted"):
                assert not resetting[0].done()
        tx.driver.execute("SELECT 1 FROM account")

    with ThreadPoolExecutor(1) as pool:
        other.database.write(read_two_tables)
        resetting[0].result(TIMEOUT)

    assert query("SELECT count(*) FROM job") == [(0,)]


def test_a_conflict_without_attempts_left_asks_for_a_retry(box: Sandbox) -> None:
    def write(tx: Transaction) -> None:
        tx.driver.execute("DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40001'; END $$")

    with pytest.raises(Busy, match="Send it again"):
        box.database.write(write, attempts=1)


def test_a_refusal_is_not_retried(box: Sandbox) -> None:
    attempts = []

    def write(tx: Transaction) -> None:
        attempts.append(1)
        insert_event(tx)
        raise Invalid("No.")

    with pytest.raises(Invalid):
        box.database.write(write)

    assert len(attempts) == 1
    assert box.events() == []


def test_a_transaction_whose_commit_is_lost_raises_unconfirmed(
    box: Sandbox, disconnect: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    disconnect_before_commit(monkeypatch, disconnect)

    with pytest.raises(Unconfirmed), box.database.transaction() as tx:
        insert_event(tx)


@pytest.mark.usefixtures("check_invariants")
def test_an_alias_is_given_to_one_of_two_concurrent_requests(
    box: Sandbox, other: Sandbox, query: Query
) -> None:
    numbers = [box.client().create_job({"title": "Wants the alias"}).id for _ in range(2)]
    barrier = Barrier(2, timeout=TIMEOUT)

    def call(sandbox: Sandbox, number: int) -> str:
        with session_for(sandbox.app) as session:
            barrier.wait()
            return session.put(
                f"{ORIGIN}/v1/jobs/{number}",
                json={"job": {"alias": "mine"}},
                headers={"Authorization": f"Token token={KEY}"},
            ).text

    with ThreadPoolExecutor(2) as pool:
        responses = list(pool.map(call, (box, other), numbers))

    assert query("SELECT count(*) FROM job WHERE alias = 'mine'") == [(1,)]
    assert sum('"error' in each for each in responses) == 1


def test_concurrent_requests_with_one_idempotency_key_happen_once(
    box: Sandbox, other: Sandbox, query: Query
) -> None:
    barrier = Barrier(8, timeout=TIMEOUT)

    def send(number: int) -> tuple[str, str | None]:
        with session_for((box, other)[number % 2].app) as session:
            barrier.wait()
            response = session.post(
                f"{ORIGIN}/v1/jobs",
                json={"job": {"title": "Made once"}},
                headers={"Authorization": f"Token token={KEY}", "Idempotency-Key": "k"},
            )
            return response.text, response.headers.get("Idempotent-Replayed")

    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(send, range(8)))

    assert len({text for text, _ in responses}) == 1
    assert [replayed for _, replayed in responses].count(None) == 1
    assert query("SELECT count(*) FROM job") == [(1,)]


@pytest.mark.usefixtures("check_invariants")
@pytest.mark.parametrize(
    ("path", "content_type", "body"),
    [
        ("orders", "application/json", '{"debit": {"units_count": 6}}'),
        ("upload", "application/json", '{"text": "another row"}'),
    ],
)
def test_concurrent_requests_with_one_key_get_the_same_response(
    box: Sandbox, other: Sandbox, path: str, content_type: str, body: str
) -> None:
    job = launch(box, 5)
    box.client().get_job(job).upload([{"text": f"row {number}"} for number in range(6)])
    barrier = Barrier(8, timeout=TIMEOUT)
    headers = {
        "Authorization": f"Token token={KEY}",
        "Content-Type": content_type,
        "Idempotency-Key": "k",
    }

    def send(number: int) -> tuple[int, str]:
        with session_for((box, other)[number % 2].app) as session:
            barrier.wait()
            response = session.post(f"{ORIGIN}/v1/jobs/{job}/{path}", data=body, headers=headers)
            return response.status_code, response.text

    with ThreadPoolExecutor(8) as pool:
        responses = set(pool.map(send, range(8)))

    assert [status for status, _ in responses] == [200]


def test_a_connection_in_use_when_the_database_is_closed_is_closed_on_return(box: Sandbox) -> None:
    with box.database.transaction() as tx:
        connection = tx.connection.connection.driver_connection
        box.database.close()
        assert connection is not None
        assert not connection.closed

    assert connection.closed
