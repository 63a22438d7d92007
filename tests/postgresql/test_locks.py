"""Locks: concurrent writers never conflict, and few of them wait."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from contributors import join, launch, submit_page, take_page, work

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.api.routes import ROUTES, Route
from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.work.handout import NoPageAvailable
from crowdflower.sandbox.server.in_process import ORIGIN, session_for
from crowdflower.sandbox.store.engines import locks, postgresql

TIMEOUT = 60
KEY = "planted-key-7f3a90c1"

Query = Callable[..., list[Any]]


@pytest.fixture
def schema(rowless_schema: str) -> str:
    """A schema that others used before: these tests are many, and need no new one."""
    return rowless_schema


@pytest.mark.usefixtures("check_invariants")
def test_units_reserved_by_another_transaction_are_skipped(box: Sandbox, other: Sandbox) -> None:
    job = launch(box, 10, channel="cf_internal", judgments_per_unit=1)
    ann, bob = join(box, 2, channel="cf_internal")

    with box.database.transaction() as tx, ThreadPoolExecutor(1) as pool:
        first_page = take_page(tx, job, ann)
        second_page = pool.submit(other.database.write, lambda tx: take_page(tx, job, bob)).result(
            TIMEOUT
        )

    assert len(first_page.units) == len(second_page.units) == 5
    assert {unit.id for unit in first_page.units}.isdisjoint(unit.id for unit in second_page.units)


@pytest.mark.usefixtures("check_invariants")
def test_a_request_waits_for_the_last_reserved_units(
    box: Sandbox, other: Sandbox, query: Query
) -> None:
    job = launch(box, 5, channel="cf_internal", judgments_per_unit=2)
    ann, bob = join(box, 2, channel="cf_internal")

    with ThreadPoolExecutor(1) as pool:
        with box.database.transaction() as tx:
            first_page = take_page(tx, job, ann)
            request = pool.submit(other.database.write, lambda tx: take_page(tx, job, bob))
            while not query("SELECT 1 FROM pg_locks WHERE NOT granted"):
                assert not request.done()
        second_page = request.result(TIMEOUT)

    assert {unit.id for unit in second_page.units} == {unit.id for unit in first_page.units}


@pytest.mark.usefixtures("check_invariants")
def test_concurrent_requests_of_one_contributor_get_the_same_page(
    box: Sandbox, other: Sandbox
) -> None:
    job = launch(box, 40)
    (ann,) = join(box, 1)
    barrier = Barrier(8)

    def take(number: int) -> int:
        barrier.wait(TIMEOUT)
        database = (box, other)[number % 2].database
        return database.write(lambda tx: take_page(tx, job, ann)).assignment_id

    with ThreadPoolExecutor(8) as pool:
        pages = set(pool.map(take, range(8)))

    assert len(pages) == 1


@pytest.mark.usefixtures("check_invariants")
@pytest.mark.parametrize("channel", ["cf_internal", "on_demand"])
def test_eight_contributors_at_two_sandboxes_give_each_unit_enough_judgments(
    box: Sandbox, other: Sandbox, query: Query, channel: str
) -> None:
    job = launch(box, 60, channel=channel, judgments_per_unit=3)
    people = join(box, 8, channel=channel)

    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(work, [box, other] * 4, [job] * 8, people))

    assert sum(pages) >= 36
    assert query("SELECT state, judgments_count, count(*) FROM unit GROUP BY 1, 2") == [
        ("finalized", 3, 60)
    ]
    assert query("SELECT state FROM job") == [("finished",)]
    assert query("SELECT state, count(*) FROM assignment GROUP BY 1") == [("submitted", sum(pages))]


@pytest.mark.usefixtures("check_invariants")
def test_money_for_one_page_is_not_reserved_for_two(schema: str) -> None:
    clock = Clock(seed=3)
    with (
        Sandbox(key=KEY, database=schema, clock=clock, balance_cents=1080) as box,
        Sandbox(key=KEY, database=schema, clock=clock) as other,
    ):
        # The whole balance is reserved for six pages. Then a page costs twice as much.
        job = launch(box, 30, judgments_per_unit=1, payment_cents=150)
        box.client().update_job(job, {"payment_cents": 300})
        people = join(box, 8)
        barrier = Barrier(8)

        def take(number: int) -> bool:
            barrier.wait(TIMEOUT)
            try:
                (box, other)[number % 2].database.write(
                    lambda tx: take_page(tx, job, people[number])
                )
            except NoPageAvailable:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            successes = list(pool.map(take, range(8)))

    assert sum(successes) == 3


@pytest.mark.usefixtures("check_invariants")
def test_a_page_that_is_submitted_twice_at_once_counts_once(
    box: Sandbox, other: Sandbox, query: Query
) -> None:
    job = launch(box, 10)
    (ann,) = join(box, 1)
    page = box.database.write(lambda tx: take_page(tx, job, ann))
    barrier = Barrier(2)

    def submit(sandbox: Sandbox) -> None:
        barrier.wait(TIMEOUT)
        sandbox.database.write(lambda tx: submit_page(tx, ann, page))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(submit, (box, other)))

    assert query("SELECT count(*) FROM judgment") == [(5,)]


def read_seqs(query: Query) -> list[int]:
    """Return the sequence numbers of all units."""
    return [seq for (seq,) in query("SELECT seq FROM unit ORDER BY seq")]


@pytest.mark.usefixtures("check_invariants")
def test_concurrent_uploads_number_units_without_gaps(
    box: Sandbox, other: Sandbox, query: Query
) -> None:
    job = box.client().create_job({"title": "Rows from everywhere"})
    barrier = Barrier(6)

    def upload(number: int) -> None:
        client = (box, other)[number % 2].client()
        barrier.wait(TIMEOUT)
        client.get_job(job.id).upload([{"text": f"{number} {row}"} for row in range(50)])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(upload, range(6)))

    assert read_seqs(query) == list(range(1, 301))
    assert query("SELECT units_count, next_seq FROM job") == [(300, 301)]


JOB_ROUTES = [
    route for route in ROUTES if route.writes and "<job>" in route.path and not route.unsupported
]


@pytest.mark.parametrize("route", JOB_ROUTES, ids=lambda route: f"{route.verbs} {route.path}")
def test_every_request_that_changes_a_job_locks_it(
    route: Route, box: Sandbox, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = launch(box, 5, channel="cf_internal")
    monkeypatch.setattr(postgresql, "LOCK_TIMEOUT", 0.02)
    path = route.path.replace("<job>", str(job))
    for name in ("unit", "judgment", "worker"):
        path = path.replace(f"<int:{name}>", "1")
    body = {
        "job": {"title": "Another title"},
        "on": "text",
        "with": ",",
        "amount": 5,
        "message": "m",
        "reason": "r",
        "reject": "r",
        "flag": "f",
        "channel_name": "cf_internal",
        "channels": ["cf_internal"],
        "debit": {"units_count": 1},
    }

    with (
        Sandbox(key=KEY, database=schema, clock=box.clock) as impatient,
        session_for(impatient.app) as session,
        box.database.transaction() as tx,
    ):
        locks.lock_job(tx, job)
        headers = {"Authorization": f"Token token={KEY}"}
        verb = route.verbs.split()[0]
        content: dict[str, Any] = {"data": b""} if route.takes_file else {"json": body}
        response = session.request(verb, f"{ORIGIN}/v1{path}", headers=headers, **content)

    assert response.status_code == 503, response.text
    assert response.headers["Retry-After"] == "5"


@pytest.mark.usefixtures("check_invariants")
def test_two_timers_place_a_due_order_once(box: Sandbox, other: Sandbox, query: Query) -> None:
    client = box.client()
    job = launch(box, 5, channel="cf_internal", auto_order=True, auto_order_timeout=60)
    client.get_job(job).upload([{"text": "a row more"}])
    box.clock._offset += 3600  # without calling the listeners of the clock, as in real time
    barrier = Barrier(2)

    def run_timer(sandbox: Sandbox) -> None:
        barrier.wait(TIMEOUT)
        sandbox.keep_time()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run_timer, (box, other)))

    assert query("SELECT units_count FROM orders ORDER BY id") == [(5,), (1,)]


@pytest.mark.usefixtures("check_invariants")
@pytest.mark.parametrize("end", [jobs.pause, jobs.cancel])
def test_a_timer_that_waited_for_a_job_respects_its_new_state(
    box: Sandbox, other: Sandbox, query: Query, end: Callable[..., object]
) -> None:
    job = launch(box, 5, channel="cf_internal", auto_order=True, auto_order_timeout=60)
    box.client().get_job(job).upload([{"text": "a row more"}])
    box.clock._offset += 3600  # without calling the listeners of the clock, as in real time

    with ThreadPoolExecutor(1) as pool:
        with box.database.transaction() as tx:
            end(tx, jobs.load(tx, job))
            timer = pool.submit(other.keep_time)
            while not query("SELECT 1 FROM pg_locks WHERE NOT granted"):
                assert not timer.done()
        timer.result(TIMEOUT)

    assert query("SELECT units_count FROM orders ORDER BY id") == [(5,)]
    assert query("SELECT state FROM job") != [("running",)]
    assert other.events() == []


def test_each_webhook_is_delivered_by_one_of_two_sandboxes(box: Sandbox, other: Sandbox) -> None:
    client = box.client()
    job = client.create_job({"title": "With a webhook", "webhook_uri": "https://example.com/hook"})
    for number in range(10):
        job.upload([{"text": f"row {number}"}])
    received: list[str] = []
    for sandbox in (box, other):
        sandbox.receive_webhooks(lambda notification: received.append(notification.payload))

    with ThreadPoolExecutor(2) as pool:
        attempts = list(pool.map(lambda sandbox: sandbox.deliver_webhooks(), (box, other)))

    assert len(received) == sum(map(len, attempts)) == 10
    assert not [each.problem for some in attempts for each in some if each.problem]


def test_a_snapshot_does_not_wait_and_sees_no_later_changes(box: Sandbox, other: Sandbox) -> None:
    client = other.client()
    job = box.client().create_job({"title": "As it was at first"})
    started, written = Event(), Event()

    def read() -> list[str]:
        with box.database.snapshot() as tx:
            titles = "SELECT title FROM job"
            before = [title for (title,) in tx.driver.execute(titles)]
            started.set()
            assert written.wait(TIMEOUT)
            return before + [title for (title,) in tx.driver.execute(titles)]

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        assert started.wait(TIMEOUT)
        client.update_job(job.id, {"title": "As it is now"})
        written.set()

        assert reading.result(TIMEOUT) == ["As it was at first"] * 2
