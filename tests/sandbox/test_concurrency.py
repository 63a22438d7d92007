"""Concurrent requests have the same effect as some sequence of them."""

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
from crashes import FORM, KEY, SETTINGS, TIMEOUT, Connection, ServerResponse, Workload, encode_body
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


def find_owner(tx: Transaction) -> Any:
    """Return the account that owns the jobs; there is a second account."""
    return tx.one(select(account).where(account.c.api_key == KEY))


class Harness(NamedTuple):
    """A sandbox on a file with a running job, and a function that sends requests to it."""

    box: Sandbox
    workload: Workload
    send: Callable[..., ServerResponse]

    @property
    def job(self) -> str:
        return f"/jobs/{self.workload.job}"

    def send_together(self, *requests: tuple[Any, ...]) -> list[ServerResponse]:
        """Send requests at the same time; return the responses in the same order."""
        with ThreadPoolExecutor(len(requests)) as pool:
            barrier = threading.Barrier(len(requests))

            def send(request: tuple[Any, ...]) -> ServerResponse:
                barrier.wait(TIMEOUT)
                return self.send(*request)

            return list(pool.map(send, requests))

    def balance(self) -> int:
        """Return the balance of the account, in thousandths of a cent."""
        with self.box.database.snapshot() as tx:
            return int(find_owner(tx).balance_mc)

    def launch(self, count: int, **settings: Any) -> Any:
        """Launch another job with the same form."""
        with self.box.database.transaction() as tx:
            job = uploads.create_job(
                tx, find_owner(tx), [{"text": f"row {n}"} for n in range(count)]
            )
            jobs.update(tx, job, {**SETTINGS, **settings})
            orders.place(tx, jobs.reload(tx, job), 0, ["on_demand"])
            return jobs.reload(tx, job)

    def query(self, query: Any) -> list[Any]:
        """Read from the database."""
        with self.box.database.snapshot() as tx:
            return tx.all(query)


def in_process(box: Sandbox) -> Callable[..., ServerResponse]:
    """Return a function that sends requests to a sandbox without a socket."""

    def send(verb: str, path: str, body: Any = None, key: str | None = None) -> ServerResponse:
        headers = {"Authorization": f"Token token={KEY}"} | (
            {"Idempotency-Key": key} if key else {}
        )
        response = box.app.test_client().open(
            f"/v1{path}",
            method=verb,
            headers=headers,
            data=encode_body(body),
            content_type="application/json",
        )
        replayed = response.headers.get("Idempotent-Replayed") == "true"
        return ServerResponse(response.status_code, response.data, replayed)

    return send


def over_a_socket(box: Sandbox) -> Callable[..., ServerResponse]:
    """Return a function that sends each request to a sandbox over a new connection."""

    def send(*request: Any) -> ServerResponse:
        connection = Connection(box.url)
        try:
            return connection.send(*request)
        finally:
            connection.close()

    return send


@pytest.fixture(params=[in_process, over_a_socket], ids=lambda transport: transport.__name__)
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    """A harness in process, and one over a socket; the invariants are checked afterwards."""
    file = tmp_path / "sandbox.db"
    workload = Workload.create(file, units=60)
    with Sandbox(database=file, key=KEY) as box:
        yield Harness(box, workload, request.param(box))
    assert find_violations(file) == []


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Harness]:
    """A harness without a socket."""
    file = tmp_path / "sandbox.db"
    workload = Workload.create(file, units=60)
    with Sandbox(database=file, key=KEY) as box:
        yield Harness(box, workload, in_process(box))
    assert find_violations(file) == []


def judgment_request(job: int, unit_id: int, worker_id: int) -> tuple[Any, ...]:
    """Return the request for a judgment."""
    body = {"unit_id": unit_id, "worker_id": worker_id, "data": {"mark": "x"}}
    return "POST", f"/jobs/{job}/judgments", {"judgment": body}


def test_sixty_contributors_get_different_units_of_fifty(local: Harness) -> None:
    job = local.launch(50, judgments_per_unit=1)
    with local.box.database.transaction() as tx:
        people = [workers.join(tx, channel="on_demand") for _ in range(60)]

    def take(person: Any) -> list[int]:
        try:
            with local.box.database.transaction() as tx:
                return [each.id for each in handout.take_page(tx, job, person).units]
        except handout.NoPageAvailable:
            return []

    with ThreadPoolExecutor(60) as pool:
        unit_ids = [number for numbers in pool.map(take, people) for number in numbers]

    assert len(unit_ids) == len(set(unit_ids)) == 50


def test_only_one_of_many_concurrent_requests_gives_the_last_judgment_of_a_unit(
    harness: Harness,
) -> None:
    job = harness.launch(6, judgments_per_unit=1)
    [row, *_] = harness.query(select(unit).where(unit.c.job_id == job.id).order_by(unit.c.seq))
    before = harness.balance()

    responses = harness.send_together(
        *(judgment_request(job.id, row.id, who) for who in harness.workload.worker_ids[:8])
    )

    [after] = harness.query(select(unit).where(unit.c.id == row.id))
    costs = harness.query(
        select(ledger.c.id).where(ledger.c.job_id == job.id, ledger.c.kind == "charge")
    )
    assert sorted(response.status for response in responses) == [200] + [409] * 7
    assert (after.state, after.judgments_count) == ("finalized", 1)
    assert len(costs) == 1
    assert harness.balance() == before


def test_a_page_that_is_submitted_many_times_at_once_counts_once(local: Harness) -> None:
    job = local.launch(6)
    with local.box.database.transaction() as tx:
        person = workers.join(tx, channel="on_demand")
        page = handout.take_page(tx, job, person)
    answers = {each.id: {"mark": "x"} for each in page.units}

    def submit(_: int) -> str:
        with local.box.database.transaction() as tx:
            receipt = submission.submit(tx, person, page.assignment_id, page.token, answers)
            return receipt.to_text()

    with ThreadPoolExecutor(8) as pool:
        receipts = set(pool.map(submit, range(8)))

    assert len(receipts) == 1
    assert len(local.query(select(judgment).where(judgment.c.worker_id == person.id))) == 1


def pause_and_delete(tx: Transaction, job: Any, _: int) -> None:
    """Delete a job, which must be paused first."""
    jobs.pause(tx, job)
    jobs.delete(tx, jobs.reload(tx, job))


@pytest.mark.parametrize(
    ("interfere", "refusal"),
    [
        (lambda tx, job, _: jobs.cancel(tx, job), Conflict),
        (workers.reject, Conflict),
        (workers.flag, Conflict),
        (pause_and_delete, Conflict),
        (lambda tx, *_: tx.clock.advance(hours=2), Expired),
    ],
    ids=["canceled", "rejected", "flagged", "deleted", "late"],
)
def test_a_page_that_is_submitted_too_late_is_refused(
    local: Harness, interfere: Callable[..., object], refusal: type[Exception]
) -> None:
    job = local.launch(6)
    with local.box.database.transaction() as tx:
        person = workers.join(tx, channel="on_demand")
        page = handout.take_page(tx, job, person)
    with local.box.database.transaction() as tx:
        interfere(tx, jobs.reload(tx, job), person.id)
    answers = {each.id: {"mark": "x"} for each in page.units}

    with pytest.raises(refusal), local.box.database.transaction() as tx:
        submission.submit(tx, person, page.assignment_id, page.token, answers)

    assert local.query(select(judgment).where(judgment.c.worker_id == person.id)) == []


def test_two_concurrent_orders_are_not_paid_with_the_same_money(harness: Harness) -> None:
    with harness.box.database.transaction() as tx:
        # Enough for one order, which reserves at least ten dollars.
        accounts.credit(tx, find_owner(tx), 1500 - accounts.balance_cents(tx, find_owner(tx)))
    waiting = [harness.send("POST", f"{harness.job}/copy", {"all_units": True}) for _ in range(2)]
    numbers = [json.loads(response.body)["id"] for response in waiting]
    order = {"debit": {"units_count": 5}, "channels": ["on_demand"]}

    responses = harness.send_together(
        *(("POST", f"/jobs/{each}/orders", order) for each in numbers)
    )

    assert sorted(response.status for response in responses) == [200, 402]
    assert harness.balance() == 500_000


def test_concurrent_orders_uploads_and_cancels_leave_one_consistent_job(harness: Harness) -> None:
    order = (
        "POST",
        f"{harness.job}/orders",
        {"debit": {"units_count": 0}, "channels": ["on_demand"]},
    )
    upload = ("PUT", f"{harness.job}/upload", [{"text": "one more"}] * 10)
    cancel = ("POST", f"{harness.job}/cancel", {})

    responses = harness.send_together(order, upload, cancel, order, upload, cancel)

    [job] = harness.query(select(jobs_table).where(jobs_table.c.id == harness.workload.job))
    refunds = harness.query(select(ledger.c.order_id).where(ledger.c.kind == "refund"))
    assert {response.status for response in responses} <= {200, 422}
    assert job.state == "canceled"
    assert Counter(refunds).most_common(1)[0][1] == 1


def test_twenty_bonuses_with_one_idempotency_key_are_paid_once(harness: Harness) -> None:
    path = f"{harness.job}/workers/{harness.workload.worker_ids[0]}/bonus"
    before = harness.balance()

    responses = harness.send_together(
        *[("POST", path, {"amount": 100, "reason": "well done"}, "a key")] * 20
    )
    other = harness.send("POST", path, {"amount": 200, "reason": "well done"}, "a key")

    assert [response.status for response in responses] == [200] * 20
    assert sum(not response.replayed for response in responses) == 1
    assert harness.balance() == before - 120_000
    assert other.status == 422


def test_a_page_is_scored_by_one_version_of_its_test_questions(local: Harness) -> None:
    """Both test questions change their right answer while contributors answer them."""
    gold = [{"text": "?", "mark_gold": "x", "_golden": "TRUE"} for _ in range(2)]
    people = 24
    with local.box.database.transaction() as tx:
        data = [{"text": f"row {number}"} for number in range(30)] + gold
        job = uploads.create_job(tx, find_owner(tx), data)
        settings = {"units_per_assignment": 3, "gold_per_assignment": 2, "judgments_per_unit": 1}
        options = {"after_gold": 100, "front_load": False}
        jobs.update(tx, job, {**SETTINGS, **settings, "cml": GOLD_FORM, "options": options})
        convert(tx, jobs.reload(tx, job))
        orders.place(tx, jobs.reload(tx, job), 0, ["on_demand"])
        questions = tx.all(select(unit).where(unit.c.job_id == job.id, unit.c.state == "golden"))
        crowd = [workers.join(tx, channel="on_demand") for _ in range(people)]
    done = threading.Event()

    def change() -> None:
        for right in itertools.cycle(["y", "x"]):
            if done.is_set():
                return
            with local.box.database.transaction() as tx:
                for question in questions:
                    current = jobs.reload(tx, job)
                    units.update(tx, current, question, data={**question.data, "mark_gold": right})

    def answer_page(person: Any) -> float:
        with local.box.database.transaction() as tx:
            page = handout.take_page(tx, jobs.reload(tx, job), person)
        answers = {each.id: {"mark": "x"} for each in page.units}
        with local.box.database.transaction() as tx:
            return submission.submit(tx, person, page.assignment_id, page.token, answers).trust

    changing = threading.Thread(target=change)
    changing.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            trusts = set(pool.map(answer_page, crowd[:10]))
    finally:
        done.set()
        changing.join(TIMEOUT)

    assert trusts <= {0.0, 1.0}


def test_pages_of_units_stay_stable_during_uploads(harness: Harness) -> None:
    ended = threading.Event()

    def upload() -> None:
        for _ in range(15):
            harness.send("PUT", f"{harness.job}/upload", [{"text": "one more"}] * 20)
        ended.set()

    uploading = threading.Thread(target=upload)
    uploading.start()
    pages: list[tuple[int, list[str]]] = []
    while not ended.is_set() or not pages:
        for number in itertools.count():
            path = f"{harness.job}/units?page={number + 1}&limit=50"
            pages.append((50 * number, list(json.loads(harness.send("GET", path).body))))
            if not pages[-1][1]:
                break
    uploading.join(TIMEOUT)

    of_job = unit.c.job_id == harness.workload.job
    ids = [
        str(row.id) for row in harness.query(select(unit.c.id).where(of_job).order_by(unit.c.seq))
    ]
    assert len(ids) == 60 + 15 * 20
    assert all(page == ids[first : first + len(page)] for first, page in pages)


def test_a_slow_webhook_receiver_blocks_no_other_request(harness: Harness) -> None:
    called, may_finish = threading.Event(), threading.Event()
    harness.send("PUT", harness.job, {"job": {"webhook_uri": "https://example.com/hook"}})
    harness.send("PUT", f"{harness.job}/upload", [{"text": "one more"}])

    def receive(_: object) -> None:
        called.set()
        assert may_finish.wait(TIMEOUT)

    harness.box.receive_webhooks(receive)
    with ThreadPoolExecutor(1) as pool:
        delivering = pool.submit(harness.box.deliver_webhooks)
        assert called.wait(TIMEOUT)
        written = harness.send("PUT", f"{harness.job}/upload", [{"text": "one more"}])
        read = harness.send("GET", harness.job)
        still_delivering = not delivering.done()
        may_finish.set()
        attempts = delivering.result(TIMEOUT)

    assert still_delivering
    assert (written.status, read.status) == (200, 200)
    assert [attempt.problem for attempt in attempts] == [None, None]
