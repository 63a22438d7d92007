"""Connections that end, deadlocks, and requests that cross: what is done again, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from contributors import launched
from sqlalchemy import Connection, text

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.server.in_process import ORIGIN, session_for
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.failures import Busy, Unconfirmed, Unreachable

KEY = "planted-key-7f3a90c1"
PATIENCE = 60
CUT_OFF = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND application_name = current_setting('application_name')
"""

Ask = Callable[..., list[Any]]


@pytest.fixture
def cut_off(ask: Ask) -> Callable[[], object]:
    """End every connection to this schema, as a server does that is restarted."""
    return lambda: ask(CUT_OFF)


def make_job(tx: Transaction, title: str = "Made at last") -> None:
    values = "INSERT INTO event (kind, detail, created_at) VALUES (?, '{}', 0.0)"
    tx.driver.execute(values, (title,))


def test_a_connection_that_ended_while_nobody_used_it_is_replaced(
    box: Sandbox, cut_off: Callable[[], object]
) -> None:
    client = box.client()
    job = client.create_job({"title": "Before the restart"})
    cut_off()

    assert client.get_job(job.id).title == "Before the restart"
    cut_off()
    with box.database.transaction() as tx:
        make_job(tx)
    assert [each["kind"] for each in box.events()] == ["Made at last"]


def test_what_was_cut_off_in_the_middle_is_done_again_once(
    box: Sandbox, cut_off: Callable[[], object]
) -> None:
    tried = []

    def do(tx: Transaction) -> None:
        tried.append(1)
        make_job(tx)
        if len(tried) == 1:
            cut_off()
        make_job(tx)

    box.database.write(do)

    assert len(tried) == 2
    assert len(box.events()) == 2


def test_after_four_attempts_it_is_said_that_nobody_answers(
    box: Sandbox, cut_off: Callable[[], object]
) -> None:
    tried = []

    def do(tx: Transaction) -> None:
        tried.append(1)
        cut_off()
        make_job(tx)

    with pytest.raises(Unreachable, match="cannot be reached") as caught:
        box.database.write(do)

    assert len(tried) == 4
    assert "s3cret" not in str(caught.value)
    assert box.events() == []


def losing_commits(monkeypatch: pytest.MonkeyPatch, cut_off: Callable[[], object]) -> None:
    """Let the first commit from now on be lost on its way."""
    commit, first = Connection.commit, iter([True])

    def lose(connection: Connection) -> None:
        if next(first, False):
            cut_off()
        commit(connection)

    monkeypatch.setattr(Connection, "commit", lose)


def test_a_commit_that_nobody_confirmed_is_not_done_again(
    box: Sandbox, cut_off: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    losing_commits(monkeypatch, cut_off)

    with session_for(box.app) as session:
        answer = session.post(
            f"{ORIGIN}/v1/jobs",
            json={"job": {"title": "Maybe made"}},
            headers={"Authorization": f"Token token={KEY}"},
        )

    assert answer.status_code == 500
    assert "unknown whether this was done" in answer.json()["error"]["message"]


def test_under_a_key_it_is_looked_up_and_done_if_it_was_not(
    box: Sandbox, cut_off: Callable[[], object], monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    losing_commits(monkeypatch, cut_off)

    with session_for(box.app) as session:
        answer = session.post(
            f"{ORIGIN}/v1/jobs",
            json={"job": {"title": "Made once"}},
            headers={"Authorization": f"Token token={KEY}", "Idempotency-Key": "k1"},
        )

    assert answer.status_code == 200
    assert ask("SELECT title FROM job") == [("Made once",)]


def test_reading_is_done_again(box: Sandbox, cut_off: Callable[[], object]) -> None:
    tried = []

    def read(tx: Transaction) -> int:
        tried.append(1)
        if len(tried) == 1:
            cut_off()
        return int(tx.connection.execute(text("SELECT 7")).scalar_one())

    assert box.database.read(read) == 7
    assert len(tried) == 2


def test_of_two_who_wait_for_each_other_one_is_done_again(box: Sandbox, other: Sandbox) -> None:
    one, another = launched(box, 5), launched(box, 5)
    together = Barrier(2, timeout=PATIENCE)
    tried: list[int] = []

    def do(tx: Transaction, first: int, second: int) -> None:
        tried.append(1)
        locks.lock_job(tx, first)
        if len(tried) <= 2:
            together.wait()
        locks.lock_job(tx, second)

    with ThreadPoolExecutor(2) as pool:
        crossing = [
            pool.submit(box.database.write, lambda tx: do(tx, one, another)),
            pool.submit(other.database.write, lambda tx: do(tx, another, one)),
        ]
        for each in crossing:
            each.result(PATIENCE)

    assert len(tried) > 2


def test_a_reset_in_the_way_of_somebody_else_is_done_again(
    box: Sandbox, other: Sandbox, ask: Ask
) -> None:
    """Of the two, PostgreSQL ends who has waited for a second when it looks: mostly the reset."""
    box.client().create_job({"title": "To be forgotten"})
    resetting: list[Future[None]] = []

    def look(tx: Transaction) -> None:
        tx.driver.execute("SELECT 1 FROM judgment")  # a reset has this one after the next
        if not resetting:
            resetting.append(pool.submit(box.database.reset))
            while not ask("SELECT 1 FROM pg_locks WHERE NOT granted"):
                assert not resetting[0].done()
        tx.driver.execute("SELECT 1 FROM account")

    with ThreadPoolExecutor(1) as pool:
        other.database.write(look)
        resetting[0].result(PATIENCE)

    assert ask("SELECT count(*) FROM job") == [(0,)]


def test_what_may_not_be_repeated_is_said_to_be_worth_another_try(box: Sandbox) -> None:
    def do(tx: Transaction) -> None:
        tx.driver.execute("DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40001'; END $$")

    with pytest.raises(Busy, match="Send it again"):
        box.database.write(do, attempts=1)


def test_a_refusal_is_not_repeated(box: Sandbox) -> None:
    tried = []

    def do(tx: Transaction) -> None:
        tried.append(1)
        make_job(tx)
        raise Invalid("No.")

    with pytest.raises(Invalid):
        box.database.write(do)

    assert len(tried) == 1
    assert box.events() == []


def test_a_transaction_whose_commit_is_lost_says_that_nobody_knows(
    box: Sandbox, cut_off: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    losing_commits(monkeypatch, cut_off)

    with pytest.raises(Unconfirmed), box.database.transaction() as tx:
        make_job(tx)


@pytest.mark.usefixtures("unbroken")
def test_one_alias_goes_to_one_of_two_who_want_it(box: Sandbox, other: Sandbox, ask: Ask) -> None:
    numbers = [box.client().create_job({"title": "Wants the name"}).id for _ in range(2)]
    together = Barrier(2, timeout=PATIENCE)

    def call(place: Sandbox, number: int) -> str:
        with session_for(place.app) as session:
            together.wait()
            return session.put(
                f"{ORIGIN}/v1/jobs/{number}",
                json={"job": {"alias": "mine"}},
                headers={"Authorization": f"Token token={KEY}"},
            ).text

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(call, (box, other), numbers))

    assert ask("SELECT count(*) FROM job WHERE alias = 'mine'") == [(1,)]
    assert sum('"error' in each for each in said) == 1


def test_a_request_that_is_sent_twice_at_once_under_a_key_happens_once(
    box: Sandbox, other: Sandbox, ask: Ask
) -> None:
    together = Barrier(8, timeout=PATIENCE)

    def send(number: int) -> tuple[str, str | None]:
        with session_for((box, other)[number % 2].app) as session:
            together.wait()
            answer = session.post(
                f"{ORIGIN}/v1/jobs",
                json={"job": {"title": "Made once"}},
                headers={"Authorization": f"Token token={KEY}", "Idempotency-Key": "k"},
            )
            return answer.text, answer.headers.get("Idempotent-Replayed")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))

    assert len({text for text, _ in answers}) == 1
    assert [replayed for _, replayed in answers].count(None) == 1
    assert ask("SELECT count(*) FROM job") == [(1,)]


@pytest.mark.usefixtures("unbroken")
@pytest.mark.parametrize(
    ("path", "content_type", "body"),
    [
        ("orders", "application/json", '{"debit": {"units_count": 6}}'),
        ("upload", "application/json", '{"text": "another row"}'),
    ],
)
def test_who_comes_second_under_a_key_gets_the_answer_of_the_first(
    box: Sandbox, other: Sandbox, path: str, content_type: str, body: str
) -> None:
    job = launched(box, 5)
    box.client().get_job(job).upload([{"text": f"row {number}"} for number in range(6)])
    together = Barrier(8, timeout=PATIENCE)
    headers = {
        "Authorization": f"Token token={KEY}",
        "Content-Type": content_type,
        "Idempotency-Key": "k",
    }

    def send(number: int) -> tuple[int, str]:
        with session_for((box, other)[number % 2].app) as session:
            together.wait()
            answer = session.post(f"{ORIGIN}/v1/jobs/{job}/{path}", data=body, headers=headers)
            return answer.status_code, answer.text

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(send, range(8)))

    assert [status for status, _ in answers] == [200]
