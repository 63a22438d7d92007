"""The questions of a job, derived from its form: aggregations, gold columns, deciding questions."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from crowdflower._types import Message
from crowdflower.cml import CMLError, parse
from crowdflower.sandbox import forms
from crowdflower.sandbox.forms.removed_markup import OWN_CODE, is_about_removal
from crowdflower.sandbox.rules.settings import source_columns
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import job as jobs

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.cml import Form, Group

WITHOUT_CONFIDENCE = frozenset({"all", "avg"})
"""Aggregations whose answers have no confidence."""


def derive(tx: Transaction, cml: str | None, before: Row[Any] | None) -> dict[str, Any]:
    """Derive the questions of a job, their gold columns and the deciding ones from its form.

    Values that another call has set stay: the gold column of a question, its aggregation, the
    questions that decide over dynamic judgments. Values that came from the previous form are
    replaced. Problems that are not mistakes are warnings; one of them is a column that the form
    prints and no row of the job has.

    :param cml: The form, or ``None``.
    :param before: The job before the change; ``None`` for a new job.
    :returns: Values of ``fields``, ``gold`` and ``confidence_fields``.
    :raises Declined: The form has mistakes.
    :raises Unsupported: The form needs a feature that only the hosted service has.
    """
    if not cml:
        return {"fields": None, "gold": {}, "confidence_fields": None}
    form = forms.check_form(cml)
    problems = list(form.warnings)
    if tx.limits.job_scripts and OWN_CODE.search(cml):  # the frame has the form as it is
        problems = [each for each in problems if not is_about_removal(each)]
    if before is not None:
        problems += source_columns.find_missing(tx, before.id, form)
    for each in problems:
        text = f"The form, line {each.line}, column {each.column}: {each.message}"
        tx.warn(Message(text, "form_problem", line=each.line, problem=each.message))
    aggregations, _ = _overrides(before)
    was_reset = before is not None and before.cml == cml and not before.gold
    fields = {name: aggregations.get(name, how) for name, how in form.aggregations().items()}
    if any(field.dynamic for field in form.fields):
        fields = {**aggregations, **fields}  # of the loops of rows that were answered
    return {
        "fields": fields,
        "gold": {} if was_reset else choose_gold(form, before),
        "confidence_fields": choose_deciding(fields, before),
    }


def with_confidence(fields: dict[str, str]) -> list[str]:
    """List the questions whose answers have a confidence.

    >>> with_confidence({"sentiment": "agg", "stars": "avg", "comment": "all"})
    ['sentiment']
    """
    return [name for name, how in fields.items() if how not in WITHOUT_CONFIDENCE]


def add_fields(tx: Transaction, job_id: int, found: dict[str, str]) -> dict[str, str]:
    """Add the questions of one row that its job does not have yet, with their aggregations.

    Questions in a loop of Liquid differ between rows; a job gets them as they are answered.

    :returns: All questions of the job.
    """
    current = tx.one(select(jobs.c.fields).where(jobs.c.id == job_id)).fields or {}
    fields = {**found, **current}
    tx.run(update(jobs).where(jobs.c.id == job_id).values(fields=fields))
    return fields


def gold_columns(job: Row[Any]) -> dict[str, str]:
    """Return the columns of accepted answers that the form of a job declares, by question."""
    return _parse_form(job.cml).gold() if job.fields else {}


def linked_groups(job: Row[Any]) -> tuple[Group, ...]:
    """List the groups of questions with linked answers, in the order of the form."""
    return _parse_form(job.cml).groups if job.fields else ()


def choose_gold(form: Form, before: Row[Any] | None) -> dict[str, str]:
    """Return the gold columns of a form: those that a call has set, else those of the form."""
    _, columns = _overrides(before)
    return {name: columns.get(name, column) for name, column in form.gold().items()}


def choose_deciding(fields: dict[str, str], before: Row[Any] | None) -> list[str]:
    """Return the deciding questions: those that a call has set, else those with a confidence."""
    chosen = before.confidence_fields if before is not None else None
    if chosen and chosen != with_confidence(before.fields or {} if before is not None else {}):
        kept = [name for name in chosen if name in fields]
        if kept:
            return kept
    return with_confidence(fields)


def _overrides(before: Row[Any] | None) -> tuple[dict[str, str], dict[str, str]]:
    """Return the aggregations and gold columns of a job that differ from those of its form."""
    if before is None:
        return {}, {}
    try:
        form = _parse_form(before.cml or "")
    except CMLError:
        return {}, before.gold  # a form with mistakes has set nothing
    return (
        _differences(before.fields or {}, form.aggregations()),
        _differences(before.gold, form.gold()),
    )


def _differences(current: dict[str, str], derived: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in current.items() if value != derived.get(name)}


@lru_cache(maxsize=64)
def _parse_form(cml: str) -> Form:
    return parse(cml)
