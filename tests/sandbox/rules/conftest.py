"""A small world to tell stories in; whatever happens in one, the books balance at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
from sqlalchemy import Row, func, insert, select

from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.rules import (
    accounts,
    gold,
    handout,
    jobs,
    money,
    orders,
    rows,
    submission,
    workers,
)
from crowdflower.sandbox.store import Database, Limits, Transaction
from crowdflower.sandbox.store import tables as t

FORM = """
<p>{{text}}</p>
<cml:radios label="Sentiment?" name="sentiment" validates="required">
  <cml:radio label="Positive" value="positive"/>
  <cml:radio label="Neutral" value="neutral"/>
  <cml:radio label="Negative" value="negative"/>
</cml:radios>
"""

P = ParamSpec("P")
T = TypeVar("T")

Answer = str | Callable[[handout.PageUnit], str]


class World:
    """One account with a thousand dollars, and short ways to what every story needs."""

    form = FORM

    def __init__(self, limits: Limits | None = None) -> None:
        self.clock = Clock(seed=7)
        self.database = Database(clock=self.clock, limits=limits)
        self.account = self.do(accounts.open_account, key="k", balance_cents=100_000)

    def do(
        self,
        rule: Callable[Concatenate[Transaction, P], T],
        *arguments: P.args,
        **named: P.kwargs,
    ) -> T:
        """Follow one rule in a transaction of its own."""
        with self.database.transaction() as tx:
            return rule(tx, *arguments, **named)

    def job(self, count: int = 20, *, golds: int = 0, **attributes: Any) -> Row[Any]:
        """Make a job of rows, ready to be launched; golds come after the rows."""
        data: list[dict[str, Any]] = [{"text": f"row {n}"} for n in range(count)]
        data += [
            {"text": f"gold {n}", "_golden": "TRUE", "sentiment_gold": "positive"}
            for n in range(golds)
        ]
        job = self.do(rows.create_from, self.account, data)
        ready = {"title": "Sentiment of reviews", "instructions": "Read.", "cml": self.form}
        job = self.do(jobs.update, job, ready | attributes)
        if golds:
            self.do(gold.convert, job)
        return self.again(job)

    def launched(
        self, count: int = 20, *, golds: int = 0, channel: str = "on_demand", **attributes: Any
    ) -> Row[Any]:
        """Make a job and order all of it."""
        job = self.job(count, golds=golds, **attributes)
        self.do(orders.place, job, 0, [channel])
        return self.again(job)

    def again(self, job: Row[Any]) -> Row[Any]:
        """Read a job anew."""
        return self.do(jobs.again, job)

    def units(self, job: Row[Any]) -> list[Row[Any]]:
        """Read all rows of a job."""
        query = select(t.unit).where(t.unit.c.job_id == job.id).order_by(t.unit.c.seq)
        return self.do(Transaction.all, query)

    def judgments(self, job: Row[Any]) -> list[Row[Any]]:
        """Read all judgments of a job."""
        query = select(t.judgment).where(t.judgment.c.job_id == job.id).order_by(t.judgment.c.id)
        return self.do(Transaction.all, query)

    def worker(self, **about: Any) -> Row[Any]:
        """Let a contributor in."""
        return self.do(workers.join, **{"channel": "on_demand", "country": "FI", **about})

    def crowd(self, count: int) -> list[Row[Any]]:
        """Let several contributors in."""
        return [self.worker() for _ in range(count)]

    def take(self, job: Row[Any], worker: Row[Any], **narrowed: Any) -> handout.Page:
        """Take a page."""
        return self.do(handout.take_page, job, worker, **narrowed)

    def hand_in(
        self, worker: Row[Any], page: handout.Page, answer: Answer = "positive"
    ) -> submission.Receipt:
        """Answer every row of a page, all alike or each on its own, and hand it in."""
        answers = {
            unit.id: {"sentiment": answer if isinstance(answer, str) else answer(unit)}
            for unit in page.units
        }
        return self.do(submission.submit, worker, page.assignment_id, page.token, answers)

    def work(
        self, job: Row[Any], worker: Row[Any], answer: Answer = "positive"
    ) -> submission.Receipt:
        """Take a page and hand it in."""
        return self.hand_in(worker, self.take(job, worker), answer)

    def judge(self, job: Row[Any], number: int, *given: tuple[Row[Any], str]) -> None:
        """Let contributors answer one row, one after the other."""
        for worker, answer in given:
            page = self.take(job, worker, only=[number])
            assert [unit.id for unit in page.units] == [number]
            self.hand_in(worker, page, answer)

    def believed(self, job: Row[Any], *trusts: float) -> list[Row[Any]]:
        """Let contributors in who have seen a hundred test questions, and are believed so far."""
        crowd = self.crowd(len(trusts))
        for worker, trust in zip(crowd, trusts, strict=True):
            stands = {"job_id": job.id, "worker_id": worker.id, "state": "working", "trust": trust}
            seen = {"golds_seen": 100, "golds_missed": round(100 - 100 * trust)}
            times = {"first_at": self.clock.now(), "last_at": self.clock.now()}
            self.do(Transaction.run, insert(t.worker_job).values(**stands, **seen, **times))
        return crowd

    def closed(self, job: Row[Any], worker: Row[Any]) -> str:
        """Tell why there is no page."""
        with pytest.raises(handout.Closed) as caught:
            self.take(job, worker)
        return caught.value.reason

    def finish(self, job: Row[Any], crowd: Iterable[Row[Any]], answer: Answer = "positive") -> None:
        """Let contributors work until nobody gets a page any more."""
        for worker in crowd:
            with suppress(handout.Closed):
                while True:
                    self.work(job, worker, answer)

    def balance(self) -> float:
        """Tell what the account has left, in cents."""
        with self.database.snapshot() as tx:
            return money.balance(tx, self.account.id) / money.CENT

    def ledger(self, kind: str) -> float:
        """Sum up one kind of movement, in cents."""
        query = select(func.coalesce(func.sum(t.ledger.c.amount_mc), 0).label("sum"))
        found = self.do(Transaction.one, query.where(t.ledger.c.kind == kind))
        return float(found.sum / money.CENT)

    def check(self) -> None:
        """Count everything that is counted again, and add up everything that is added up."""
        with self.database.snapshot() as tx:
            check_money(tx)
            check_units(tx)
            check_jobs(tx)


def check_money(tx: Transaction) -> None:
    """Compare balances and orders with the ledger, and pages with both."""
    lines = tx.all(select(t.ledger))
    pages = tx.all(select(t.assignment))
    orders = tx.all(select(t.orders))
    for account in tx.all(select(t.account)):
        assert account.balance_mc == total(line for line in lines if line.account_id == account.id)
        assert account.balance_mc >= 0
    for order in orders:
        of_it = [line for line in lines if line.order_id == order.id]
        freed = [line for line in of_it if line.kind in {"release", "refund"}]
        assert order.reserved_mc == -total(line for line in of_it if line.kind == "reserve")
        assert order.spent_mc == -total(line for line in of_it if line.kind == "charge")
        assert order.released_mc == total(freed) <= order.reserved_mc
        assert order.state == "open" or order.released_mc == order.reserved_mc
    for job in tx.all(select(t.job)):
        held = sum(o.reserved_mc - o.released_mc for o in orders if o.job_id == job.id)
        costs = [(page.state, page.cost_mc) for page in pages if page.job_id == job.id]
        assert sum(cost for state, cost in costs if state == "open") <= held
        charged = total(line for line in lines if (line.job_id, line.kind) == (job.id, "charge"))
        assert sum(cost for state, cost in costs if state == "submitted") == -charged


def check_units(tx: Transaction) -> None:
    """Compare what rows say of their judgments and free places with what there is."""
    kept = tx.all(select(t.judgment).where(t.judgment.c.rejected.is_(False)))
    trusted = Counter(judgment.unit_id for judgment in kept if not judgment.tainted)
    tainted = Counter(judgment.unit_id for judgment in kept if judgment.tainted)
    missed = Counter(judgment.unit_id for judgment in kept if judgment.missed)
    places = tx.all(select(t.assignment_unit).where(t.assignment_unit.c.resolved.is_(False)))
    taken = Counter(place.unit_id for place in places)
    for unit in tx.all(select(t.unit)):
        assert unit.judgments_count == trusted[unit.id]
        assert unit.tainted_count == tainted[unit.id]
        assert unit.missed_count == missed[unit.id]
        free = unit.needed - trusted[unit.id] - taken[unit.id] if unit.state == "judgable" else 0
        assert unit.open_slots == max(0, free)
        assert unit.state != "judgable" or unit.judgments_count < unit.needed
        assert (unit.finalized_at is not None) >= (unit.state == "finalized")


def check_jobs(tx: Transaction) -> None:
    """Compare the counters of jobs and contributors with what they count."""
    kept = tx.all(select(t.judgment).where(t.judgment.c.rejected.is_(False)))
    units = tx.all(select(t.unit))
    open_pages = tx.all(select(t.assignment).where(t.assignment.c.state == "open"))
    for job in tx.all(select(t.job)):
        rows = [unit for unit in units if unit.job_id == job.id]
        states = Counter(unit.state for unit in rows)
        judgments = [judgment for judgment in kept if judgment.job_id == job.id]
        assert job.units_count == len(rows)
        assert job.golds_count == states["golden"] + states["hidden_gold"]
        assert job.judgable_count == states["judgable"]
        assert job.finalized_count == states["finalized"]
        assert job.needed_count == sum(
            max(0, unit.needed - unit.judgments_count) for unit in rows if unit.state == "judgable"
        )
        assert job.judgments_count == len(judgments)
        assert job.tainted_count == sum(judgment.tainted for judgment in judgments)
        if job.state in {"running", "paused"}:
            assert job.judgable_count
        else:
            assert job.id not in {page.job_id for page in open_pages}
    given = Counter((judgment.job_id, judgment.worker_id) for judgment in kept)
    for standing in tx.all(select(t.worker_job)):
        assert standing.judgments_count == given[standing.job_id, standing.worker_id]
    at_work = Counter((page.job_id, page.worker_id) for page in open_pages)
    assert all(pages == 1 for pages in at_work.values())


def total(lines: Iterable[Row[Any]]) -> int:
    """Sum up lines of the ledger."""
    return sum(line.amount_mc for line in lines)


@pytest.fixture
def world_type() -> type[World]:
    """Makes worlds that nobody checks or closes."""
    return World


@pytest.fixture
def make_world() -> Iterator[Callable[..., World]]:
    """Makes worlds with limits of their own."""
    made: list[World] = []

    def make(**limits: Any) -> World:
        made.append(World(Limits(**limits)))
        return made[-1]

    yield make
    for world in made:
        world.check()
        world.database.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A world with the usual limits."""
    return make_world()
