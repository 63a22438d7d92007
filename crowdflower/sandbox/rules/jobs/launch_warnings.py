"""Warnings at a launch, about what can be ordered and will not work."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, func, select

from crowdflower.quality.gold_limits import GoldLimits, describe_too_few_units
from crowdflower.sandbox.rules import quiz
from crowdflower.sandbox.rules.settings.source_columns import read_columns
from crowdflower.sandbox.rules.settings.value_types import truthy
from crowdflower.sandbox.rules.visibility import units_of
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import unit


def warn_of_problems(tx: Transaction, job: Row[Any], units_count: int) -> None:
    """Warn of an order of more units than there are, and of test questions that are too few.

    :param units_count: How many units are ordered; 0 means all new ones.
    """
    states = select(unit.c.state, unit.c.gold_pool, func.count().label("rows"))
    visible = units_of(tx, job.id)  # not those of a file that is being stored
    found = tx.all(states.where(*visible).group_by(unit.c.state, unit.c.gold_pool))
    available = sum(row.rows for row in found if row.state == "new")
    problem = describe_too_few_units(units_count, available)
    if problem is not None:
        tx.warn(_as_sentence(problem))
    marked = _count_marked(tx, job.id)
    if marked:
        rows = (
            "1 row has _golden, but is not a test question"
            if marked == 1
            else (f"{marked} rows have _golden, but are not test questions")
        )
        tx.warn(f"{rows}; convert_test_questions, PUT /jobs/{{id}}/gold, makes them so.")
    in_quiz = (row.rows for row in found if row.state == "golden" and row.gold_pool != "work")
    limits = GoldLimits(
        job.golds_count,
        job.units_per_assignment,
        job.gold_per_assignment,
        has_quiz=truthy(job.options.get("front_load")),
        always=truthy(job.options.get("gold_always")),
        after_gold=quiz.gold_before_removal(job),
        quiz_size=job.extras.get("quiz_length"),
        quiz_golds=sum(in_quiz),
    )
    count = min(units_count or available, available)
    quota = job.max_judgments_per_worker
    for problem in limits.problems(count, job.judgments_per_unit, quota) if count else ():
        tx.warn(_as_sentence(problem))


def _count_marked(tx: Transaction, job_id: int) -> int:
    """Count the new units that the column ``_golden`` marks; reads none without that column."""
    if "_golden" not in read_columns(tx, job_id):
        return 0
    new = select(unit.c.data).where(unit.c.job_id == job_id, unit.c.state == "new")
    return sum(truthy(row.data.get("_golden")) for row in tx.all(new))


def _as_sentence(problem: str) -> str:
    return f"{problem[0].upper()}{problem[1:]}."
