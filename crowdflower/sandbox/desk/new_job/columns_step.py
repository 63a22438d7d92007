"""Step 2: what each column is for. The first form is made from it, and test questions are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.desk.form.form_draft import drop_draft, read_draft
from crowdflower.sandbox.desk.messages.message_words import refusal_in_words
from crowdflower.sandbox.desk.new_job import screening, steps
from crowdflower.sandbox.desk.new_job.column_facts import (
    MAX_CELL,
    MAX_SHOWN,
    DataSample,
    cell_text,
    fixed_role,
    printed_columns,
    read_sample,
)
from crowdflower.sandbox.desk.new_job.first_form import (
    MAX_OPTIONS,
    Question,
    make_form,
    question_names,
)
from crowdflower.sandbox.errors import BadRequest, Invalid
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.pages.work_page import redirect
from crowdflower.sandbox.rules import gold_answers
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.units import gold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from flask import Response
    from sqlalchemy import Row

    from crowdflower.sandbox.desk.desk_request import DeskRequest
    from crowdflower.sandbox.desk.new_job.column_facts import Role
    from crowdflower.sandbox.store import Transaction

MAX_LISTED: Final = 200
"""Columns whose role can be chosen; further ones keep the role that they have."""

FIRST_ROWS: Final = 5
"""Rows that are shown."""

MAX_SHOWN_COLUMNS: Final = 20
"""Columns of these rows."""

CHOICES: Final[tuple[Role, ...]] = ("shown", "key", "answer", "kept")


def show(request: DeskRequest) -> Response:
    """Show the columns with what they hold, and the first rows."""
    job = request.require_job
    if not steps.is_draft(job):
        return redirect(steps.job_url(job))
    sample = read_sample(request.tx, job)
    chosen = _chosen_roles(request, sample)
    names = [each.name for each in sample.columns[:MAX_SHOWN_COLUMNS]]
    return steps.step_page(
        request,
        "new_columns.html",
        "columns",
        job,
        sample=sample,
        listed=sample.columns[:MAX_LISTED],
        roles=chosen,
        fixed={each.name for each in sample.columns if chosen[each.name] not in CHOICES},
        role_texts={
            "shown": gettext("Shown to contributors"),
            "key": gettext("Key of the row"),
            "answer": gettext("Correct answer"),
            "kept": gettext("Kept, not shown"),
            "reason": gettext("Why it is correct"),
            "marker": gettext("Marks test questions"),
        },
        choices=CHOICES,
        columns_count=len(sample.columns),
        most_shown=MAX_SHOWN,
        is_edited=not _is_first_form(request.tx, job, sample),
        first_names=names,
        first_rows=[
            [cell_text(row.get(name))[:MAX_CELL] for name in names]
            for row in sample.rows[:FIRST_ROWS]
        ],
    )


def receive(request: DeskRequest) -> Response:
    """Turn rows with correct answers into test questions, and make the first form."""
    tx, job = request.tx, steps.draft(request)
    sample = read_sample(tx, job)
    roles = _chosen_roles(request, sample)
    answers = [name for name, role in roles.items() if role == "answer"]
    keys = [name for name, role in roles.items() if role == "key"]
    if len(keys) > 1:
        raise Invalid(
            gettext("Choose one key of the rows, not %(count)s: %(columns)s.")
            % {"count": len(keys), "columns": ", ".join(keys)}
        )
    if "anew" in request.form or _is_first_form(tx, job, sample):
        _make_anew(tx, job, sample, roles, answers)
    else:
        _refuse_other_columns(job, sample, roles)
        _convert(tx, job, sample, {name: _question(job, name) for name in answers})
    screening.follow_test_questions(tx, job)
    key = keys[0] if keys else ""
    if key != (job.custom_key or ""):
        jobs.update(tx, job, {"custom_key": key})
    return request.redirect(steps.step_url(job, "form"))


def _refuse_other_columns(job: Row[Any], sample: DataSample, roles: Mapping[str, Role]) -> None:
    """Refuse to show other columns than a form does that was edited.

    :raises Invalid: A column is to be shown or hidden by this step, and the form does not agree.
    """
    printed = printed_columns(job)
    changed = [
        each.name
        for each in sample.columns
        if (role := roles[each.name]) not in {each.role, "key"}
        and (role == "shown") != (each.name in printed)
    ]
    if changed:
        raise Invalid(
            gettext(
                "The form was edited, and it decides what contributors see. Add or remove the"
                " column there, or tick “Make a new form from these columns”: %(columns)s."
            )
            % {"columns": ", ".join(changed)}
        )


def _make_anew(
    tx: Transaction,
    job: Row[Any],
    sample: DataSample,
    roles: Mapping[str, Role],
    answers: Sequence[str],
) -> None:
    """Replace the form. While there is none, any question may have correct answers."""
    names = question_names(answers)
    if read_draft(job) is not None:
        drop_draft(tx, job)
    jobs.update(tx, job, {"cml": ""})
    _convert(tx, job, sample, names)
    jobs.update(tx, job, {"cml": _first_form(tx, job, sample, roles, names)})


def _convert(
    tx: Transaction, job: Row[Any], sample: DataSample, questions: Mapping[str, str]
) -> None:
    """Make test questions of the rows with correct answers, and rows of those without any more.

    :param questions: Column with correct answers to question.
    :raises Invalid: A column cannot have correct answers; the message says why.
    """
    if {*sample.with_role("answer")} - questions.keys():
        gold.reset(tx, job)
    for column, question in questions.items():
        try:
            gold.convert_by_answers(tx, job, question, column)
        except BadRequest as refusal:
            raise Invalid(
                gettext(
                    "The column %(column)s: %(problem)s Choose “Kept, not shown” for it, or change"
                    " the data."
                )
                % {"column": column, "problem": refusal_in_words(refusal)}
            ) from None
    if sample.with_role("marker"):
        gold.convert(tx, job)


def _question(job: Row[Any], column: str) -> str:
    """Return the question whose correct answers are in a column, by the job or by its name."""
    named = next((name for name, each in job.gold.items() if each == column), None)
    return named or question_names([column])[column]


def _first_form(
    tx: Transaction,
    job: Row[Any],
    sample: DataSample,
    roles: Mapping[str, Role],
    names: Mapping[str, str],
) -> str:
    accepted = _read_accepted(tx, job, names)
    shown = [(each.name, each.kind) for each in sample.columns if roles[each.name] == "shown"]
    questions = [Question(name, column, accepted[column]) for column, name in names.items()]
    return make_form(shown, questions)


def _is_first_form(tx: Transaction, job: Row[Any], sample: DataSample) -> bool:
    """Return whether a job has no form, or one as this step makes it, which nobody has edited."""
    if read_draft(job) is not None:
        return False
    if not job.cml:
        return True
    roles = {each.name: each.role for each in sample.columns}
    names = question_names(sample.with_role("answer"))
    return bool(job.cml == _first_form(tx, job, sample, roles, names))


def _read_accepted(
    tx: Transaction, job: Row[Any], columns: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Return all correct answers of the test questions of a job, by column."""
    found: dict[str, set[str]] = {column: set() for column in columns}
    for row in gold.list_all(tx, job) if found else ():
        for column, answers in found.items():
            if len(answers) <= MAX_OPTIONS:
                answers.update(gold_answers.to_list(row.data.get(column)))
    return {column: tuple(sorted(answers)) for column, answers in found.items()}


def _chosen_roles(request: DeskRequest, sample: DataSample) -> dict[str, Role]:
    """Return the roles that were posted; for the others, those that the columns have."""
    chosen: dict[str, Role] = {}
    for number, each in enumerate(sample.columns):
        posted = request.form.get(f"role-{number}")
        chosen[each.name] = next((role for role in CHOICES if role == posted), each.role)
    answers = {name for name, role in chosen.items() if role == "answer"}
    for name, role in chosen.items():
        if role in CHOICES:
            chosen[name] = fixed_role(name, answers) or role
        elif fixed_role(name, answers) is None:
            chosen[name] = "kept"  # the reason of an answer that is none any more
    return chosen
