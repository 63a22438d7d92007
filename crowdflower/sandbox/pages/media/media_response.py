"""The addresses of the operator's files: who may load one, whole or in parts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from flask import Response, current_app, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.http import parse_range_header
from werkzeug.wsgi import wrap_file

from crowdflower.sandbox.errors import NotFound
from crowdflower.sandbox.pages.contributor import visitors
from crowdflower.sandbox.pages.media.file_links import PREFIX
from crowdflower.sandbox.rules.jobs import jobs

if TYPE_CHECKING:
    from crowdflower.sandbox.pages.media.media_folder import MediaFile, MediaFolder
    from crowdflower.sandbox.store import Database, Transaction

FOLDER: Final = "media_folder"
"""Key of the folder in the extensions of the application."""

HEADERS: Final = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, max-age=300",
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""With every file: opened on its own, it can run nothing and load nothing but itself."""

_NOT_FOUND_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def send_media(database: Database, cookie: str | None, name: str) -> Response:
    """Send a file of the folder, or the part of it that the browser asks for.

    :param cookie: The token of a contributor. Without one, the query has to name a job and its
        secret, as the frames of forms do: they have no cookies.
    """
    folder: MediaFolder | None = current_app.extensions.get(FOLDER)
    if folder is None or not database.read(lambda tx: _may_load(tx, cookie)):
        return _not_found()
    file = folder.open_file(name)
    return _not_found() if file is None else _response(file)


def _may_load(tx: Transaction, cookie: str | None) -> bool:
    if visitors.find(tx, cookie) is not None:
        return True
    number, secret = request.args.get("job", ""), request.args.get("secret", "")
    try:
        jobs.find_by_secret(tx, int(number), secret.replace(" ", "+"))
    except (NotFound, ValueError, OverflowError):
        return False
    return True


def _response(file: MediaFile) -> Response:
    response = Response(
        wrap_file(request.environ, file.content),
        headers=HEADERS,
        content_type=file.content_type,
        direct_passthrough=True,
    )
    response.call_on_close(file.content.close)
    response.content_length = file.size
    response.last_modified = datetime.fromtimestamp(file.modified_at, UTC)
    response.set_etag(file.etag)
    if file.is_download:
        response.headers["Content-Disposition"] = "attachment"
    environ = request.environ
    if not _asks_for_one_range(environ.get("HTTP_RANGE")):
        # Other units, several parts, or what is not a range: the whole file (RFC 9110, 14.2).
        environ = {key: value for key, value in environ.items() if key != "HTTP_RANGE"}
    try:
        response.make_conditional(environ, accept_ranges=True, complete_length=file.size)
    except RequestedRangeNotSatisfiable:
        response.close()
        headers = {**HEADERS, "Content-Range": f"bytes */{file.size}"}
        return Response(status=416, headers=headers, content_type="text/plain; charset=utf-8")
    return response


def _asks_for_one_range(header: str | None) -> bool:
    found = parse_range_header(header)
    return found is not None and found.units == "bytes" and len(found.ranges) == 1


def _not_found() -> Response:
    text = f"There is no such file. Files are at {PREFIX}NAME, for contributors of a job.\n"
    return Response(text, 404, _NOT_FOUND_HEADERS, content_type="text/plain; charset=utf-8")
