"""The control interface: ``/_sandbox/``, JSON over HTTP, for programs in any language.

It offers what :class:`~crowdflower.sandbox.Sandbox` offers in Python, and is off by default. The
token goes in the header ``Authorization: Bearer TOKEN`` and nowhere else, so that a web page cannot
make a browser send it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from werkzeug.wrappers import Request, Response

from crowdflower.sandbox.clock import iso
from crowdflower.sandbox.control.arguments import (
    CONTRIBUTORS,
    CREDIT,
    DELAY,
    FAULT,
    RECORDINGS,
    REMOVAL,
    RUN,
    Arguments,
    check,
    check_contributors,
    check_strings,
    read_integer,
    read_number,
    read_vote,
)
from crowdflower.sandbox.control.delays import Delay
from crowdflower.sandbox.control.target import Target
from crowdflower.sandbox.errors import BadRequest, NotFound, Refusal
from crowdflower.sandbox.store import StoreFailure
from crowdflower.sandbox.store.column_types import encode
from crowdflower.sandbox.store.json_text import decode
from crowdflower.sandbox.store.tables import worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from sqlalchemy import Row

PREFIX: Final = "/_sandbox"

_MAX_BODY: Final = 1024 * 1024
_DONE: Final = {"success": True}
Action: TypeAlias = Callable[[Target, Arguments], Any]


class Control:
    """The WSGI application below ``/_sandbox/``.

    :param box: The sandbox to control.
    :param token: The bearer token that every request must send.
    """

    def __init__(self, box: Target, token: str) -> None:
        self._box = box
        self.token = token

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Respond to one request."""
        request = Request(environ)
        try:
            body: Any = self._run(request)
            status = 200
        except Refusal as refusal:
            body, status = refusal.body, refusal.status
        except StoreFailure as failure:
            body, status = {"error": {"message": str(failure)}}, failure.status
        content_type = "application/json; charset=utf-8"
        return Response(encode(body), status, content_type=content_type)(environ, start)

    def _run(self, request: Request) -> Any:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not compare_digest(token.encode(), self.token.encode()):
            message = "Send the token of the control interface: Authorization: Bearer TOKEN."
            raise Refusal(401, {"error": {"message": message}})
        name = request.path.removeprefix(PREFIX).strip("/")
        action = ROUTES.get((request.method, name))
        if action is None:
            raise NotFound
        try:
            return action(self._box, _read_body(request))
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise BadRequest(f"{error}") from None


def _read_body(request: Request) -> Arguments:
    raw = request.stream.read(_MAX_BODY + 1)
    if len(raw) > _MAX_BODY:
        raise Refusal(413, {"error": {"message": f"The body is longer than {_MAX_BODY} bytes."}})
    value = decode(raw.decode("utf-8-sig")) if raw.strip() else {}
    if not isinstance(value, dict):
        raise TypeError("The body must be a JSON object.")
    return value


def _reset(box: Target, _: Arguments) -> Any:
    box.reset()
    return _DONE


def _get_clock(box: Target, _: Arguments) -> Any:
    now = box.clock.now()
    return {"now": iso(now), "seconds": now, "virtual": box.clock.virtual}


def _move_clock(box: Target, arguments: Arguments) -> Any:
    if "advance" in arguments:
        box.clock.advance(read_number(arguments, "advance"))
    elif "set" in arguments:
        to = arguments["set"]
        box.clock.set(_timestamp(to) if isinstance(to, str) else read_number(arguments, "set"))
    else:
        raise ValueError("Send advance, in seconds, or set, in seconds or as ISO 8601.")
    return _get_clock(box, arguments)


def _timestamp(text: str) -> float:
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _get_seed(box: Target, _: Arguments) -> Any:
    return {"seed": box.clock.seed}


def _set_seed(box: Target, arguments: Arguments) -> Any:
    box.clock.seed = read_integer(arguments, "seed")
    return _get_seed(box, arguments)


def _list_faults(box: Target, _: Arguments) -> Any:
    return [{**asdict(fault), "times": left} for fault, left in box.faults.pending()]


def _add_fault(box: Target, arguments: Arguments) -> Any:
    box.faults.next(**check(arguments, FAULT))
    return _list_faults(box, arguments)


def _clear_faults(box: Target, _: Arguments) -> Any:
    box.faults.clear()
    return _DONE


def _get_transitions(box: Target, _: Arguments) -> Any:
    return {kind: asdict(box.transitions[kind]) for kind in box.transitions}


def _set_transitions(box: Target, arguments: Arguments) -> Any:
    if not arguments:
        raise ValueError(f"Send one or more of {', '.join(box.transitions)}.")
    delays = {
        kind: Delay(**check(value, DELAY)) if isinstance(value, dict) else Delay(polls=value)
        for kind, value in check(arguments, dict.fromkeys(box.transitions, (int, dict))).items()
    }
    for kind, delay in delays.items():
        box.transitions[kind] = delay
    return _get_transitions(box, arguments)


def _list_workers(box: Target, _: Arguments) -> Any:
    with box.database.snapshot() as tx:
        return [_worker(row) for row in tx.all(worker.select().order_by(worker.c.id))]


def _worker(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "channel": row.channel,
        "external_id": row.external_id,
        "display_name": row.display_name,
        "country": row.country,
        "simulated": row.simulated,
        "profile": (row.profile or {}).get("name"),
    }


def _add_workers(box: Target, arguments: Arguments) -> Any:
    if "votes" in arguments:
        settings = check(arguments, RECORDINGS, "field", "key")
        votes = [read_vote(vote) for vote in settings.pop("votes")]
        check_strings("countries", settings.get("countries", []))
        added = box.crowd.replay(votes, **settings)
    else:
        added = box.crowd.add(**check_contributors(check(arguments, CONTRIBUTORS, "number")))
    return [_worker(each.worker) for each in added]


def _remove_workers(box: Target, arguments: Arguments) -> Any:
    by_id = {each.worker.id: each for each in box.crowd.contributors}
    ids = check(arguments, REMOVAL).get("ids", list(by_id))
    unknown = [each for each in ids if each not in by_id]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not the id of a contributor in the crowd.")
    box.crowd.remove([by_id[each] for each in ids])
    return {"removed": len(set(ids))}


def _simulate(box: Target, arguments: Arguments) -> Any:
    settings = dict(check(arguments, RUN, "job"))
    try:
        return vars(box.crowd.run(settings.pop("job"), **settings))
    except LookupError as error:
        raise BadRequest(f"{error}") from None


def _credit(box: Target, arguments: Arguments) -> Any:
    return {"balance": box.credit(**check(arguments, CREDIT, "cents"))}


def _list_requests(box: Target, _: Arguments) -> Any:
    return [each.as_json() for each in box.requests]


def _forget_requests(box: Target, _: Arguments) -> Any:
    box.forget_requests()
    return _DONE


def _drop_webhooks(box: Target, _: Arguments) -> Any:
    return {"dropped": box.drop_webhooks()}


def _deliver_webhooks(box: Target, _: Arguments) -> Any:
    return [attempt._asdict() for attempt in box.deliver_webhooks()]


ROUTES: Final[Mapping[tuple[str, str], Action]] = {
    ("POST", "reset"): _reset,
    ("GET", "clock"): _get_clock,
    ("POST", "clock"): _move_clock,
    ("GET", "seed"): _get_seed,
    ("POST", "seed"): _set_seed,
    ("GET", "faults"): _list_faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "transitions"): _get_transitions,
    ("POST", "transitions"): _set_transitions,
    ("GET", "requests"): _list_requests,
    ("DELETE", "requests"): _forget_requests,
    ("GET", "events"): lambda box, _: box.events(),
    ("GET", "unimplemented"): lambda box, _: [each._asdict() for each in box.unimplemented],
    ("GET", "ledger"): lambda box, _: box.ledger(),
    ("POST", "credit"): _credit,
    ("GET", "webhooks"): lambda box, _: box.webhooks(),
    ("DELETE", "webhooks"): _drop_webhooks,
    ("POST", "webhooks/deliver"): _deliver_webhooks,
    ("GET", "workers"): _list_workers,
    ("POST", "workers"): _add_workers,
    ("DELETE", "workers"): _remove_workers,
    ("POST", "simulate"): _simulate,
}
"""Verb and name below ``/_sandbox/`` to the function that handles it."""
