"""A form with one row as a page of its own, without a server: for ``Job.preview()``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from crowdflower.sandbox.errors import Refusal
from crowdflower.sandbox.forms import form_for
from crowdflower.sandbox.forms.sanitizer import sanitize
from crowdflower.sandbox.pages.assets import read_asset
from crowdflower.sandbox.pages.rendering import TEMPLATES, job_values
from crowdflower.sandbox.pages.row.pictures import refused_addresses
from crowdflower.sandbox.pages.row.row_form import Answers, render_unit
from crowdflower.sandbox.rules.gold_answers import hidden_columns, visible_data
from crowdflower.sandbox.rules.work.handout import PageUnit

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:;"
    " media-src http: https: data:; form-action 'none'; base-uri 'none'"
)
"""Content security policy: the page runs no scripts, and loads only images and media."""


class FormError(ValueError):
    """The form cannot be shown with this row."""


def render_preview(
    cml: str,
    row: Mapping[str, Any],
    *,
    title: str,
    instructions: str = "",
    gold: Mapping[str, str] | None = None,
    language: str = "en",
) -> str:
    """Return the page of a form with one row, as contributors see it.

    :param row: Column to value; what is not JSON is shown as a string.
    :param gold: The columns with the accepted answers, which contributors do not see; by default
        ``{question}_gold``.
    :raises FormError: The form cannot be shown, or not with this row.

    >>> html = render_preview('{{ review }}<cml:text label="Why?"/>', {"review": "Fine."}, title="")
    >>> "Fine.<div" in html, "Why?" in html
    (True, True)
    """
    cml, title, instructions = map(_without_surrogates, (cml, title, instructions))
    row = json.loads(_without_surrogates(json.dumps(dict(row), ensure_ascii=False, default=str)))
    try:
        columns = {field.name: f"{field.name}_gold" for field in form_for(cml, row).fields}
        hidden = hidden_columns({**columns, **(gold or {})})
        shown = visible_data(row, hidden)
        unit = render_unit(cml, PageUnit(1, shown), Answers())
        refused = refused_addresses(cml, shown)
    except Refusal as refusal:
        raise FormError(refusal.message) from None
    return TEMPLATES.get_template("preview.html").render(
        **job_values(title, 0, language),
        instructions=Markup(sanitize(instructions)),  # noqa: S704 - sanitized
        unit=unit,
        refused=refused,
        policy=POLICY,
        stylesheet=Markup(read_asset("desk.css").decode()),  # noqa: S704 - our own
    )


def _without_surrogates(text: str) -> str:
    """Replace lone surrogates, which no page can contain."""
    return text.encode("utf-8", "replace").decode()
