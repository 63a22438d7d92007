"""The style and the script of all pages: packaged files, served from addresses of their own."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from flask import Response

if TYPE_CHECKING:
    from collections.abc import Callable

_FOLDER: Final = Path(__file__).with_name("assets")
_CACHE_CONTROL: Final = "public, max-age=31536000, immutable"
"""A year: the hash in the URL changes with the content."""

LIBRARY: Final = "jquery-3.7.1.min.js"
"""jQuery, for scripts of jobs that need it."""

LIBRARY_PATH: Final = "/label/frame/jquery.js"
"""Path of jQuery, which only the frame of a job's scripts loads."""


@cache
def read_asset(name: str) -> bytes:
    """Return the content of a file of the pages, such as ``desk.css``."""
    return (_FOLDER / name).read_bytes()


@cache
def asset_url(name: str) -> str:
    """Return the URL of a file of the pages, with a hash of its content.

    >>> asset_url("desk.css").startswith("/desk.css?")
    True
    """
    return f"/{name}?{sha256(read_asset(name)).hexdigest()[:12]}"


def style() -> Response:
    """Return the style of the pages."""
    return _response("desk.css", "text/css")


def script() -> Response:
    """Return the script of the pages."""
    return _response("desk.js", "text/javascript")


def frame_library() -> Response:
    """Return the script that stands in for what the hosted service has on its pages."""
    return _response("frame_library.js", "text/javascript")


def frame_guest() -> Response:
    """Return the script in the frame of a job's own scripts."""
    return _response("frame_guest.js", "text/javascript")


def frame_host() -> Response:
    """Return the script of the page around that frame."""
    return _response("frame_host.js", "text/javascript")


def library() -> Response:
    """Return jQuery, unchanged; its license is beside it."""
    return _response(LIBRARY, "text/javascript")


def icon() -> Response:
    """Return the icon of the pages, which browsers show in a tab."""
    return _response("icon.svg", "image/svg+xml")


def _response(name: str, content_type: str) -> Response:
    headers = {"Cache-Control": _CACHE_CONTROL, "X-Content-Type-Options": "nosniff"}
    return Response(read_asset(name), 200, headers, content_type=f"{content_type}; charset=utf-8")


ROUTES: Final[tuple[tuple[str, list[str], Callable[..., Response]], ...]] = (
    ("/desk.css", ["GET"], style),
    ("/desk.js", ["GET"], script),
    ("/icon.svg", ["GET"], icon),
    ("/frame_library.js", ["GET"], frame_library),
    ("/frame_guest.js", ["GET"], frame_guest),
    ("/frame_host.js", ["GET"], frame_host),
)
"""Path, verbs, view."""
