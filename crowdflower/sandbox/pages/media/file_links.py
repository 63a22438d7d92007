"""How a row names a file of the operator's folder, and where it is loaded from.

On a contributor's page, ``files/cat.jpg`` and ``/label/files/cat.jpg`` are the same address, and
the contributor's cookie opens it. In a frame without an origin the browser sends no cookie, and the
first of them would lead elsewhere; there, the address says for which job the file is loaded.
"""

from __future__ import annotations

import re
from html import escape
from typing import Final
from urllib.parse import urlencode

PREFIX: Final = "/label/files/"
"""Path of the files; their names follow."""

_ATTRIBUTE: Final = re.compile(r"""(?<=\s)(src|href|poster)=(["'])(?:/label/)?files/([^"'?#]*)\2""")


def link_files(html: str, number: int, secret: str) -> str:
    """Complete the addresses of files, for a page that is shown in a frame without cookies.

    :param html: Sanitized HTML.
    :param number: The id of the job.
    :param secret: The secret of the job.

    >>> link_files('<img src="files/cat.jpg">', 7, "s3+t")
    '<img src="/label/files/cat.jpg?job=7&amp;secret=s3%2Bt">'
    """
    query = escape(f"?{urlencode({'job': number, 'secret': secret})}")
    return _ATTRIBUTE.sub(lambda found: f'{found[1]}="{PREFIX}{found[3]}{query}"', html)
