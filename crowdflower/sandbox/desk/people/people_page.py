"""The page of a job's contributors: the list, and the acts for those who are chosen in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from crowdflower.sandbox.desk.fields.typed_text import (
    MAX_MESSAGE_LENGTH,
    MAX_REASON_LENGTH,
    read_search,
)
from crowdflower.sandbox.desk.paging import read_page_number
from crowdflower.sandbox.desk.people import people_acts
from crowdflower.sandbox.desk.people.people_list import (
    DEFAULT_SORT,
    FILTERS,
    SORTS,
    PeopleQuery,
    read_people,
)
from crowdflower.sandbox.desk.people.work_figures import LATEST_PAGES, LATEST_ROWS
from crowdflower.sandbox.pages.rendering import percent
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules import quiz
from crowdflower.sandbox.rules.completion.finalization import ACTIVE_STATES
from crowdflower.sandbox.rules.jobs import caps

if TYPE_CHECKING:
    from flask import Response
    from werkzeug.datastructures import MultiDict

    from crowdflower.sandbox.desk.desk_request import DeskRequest

_BADGES: Final = {
    "quiz": "",
    "working": "info",
    "removed": "bad",
    "failed_quiz": "",
    "flagged": "warn",
    "rejected": "bad",
}
"""Kind of the badge of each state."""


def show(request: DeskRequest) -> Response:
    """Show a page of the contributors."""
    job, query = request.require_job, read_query(request.args)
    return request.job_page(
        "people.html",
        "people",
        heading=gettext("Contributors"),
        found=read_people(request.tx, job, query),
        query=query,
        filters=_filter_words(percent(quiz.min_trust(job))),
        states=_state_words(),
        badges=_BADGES,
        typed=request.form,
        chosen=frozenset(request.form.getlist("who")),
        fee_pct=people_acts.fee_percent(request.tx, job),
        reopens=job.state in ACTIVE_STATES and not job.units_remain_finalized,
        max_bonus=request.tx.limits.bonus_cents,
        cap_left=caps.left_for_bonuses(request.tx, job),
        max_message=MAX_MESSAGE_LENGTH,
        max_reason=MAX_REASON_LENGTH,
        latest_pages=LATEST_PAGES,
        latest_rows=LATEST_ROWS,
        address=request.address,
        now=request.tx.clock.now(),
    )


def receive(request: DeskRequest) -> Response:
    """Carry out an act, and show the same part of the list again.

    :raises Invalid: The act is not possible; nothing was done.
    """
    said = people_acts.carry_out(request.tx, request.require_job, request.form)
    return request.redirect(request.address(), said)


def read_query(args: MultiDict[str, str]) -> PeopleQuery:
    """Read which part of the list an address shows; what it does not know is left out."""
    state, sort = args.get("state", ""), args.get("sort", DEFAULT_SORT)
    return PeopleQuery(
        text=read_search(args),
        state=state if state in FILTERS else "",
        sort=sort if sort in SORTS else DEFAULT_SORT,
        page=read_page_number(args),
    )


def _state_words() -> dict[str, str]:
    return {
        "quiz": gettext("In the quiz"),
        "working": gettext("Working"),
        "removed": gettext("Below accuracy"),
        "failed_quiz": gettext("Did not pass"),
        "flagged": gettext("Flagged"),
        "rejected": gettext("Removed"),
    }


def _filter_words(accuracy: str) -> dict[str, str]:
    words = _state_words()
    words["now"] = gettext("At work now")
    words["low"] = gettext("Accuracy under %(accuracy)s") % {"accuracy": accuracy}
    words["fast"] = gettext("Unusually fast")
    return {each: words[each] for each in FILTERS}
