"""What the page in the frame of a job's own scripts may do and load.

It has no origin, so that it reaches neither the page around it nor its cookies and storage. It runs
our scripts and those that the job has, connects to nothing, sends no form, and opens no window. It
loads pictures, sounds and films from the operator's folder and from the hosts that the rows name:
a script cannot send answers to any other as the address of a picture.

A script must satisfy two policies. The first one allows those that have the nonce, from any
address; a script can read its own nonce and give it to others. The second one allows those in the
page, and of those with an address only ours.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from crowdflower.sandbox.forms.media_addresses import is_loaded
from crowdflower.sandbox.pages.assets import LIBRARY_PATH
from crowdflower.sandbox.pages.media.file_links import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPTS: Final = ("/desk.js", "/frame_library.js", "/frame_guest.js", LIBRARY_PATH)
"""The scripts with an address that the page in the frame loads."""

MAX_HOSTS: Final = 50
"""Hosts from which a page loads media: those that are named first."""

_ADDRESS: Final = re.compile(r"""\bhttps?://[^\s"'<>,]+""", re.IGNORECASE)
_MEDIA: Final = re.compile(
    r"""\s(?:src|srcset|poster)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""", re.IGNORECASE
)
_HOST: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")


def frame_headers(html: str, nonce: str, origin: str) -> dict[str, str]:
    """Return the headers of the page in the frame.

    :param html: The rows.
    :param nonce: Allows the scripts that have it.
    :param origin: Scheme, host and port of this server.
    """
    media = " ".join(["data:", _ours(origin, PREFIX), *media_hosts(html)])
    policy = (
        "sandbox allow-scripts; default-src 'none';"
        f" script-src 'nonce-{nonce}'; style-src {_ours(origin, '/desk.css')} 'unsafe-inline';"
        f" img-src {media}; media-src {media}; connect-src 'none'; form-action 'none';"
        " base-uri 'none'; frame-src 'none'; worker-src 'none'; frame-ancestors 'self',"
        f" script-src 'unsafe-inline' {_ours(origin, *SCRIPTS)}"
    )
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-DNS-Prefetch-Control": "off",
    }


def _ours(origin: str, *paths: str) -> str:
    """Return the paths of this server as sources; a source cannot name an address of IPv6."""
    return "'self'" if "[" in origin else " ".join(f"{origin}{path}" for path in paths)


def media_hosts(html: str) -> list[str]:
    """Return the hosts from which rows load media, as sources of a policy.

    >>> media_hosts('<img src="https://example.org/a.png"><a href="https://example.com/">b</a>')
    ['https://example.org']
    """
    return list(dict.fromkeys(_hosts(html)))[:MAX_HOSTS]


def _hosts(html: str) -> Iterator[str]:
    for attribute in _MEDIA.finditer(html):
        for address in _ADDRESS.findall(unescape(attribute[1])):
            try:
                parts = urlsplit(address)
                host, port = parts.hostname or "", parts.port
            except ValueError:
                continue
            if is_loaded(address) and _HOST.fullmatch(host):
                yield f"{parts.scheme}://{host}" + (f":{port}" if port else "")
