"""Test questions are made of rows, and rows of test questions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, select, update

from crowdflower.sandbox.errors import BadRequest
from crowdflower.sandbox.rules import gold_answers
from crowdflower.sandbox.rules.counters import GOLD_STATES
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.results import results
from crowdflower.sandbox.rules.settings import questions
from crowdflower.sandbox.rules.settings.value_types import truthy
from crowdflower.sandbox.rules.units import units
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import job as jobs_table
from crowdflower.sandbox.store.tables import unit

CONVERTIBLE = ("new", "judgable")
"""States of rows that become test questions when a whole job is converted."""

MIN_UNITS_PER_GOLD = 3
"""At most one row in so many may become a test question by its answers alone."""


def convert(tx: Transaction, job: Row[Any]) -> int:
    """Make a test question of every row that says so in its column ``_golden``.

    :returns: How many there were.
    """
    current = jobs.load_for_update(tx, job)
    marked = [row for row in _convertible_units(tx, current) if truthy(row.data.get("_golden"))]
    units.set_states(tx, current, marked, "golden")
    return len(marked)


def convert_by_answers(
    tx: Transaction, job: Row[Any], field: str, column: str | None = None
) -> dict[str, Any]:
    """Make a test question of every row that has accepted answers to one question.

    :param field: The question.
    :param column: Where its accepted answers are; by default ``<field>_gold``.
    :returns: ``affected``, how many rows there were, and ``populated``, the distinct answers.
    :raises BadRequest: The form has no such question, no row has an answer, or more than a third
        of all rows has.
    """
    current = jobs.load_for_update(tx, job)
    if current.fields is not None and field not in current.fields:
        known = ", ".join(current.fields) or "none"
        raise BadRequest(f"The form has no question named {field}; its questions are: {known}.")
    source = column or f"{field}_gold"
    marked = [
        row for row in _convertible_units(tx, current) if gold_answers.to_list(row.data.get(source))
    ]
    if not marked:
        message = "We couldn't find any prepopulated gold standard in your dataset."
        raise BadRequest(message)
    if len(marked) * MIN_UNITS_PER_GOLD > current.units_count:
        raise BadRequest(
            f"We didn't mark any rows as gold because marking {len(marked)} rows would have "
            f"affected over 1/3rd of them."
        )
    gold = {**current.gold, field: source}
    tx.run(update(jobs_table).where(jobs_table.c.id == job.id).values(gold=gold))
    units.set_states(tx, jobs.reload(tx, job), marked, "golden")
    answers = {answer for row in marked for answer in gold_answers.to_list(row.data[source])}
    return {"affected": len(marked), "populated": sorted(answers)}


def reset(tx: Transaction, job: Row[Any]) -> int:
    """Make new rows of all test questions; who missed them is forgiven.

    :returns: How many there were.
    """
    current = jobs.load_for_update(tx, job)
    golds = list_all(tx, job)
    units.set_states(tx, current, golds, "new")
    plain = questions.derive(tx, current.cml, None)["gold"]
    tx.run(update(jobs_table).where(jobs_table.c.id == job.id).values(gold=plain))
    return len(golds)


def list_all(tx: Transaction, job: Row[Any]) -> list[Row[Any]]:
    """List the test questions of a job in the order in which they came, hidden ones too."""
    is_gold = (unit.c.job_id == job.id, unit.c.state.in_(sorted(GOLD_STATES)))
    return tx.all(select(unit).where(*is_gold).order_by(unit.c.seq))


def gold_json(tx: Transaction, job: Row[Any], gold: Row[Any]) -> dict[str, Any]:
    """Show a test question: the row, and for each question its ``accepted`` answers and why.

    How the service shows one is not known beyond its being a list of rows.
    """
    answers = gold_answers.accepted_answers(job.gold, gold.data)
    return {
        **results.unit_json(tx, job, gold, simple=True),
        "answers": {
            name: {"accepted": right, "reason": gold_answers.reason(job.gold, gold.data, name)}
            for name, right in answers.items()
        },
    }


def _convertible_units(tx: Transaction, job: Row[Any]) -> Iterable[Row[Any]]:
    could_be = (unit.c.job_id == job.id, unit.c.state.in_(CONVERTIBLE))
    return tx.connection.execute(select(unit).where(*could_be).order_by(unit.c.seq))
