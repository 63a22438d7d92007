"""A contributor's home, ``/label/``, and the one-time link to another device, ``/label/me/…``."""

from __future__ import annotations

import re
from math import ceil
from typing import TYPE_CHECKING, Final

from flask import Response, request

from crowdflower.sandbox.errors import Refusal
from crowdflower.sandbox.pages.contributor import browser, devices, visitors
from crowdflower.sandbox.pages.contributor.inbox import read_letters
from crowdflower.sandbox.pages.contributor.my_jobs import JOBS_PER_PAGE, read_jobs, read_totals
from crowdflower.sandbox.pages.invitations.public_address import is_secure, public_origin
from crowdflower.sandbox.pages.no_page import Say
from crowdflower.sandbox.pages.origins import refuse_other_sites
from crowdflower.sandbox.pages.rendering import plain_values, render, work_path
from crowdflower.sandbox.pages.translations import gettext

if TYPE_CHECKING:
    from crowdflower.sandbox.pages.contributor.visitors import Visitor
    from crowdflower.sandbox.store import Transaction

HOME: Final = "/label/"
LINK: Final = "/label/me/"

_LINK_COOKIE: Final = "crowdflower_device_link"
"""Carries the token of a new link from the request that made it to the page that shows it once."""

_TOKEN: Final = re.compile(r"(?:^|/)([A-Za-z0-9]{32})(?:[?#].*)?\Z", re.DOTALL)
_PAGE_DIGITS: Final = 6
_NO_STORE: Final = {"Cache-Control": "no-store"}


def show() -> Response:
    """Show a contributor their jobs, earnings and inbox; tell others where to begin."""

    def render_home(tx: Transaction) -> Response:
        visitor = browser.find_visitor(tx)
        return _unknown() if visitor is None else _home(tx, visitor)

    return browser.database().write(render_home)


def receive() -> Response:
    """Sign a contributor out, make a one-time link, or follow one that was typed in."""

    def handle(tx: Transaction) -> Response:
        form = request.form
        if "link" in form:
            refuse_other_sites(request.headers, request.host)
            return _follow(form["link"])
        visitor = browser.find_visitor(tx)
        if visitor is None:
            return _redirect(HOME)
        browser.require_form_token(visitor)
        if form.get("do") == "make_link":
            response = _redirect(HOME + "#device")
            response.set_cookie(
                _LINK_COOKIE,
                devices.make_link(tx, visitor.worker.id),
                devices.LINK_LIFETIME,
                path=browser.COOKIE_PATH,
                secure=is_secure(),
                httponly=True,
                samesite="Strict",
            )
            return response
        if form.get("do") == "sign_out":
            visitors.sign_out(tx, request.cookies[browser.COOKIE])
            return browser.delete_cookie(_redirect(HOME))
        return _redirect(HOME)

    try:
        return browser.database().write(handle)
    except Refusal as refusal:
        return _say(Say(gettext("This did not work"), (refusal.message,), "warn"), refusal.status)


def show_link(token: str) -> Response:
    """Ask whether this browser should go on as the person who made the link.

    Nothing happens by opening the address, which a preview of the link does too.
    """

    def render_link(tx: Transaction) -> Response:
        owner = devices.find_owner(tx, token)
        if owner is None:
            return _used_up()
        name = visitors.Visitor(owner, "").name
        now = browser.find_visitor(tx)
        is_same = now is not None and now.worker.id == owner.id
        return _render("device_link.html", name=name, me=now, is_same=is_same)

    return browser.database().read(render_link)


def use_link(token: str) -> Response:
    """Sign this browser in as the person who made the link, and use the link up."""

    def handle(tx: Transaction) -> Response:
        refuse_other_sites(request.headers, request.host)
        new = devices.use_link(tx, token)
        return _used_up() if new is None else browser.set_cookie(_redirect(HOME), new)

    try:
        return browser.database().write(handle)
    except Refusal as refusal:
        return _say(Say(gettext("This did not work"), (refusal.message,), "warn"), refusal.status)


def _home(tx: Transaction, visitor: Visitor) -> Response:
    totals = read_totals(tx, visitor.worker.id)
    pages = max(1, ceil(totals.jobs / JOBS_PER_PAGE))
    asked = request.args.get("page", "")
    page = min(pages, max(1, int(asked))) if asked.isdecimal() and len(asked) <= _PAGE_DIGITS else 1
    jobs = read_jobs(tx, visitor.worker, page)
    link = request.cookies.get(_LINK_COOKIE)
    response = _render(
        "my_jobs.html",
        me=visitor,
        totals=totals,
        jobs=[(job, work_path(job.row)) for job in jobs],
        page=page,
        pages=pages,
        first=(page - 1) * JOBS_PER_PAGE + 1,
        letters=read_letters(tx, visitor.worker.id),
        link=f"{public_origin()}{LINK}{link}" if link else "",
        minutes=devices.LINK_LIFETIME // 60,
    )
    if link:
        response.delete_cookie(_LINK_COOKIE, path=browser.COOKIE_PATH)
    return response


def _unknown(error: str = "", status: int = 200) -> Response:
    return _render("no_jobs.html", status, me=None, error=error)


def _follow(text: str) -> Response:
    """Lead to the one-time link that somebody copied into the field for it."""
    found = _TOKEN.search(text.strip())
    if found is None:
        error = gettext("This is not a one-time link. One looks like %(address)s")
        return _unknown(error % {"address": f"{public_origin()}{LINK}…"}, 422)
    return _redirect(LINK + found[1])


def _used_up() -> Response:
    what = Say(
        gettext("This link does not work any more"),
        (
            gettext("It works once, and for 10 minutes."),
            gettext(
                "Make a new one on the device where you work: My jobs, Work on another device."
            ),
        ),
        "clock",
        next_url=HOME,
        next_label=gettext("My jobs"),
    )
    return _say(what, 404)


def _say(what: Say, status: int) -> Response:
    nothing = {"letters": (), "receipt": None, "standing": None, "hidden_fields": (), "page": None}
    return _render("say.html", status, say=what, **nothing)


def _render(template: str, status: int = 200, **values: object) -> Response:
    response = render(template, status, **plain_values(), **values)
    response.headers.update(_NO_STORE)
    return response


def _redirect(url: str) -> Response:
    return Response(status=303, headers={"Location": url, **_NO_STORE})
