"""The address at which others reach the pages, if a reverse proxy stands in front of the server."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from flask import current_app, request

PUBLIC_URL: Final = "public_url"
"""Key of the address in the extensions of the application; ``None`` if there is no proxy."""


def check_origin(url: str) -> str:
    """Return the scheme, host and port of an address, without a slash at its end.

    :raises ValueError: It is not the address of a server, or it has a path.

    >>> check_origin("https://Label.example.org/")
    'https://label.example.org'
    >>> check_origin("label.example.org")
    Traceback (most recent call last):
        ...
    ValueError: label.example.org is not like https://label.example.org
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    is_origin = (
        parts.scheme in {"http", "https"}
        and parts.hostname
        and parts.path in {"", "/"}
        and "@" not in parts.netloc
        and not (parts.query or parts.fragment)
        and url.isprintable()
        and " " not in url
    )
    if not is_origin:
        raise ValueError(f"{url} is not like https://label.example.org")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")


def is_loopback(host: str) -> bool:
    """Return whether only this machine can connect to a host.

    >>> is_loopback("127.0.0.2"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False


def public_origin() -> str:
    """Return the address at which others reach this server, as far as it is known."""
    known: str | None = current_app.extensions.get(PUBLIC_URL)
    return known or request.host_url.rstrip("/")


def is_secure() -> bool:
    """Return whether browsers reach this server over TLS, so that cookies need it, too."""
    return request.is_secure or public_origin().startswith("https:")
