"""The test questions that contributors disagree with and nobody has decided. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import func, select

from crowdflower.quality import trust
from crowdflower.sandbox.desk.golds.gold_list import GoldLine, read_lines
from crowdflower.sandbox.desk.people.contributor_names import contributor_name
from crowdflower.sandbox.rules import quiz
from crowdflower.sandbox.store.contributor_tables import contest
from crowdflower.sandbox.store.tables import judgment, worker, worker_job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row

    from crowdflower.sandbox.store import Transaction

MAX_QUESTIONS: Final = 10
"""Contested test questions that are shown at once; the next follow when these are decided."""

MAX_TEXTS: Final = 10
"""Objections to one test question that are shown at once."""


class Contest(NamedTuple):
    """What a contributor says against a test question."""

    id: int
    worker_id: int
    name: str

    question: str
    """Label of the question of the form."""

    given: str
    """Their answer."""

    text: str
    created_at: float


class Forgiveness(NamedTuple):
    """What happens when a test question is taken out."""

    missed: int
    """Contributors whose wrong answer is forgiven."""

    readmitted: int
    """Contributors who are accurate enough again."""

    judgments: int
    """Their judgments, which count again."""


class ContestedGold(NamedTuple):
    """A test question with open contests."""

    gold: GoldLine
    contests: list[Contest]

    open: int
    """How many are open; more than are shown if there are many."""

    forgiveness: Forgiveness


def read_contested(tx: Transaction, job: Row[Any]) -> list[ContestedGold]:
    """Return the test questions with most open contests first, each with what is said."""
    is_open = (contest.c.job_id == job.id, contest.c.decided_at.is_(None))
    count = func.count().label("open")
    query = select(contest.c.unit_id, count).where(*is_open).group_by(contest.c.unit_id)
    rows = tx.all(query.order_by(count.desc(), contest.c.unit_id).limit(MAX_QUESTIONS))
    counts = {row.unit_id: row.open for row in rows}
    return [
        ContestedGold(
            gold, _read_contests(tx, job, gold), counts[gold.id], _forgiveness(tx, job, gold.id)
        )
        for gold in read_lines(tx, job, list(counts))
    ]


def count_open(tx: Transaction, job: Row[Any]) -> int:
    """Return how many contests of a job are not decided."""
    is_open = (contest.c.job_id == job.id, contest.c.decided_at.is_(None))
    return tx.connection.scalar(select(func.count()).where(*is_open)) or 0


def read_open(tx: Transaction, job: Row[Any], unit_id: int) -> Sequence[Row[Any]]:
    """Return the contests of a test question that are not decided, the oldest first."""
    of_unit = (contest.c.job_id == job.id, contest.c.unit_id == unit_id)
    query = select(contest).where(*of_unit, contest.c.decided_at.is_(None))
    return tx.all(query.order_by(contest.c.id))


def _read_contests(tx: Transaction, job: Row[Any], gold: GoldLine) -> list[Contest]:
    by_worker = (judgment.c.unit_id == contest.c.unit_id) & (
        judgment.c.worker_id == contest.c.worker_id
    )
    query = (
        select(contest, worker.c.display_name, judgment.c.data.label("answers"))
        .join(worker, worker.c.id == contest.c.worker_id)
        .outerjoin(judgment, by_worker)
        .where(contest.c.job_id == job.id, contest.c.unit_id == gold.id)
        .where(contest.c.decided_at.is_(None))
    )
    asked = {each.name: each for each in gold.questions}
    found = []
    for row in tx.all(query.order_by(contest.c.id).limit(MAX_TEXTS)):
        question = asked.get(row.field)
        answer = (row.answers or {}).get(row.field, "")
        found.append(
            Contest(
                row.id,
                row.worker_id,
                contributor_name(row.display_name, row.worker_id),
                question.label if question else row.field,
                question.in_words(answer) if question else str(answer),
                row.text,
                row.created_at,
            )
        )
    return found


def _forgiveness(tx: Transaction, job: Row[Any], unit_id: int) -> Forgiveness:
    """Return what forgiving everyone who missed a test question changes."""
    is_contributor = (worker_job.c.job_id == judgment.c.job_id) & (
        worker_job.c.worker_id == judgment.c.worker_id
    )
    is_wrong = (judgment.c.missed.is_(True), judgment.c.rejected.is_(False))
    query = select(worker_job).join(judgment, is_contributor)
    missed = tx.all(query.where(judgment.c.unit_id == unit_id, *is_wrong))
    needed = quiz.min_trust(job)
    readmitted = [
        row
        for row in missed
        if row.state in {"removed", "failed_quiz"}
        and trust(row.golds_seen, row.golds_missed, row.golds_forgiven + 1) >= needed
    ]
    judgments = sum(row.judgments_count for row in readmitted)
    return Forgiveness(len(missed), len(readmitted), judgments)
