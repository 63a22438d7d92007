"""Many write at the same time: nobody gets what another has, and few have to wait."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from contributors import handed_in, joined, launched, taken, worked

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.api.routes import ROUTES, Route
from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.work.handout import NoPageAvailable
from crowdflower.sandbox.server.in_process import ORIGIN, session_for
from crowdflower.sandbox.store.engines import locks, postgresql

PATIENCE = 60
KEY = "planted-key-7f3a90c1"

Ask = Callable[..., list[Any]]


@pytest.mark.usefixtures("unbroken")
def test_nobody_waits_for_rows_that_are_on_their_way_to_another(
    box: Sandbox, other: Sandbox
) -> None:
    job = launched(box, 10, channel="cf_internal", judgments_per_unit=1)
    ann, bob = joined(box, 2, channel="cf_internal")

    with box.database.transaction() as tx, ThreadPoolExecutor(1) as pool:
        hers = taken(tx, job, ann)
        his = pool.submit(other.database.write, lambda tx: taken(tx, job, bob)).result(PATIENCE)

    assert len(hers.units) == len(his.units) == 5
    assert {unit.id for unit in hers.units}.isdisjoint(unit.id for unit in his.units)


@pytest.mark.usefixtures("unbroken")
def test_the_last_rows_are_waited_for_and_what_is_left_of_them_is_handed_out(
    box: Sandbox, other: Sandbox, ask: Ask
) -> None:
    job = launched(box, 5, channel="cf_internal", judgments_per_unit=2)
    ann, bob = joined(box, 2, channel="cf_internal")

    with ThreadPoolExecutor(1) as pool:
        with box.database.transaction() as tx:
            hers = taken(tx, job, ann)
            asking = pool.submit(other.database.write, lambda tx: taken(tx, job, bob))
            while not ask("SELECT 1 FROM pg_locks WHERE NOT granted"):
                assert not asking.done()
        his = asking.result(PATIENCE)

    assert {unit.id for unit in his.units} == {unit.id for unit in hers.units}


@pytest.mark.usefixtures("unbroken")
def test_one_contributor_has_one_page_however_often_they_ask(box: Sandbox, other: Sandbox) -> None:
    job = launched(box, 40)
    (ann,) = joined(box, 1)
    together = Barrier(8)

    def take(number: int) -> int:
        together.wait(PATIENCE)
        database = (box, other)[number % 2].database
        return database.write(lambda tx: taken(tx, job, ann)).assignment_id

    with ThreadPoolExecutor(8) as pool:
        pages = set(pool.map(take, range(8)))

    assert len(pages) == 1


@pytest.mark.usefixtures("unbroken")
@pytest.mark.parametrize("channel", ["cf_internal", "on_demand"])
def test_eight_at_work_in_two_processes_judge_every_row_as_often_as_it_is_to_be(
    box: Sandbox, other: Sandbox, ask: Ask, channel: str
) -> None:
    job = launched(box, 60, channel=channel, judgments_per_unit=3)
    people = joined(box, 8, channel=channel)

    with ThreadPoolExecutor(8) as pool:
        pages = list(pool.map(worked, [box, other] * 4, [job] * 8, people))

    assert sum(pages) >= 36
    assert ask("SELECT state, judgments_count, count(*) FROM unit GROUP BY 1, 2") == [
        ("finalized", 3, 60)
    ]
    assert ask("SELECT state FROM job") == [("finished",)]
    assert ask("SELECT state, count(*) FROM assignment GROUP BY 1") == [("submitted", sum(pages))]


@pytest.mark.usefixtures("unbroken")
def test_money_for_one_page_is_not_promised_to_two(schema: str) -> None:
    clock = Clock(seed=3)
    with (
        Sandbox(key=KEY, database=schema, clock=clock, balance_cents=1080) as box,
        Sandbox(key=KEY, database=schema, clock=clock) as other,
    ):
        # All that the account has is held for six pages. Then a page costs twice as much.
        job = launched(box, 30, judgments_per_unit=1, payment_cents=150)
        box.client().update_job(job, {"payment_cents": 300})
        people = joined(box, 8)
        together = Barrier(8)

        def take(number: int) -> bool:
            together.wait(PATIENCE)
            try:
                (box, other)[number % 2].database.write(lambda tx: taken(tx, job, people[number]))
            except NoPageAvailable:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(take, range(8)))

    assert sum(got) == 3


@pytest.mark.usefixtures("unbroken")
def test_a_page_that_is_handed_in_twice_at_once_counts_once(
    box: Sandbox, other: Sandbox, ask: Ask
) -> None:
    job = launched(box, 10)
    (ann,) = joined(box, 1)
    page = box.database.write(lambda tx: taken(tx, job, ann))
    together = Barrier(2)

    def hand_in(place: Sandbox) -> None:
        together.wait(PATIENCE)
        place.database.write(lambda tx: handed_in(tx, ann, page))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(hand_in, (box, other)))

    assert ask("SELECT count(*) FROM judgment") == [(5,)]


def ordinals(ask: Ask) -> list[int]:
    return [seq for (seq,) in ask("SELECT seq FROM unit ORDER BY seq")]


@pytest.mark.usefixtures("unbroken")
def test_rows_that_come_in_at_once_are_numbered_without_a_gap(
    box: Sandbox, other: Sandbox, ask: Ask
) -> None:
    job = box.client().create_job({"title": "Rows from everywhere"})
    together = Barrier(6)

    def upload(number: int) -> None:
        client = (box, other)[number % 2].client()
        together.wait(PATIENCE)
        client.get_job(job.id).upload([{"text": f"{number} {row}"} for row in range(50)])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(upload, range(6)))

    assert ordinals(ask) == list(range(1, 301))
    assert ask("SELECT units_count, next_seq FROM job") == [(300, 301)]


JOB_ROUTES = [
    route for route in ROUTES if route.writes and "<job>" in route.path and not route.unsupported
]


@pytest.mark.parametrize("route", JOB_ROUTES, ids=lambda route: f"{route.verbs} {route.path}")
def test_whoever_changes_a_job_has_it_alone(
    route: Route, box: Sandbox, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = launched(box, 5, channel="cf_internal")
    monkeypatch.setattr(postgresql, "LOCK_TIMEOUT", 0.02)
    path = route.path.replace("<job>", str(job))
    for name in ("unit", "judgment", "worker"):
        path = path.replace(f"<int:{name}>", "1")
    asked = {
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
        Sandbox(key=KEY, database=schema, clock=box.clock) as hasty,
        session_for(hasty.app) as session,
        box.database.transaction() as tx,
    ):
        locks.lock_job(tx, job)
        headers = {"Authorization": f"Token token={KEY}"}
        verb = route.verbs.split()[0]
        sent: dict[str, Any] = {"data": b""} if route.takes_file else {"json": asked}
        answer = session.request(verb, f"{ORIGIN}/v1{path}", headers=headers, **sent)

    assert answer.status_code == 503, answer.text
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.usefixtures("unbroken")
def test_two_timers_order_rows_that_are_due_once(box: Sandbox, other: Sandbox, ask: Ask) -> None:
    client = box.client()
    job = launched(box, 5, channel="cf_internal", auto_order=True, auto_order_timeout=60)
    client.get_job(job).upload([{"text": "a row more"}])
    box.clock._ahead += 3600  # nobody is told, as when the machine's own time goes on
    together = Barrier(2)

    def ring(place: Sandbox) -> None:
        together.wait(PATIENCE)
        place.keep_time()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ring, (box, other)))

    assert ask("SELECT units_count FROM orders ORDER BY id") == [(5,), (1,)]


@pytest.mark.usefixtures("unbroken")
@pytest.mark.parametrize("end", [jobs.pause, jobs.cancel])
def test_a_timer_that_waits_for_a_job_leaves_it_as_it_finds_it(
    box: Sandbox, other: Sandbox, ask: Ask, end: Callable[..., object]
) -> None:
    job = launched(box, 5, channel="cf_internal", auto_order=True, auto_order_timeout=60)
    box.client().get_job(job).upload([{"text": "a row more"}])
    box.clock._ahead += 3600  # nobody is told, as when the machine's own time goes on

    with ThreadPoolExecutor(1) as pool:
        with box.database.transaction() as tx:
            end(tx, jobs.load(tx, job))
            ringing = pool.submit(other.keep_time)
            while not ask("SELECT 1 FROM pg_locks WHERE NOT granted"):
                assert not ringing.done()
        ringing.result(PATIENCE)

    assert ask("SELECT units_count FROM orders ORDER BY id") == [(5,)]
    assert ask("SELECT state FROM job") != [("running",)]
    assert other.events() == []


def test_each_notification_is_delivered_by_one_of_two(box: Sandbox, other: Sandbox) -> None:
    client = box.client()
    job = client.create_job({"title": "To be told of", "webhook_uri": "https://example.com/hook"})
    for number in range(10):
        job.upload([{"text": f"row {number}"}])
    got: list[str] = []
    for place in (box, other):
        place.receive_webhooks(lambda notification: got.append(notification.payload))

    with ThreadPoolExecutor(2) as pool:
        attempts = list(pool.map(lambda place: place.deliver_webhooks(), (box, other)))

    assert len(got) == sum(map(len, attempts)) == 10
    assert not [each.problem for some in attempts for each in some if each.problem]


def test_readers_neither_wait_nor_see_what_came_after_they_began(
    box: Sandbox, other: Sandbox
) -> None:
    client = other.client()
    job = box.client().create_job({"title": "As it was at first"})
    begun, written = Event(), Event()

    def read() -> list[str]:
        with box.database.snapshot() as tx:
            titles = "SELECT title FROM job"
            before = [title for (title,) in tx.driver.execute(titles)]
            begun.set()
            assert written.wait(PATIENCE)
            return before + [title for (title,) in tx.driver.execute(titles)]

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        assert begun.wait(PATIENCE)
        client.update_job(job.id, {"title": "As it is now"})
        written.set()

        assert reading.result(PATIENCE) == ["As it was at first"] * 2
