"""Forgives wrong answers to test questions, by hand or because the accepted answers changed.

A change never turns a correct answer into a wrong one.

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
    """Compare the wrong answers to a test question with its current accepted answers.

    Answers that are now correct are forgiven. A contributor who was removed for low trust, and now
    has enough, may work again, and their judgments count again. If the unit is no longer a test
    question, every wrong answer is forgiven.

    :returns: The number of forgiven answers.
    """
    is_wrong = (judgment.c.missed.is_(True), judgment.c.rejected.is_(False))
    wrong = tx.all(select(judgment).where(judgment.c.unit_id == unit_id, *is_wrong))
    if not wrong:
        return 0
    row = tx.one(select(unit).where(unit.c.id == unit_id))
    answers = gold_answers.accepted_answers(job.gold, row.data) if row.state in GOLD_STATES else {}
    data = gold_answers.visible_data(row.data, gold_answers.hidden_columns(job.gold))
    form = forms.form_for(job.cml, data) if job.cml else None
    correct = [each for each in wrong if not (answers and form and form.missed(each.data, answers))]
    for each in correct:
        forgive(tx, job, each)
    return len(correct)


def forgive(tx: Transaction, job: Row[Any], wrong: Row[Any]) -> None:
    """Count a wrong answer to a test question as correct.

    :param wrong: The judgment with the wrong answer.
    """
    tx.run(update(judgment).where(judgment.c.id == wrong.id).values(missed=False))
    fewer = {"missed_count": unit.c.missed_count - 1}
    tx.run(update(unit).where(unit.c.id == wrong.unit_id).values(fewer))
    is_worker = (worker_job.c.job_id == job.id, worker_job.c.worker_id == wrong.worker_id)
    worker = tx.one(select(worker_job).where(*is_worker))
    golds_forgiven = worker.golds_forgiven + 1
    new_trust = trust(worker.golds_seen, worker.golds_missed, golds_forgiven)
    values: dict[str, Any] = {"golds_forgiven": golds_forgiven, "trust": new_trust}
    readmit = worker.state in {"removed", "failed_quiz"} and new_trust >= quiz.min_trust(job)
    if readmit:
        values |= {"state": "working", "tainted_at": None}
    tx.run(update(worker_job).where(*is_worker).values(values))
    if readmit:
        worker_trust.restore_judgments(tx, job, wrong.worker_id)
