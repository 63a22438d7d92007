"""The pages of the whole account: money, contributors, events, and what this server lacks."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from crowdflower.sandbox.api.unsupported import UNSUPPORTED
from crowdflower.sandbox.desk.account.all_contributors import read_contributors
from crowdflower.sandbox.desk.account.event_list import read_events
from crowdflower.sandbox.desk.account.feature_names import feature_name
from crowdflower.sandbox.desk.account.ledger_lines import add_play_money, read_ledger
from crowdflower.sandbox.desk.desk_rendering import cents
from crowdflower.sandbox.desk.fields.typed_text import read_search
from crowdflower.sandbox.desk.paging import page_of, read_page_number
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.pages.rendering import dollars
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules import money

if TYPE_CHECKING:
    from flask import Response

    from crowdflower.sandbox.desk.desk_request import DeskRequest
    from crowdflower.sandbox.desk.paging import PageOf
    from crowdflower.sandbox.server.services import Unimplemented

MONEY = "/desk/money"


def show_money(request: DeskRequest) -> Response:
    """Show the balance, the ledger, and a form that adds play money."""
    tx, account = request.tx, request.account
    return request.page(
        "money.html",
        heading=gettext("Money"),
        of_account=True,
        found=read_ledger(tx, account, read_page_number(request.args)),
        balance_mc=money.balance(tx, account.id),
        typed=request.form,
        now=tx.clock.now(),
        address=request.address,
    )


def receive_money(request: DeskRequest) -> Response:
    """Add play money.

    :raises Invalid: The amount or the note is invalid, or the field ``do`` has another value.
    """
    form = request.form
    if form.get("do") != "add":
        raise Invalid(gettext("This page was too old. Open it again."))
    amount = form.get("dollars", "")
    added = add_play_money(request.tx, request.account, amount, form.get("note", ""))
    said = gettext("%(amount)s of play money were added.") % {"amount": dollars(cents(added))}
    return request.redirect(MONEY, said)


def show_people(request: DeskRequest) -> Response:
    """Show the contributors of all jobs."""
    text = read_search(request.args)
    page = read_page_number(request.args)
    return request.page(
        "all_people.html",
        heading=gettext("Contributors of all jobs"),
        of_account=True,
        found=read_contributors(request.tx, request.account, text=text, page=page),
        query=text,
        now=request.tx.clock.now(),
        address=request.address,
    )


def show_events(request: DeskRequest) -> Response:
    """Show the events and warnings of all jobs."""
    only = request.args.get("only", "")
    page = read_page_number(request.args)
    return request.page(
        "events.html",
        heading=gettext("Events and warnings"),
        of_account=True,
        found=read_events(request.tx, request.account, only_warnings=only == "warnings", page=page),
        only=only,
        now=request.tx.clock.now(),
        address=request.address,
    )


def show_not_implemented(request: DeskRequest) -> Response:
    """Show the requests that were answered with status 501, and what is known to be missing."""
    asked = request.desk.unimplemented
    times = Counter(asked)
    newest_first = [(each, times[each]) for each in dict.fromkeys(reversed(asked))]
    place: PageOf[tuple[Unimplemented, int]] = page_of(
        len(newest_first), read_page_number(request.args)
    )
    return request.page(
        "not_implemented.html",
        heading=gettext("What this server does not do"),
        of_account=True,
        found=place.filled(newest_first[place.offset : place.last]),
        missing=UNSUPPORTED,
        feature_name=feature_name,
        address=request.address,
    )
