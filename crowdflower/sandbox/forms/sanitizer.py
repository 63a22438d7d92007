"""HTML sanitizer: keeps text, formatting, links and images, and removes everything active."""

from __future__ import annotations

import re
from typing import Final

import nh3

_TAGS: Final = frozenset(
    [
        *("a", "abbr", "b", "blockquote", "br", "caption", "center", "cite", "code", "dd", "del"),
        *("div", "dl", "dt", "em", "figcaption", "figure", "font", "h1", "h2", "h3", "h4", "h5"),
        *("h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp"),
        *("section", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td"),
        *("tfoot", "th", "thead", "tr", "tt", "u", "ul", "var"),
    ]
)
_ATTRIBUTES: Final = {
    "*": {"dir", "lang", "title"},
    "a": {"href"},
    "img": {"alt", "height", "src", "width"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
_SCHEMES: Final = {"http", "https", "mailto", "data"}
_DATA_IMAGE = re.compile(r"\s*data:image/(?:png|jpeg|gif|webp);base64,", re.IGNORECASE)


def sanitize(html: str) -> str:
    """Remove scripts, event handlers and unsafe links from HTML.

    Sanitize after rendering Liquid: a row's value may break out of an unquoted attribute.

    >>> sanitize('<p onclick="steal()">Read <b>well</b>.<script>steal()</script></p>')
    '<p>Read <b>well</b>.</p>'
    >>> sanitize('<a href="javascript:steal()">here</a> <img src="data:text/html,x" alt="cat">')
    '<a rel="noopener noreferrer">here</a> <img alt="cat">'
    """
    return nh3.clean(
        html,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        attribute_filter=_filter_attribute,
        url_schemes=_SCHEMES,
    )


def _filter_attribute(tag: str, attribute: str, value: str) -> str | None:
    """Drop ``data:`` URLs, except for images in ``<img>``."""
    if attribute not in {"href", "src"} or not value.lstrip().lower().startswith("data:"):
        return value
    return value if tag == "img" and _DATA_IMAGE.match(value) else None
