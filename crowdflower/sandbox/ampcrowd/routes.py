"""AMPCrowd's paths: who may use them, what they ask, who answers.

The original has no keys. So this door is shut unless it is asked for, and then open to this machine
alone, or to those who have a token.

Source: AMPLab, `User-Facing APIs <https://amplab.github.io/ampcrowd/user_api.html>`_ and `Crowd
Platform-facing APIs <https://amplab.github.io/ampcrowd/crowd_api.html>`_.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from hmac import compare_digest
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from flask import Request, Response, current_app, request

from crowdflower.sandbox.ampcrowd import batches, callbacks, groups
from crowdflower.sandbox.ampcrowd.payload import CROWDS, read
from crowdflower.sandbox.errors import BadRequest, Forbidden, NotFound, Refusal, Unsupported
from crowdflower.sandbox.pages import routes
from crowdflower.sandbox.pages.origins import refuse_strangers
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.store.column_types import encode
from crowdflower.sandbox.webhooks import outbound

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdflower.sandbox.ampcrowd.callbacks import Delivery
    from crowdflower.sandbox.store import Database, Transaction

EXTENSION: Final = "ampcrowd"
"""Under which an application keeps its door."""

_HEADER = re.compile(r'Token\s+token="?([^"\s,]+)"?', re.IGNORECASE)
_ASSIGNMENT: Final = ("assignment_id", "task_id", "worker_id")
_HIDDEN: Final = frozenset({*_ASSIGNMENT, "point"})
"""What a page has for programs that answer in its place, which name each point themselves."""

_RESPONSE: Final = (*_ASSIGNMENT, "answers")
_LONGEST_NAME: Final = 200


@dataclass(frozen=True)
class Access:
    """Who may pass the door, and where callbacks may go."""

    token: str | None = None
    """Whoever has it may pass; with ``None``, this machine may, and nobody else."""

    loopback: bool = True
    """Whether callbacks may go to this machine; not from a server that others can reach."""

    patience: float = outbound.TIMEOUT
    """Seconds after which a receiver of callbacks has had its chance."""

    def __repr__(self) -> str:
        return f"<Access with {'no' if self.token is None else 'a'} token>"


@dataclass(frozen=True)
class Door:
    """AMPCrowd's side of a sandbox.

    :param database: Of the sandbox.
    :param key: Of the account whose jobs the groups are.
    """

    database: Database
    key: str
    access: Access

    def __repr__(self) -> str:
        return "<Door>"

    def job(self, group_id: str, crowd: str = "internal") -> int:
        """Return the number of the job that a group is.

        :raises LookupError: There is no such group.
        """
        with self.database.snapshot() as tx:
            return groups.job_of(tx, crowd, group_id)

    def running(self) -> list[int]:
        """List the jobs of groups that are being worked on, the oldest first."""
        with self.database.snapshot() as tx:
            return groups.running(tx)

    def delivered(self, group_id: str, crowd: str = "internal") -> list[dict[str, Any]]:
        """Return what was posted of a group and has arrived, batch by batch.

        :raises LookupError: There is no such group.
        """
        with self.database.snapshot() as tx:
            job_id = groups.job_of(tx, crowd, group_id)
            return callbacks.delivered(tx, job_id)

    def deliver(self, ended: Callable[[], bool] = lambda: False) -> list[Delivery]:
        """Post the answers that are due; a receiver that is down gets them later.

        :param ended: Asked before every attempt whether to leave the rest for another round: each
            receiver that keeps silent takes its time.
        :returns: Every attempt of this round.
        """
        return callbacks.deliver(
            self.database,
            allow_loopback=self.access.loopback,
            timeout=self.access.patience,
            ended=ended,
        )


def create(crowd: str) -> Response:
    """Make a group of points."""
    door = _admitted(request)
    _require_crowd(crowd)
    asked = read(request.form.get("data"), crowd)

    def made(tx: Transaction) -> Response:
        account = accounts.authenticate(tx, door.key)
        if account is None:
            raise NotFound
        response = _json(groups.create(tx, account, crowd, asked))
        _add_warnings(response, tx)
        return response

    return door.database.write(made)


def purge(crowd: str) -> Response:
    """End all that a crowd works on."""
    door = _admitted(request)
    _require_crowd(crowd)
    door.database.write(lambda tx: groups.purge(tx, crowd))
    return _json({"status": "ok"})


def assignment(crowd: str, worker: str | None = None, task: str | None = None) -> Response:
    """Show a batch to a contributor, and take what they answer on that page."""
    form = request.form
    told = {routes.DONE, routes.GIVEN_UP}
    kept = {name: value for name, value in request.args.items() if name not in told}
    address = f"{quote(request.path)}?{urlencode(kept)}"

    def shown(tx: Transaction) -> Response:
        person = batches.known(tx, who)
        if routes.GIVEN_UP in request.args:
            return routes.without_page(tx, person, routes.GAVE_UP, address)
        found = batches.assign(
            tx,
            crowd,
            person,
            task_type=kept.get("task_type") or None,
            task_id=task or kept.get("task_id") or None,
        )
        if found is None:
            return routes.without_page(tx, person, "There are no tasks for you now.")
        points = (("point", name) for name in found.points)
        hidden = (*zip(_ASSIGNMENT, (found.id, found.task_id, who), strict=True), *points)
        return routes.page_of(routes.Visit(tx, found.job, address, hidden), person)

    def taken(tx: Transaction) -> Response:
        number = groups.task(tx, crowd, form.get("task_id", "")).job_id
        hidden = [field for field in form.items(multi=True) if field[0] in _HIDDEN]
        visit = routes.Visit(tx, jobs.load(tx, number), address, hidden)
        return routes.answered(visit, batches.known(tx, who), form)

    try:
        door = _admitted(request, by_people=True)
        _require_crowd(crowd)
        who = worker or kept.get("worker_id", "")
        if not 0 < len(who) <= _LONGEST_NAME:
            raise BadRequest(f"worker_id is a text of at most {_LONGEST_NAME} characters.")
        return door.database.write(taken if request.method == "POST" else shown)
    except Refusal as refusal:
        return routes.refused(refusal)


def respond(crowd: str) -> Response:
    """Take the answers to a batch from whoever has its assignment."""
    refuse_strangers(request.headers, request.host)
    _require_crowd(crowd)
    form = request.form
    missing = [name for name in _RESPONSE if not form.get(name)]
    if missing:
        raise BadRequest(f"The response lacks {', '.join(missing)}.")
    door = _door()
    given = [form[name] for name in _RESPONSE]
    said = door.database.write(lambda tx: batches.respond(tx, crowd, *given), idempotent=True)
    return Response(said, content_type="text/plain; charset=utf-8")


def pool_status(crowd: str) -> Response:
    """Tell somebody who waits in a pool that it is over: there are none."""
    _admitted(request, by_people=True)
    _require_crowd(crowd)
    return _json({"start": False, "pool_status": "finished"})


def finish_pool(crowd: str) -> Response:
    """Let go of a pool, of which there are none."""
    _admitted(request)
    _require_crowd(crowd)
    return _json({"error": "Invalid pool id"})


def no_pools(crowd: str, **_: str) -> Response:
    """Say that there are no pools."""
    _admitted(request)
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
    ("/crowds/<crowd>/retainer/ping", ["POST"], no_pools),
    ("/crowds/<crowd>/workers/<worker>/understands_retainer", ["POST"], no_pools),
)
"""Path, verbs, who answers; a slash at the end may be there or not."""


def _door() -> Door:
    door: Door = current_app.extensions[EXTENSION]
    return door


def _admitted(request: Request, *, by_people: bool = False) -> Door:
    """Return the door if this request may pass it.

    :param by_people: It may be a browser that somebody points here.
    :raises Forbidden: It may not.
    """
    door = _door()
    refuse_strangers(request.headers, request.host)
    if not by_people and request.headers.get("Sec-Fetch-Mode") in {"navigate", "no-cors"}:
        raise Forbidden("This is called by programs, not opened in a browser.")
    token = door.access.token
    if token is not None:
        header = _HEADER.match(request.headers.get("Authorization", ""))
        given = header[1] if header else request.args.get("token", "")
        if not compare_digest(given.encode(), token.encode()):
            raise Forbidden("Send the token that the server printed, as ?token=…")
    elif not _is_here(request.remote_addr):
        raise Forbidden("Only programs on this machine may call this.")
    return door


def _is_here(address: str | None) -> bool:
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
