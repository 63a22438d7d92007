"""Submits a page: checks its answers, stores its judgments, grades its test questions, pays it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, cast

from crowdflower.quality import trust
from crowdflower.sandbox import forms
from crowdflower.sandbox.errors import Conflict, Expired, Invalid, NotFound
from crowdflower.sandbox.rules import gold_answers, money, quiz
from crowdflower.sandbox.rules.completion import closing, stopping_rule, worker_trust
from crowdflower.sandbox.rules.counters import CountedUnit, CounterChanges
from crowdflower.sandbox.rules.jobs import caps, jobs
from crowdflower.sandbox.rules.results import aggregation, webhook_events
from crowdflower.sandbox.rules.settings import questions
from crowdflower.sandbox.rules.settings.value_types import truthy
from crowdflower.sandbox.rules.work import handout
from crowdflower.sandbox.rules.work.receipts import Feedback, Receipt
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.column_types import decode, encode
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.fast import agreements, page_facts, page_queries, page_writes
from crowdflower.sandbox.store.fast.page_facts import JobFacts, WorkerFacts
from crowdflower.sandbox.store.fast.page_queries import PageRow, PageUnitRow

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.cml import Checked

__all__ = ["Feedback", "Receipt", "submit"]


@dataclass
class _UnitAnswers:
    """A unit of the page with the answers of the contributor."""

    unit: PageUnitRow

    data: dict[str, Any]
    """The unit's data; empty unless it is a test question or the form depends on the data."""

    answers: dict[str, Any]

    text: str
    """The answers as JSON."""

    missed: tuple[str, ...] = ()
    """Questions that were answered incorrectly; only for a test question."""

    graded: bool = False
    """Whether the unit has accepted answers to compare with."""


@dataclass
class _Outcome:
    """What a page changes for its contributor."""

    state: str
    trust: float
    golds_seen: int
    golds_missed: int
    tainted: bool = False
    passed: bool | None = None
    feedback: tuple[Feedback, ...] = ()


def submit(
    tx: Transaction,
    worker: Row[Any],
    assignment_id: int,
    token: str,
    answers: Mapping[int, Mapping[str, Any]],
) -> Receipt:
    """Submit a page: store its judgments, grade its test questions, finalize its units, pay it.

    Idempotent: a page that was submitted before returns its first receipt and changes nothing.

    :param token: The token that came with the page.
    :param answers: ``{unit: {question: answer}}``; a unit that is left out has no answers.
    :raises NotFound: The contributor has no such page.
    :raises Conflict: The token belongs to another page, or the page was released.
    :raises Expired: The time for the page is over.
    :raises Invalid: Answers are missing or invalid; the error names each by unit and question.
        Nothing is stored, and the page stays open.
    """
    page = page_queries.find_page(tx.driver, assignment_id)
    if page is not None and locks.lock_job(tx, page.job_id):
        page = page_queries.find_page(tx.driver, assignment_id)
    if page is None or page.worker_id != worker.id:
        raise NotFound
    if not compare_digest(page.form_token.encode(), token.encode(errors="replace")):
        raise Conflict("This page was handed out with another token. Load it again.")
    if page.receipt is not None:
        return Receipt.from_text(page.receipt)
    if page.state == "released":
        raise Conflict("This page was withdrawn: the job ended, or you may not work on it.")
    now = tx.clock.now()
    if page.state == "expired" or page.expires_at <= now:
        raise Expired("The time for this page is over; its rows were given to other contributors.")
    job = page_facts.read_job(tx.driver, page.job_id)
    is_static = forms.static_form(job.cml or "") is not None
    units = page_queries.read_page_units(tx.driver, page.id, with_data=not is_static)
    answered, fields = _check_answers(tx, job, units, answers)
    facts = page_facts.read_worker(tx.driver, job.id, worker.id, worker.channel)
    outcome = _grade(job, page, facts, answered)
    _store_judgments(tx, job, page, worker, answered, outcome)
    changes, finalized = _update_units(tx, job, fields, answered, outcome)
    receipt = Receipt(
        page.id,
        cast(handout.Mode, page.mode),
        len(answered),
        outcome.passed,
        outcome.state,
        round(outcome.trust, 4),
        page.pay_mc / money.CENT,
        outcome.feedback,
    )
    page_writes.close_page(tx.driver, page.id, receipt.to_text(), now)
    if job.webhook_uri:
        webhook_events.queue_new_judgments(tx, job.id, page.id)
        webhook_events.queue_units_complete(tx, job.id, finalized)
    _settle_page(tx, job, page, worker, outcome, changes)
    return receipt


def _check_answers(
    tx: Transaction,
    job: JobFacts,
    units: Sequence[PageUnitRow],
    answers: Mapping[int, Mapping[str, Any]],
) -> tuple[list[_UnitAnswers], Mapping[str, str]]:
    """Check the answers to each unit against its form, and add its questions to the job.

    :returns: The answers, and the questions of the job with their aggregations.
    :raises Invalid: Answers are missing or invalid, or a unit is not on the page.
    """
    unknown = answers.keys() - {unit.id for unit in units}
    if unknown:
        raise Invalid(f"Unit {min(unknown)} is not on this page.")
    hidden = gold_answers.hidden_columns(job.gold)
    static = forms.static_form(job.cml or "")
    answered, errors, fields = [], {}, static.aggregations() if static else {}
    results: dict[str, tuple[Checked, str]] = {}  # many units of a page get the same answers
    for unit in units:
        data = decode(unit.data)
        form = static
        if form is None:
            form = forms.form_for(job.cml or "", gold_answers.visible_data(data, hidden))
            fields |= form.aggregations()
            results.clear()
        given = answers.get(unit.id, {})
        key = repr(given)
        if key not in results:
            checked = form.check(given)
            results[key] = checked, encode(checked.answers)
        checked, text = results[key]
        if checked.errors:
            errors[unit.id] = checked.errors
            continue
        each = _UnitAnswers(unit, data, checked.answers, text)
        if unit.is_gold:
            accepted = gold_answers.accepted_answers(job.gold, data)
            each.graded = bool(accepted)
            each.missed = form.missed(checked.answers, accepted)
        answered.append(each)
    if errors:
        raise Invalid("Some answers are missing or invalid.", fields=errors)
    known = job.fields or {}
    if fields.keys() - known.keys():
        known = questions.add_fields(tx, job.id, fields)
    return answered, known


def _grade(
    job: JobFacts, page: PageRow, facts: WorkerFacts, answered: Sequence[_UnitAnswers]
) -> _Outcome:
    """Grade the test questions of a page, and compute the contributor's new trust and state."""
    golds = [each for each in answered if each.unit.is_gold]
    seen = facts.golds_seen + sum(each.graded for each in golds)
    missed = facts.golds_missed + sum(bool(each.missed) for each in golds)
    now = trust(seen, missed, facts.golds_forgiven)
    outcome = _Outcome(facts.state or "working", now, seen, missed)
    if not truthy(job.options.get("hide_correct_answers")):
        outcome.feedback = _feedback(job, golds)
    enough = now >= quiz.min_trust(job)
    if page.mode == "quiz":
        outcome.passed = enough
        outcome.state = "working" if enough else "failed_quiz"
        outcome.tainted = not enough
        return outcome
    if facts.state == "quiz":
        outcome.state = "working"
    if seen > facts.golds_seen and seen >= quiz.gold_before_removal(job) and not enough:
        outcome.state, outcome.tainted = "removed", True
    return outcome


def _feedback(job: JobFacts, golds: Sequence[_UnitAnswers]) -> tuple[Feedback, ...]:
    return tuple(
        Feedback(each.unit.id, name, tuple(accepted[name]), reason)
        for each in golds
        if each.missed and each.unit.state != "hidden_gold"
        for accepted in [gold_answers.accepted_answers(job.gold, each.data)]
        for name in each.missed
        for reason in [gold_answers.reason(job.gold, each.data, name)]
    )


def _store_judgments(
    tx: Transaction,
    job: JobFacts,
    page: PageRow,
    worker: Row[Any],
    answered: Sequence[_UnitAnswers],
    outcome: _Outcome,
) -> None:
    """Insert the judgments of a page, and update its contributor.

    The price of the page is shared among its units; test questions are free.
    """
    now = tx.clock.now()
    paid = sum(not each.unit.is_gold for each in answered)
    price, rest = divmod(page.cost_mc, paid) if paid else (0, 0)
    origin = (worker.channel, worker.country, worker.region, worker.city, worker.ip)
    lines = []
    for each in answered:
        golden = bool(each.unit.is_gold)
        cost = 0 if golden else price + rest
        rest = rest if golden else 0
        lines.append(
            (
                job.id,
                each.unit.id,
                worker.id,
                page.id,
                each.text,
                outcome.trust,
                golden,
                bool(each.missed) if golden else None,
                outcome.tainted,
                *origin,
                cost,
                page.started_at,
                now,
            )
        )
    page_writes.insert_judgments(tx.driver, lines)
    counts = (outcome.golds_seen, outcome.golds_missed, len(answered), page.pay_mc)
    tainted_at = now if outcome.tainted else None
    page_writes.update_worker(
        tx.driver, (outcome.state, outcome.trust, *counts, tainted_at, now, job.id, worker.id)
    )


def _update_units(
    tx: Transaction,
    job: JobFacts,
    fields: Mapping[str, str],
    answered: Sequence[_UnitAnswers],
    outcome: _Outcome,
) -> tuple[CounterChanges, list[int]]:
    """Add the judgments of a page to its units, and finalize the units that have enough.

    :param fields: The questions of the job with their aggregations.
    :returns: The changes of the job's counters, and the ids of the finalized units.
    """
    now, tainted = tx.clock.now(), outcome.tainted
    changes = CounterChanges(judgments=len(answered), tainted=len(answered) if tainted else 0)
    finalized, results = [], []
    judgments: dict[int, list[aggregation.WeightedAnswers]] = {}
    if job.variable_judgments_mode != "none":
        judgments = aggregation.read_trusted(tx, [each.unit.id for each in answered])
    for each in answered:
        unit = each.unit
        state, needed, open_slots = unit.state, unit.needed, unit.open_slots
        finalized_at = unit.finalized_at
        trusted = unit.judgments_count + (not tainted)
        if state == "judgable":
            unit_judgments = judgments.get(unit.id, ())
            state, needed = stopping_rule.next_state(job, state, needed, trusted, unit_judgments)
            # This page no longer reserves the unit.
            open_slots = max(0, needed - trusted - (unit.reserved - 1))
            if state == "finalized":
                finalized_at = now
                finalized.append(unit.id)
        changes.move(unit, CountedUnit(state, needed, trusted))
        tainted_count, missed_count = unit.tainted_count + tainted, unit.missed_count
        counts = (tainted_count, needed, open_slots, missed_count + bool(each.missed))
        results.append((unit.id, state, trusted, *counts, finalized_at))
    final = [unit_id for unit_id, state, *_ in results if state == "finalized"]
    agreed = agreements.read_agreements(tx.driver, fields, final)
    page_writes.update_units(
        tx.driver,
        [(*values, agreed.get(unit_id), now, now, unit_id) for unit_id, *values in results],
    )
    return changes, finalized


def _settle_page(
    tx: Transaction,
    job: JobFacts,
    page: PageRow,
    worker: Row[Any],
    outcome: _Outcome,
    changes: CounterChanges,
) -> None:
    """Charge the page, update the job's counters, and act on trust, the end of work and funds."""
    if page.cost_mc:
        money.charge(tx, job.id, job.account_id, page.cost_mc)
    page_writes.update_job(
        tx.driver,
        (
            changes.judgable,
            changes.finalized,
            changes.needed,
            changes.judgments,
            changes.tainted,
            page.pay_mc,
            tx.clock.now(),
            job.id,
        ),
    )
    if outcome.tainted:
        worker_trust.taint_judgments(tx, jobs.load(tx, job.id), worker.id)
        tx.record(f"worker_{outcome.state}", job.id, worker_id=worker.id, trust=outcome.trust)
    if job.judgable_count + changes.judgable == 0 and closing.finish_if_done(tx, job.id):
        return
    if page.cost_mc and not money.can_cover(tx, job.id, job.account_id, page.cost_mc):
        jobs.pause_automatically(tx, job.id, "funds")
    if page.cost_mc and job.cap_mc is not None:
        next_cost = money.with_fee(job.payment_mc, job.markup_pct)
        if caps.read_room(tx, job.id, job.cap_mc).now < next_cost:
            jobs.pause_automatically(tx, job.id, "cap")
