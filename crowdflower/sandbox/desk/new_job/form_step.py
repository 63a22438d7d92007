"""Step 3: the form, in the same editor and with the same preview as on its own page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.desk.form.form_draft import drop_draft
from crowdflower.sandbox.desk.form.form_editor import INSERTS, keep_form, read_editor, save_form
from crowdflower.sandbox.desk.new_job import steps
from crowdflower.sandbox.errors import BadRequest
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.pages.work_page import redirect

if TYPE_CHECKING:
    from flask import Response

    from crowdflower.sandbox.desk.desk_request import DeskRequest


def show(request: DeskRequest) -> Response:
    """Show the editor, with what was typed if that was refused or only checked."""
    job = request.require_job
    if not steps.is_draft(job):
        return redirect(f"{steps.job_url(job)}/form")
    editor = read_editor(request)
    return steps.step_page(request, "new_form.html", "form", job, editor=editor, inserts=INSERTS)


def receive(request: DeskRequest) -> Response:
    """Save the form and go on, keep it with its errors, drop what was kept, or only check it."""
    job, act = steps.draft(request), request.form.get("do")
    url = steps.step_url(job, "form")
    if act == "check":
        return show(request)
    if act == "draft":
        keep_form(request)
        return request.redirect(url, gettext("Saved as a draft. Contributors do not get it yet."))
    if act == "drop":
        drop_draft(request.tx, job)
        return request.redirect(url, gettext("The draft is gone. This is the form in use."))
    if act != "save":
        raise BadRequest(gettext("Choose what to do with the form: one of its buttons."))
    save_form(request)
    return request.redirect(steps.step_url(job, "settings"))
