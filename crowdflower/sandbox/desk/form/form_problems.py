"""The problems of a form by line: what the rules refuse, and what contributors would not see.

The editor and the list before a launch show the same problems, with the same weight and words.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import select

from crowdflower.sandbox import forms
from crowdflower.sandbox.desk.form.form_columns import FormColumns
from crowdflower.sandbox.desk.form.telling_columns import find_telling
from crowdflower.sandbox.desk.golds.fault_texts import fault_text
from crowdflower.sandbox.desk.messages.message_words import in_words, refusal_in_words
from crowdflower.sandbox.errors import Declined, Invalid, Refusal
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules.counters import GOLD_STATES
from crowdflower.sandbox.rules.gold_answers import hidden_columns, visible_data
from crowdflower.sandbox.rules.jobs.gold_faults import find_gold_faults
from crowdflower.sandbox.rules.settings import questions, source_columns
from crowdflower.sandbox.rules.visibility import units_of
from crowdflower.sandbox.store.tables import unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Row

    from crowdflower.cml import Form
    from crowdflower.sandbox.rules.jobs.gold_faults import GoldFault
    from crowdflower.sandbox.store import Transaction

MAX_CML: Final = 256 * 1024
"""Characters of a form."""

_CHECKED_ROWS: Final = 20
"""Rows that a form with Liquid is filled in with, to find problems that depend on the data."""

_COMPARED_ROWS: Final = 300
"""Test questions, and other rows, in which columns are compared with the correct answers."""

_WHERE: Final = re.compile(r"(?:.*?: )?line (\d+)(?:, column \d+)?: (.*)", re.DOTALL)


@dataclass(frozen=True)
class FormProblem:
    """A problem of a form.

    :param severity: ``bad``: it has to be fixed; ``warn``: it probably does not do what is meant.
    :param line: From 1; ``None`` if it belongs to no line.
    :param text: What is wrong, and what to do.
    :param head: What is wrong, in a few words; empty for what is not looked at before a launch.
    :param stops: What the problem prevents: ``save``; ``launch``; or ``ask``, a save by which test
        questions of a launched job lose their use, unless it is confirmed.
    """

    severity: Literal["bad", "warn"]
    line: int | None
    text: str
    head: str = ""
    stops: Literal["", "save", "ask", "launch"] = ""

    @property
    def place(self) -> str:
        """The line in words, with a space behind it; empty if it belongs to no line."""
        place = gettext("Line %(line)s:") % {"line": self.line}
        return f"{place} " if self.line else ""


def find_problems(tx: Transaction, job: Row[Any], cml: str) -> list[FormProblem]:
    """Return the problems of a form, as if it was the form of a job, in the order of its lines."""
    if not cml.strip():
        text = gettext("Write it, or insert a question.")
        return [FormProblem("bad", None, text, gettext("There is no form"), "launch")]
    if len(cml) > MAX_CML:
        text = gettext("The form is too long: %(has)s characters, and %(most)s are the most.")
        text %= {"has": f"{len(cml):,}", "most": f"{MAX_CML:,}"}
        return [FormProblem("bad", None, text, _error(), "save")]
    try:
        form = forms.check_form(cml)
    except Declined as declined:
        return _in_order(map(_from_message, declined.body.get("errors", [declined.message])))
    except Refusal as refusal:  # only the hosted service can do this
        return [_from_message(refusal.message)]
    found = [FormProblem("warn", each.line, each.message) for each in form.warnings]
    found += _in_columns(tx, job, cml, form)
    found += _without_line(job, form)
    found += _in_golds(tx, job, form)
    found += _in_rows(tx, job, cml, form)
    return _in_order(found)


def _error() -> str:
    return gettext("The form has an error")


def _from_message(message: str) -> FormProblem:
    """Turn a message of the checker, which begins with the place, into a problem."""
    found = _WHERE.fullmatch(message)
    if found is None:
        return FormProblem("bad", None, message, _error(), "save")
    text = found[2][:1].upper() + found[2][1:]
    return FormProblem("bad", int(found[1]), text, _error(), "save")


def _in_order(found: Any) -> list[FormProblem]:
    return sorted(found, key=lambda each: (each.line or 10**9, each.severity))


def _in_columns(tx: Transaction, job: Row[Any], cml: str, form: Form) -> Iterator[FormProblem]:
    """Yield the columns that the form prints and no row has, or contributors should not see."""
    is_draft = job.state == "unordered"
    for each in source_columns.find_missing(tx, job.id, form):
        head = gettext("A column of the form is not in the data")
        severity: Literal["bad", "warn"] = "bad" if is_draft else "warn"
        stops: Literal["", "launch"] = "launch" if is_draft else ""
        yield FormProblem(severity, each.line, in_words(each.message), head, stops)
    columns = FormColumns.read(tx, job, cml)
    for line, text, role in columns.unfit():
        head = gettext("The form prints correct answers")
        if role == "key":
            head = gettext("The form prints the key of the rows")
        yield FormProblem("warn", line, text, head)
    if not job.golds_count:
        return
    lines = {each.name: each.line for each in columns.columns if each.role == "data" and each.line}
    for told in find_telling(_read_rows(tx, job), lines, [*job.gold.values()]) if lines else ():
        names = {column: name for name, column in job.gold.items()}
        text = gettext(
            "Column “%(column)s” has the correct answer of “%(question)s” in %(hits)s of %(rows)s"
            " test questions: contributors see it."
        ) % {
            "column": told.column,
            "question": names[told.answer_column],
            "hits": f"{told.hits:,}",
            "rows": f"{told.rows:,}",
        }
        yield FormProblem("warn", lines[told.column], text, gettext("The form prints the answers"))


def _read_rows(tx: Transaction, job: Row[Any]) -> list[dict[str, Any]]:
    """Read test questions and other rows, enough of both to compare columns with answers."""
    is_gold = unit.c.state.in_(sorted(GOLD_STATES))
    return [
        row.data
        for condition in (is_gold, ~is_gold)
        for row in tx.all(
            select(unit.c.data)
            .where(*units_of(tx, job.id), condition)
            .order_by(unit.c.seq)
            .limit(_COMPARED_ROWS)
        )
    ]


def _in_golds(tx: Transaction, job: Row[Any], form: Form) -> Iterator[FormProblem]:
    """Yield what the form does to the test questions; a launched job asks before it makes it worse.

    Contributors are being checked there, and nothing else would tell that they are not any more.
    """
    now = find_gold_faults(tx, job, form, questions.choose_gold(form, job))
    if not now:
        return
    before: list[GoldFault] = []
    with suppress(Refusal):  # a form with mistakes has no faults to compare with
        before = find_gold_faults(tx, job, forms.check_form(job.cml or ""))
    known = {(each.kind, each.column): len(each.unit_ids) for each in before}
    lines = {each.name: each.line for each in form.fields}
    for fault in now:
        head, text = fault_text(fault)
        is_worse = len(fault.unit_ids) > known.get((fault.kind, fault.column), 0)
        asks = is_worse and job.state != "unordered"
        yield FormProblem(
            "bad" if asks else "warn",
            lines.get(fault.question),
            text,
            head,
            "ask" if asks else "",
        )


def _without_line(job: Row[Any], form: Form) -> Iterator[FormProblem]:
    if not form.has_required:
        head = gettext("No question must be answered")
        text = gettext('Give at least one question validates="required".')
        yield FormProblem("bad", None, text, head, "launch")
    if job.judgments_count:
        now = {each.name for each in form.fields}
        for name in job.fields or {}:
            if name not in now and not any(each.dynamic for each in form.fields):
                text = gettext(
                    "The question “%(name)s” is gone, and has answers. The JSON report keeps them;"
                    " the desk and the CSV reports leave them out until a question has this name"
                    " again."
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
            text %= {"row": row.seq, "problem": refusal_in_words(invalid)}
            head = gettext("The form does not work with a row")
            if job.state == "unordered":
                yield FormProblem("bad", None, text, head, "launch")
            else:
                yield FormProblem("warn", None, text, head)
            return
