"""The views of AMPCrowd's API: paths, authorization, parameters.

The original has no API keys. So this API is off by default, and once on, it answers only this
machine, or callers with a token.

Source: AMPLab, `User-Facing APIs <https://amplab.github.io/ampcrowd/user_api.html>`_ and `Crowd
Platform-facing APIs <https://amplab.github.io/ampcrowd/crowd_api.html>`_.
"""

from __future__ import annotations

import re
from contextlib import suppress
from hmac import compare_digest
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from flask import Request, Response, current_app, request

from crowdflower.sandbox.ampcrowd import batches, groups
from crowdflower.sandbox.ampcrowd.payload import CROWDS, parse_group
from crowdflower.sandbox.errors import BadRequest, Forbidden, NotFound, Refusal, Unsupported
from crowdflower.sandbox.pages import work_page
from crowdflower.sandbox.pages.no_page import Say, skipped
from crowdflower.sandbox.pages.origins import refuse_other_sites
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.store.column_types import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdflower.sandbox.ampcrowd.service import AMPCrowdService
    from crowdflower.sandbox.store import Transaction

EXTENSION: Final = "ampcrowd"
"""Key of the service among the extensions of the Flask application."""

MAX_WORKER_ID_LENGTH: Final = 200

_AUTHORIZATION = re.compile(r'Token\s+token="?([^"\s,]+)"?', re.IGNORECASE)
_ASSIGNMENT_FIELDS: Final = ("assignment_id", "task_id", "worker_id")
_HIDDEN_FIELDS: Final = frozenset({*_ASSIGNMENT_FIELDS, "point"})
"""Fields of a page for programs that answer in place of a browser."""

_NO_TASKS: Final = Say(
    "Nothing to do here right now", ("There are no tasks for you now.",), "clock"
)

_RESPONSE_FIELDS: Final = (*_ASSIGNMENT_FIELDS, "answers")


def create(crowd: str) -> Response:
    """Create a group of points."""
    service = _authorize(request)
    _require_crowd(crowd)
    group = parse_group(request.form.get("data"), crowd)

    def handle(tx: Transaction) -> Response:
        account = accounts.authenticate(tx, service.key)
        if account is None:
            raise NotFound
        response = _json(groups.create(tx, account, crowd, group))
        tx.refuse_warnings()
        _add_warnings(response, tx)
        return response

    return service.database.write(handle)


def purge(crowd: str) -> Response:
    """Cancel all groups of a crowd."""
    service = _authorize(request)
    _require_crowd(crowd)
    service.database.write(lambda tx: groups.purge(tx, crowd))
    return _json({"status": "ok"})


def assignment(crowd: str, worker: str | None = None, task: str | None = None) -> Response:
    """Show a contributor a batch as a page, and take the answers that they submit there."""
    form = request.form
    notices = {work_page.DONE, work_page.SKIPPED_PAGE}
    query = {name: value for name, value in request.args.items() if name not in notices}
    url = f"{quote(request.path)}?{urlencode(query)}"

    def show(tx: Transaction) -> Response:
        contributor = batches.find_or_create_worker(tx, worker_id)
        if work_page.SKIPPED_PAGE in request.args:
            return work_page.say_without_job(tx, contributor, skipped(url))
        batch = batches.assign(
            tx,
            crowd,
            contributor,
            task_type=query.get("task_type") or None,
            task_id=task or query.get("task_id") or None,
        )
        if batch is None:
            return work_page.say_without_job(tx, contributor, _NO_TASKS)
        points = (("point", name) for name in batch.points)
        values = (batch.id, batch.task_id, worker_id)
        hidden_fields = (*zip(_ASSIGNMENT_FIELDS, values, strict=True), *points)
        visit = work_page.Visit(tx, batch.job, url, hidden_fields)
        return work_page.page_response(visit, contributor)

    def submit(tx: Transaction) -> Response:
        job_id = groups.find_batch(tx, crowd, form.get("task_id", "")).job_id
        hidden_fields = [each for each in form.items(multi=True) if each[0] in _HIDDEN_FIELDS]
        visit = work_page.Visit(tx, jobs.load(tx, job_id), url, hidden_fields)
        return work_page.submit(visit, batches.find_or_create_worker(tx, worker_id), form)

    try:
        service = _authorize(request, allow_navigation=True)
        _require_crowd(crowd)
        worker_id = worker or query.get("worker_id", "")
        if not 0 < len(worker_id) <= MAX_WORKER_ID_LENGTH:
            raise BadRequest(f"worker_id has to be 1 to {MAX_WORKER_ID_LENGTH} characters.")
        return service.database.write(submit if request.method == "POST" else show)
    except Refusal as refusal:
        return work_page.refusal_response(refusal)


def respond(crowd: str) -> Response:
    """Take the answers to a batch from a program that has its assignment."""
    refuse_other_sites(request.headers, request.host)
    _require_crowd(crowd)
    form = request.form
    missing = [name for name in _RESPONSE_FIELDS if not form.get(name)]
    if missing:
        raise BadRequest(f"The response lacks {', '.join(missing)}.")
    values = [form[name] for name in _RESPONSE_FIELDS]
    text = _service().database.write(
        lambda tx: batches.respond(tx, crowd, *values), idempotent=True
    )
    return Response(text, content_type="text/plain; charset=utf-8")


def pool_status(crowd: str) -> Response:
    """Answer that a retainer pool is finished, since the sandbox has no pools."""
    _authorize(request, allow_navigation=True)
    _require_crowd(crowd)
    return _json({"start": False, "pool_status": "finished"})


def finish_pool(crowd: str) -> Response:
    """Answer that a retainer pool does not exist."""
    _authorize(request)
    _require_crowd(crowd)
    return _json({"error": "Invalid pool id"})


def refuse_pool(crowd: str, **_: str) -> Response:
    """Refuse a request about retainer pools.

    :raises Unsupported: Always.
    """
    _authorize(request)
    _require_crowd(crowd)
    raise Unsupported(
        "ampcrowd:retainer",
        "Retainer pools, in which people are paid to wait for work, are not available in the"
        " sandbox.",
        "ampcrowd",
    )


ANY: Final = ["GET", "POST", "PUT", "DELETE"]

ROUTES: Final[tuple[tuple[str, list[str], Callable[..., Response]], ...]] = (
    ("/crowds/<crowd>/tasks", ["POST"], create),
    ("/crowds/<crowd>/purge_tasks", ANY, purge),
    ("/crowds/<crowd>/assignments", ["GET", "POST"], assignment),
    ("/crowds/<crowd>/assignments/worker/<worker>/task/<task>", ["GET", "POST"], assignment),
    ("/crowds/<crowd>/responses", ["POST"], respond),
    ("/crowds/<crowd>/assignments/retainer", ["GET"], pool_status),
    ("/crowds/<crowd>/retainer/finish", ["POST"], finish_pool),
    ("/crowds/<crowd>/retainer/ping", ["POST"], refuse_pool),
    ("/crowds/<crowd>/workers/<worker>/understands_retainer", ["POST"], refuse_pool),
)
"""Path, verbs, view; a slash at the end of the path is optional."""


def _service() -> AMPCrowdService:
    service: AMPCrowdService = current_app.extensions[EXTENSION]
    return service


def _authorize(request: Request, *, allow_navigation: bool = False) -> AMPCrowdService:
    """Return the service if this request may use it.

    :param allow_navigation: Whether a browser may open the URL as a page.
    :raises Forbidden: The request comes from another site or another machine, has a wrong token,
        or opens the URL as a page.
    """
    service = _service()
    refuse_other_sites(request.headers, request.host)
    if not allow_navigation and request.headers.get("Sec-Fetch-Mode") in {"navigate", "no-cors"}:
        raise Forbidden("Call this from a program; it cannot be opened in a browser.")
    token = service.access.token
    if token is not None:
        header = _AUTHORIZATION.match(request.headers.get("Authorization", ""))
        sent = header[1] if header else request.args.get("token", "")
        if not compare_digest(sent.encode(), token.encode()):
            raise Forbidden("Send the token that the server printed, as ?token=…")
    elif not _is_loopback(request.remote_addr):
        raise Forbidden("Only programs on this machine may call this.")
    return service


def _is_loopback(address: str | None) -> bool:
    with suppress(ValueError):
        return ip_address(address or "").is_loopback
    return False


def _require_crowd(crowd: str) -> None:
    if crowd not in CROWDS:
        raise NotFound


def _add_warnings(response: Response, tx: Transaction) -> None:
    for warning in tx.warnings:
        text = " ".join(warning.split()).encode("ascii", "backslashreplace").decode("ascii")
        response.headers.add("X-Sandbox-Warning", text)


def _json(value: object) -> Response:
    return Response(encode(value), content_type="application/json; charset=utf-8")
