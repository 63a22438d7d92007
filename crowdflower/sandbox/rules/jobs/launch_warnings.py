"""Warnings at a launch, about what can be ordered and will not work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, func, select

from crowdflower._types import Message
from crowdflower.quality.gold_limits import GoldLimits, describe_too_few_units
from crowdflower.sandbox import forms
from crowdflower.sandbox.forms.media_addresses import ADVICE
from crowdflower.sandbox.rules import quiz
from crowdflower.sandbox.rules.jobs.gold_faults import find_gold_faults
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
    _warn_of_marked_rows(tx, job.id)
    for fault in find_gold_faults(tx, job, forms.check_form(job.cml)) if job.golds_count else ():
        tx.warn(fault.describe())
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


def warn_of_refused_media(tx: Transaction, refused: Mapping[str, Row[Any]]) -> None:
    """Warn of pictures, sounds and films that the pages of the first units will not load.

    :param refused: Address to the first unit with it, of which ``id`` and ``seq`` are read.
    """
    for address, row in list(refused.items())[:1]:
        more = f", and {len(refused) - 1} more in the first units" if len(refused) > 1 else ""
        text = f"Unit {row.id}: {address:.200} is not loaded by the page{more}: {ADVICE}."
        values = {"row": row.seq, "address": address[:200], "more": len(refused) - 1}
        tx.warn(Message(text, "refused_media", **values))


def _warn_of_marked_rows(tx: Transaction, job_id: int) -> None:
    """Warn of new units that the column ``_golden`` marks; reads none without that column."""
    if "_golden" not in read_columns(tx, job_id):
        return
    new = select(unit.c.data).where(*units_of(tx, job_id), unit.c.state == "new")
    marked = sum(truthy(row.data.get("_golden")) for row in tx.all(new))
    if marked:
        rows, are = ("1 row has", "is not a test question")
        if marked > 1:
            rows, are = (f"{marked} rows have", "are not test questions")
        text = f"{rows} _golden, but {are}; convert_test_questions, PUT /jobs/{{id}}/gold, helps."
        tx.warn(Message(text, "marked_rows", rows=marked))


def _as_sentence(problem: str) -> str:
    text = f"{problem[0].upper()}{problem[1:]}."
    return problem.reworded(text) if isinstance(problem, Message) else text
