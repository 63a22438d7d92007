"""What happens at the same time happens as if one came after the other."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from crashes import FORM, KEY, PATIENCE, READY, Answer, Line, Scene, as_text
from oracle import find_violations
from sqlalchemy import select

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.errors import Conflict, Expired
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.units import units, uploads
from crowdflower.sandbox.rules.units.gold import convert
from crowdflower.sandbox.rules.work import handout, submission, workers
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import account, judgment, ledger, unit
from crowdflower.sandbox.store.tables import job as jobs_table

GOLD_FORM = FORM.replace('validates="required"', 'validates="required" gold="true"')


def owner(tx: Transaction) -> Any:
    """Find the account whose jobs these are; there is another one, too."""
    return tx.one(select(account).where(account.c.api_key == KEY))


class Place(NamedTuple):
    """A sandbox on a file with a job that runs, and a way to call it from any thread."""

    box: Sandbox
    scene: Scene
    send: Callable[..., Answer]

    @property
    def job(self) -> str:
        return f"/jobs/{self.scene.job}"

    def at_once(self, *requests: tuple[Any, ...]) -> list[Answer]:
        """Send several requests at the same time; return the answers in the same order."""
        with ThreadPoolExecutor(len(requests)) as pool:
            barrier = threading.Barrier(len(requests))

            def send(request: tuple[Any, ...]) -> Answer:
                barrier.wait(PATIENCE)
                return self.send(*request)

            return list(pool.map(send, requests))

    def balance(self) -> int:
        """Tell what the account has left, in thousandths of a cent."""
        with self.box.database.snapshot() as tx:
            return int(owner(tx).balance_mc)

    def launched(self, count: int, **settings: Any) -> Any:
        """Launch another job of the same kind."""
        with self.box.database.transaction() as tx:
            job = uploads.create_job(tx, owner(tx), [{"text": f"row {n}"} for n in range(count)])
            jobs.update(tx, job, {**READY, **settings})
            orders.place(tx, jobs.reload(tx, job), 0, ["on_demand"])
            return jobs.reload(tx, job)

    def found(self, query: Any) -> list[Any]:
        """Read from the database."""
        with self.box.database.snapshot() as tx:
            return tx.all(query)


def in_process(box: Sandbox) -> Callable[..., Answer]:
    """Call a sandbox without a socket."""

    def send(verb: str, path: str, body: Any = None, key: str | None = None) -> Answer:
        headers = {"Authorization": f"Token token={KEY}"} | (
            {"Idempotency-Key": key} if key else {}
        )
        answer = box.app.test_client().open(
            f"/v1{path}",
            method=verb,
            headers=headers,
            data=as_text(body),
            content_type="application/json",
        )
        replayed = answer.headers.get("Idempotent-Replayed") == "true"
        return Answer(answer.status_code, answer.data, replayed)

    return send


def over_a_socket(box: Sandbox) -> Callable[..., Answer]:
    """Call a sandbox by connections that are made for one request."""

    def send(*asked: Any) -> Answer:
        line = Line(box.url)
        try:
            return line.send(*asked)
        finally:
            line.close()

    return send


@pytest.fixture(params=[in_process, over_a_socket], ids=lambda way: way.__name__)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    file = tmp_path / "sandbox.db"
    scene = Scene.prepared(file, units=60)
    with Sandbox(database=file, key=KEY) as box:
        yield Place(box, scene, request.param(box))
    assert find_violations(file) == []


@pytest.fixture
def near(tmp_path: Path) -> Iterator[Place]:
    """The same, for what is not about the way in."""
    file = tmp_path / "sandbox.db"
    scene = Scene.prepared(file, units=60)
    with Sandbox(database=file, key=KEY) as box:
        yield Place(box, scene, in_process(box))
    assert find_violations(file) == []


def judging(job: int, row: int, person: int) -> tuple[Any, ...]:
    """Make the request by which somebody judges a row."""
    given = {"unit_id": row, "worker_id": person, "data": {"mark": "x"}}
    return "POST", f"/jobs/{job}/judgments", {"judgment": given}


def test_sixty_contributors_never_share_one_of_fifty_places(near: Place) -> None:
    job = near.launched(50, judgments_per_unit=1)
    with near.box.database.transaction() as tx:
        people = [workers.join(tx, channel="on_demand") for _ in range(60)]

    def take(person: Any) -> list[int]:
        try:
            with near.box.database.transaction() as tx:
                return [each.id for each in handout.take_page(tx, job, person).units]
        except handout.NoPageAvailable:
            return []

    with ThreadPoolExecutor(60) as pool:
        handed_out = [number for numbers in pool.map(take, people) for number in numbers]

    assert len(handed_out) == len(set(handed_out)) == 50


def test_of_many_who_judge_a_row_last_one_does(place: Place) -> None:
    job = place.launched(6, judgments_per_unit=1)
    [row, *_] = place.found(select(unit).where(unit.c.job_id == job.id).order_by(unit.c.seq))
    before = place.balance()

    answers = place.at_once(*(judging(job.id, row.id, who) for who in place.scene.people[:8]))

    [after] = place.found(select(unit).where(unit.c.id == row.id))
    costs = place.found(
        select(ledger.c.id).where(ledger.c.job_id == job.id, ledger.c.kind == "charge")
    )
    assert sorted(answer.status for answer in answers) == [200] + [409] * 7
    assert (after.state, after.judgments_count) == ("finalized", 1)
    assert len(costs) == 1
    assert place.balance() == before


def test_a_page_that_is_handed_in_many_times_at_once_is_taken_once(near: Place) -> None:
    job = near.launched(6)
    with near.box.database.transaction() as tx:
        person = workers.join(tx, channel="on_demand")
        page = handout.take_page(tx, job, person)
    answers = {each.id: {"mark": "x"} for each in page.units}

    def hand_in(_: int) -> str:
        with near.box.database.transaction() as tx:
            receipt = submission.submit(tx, person, page.assignment_id, page.token, answers)
            return receipt.to_text()

    with ThreadPoolExecutor(8) as pool:
        receipts = set(pool.map(hand_in, range(8)))

    assert len(receipts) == 1
    assert len(near.found(select(judgment).where(judgment.c.worker_id == person.id))) == 1


def pause_and_delete(tx: Transaction, job: Any, _: int) -> None:
    """Delete a job, which has to be paused before."""
    jobs.pause(tx, job)
    jobs.delete(tx, jobs.reload(tx, job))


@pytest.mark.parametrize(
    ("meanwhile", "refusal"),
    [
        (lambda tx, job, _: jobs.cancel(tx, job), Conflict),
        (workers.reject, Conflict),
        (workers.flag, Conflict),
        (pause_and_delete, Conflict),
        (lambda tx, *_: tx.clock.advance(hours=2), Expired),
    ],
    ids=["canceled", "rejected", "flagged", "deleted", "late"],
)
def test_a_page_that_is_handed_in_too_late_is_refused(
    near: Place, meanwhile: Callable[..., object], refusal: type[Exception]
) -> None:
    job = near.launched(6)
    with near.box.database.transaction() as tx:
        person = workers.join(tx, channel="on_demand")
        page = handout.take_page(tx, job, person)
    with near.box.database.transaction() as tx:
        meanwhile(tx, jobs.reload(tx, job), person.id)
    answers = {each.id: {"mark": "x"} for each in page.units}

    with pytest.raises(refusal), near.box.database.transaction() as tx:
        submission.submit(tx, person, page.assignment_id, page.token, answers)

    assert near.found(select(judgment).where(judgment.c.worker_id == person.id)) == []


def test_two_orders_at_once_are_not_paid_with_the_same_money(place: Place) -> None:
    with place.box.database.transaction() as tx:
        # Enough for one: an order takes ten dollars aside at least.
        accounts.credit(tx, owner(tx), 1500 - accounts.balance_cents(tx, owner(tx)))
    waiting = [place.send("POST", f"{place.job}/copy", {"all_units": True}) for _ in range(2)]
    numbers = [json.loads(answer.body)["id"] for answer in waiting]
    order = {"debit": {"units_count": 5}, "channels": ["on_demand"]}

    answers = place.at_once(*(("POST", f"/jobs/{each}/orders", order) for each in numbers))

    assert sorted(answer.status for answer in answers) == [200, 402]
    assert place.balance() == 500_000


def test_orders_uploads_and_a_cancel_at_once_come_one_after_the_other(place: Place) -> None:
    order = (
        "POST",
        f"{place.job}/orders",
        {"debit": {"units_count": 0}, "channels": ["on_demand"]},
    )
    upload = ("PUT", f"{place.job}/upload", [{"text": "one more"}] * 10)
    cancel = ("POST", f"{place.job}/cancel", {})

    answers = place.at_once(order, upload, cancel, order, upload, cancel)

    [job] = place.found(select(jobs_table).where(jobs_table.c.id == place.scene.job))
    refunds = place.found(select(ledger.c.order_id).where(ledger.c.kind == "refund"))
    assert {answer.status for answer in answers} <= {200, 422}
    assert job.state == "canceled"
    assert Counter(refunds).most_common(1)[0][1] == 1


def test_twenty_bonuses_under_one_key_are_one(place: Place) -> None:
    path = f"{place.job}/workers/{place.scene.people[0]}/bonus"
    before = place.balance()

    answers = place.at_once(*[("POST", path, {"amount": 100, "reason": "well done"}, "a key")] * 20)
    other = place.send("POST", path, {"amount": 200, "reason": "well done"}, "a key")

    assert [answer.status for answer in answers] == [200] * 20
    assert sum(not answer.replayed for answer in answers) == 1
    assert place.balance() == before - 120_000
    assert other.status == 422


def test_a_page_is_scored_by_one_version_of_its_test_questions(near: Place) -> None:
    """Both of them change from one right answer to another while people answer."""
    gold = [{"text": "?", "mark_gold": "x", "_golden": "TRUE"} for _ in range(2)]
    people = 24
    with near.box.database.transaction() as tx:
        data = [{"text": f"row {number}"} for number in range(30)] + gold
        job = uploads.create_job(tx, owner(tx), data)
        settings = {"units_per_assignment": 3, "gold_per_assignment": 2, "judgments_per_unit": 1}
        options = {"after_gold": 100, "front_load": False}
        jobs.update(tx, job, {**READY, **settings, "cml": GOLD_FORM, "options": options})
        convert(tx, jobs.reload(tx, job))
        orders.place(tx, jobs.reload(tx, job), 0, ["on_demand"])
        questions = tx.all(select(unit).where(unit.c.job_id == job.id, unit.c.state == "golden"))
        crowd = [workers.join(tx, channel="on_demand") for _ in range(people)]
    done = threading.Event()

    def change() -> None:
        for right in itertools.cycle(["y", "x"]):
            if done.is_set():
                return
            with near.box.database.transaction() as tx:
                for question in questions:
                    current = jobs.reload(tx, job)
                    units.update(tx, current, question, data={**question.data, "mark_gold": right})

    def answer(person: Any) -> float:
        with near.box.database.transaction() as tx:
            page = handout.take_page(tx, jobs.reload(tx, job), person)
        answers = {each.id: {"mark": "x"} for each in page.units}
        with near.box.database.transaction() as tx:
            return submission.submit(tx, person, page.assignment_id, page.token, answers).trust

    changing = threading.Thread(target=change)
    changing.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            trusts = set(pool.map(answer, crowd[:10]))
    finally:
        done.set()
        changing.join(PATIENCE)

    assert trusts <= {0.0, 1.0}


def test_pages_that_are_read_while_rows_come_in_keep_their_places(place: Place) -> None:
    ended = threading.Event()

    def upload() -> None:
        for _ in range(15):
            place.send("PUT", f"{place.job}/upload", [{"text": "one more"}] * 20)
        ended.set()

    uploading = threading.Thread(target=upload)
    uploading.start()
    pages: list[tuple[int, list[str]]] = []
    while not ended.is_set() or not pages:
        for number in itertools.count():
            path = f"{place.job}/units?page={number + 1}&limit=50"
            pages.append((50 * number, list(json.loads(place.send("GET", path).body))))
            if not pages[-1][1]:
                break
    uploading.join(PATIENCE)

    of_job = unit.c.job_id == place.scene.job
    ids = [str(row.id) for row in place.found(select(unit.c.id).where(of_job).order_by(unit.c.seq))]
    assert len(ids) == 60 + 15 * 20
    assert all(page == ids[first : first + len(page)] for first, page in pages)


def test_a_receiver_that_takes_its_time_keeps_nobody_waiting(place: Place) -> None:
    called, may_go = threading.Event(), threading.Event()
    place.send("PUT", place.job, {"job": {"webhook_uri": "https://example.com/hook"}})
    place.send("PUT", f"{place.job}/upload", [{"text": "one more"}])

    def receive(_: object) -> None:
        called.set()
        assert may_go.wait(PATIENCE)

    place.box.receive_webhooks(receive)
    with ThreadPoolExecutor(1) as pool:
        delivering = pool.submit(place.box.deliver_webhooks)
        assert called.wait(PATIENCE)
        written = place.send("PUT", f"{place.job}/upload", [{"text": "one more"}])
        read = place.send("GET", place.job)
        still_delivering = not delivering.done()
        may_go.set()
        attempts = delivering.result(PATIENCE)

    assert still_delivering
    assert (written.status, read.status) == (200, 200)
    assert [attempt.problem for attempt in attempts] == [None, None]
