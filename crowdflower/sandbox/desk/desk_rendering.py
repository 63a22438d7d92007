"""Renders the templates of the desk, with the headers that protect them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from flask import Response
from jinja2 import ChoiceLoader, PackageLoader

from crowdflower.sandbox.pages.origins import PAGE_HEADERS
from crowdflower.sandbox.pages.rendering import TEMPLATES
from crowdflower.sandbox.pages.translations import languages, use_language
from crowdflower.sandbox.rules.money import CENT

if TYPE_CHECKING:
    from jinja2 import BaseLoader
    from werkzeug.datastructures import LanguageAccept

_PAGES: Final[BaseLoader | None] = TEMPLATES.loader
assert _PAGES is not None  # noqa: S101 - of the contributors' pages
DESK_TEMPLATES: Final = TEMPLATES.overlay(
    loader=ChoiceLoader([PackageLoader("crowdflower.sandbox.desk"), _PAGES])
)

DESK_HEADERS: Final = {**PAGE_HEADERS, "Cache-Control": "no-store"}
"""A signed-in page stays in no cache, so that it is gone after signing out."""


def render_desk(template: str, status: int = 200, **values: Any) -> Response:
    """Return a page of the desk."""
    html = DESK_TEMPLATES.get_template(template).render(values)
    return Response(html, status, DESK_HEADERS, content_type="text/html; charset=utf-8")


def cents(amount: float) -> int:
    """Return US cents as thousandths of a cent, for the filter ``dollars``."""
    return round(amount * CENT)


def moment(at: float) -> str:
    """Return a time as date, hour and minute, UTC.

    >>> moment(0)
    '1970-01-01 00:00 UTC'
    """
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def choose_language(accepted: LanguageAccept) -> None:
    """Use the language that a browser prefers, of those that the pages have."""
    use_language(accepted.best_match(languages()))


DESK_TEMPLATES.filters.update(cents=cents, moment=moment)
