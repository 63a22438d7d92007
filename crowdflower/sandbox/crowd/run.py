"""People come, take pages, work, hand in, and go: one run of a crowd over one job.

Nobody waits for real. What is to happen lies in a queue with the time it happens at; the earliest
is taken out, virtual time moves there, and what follows from it is put back in.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from crowdflower.cml import parse
from crowdflower.sandbox.crowd.plan import Summary
from crowdflower.sandbox.errors import Conflict, Expired, Invalid
from crowdflower.sandbox.forms import form_for
from crowdflower.sandbox.rules.jobs import orders
from crowdflower.sandbox.rules.work.handout import NoPageAvailable, take_page
from crowdflower.sandbox.rules.work.submission import submit
from crowdflower.sandbox.store.tables import job as jobs
from crowdflower.sandbox.store.tables import unit as units

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy import Row

    from crowdflower.sandbox.crowd.contributor import Contributor
    from crowdflower.sandbox.crowd.plan import Plan
    from crowdflower.sandbox.rules.work.handout import Page
    from crowdflower.sandbox.store import Database, Transaction

MAX_FAILED_PAGES: Final = 20
"""Pages in a row that somebody may fail to hand in before they stay away for good."""


@dataclass
class Participant:
    """A contributor during a run."""

    who: Contributor

    only: Collection[int] | None
    """The units they would work on; ``None`` for any."""

    pages_to_go: int = 0
    """Before they leave."""

    failures: int = 0
    """Pages in a row that they did not hand in."""


class Run:
    """One run of a crowd over a job.

    :param number: Tells this run from others over the same job: people come and go differently.
    :raises LookupError: There is no such job.
    :raises ValueError: Somebody is to answer questions, or repeats answers to tasks, of which the
        job has none.
    """

    def __init__(
        self,
        database: Database,
        job_id: int,
        people: Sequence[Contributor],
        plan: Plan,
        number: int = 0,
    ) -> None:
        self.summary = Summary()
        self._database = database
        self._clock = database.clock
        self._plan = plan
        self._job_id = job_id
        self._chance = self._clock.chance("schedule", job_id, number)
        self._now = self._start = self._clock.now()
        self._queue: list[tuple[float, int, Callable[[Transaction], None]]] = []
        self._order = count()
        self._somebody_is_due = False
        self._something_happened = True
        with database.snapshot() as tx:
            self._job = self._read_job(tx)
            _require_their_questions(self._job, people)
            self._idle = _visitors(tx, job_id, people)
        self._waiting: list[Participant] = []

    def execute(self, progress: Callable[[Summary], None] | None = None) -> Summary:
        """Let it happen, many pages in a transaction.

        :param progress: Told the summary so far after every transaction.
        :raises ValueError: Somebody has an answer that the form refuses; the pages since the last
            transaction are undone.
        """
        while self.summary.ended is None:
            with self._database.transaction() as tx:
                orders.place_due_orders(tx)
                self._job = self._read_job(tx)
                enough = self.summary.pages + self._plan.pages_at_once
                while self.summary.ended is None and self.summary.pages < enough:
                    self._step(tx)
                self.summary.seconds = self._now - self._start
                self.summary.state = self._read_job(tx).state
            if progress is not None:
                progress(self.summary)
        return self.summary

    def _step(self, tx: Transaction) -> None:
        """Let the next thing happen."""
        if self._idle and not self._somebody_is_due:
            self._somebody_is_due = True
            self._at(
                self._now + self._chance.expovariate(self._plan.arrivals_per_second), self._come
            )
        if not self._queue:
            self._let_them_try_again()
            return
        at, _, happen = heapq.heappop(self._queue)
        if self._plan.seconds is not None and at > self._start + self._plan.seconds:
            self._move_time(self._start + self._plan.seconds)
            self.summary.ended = "seconds"
            return
        self._move_time(at)
        happen(tx)

    def _let_them_try_again(self) -> None:
        """Send those for whom there was no work once more, if it can have changed; or end.

        Rows come back when a page runs out, when a contributor is removed, when a row turns out to
        need another judgment: all of it something that happened since they were told.
        """
        if self._waiting and self._something_happened:
            self._idle, self._waiting = self._waiting, []
            self._something_happened = False
        else:
            self.summary.ended = "no_work"
            if self._waiting:
                self.summary.closed["no_work"] = len(self._waiting)

    def _come(self, tx: Transaction) -> None:
        """Let one of those who are away come for some pages."""
        self._somebody_is_due = False
        place = self._chance.randrange(len(self._idle))
        self._idle[place], self._idle[-1] = self._idle[-1], self._idle[place]
        visitor = self._idle.pop()
        stays = 1 - 1 / self._plan.pages_per_visit
        visitor.pages_to_go = 1
        while self._chance.random() < stays:
            visitor.pages_to_go += 1
        self._take(tx, visitor)

    def _take(self, tx: Transaction, visitor: Participant) -> None:
        """Give somebody a page, and let them begin."""
        try:
            page = take_page(tx, self._job, visitor.who.worker, only=visitor.only)
        except NoPageAvailable as closed:
            self._turn_away(tx, visitor, closed.reason)
            return
        answers = self._fill(visitor, page)
        if answers is None:
            self.summary.left_open += 1
            self.summary.closed["no_recorded_answer"] += 1
            self._at(page.expires_at + 1, self._notice)
        elif visitor.who.abandons(page.assignment_id):
            self._at(page.expires_at + 1, lambda _: self._fail(visitor))
        else:
            done = self._now + sum(map(visitor.who.seconds, page.units))
            self._at(done, lambda tx: self._hand_in(tx, visitor, page, answers))

    def _turn_away(self, tx: Transaction, visitor: Participant, reason: str) -> None:
        """Remember why somebody gets no page."""
        if reason == "job_not_running":
            state = self._read_job(tx).state
            self.summary.ended = "finished" if state == "finished" else "not_running"
        elif reason == "no_work":
            self._waiting.append(visitor)
        else:
            self.summary.closed[reason] += 1

    def _fill(self, visitor: Participant, page: Page) -> dict[int, Mapping[str, Any]] | None:
        """Fill in a page as its contributor does; ``None`` when they cannot."""
        answers: dict[int, Mapping[str, Any]] = {}
        for unit in page.units:
            form = form_for(self._job.cml, unit.data)
            # Contributors of a simulation may look at what nobody else sees: what is right.
            whole = replace(unit, data={**unit.data, **unit.hidden}) if unit.hidden else unit
            filled = visitor.who.fill(form, whole, visitor.who.pages_submitted[self._job_id])
            if filled is None:
                return None
            answers[unit.id] = filled
        return answers

    def _hand_in(
        self,
        tx: Transaction,
        visitor: Participant,
        page: Page,
        answers: Mapping[int, Mapping[str, Any]],
    ) -> None:
        """Hand a page in, as often as its contributor does, and go on or go."""
        try:
            for time in range(visitor.who.profile.hands_in):
                receipt = submit(tx, visitor.who.worker, page.assignment_id, page.token, answers)
                self.summary.judgments += receipt.judgments if time == 0 else 0
        except (Expired, Conflict):
            self._fail(visitor)
            return
        except Invalid as refusal:
            raise ValueError(_refused(visitor.who, answers, refusal)) from refusal
        self.summary.pages += 1
        self.summary.ended = self._plan.reached(self.summary)
        self._something_happened = True
        visitor.who.pages_submitted[self._job_id] += 1
        visitor.failures = 0
        visitor.pages_to_go -= 1
        if visitor.pages_to_go and self.summary.ended is None:
            self._take(tx, visitor)
        else:
            self._idle.append(visitor)

    def _fail(self, visitor: Participant) -> None:
        """Somebody's page ran out on them; they may come again, for so long."""
        self.summary.left_open += 1
        self._something_happened = True
        visitor.failures += 1
        if visitor.failures < MAX_FAILED_PAGES:
            self._idle.append(visitor)
        else:
            self.summary.closed["gave_up"] += 1

    def _notice(self, _: Transaction) -> None:
        self._something_happened = True

    def _at(self, when: float, happen: Callable[[Transaction], None]) -> None:
        heapq.heappush(self._queue, (when, next(self._order), happen))

    def _move_time(self, now: float) -> None:
        """Let virtual time be so late; a clock on the wall goes by itself."""
        self._now = now
        if self._clock.virtual:
            self._clock.advance_silently(max(0.0, now - self._clock.now()))

    def _read_job(self, tx: Transaction) -> Row[Any]:
        found: Row[Any] | None = tx.one(select(jobs).where(jobs.c.id == self._job_id))
        if found is None:
            raise LookupError(f"There is no job {self._job_id} in this sandbox.")
        return found


def _require_their_questions(job: Row[Any], people: Sequence[Contributor]) -> None:
    """Refuse people who know about none of the questions of a job, rather than let them guess."""
    fields = parse(job.cml).fields if job.cml else ()
    asked = {question.name for question in fields}
    for known in {frozenset(who.questions) for who in people}:
        if known and asked.isdisjoint(known) and not any(each.dynamic for each in fields):
            raise ValueError(
                f"Somebody in the crowd is to answer {', '.join(sorted(known))}, and job {job.id} "
                f"asks {', '.join(sorted(asked)) or 'nothing'}."
            )


def _visitors(tx: Transaction, job_id: int, people: Sequence[Contributor]) -> list[Participant]:
    """Find out who would work on what."""

    @cache
    def with_value(column: str) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = {}
        rows = tx.all(select(units.c.id, units.c.data).where(units.c.job_id == job_id))
        for row in rows:
            if column in row.data:
                found.setdefault(str(row.data[column]), []).append(row.id)
        if rows and not found:
            raise ValueError(
                f"The rows of job {job_id} have no column {column!r}; they have "
                f"{', '.join(rows[0].data)}."
            )
        return found

    visitors = [Participant(who, who.reach(with_value)) for who in people]
    bound = [visitor for visitor in visitors if visitor.only is not None]
    if bound and len(bound) == len(visitors) and not any(visitor.only for visitor in bound):
        raise ValueError(
            f"Of the {len(bound)} contributors who repeat recorded answers, none has answered a "
            f"task of job {job_id}: do the votes and the column name tasks alike?"
        )
    return visitors


def _refused(who: Contributor, answers: Mapping[int, Mapping[str, Any]], refusal: Invalid) -> str:
    """Say whose answer to what was refused, and why."""
    for unit, errors in refusal.fields.items():
        for question, message in errors.items():
            given = answers.get(unit, {}).get(question)
            return f"{who!r} answers {question!r} of unit {unit} with {given!r}: {message}"
    return f"{who!r} handed in a page that was refused: {refusal.message}"
