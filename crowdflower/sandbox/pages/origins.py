"""Protection against other sites: CSRF checks of requests, security headers of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from crowdflower._types import Message
from crowdflower.sandbox.errors import Forbidden
from crowdflower.sandbox.forms.media_addresses import HTTP_HOSTS

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers

LOOPBACK_SOURCES: Final = " ".join(f"http://{host}:*" for host in HTTP_HOSTS)
"""From where pictures, sounds and films are loaded over plain HTTP too."""

PAGE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self';"
        f" img-src 'self' https: data: {LOOPBACK_SOURCES};"
        f" media-src 'self' https: {LOOPBACK_SOURCES} data:;"
        " connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""On every page: it runs only our script, and loads only our style; it cannot be framed."""


def refuse_other_sites(headers: Headers, host: str) -> None:
    """Refuse a request that a web page of another site makes a browser send.

    :param host: Host and port that this request was sent to.
    :raises Forbidden: The request comes from another site.

    >>> from werkzeug.datastructures import Headers
    >>> refuse_other_sites(Headers({"Origin": "http://localhost:8000"}), "localhost:8000")
    >>> refuse_other_sites(Headers({"Origin": "http://evil.example"}), "localhost:8000")
    Traceback (most recent call last):
        ...
    crowdflower.sandbox.errors.Forbidden: 403 Web pages of other sites may not send this.
    """
    site = headers.get("Sec-Fetch-Site", "none")
    origin = headers.get("Origin")
    if site not in {"none", "same-origin"} or (origin is not None and _host_of(origin) != host):
        raise Forbidden(Message("Web pages of other sites may not send this.", "other_site"))


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
