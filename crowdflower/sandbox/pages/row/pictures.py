"""Pictures in a row: each leads to the whole picture, and loads when it is scrolled to.

Pages load pictures, sounds and films over https, from this machine, and from the operator's folder;
:func:`refused_addresses` names the others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from markupsafe import escape

from crowdflower.sandbox.forms import rendered_form
from crowdflower.sandbox.forms.media_addresses import refused_in_form
from crowdflower.sandbox.pages.translations import gettext

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAG: Final = re.compile(r"<a(?=[ >])|</a>|<img ([^>]*)>")
_ALT: Final = re.compile(r'(?:^| )alt="([^"]*)"')
_SOURCE: Final = re.compile(r'(?:^| )src="((?:https?:|files/|/label/files/)[^"]*)"')


def refused_addresses(cml: str, row: Mapping[str, Any]) -> list[str]:
    """Return the pictures, sounds and films of a row that pages do not load.

    :param row: Column to value, without the columns that contributors do not see.
    :returns: Their addresses, each once, in the order of the form.
    :raises Invalid: The form does not work with this row.

    >>> refused_addresses('<img src="{{ a }}">', {"a": "http://example.org/a.png"})
    ['http://example.org/a.png']
    """
    return refused_in_form(rendered_form(cml, row))


def link_pictures(html: str) -> str:
    """Put a link around each picture of sanitized HTML that is not in one already.

    A picture without a text gets the name of its file as one: it is also the name of the link, and
    stands there if the picture cannot be loaded.

    >>> link_pictures('<img src="https://example.org/a.png" alt="A lamp">')
    '<a class="zoom" href="https://example.org/a.png" target="_blank" rel="noopener noreferrer">\
<img src="https://example.org/a.png" alt="A lamp" loading="lazy"></a>'
    """
    is_in_link = False

    def change(tag: re.Match[str]) -> str:
        nonlocal is_in_link
        if tag[1] is None:
            is_in_link = tag[0] != "</a>"
            return tag[0]
        source, alt = _SOURCE.search(tag[1]), _ALT.search(tag[1])
        picture = f'<img {tag[1]} loading="lazy">'
        if alt is None or not alt[1].strip():
            rest = tag[1] if alt is None else tag[1].replace(alt[0], "", 1).strip()
            picture = f'<img {rest} alt="{_file_name(source)}" loading="lazy">'
        if source is None or is_in_link:
            return picture
        link = f'class="zoom" href="{source[1]}" target="_blank" rel="noopener noreferrer"'
        return f"<a {link}>{picture}</a>"

    return _TAG.sub(change, html)


def _file_name(source: re.Match[str] | None) -> str:
    """Return the last part of an address, escaped as it is; without one, a word."""
    path = source[1].partition("?")[0].partition("#")[0] if source else ""
    return path.rstrip("/").rpartition("/")[2] or str(escape(gettext("Picture")))
