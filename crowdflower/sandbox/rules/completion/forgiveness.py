"""A test question changes: who was wrong about it may be right now, and nobody becomes wrong.

Source: Appen, `Guide to: Contributors Page
<https://success.appen.com/hc/en-us/articles/201855679>`_, on forgiven test questions.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select, update

from crowdflower.quality import trust
from crowdflower.sandbox import forms
from crowdflower.sandbox.rules import gold_answers, quiz
from crowdflower.sandbox.rules.completion import worker_trust
from crowdflower.sandbox.rules.counters import GOLD_STATES
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import judgment, unit, worker_job


def regrade(tx: Transaction, job: Row[Any], unit_id: int) -> int:
    """Compare the wrong answers to a test question with its accepted ones as they are now.

    Who is right now is forgiven; who was removed for too little trust, and has enough of it with
    this, may work again, and what they judged counts again. A row that is no test question any more
    forgives everybody.

    :returns: How many contributors were forgiven.
    """
    is_wrong = (judgment.c.missed.is_(True), judgment.c.rejected.is_(False))
    wrong = tx.all(select(judgment).where(judgment.c.unit_id == unit_id, *is_wrong))
    if not wrong:
        return 0
    row = tx.one(select(unit).where(unit.c.id == unit_id))
    answers = gold_answers.accepted_answers(job.gold, row.data) if row.state in GOLD_STATES else {}
    shown = gold_answers.visible_data(row.data, gold_answers.hidden_columns(job.gold))
    form = forms.form_for(job.cml, shown) if job.cml else None
    forgiven = [
        each for each in wrong if not (answers and form and form.missed(each.data, answers))
    ]
    for each in forgiven:
        forgive(tx, job, each)
    return len(forgiven)


def forgive(tx: Transaction, job: Row[Any], wrong: Row[Any]) -> None:
    """Let a wrong answer to a test question count as right.

    :param wrong: The judgment.
    """
    tx.run(update(judgment).where(judgment.c.id == wrong.id).values(missed=False))
    fewer = {"missed_count": unit.c.missed_count - 1}
    tx.run(update(unit).where(unit.c.id == wrong.unit_id).values(fewer))
    theirs = (worker_job.c.job_id == job.id, worker_job.c.worker_id == wrong.worker_id)
    standing = tx.one(select(worker_job).where(*theirs))
    forgiven = standing.golds_forgiven + 1
    now = trust(standing.golds_seen, standing.golds_missed, forgiven)
    values: dict[str, Any] = {"golds_forgiven": forgiven, "trust": now}
    regained = standing.state in {"removed", "failed_quiz"} and now >= quiz.min_trust(job)
    if regained:
        values |= {"state": "working", "tainted_at": None}
    tx.run(update(worker_job).where(*theirs).values(values))
    if regained:
        worker_trust.restore_judgments(tx, job, wrong.worker_id)
