"""The addresses of contributors: a job's page, and what a browser sends to it.

Anyone who has the secret of a job may work on it: ``/label/{job}?secret=…``. On their first visit
they enter a name; after that a cookie identifies them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import Response, current_app, request
from markupsafe import Markup

from crowdflower.sandbox.errors import Forbidden, Invalid, NotFound, Refusal
from crowdflower.sandbox.forms.sanitizer import sanitize
from crowdflower.sandbox.pages import assets, work_page
from crowdflower.sandbox.pages.contributor import browser, my_jobs_page, objection, visitors
from crowdflower.sandbox.pages.contributor.standing import read_offer
from crowdflower.sandbox.pages.job_frame import frame_page
from crowdflower.sandbox.pages.media import file_links, media_response
from crowdflower.sandbox.pages.no_page import Say
from crowdflower.sandbox.pages.origins import refuse_other_sites
from crowdflower.sandbox.pages.rendering import render_for_job
from crowdflower.sandbox.pages.rendering import work_path as path_with_secret
from crowdflower.sandbox.pages.row import inline_styles
from crowdflower.sandbox.pages.row.inline_styles import InlineStyles
from crowdflower.sandbox.pages.translations import gettext, use_language
from crowdflower.sandbox.pages.work_page import Visit, plain_say, redirect, refusal_response
from crowdflower.sandbox.rules.jobs import jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.datastructures import MultiDict

    from crowdflower.sandbox.store import Transaction

DATABASE: Final = browser.DATABASE
"""Key of the database in the extensions of the application."""

DESK: Final = "desk"
"""Key of the requester's desk in the extensions of the application, where it is served."""


def show(number: int) -> Response:
    """Show a contributor's page, or ask for their name."""

    def render(tx: Transaction) -> Response:
        visit = _visit(tx, number)
        if visit.me is None:
            return _sign_in(visit)
        return work_page.show(visit, visit.me.worker)

    try:
        return browser.database().write(render)
    except Refusal as refusal:
        return refusal_response(refusal)


def receive(number: int) -> Response:
    """Handle a posted form: a contributor's name, their answers, or a page that they skip."""
    form: MultiDict[str, str] = request.form

    def handle(tx: Transaction) -> Response:
        visit = _visit(tx, number)
        if "name" in form:
            return _register(visit, form["name"])
        if visit.me is None:
            return _sign_in(visit, gettext("Please enter your name first."), 403)
        return work_page.submit(visit, visit.me.worker, form)

    try:
        refuse_other_sites(request.headers, request.host)
        return browser.database().write(handle)
    except Refusal as refusal:
        return refusal_response(refusal)


def contest(number: int) -> Response:
    """Take what a contributor has against the correct answer of a test question."""

    def handle(tx: Transaction) -> Response:
        visit = _visit(tx, number)
        if visit.me is None:
            text = gettext("This browser is not signed in. Open the link of the job again.")
            raise Forbidden(text)
        return objection.receive(tx, visit.job, visit.me, visit.url)

    try:
        return browser.database().write(handle)
    except Refusal as refusal:
        return refusal_response(refusal)


def frame(number: int) -> Response:
    """Show a contributor's page for the frame in which the scripts of its job run."""

    def handle(tx: Transaction) -> Response:
        visit = _visit(tx, number)
        if visit.me is None:
            raise NotFound
        return frame_page.show_frame(visit, visit.me.worker, request.form)

    try:
        refuse_other_sites(request.headers, request.host)
        return browser.database().write(handle)
    except Refusal as refusal:
        return refusal_response(refusal)


def frame_library() -> Response:
    """Return jQuery, which only the frame of a job's scripts loads."""
    with browser.database().snapshot() as tx:
        is_used = tx.limits.job_scripts
    return assets.library() if is_used else refusal_response(NotFound())


def send_file(name: str) -> Response:
    """Send a file of the operator's folder."""
    return media_response.send_media(browser.database(), request.cookies.get(browser.COOKIE), name)


def unknown_page(_: str) -> Response:
    """Say that an address below ``/label/`` has no page."""
    return refusal_response(NotFound())


def too_large() -> Response:
    """Return the page for a form that has more bytes or fields than any page needs."""
    text = gettext("What was sent is too large for this server. Nothing was stored.")
    advice = gettext("Go back and shorten your answers, or tell the owner of the job.")
    return plain_say(Say(gettext("This did not work"), (text, advice), "warn"), 413)


def move(number: int) -> Response:
    """Lead from the address of earlier versions, ``/work/…``, to today's.

    The cookie of those versions belongs to that path, so that it is set again for this one: the
    same person goes on.
    """
    query = request.query_string.decode("latin-1")
    location = f"/label/{number}" + (f"?{query}" if query else "")
    response = Response(status=308, headers={"Location": location})
    token = request.cookies.get(browser.COOKIE)
    return browser.set_cookie(response, token) if token else response


def root() -> Response:
    """Lead from the address of the server to the desk, or without one to a contributor's home."""
    return redirect("/desk/" if current_app.extensions.get(DESK) else "/label/")


ROUTES: Final[tuple[tuple[str, list[str], Callable[..., Response]], ...]] = (
    *assets.ROUTES,
    *inline_styles.ROUTES,
    ("/", ["GET"], root),
    ("/label/<int:number>", ["GET"], show),
    ("/label/<int:number>", ["POST"], receive),
    ("/label/<int:number>/contest", ["POST"], contest),
    ("/label/<int:number>/frame", ["POST"], frame),
    (assets.LIBRARY_PATH, ["GET"], frame_library),
    ("/label", ["GET"], my_jobs_page.show),
    ("/label", ["POST"], my_jobs_page.receive),
    ("/label/me/<token>", ["GET"], my_jobs_page.show_link),
    ("/label/me/<token>", ["POST"], my_jobs_page.use_link),
    (f"{file_links.PREFIX}<path:name>", ["GET"], send_file),
    ("/label/<path:_>", ["GET"], unknown_page),
    ("/work/<int:number>", ["GET", "POST"], move),
)
"""Path, verbs, view."""

READING: Final = frozenset(
    (
        *(path for path, _, _ in assets.ROUTES),
        assets.LIBRARY_PATH,
        f"{file_links.PREFIX}<path:name>",
    )
)
"""Paths of views that only read; to show any other page is to hand it out."""


def work_path(tx: Transaction, job_id: int) -> str:
    """Return the path at which people work on a job, with its secret.

    :raises LookupError: No job has this id.
    """
    job = jobs.load(tx, job_id)
    if job is None:
        raise LookupError(f"There is no job {job_id}.")
    return path_with_secret(job)


def _visit(tx: Transaction, number: int) -> Visit:
    """Find the job and the contributor of a request.

    :raises NotFound: No job has this id and secret.
    """
    # Secrets contain plus signs, which a URL that was written by hand has unescaped, as spaces.
    secret = request.args.get("secret", "").replace(" ", "+")
    job = jobs.find_by_secret(tx, number, secret)
    use_language(job.language)
    return Visit(tx, job, path_with_secret(job), me=browser.find_visitor(tx))


def _sign_in(visit: Visit, error: str = "", status: int = 200) -> Response:
    if visit.job.state in {"finished", "canceled"}:
        ended = gettext("This job is at its end: it has no more pages.")
        nothing = {"page": None, "me": None, "standing": None, "letters": (), "receipt": None}
        say = Say(ended, (), "clock")
        return render_for_job("say.html", visit.job, status, say=say, **nothing)
    styles = InlineStyles()
    instructions = Markup(styles.move(sanitize(visit.job.instructions)))  # noqa: S704 - sanitized
    return render_for_job(
        "sign_in.html",
        visit.job,
        status,
        error=error,
        offer=read_offer(visit.tx, visit.job),
        instructions=instructions,
        styles_url=styles.url,
    )


def _register(visit: Visit, name: str) -> Response:
    try:
        token = visitors.register(visit.tx, name, request.remote_addr)
    except Invalid as invalid:
        return _sign_in(visit, invalid.message, 422)
    return browser.set_cookie(redirect(visit.url), token)
