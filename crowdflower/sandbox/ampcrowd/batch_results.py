"""Aggregates the answers of complete batches into the results that callbacks post.

In the original, expectation-maximization is commented out, and the first answer is sent. Here a
group gets the quality control that it asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Row, exists, select, update

from crowdflower.quality import dawid_skene, majority_vote
from crowdflower.quality.trust_and_confidence import TIE_DIGITS
from crowdflower.sandbox.ampcrowd.task_forms import TASK_FORMS, TaskForm
from crowdflower.sandbox.store.ampcrowd_tables import amp_group, amp_point, amp_task
from crowdflower.sandbox.store.tables import judgment, unit

if TYPE_CHECKING:
    from crowdflower.sandbox.store import Transaction

Vote: TypeAlias = tuple[str, int, str]
"""Identifier of the point, id of the contributor, answer."""

ABANDONED = "callback_abandoned"
"""Kind of the event for a batch that is given up."""

NO_VALID_ANSWERS = "there are no valid answers"

INITIAL_ACCURACY, ITERATIONS = 0.7, 20
"""Settings of expectation-maximization, the same as in the original."""


def aggregate_votes(quality_control: str, votes: Sequence[Vote]) -> dict[str, float]:
    """Aggregate the answers for each point into one.

    :param quality_control: ``mv`` for a majority vote, or ``em`` for expectation-maximization after
        Dawid and Skene. The earliest answer wins a tie.

    >>> aggregate_votes("mv", [("t1", 1, "4"), ("t1", 2, "5"), ("t1", 3, "5")])
    {'t1': 5.0}
    """
    if quality_control == "em":
        outcome = dawid_skene(
            votes, accuracy=INITIAL_ACCURACY, smoothing=0, passes=ITERATIONS, warn=False
        )
    else:
        outcome = majority_vote(votes)
    results: dict[str, float] = {}
    for name, _, label in votes:
        row = outcome.probabilities[name]
        best = row[outcome.labels[name]]
        is_best = round(row[label], TIE_DIGITS) == round(best, TIE_DIGITS)
        if name not in results and is_best:
            results[name] = float(label)
    return results


def aggregate_batches(tx: Transaction) -> int:
    """Aggregate the answers of newly complete batches, and mark their results as due for posting.

    Expectation-maximization uses all answers of the group so far; a majority vote only needs those
    of the batch. The owner of the job may change its form or reject judgments, so a point may have
    no valid answers; it is left out, and a batch of such points is given up.

    :returns: The number of newly complete batches.
    """
    unfinished = (
        select(amp_point.c.unit_id)
        .join(unit, unit.c.id == amp_point.c.unit_id)
        .where(amp_point.c.task_id == amp_task.c.id, unit.c.state != "finalized")
    )
    query = (
        select(amp_task.c.id, amp_group)
        .join(amp_group, amp_group.c.id == amp_task.c.in_group)
        .where(amp_task.c.state == "open", ~exists(unfinished))
        .order_by(amp_task.c.in_group, amp_task.c.ordinal)
    )

    @cache
    def group_results(group: int, job_id: int, form: TaskForm, method: str) -> Mapping[str, float]:
        return aggregate_votes(method, _read_votes(tx, group, job_id, form))

    complete = tx.all(query)
    for row in complete:
        group = row._mapping  # noqa: SLF001 - two columns are named id
        results = group_results(
            group[amp_group.c.id],
            row.job_id,
            TASK_FORMS[row.task_type],
            row.quality_control,
        )
        names = select(amp_point.c.identifier).where(amp_point.c.task_id == group[amp_task.c.id])
        answers = [
            {"identifier": point.identifier, "value": results[point.identifier]}
            for point in tx.all(names.order_by(amp_point.c.unit_id))
            if point.identifier in results
        ]
        due = {"state": "due", "answers": answers, "due_at": tx.clock.now()}
        if not answers:
            due |= {"state": "abandoned", "due_at": None, "problem": NO_VALID_ANSWERS}
            tx.record(ABANDONED, row.job_id, group_id=row.group_id, problem=NO_VALID_ANSWERS)
        tx.run(update(amp_task).where(amp_task.c.id == group[amp_task.c.id]).values(due))
    return len(complete)


def _read_votes(tx: Transaction, group: int, job_id: int, form: TaskForm) -> list[Vote]:
    """Read the valid answers of a group, oldest first."""
    possible = form.answers
    query = (
        select(amp_point.c.identifier, judgment.c.worker_id, judgment.c.data)
        .join(amp_point, amp_point.c.unit_id == judgment.c.unit_id)
        .join(amp_task, amp_task.c.id == amp_point.c.task_id)
        .where(amp_task.c.in_group == group, judgment.c.job_id == job_id)
        .where(judgment.c.tainted.is_(False), judgment.c.rejected.is_(False))
        .order_by(judgment.c.id)
    )
    found: list[Row[Any]] = tx.all(query)
    votes = ((row.identifier, row.worker_id, row.data.get(form.question)) for row in found)
    return [vote for vote in votes if vote[2] in possible]
