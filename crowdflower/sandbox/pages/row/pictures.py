"""Pictures in a row: each leads to the whole picture, and loads when it is scrolled to.

Pages load pictures, sounds and films over https, from this machine, and from the operator's folder;
:func:`refused_addresses` names the others.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from crowdflower.sandbox.forms import rendered_form
from crowdflower.sandbox.forms.media_addresses import refused_in_form

if TYPE_CHECKING:
    from collections.abc import Mapping

_TAG: Final = re.compile(r"<a(?=[ >])|</a>|<img ([^>]*)>")
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
        picture = f'<img {tag[1]} loading="lazy">'
        source = _SOURCE.search(tag[1])
        if source is None or is_in_link:
            return picture
        link = f'class="zoom" href="{source[1]}" target="_blank" rel="noopener noreferrer"'
        return f"<a {link}>{picture}</a>"

    return _TAG.sub(change, html)
