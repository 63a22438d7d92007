"""One judgment by itself: put in by hand, looked at again, or thrown away.

The service lists these calls and keeps them for its own staff; here tests use them to bring a row
into the state that they are about.
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
    """Let a contributor take a page with one row and hand it in, all at once.

    :param answers: Question to answer; checked as those on any page are.
    :returns: The judgment, as :func:`crowdflower.sandbox.rules.results.judgments.find` does.
    :raises NotFound: There is no such row in the job, or no such contributor.
    :raises Conflict: The contributor may not judge this row now; the message says why.
    :raises Invalid: An answer is missing or not as it has to be.
    """
    row, worker = (
        units.find(tx, jobs.load_for_update(tx, job), unit_id),
        workers.find(tx, worker_id),
    )
    try:
        page = handout.take_page(tx, job, worker, only={row.id})
    except handout.NoPageAvailable as closed:
        why = _conflict_message(tx, row, worker_id) if closed.reason == "no_work" else ""
        raise Conflict(why or str(closed)) from None
    if [each.id for each in page.units] != [row.id]:
        raise Conflict(f"Contributor {worker_id} has another page open in this job.")
    submission.submit(tx, worker, page.assignment_id, page.token, {row.id: answers})
    by_them = (judgment.c.unit_id == row.id, judgment.c.worker_id == worker_id)
    return judgments.find(tx, job, tx.one(select(judgment.c.id).where(*by_them)).id)


def _conflict_message(tx: Transaction, row: Row[Any], worker_id: int) -> str:
    """Say why a row takes no judgment of a contributor, if it is for the row itself."""
    by_them = (judgment.c.unit_id == row.id, judgment.c.worker_id == worker_id)
    if tx.one(select(judgment.c.id).where(*by_them)) is not None:
        return f"Contributor {worker_id} has judged unit {row.id} already."
    if row.state not in {"judgable", *GOLD_STATES}:
        return f"Unit {row.id} is {row.state} and takes no judgment."
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
    """Look at a judgment again; rows open and close by what counts after that.

    :param reviewed: Whether somebody has looked at it.
    :param missed: Whether the answer to a test question is wrong. Who gave it gains or loses trust,
        and may work again when there is enough of it; nobody is removed before their next page.
    :param tainted: Whether it does not count.
    :raises NotFound: The job has no such judgment.
    :raises Invalid: It was rejected, or is no answer to a test question and cannot be missed.
    """
    current = jobs.load_for_update(tx, job)
    before = judgments.find(tx, job, judgment_id)
    if before.rejected:
        raise Invalid(f"Judgment {judgment_id} was rejected and stays so.")
    if reviewed is not None:
        _update_judgment(tx, judgment_id, reviewed=reviewed)
    if missed is not None and missed != before.missed:
        if not before.golden:
            raise Invalid(f"Judgment {judgment_id} answers no test question: it misses nothing.")
        _set_missed(tx, current, before, missed=missed)
    if tainted is not None and tainted != judgments.find(tx, job, judgment_id).tainted:
        _update_judgment(tx, judgment_id, tainted=tainted)
        more = 1 if tainted else -1
        CounterChanges(tainted=more).save(tx, job.id)
        finalization.change_counts(tx, current, [before.unit_id], trusted=-more, tainted=more)
    return judgments.find(tx, job, judgment_id)


def reject_judgment(tx: Transaction, job: Row[Any], judgment_id: int) -> None:
    """Remove a judgment from every count; the full report still shows it, as tainted.

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
    standing = workers.find_in_job(tx, job, before.worker_id)
    seen = standing.golds_seen - bool(before.golden)
    wrong = standing.golds_missed - bool(before.missed)
    # Who was forgiven this very answer has one less to be forgiven.
    gone = max(0, wrong - seen)
    _update_gold_counts(
        tx, standing, seen=seen, missed=wrong - gone, forgiven=standing.golds_forgiven - gone
    )
    changed = {"judgments_count": worker_job.c.judgments_count - 1}
    tx.run(update(worker_job).where(*_is_standing(standing)).values(changed))
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
    standing = workers.find_in_job(tx, job, before.worker_id)
    wrong, forgiven = standing.golds_missed, standing.golds_forgiven
    if forgiven:
        forgiven -= 1
    else:
        wrong += 1
    _update_gold_counts(tx, standing, seen=standing.golds_seen, missed=wrong, forgiven=forgiven)


def _update_gold_counts(
    tx: Transaction, standing: Row[Any], *, seen: int, missed: int, forgiven: int
) -> None:
    """Write how a contributor has answered the test questions, and the trust that comes of it."""
    values = {
        "golds_seen": seen,
        "golds_missed": missed,
        "golds_forgiven": forgiven,
        "trust": trust(seen, missed, forgiven),
    }
    tx.run(update(worker_job).where(*_is_standing(standing)).values(values))


def _is_standing(standing: Row[Any]) -> tuple[Any, Any]:
    return (
        worker_job.c.job_id == standing.job_id,
        worker_job.c.worker_id == standing.worker_id,
    )


def _update_judgment(tx: Transaction, judgment_id: int, **values: bool) -> None:
    tx.run(update(judgment).where(judgment.c.id == judgment_id).values(values))
