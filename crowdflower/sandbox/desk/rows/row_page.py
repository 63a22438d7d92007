"""The page of one row, and the acts for it: more judgments, make a test question, cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.desk import charts
from crowdflower.sandbox.desk.fields.typed_numbers import find_whole, read_whole
from crowdflower.sandbox.desk.golds.gold_form import read_form
from crowdflower.sandbox.desk.rows.row_detail import (
    MAX_JUDGMENTS,
    find_neighbours,
    read_detail,
    typed_gold,
)
from crowdflower.sandbox.desk.rows.rows_page import STATE_BADGES
from crowdflower.sandbox.desk.rows.rows_query import read_query, state_words
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.pages.translations import gettext, ngettext
from crowdflower.sandbox.rules.units import units

if TYPE_CHECKING:
    from flask import Response

    from crowdflower.sandbox.desk.desk_request import DeskRequest
    from crowdflower.sandbox.desk.rows.row_detail import Neighbour


def show(request: DeskRequest) -> Response:
    """Show a row.

    :raises NotFound: The job has no such row.
    """
    job, tx = request.require_job, request.tx
    detail = read_detail(tx, job, request.ids["unit"])
    query, _ = read_query(request.args)
    place = (find_whole(request.args.get("at", "")) or 0) - 1
    before, after = find_neighbours(tx, job, detail.row, query, place)
    url = f"/desk/jobs/{job.id}/rows"
    parameters = query.parameters()

    def neighbour_address(neighbour: Neighbour) -> str:
        number, at = neighbour
        own = query.parameters(at="" if at is None else at + 1)
        return f"{url}/{number}?{own}" if own else f"{url}/{number}"

    typed = {name: [*values] for name, values in request.form.lists()}
    is_gold_refused = bool(request.refused) and typed.get("do") == ["gold"]
    return request.job_page(
        "row.html",
        "rows",
        heading=gettext("Row %(row)s") % {"row": f"{detail.row.seq:,}"},
        detail=detail,
        row=detail.row,
        gold=typed_gold(detail.gold, typed) if is_gold_refused else detail.gold,
        is_gold_refused=is_gold_refused,
        typed_number=request.form.get("judgments", "1"),
        max_more=units.MAX_MORE_JUDGMENTS,
        max_judgments=MAX_JUDGMENTS,
        back=f"{url}?{parameters}" if parameters else url,
        filter_words=query.in_words(),
        before=before,
        after=after,
        neighbour_address=neighbour_address,
        words=state_words(),
        badges=STATE_BADGES,
        share=charts.share,
        dot=charts.dot,
        minutes=_minutes,
    )


def receive(request: DeskRequest) -> Response:
    """Carry out an act for a row, by the rules of the API, and show the row again.

    :raises Invalid: The act is not possible; nothing was done.
    :raises NotFound: The job has no such row.
    """
    act = {"more": _ask_for_more, "gold": _make_gold, "cancel": _cancel}.get(
        request.form.get("do", "")
    )
    if act is None:
        raise Invalid(gettext("Press the button of what is to be done."))
    return request.redirect(request.address(), act(request))


def _ask_for_more(request: DeskRequest) -> str:
    job = request.require_job
    found = units.find(request.tx, job, request.ids["unit"])
    typed = request.form.get("judgments", "")
    count = read_whole(typed, gettext("More judgments"), 1, units.MAX_MORE_JUDGMENTS)
    units.request_more_judgments(request.tx, job, found, count)
    said = ngettext(
        "%(num)s more judgment was ordered. The row is open until it is there.",
        "%(num)s more judgments were ordered. The row is open until they are there.",
        count,
    )
    return said % {"num": f"{count:,}"}


def _make_gold(request: DeskRequest) -> str:
    job = request.require_job
    detail = read_detail(request.tx, job, request.ids["unit"])
    if not detail.can_become_gold:
        raise Invalid(gettext("This row cannot become a test question. Open this page again."))
    columns = read_form(detail.gold, request.form, is_in_use=False)
    data = {**detail.row.data, **columns}
    units.update(request.tx, job, detail.row, data=data, golden=True)
    return gettext("The row is a test question now. Contributors who get it are checked with it.")


def _cancel(request: DeskRequest) -> str:
    job = request.require_job
    units.cancel(request.tx, job, units.find(request.tx, job, request.ids["unit"]))
    return gettext("The row is canceled: nobody gets it any more.")


def _minutes(seconds: float) -> str:
    """Return a duration as minutes and seconds.

    >>> _minutes(38.2), _minutes(125)
    ('0:38', '2:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
