"""The addresses of the pages: show one, take its answers, give it up.

Whoever knows a job's secret may work on it: ``/work/{job}?secret=…``. The first time they say who
they are, and then their browser does.
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
from crowdflower.sandbox.pages.origins import PAGE_HEADERS, refuse_strangers
from crowdflower.sandbox.pages.rendering import TEMPLATES, Answers, draw
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

COOKIE: Final = "crowdflower_contributor"
REMEMBERED: Final = 365 * 24 * 3600
"""Seconds for which a browser knows who uses it."""

DONE, GIVEN_UP = "done", "given_up"
"""In an address: the page that was handed in, or given up, a moment ago."""

GAVE_UP: Final = "You gave up the page; its rows go to others."

_DIGITS: Final = 18
_STYLE: Final = Path(__file__).with_name("page.css")
_ANSWER: Final = re.compile(r"u(\d{1,18})\[(.*)\]", re.DOTALL)
_NOTHING_TOLD: Final[Mapping[str, Any]] = {"messages": (), "receipt": None}
_NOTHING: Final = "There is no such work. Ask whoever sent you here for the whole address."


class _Wrong(NamedTuple):
    """A mistake as the list above the rows shows it."""

    anchor: str
    number: int
    question: str
    text: str


class Visit(NamedTuple):
    """Somebody at a job's door."""

    tx: Transaction
    job: Row[Any]
    address: str
    """Where they are: their answers go there too, and the next page is there."""

    hidden: Sequence[tuple[str, str]] = ()
    """Fields that go along with their answers."""


def show(number: int) -> Response:
    """Show a contributor the page that is theirs, or ask who they are."""

    def shown(tx: Transaction) -> Response:
        visit, worker = _visit(tx, number)
        if worker is None:
            return _html("who.html", visit.job, error="")
        if GIVEN_UP in request.args:
            return _between_pages(visit, worker, GAVE_UP)
        return page_of(visit, worker)

    try:
        return _database().write(shown)
    except Refusal as refusal:
        return refused(refusal)


def take(number: int) -> Response:
    """Take what a contributor sends: their name, their answers, or a page they give up."""
    form: MultiDict[str, str] = request.form

    def taken(tx: Transaction) -> Response:
        visit, worker = _visit(tx, number)
        if "name" in form:
            return _welcomed(visit, form["name"])
        if worker is None:
            return _html("who.html", visit.job, error="Say who you are first.", status=403)
        return answered(visit, worker, form)

    try:
        refuse_strangers(request.headers, request.host)
        return _database().write(taken)
    except Refusal as refusal:
        return refused(refusal)


def style() -> Response:
    """Hand out the style of the pages."""
    return Response(_STYLE.read_bytes(), content_type="text/css; charset=utf-8")


ROUTES: Final[tuple[tuple[str, list[str], Callable[..., Response]], ...]] = (
    ("/work/page.css", ["GET"], style),
    ("/work/<int:number>", ["GET"], show),
    ("/work/<int:number>", ["POST"], take),
)
"""Path, verbs, who answers."""


def address(tx: Transaction, job_id: int) -> str:
    """Return the path at which people work on a job, with its secret.

    :raises LookupError: There is no such job.
    """
    job = jobs.load(tx, job_id)
    if job is None:
        raise LookupError(f"There is no job {job_id}.")
    return _address(job)


def _address(job: Row[Any]) -> str:
    return f"/work/{job.id}?{urlencode({'secret': job.secret})}"


def _database() -> Database:
    database: Database = current_app.database  # type: ignore[attr-defined]
    return database


def _visit(tx: Transaction, number: int) -> tuple[Visit, Row[Any] | None]:
    """Find the job that somebody was sent to, and who they are.

    :raises NotFound: There is none, or they do not know its secret.
    """
    # A secret has no blanks, but plus signs, which stand for blanks in an address written by hand.
    secret = request.args.get("secret", "").replace(" ", "+")
    job = jobs.find_by_secret(tx, number, secret)
    return Visit(tx, job, _address(job)), visitors.known(tx, request.cookies.get(COOKIE))


def _welcomed(visit: Visit, name: str) -> Response:
    try:
        token = visitors.welcome(visit.tx, name, request.remote_addr)
    except Invalid as invalid:
        return _html("who.html", visit.job, error=invalid.message, status=422)
    response = _onward(visit.address)
    response.set_cookie(
        COOKIE,
        token,
        REMEMBERED,
        path="/work",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response


def answered(visit: Visit, worker: Row[Any], form: MultiDict[str, str]) -> Response:
    """Hand in a page or give it up, or show it again with what is wrong or one line more.

    :raises Refusal: That page is not theirs to hand in.
    """
    if "give_up" in form:
        return _given_up(visit, worker, form)
    assignment, token = _number(form.get("assignment", "")), form.get("token", "")
    answers = _answers(form)
    more = _ANSWER.fullmatch(form.get("more", ""))
    if more:
        shown = {unit: Answers(given) for unit, given in answers.items()}
        unit_id = int(more[1])
        shown[unit_id] = Answers(answers.get(unit_id, {}), more=more[2])
        return page_of(visit, worker, shown)
    if assignment is None:
        raise NotFound
    given = {
        unit: {name: values[0] if len(values) == 1 else values for name, values in named.items()}
        for unit, named in answers.items()
    }
    try:
        receipt = submission.submit(visit.tx, worker, assignment, token, given)
    except Invalid as invalid:
        wrong = invalid.fields
        if not wrong:
            raise
        shown = {
            unit: Answers(answers.get(unit, {}), wrong.get(unit, {})) for unit in {*answers, *wrong}
        }
        return page_of(visit, worker, shown, status=422)
    return _onward(visit.address, DONE, receipt.assignment_id)


def _given_up(visit: Visit, worker: Row[Any], form: MultiDict[str, str]) -> Response:
    """Take back the page that is given up, and no other that its contributor has by now."""
    page = _number(form.get("assignment", ""))
    if page is None:
        raise NotFound
    if closing.release_pages(visit.tx, visit.job.id, worker.id, page):
        return _onward(visit.address, GIVEN_UP, page)
    text = "This page is not open any more: it was handed in, given up, or its time is over."
    return _between_pages(visit, worker, text, status=409)


def _between_pages(visit: Visit, worker: Row[Any], text: str, status: int = 200) -> Response:
    """Say something to somebody who has no page now, and can ask for the next one."""
    told = _told(visit.tx, worker, finished=False)
    return _html("said.html", visit.job, status, text=text, onward=visit.address, **told)


def _answers(form: MultiDict[str, str]) -> dict[int, dict[str, list[str]]]:
    """Sort what a page sent by unit and question."""
    found: dict[int, dict[str, list[str]]] = {}
    for key, values in form.lists():
        named = _ANSWER.fullmatch(key)
        if named:
            found.setdefault(int(named[1]), {})[named[2]] = values
    return found


def page_of(
    visit: Visit,
    worker: Row[Any],
    shown: Mapping[int, Answers] | None = None,
    status: int = 200,
) -> Response:
    """Write the page that a contributor has, or say why there is none.

    :param shown: What they have answered on it so far; ``None`` when they were not asked yet, and
        are told what became of their last page.
    """
    tx, job = visit.tx, visit.job
    told = {**_told(tx, worker, finished=shown is None), "hidden": visit.hidden}
    try:
        page = take_page(tx, job, worker)
    except NoPageAvailable as closed:
        return _html("said.html", job, text=str(closed), onward=None, **told)
    shown = shown or {}
    agent = request.headers.get("User-Agent", "")
    try:
        units = [
            draw(job.cml or "", unit, shown.get(unit.id, Answers()), agent) for unit in page.units
        ]
    except Invalid as invalid:
        return _html("stuck.html", job, status=422, page=page, text=invalid.message, **told)
    return _html(
        "page.html",
        job,
        status=status,
        page=page,
        units=units,
        errors=_listed(job.cml or "", page, shown),
        minutes=max(1, round((page.expires_at - tx.clock.now()) / 60)),
        instructions=Markup(sanitize(job.instructions)),  # noqa: S704 - that is what sanitize is for
        **told,
    )


def _listed(cml: str, page: Page, shown: Mapping[int, Answers]) -> list[_Wrong]:
    """List what is wrong with a page, in the words in which its questions are asked."""
    wrong = []
    for number, unit in enumerate(page.units, 1):
        errors = shown.get(unit.id, Answers()).errors
        asked = {each.name: each.label for each in form_for(cml, unit.data).fields if errors}
        wrong += [
            _Wrong(f"u{unit.id}-{name}", number, asked.get(name) or name, text)
            for name, text in errors.items()
        ]
    return wrong


def _told(tx: Transaction, worker: Row[Any], *, finished: bool) -> dict[str, Any]:
    """Find what a contributor is to be told above all else.

    :param finished: Also what became of the page that they handed in a moment ago.
    """
    receipt = _receipt(tx, worker) if finished else None
    return {"messages": visitors.unread(tx, worker.id), "receipt": receipt}


def _receipt(tx: Transaction, worker: Row[Any]) -> Receipt | None:
    number = _number(request.args.get(DONE, ""))
    page = None if number is None else page_queries.find_page(tx.driver, number)
    if page is None or page.worker_id != worker.id or page.receipt is None:
        return None
    return Receipt.from_text(page.receipt)


def _number(text: str) -> int | None:
    """Read the number of a page; ``None`` for what cannot be one."""
    return int(text) if text.isdecimal() and len(text) <= _DIGITS else None


def _onward(address: str, what: str = "", page: int | None = None) -> Response:
    """Send a browser to the next page, so that loading it again hands nothing in again.

    :param what: What became of a page, and there is to be told.
    """
    query = "" if page is None else f"&{what}={page}"
    return Response(status=303, headers={"Location": f"{address}{query}"})


def refused(refusal: Refusal) -> Response:
    """Say to a person what else is said in JSON."""
    if isinstance(refusal, NotFound):
        return _said("Work", _NOTHING, 404)
    return _said("Work", refusal.message, refusal.status, onward=request.full_path)


def without_page(
    tx: Transaction, worker: Row[Any], text: str, onward: str | None = None
) -> Response:
    """Say to a contributor why they have no page now, and what became of their last one.

    :param onward: Where they may ask for the next.
    """
    return _said("Work", text, onward=onward, **_told(tx, worker, finished=True))


def _said(
    title: str | None, text: str, status: int = 200, onward: str | None = None, **told: Any
) -> Response:
    values = {"title": title, "language": "en", "text": text, "onward": onward}
    return _written("said.html", status, **{**_NOTHING_TOLD, **told, **values})


def _html(template: str, job: Row[Any], status: int = 200, **values: Any) -> Response:
    known = {"title": job.title or f"Job {job.id}", "language": job.language or "en"}
    return _written(template, status, **known, **values)


def _written(template: str, status: int, **values: Any) -> Response:
    html = TEMPLATES.get_template(template).render(values)
    return Response(html, status, PAGE_HEADERS, content_type="text/html; charset=utf-8")
