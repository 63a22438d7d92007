"""The page of a job's test questions: contests to decide, the list, and one that is edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from crowdflower.sandbox import forms
from crowdflower.sandbox.desk.fields.typed_numbers import find_whole
from crowdflower.sandbox.desk.golds import gold_acts
from crowdflower.sandbox.desk.golds.contest_list import count_open, read_contested
from crowdflower.sandbox.desk.golds.fault_texts import FaultText, fault_text
from crowdflower.sandbox.desk.golds.gold_form import MAX_REASON, GoldQuestion, read_questions
from crowdflower.sandbox.desk.golds.gold_list import (
    DEFAULT_SORT,
    FILTERS,
    SORTS,
    GoldQuery,
    read_golds,
    read_supply,
)
from crowdflower.sandbox.desk.paging import read_page_number
from crowdflower.sandbox.errors import Refusal
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules.counters import GOLD_STATES
from crowdflower.sandbox.rules.jobs.gold_faults import find_gold_faults
from crowdflower.sandbox.rules.units import units

if TYPE_CHECKING:
    from flask import Response
    from sqlalchemy import Row
    from werkzeug.datastructures import MultiDict

    from crowdflower.sandbox.desk.desk_request import DeskRequest
    from crowdflower.sandbox.store import Transaction

OFTEN_MISSED: Final = 0.5
"""Fraction of contributors from which on a test question itself may be wrong."""


class EditedGold(NamedTuple):
    """A test question that is being edited."""

    unit: Row[Any]
    questions: list[GoldQuestion]

    typed: dict[str, tuple[list[str], str]] | None
    """Answers and reason of each question as they were entered, after a refusal."""

    is_hidden: bool


def show(request: DeskRequest) -> Response:
    """Show a page of the test questions."""
    tx, job, query = request.tx, request.require_job, read_query(request.args)
    return request.job_page(
        "tests.html",
        "tests",
        heading=gettext("Test questions"),
        found=read_golds(tx, job, query),
        query=query,
        filters=_filter_words(),
        contested=read_contested(tx, job),
        open_contests=count_open(tx, job),
        supply=read_supply(tx, job),
        faults=_read_faults(tx, job),
        edited=_read_edited(tx, job, request),
        often_missed=OFTEN_MISSED,
        max_reason=MAX_REASON,
        address=request.address,
    )


def receive(request: DeskRequest) -> Response:
    """Carry out an act, and show the same part of the list again.

    :raises Invalid: The act is not possible; nothing was done.
    """
    said = gold_acts.carry_out(request.tx, request.require_job, request.form)
    return request.redirect(request.address(edit=""), said)


def read_query(args: MultiDict[str, str]) -> GoldQuery:
    """Read which part of the list an address shows; what it does not know is left out."""
    state, sort = args.get("state", ""), args.get("sort", DEFAULT_SORT)
    return GoldQuery(
        state=state if state in FILTERS else "",
        sort=sort if sort in SORTS else DEFAULT_SORT,
        page=read_page_number(args),
    )


def _read_edited(tx: Transaction, job: Row[Any], request: DeskRequest) -> EditedGold | None:
    """Return the test question that the address names, with what was typed if it was refused."""
    number = find_whole(request.args.get("edit", ""))
    if not number:
        return None
    found = units.find(tx, job, number)
    if found.state not in GOLD_STATES:
        return None
    asked, form = read_questions(job, found.data), request.form
    if form.get("do") != "save":
        return EditedGold(found, asked, None, found.state == "hidden_gold")
    typed = {
        each.name: (
            form.getlist(f"accepted[{each.name}]"),
            form.get(f"reason[{each.name}]", ""),
        )
        for each in asked
    }
    return EditedGold(found, asked, typed, form.get("hidden") == "yes")


def _read_faults(tx: Transaction, job: Row[Any]) -> list[FaultText]:
    """Return the test questions that the form leaves without use; nothing if it has an error."""
    try:
        form = forms.check_form(job.cml or "")
    except Refusal:
        return []
    return [fault_text(each) for each in find_gold_faults(tx, job, form)]


def _filter_words() -> dict[str, str]:
    return {
        "golden": gettext("In use"),
        "hidden_gold": gettext("Hidden"),
        "off": gettext("Switched off"),
    }
