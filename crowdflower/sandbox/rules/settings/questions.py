"""The questions of a job: what follows from its form."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from crowdflower.cml import CMLError, parse
from crowdflower.sandbox import forms
from crowdflower.sandbox.errors import Declined
from crowdflower.sandbox.store import Transaction

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.cml import Form, Group

WITHOUT_CONFIDENCE = frozenset({"all", "avg"})
"""Aggregations that give no answer a confidence."""


def derive(tx: Transaction, cml: str | None, before: Row[Any] | None) -> dict[str, Any]:
    """Work out what a form says about a job: its questions, their gold columns, which decide.

    What another call chose stays: the column of a question's gold, its aggregation, the questions
    that decide over dynamic judgments. What merely followed from the form as it was follows from
    the new one. What is odd about the form is warned about, and where the sandbox is strict it is a
    mistake.

    :param cml: The form, or nothing.
    :param before: The job as it is, if it is there already.
    :returns: Values of ``fields``, ``gold`` and ``confidence_fields``.
    :raises Declined: There are mistakes in the form.
    :raises Unsupported: The form holds what only the hosted service has.
    """
    if not cml:
        return {"fields": None, "gold": {}, "confidence_fields": None}
    form = forms.check_form(cml)
    odd = [f"line {each.line}, column {each.column}: {each.message}" for each in form.warnings]
    if odd and tx.limits.strict:
        raise Declined.errors(odd)
    for each in odd:
        tx.warn(f"The form, {each}")
    aggregations, columns = _overrides(before)
    fields = {name: aggregations.get(name, how) for name, how in form.aggregations().items()}
    return {
        "fields": fields,
        "gold": {name: columns.get(name, column) for name, column in form.gold().items()},
        "confidence_fields": choose_deciding(fields, before),
    }


def with_confidence(fields: dict[str, str]) -> list[str]:
    """List the questions whose answers get a confidence.

    >>> with_confidence({"sentiment": "agg", "stars": "avg", "comment": "all"})
    ['sentiment']
    """
    return [name for name, how in fields.items() if how not in WITHOUT_CONFIDENCE]


def linked_groups(job: Row[Any]) -> tuple[Group, ...]:
    """List the groups of questions whose answers are linked, in the order of the form."""
    return _parse_form(job.cml).groups if job.fields else ()


def choose_deciding(fields: dict[str, str], before: Row[Any] | None) -> list[str]:
    """Keep the questions that were chosen to decide; those that merely followed follow again."""
    chosen = before.confidence_fields if before is not None else None
    if chosen and chosen != with_confidence(before.fields or {} if before is not None else {}):
        kept = [name for name in chosen if name in fields]
        if kept:
            return kept
    return with_confidence(fields)


def _overrides(before: Row[Any] | None) -> tuple[dict[str, str], dict[str, str]]:
    """Tell aggregations and gold columns that were chosen from those that the form brought."""
    if before is None:
        return {}, {}
    try:
        form = _parse_form(before.cml or "")
    except CMLError:
        return {}, before.gold  # a form with mistakes brings nothing
    return (
        _differences(before.fields or {}, form.aggregations()),
        _differences(before.gold, form.gold()),
    )


def _differences(now: dict[str, str], followed: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in now.items() if value != followed.get(name)}


@lru_cache(maxsize=64)
def _parse_form(cml: str) -> Form:
    return parse(cml)
