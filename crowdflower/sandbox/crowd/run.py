"""One run of a crowd over one job: a discrete-event simulation.

Contributors arrive, take pages, work, submit and leave. Events wait in a queue with the time they
happen at; the earliest is taken out, virtual time moves there, and the event schedules further
ones. In virtual time, nothing waits.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from crowdflower.cml import CMLError, parse
from crowdflower.cml.problems import did_you_mean
from crowdflower.sandbox.crowd.plan import Summary
from crowdflower.sandbox.errors import Conflict, Expired, Invalid
from crowdflower.sandbox.forms import form_for
from crowdflower.sandbox.rules import visibility
from crowdflower.sandbox.rules.jobs import orders
from crowdflower.sandbox.rules.work.handout import NoPageAvailable, take_page
from crowdflower.sandbox.rules.work.submission import submit
from crowdflower.sandbox.store.fast import page_facts
from crowdflower.sandbox.store.tables import job as jobs
from crowdflower.sandbox.store.tables import unit as units

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from crowdflower.sandbox.crowd.contributor import Contributor
    from crowdflower.sandbox.crowd.plan import Plan
    from crowdflower.sandbox.rules.work.handout import Page
    from crowdflower.sandbox.store import Database, Transaction
    from crowdflower.sandbox.store.fast.page_facts import JobFacts

MISSPELLED: Final = 0.7
"""Similarity, from 0 to 1, from which on a name is a misspelling of another."""

MAX_FAILED_PAGES: Final = 20
"""Pages in a row that a contributor may leave unsubmitted before they leave for good."""


@dataclass
class Participant:
    """A contributor during a run."""

    contributor: Contributor

    only: Collection[int] | None
    """The ids of the units they can answer; ``None`` for all."""

    pages_to_go: int = 0
    """Pages left in this visit."""

    failures: int = 0
    """Pages in a row that they did not submit."""


class Run:
    """One run of a crowd over a job.

    :param number: Distinguishes the runs over one job, whose arrivals are drawn differently.
    :raises LookupError: The sandbox has no such job.
    :raises ValueError: The contributors were configured only for questions or tasks that the job
        does not have, or for a misspelled one.
    """

    def __init__(
        self,
        database: Database,
        job_id: int,
        contributors: Sequence[Contributor],
        plan: Plan,
        number: int = 0,
    ) -> None:
        self.summary = Summary()
        self._database = database
        self._clock = database.clock
        self._plan = plan
        self._job_id = job_id
        self._random = self._clock.random("schedule", job_id, number)
        self._now = self._start = self._clock.now()
        self._queue: list[tuple[float, int, Callable[[Transaction], None]]] = []
        self._order = count()
        self._arrival_is_scheduled = False
        self._has_changed = True
        """Whether the job changed since the waiting contributors found no work."""
        with database.snapshot() as tx:
            self._job = page_facts.read_job(tx.driver, self._job_id)
            _require_questions(self._job, contributors)
            self._away = _participants(tx, job_id, contributors)
        self._waiting: list[Participant] = []

    def execute(self, progress: Callable[[Summary], None] | None = None) -> Summary:
        """Run until the end, with many pages per transaction.

        :param progress: Called with the summary so far after every transaction.
        :raises ValueError: The form refuses an answer; the pages since the last transaction are
            rolled back.
        """
        while self.summary.ended is None:
            with self._database.transaction() as tx:
                orders.place_due_orders(tx)
                self._job = page_facts.read_job(tx.driver, self._job_id)
                enough = self.summary.pages + self._plan.pages_at_once
                while self.summary.ended is None and self.summary.pages < enough:
                    self._step(tx)
                self.summary.seconds = self._now - self._start
                self.summary.state = self._read_state(tx)
            if progress is not None:
                progress(self.summary)
        return self.summary

    def _step(self, tx: Transaction) -> None:
        """Execute the next event."""
        if self._away and not self._arrival_is_scheduled:
            self._arrival_is_scheduled = True
            delay = self._random.expovariate(self._plan.arrivals_per_second)
            self._schedule(self._now + delay, self._arrive)
        if not self._queue:
            self._retry_waiting()
            return
        at, _, event = heapq.heappop(self._queue)
        if self._plan.seconds is not None and at > self._start + self._plan.seconds:
            self._move_time(self._start + self._plan.seconds)
            self.summary.ended = "seconds"
            return
        self._move_time(at)
        event(tx)

    def _retry_waiting(self) -> None:
        """Let the contributors who found no work try again if the job has changed; else end.

        Units become free when a page expires, when a contributor is removed, and when a unit needs
        another judgment.
        """
        if self._waiting and self._has_changed:
            self._away, self._waiting = self._waiting, []
            self._has_changed = False
        else:
            self.summary.ended = "no_work"
            if self._waiting:
                self.summary.closed["no_work"] = len(self._waiting)

    def _arrive(self, tx: Transaction) -> None:
        """Let a random contributor arrive for a number of pages."""
        self._arrival_is_scheduled = False
        place = self._random.randrange(len(self._away))
        self._away[place], self._away[-1] = self._away[-1], self._away[place]
        participant = self._away.pop()
        stay_probability = 1 - 1 / self._plan.pages_per_visit
        participant.pages_to_go = 1
        while self._random.random() < stay_probability:
            participant.pages_to_go += 1
        self._take_page(tx, participant)

    def _take_page(self, tx: Transaction, participant: Participant) -> None:
        """Take a page for a contributor, and schedule its submission or expiry."""
        contributor = participant.contributor
        try:
            page = take_page(tx, self._job, contributor.worker, only=participant.only)
        except NoPageAvailable as refusal:
            self._turn_away(tx, participant, refusal.reason)
            return
        answers = self._fill(contributor, page)
        if answers is None:
            self.summary.left_open += 1
            self.summary.closed["no_recorded_answer"] += 1
            self._schedule(page.expires_at + 1, self._mark_changed)
        elif contributor.abandons(page.assignment_id):
            self._schedule(page.expires_at + 1, lambda _: self._fail(participant))
        else:
            done_at = self._now + sum(map(contributor.seconds, page.units))
            self._schedule(done_at, lambda tx: self._submit(tx, participant, page, answers))

    def _turn_away(self, tx: Transaction, participant: Participant, reason: str) -> None:
        """End the run, let the contributor wait, or count the reason why they get no page."""
        if reason == "job_not_running":
            state = self._read_state(tx)
            self.summary.ended = "finished" if state == "finished" else "not_running"
        elif reason == "no_work":
            self._waiting.append(participant)
        else:
            self.summary.closed[reason] += 1

    def _fill(self, contributor: Contributor, page: Page) -> dict[int, Mapping[str, Any]] | None:
        """Answer the questions of a page; ``None`` when the contributor has no answer."""
        answers: dict[int, Mapping[str, Any]] = {}
        for unit in page.units:
            form = form_for(self._job.cml or "", unit.data)
            # Simulated contributors may see the columns with the right answers.
            whole = replace(unit, data={**unit.data, **unit.hidden}) if unit.hidden else unit
            answered = contributor.fill(form, whole, contributor.pages_submitted[self._job_id])
            if answered is None:
                return None
            answers[unit.id] = answered
        return answers

    def _submit(
        self,
        tx: Transaction,
        participant: Participant,
        page: Page,
        answers: Mapping[int, Mapping[str, Any]],
    ) -> None:
        """Submit a page, as often as the profile says; then take the next page or leave."""
        contributor = participant.contributor
        try:
            for attempt in range(contributor.profile.hands_in):
                receipt = submit(tx, contributor.worker, page.assignment_id, page.token, answers)
                self.summary.judgments += receipt.judgments if attempt == 0 else 0
        except (Expired, Conflict):
            self._fail(participant)
            return
        except Invalid as refusal:
            raise ValueError(_refusal_message(contributor, answers, refusal)) from refusal
        self.summary.pages += 1
        self.summary.ended = self._plan.reached_limit(self.summary)
        self._has_changed = True
        contributor.pages_submitted[self._job_id] += 1
        participant.failures = 0
        participant.pages_to_go -= 1
        if participant.pages_to_go and self.summary.ended is None:
            self._take_page(tx, participant)
        else:
            self._away.append(participant)

    def _fail(self, participant: Participant) -> None:
        """Count a page that was not submitted in time; after too many, the contributor gives up."""
        self.summary.left_open += 1
        self._has_changed = True
        participant.failures += 1
        if participant.failures < MAX_FAILED_PAGES:
            self._away.append(participant)
        else:
            self.summary.closed["gave_up"] += 1

    def _mark_changed(self, _: Transaction) -> None:
        self._has_changed = True

    def _schedule(self, at: float, event: Callable[[Transaction], None]) -> None:
        heapq.heappush(self._queue, (at, next(self._order), event))

    def _move_time(self, now: float) -> None:
        """Move virtual time forward; a real clock advances by itself."""
        self._now = now
        if self._clock.virtual:
            self._clock.advance_silently(max(0.0, now - self._clock.now()))

    def _read_state(self, tx: Transaction) -> str:
        return page_facts.read_state(tx.driver, self._job_id)


def require_fields(tx: Transaction, names: Iterable[str]) -> None:
    """Refuse names that no form has; one crowd may work on several jobs.

    Without any form, and with a form whose names differ from row to row or that cannot be parsed,
    every name is accepted.

    :raises ValueError: No form of this sandbox has such a field.
    """
    query = select(jobs.c.cml).where(jobs.c.deleted_at.is_(None), jobs.c.cml.is_not(None))
    wanted = list(names)
    try:
        forms = [parse(row.cml) for row in tx.all(query)] if wanted else []
    except CMLError:  # raised again when a crowd works on that job
        return
    fields = [field for form in forms for field in form.fields]
    known = list(dict.fromkeys(field.name for field in fields))
    unknown = [name for name in wanted if name not in known]
    if unknown and known and not any(field.dynamic for field in fields):
        hint = did_you_mean(unknown[0], known) or "."
        raise ValueError(
            f"No form has a field {unknown[0]!r}{hint} The fields are: {', '.join(known)}."
        )


def _require_questions(job: JobFacts, contributors: Sequence[Contributor]) -> None:
    """Refuse contributors who would guess: configured for none of the questions, or misspelled.

    They may be configured for questions of other jobs, too, which need not exist yet.
    """
    fields = parse(job.cml).fields if job.cml else ()
    names = {question.name for question in fields}
    if any(each.dynamic for each in fields):
        return
    for known in {frozenset(each.configured_questions) for each in contributors}:
        for name in sorted(known - names):
            hint = did_you_mean(name, sorted(names - known), cutoff=MISSPELLED)
            if hint:
                raise ValueError(
                    f"Contributors were configured for {name!r}, which job {job.id} does not "
                    f"ask{hint} It asks {', '.join(sorted(names))}."
                )
        if known and names.isdisjoint(known):
            raise ValueError(
                f"Contributors were configured for {', '.join(sorted(known))}, but job {job.id} "
                f"asks {', '.join(sorted(names)) or 'nothing'}."
            )


def _participants(
    tx: Transaction, job_id: int, contributors: Sequence[Contributor]
) -> list[Participant]:
    """Find the units that each contributor can answer."""

    @cache
    def units_by_value(column: str) -> Mapping[str, list[int]]:
        ids: dict[str, list[int]] = {}
        rows = tx.all(select(units.c.id, units.c.data).where(*visibility.units_of(tx, job_id)))
        for row in rows:
            if column in row.data:
                ids.setdefault(str(row.data[column]), []).append(row.id)
        if rows and not ids:
            raise ValueError(
                f"The rows of job {job_id} have no column {column!r}; they have "
                f"{', '.join(rows[0].data)}."
            )
        return ids

    participants = [
        Participant(each, each.units_to_answer(units_by_value)) for each in contributors
    ]
    limited = [each for each in participants if each.only is not None]
    if limited and len(limited) == len(participants) and not any(each.only for each in limited):
        raise ValueError(
            f"None of the {len(limited)} contributors with recorded answers has answered a task of "
            f"job {job_id}: check that the votes and the key column name tasks alike."
        )
    return participants


def _refusal_message(
    contributor: Contributor, answers: Mapping[int, Mapping[str, Any]], refusal: Invalid
) -> str:
    """Return a message about the first answer that the form refused."""
    for unit, errors in refusal.fields.items():
        for question, message in errors.items():
            value = answers.get(unit, {}).get(question)
            return f"{contributor!r} answers {question!r} of unit {unit} with {value!r}: {message}"
    return f"{contributor!r} submitted a page that was refused: {refusal.message}"
