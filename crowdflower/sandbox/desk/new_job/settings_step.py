"""Step 4: the settings, in the same fields as on their own page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.desk.messages.message_words import all_in_words
from crowdflower.sandbox.desk.new_job import steps
from crowdflower.sandbox.desk.settings import settings_form
from crowdflower.sandbox.desk.settings.settings_page import settings_values
from crowdflower.sandbox.pages.work_page import redirect

if TYPE_CHECKING:
    from flask import Response

    from crowdflower.sandbox.desk.desk_request import DeskRequest


def show(request: DeskRequest) -> Response:
    """Show the settings of a draft, or what was typed, and what they mean."""
    job = request.require_job
    if not steps.is_draft(job):
        return redirect(f"{steps.job_url(job)}/settings")
    values = settings_values(request)
    return steps.step_page(request, "new_settings.html", "settings", job, **values)


def receive(request: DeskRequest) -> Response:
    """Save the settings and go on, or work out what they mean without saving them.

    :raises Refusal: A setting is invalid; nothing is saved.
    """
    if request.form.get("do") == "estimate":
        return show(request)
    tx, job = request.tx, steps.draft(request)
    settings_form.save(tx, job, settings_form.read(tx, job, request.form))
    return request.redirect(steps.step_url(job, "launch"), all_in_words(tx.warnings))
