"""One API request: read it, open a transaction, call the route, write the response."""

from __future__ import annotations

import io
from contextlib import contextmanager, suppress
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Final, cast

from flask import Response, g, request, send_file

from crowdflower._types import one_line
from crowdflower.sandbox.api import idempotency, request_parsing, uploads
from crowdflower.sandbox.api.request_context import ApiResponse, RequestContext
from crowdflower.sandbox.errors import NotFound, Unauthorized, in_json
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.server.in_process import RAISE_ERRORS
from crowdflower.sandbox.server.request_log import PARAMETERS
from crowdflower.sandbox.store.column_types import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Row

    from crowdflower.sandbox.api.routes import Route
    from crowdflower.sandbox.errors import Refusal
    from crowdflower.sandbox.rules.units.row_checks import CheckedRows
    from crowdflower.sandbox.server.services import Services
    from crowdflower.sandbox.server.throttle import LoginThrottle
    from crowdflower.sandbox.store import Database, Transaction

JSON: Final = "application/json; charset=utf-8"

MAX_HEADER: Final = 8000
"""Characters of a header value; some clients close the connection at 65,536."""

_BLOCK: Final = 256 * 1024
_FIRST_ERROR_STATUS: Final = 400


def respond(route: Route, services: Services, **path: object) -> Response:
    """Handle a request to a route in one transaction.

    :param path: The variable parts of the path.
    :raises Refusal: The request is refused, and nothing of it was done; in a strict sandbox also
        because of a warning.
    """
    parameters, key, unread_body = request_parsing.parse(request, route)
    g.key = key
    request.environ[PARAMETERS] = parameters.values
    idempotency_key = request.headers.get(idempotency.HEADER) if route.writes else None
    body = _file() if route.takes_file else io.BytesIO()
    hashed_body = idempotency.HashingReader(body) if idempotency_key else None

    def begin(tx: Transaction, file: CheckedRows | Refusal | None = None) -> RequestContext:
        return RequestContext(
            tx=tx,
            account=_authenticate(services.throttle, tx, key),
            parameters=parameters,
            content_type=request.mimetype,
            reports=services.reports,
            delays=services.delays,
            link=lambda below: request.host_url + below,
            file=file,
        )

    def prepare(tx: Transaction) -> uploads.Target | None:
        context = begin(tx)
        if idempotency_key and idempotency.is_kept(context, idempotency_key):
            return None
        return uploads.find_target(context, path.get("job"))

    def handle(tx: Transaction, file: CheckedRows | Refusal | None = None) -> tuple[Any, list[str]]:
        context = begin(tx, file)
        run = partial(_run, context, route, path, unread_body)
        if idempotency_key and hashed_body:
            operation = f"{request.method} {request.path}"
            answer = idempotency.handle_once(context, idempotency_key, operation, hashed_body, run)
        else:
            answer = run()
        if not _is_error(answer):
            tx.refuse_warnings()
        if tx.warnings and route.writes:
            _record_warnings(context, path.get("job"), answer)
        return answer, tx.warnings

    database = services.database
    if route.takes_file:
        stream = io.BufferedReader(hashed_body, _BLOCK) if hashed_body else body
        with _receive(database, prepare, stream) as file:
            write = partial(handle, file=file)
            answer, warnings = database.write(write, idempotent=idempotency_key is not None)
    elif route.writes:
        answer, warnings = database.write(handle, idempotent=idempotency_key is not None)
    else:
        answer, warnings = database.read(handle)
    return _response(answer, warnings)


def _response(answer: Any, warnings: list[str]) -> Response:
    if isinstance(answer, ApiResponse):
        response = Response(
            answer.text, answer.status, dict(answer.headers), content_type=answer.content_type
        )
    else:
        response = json_response(answer)
    for warning in warnings:
        response.headers.add("X-Sandbox-Warning", header_value(warning))
    return response


@contextmanager
def _receive(
    database: Database, prepare: Callable[[Transaction], uploads.Target | None], body: IO[bytes]
) -> Iterator[CheckedRows | Refusal | None]:
    """Read, check and store an uploaded file, unless there is no target to check it against."""
    target = database.read(prepare)
    if target is None:
        yield None
    else:
        with uploads.receive(database, target, request.mimetype, body) as file:
            yield file


def _run(context: RequestContext, route: Route, path: dict[str, object], unread_body: str) -> Any:
    """Call the route; warn about parameters that were not read, or read as something else."""
    answer = route.handler(context, **path)
    names = f"{', '.join(context.parameters.unread()):.500}"
    unread = f"Ignored, since nothing here reads it: {names}" if names else ""
    for warning in filter(None, (*context.parameters.warnings, unread, unread_body)):
        context.tx.warn(warning)
    return answer


def _is_error(answer: object) -> bool:
    """Return whether an answer is an error whose transaction is committed all the same."""
    return isinstance(answer, ApiResponse) and answer.status >= _FIRST_ERROR_STATUS


def _record_warnings(context: RequestContext, reference: object, answer: object) -> None:
    """Record the warnings as events too, for clients that do not read headers."""
    created = answer.get("id") if isinstance(answer, dict) else None
    job = created if reference is None else _job_id(context, str(reference))
    for warning in context.tx.warnings:
        operation = f"{request.method} {request.path}"
        about = in_json([warning])
        context.tx.record("warning", job, warning=warning, request=operation, **about)


def _job_id(context: RequestContext, reference: str) -> int | None:
    """Return the id of the job in the path; the request may have changed its alias."""
    if reference in context.job_ids:
        return context.job_ids[reference]
    with suppress(NotFound):
        return int(context.job(reference).id)
    return None


def _authenticate(throttle: LoginThrottle, tx: Transaction, key: str) -> Row[Any]:
    """Return the account of a key. Clients in the same process are not throttled.

    :raises Unauthorized: The key is missing or wrong.
    :raises TooManyRequests: Too many wrong keys came from the client's address.
    """
    if not key:
        raise Unauthorized
    address = None if request.environ.get(RAISE_ERRORS) else request.remote_addr
    if address:
        throttle.check(address, key)
    account = accounts.authenticate(tx, key)
    if account is None:
        if address:
            throttle.record_failure(address)
        raise Unauthorized
    if address:
        throttle.record_success(key)
    return account


def _file() -> IO[bytes]:
    return io.BufferedReader(cast(io.RawIOBase, request.stream), _BLOCK)


def send_report(services: Services, token: str, name: str) -> Response:
    """Send the archive of a report.

    :raises NotFound: The token is unknown, or the archive was deleted.
    """
    path = services.reports.find(token)
    if path is None:
        raise NotFound
    try:
        response = send_file(path, "application/zip", as_attachment=True, download_name=name)
    except FileNotFoundError:  # deleted since
        raise NotFound from None
    services.reports.mark_fetched(path)
    return response


def json_response(value: object, status: int = 200) -> Response:
    """Return a value as a JSON response."""
    return Response(encode(value), status, content_type=JSON)


def header_value(text: str) -> str:
    """Return a string as an ASCII header value, cut to a length that every client reads."""
    value = one_line(text[:MAX_HEADER]).strip().encode("ascii", "backslashreplace")
    return value.decode("ascii")[:MAX_HEADER]
