"""The page with the rows of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crowdflower.sandbox.desk import charts
from crowdflower.sandbox.desk.rows.row_search import SECONDS
from crowdflower.sandbox.desk.rows.rows_list import read_rows
from crowdflower.sandbox.desk.rows.rows_query import (
    ONLY,
    STATES,
    only_words,
    read_query,
    state_words,
)
from crowdflower.sandbox.pages.translations import gettext

if TYPE_CHECKING:
    from flask import Response

    from crowdflower.sandbox.desk.desk_request import DeskRequest

STATE_BADGES = {"judgable": "info", "finalized": "good"}
"""State of a row to the kind of its badge; others have a plain one."""


def show(request: DeskRequest) -> Response:
    """Show a page of the rows."""
    job = request.require_job
    query, problems = read_query(request.args)
    page = read_rows(request.tx, job, query)
    url = f"/desk/jobs/{job.id}/rows"

    def address(**changes: object) -> str:
        parameters = query.parameters(**changes)
        return f"{url}?{parameters}" if parameters else url

    def row_address(number: int, place: int) -> str:
        return f"{url}/{number}?{query.parameters(at=place + 1)}"

    words, choices = state_words(), [*page.choices]
    chosen = query.answer_filter
    if chosen and chosen not in {value for value, _ in choices}:
        choices.append((chosen, f"{query.question}: {query.answer}"))
    return request.job_page(
        "rows.html",
        "rows",
        heading=gettext("Rows"),
        rows=page,
        query=query,
        problems=problems,
        seconds=round(SECONDS),
        words=words,
        badges=STATE_BADGES,
        states=[(name, words[name]) for name in STATES],
        only=[(name, only_words()[name]) for name in ONLY],
        choices=choices,
        url=url,
        address=address,
        row_address=row_address,
        share=charts.share,
    )
