"""Batches that everybody has answered, and what their answers come to.

The original has expectation-maximization written and commented out, and sends the first answer that
came. Here a group gets what it asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Row, exists, select, update

from crowdflower.quality import dawid_skene, majority_vote
from crowdflower.sandbox.ampcrowd.task_forms import KINDS, Kind
from crowdflower.sandbox.store.ampcrowd_tables import amp_group, amp_point, amp_task
from crowdflower.sandbox.store.tables import judgment, unit

if TYPE_CHECKING:
    from crowdflower.sandbox.store import Transaction

Vote: TypeAlias = tuple[str, int, str]
"""Identifier of the point, number of the contributor, answer."""

ABANDONED = "callback_abandoned"
"""What is recorded of a batch that will not be posted any more."""

NOTHING_COUNTS = "nobody has given an answer that counts"

GUESS, PASSES = 0.7, 20
"""Where the original's expectation-maximization begins, and how long it goes on."""


def values(quality_control: str, votes: Sequence[Vote]) -> dict[str, float]:
    """Make one answer of several, for each point.

    :param quality_control: ``mv`` for a majority vote, in which of equals the one given first wins,
        or ``em`` for expectation-maximization after Dawid and Skene.

    >>> values("mv", [("t1", 1, "4"), ("t1", 2, "5"), ("t1", 3, "5")])
    {'t1': 5.0}
    """
    if quality_control == "em":
        outcome = dawid_skene(votes, accuracy=GUESS, smoothing=0, passes=PASSES)
    else:
        outcome = majority_vote(votes)
    return {name: float(label) for name, label in outcome.labels.items()}


def gather(tx: Transaction) -> int:
    """Find the batches that have become complete, and write down what is to be posted of them.

    Expectation-maximization looks at all answers that the group has by now; a majority vote has no
    use for those to other batches. A group is a job, and whose job it is may change its form or
    throw answers away: a point of which nobody has said anything that counts is left out, and a
    batch of such points is given up.

    :returns: How many there were.
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
    def of_group(group: int, job_id: int, kind: Kind, method: str) -> Mapping[str, float]:
        return values(method, _votes(tx, group, job_id, kind))

    complete = tx.all(query)
    for row in complete:
        group = row._mapping  # noqa: SLF001 - two columns are called id
        agreed = of_group(
            group[amp_group.c.id],
            row.job_id,
            KINDS[row.task_type],
            row.quality_control,
        )
        names = select(amp_point.c.identifier).where(amp_point.c.task_id == group[amp_task.c.id])
        answers = [
            {"identifier": point.identifier, "value": agreed[point.identifier]}
            for point in tx.all(names.order_by(amp_point.c.unit_id))
            if point.identifier in agreed
        ]
        due = {"state": "due", "answers": answers, "due_at": tx.clock.now()}
        if not answers:
            due |= {"state": "abandoned", "due_at": None, "problem": NOTHING_COUNTS}
            tx.record(ABANDONED, row.job_id, group_id=row.group_id, problem=NOTHING_COUNTS)
        tx.run(update(amp_task).where(amp_task.c.id == group[amp_task.c.id]).values(due))
    return len(complete)


def _votes(tx: Transaction, group: int, job_id: int, kind: Kind) -> list[Vote]:
    """Read the answers that count, the oldest first."""
    possible = kind.answers
    query = (
        select(amp_point.c.identifier, judgment.c.worker_id, judgment.c.data)
        .join(amp_point, amp_point.c.unit_id == judgment.c.unit_id)
        .join(amp_task, amp_task.c.id == amp_point.c.task_id)
        .where(amp_task.c.in_group == group, judgment.c.job_id == job_id)
        .where(judgment.c.tainted.is_(False), judgment.c.rejected.is_(False))
        .order_by(judgment.c.id)
    )
    found: list[Row[Any]] = tx.all(query)
    said = ((row.identifier, row.worker_id, row.data.get(kind.question)) for row in found)
    return [vote for vote in said if vote[2] in possible]
