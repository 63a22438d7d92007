"""A small world for tests of the rules; the invariants of its database are checked at the end."""

from __future__ import annotations

from collections import Counter
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


def lowest_agreement(questions: dict[str, str], answers: list[dict[str, str]]) -> float | None:
    """Return the share of the most common answer to the question on which it is lowest."""
    shares = []
    for name in [name for name, how in questions.items() if how == "agg"]:
        given = Counter(str(each[name]) for each in answers if name in each)
        shares += [max(given.values()) / given.total()] if given else []
    return min(shares, default=None)


class World:
    """A database with one account with a thousand dollars, and short methods for common steps."""

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
        """Call a rule in its own transaction."""
        with self.database.transaction() as tx:
            return rule(tx, *arguments, **named)

    def job(self, count: int = 20, *, golds: int = 0, **attributes: Any) -> Row[Any]:
        """Create a job that is ready to be launched; test questions come after the other units."""
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
        """Create a job and order all of its units."""
        job = self.job(count, golds=golds, **attributes)
        self.do(orders.place, job, 0, [channel])
        return self.reload(job)

    def reload(self, job: Row[Any]) -> Row[Any]:
        """Read a job again."""
        return self.do(jobs.reload, job)

    def units(self, job: Row[Any]) -> list[Row[Any]]:
        """Read all units of a job."""
        query = select(t.unit).where(t.unit.c.job_id == job.id).order_by(t.unit.c.seq)
        return self.do(Transaction.all, query)

    def judgments(self, job: Row[Any]) -> list[Row[Any]]:
        """Read all judgments of a job."""
        query = select(t.judgment).where(t.judgment.c.job_id == job.id).order_by(t.judgment.c.id)
        return self.do(Transaction.all, query)

    def worker(self, **about: Any) -> Row[Any]:
        """Add a contributor."""
        return self.do(workers.join, **{"channel": "on_demand", "country": "FI", **about})

    def crowd(self, count: int) -> list[Row[Any]]:
        """Add several contributors."""
        return [self.worker() for _ in range(count)]

    def take(self, job: Row[Any], worker: Row[Any], **options: Any) -> handout.Page:
        """Take a page."""
        return self.do(handout.take_page, job, worker, **options)

    def submit(
        self, worker: Row[Any], page: handout.Page, answer: Answer = "positive"
    ) -> submission.Receipt:
        """Submit a page, with the same answer for every unit or with a function of the unit."""
        answers = {
            unit.id: {"sentiment": answer if isinstance(answer, str) else answer(unit)}
            for unit in page.units
        }
        return self.do(submission.submit, worker, page.assignment_id, page.token, answers)

    def work(
        self, job: Row[Any], worker: Row[Any], answer: Answer = "positive"
    ) -> submission.Receipt:
        """Take a page and submit it."""
        return self.submit(worker, self.take(job, worker), answer)

    def judge(self, job: Row[Any], unit_id: int, *answers: tuple[Row[Any], str]) -> None:
        """Answer one unit, one contributor after the other."""
        for worker, answer in answers:
            page = self.take(job, worker, only=[unit_id])
            assert [unit.id for unit in page.units] == [unit_id]
            self.submit(worker, page, answer)

    def trusted_workers(self, job: Row[Any], *trusts: float) -> list[Row[Any]]:
        """Add contributors with this trust, each after a hundred test questions."""
        crowd = self.crowd(len(trusts))
        for worker, trust in zip(crowd, trusts, strict=True):
            state = {"job_id": job.id, "worker_id": worker.id, "state": "working", "trust": trust}
            golds = {"golds_seen": 100, "golds_missed": round(100 - 100 * trust)}
            times = {"first_at": self.clock.now(), "last_at": self.clock.now()}
            self.do(Transaction.run, insert(t.worker_job).values(**state, **golds, **times))
        return crowd

    def refusal_reason(self, job: Row[Any], worker: Row[Any]) -> str:
        """Take no page, and return the reason."""
        with pytest.raises(handout.NoPageAvailable) as caught:
            self.take(job, worker)
        return caught.value.reason

    def finish(self, job: Row[Any], crowd: Iterable[Row[Any]], answer: Answer = "positive") -> None:
        """Take and submit pages, one contributor after the other, until there are no more."""
        for worker in crowd:
            with suppress(handout.NoPageAvailable):
                while True:
                    self.work(job, worker, answer)

    def balance(self) -> float:
        """Return the balance of the account, in cents."""
        with self.database.snapshot() as tx:
            return money.balance(tx, self.account.id) / money.CENT

    def ledger(self, kind: str) -> float:
        """Return the sum of one kind of ledger entries, in cents."""
        query = select(func.coalesce(func.sum(t.ledger.c.amount_mc), 0).label("sum"))
        found = self.do(Transaction.one, query.where(t.ledger.c.kind == kind))
        return float(found.sum / money.CENT)

    def check(self) -> None:
        """Check every invariant of the database."""
        with self.database.snapshot() as tx:
            for invariant in INVARIANTS:
                assert not tx.all(text(invariant.query)), invariant.statement
            questions = {row.id: row.fields or {} for row in tx.all(select(t.job))}
            answers: dict[int, list[dict[str, str]]] = {}
            for row in tx.all(select(t.judgment).where(t.judgment.c.rejected.is_(False))):
                answers.setdefault(row.unit_id, []).append(row.data)
            for row in tx.all(select(t.unit)):
                expected = None
                if row.state == "finalized":
                    expected = lowest_agreement(questions[row.job_id], answers.get(row.id, []))
                assert row.agreement == pytest.approx(expected, abs=1e-4), row


@pytest.fixture
def world_type() -> type[World]:
    """The class, for tests that check and close their worlds themselves."""
    return World


@pytest.fixture
def make_world() -> Iterator[Callable[..., World]]:
    """Return a function that creates worlds with these limits."""
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
    """A world with the default limits."""
    return make_world()
