"""Single judgments: added by hand, changed on review, rejected.

The service lists these calls but keeps them for its own staff; in the sandbox, tests use them to
bring a unit into a certain state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, select, update

from crowdflower.quality import trust
from crowdflower.sandbox.errors import Conflict, Invalid
from crowdflower.sandbox.rules.completion import finalization, forgiveness
from crowdflower.sandbox.rules.counters import GOLD_STATES, CounterChanges
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.results import judgments
from crowdflower.sandbox.rules.units import units
from crowdflower.sandbox.rules.work import handout, submission, workers
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import judgment, unit, worker_job


def submit_judgment(
    tx: Transaction, job: Row[Any], unit_id: int, worker_id: int, answers: Mapping[str, Any]
) -> Row[Any]:
    """Let a contributor take a page with one unit and submit it at once.

    :param answers: ``{question: answer}``, checked as on any page.
    :returns: The judgment, as read by :func:`crowdflower.sandbox.rules.results.judgments.find`.
    :raises NotFound: The job has no such unit, or the contributor is unknown.
    :raises Conflict: The contributor may not judge this unit now; the message says why.
    :raises Invalid: An answer is missing or invalid.
    """
    row, worker = (
        units.find(tx, jobs.load_for_update(tx, job), unit_id),
        workers.find(tx, worker_id),
    )
    try:
        page = handout.take_page(tx, job, worker, only={row.id})
    except handout.NoPageAvailable as error:
        message = _conflict_message(tx, row, worker_id) if error.reason == "no_work" else ""
        raise Conflict(message or str(error)) from None
    if [each.id for each in page.units] != [row.id]:
        raise Conflict(f"Contributor {worker_id} has another page open in this job.")
    submission.submit(tx, worker, page.assignment_id, page.token, {row.id: answers})
    by_them = (judgment.c.unit_id == row.id, judgment.c.worker_id == worker_id)
    return judgments.find(tx, job, tx.one(select(judgment.c.id).where(*by_them)).id)


def _conflict_message(tx: Transaction, row: Row[Any], worker_id: int) -> str:
    """Return why a contributor cannot judge a unit; empty if the reason is not the unit."""
    by_them = (judgment.c.unit_id == row.id, judgment.c.worker_id == worker_id)
    if tx.one(select(judgment.c.id).where(*by_them)) is not None:
        return f"Contributor {worker_id} has judged unit {row.id} already."
    if row.state not in {"judgable", *GOLD_STATES}:
        return f"Unit {row.id} is {row.state} and cannot be judged."
    return ""


def update_judgment(
    tx: Transaction,
    job: Row[Any],
    judgment_id: int,
    *,
    reviewed: bool | None = None,
    missed: bool | None = None,
    tainted: bool | None = None,
) -> Row[Any]:
    """Change a judgment on review; its unit is finalized or reopened accordingly.

    :param reviewed: Whether the judgment was reviewed.
    :param missed: Whether the answer to a test question is wrong. The contributor gains or loses
        trust, and with enough trust may work again; low trust takes effect on the next page.
    :param tainted: Whether the judgment does not count.
    :raises NotFound: The job has no such judgment.
    :raises Invalid: The judgment was rejected, or ``missed`` is set for a judgment of a unit that
        is not a test question.
    """
    current = jobs.load_for_update(tx, job)
    before = judgments.find(tx, job, judgment_id)
    if before.rejected:
        raise Invalid(f"Judgment {judgment_id} was rejected and cannot be changed.")
    if reviewed is not None:
        _update_judgment(tx, judgment_id, reviewed=reviewed)
    if missed is not None and missed != before.missed:
        if not before.golden:
            raise Invalid(
                f"Judgment {judgment_id} is not an answer to a test question: do not set missed."
            )
        _set_missed(tx, current, before, missed=missed)
    if tainted is not None and tainted != judgments.find(tx, job, judgment_id).tainted:
        _update_judgment(tx, judgment_id, tainted=tainted)
        change = 1 if tainted else -1
        CounterChanges(tainted=change).save(tx, job.id)
        finalization.change_counts(tx, current, [before.unit_id], trusted=-change, tainted=change)
    return judgments.find(tx, job, judgment_id)


def reject_judgment(tx: Transaction, job: Row[Any], judgment_id: int) -> None:
    """Remove a judgment from every count; the full report still shows it as tainted.

    :raises NotFound: The job has no such judgment.
    """
    current = jobs.load_for_update(tx, job)
    before = judgments.find(tx, job, judgment_id)
    if before.rejected:
        return
    _update_judgment(tx, judgment_id, tainted=True, rejected=True)
    if before.missed:
        fewer = {"missed_count": unit.c.missed_count - 1}
        tx.run(update(unit).where(unit.c.id == before.unit_id).values(fewer))
    contributor = workers.find_in_job(tx, job, before.worker_id)
    seen = contributor.golds_seen - bool(before.golden)
    wrong = contributor.golds_missed - bool(before.missed)
    # Fewer answers than misses: this very answer was forgiven, so its forgiveness is removed, too.
    forgiven = max(0, wrong - seen)
    _update_gold_counts(
        tx,
        contributor,
        seen=seen,
        missed=wrong - forgiven,
        forgiven=contributor.golds_forgiven - forgiven,
    )
    changed = {"judgments_count": worker_job.c.judgments_count - 1}
    tx.run(update(worker_job).where(*_is_contributor(contributor)).values(changed))
    CounterChanges(judgments=-1, tainted=-int(before.tainted)).save(tx, job.id)
    which = {"tainted": -1} if before.tainted else {"trusted": -1}
    finalization.change_counts(tx, current, [before.unit_id], **which)


def _set_missed(tx: Transaction, job: Row[Any], before: Row[Any], *, missed: bool) -> None:
    if not missed:
        forgiveness.forgive(tx, job, before)
        return
    _update_judgment(tx, before.id, missed=True)
    more = {"missed_count": unit.c.missed_count + 1}
    tx.run(update(unit).where(unit.c.id == before.unit_id).values(more))
    contributor = workers.find_in_job(tx, job, before.worker_id)
    wrong, forgiven = contributor.golds_missed, contributor.golds_forgiven
    if forgiven:
        forgiven -= 1
    else:
        wrong += 1
    _update_gold_counts(
        tx, contributor, seen=contributor.golds_seen, missed=wrong, forgiven=forgiven
    )


def _update_gold_counts(
    tx: Transaction, contributor: Row[Any], *, seen: int, missed: int, forgiven: int
) -> None:
    """Write a contributor's counts of test questions, and the trust that follows from them."""
    values = {
        "golds_seen": seen,
        "golds_missed": missed,
        "golds_forgiven": forgiven,
        "trust": trust(seen, missed, forgiven),
    }
    tx.run(update(worker_job).where(*_is_contributor(contributor)).values(values))


def _is_contributor(contributor: Row[Any]) -> tuple[Any, Any]:
    return (
        worker_job.c.job_id == contributor.job_id,
        worker_job.c.worker_id == contributor.worker_id,
    )


def _update_judgment(tx: Transaction, judgment_id: int, **values: bool) -> None:
    tx.run(update(judgment).where(judgment.c.id == judgment_id).values(values))
