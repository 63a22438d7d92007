"""The page of rows: shown with the answers so far, submitted, skipped, given more time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from flask import Response, request
from markupsafe import Markup

from crowdflower.sandbox.errors import Invalid, NotFound, Refusal
from crowdflower.sandbox.forms import form_for
from crowdflower.sandbox.forms.sanitizer import sanitize
from crowdflower.sandbox.pages.contributor import late_answers
from crowdflower.sandbox.pages.contributor.browser import require_form_token
from crowdflower.sandbox.pages.contributor.standing import read_standing
from crowdflower.sandbox.pages.job_frame.own_code import frame_path
from crowdflower.sandbox.pages.no_page import (
    Say,
    no_longer_open,
    no_page,
    quiz_passed,
    skipped,
)
from crowdflower.sandbox.pages.notices import read_notices
from crowdflower.sandbox.pages.rendering import plain_values, render, render_for_job, script_texts
from crowdflower.sandbox.pages.row.error_texts import error_text
from crowdflower.sandbox.pages.row.inline_styles import InlineStyles
from crowdflower.sandbox.pages.row.row_form import Answers, render_unit
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules.completion import closing
from crowdflower.sandbox.rules.work import drafts, extension, submission
from crowdflower.sandbox.rules.work.handout import NoPageAvailable, take_page
from crowdflower.sandbox.store.column_types import MAX_ID_DIGITS
from crowdflower.sandbox.store.fast import page_queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Row
    from werkzeug.datastructures import MultiDict

    from crowdflower.sandbox.pages.contributor.visitors import Visitor
    from crowdflower.sandbox.rules.work.handout import Page, PageUnit
    from crowdflower.sandbox.store import Transaction

DONE, SKIPPED_PAGE, LATE = "done", "skipped", "late"
"""Query parameters with the number of the page that was just submitted, or skipped, or came too
late."""

_ANSWER_NAME: Final = re.compile(r"u(\d{1,18})\[(.*)\]", re.DOTALL)
_REMOVED_ENTRY: Final = re.compile(r"(\d{1,4})-u(\d{1,18})\[(.*)\]", re.DOTALL)


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

    me: Visitor | None = None
    """The contributor, if their browser is known by its cookie: they have a home, drafts of late
    answers, and can contest test questions."""

    @property
    def contest_url(self) -> str | None:
        """URL to contest a test question at; ``None`` if this contributor cannot."""
        path, _, query = self.url.partition("?")
        return None if self.me is None else f"{path}/contest?{query}"


def show(visit: Visit, worker: Row[Any]) -> Response:
    """Show what comes next: a page of rows, or what became of the last one."""
    if SKIPPED_PAGE in request.args:
        return say(visit, worker, skipped(visit.url))
    return _late_response(visit) or page_response(visit, worker)


def submit(visit: Visit, worker: Row[Any], form: MultiDict[str, str]) -> Response:
    """Submit a page or skip it, or show it again with its errors, or with another entry.

    :raises Refusal: The contributor may not submit this page.
    """
    if "give_up" in form:
        return _skip(visit, worker, form)
    if visit.me is not None and ("again" in form or "drop" in form):
        return _resolve_late_answers(visit, visit.me, form)
    return _receive_answers(visit, worker, form)


def _receive_answers(visit: Visit, worker: Row[Any], form: MultiDict[str, str]) -> Response:
    """Submit a page, or show it again with more time or another entry."""
    page, token = _page_number(form.get("assignment", "")), form.get("token", "")
    values = parse_answers(form)
    if visit.me is not None and page is not None:
        of_page = (visit.tx, visit.job.id, worker.id, page, token)
        if late_answers.keep_answers(*of_page, values):
            return redirect(visit.url, LATE, page)
    if "more_time" in form and page is not None:
        extension.extend_page(visit.tx, visit.job, worker.id, page)
        return page_response(visit, worker, {unit: Answers(each) for unit, each in values.items()})
    if (changed := with_changed_entries(form, values)) is not None:
        return page_response(visit, worker, changed)
    if page is None:
        raise NotFound
    submitted = {
        unit: {name: each[0] if len(each) == 1 else each for name, each in named.items()}
        for unit, named in values.items()
    }
    try:
        receipt = submission.submit(visit.tx, worker, page, token, submitted)
    except Invalid as invalid:
        errors = invalid.fields
        if not errors:
            raise
        answers = {
            unit: Answers(values.get(unit, {}), errors.get(unit, {})) for unit in {*values, *errors}
        }
        return page_response(visit, worker, answers, status=422)
    drafts.forget_page(visit.tx, worker.id, page)
    return redirect(visit.url, DONE, receipt.assignment_id)


def _resolve_late_answers(visit: Visit, me: Visitor, form: MultiDict[str, str]) -> Response:
    """Take the rows again whose answers came too late, or forget them."""
    require_form_token(me)
    if "again" in form:
        late_answers.take_again(visit.tx, visit.job, me.worker)
    else:
        drafts.forget(visit.tx, visit.job.id, me.worker.id)
    return redirect(visit.url)


def _late_response(visit: Visit) -> Response | None:
    """Return the page about answers that came too late; ``None`` if something else comes first."""
    late = None
    if visit.me is not None:
        late = late_answers.read_late_page(visit.tx, visit.job, visit.me.worker)
    was_late = LATE in request.args
    if visit.me is None or late is None or not (was_late or late.comes_next):
        return None
    notices = read_notices(visit.tx, visit.me.worker.id, _submitted_page())
    status = 410 if was_late else 200
    values = {"me": visit.me, "url": visit.url, "contest_url": visit.contest_url, **notices}
    return render_for_job("late_answers.html", visit.job, status, late=late, **values)


def with_changed_entries(
    form: MultiDict[str, str], values: dict[int, dict[str, list[str]]]
) -> dict[int, Answers] | None:
    """Return the answers with one entry more or less; ``None`` if no button asked for that."""
    more = _ANSWER_NAME.fullmatch(form.get("more", ""))
    fewer = _REMOVED_ENTRY.fullmatch(form.get("fewer", ""))
    answers = {unit: Answers(named) for unit, named in values.items()}
    if more is not None:
        unit_id = int(more[1])
        answers[unit_id] = Answers(values.get(unit_id, {}), more=more[2])
    elif fewer is not None:
        unit_id = int(fewer[2])
        answers[unit_id] = Answers(values.get(unit_id, {}), fewer=(fewer[3], int(fewer[1])))
    else:
        return None
    return answers


def _skip(visit: Visit, worker: Row[Any], form: MultiDict[str, str]) -> Response:
    """Release the page that the form names, not a newer one that the contributor may have."""
    page = _page_number(form.get("assignment", ""))
    if page is None:
        raise NotFound
    drafts.forget_page(visit.tx, worker.id, page)
    if closing.release_pages(visit.tx, visit.job.id, worker.id, page):
        return redirect(visit.url, SKIPPED_PAGE, page)
    return say(visit, worker, no_longer_open(visit.url), status=409)


def say(visit: Visit, worker: Row[Any], what: Say, status: int = 200, **values: Any) -> Response:
    """Tell a contributor something instead of a page of rows, with figures of what they did."""
    tx, job = visit.tx, visit.job
    notices = read_notices(tx, worker.id, _submitted_page())
    standing = read_standing(tx, job, worker.id)
    values = {"page": None, "hidden_fields": (), **notices, **values}
    values["standing"] = standing if standing.judgments else None
    values |= {"me": visit.me, "contest_url": visit.contest_url}
    return render_for_job("say.html", job, status, say=what, **values)


def parse_answers(form: MultiDict[str, str]) -> dict[int, dict[str, list[str]]]:
    """Group the fields of a form by unit and question."""
    answers: dict[int, dict[str, list[str]]] = {}
    for key, values in form.lists():
        name = _ANSWER_NAME.fullmatch(key or "")  # a part of a body may have no name
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
    try:
        page = take_page(tx, job, worker)
    except NoPageAvailable as closed:
        return say(visit, worker, no_page(closed.reason, visit.url, paused=job.state == "paused"))
    notices = read_notices(tx, worker.id, _submitted_page() if answers is None else None)
    if notices["receipt"] and notices["receipt"].receipt.mode == "quiz":
        return say(visit, worker, quiz_passed(visit.url))
    is_given = bool(answers)
    if answers is None and visit.me is not None:
        late = drafts.read_rows(tx, job, worker.id)
        answers = {row.unit_id: Answers(row.answers) for row in late}
        is_given = any(unit.id in answers for unit in page.units)
    answers = answers or {}
    try:
        units, styles = _render_units(job.cml or "", page.units, answers)
    except Invalid as invalid:
        return _row_error(visit, worker, page, invalid)
    errors = _form_errors(job.cml or "", page, answers)
    instructions = Markup(styles.move(sanitize(job.instructions)))  # noqa: S704 - sanitized
    stored = page_queries.find_page(tx.driver, page.assignment_id)
    return render_for_job(
        "work.html",
        job,
        status,
        page=page,
        units=units,
        errors=errors,
        rows_with_errors={each.number for each in errors},
        is_given=is_given,
        pay_mc=0 if stored is None else stored.pay_mc,
        seconds_left=max(1, round(page.expires_at - tx.clock.now())),
        can_extend=job.state == "running"
        and not extension.is_extended(job, page.started_at, page.expires_at),
        standing=read_standing(tx, job, worker.id),
        instructions=instructions,
        styles_url=styles.url,
        script_texts=script_texts(),
        hidden_fields=visit.hidden_fields,
        me=visit.me,
        contest_url=visit.contest_url,
        frame_url=None if visit.me is None else frame_path(tx, job, visit.url),
        **notices,
    )


def _render_units(
    cml: str, units: Sequence[PageUnit], answers: Mapping[int, Answers]
) -> tuple[list[Markup], InlineStyles]:
    agent, styles = request.headers.get("User-Agent", ""), InlineStyles()
    rendered = [render_unit(cml, unit, answers.get(unit.id, Answers()), agent) for unit in units]
    return [Markup(styles.move(unit)) for unit in rendered], styles  # noqa: S704 - sanitized


def _row_error(visit: Visit, worker: Row[Any], page: Page, invalid: Invalid) -> Response:
    what = Say(
        gettext("A row on your page cannot be shown"),
        (
            gettext("Please report this to the owner of this job: %(error)s")
            % {"error": invalid.message},
        ),
        "bad",
        skips=True,
    )
    return say(visit, worker, what, 422, page=page, hidden_fields=visit.hidden_fields)


def _form_errors(cml: str, page: Page, answers: Mapping[int, Answers]) -> list[_FormError]:
    """List the errors of a page, with the labels of its questions."""
    found = []
    for number, unit in enumerate(page.units, 1):
        errors = answers.get(unit.id, Answers()).errors
        labels = {each.name: each.label for each in form_for(cml, unit.data).fields if errors}
        found += [
            _FormError(f"u{unit.id}-{name}", number, labels.get(name) or name, error_text(text))
            for name, text in errors.items()
        ]
    return found


def _submitted_page() -> int | None:
    return _page_number(request.args.get(DONE, ""))


def _page_number(text: str) -> int | None:
    """Parse the number of a page; ``None`` if the text cannot be one."""
    return int(text) if text.isdecimal() and len(text) <= MAX_ID_DIGITS else None


def redirect(url: str, parameter: str = "", page: int | None = None) -> Response:
    """Redirect a browser to the next page, so that a reload does not post the form again.

    :param parameter: :data:`DONE` or :data:`SKIPPED_PAGE`, with the number of the page.
    """
    query = "" if page is None else f"&{parameter}={page}"
    return Response(status=303, headers={"Location": f"{url}{query}"})


def refusal_response(refusal: Refusal) -> Response:
    """Show a refusal as a page instead of JSON."""
    if isinstance(refusal, NotFound):
        text = gettext("Please ask the person who sent it to you for the complete link.")
        what, status = Say(gettext("This link does not work"), (text,), "warn"), 404
    else:
        what, status = Say(gettext("This did not work"), (refusal.message,), "warn"), refusal.status
        what = what._replace(next_url=request.full_path)
    return plain_say(what, status)


def say_without_job(tx: Transaction, worker: Row[Any], what: Say) -> Response:
    """Tell a contributor something that belongs to no job."""
    return plain_say(what, **read_notices(tx, worker.id, _submitted_page()))


def plain_say(what: Say, status: int = 200, **notices: Any) -> Response:
    """Say something that belongs to no job."""
    nothing = {"letters": (), "receipt": None, "standing": None, "hidden_fields": ()}
    values = {**plain_values(), **nothing, **notices}
    return render("say.html", status, **values, say=what, page=None)
