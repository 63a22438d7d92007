"""The five steps of a new job, and what their pages have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.pages.translations import gettext

if TYPE_CHECKING:
    from flask import Response
    from sqlalchemy import Row

    from crowdflower.sandbox.desk.desk_request import DeskRequest

NEW: Final = "/desk/new"
PATHS: Final = ("data", "columns", "form", "settings", "launch")


class Step(NamedTuple):
    """A step, as the line above each page shows it."""

    text: str
    url: str
    """Empty before there is a draft."""


def job_url(job: Row[Any]) -> str:
    """Return the address of a job's overview."""
    return f"/desk/jobs/{job.id}"


def step_url(job: Row[Any], step: str) -> str:
    """Return the address of a step for a job that exists."""
    return f"{NEW}?job={job.id}" if step == "data" else f"{job_url(job)}/new/{step}"


def is_draft(job: Row[Any]) -> bool:
    """Return whether a job has never been launched."""
    return bool(job.state == "unordered")


def draft(request: DeskRequest) -> Row[Any]:
    """Return the job of a request.

    :raises Invalid: The job was launched, so that no step of these can change it any more.
    """
    job = request.require_job
    if not is_draft(job):
        raise Invalid(gettext("This job was launched. Change it on its own pages."))
    return job


def step_page(
    request: DeskRequest, template: str, step: str, job: Row[Any] | None, **values: Any
) -> Response:
    """Return the page of a step."""
    names = {
        "data": gettext("Data"),
        "columns": gettext("Columns"),
        "form": gettext("Form"),
        "settings": gettext("Settings"),
        "launch": gettext("Cost and launch"),
    }
    steps = [Step(names[path], step_url(job, path) if job is not None else "") for path in PATHS]
    headings = {
        "data": gettext("New job: data"),
        "columns": gettext("New job: columns"),
        "form": gettext("New job: form"),
        "settings": gettext("New job: settings"),
        "launch": gettext("New job: cost and launch"),
    }
    return request.page(
        template,
        heading=headings[step],
        steps=steps,
        step=PATHS.index(step),
        job=job,
        back=_back(job, step),
        **values,
    )


def _back(job: Row[Any] | None, step: str) -> str:
    at = PATHS.index(step)
    return step_url(job, PATHS[at - 1]) if job is not None and at else "/desk/"
