"""The preview of a form: the page as contributors get it, in a frame that can do nothing.

The frame has an opaque origin, by its ``sandbox`` attribute and again by the policy of the page: no
cookies, no storage, nothing can be sent. Nothing is stored, and no script of the requester runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from flask import Response
from flask import request as http_request
from markupsafe import Markup
from sqlalchemy import func, select

from crowdflower.sandbox import forms
from crowdflower.sandbox.desk.desk_rendering import DESK_HEADERS, DESK_TEMPLATES
from crowdflower.sandbox.desk.fields.typed_numbers import find_whole
from crowdflower.sandbox.desk.form.typed_form import read_typed, saved_form
from crowdflower.sandbox.desk.messages.message_words import refusal_in_words
from crowdflower.sandbox.errors import BadRequest, Refusal
from crowdflower.sandbox.forms.sanitizer import sanitize
from crowdflower.sandbox.pages.media.file_links import link_files
from crowdflower.sandbox.pages.origins import LOOPBACK_SOURCES
from crowdflower.sandbox.pages.rendering import job_values, script_texts
from crowdflower.sandbox.pages.row.inline_styles import InlineStyles
from crowdflower.sandbox.pages.row.pictures import refused_addresses
from crowdflower.sandbox.pages.row.row_form import Answers, render_unit
from crowdflower.sandbox.rules.counters import GOLD_STATES
from crowdflower.sandbox.rules.gold_answers import hidden_columns, visible_data
from crowdflower.sandbox.rules.visibility import units_of
from crowdflower.sandbox.rules.work.handout import PageUnit
from crowdflower.sandbox.store.tables import unit

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.desk.desk_request import DeskRequest
    from crowdflower.sandbox.desk.form.typed_form import TypedForm
    from crowdflower.sandbox.store import Transaction

TESTS: Final = "tests"
"""Value of the field ``of``: count test questions only, not all rows."""

_HOST: Final = re.compile(r"[\w.:\[\]-]+", re.ASCII)


@dataclass(frozen=True)
class PreviewRow:
    """The row that a preview shows.

    :param number: From 1, among the rows or the test questions of the job; 0 if it has none.
    :param total: How many there are.
    """

    number: int
    total: int
    data: dict[str, Any]
    is_test: bool


def show(request: DeskRequest) -> Response:
    """Show the form of the job, or its draft, with the first row."""
    return _page(request, saved_form(request.require_job))


def receive(request: DeskRequest) -> Response:
    """Show a form that is being written; nothing is stored, so that this takes no lock."""

    def render(tx: Transaction) -> Response:
        typed = read_typed(request.form, saved_form(request.require_job))
        return _page(replace(request, tx=tx), typed)

    return request.desk.database.read(render)


def _page(request: DeskRequest, typed: TypedForm) -> Response:
    tx, job = request.tx, request.require_job
    chosen = {**request.args.to_dict(), **request.form.to_dict()}
    row = find_row(tx, job.id, chosen.get("row", ""), is_test=chosen.get("of") == TESTS)
    styles, problem, shown, refused = InlineStyles(), "", Markup(), list[str]()
    try:
        shown, refused = _render(job, typed.cml, row, styles)
    except Refusal as refusal:
        problem = refusal_in_words(refusal)
    instructions = Markup(styles.move(sanitize(typed.instructions)))  # noqa: S704 - sanitized
    html = DESK_TEMPLATES.get_template("form_preview.html").render(
        **job_values(job.title, job.id, job.language),
        row=row,
        unit=shown,
        problem=problem,
        refused=refused,
        instructions=instructions,
        styles_url=styles.url,
        script_texts=script_texts(),
    )
    headers = {**DESK_HEADERS, "Content-Security-Policy": preview_policy(http_request.host)}
    return Response(html, 200, headers, content_type="text/html; charset=utf-8")


def _render(
    job: Row[Any], cml: str, row: PreviewRow, styles: InlineStyles
) -> tuple[Markup, list[str]]:
    """Render the form with a row, without what contributors do not see.

    :returns: The row, and the addresses of its media that pages do not load.
    :raises Refusal: The form has errors, or does not work with this row.
    """
    gold = forms.check_form(cml).gold()
    data = visible_data(row.data, hidden_columns({**gold, **job.gold}))
    agent = http_request.headers.get("User-Agent", "")
    html = render_unit(cml, PageUnit(1, data), Answers(), agent)
    linked = link_files(styles.move(html), job.id, job.secret)
    return Markup(linked), refused_addresses(cml, data)  # noqa: S704 - sanitized


def find_row(tx: Transaction, job_id: int, number: str, *, is_test: bool) -> PreviewRow:
    """Find a row by its number among the rows, or the test questions, of a job.

    A number beyond the last one, or that is not a number, means the nearest row.
    """
    conditions = [*units_of(tx, job_id)]
    if is_test:
        conditions.append(unit.c.state.in_(sorted(GOLD_STATES)))
    total = tx.one(select(func.count().label("rows")).where(*conditions)).rows
    wanted = min(max(find_whole(number) or 1, 1), total)
    if not wanted:
        return PreviewRow(0, 0, {}, is_test)
    query = select(unit.c.data, unit.c.state).where(*conditions).order_by(unit.c.seq)
    found = tx.one(query.offset(wanted - 1).limit(1))
    return PreviewRow(wanted, total, dict(found.data), found.state in GOLD_STATES)


def preview_policy(host: str) -> str:
    """Return the content security policy of a preview.

    In a document with an opaque origin, ``'self'`` is not this server: it is named.

    :param host: Host and port of the request.
    :raises BadRequest: The host cannot be part of a policy.

    >>> preview_policy("localhost:8000").partition(";")[0]
    "default-src 'none'"
    """
    if not _HOST.fullmatch(host):
        raise BadRequest("The Host of this request is not a name with a port.")
    ours = f"http://{host} https://{host}"
    return (
        f"default-src 'none'; script-src {ours}; style-src {ours};"
        f" img-src {ours} https: data: {LOOPBACK_SOURCES};"
        f" media-src {ours} https: data: {LOOPBACK_SOURCES};"
        " form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-scripts"
    )
