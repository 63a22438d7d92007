"""The editor of a form: what ``form_editor.html`` shows, and what its buttons do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.desk.form.form_columns import FormColumns
from crowdflower.sandbox.desk.form.form_draft import FormDraft, drop_draft, keep_draft, read_draft
from crowdflower.sandbox.desk.form.form_preview import TESTS, find_row
from crowdflower.sandbox.desk.form.form_problems import find_problems
from crowdflower.sandbox.desk.form.typed_form import (
    TypedForm,
    form_in_use,
    read_typed,
    saved_form,
)
from crowdflower.sandbox.errors import BadRequest, Conflict, Invalid
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules.jobs import jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Response
    from sqlalchemy import Row

    from crowdflower.sandbox.desk.desk_request import DeskRequest
    from crowdflower.sandbox.desk.form.form_problems import FormProblem
    from crowdflower.sandbox.store import Transaction

SAVE_ANYWAY: Final = "save-anyway"
"""Value of the button that saves a form by which test questions lose their use."""

INSERTS: Final = {
    "radios": """
<cml:radios label="" name="" validates="required">
  <cml:radio label="" value=""/>
  <cml:radio label="" value=""/>
</cml:radios>
""",
    "checkboxes": """
<cml:checkboxes label="" name="">
  <cml:checkbox label="" value=""/>
  <cml:checkbox label="" value=""/>
</cml:checkboxes>
""",
    "checkbox": '\n<cml:checkbox label="" name=""/>\n',
    "select": """
<cml:select label="" name="" validates="required">
  <cml:option label="" value=""/>
  <cml:option label="" value=""/>
</cml:select>
""",
    "ratings": '\n<cml:ratings label="" name="" points="5" validates="required"/>\n',
    "text": '\n<cml:text label="" name="" validates="required"/>\n',
    "textarea": '\n<cml:textarea label="" name="" validates="required"/>\n',
    "group": '\n<cml:group multiple="true" group_name="">\n\n</cml:group>\n',
}
"""What the menu of the editor inserts: a kind of question, and its markup."""


@dataclass(frozen=True)
class FormEditor:
    """What the editor shows.

    :param base: Fingerprint of the form in use, which a save sends back.
    :param draft: The draft that is shown instead of the form in use.
    :param marks: Line to ``bad`` or ``warn``.
    :param rows: How many rows the preview can show.
    :param tests: How many of them are test questions.
    """

    typed: TypedForm
    base: str
    draft: FormDraft | None
    problems: list[FormProblem]
    columns: FormColumns
    marks: dict[int, str]
    rows: int
    tests: int
    row: str
    of: str

    @property
    def errors(self) -> int:
        """How many problems have to be fixed."""
        return sum(each.severity == "bad" for each in self.problems)

    @property
    def blocks_launch(self) -> bool:
        """Whether the form can be saved, and rows cannot be ordered with it."""
        return {each.stops for each in self.problems if each.stops} == {"launch"}

    @property
    def asks(self) -> bool:
        """Whether a save has to be confirmed, and nothing else prevents it."""
        stops = {each.stops for each in self.problems}
        return "ask" in stops and "save" not in stops


def read_editor(request: DeskRequest) -> FormEditor:
    """Return the editor of a job's form, with what was typed if something was posted."""
    tx, job = request.tx, request.require_job
    typed = read_typed(request.form, saved_form(job))
    problems = find_problems(tx, job, typed.cml)
    marks: dict[int, str] = {}
    for each in problems:
        if each.line is not None and marks.get(each.line) != "bad":
            marks[each.line] = each.severity
    chosen = {**request.args.to_dict(), **request.form.to_dict()}
    return FormEditor(
        typed=typed,
        base=form_in_use(job).fingerprint,
        draft=read_draft(job),
        problems=problems,
        columns=FormColumns.read(tx, job, typed.cml),
        marks=marks,
        rows=find_row(tx, job.id, "", is_test=False).total,
        tests=int(job.golds_count),
        row=chosen.get("row", "1"),
        of=TESTS if chosen.get("of") == TESTS and job.golds_count else "rows",
    )


def carry_out(
    request: DeskRequest, url: str, show: Callable[[DeskRequest], Response]
) -> Response | None:
    """Save the form, keep it as a draft, drop the draft, or only check it.

    :param url: Address of the page with the editor.
    :param show: Shows that page with what was typed.
    :returns: What to answer; ``None`` after the form was saved.
    :raises Refusal: The form has an error; nothing is saved, and what was typed is shown again.
    """
    act = request.form.get("do")
    if act == "check":
        return show(request)
    if act == "draft":
        _keep_form(request)
        return request.redirect(url, gettext("Saved as a draft. Contributors do not get it yet."))
    if act == "drop":
        drop_draft(request.tx, request.require_job)
        return request.redirect(url, gettext("The draft is gone. This is the form in use."))
    if act not in {"save", SAVE_ANYWAY}:
        raise BadRequest(gettext("Choose what to do with the form: one of its buttons."))
    _save_form(request)
    return None


def _save_form(request: DeskRequest) -> None:
    """Save what was typed as the form of the job; its draft goes.

    :raises Invalid: The form has an error, or test questions would lose their use and the button
        that confirms this was not pressed.
    :raises Conflict: It was changed by another person or program since it was opened.
    """
    tx, job = request.tx, request.require_job
    typed = read_typed(request.form, saved_form(job))
    if request.form.get("base", "") not in {"", form_in_use(job).fingerprint}:
        raise Conflict(
            gettext(
                "The form was changed in another place since you opened it. What you typed is"
                " still here: save it again to replace that change."
            )
        )
    _refuse_errors(tx, job, typed, confirmed=request.form.get("do") == SAVE_ANYWAY)
    if changes := typed.changes(job):
        jobs.update(tx, job, changes)
    if read_draft(job) is not None:
        drop_draft(tx, job)


def _keep_form(request: DeskRequest) -> None:
    """Keep what was typed as a draft: contributors do not get it."""
    tx, job = request.tx, request.require_job
    typed = read_typed(request.form, saved_form(job))
    keep_draft(tx, job, FormDraft(**asdict(typed), saved_at=tx.clock.now()))


def _refuse_errors(tx: Transaction, job: Row[Any], typed: TypedForm, *, confirmed: bool) -> None:
    problems = find_problems(tx, job, typed.cml)
    errors = [each for each in problems if each.stops == "save"]
    if errors:
        raise Invalid(
            gettext(
                "The form has an error, so it is not saved; contributors still get the last one."
                " Fix the marked lines, or keep it as a draft. %(first)s"
            )
            % {"first": errors[0].text}
        )
    losses = [each for each in problems if each.stops == "ask"]
    if losses and not confirmed:
        raise Invalid(
            gettext(
                "The form is not saved yet; contributors still get the last one. %(first)s."
                " Repair it, or press “Save anyway” under the problems."
            )
            % {"first": losses[0].head}
        )
