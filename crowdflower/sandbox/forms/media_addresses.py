"""Which pictures, sounds and films contributors' pages load, and which they do not."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crowdflower.cml import Form

HTTP_HOSTS: Final = ("127.0.0.1", "localhost")
"""Hosts from which pages load media over plain HTTP too: this machine."""

ADVICE: Final = (
    "pages load pictures, sounds and films over https, or from crowdflower serve --files DIR"
)

MEDIA_TAGS: Final = frozenset({"audio", "img", "source", "track", "video"})
MEDIA_ATTRIBUTES: Final = frozenset({"poster", "src", "srcset"})

_TAG: Final = re.compile(
    rf"""<(?:{"|".join(sorted(MEDIA_TAGS))})(?=[\s/])((?:[^<>"']|"[^"]*"|'[^']*')*)>""",
    re.IGNORECASE,
)
_ATTRIBUTE: Final = re.compile(
    rf"""(?<![\w-])({"|".join(sorted(MEDIA_ATTRIBUTES))})\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""",
    re.IGNORECASE,
)
_SRCSET_GAP: Final = re.compile(r"\s*,\s+|(?<=\d[wx]),")


def is_loaded(address: str) -> bool:
    """Return whether pages load media from an address.

    >>> is_loaded("https://example.org/a.png"), is_loaded("files/a.png")
    (True, True)
    >>> is_loaded("http://example.org/a.png"), is_loaded("http://localhost:8080/a.png")
    (False, True)
    """
    address = address.strip()
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    if address.startswith("//"):  # over plain HTTP, if the page is
        return host in HTTP_HOSTS
    return parts.scheme.lower() != "http" or host in HTTP_HOSTS


def find_refused(html: str) -> list[str]:
    """Return the addresses of media in HTML that pages do not load, each once.

    >>> find_refused('<img src="http://example.org/a.png"><img src="https://example.org/b.png">')
    ['http://example.org/a.png']
    """
    found = [
        address
        for tag in _TAG.finditer(html)
        for attribute in _ATTRIBUTE.finditer(tag[1])
        for address in split_addresses(attribute[1], unescape(attribute[2].strip("\"'")))
        if not is_loaded(address)
    ]
    return list(dict.fromkeys(found))


def refused_in_form(form: Form) -> list[str]:
    """Return the addresses of media that pages do not load: around the questions, and in them."""
    return list(dict.fromkeys(each for html in _html_of(form) for each in find_refused(html)))


def split_addresses(attribute: str, value: str) -> list[str]:
    """Return the addresses in the value of an attribute; ``srcset`` may have several.

    >>> split_addresses("srcset", "a.png 1x, b.png 2x"), split_addresses("src", "a, b.png")
    (['a.png', 'b.png'], ['a, b.png'])
    """
    if attribute.lower() != "srcset":
        return [value.strip()]
    return [each.split()[0] for each in _SRCSET_GAP.split(value) if each.split()]


def _html_of(form: Form) -> Iterable[str]:
    yield form.source
    for question in form.fields:
        yield question.label
        yield question.instructions
        yield from (option.label for option in question.options)
