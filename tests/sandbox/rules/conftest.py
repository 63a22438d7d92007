"""A small world to tell stories in; whatever happens in one, the books balance at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
from oracle import INVARIANTS
from sqlalchemy import Row, func, insert, select, text

from crowdflower.sandbox.clock import Clock
from crowdflower.sandbox.rules import accounts, money
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.units import gold, uploads
from crowdflower.sandbox.rules.work import handout, submission, workers
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
        job = self.do(uploads.create_job, self.account, data)
        ready = {"title": "Sentiment of reviews", "instructions": "Read.", "cml": self.form}
        job = self.do(jobs.update, job, ready | attributes)
        if golds:
            self.do(gold.convert, job)
        return self.reload(job)

    def launch_job(
        self, count: int = 20, *, golds: int = 0, channel: str = "on_demand", **attributes: Any
    ) -> Row[Any]:
        """Make a job and order all of it."""
        job = self.job(count, golds=golds, **attributes)
        self.do(orders.place, job, 0, [channel])
        return self.reload(job)

    def reload(self, job: Row[Any]) -> Row[Any]:
        """Read a job anew."""
        return self.do(jobs.reload, job)

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

    def submit(
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
        return self.submit(worker, self.take(job, worker), answer)

    def judge(self, job: Row[Any], number: int, *given: tuple[Row[Any], str]) -> None:
        """Let contributors answer one row, one after the other."""
        for worker, answer in given:
            page = self.take(job, worker, only=[number])
            assert [unit.id for unit in page.units] == [number]
            self.submit(worker, page, answer)

    def trusted_workers(self, job: Row[Any], *trusts: float) -> list[Row[Any]]:
        """Let contributors in who have seen a hundred test questions, and are believed so far."""
        crowd = self.crowd(len(trusts))
        for worker, trust in zip(crowd, trusts, strict=True):
            stands = {"job_id": job.id, "worker_id": worker.id, "state": "working", "trust": trust}
            seen = {"golds_seen": 100, "golds_missed": round(100 - 100 * trust)}
            times = {"first_at": self.clock.now(), "last_at": self.clock.now()}
            self.do(Transaction.run, insert(t.worker_job).values(**stands, **seen, **times))
        return crowd

    def refusal_reason(self, job: Row[Any], worker: Row[Any]) -> str:
        """Tell why there is no page."""
        with pytest.raises(handout.NoPageAvailable) as caught:
            self.take(job, worker)
        return caught.value.reason

    def finish(self, job: Row[Any], crowd: Iterable[Row[Any]], answer: Answer = "positive") -> None:
        """Let contributors work until nobody gets a page any more."""
        for worker in crowd:
            with suppress(handout.NoPageAvailable):
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
            for invariant in INVARIANTS:
                assert not tx.all(text(invariant.query)), invariant.statement


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
