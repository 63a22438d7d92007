"""One request of the API: read it, open the transaction, ask the rules, write the answer."""

from __future__ import annotations

import io
from contextlib import suppress
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Final, cast

from flask import Response, current_app, g, request, send_file

from crowdflower.sandbox.api import idempotency, request_parsing
from crowdflower.sandbox.api.request_context import ApiResponse, RequestContext
from crowdflower.sandbox.errors import Invalid, NotFound, Unauthorized
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.server.in_process import RAISE_ERRORS
from crowdflower.sandbox.server.request_log import ASKED
from crowdflower.sandbox.store.column_types import encode

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.sandbox.api.routes import Route
    from crowdflower.sandbox.server.app import Application
    from crowdflower.sandbox.store import Transaction

JSON: Final = "application/json; charset=utf-8"

LONGEST_HEADER: Final = 8000
"""Characters of one; some clients hang up when there are 65,536."""

_BLOCK: Final = 256 * 1024
_REFUSED: Final = 400


def answer(route: Route, **path: object) -> Response:
    """Answer a request of a route, all of it or nothing.

    :param path: What the path names.
    :raises Refusal: It is not done.
    """
    app = cast("Application", current_app)
    parameters, key, unread_body = request_parsing.parse(request, route)
    g.key = key
    request.environ[ASKED] = parameters.values
    name = request.headers.get(idempotency.HEADER) if route.writes else None
    body = _file() if route.takes_file else io.BytesIO()
    digested = idempotency.HashingReader(body) if name else None

    def answered(tx: Transaction) -> tuple[Any, list[str]]:
        context = RequestContext(
            tx=tx,
            account=_account(app, tx, key),
            parameters=parameters,
            content_type=request.mimetype,
            body=io.BufferedReader(digested, _BLOCK) if digested else body,
            reports=app.reports,
            transitions=app.transitions,
            link=lambda below: request.host_url + below,
        )
        do = partial(_done, context, route, path, unread_body)
        if name and digested:
            asked_for = f"{request.method} {request.path}"
            answer = idempotency.handle_once(context, name, asked_for, digested, do)
        else:
            answer = do()
        if tx.warnings and route.writes:
            _keep_warnings(context, path.get("job"), answer)
        return answer, tx.warnings

    if route.takes_file:  # it can be read once
        answer, warnings = app.database.write(answered, attempts=1)
    elif route.writes:
        answer, warnings = app.database.write(answered, idempotent=name is not None)
    else:
        answer, warnings = app.database.read(answered)
    if isinstance(answer, ApiResponse):
        response = Response(
            answer.text, answer.status, dict(answer.headers), content_type=answer.content_type
        )
    else:
        response = in_json(answer)
    for warning in warnings:
        response.headers.add("X-Sandbox-Warning", header(warning))
    return response


def _done(context: RequestContext, route: Route, path: dict[str, object], unread_body: str) -> Any:
    """Do what is asked, and say what of it did nothing.

    :raises Invalid: Something did nothing, and the sandbox is strict.
    """
    answer = route.handler(context, **path)
    names = f"{', '.join(context.parameters.unread()):.500}"
    ignored = [f"Ignored, since nothing here reads it: {names}"] if names else []
    ignored += [unread_body] if unread_body else []
    if ignored and context.tx.limits.strict and _is_good(answer):
        raise Invalid(" ".join(ignored))
    for each in ignored:
        context.tx.warn(each)
    return answer


def _is_good(answer: object) -> bool:
    """Tell whether an answer is none that says no and has something to keep all the same."""
    return not isinstance(answer, ApiResponse) or answer.status < _REFUSED


def _keep_warnings(context: RequestContext, reference: object, answer: object) -> None:
    """Write down what was asked for and not obeyed, for whoever does not read headers."""
    made = answer.get("id") if isinstance(answer, dict) else None
    job = made if reference is None else _number_of(context, str(reference))
    for warning in context.tx.warnings:
        asked = f"{request.method} {request.path}"
        context.tx.record("warning", job, warning=warning, request=asked)


def _number_of(context: RequestContext, reference: str) -> int | None:
    """Tell which job was meant; by now it may have another alias, or none."""
    if reference in context.job_ids:
        return context.job_ids[reference]
    with suppress(NotFound):
        return int(context.job(reference).id)
    return None


def _account(app: Application, tx: Transaction, key: str) -> Row[Any]:
    """Find whose key it is. Whoever is in the same process has no need to guess."""
    if not key:
        raise Unauthorized
    address = None if request.environ.get(RAISE_ERRORS) else request.remote_addr
    if address:
        app.guesses.admit(address, key)
    account = accounts.authenticate(tx, key)
    if account is None:
        if address:
            app.guesses.wrong(address)
        raise Unauthorized
    if address:
        app.guesses.right(key)
    return account


def _file() -> IO[bytes]:
    return io.BufferedReader(cast(io.RawIOBase, request.stream), _BLOCK)


def report(token: str, name: str) -> Response:
    """Hand out the archive of a report."""
    reports = cast("Application", current_app).reports
    path = reports.find(token)
    if path is None:
        raise NotFound
    try:
        answer = send_file(path, "application/zip", as_attachment=True, download_name=name)
    except FileNotFoundError:  # thrown away just now
        raise NotFound from None
    reports.mark_fetched(path)
    return answer


def in_json(value: object, status: int = 200) -> Response:
    """Write a value as an answer."""
    return Response(encode(value), status, content_type=JSON)


def header(text: str) -> str:
    """Write a text as a header may hold it, and as much of it as every client reads."""
    shown = " ".join(text[:LONGEST_HEADER].split()).encode("ascii", "backslashreplace")
    return shown.decode("ascii")[:LONGEST_HEADER]
