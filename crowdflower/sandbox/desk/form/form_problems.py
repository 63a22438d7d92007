"""The problems of a form by line: what the rules refuse, and what contributors would not see.

A form with an error cannot be saved; a warning is a probable mistake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from crowdflower.sandbox import forms
from crowdflower.sandbox.desk.form.form_columns import FormColumns
from crowdflower.sandbox.errors import Declined, Invalid, Refusal
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules.gold_answers import hidden_columns, visible_data
from crowdflower.sandbox.rules.settings import source_columns
from crowdflower.sandbox.rules.visibility import units_of
from crowdflower.sandbox.store.tables import unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Row

    from crowdflower.cml import Form
    from crowdflower.sandbox.store import Transaction

MAX_CML: Final = 256 * 1024
"""Characters of a form."""

_CHECKED_ROWS: Final = 20
"""Rows that a form with Liquid is filled in with, to find problems that depend on the data."""

_WHERE: Final = re.compile(r"(?:.*?: )?line (\d+)(?:, column \d+)?: (.*)", re.DOTALL)


@dataclass(frozen=True)
class FormProblem:
    """A problem of a form.

    :param severity: ``bad``: it cannot be saved; ``warn``: it probably does not do what is meant.
    :param line: From 1; ``None`` if it belongs to no line.
    :param text: What is wrong, and what to do.
    """

    severity: str
    line: int | None
    text: str


def find_problems(tx: Transaction, job: Row[Any], cml: str) -> list[FormProblem]:
    """Return the problems of a form, as if it was the form of a job, in the order of its lines."""
    if not cml.strip():
        text = gettext("The form is empty: write it, or insert a question.")
        return [FormProblem("warn", None, text)]
    if len(cml) > MAX_CML:
        text = gettext("The form is too long: %(has)s characters, and %(most)s are the most.")
        return [FormProblem("bad", None, text % {"has": f"{len(cml):,}", "most": f"{MAX_CML:,}"})]
    try:
        form = forms.check_form(cml)
    except Declined as declined:
        return _in_order(map(_from_message, declined.body.get("errors", [declined.message])))
    except Refusal as refusal:  # only the hosted service can do this
        return [_from_message(refusal.message)]
    found = [FormProblem("warn", each.line, each.message) for each in form.warnings]
    missing = source_columns.find_missing(tx, job.id, form)
    found += [FormProblem("warn", each.line, each.message) for each in missing]
    columns = FormColumns.read(tx, job, cml)
    found += (FormProblem("warn", line, text) for line, text in columns.unfit())
    found += _without_line(job, form)
    found += _in_rows(tx, job, cml, form)
    return _in_order(found)


def _from_message(message: str) -> FormProblem:
    """Turn a message of the checker, which begins with the place, into a problem."""
    found = _WHERE.fullmatch(message)
    if found is None:
        return FormProblem("bad", None, message)
    return FormProblem("bad", int(found[1]), found[2][:1].upper() + found[2][1:])


def _in_order(found: Any) -> list[FormProblem]:
    return sorted(found, key=lambda each: (each.line or 10**9, each.severity))


def _without_line(job: Row[Any], form: Form) -> Iterator[FormProblem]:
    if not form.has_required:
        yield FormProblem(
            "warn",
            None,
            gettext(
                "No question is required. A job can be launched when at least one has"
                ' validates="required".'
            ),
        )
    if job.judgments_count:
        now = {each.name for each in form.fields}
        for name in job.fields or {}:
            if name not in now and not any(each.dynamic for each in form.fields):
                text = gettext(
                    "The question “%(name)s” is gone, and has answers: reports keep them, and no"
                    " new answer joins them."
                )
                yield FormProblem("warn", None, text % {"name": name[:60]})


def _in_rows(tx: Transaction, job: Row[Any], cml: str, form: Form) -> Iterator[FormProblem]:
    """Yield the first row that the form does not work with."""
    if "{{" not in cml and "{%" not in cml:
        return
    hidden = hidden_columns({**form.gold(), **job.gold})
    first = select(unit.c.seq, unit.c.data).where(*units_of(tx, job.id)).order_by(unit.c.seq)
    for row in tx.all(first.limit(_CHECKED_ROWS)):
        try:
            forms.rendered_form(cml, visible_data(row.data, hidden))
        except Invalid as invalid:
            text = gettext("Row %(row)s: %(problem)s")
            yield FormProblem("warn", None, text % {"row": row.seq, "problem": invalid.message})
            return
