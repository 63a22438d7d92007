"""A contributor contests a test question that they missed: ``POST /label/{job}/contest``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, request

from crowdflower.sandbox.errors import Invalid, NotFound
from crowdflower.sandbox.pages.contributor.browser import require_form_token
from crowdflower.sandbox.pages.rendering import render_for_job
from crowdflower.sandbox.rules.work import contests
from crowdflower.sandbox.store.column_types import MAX_ID_DIGITS

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.pages.contributor.visitors import Visitor
    from crowdflower.sandbox.store import Transaction


def receive(tx: Transaction, job: Row[Any], visitor: Visitor, url: str) -> Response:
    """Store why a contributor's answer is right, and lead back to where they wrote it.

    :param url: Address of the job's page. The field ``page`` of the form has the number of the page
        whose result is shown there.
    :raises Refusal: The contributor may not contest this question.
    """
    require_form_token(visitor)
    form = request.form
    unit, page = form.get("unit", ""), form.get("page", "")
    if not unit.isdecimal() or len(unit) > MAX_ID_DIGITS:
        raise NotFound
    back = f"{url}&done={page}" if page.isdecimal() and len(page) <= MAX_ID_DIGITS else url
    field, text = form.get("field", ""), form.get("contest", "")
    try:
        contests.submit(tx, job, visitor.worker.id, int(unit), field, text)
    except Invalid as invalid:
        values = {"unit": unit, "field": field, "page": page, "text": text, "back": back}
        return render_for_job(
            "objection.html", job, 422, me=visitor, error=invalid.message, **values
        )
    return Response(status=303, headers={"Location": f"{back}#missed-{unit}"})
