"""The page in the frame of a job's own scripts: the same rows, with the form's markup as it is.

The page around it posts the answers so far to the frame, so that it begins with them. Nothing is
handed out, and nothing is stored.
"""

from __future__ import annotations

import json
import re
import secrets
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final

from flask import Response, request
from markupsafe import Markup

from crowdflower.sandbox.errors import Conflict, NotFound
from crowdflower.sandbox.forms import form_for
from crowdflower.sandbox.pages import work_page
from crowdflower.sandbox.pages.job_frame.frame_policy import frame_headers
from crowdflower.sandbox.pages.job_frame.own_code import element_text, frame_path, with_nonces
from crowdflower.sandbox.pages.media.file_links import link_files
from crowdflower.sandbox.pages.rendering import TEMPLATES, job_values, script_texts
from crowdflower.sandbox.pages.row.row_form import Answers, render_unit
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules.work.handout import take_page
from crowdflower.sandbox.store.fast import page_queries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row
    from werkzeug.datastructures import MultiDict

    from crowdflower.cml import Form
    from crowdflower.sandbox.pages.work_page import Visit
    from crowdflower.sandbox.rules.work.handout import Page

_CHANNEL: Final = re.compile(r"[a-z0-9-]{8,100}")


def show_frame(visit: Visit, worker: Row[Any], form: MultiDict[str, str]) -> Response:
    """Show the open page of a contributor with the answers of a form, and the job's scripts.

    :raises NotFound: The job has no scripts, or they may not run.
    :raises Conflict: The page is no longer open.
    """
    channel = form.get("channel", "")
    if frame_path(visit.tx, visit.job, visit.url) is None or not _CHANNEL.fullmatch(channel):
        raise NotFound
    page = _open_page(visit, worker, form)
    values = work_page.parse_answers(form)
    answers = work_page.with_changed_entries(form, values)
    if answers is None:
        answers = {unit: Answers(named) for unit, named in values.items()}
    nonce, job = secrets.token_urlsafe(), visit.job
    units = _render_units(job, page, answers, nonce)
    html = TEMPLATES.get_template("job_frame.html").render(
        **job_values(job.title, job.id, job.language),
        page=page,
        units=units,
        nonce=nonce,
        channel=channel,
        script_texts=script_texts(),
        css=Markup(element_text(job.css)),  # noqa: S704 - runs in the frame only
        js=Markup(element_text(job.js)),  # noqa: S704 - as above
    )
    rows = "".join(unit for unit, _ in units)
    headers = frame_headers(rows, nonce, request.host_url.rstrip("/"))
    return Response(html, 200, headers, content_type="text/html; charset=utf-8")


def _open_page(visit: Visit, worker: Row[Any], form: MultiDict[str, str]) -> Page:
    """Return the page that the form belongs to, and hand out no other."""
    stored = page_queries.find_open_page(visit.tx.driver, visit.job.id, worker.id)
    token = form.get("token", "").encode("utf-8", "replace")
    if (
        stored is None
        or str(stored.id) != form.get("assignment")
        or stored.expires_at <= visit.tx.clock.now()
        or not compare_digest(stored.form_token.encode(), token)
    ):
        raise Conflict(gettext("This page is no longer open."))
    return take_page(visit.tx, visit.job, worker)


def _render_units(
    job: Row[Any], page: Page, answers: Mapping[int, Answers], nonce: str
) -> list[tuple[Markup, str]]:
    """Return the rows, each with the classes that scripts find its questions by, as JSON."""

    def keep_scripts(html: str) -> str:
        return link_files(with_nonces(html, nonce), job.id, job.secret)

    agent, cml = request.headers.get("User-Agent", ""), job.cml or ""
    return [
        (
            render_unit(cml, unit, answers.get(unit.id, Answers()), agent, clean=keep_scripts),
            json.dumps(_hooks(form_for(cml, unit.data))),
        )
        for unit in page.units
    ]


def _hooks(form: Form) -> dict[str, tuple[str, list[str]]]:
    """Return the kind of each question, and the classes that its fields have on the service."""
    return {
        each.name: (
            each.kind,
            [
                *re.findall(r"\S+", each.name),
                *(f"validates-{name}" for name in each.validators),
                *each.attributes.get("class", "").split(),
                *(["validates"] if each.validators else []),
            ],
        )
        for each in form.fields
    }
