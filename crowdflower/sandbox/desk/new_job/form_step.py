"""Step 3: the form and the instructions of a new job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.desk.new_job import steps
from crowdflower.sandbox.pages.work_page import redirect
from crowdflower.sandbox.rules.jobs import jobs

if TYPE_CHECKING:
    from flask import Response

    from crowdflower.sandbox.desk.desk_request import DeskRequest


def show(request: DeskRequest) -> Response:
    """Show the form, or what was typed if that was refused."""
    job = request.require_job
    if not steps.is_draft(job):
        return redirect(steps.job_url(job))
    return steps.step_page(
        request,
        "new_form.html",
        "form",
        job,
        cml=request.form.get("cml", job.cml or ""),
        instructions=request.form.get("instructions", job.instructions or ""),
    )


def receive(request: DeskRequest) -> Response:
    """Save the form and go on; a form with mistakes is refused."""
    job = steps.draft(request)
    sent = {name: request.form.get(name, "").replace("\r\n", "\n") for name in _FIELDS}
    jobs.update(request.tx, job, sent)
    return request.redirect(steps.step_url(job, "launch"))


_FIELDS = ("cml", "instructions")
