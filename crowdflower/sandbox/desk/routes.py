"""The addresses of the desk, and what every request to it goes through.

A request without a session is led to the sign-in. A POST must come from our own page: its origin
and the token of its session are checked. A key ``once`` in a form makes its act happen once.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from flask import Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from crowdflower.sandbox.desk.account import account_pages, jobs_list
from crowdflower.sandbox.desk.desk import HOME, SIGN_IN, Desk
from crowdflower.sandbox.desk.desk_rendering import choose_language, render_desk
from crowdflower.sandbox.desk.desk_request import DeskPage, DeskRequest
from crowdflower.sandbox.desk.form import form_page, form_preview
from crowdflower.sandbox.desk.golds import golds_page
from crowdflower.sandbox.desk.messages.message_words import refusal_in_words
from crowdflower.sandbox.desk.new_job import (
    columns_step,
    data_step,
    form_step,
    launch_step,
    settings_step,
)
from crowdflower.sandbox.desk.overview import job_link, overview_page
from crowdflower.sandbox.desk.people import people_page
from crowdflower.sandbox.desk.reports_page import reports_tab
from crowdflower.sandbox.desk.rows import row_page, rows_page
from crowdflower.sandbox.desk.settings import settings_page
from crowdflower.sandbox.errors import Forbidden, NotFound, Refusal
from crowdflower.sandbox.pages.invitations.public_address import is_secure
from crowdflower.sandbox.pages.origins import refuse_other_sites
from crowdflower.sandbox.pages.routes import DESK
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.pages.work_page import redirect
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdflower.sandbox.desk.access import Session
    from crowdflower.sandbox.store import Transaction

COOKIE: Final = "crowdflower_desk"

PAGES: Final[tuple[DeskPage, ...]] = (
    DeskPage("/desk", jobs_list.show),
    DeskPage("/desk/jobs/<int:number>", overview_page.show, overview_page.receive),
    DeskPage("/desk/jobs/<int:number>/link", job_link.show),
    DeskPage("/desk/jobs/<int:number>/rows", rows_page.show),
    DeskPage("/desk/jobs/<int:number>/rows/<int:unit>", row_page.show, row_page.receive),
    DeskPage("/desk/jobs/<int:number>/people", people_page.show, people_page.receive),
    DeskPage("/desk/jobs/<int:number>/tests", golds_page.show, golds_page.receive),
    DeskPage("/desk/new", data_step.show, data_step.receive, owns_transactions=True),
    DeskPage("/desk/jobs/<int:number>/new/columns", columns_step.show, columns_step.receive),
    DeskPage("/desk/jobs/<int:number>/new/form", form_step.show, form_step.receive),
    DeskPage("/desk/jobs/<int:number>/new/settings", settings_step.show, settings_step.receive),
    DeskPage("/desk/jobs/<int:number>/new/launch", launch_step.show, launch_step.receive),
    DeskPage("/desk/jobs/<int:number>/form", form_page.show, form_page.receive),
    DeskPage(
        "/desk/jobs/<int:number>/form/preview",
        form_preview.show,
        form_preview.receive,
        owns_transactions=True,
    ),
    DeskPage("/desk/jobs/<int:number>/settings", settings_page.show, settings_page.receive),
    DeskPage("/desk/jobs/<int:number>/reports", reports_tab.show, reports_tab.receive),
    DeskPage(
        "/desk/jobs/<int:number>/reports/make",
        reports_tab.show,
        reports_tab.make,
        owns_transactions=True,
    ),
    DeskPage("/desk/jobs/<int:number>/reports/file", reports_tab.download),
    DeskPage("/desk/money", account_pages.show_money, account_pages.receive_money),
    DeskPage("/desk/people", account_pages.show_people),
    DeskPage("/desk/events", account_pages.show_events),
    DeskPage("/desk/not-implemented", account_pages.show_not_implemented),
)
"""Every page of the desk but the sign-in."""

SLOW_POSTS: Final = frozenset(page.path for page in PAGES if page.owns_transactions)
"""Paths whose POST takes long: it reads a file of rows, or makes a report. As with the files of the
API, few of them have a thread at a time."""


def _desk() -> Desk:
    desk: Desk = current_app.extensions[DESK]
    return desk


def _session() -> Session | None:
    return _desk().access.session(request.cookies.get(COOKIE))


def handle(page: DeskPage, **ids: int) -> Response:
    """Show a page, or carry out what is posted to it."""
    choose_language(request.accept_languages)
    session = _session()
    if session is None:
        wanted = f"?next={quote(request.full_path.rstrip('?'))}" if request.method == "GET" else ""
        return redirect(f"{SIGN_IN}{wanted}")
    try:
        if request.method == "POST" and page.receive is not None:
            return _receive(page, session, ids)
        return _show(page, session, ids)
    except NotFound:
        return _not_found()
    except Refusal as refusal:  # also of a page that cannot show what was posted to it
        return _problem(gettext("This was not done"), refusal_in_words(refusal), refusal.status)
    except RequestEntityTooLarge:
        return _too_large()


def _show(
    page: DeskPage, session: Session, ids: dict[str, int], refused: str | None = None
) -> Response:
    def show(tx: Transaction) -> Response:
        return page.show(_open(tx, session, ids, refused))

    return _desk().database.read(show)


def _receive(page: DeskPage, session: Session, ids: dict[str, int]) -> Response:
    refuse_other_sites(request.headers, request.host)
    if request.form.get("token") != session.token:
        raise Forbidden(
            gettext("This page was too old, or came from elsewhere. Open it again and repeat it.")
        )
    access, once = _desk().access, request.form.get("once")
    if once and not access.begin_act(session, once):
        session.notices.append(gettext("This was done before."))
        return redirect(request.full_path.rstrip("?"))
    assert page.receive is not None  # noqa: S101 - checked by the caller
    try:
        if page.owns_transactions:
            with _desk().database.snapshot() as tx:
                opened = _open(tx, session, ids)
            return page.receive(opened)
        return _desk().database.write(lambda tx: _run(page, tx, session, ids))
    except Refusal as refusal:
        _forget(session, once)
        if isinstance(refusal, NotFound):
            raise
        return _show(page, session, ids, refusal_in_words(refusal))
    except BaseException:
        _forget(session, once)
        raise


def _run(page: DeskPage, tx: Transaction, session: Session, ids: dict[str, int]) -> Response:
    assert page.receive is not None  # noqa: S101 - checked by the caller
    opened = _open(tx, session, ids)
    kept = len(session.notices)
    try:
        return page.receive(opened)
    except BaseException:
        del session.notices[kept:]  # nothing was done
        raise


def _forget(session: Session, once: str | None) -> None:
    if once:
        _desk().access.forget_act(session, once)


def _open(
    tx: Transaction, session: Session, ids: dict[str, int], refused: str | None = None
) -> DeskRequest:
    """Find the account, and the job of the path.

    :raises NotFound: The account has no such job, or it is deleted.
    """
    desk = _desk()
    account = accounts.authenticate(tx, desk.api_key)
    assert account is not None  # noqa: S101 - opened with the sandbox
    others = {name: value for name, value in ids.items() if name != "number"}
    job = None
    if "number" in ids:
        job = jobs.find(tx, account, str(ids["number"]))
        if job.deleted_at is not None:
            raise NotFound
    return DeskRequest(desk, session, tx, account, job, others, refused)


def show_sign_in() -> Response:
    """Ask for the password, or for a click on a one-time link: opening it alone uses nothing up."""
    choose_language(request.accept_languages)
    if _session() is not None:
        return redirect(_wanted())
    return _sign_in_page()


def _sign_in_page(problem: str = "", status: int = 200) -> Response:
    access = _desk().access
    link = request.values.get("link", "")
    if link and not access.is_link(link) and not problem:
        problem, status = gettext("This link was used before, or is too old."), 410
    return render_desk(
        "desk_sign_in.html",
        status,
        link=link if access.is_link(link) else "",
        next=_wanted(),
        has_password=access.has_password,
        problem=problem,
    )


def sign_in() -> Response:
    """Sign in by the password or a one-time link."""
    choose_language(request.accept_languages)
    access = _desk().access
    try:
        refuse_other_sites(request.headers, request.host)
        if link := request.form.get("link"):
            cookie = access.use_link(link)
            problem = gettext("This link was used before, or is too old.")
        else:
            password = request.form.get("password", "")
            cookie = access.sign_in(password, request.remote_addr or "")
            problem = gettext("This is not the password of the desk.")
    except Refusal as refusal:
        return _sign_in_page(refusal_in_words(refusal), refusal.status)
    except RequestEntityTooLarge:
        return _too_large()
    if cookie is None:
        return _sign_in_page(problem, 403)
    response = redirect(_wanted())
    response.set_cookie(
        COOKIE, cookie, path="/desk", secure=is_secure(), httponly=True, samesite="Strict"
    )
    return response


def sign_out() -> Response:
    """End the session."""
    session = _session()
    try:
        if session is not None and request.form.get("token") == session.token:
            _desk().access.sign_out(request.cookies.get(COOKIE))
    except RequestEntityTooLarge:
        return _too_large()
    return redirect(SIGN_IN)


def _wanted() -> str:
    """Return the page to which a person wanted to go: one of the desk, of this server.

    It becomes a header, so that it cannot have line breaks or other control characters.
    """
    wanted = request.values.get("next", "")
    return wanted if re.match("/desk(?![^/?])", wanted) and wanted.isprintable() else HOME


def unknown_page(_: str) -> Response:
    """Answer an address of the desk that has no page; who is signed in or not is not told."""
    choose_language(request.accept_languages)
    return _not_found()


def _not_found() -> Response:
    title = gettext("This page does not exist")
    return _problem(title, gettext("The job or row is not here, or was deleted."), 404)


def _too_large() -> Response:
    text = gettext("The file or the text is too large for this server. Nothing was stored.")
    return _problem(gettext("This was not done"), text, 413)


def _problem(title: str, text: str, status: int) -> Response:
    return render_desk("desk_problem.html", status, title=title, text=text)


ROUTES: Final[tuple[tuple[str, list[str], Callable[..., Response]], ...]] = (
    (SIGN_IN, ["GET"], show_sign_in),
    (SIGN_IN, ["POST"], sign_in),
    ("/desk/sign-out", ["POST"], sign_out),
    ("/desk/<path:_>", ["GET"], unknown_page),
    *((page.path, ["GET"], partial(handle, page)) for page in PAGES),
    *((page.path, ["POST"], partial(handle, page)) for page in PAGES if page.receive),
)
"""Path, verbs, view."""
