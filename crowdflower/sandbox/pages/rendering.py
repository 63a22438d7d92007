"""Renders templates as pages, with the headers that protect them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from flask import Response, has_request_context, request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from crowdflower.sandbox.forms.sanitizer import plain_text, sanitize_value
from crowdflower.sandbox.pages.assets import asset_url
from crowdflower.sandbox.pages.origins import PAGE_HEADERS
from crowdflower.sandbox.pages.translations import (
    gettext,
    languages,
    ngettext,
    page_language,
    use_language,
)
from crowdflower.sandbox.rules.money import CENT

if TYPE_CHECKING:
    from sqlalchemy import Row

TEMPLATES: Final = Environment(
    loader=PackageLoader("crowdflower.sandbox.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    extensions=["jinja2.ext.i18n"],
)

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR

RIGHT_TO_LEFT: Final = frozenset({"ar", "dv", "fa", "he", "ku", "ps", "sd", "ug", "ur", "yi"})
"""Languages that are written from right to left, as a job's ``language`` names them."""


def markup(text: str) -> Markup:
    """Return a label, or other text of the requester, as HTML without anything active."""
    return Markup(sanitize_value(text))  # noqa: S704 - sanitized


def dollars(amount_mc: int) -> str:
    """Return an amount in thousandths of a cent as dollars, with at least two decimals.

    >>> dollars(10_000), dollars(12_500)
    ('$0.10', '$0.125')
    """
    whole, _, decimals = f"{amount_mc / CENT / 100:.5f}".partition(".")
    return f"${int(whole):,}.{decimals.rstrip('0').ljust(2, '0')}"


def percent(fraction: float) -> str:
    """Return a fraction as a whole percentage, not rounded up to 100.

    >>> percent(0.916), percent(0.9999), percent(1)
    ('92 %', '99 %', '100 %')
    """
    rounded = min(round(fraction * 100), 99) if fraction < 1 else 100
    return f"{rounded} %"


def ago(at: float, now: float) -> str:
    """Return in words how long ago something happened, in its largest unit.

    >>> ago(0, 20), ago(0, 3700), ago(0, 49 * 3600)
    ('just now', '1 hour ago', '2 days ago')
    """
    seconds = max(now - at, 0)
    if seconds < _MINUTE:
        return gettext("just now")
    if seconds < _HOUR:
        number = int(seconds // _MINUTE)
        text = ngettext("%(num)s minute ago", "%(num)s minutes ago", number)
    elif seconds < _DAY:
        number = int(seconds // _HOUR)
        text = ngettext("%(num)s hour ago", "%(num)s hours ago", number)
    else:
        number = int(seconds // _DAY)
        text = ngettext("%(num)s day ago", "%(num)s days ago", number)
    return text % {"num": f"{number:,}"}


TEMPLATES.filters.update(markup=markup, plain=plain_text, dollars=dollars, percent=percent, ago=ago)
TEMPLATES.globals.update(asset_url=asset_url, page_language=page_language)
TEMPLATES.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]


def render(template: str, status: int = 200, **values: Any) -> Response:
    """Return a page."""
    html = TEMPLATES.get_template(template).render(values)
    return Response(html, status, PAGE_HEADERS, content_type="text/html; charset=utf-8")


def render_for_job(template: str, job: Row[Any], status: int = 200, **values: Any) -> Response:
    """Return a page of a job, in its language."""
    return render(template, status, **job_values(job.title, job.id, job.language), **values)


def work_path(job: Row[Any]) -> str:
    """Return the path at which people work on a job, with its secret."""
    return f"/label/{job.id}?{urlencode({'secret': job.secret})}"


def script_texts() -> str:
    """Return the texts that the script of a page of rows writes, as JSON."""
    texts = {
        "count": gettext("{done} of {all} answered"),
        "missing": gettext("Still missing: {number}. The first one has the focus."),
        "left": gettext("{time} left"),
        "over": gettext("Time is over"),
        "warning": gettext("Time left: {minutes} min. “More time” is next to Submit."),
        "end": gettext("The time for this page is over. Your answers are kept in this browser."),
    }
    return json.dumps(texts, ensure_ascii=False)


def plain_values() -> dict[str, Any]:
    """Return what the frame of a page shows that belongs to no job, in the browser's language."""
    wanted = request.accept_languages.best_match(languages()) if has_request_context() else None
    return {"job_title": "", "language": use_language(wanted), "direction": "ltr"}


def job_values(title: str | None, number: int, language: str | None) -> dict[str, Any]:
    """Return what the frame of a job's page shows; its texts are in the job's language."""
    language = language or "en"
    use_language(language)
    direction = "rtl" if language.partition("-")[0].lower() in RIGHT_TO_LEFT else "ltr"
    return {
        "job_title": title or gettext("Job %(number)d") % {"number": number},
        "language": language,
        "direction": direction,
    }
