"""Styles that are written in a form: moved from attributes into a stylesheet of its own.

The content security policy of the pages allows no style attributes. The declarations of a page
stand in the URL of its stylesheet, so that the server stores nothing, and a browser caches it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from flask import Response, request
from werkzeug.exceptions import RequestURITooLarge

from crowdflower.sandbox.forms.sanitizer import split_style

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PATH: Final = "/label/styles.css"

MAX_URL_LENGTH: Final = 6000
"""Characters of a URL that servers and browsers take; declarations beyond it are dropped."""

_ATTRIBUTE: Final = re.compile(r'(<[a-z][a-z\d]*(?: [^<>"=]+="[^"]*")*?) style="([^"]*)"')


class InlineStyles:
    """The styles of a page.

    >>> styles = InlineStyles()
    >>> styles.move('<b style="color: red">a</b> <i title="x" style="color: red">b</i>')
    '<b class="style-0">a</b> <i title="x" class="style-0">b</i>'
    >>> styles.url
    '/label/styles.css?s=color%3A+red'
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def move(self, html: str) -> str:
        """Replace style attributes of sanitized HTML, which has no classes, by classes."""
        return _ATTRIBUTE.sub(self._replacement, html)

    @property
    def url(self) -> str | None:
        """The URL of the stylesheet; ``None`` if there are no styles."""
        return _url(self._numbers) if self._numbers else None

    def _replacement(self, found: re.Match[str]) -> str:
        declarations = found[2]
        if declarations not in self._numbers:
            if len(_url([*self._numbers, declarations])) > MAX_URL_LENGTH:
                return found[1]
            self._numbers[declarations] = len(self._numbers)
        return f'{found[1]} class="style-{self._numbers[declarations]}"'


def _url(declarations: Iterable[str]) -> str:
    return f"{PATH}?{urlencode({'s': list(declarations)}, doseq=True)}"


def stylesheet() -> Response:
    """Return the stylesheet whose declarations are in the URL, without those that are not safe.

    :raises RequestURITooLarge: No page has such a URL.
    """
    if len(request.query_string) > MAX_URL_LENGTH:
        raise RequestURITooLarge
    rules = [
        f".style-{number}{{{'; '.join(split_style(text)[0])}}}\n"
        for number, text in enumerate(request.args.getlist("s"))
    ]
    headers = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
    return Response("".join(rules), 200, headers, content_type="text/css; charset=utf-8")


ROUTES: Final[tuple[tuple[str, list[str], Callable[..., Response]], ...]] = (
    (PATH, ["GET"], stylesheet),
)
"""Path, verbs, view."""
