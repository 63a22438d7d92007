"""Test questions: convert units to test questions and back, list and show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, select, update

from crowdflower._types import Message
from crowdflower.sandbox.errors import BadRequest
from crowdflower.sandbox.rules import gold_answers, visibility
from crowdflower.sandbox.rules.counters import GOLD_STATES
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.results import results
from crowdflower.sandbox.rules.settings.value_types import truthy
from crowdflower.sandbox.rules.units import units
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import job as jobs_table
from crowdflower.sandbox.store.tables import unit

CONVERTIBLE = ("new", "judgable")
"""States of units that become test questions when a whole job is converted."""

MIN_UNITS_PER_GOLD = 3
"""Units that a job must have per test question that is converted by its answers alone."""


def convert(tx: Transaction, job: Row[Any]) -> int:
    """Convert every unit with a true value in column ``_golden`` to a test question.

    :returns: The number of units converted.
    """
    current = jobs.load_for_update(tx, job)
    convertible = _units_in(tx, current, CONVERTIBLE)
    marked = [row for row in convertible if truthy(row.data.get("_golden"))]
    units.set_states(tx, current, marked, "golden")
    return len(marked)


def convert_by_answers(
    tx: Transaction, job: Row[Any], field: str, column: str | None = None
) -> dict[str, Any]:
    """Convert every unit that has accepted answers to one question to a test question.

    Idempotent: a second call finds the same units, which are test questions by then.

    :param field: The question.
    :param column: The column with its accepted answers; by default ``<field>_gold``.
    :returns: ``affected``, the number of units, and ``populated``, the distinct answers.
    :raises BadRequest: The form has no such question, no unit has an accepted answer, or more than
        a third of all units would be converted.
    """
    current = jobs.load_for_update(tx, job)
    if current.fields is not None and field not in current.fields:
        known = ", ".join(current.fields) or "none"
        text = f"The form has no question named {field}; its questions are: {known}."
        raise BadRequest(Message(text, "no_question", question=field, known=known))
    source = column or f"{field}_gold"
    known_answers = [
        row
        for row in _units_in(tx, current, (*CONVERTIBLE, *GOLD_STATES))
        if gold_answers.to_list(row.data.get(source))
    ]
    if not known_answers:
        message = "We couldn't find any prepopulated gold standard in your dataset."
        raise BadRequest(Message(message, "no_gold_answers"))
    marked = [row for row in known_answers if row.state in CONVERTIBLE]
    if len(marked) * MIN_UNITS_PER_GOLD > current.units_count:
        text = (
            f"We didn't mark any rows as gold because marking {len(marked)} rows would have "
            f"affected over 1/3rd of them."
        )
        raise BadRequest(Message(text, "many_golds", marked=len(marked), all=current.units_count))
    gold = {**current.gold, field: source}
    tx.run(update(jobs_table).where(jobs_table.c.id == job.id).values(gold=gold))
    units.set_states(tx, jobs.reload(tx, job), marked, "golden")
    answers = {answer for row in known_answers for answer in gold_answers.to_list(row.data[source])}
    return {"affected": len(known_answers), "populated": sorted(answers)}


def reset(tx: Transaction, job: Row[Any]) -> dict[str, Any]:
    """Convert all test questions to new units; wrong answers to them are forgiven.

    The job has no ``gold`` afterwards, until a unit becomes a test question or the form changes.

    :returns: ``affected``, the number of test questions, and ``populated``, which is empty.
    """
    current = jobs.load_for_update(tx, job)
    golds = list_all(tx, job)
    units.set_states(tx, current, golds, "new")
    tx.run(update(jobs_table).where(jobs_table.c.id == job.id).values(gold={}))
    return {"affected": len(golds), "populated": []}


def list_all(tx: Transaction, job: Row[Any]) -> list[Row[Any]]:
    """List the test questions of a job in the order of upload, with hidden ones."""
    is_gold = (unit.c.job_id == job.id, unit.c.state.in_(sorted(GOLD_STATES)))
    return tx.all(select(unit).where(*is_gold).order_by(unit.c.seq))


def gold_json(tx: Transaction, job: Row[Any], gold: Row[Any]) -> dict[str, Any]:
    """Return a test question as JSON: the unit, and the ``accepted`` answers with their reason.

    The service returns a list of rows here; their format is not documented.
    """
    answers = gold_answers.accepted_answers(job.gold, gold.data)
    return {
        **results.unit_json(tx, job, gold, simple=True),
        "answers": {
            name: {"accepted": accepted, "reason": gold_answers.reason(job.gold, gold.data, name)}
            for name, accepted in answers.items()
        },
    }


def _units_in(tx: Transaction, job: Row[Any], states: Iterable[str]) -> Iterable[Row[Any]]:
    """Read the units of a job in some states, in the order of upload."""
    found = (*visibility.units_of(tx, job.id), unit.c.state.in_(sorted(states)))
    return tx.connection.execute(select(unit).where(*found).order_by(unit.c.seq))
