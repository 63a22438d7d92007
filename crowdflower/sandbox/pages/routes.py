"""The views of the pages: show a page, submit it, give it up.

Anyone who has the secret of a job may work on it: ``/work/{job}?secret=…``. On their first visit
they enter a name; after that a cookie identifies them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlencode

from flask import Response, current_app, request
from markupsafe import Markup

from crowdflower.sandbox.errors import Invalid, NotFound, Refusal
from crowdflower.sandbox.forms import form_for
from crowdflower.sandbox.forms.sanitizer import sanitize
from crowdflower.sandbox.pages import visitors
from crowdflower.sandbox.pages.origins import PAGE_HEADERS, refuse_other_sites
from crowdflower.sandbox.pages.rendering import TEMPLATES, Answers, render_unit
from crowdflower.sandbox.rules.completion import closing
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.work import submission
from crowdflower.sandbox.rules.work.handout import NoPageAvailable, take_page
from crowdflower.sandbox.rules.work.receipts import Receipt
from crowdflower.sandbox.store.fast import page_queries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Row
    from werkzeug.datastructures import MultiDict

    from crowdflower.sandbox.rules.work.handout import Page
    from crowdflower.sandbox.store import Database, Transaction

DATABASE: Final = "database"
"""Key of the database in the extensions of the application."""

COOKIE: Final = "crowdflower_contributor"
COOKIE_LIFETIME: Final = 365 * 24 * 3600
"""Seconds for which the browser keeps the cookie: one year."""

DONE, GIVEN_UP = "done", "given_up"
"""Query parameters with the number of the page that was just submitted, or given up."""

GAVE_UP: Final = "You gave up this page. Other contributors will get its rows."

_MAX_ID_DIGITS: Final = 18
_STYLESHEET: Final = Path(__file__).with_name("page.css")
_ANSWER_NAME: Final = re.compile(r"u(\d{1,18})\[(.*)\]", re.DOTALL)
_NO_NOTICES: Final[Mapping[str, Any]] = {"messages": (), "receipt": None}
_NOT_FOUND: Final = (
    "This link does not work. Please ask the person who sent it to you for the complete link."
)


class _FormError(NamedTuple):
    """An entry in the list of errors above the rows."""

    anchor: str
    number: int
    question: str
    text: str


class Visit(NamedTuple):
    """A contributor's request for a page of a job."""

    tx: Transaction
    job: Row[Any]

    url: str
    """URL of the page; answers are posted to it, and the next page is shown at it."""

    hidden_fields: Sequence[tuple[str, str]] = ()
    """Name and value of additional fields of the form."""


def show(number: int) -> Response:
    """Show a contributor's page, or ask for their name."""

    def render(tx: Transaction) -> Response:
        visit, worker = _visit(tx, number)
        if worker is None:
            return _render_for_job("welcome.html", visit.job, error="")
        if GIVEN_UP in request.args:
            return _render_message(visit, worker, GAVE_UP)
        return page_response(visit, worker)

    try:
        return _database().write(render)
    except Refusal as refusal:
        return refusal_response(refusal)


def receive(number: int) -> Response:
    """Handle a posted form: a contributor's name, their answers, or a page that they give up."""
    form: MultiDict[str, str] = request.form

    def handle(tx: Transaction) -> Response:
        visit, worker = _visit(tx, number)
        if "name" in form:
            return _register(visit, form["name"])
        if worker is None:
            error = "Please enter your name first."
            return _render_for_job("welcome.html", visit.job, error=error, status=403)
        return submit(visit, worker, form)

    try:
        refuse_other_sites(request.headers, request.host)
        return _database().write(handle)
    except Refusal as refusal:
        return refusal_response(refusal)


def stylesheet() -> Response:
    """Return the stylesheet of the pages."""
    return Response(_STYLESHEET.read_bytes(), content_type="text/css; charset=utf-8")


ROUTES: Final[tuple[tuple[str, list[str], Callable[..., Response]], ...]] = (
    ("/work/page.css", ["GET"], stylesheet),
    ("/work/<int:number>", ["GET"], show),
    ("/work/<int:number>", ["POST"], receive),
)
"""Path, verbs, view."""


def work_path(tx: Transaction, job_id: int) -> str:
    """Return the path at which people work on a job, with its secret.

    :raises LookupError: No job has this id.
    """
    job = jobs.load(tx, job_id)
    if job is None:
        raise LookupError(f"There is no job {job_id}.")
    return _work_path(job)


def _work_path(job: Row[Any]) -> str:
    return f"/work/{job.id}?{urlencode({'secret': job.secret})}"


def _database() -> Database:
    database: Database = current_app.extensions[DATABASE]
    return database


def _visit(tx: Transaction, number: int) -> tuple[Visit, Row[Any] | None]:
    """Find the job and the contributor of a request.

    :raises NotFound: No job has this id and secret.
    """
    # Secrets contain plus signs, which a URL that was written by hand has unescaped, as spaces.
    secret = request.args.get("secret", "").replace(" ", "+")
    job = jobs.find_by_secret(tx, number, secret)
    return Visit(tx, job, _work_path(job)), visitors.find(tx, request.cookies.get(COOKIE))


def _register(visit: Visit, name: str) -> Response:
    try:
        token = visitors.register(visit.tx, name, request.remote_addr)
    except Invalid as invalid:
        return _render_for_job("welcome.html", visit.job, error=invalid.message, status=422)
    response = _redirect(visit.url)
    response.set_cookie(
        COOKIE,
        token,
        COOKIE_LIFETIME,
        path="/work",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response


def submit(visit: Visit, worker: Row[Any], form: MultiDict[str, str]) -> Response:
    """Submit a page or give it up, or show it again with its errors or with one more line.

    :raises Refusal: The contributor may not submit this page.
    """
    if "give_up" in form:
        return _give_up(visit, worker, form)
    assignment, token = _page_number(form.get("assignment", "")), form.get("token", "")
    values = _parse_answers(form)
    more = _ANSWER_NAME.fullmatch(form.get("more", ""))
    if more:
        answers = {unit: Answers(named) for unit, named in values.items()}
        unit_id = int(more[1])
        answers[unit_id] = Answers(values.get(unit_id, {}), more=more[2])
        return page_response(visit, worker, answers)
    if assignment is None:
        raise NotFound
    submitted = {
        unit: {name: each[0] if len(each) == 1 else each for name, each in named.items()}
        for unit, named in values.items()
    }
    try:
        receipt = submission.submit(visit.tx, worker, assignment, token, submitted)
    except Invalid as invalid:
        errors = invalid.fields
        if not errors:
            raise
        answers = {
            unit: Answers(values.get(unit, {}), errors.get(unit, {})) for unit in {*values, *errors}
        }
        return page_response(visit, worker, answers, status=422)
    return _redirect(visit.url, DONE, receipt.assignment_id)


def _give_up(visit: Visit, worker: Row[Any], form: MultiDict[str, str]) -> Response:
    """Release the page that the form names, not a newer one that the contributor may have."""
    page = _page_number(form.get("assignment", ""))
    if page is None:
        raise NotFound
    if closing.release_pages(visit.tx, visit.job.id, worker.id, page):
        return _redirect(visit.url, GIVEN_UP, page)
    text = "This page is no longer open: it was submitted or given up, or its time is over."
    return _render_message(visit, worker, text, status=409)


def _render_message(visit: Visit, worker: Row[Any], text: str, status: int = 200) -> Response:
    """Show a message to a contributor who has no page, with a link to the next one."""
    notices = _notices(visit.tx, worker, with_receipt=False)
    return _render_for_job(
        "message.html", visit.job, status, text=text, next_url=visit.url, **notices
    )


def _parse_answers(form: MultiDict[str, str]) -> dict[int, dict[str, list[str]]]:
    """Group the fields of a form by unit and question."""
    answers: dict[int, dict[str, list[str]]] = {}
    for key, values in form.lists():
        name = _ANSWER_NAME.fullmatch(key)
        if name:
            answers.setdefault(int(name[1]), {})[name[2]] = values
    return answers


def page_response(
    visit: Visit,
    worker: Row[Any],
    answers: Mapping[int, Answers] | None = None,
    status: int = 200,
) -> Response:
    """Show a contributor's page, or the reason why there is none.

    :param answers: Unit to answers so far; ``None`` on a new page, which also shows the receipt of
        the last one.
    """
    tx, job = visit.tx, visit.job
    notices = {
        **_notices(tx, worker, with_receipt=answers is None),
        "hidden_fields": visit.hidden_fields,
    }
    try:
        page = take_page(tx, job, worker)
    except NoPageAvailable as closed:
        return _render_for_job("message.html", job, text=str(closed), next_url=None, **notices)
    answers = answers or {}
    cml, agent = job.cml or "", request.headers.get("User-Agent", "")
    try:
        units = [
            render_unit(cml, unit, answers.get(unit.id, Answers()), agent) for unit in page.units
        ]
    except Invalid as invalid:
        return _render_for_job(
            "row_error.html", job, status=422, page=page, text=invalid.message, **notices
        )
    return _render_for_job(
        "page.html",
        job,
        status=status,
        page=page,
        units=units,
        errors=_form_errors(cml, page, answers),
        minutes=max(1, round((page.expires_at - tx.clock.now()) / 60)),
        instructions=Markup(sanitize(job.instructions)),  # noqa: S704 - sanitized
        **notices,
    )


def _form_errors(cml: str, page: Page, answers: Mapping[int, Answers]) -> list[_FormError]:
    """List the errors of a page, with the labels of its questions."""
    found = []
    for number, unit in enumerate(page.units, 1):
        errors = answers.get(unit.id, Answers()).errors
        labels = {each.name: each.label for each in form_for(cml, unit.data).fields if errors}
        found += [
            _FormError(f"u{unit.id}-{name}", number, labels.get(name) or name, text)
            for name, text in errors.items()
        ]
    return found


def _notices(tx: Transaction, worker: Row[Any], *, with_receipt: bool) -> dict[str, Any]:
    """Return what is shown at the top of a page: unread messages and the last receipt."""
    receipt = _last_receipt(tx, worker) if with_receipt else None
    return {"messages": visitors.take_unread_messages(tx, worker.id), "receipt": receipt}


def _last_receipt(tx: Transaction, worker: Row[Any]) -> Receipt | None:
    number = _page_number(request.args.get(DONE, ""))
    page = None if number is None else page_queries.find_page(tx.driver, number)
    if page is None or page.worker_id != worker.id or page.receipt is None:
        return None
    return Receipt.from_text(page.receipt)


def _page_number(text: str) -> int | None:
    """Parse the number of a page; ``None`` if the text cannot be one."""
    return int(text) if text.isdecimal() and len(text) <= _MAX_ID_DIGITS else None


def _redirect(url: str, parameter: str = "", page: int | None = None) -> Response:
    """Redirect a browser to the next page, so that a reload does not post the form again.

    :param parameter: :data:`DONE` or :data:`GIVEN_UP`, with the number of the page.
    """
    query = "" if page is None else f"&{parameter}={page}"
    return Response(status=303, headers={"Location": f"{url}{query}"})


def refusal_response(refusal: Refusal) -> Response:
    """Show a refusal as a page instead of JSON."""
    if isinstance(refusal, NotFound):
        return _render_text(_NOT_FOUND, 404)
    return _render_text(refusal.message, refusal.status, next_url=request.full_path)


def message_response(
    tx: Transaction, worker: Row[Any], text: str, next_url: str | None = None
) -> Response:
    """Show a contributor why they have no page, and the receipt of their last one.

    :param next_url: Where they can ask for the next page.
    """
    return _render_text(text, next_url=next_url, **_notices(tx, worker, with_receipt=True))


def _render_text(
    text: str, status: int = 200, next_url: str | None = None, **notices: Any
) -> Response:
    values = {"title": "Work", "language": "en", "text": text, "next_url": next_url}
    return _render("message.html", status, **{**_NO_NOTICES, **notices, **values})


def _render_for_job(template: str, job: Row[Any], status: int = 200, **values: Any) -> Response:
    title, language = job.title or f"Job {job.id}", job.language or "en"
    return _render(template, status, title=title, language=language, **values)


def _render(template: str, status: int, **values: Any) -> Response:
    html = TEMPLATES.get_template(template).render(values)
    return Response(html, status, PAGE_HEADERS, content_type="text/html; charset=utf-8")
