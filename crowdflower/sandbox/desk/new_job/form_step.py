"""Step 3: the form, in the same editor and with the same preview as on its own page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.desk.form.form_editor import INSERTS, carry_out, read_editor
from crowdflower.sandbox.desk.new_job import steps
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
    """Carry out what a button of the editor says; after the form is saved, go on.

    :raises Refusal: The form has an error; nothing is saved, and what was typed is shown again.
    """
    job = steps.draft(request)
    response = carry_out(request, steps.step_url(job, "form"), show)
    return response or request.redirect(steps.step_url(job, "settings"))
