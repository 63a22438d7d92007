"""The sandbox in the hands of programs in other languages: ``/_sandbox/``, by a token.

What :class:`~crowdflower.sandbox.Sandbox` does for Python, JSON in and JSON out; off unless it is
asked for. The token goes in the header ``Authorization: Bearer TOKEN`` and nowhere else, so that no
page in a browser can send it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timezone
from hmac import compare_digest
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from werkzeug.wrappers import Request, Response

from crowdflower.sandbox.clock import iso
from crowdflower.sandbox.control import arguments as sent
from crowdflower.sandbox.control.arguments import Asked
from crowdflower.sandbox.control.delays import Lag
from crowdflower.sandbox.errors import BadRequest, NotFound, Refusal
from crowdflower.sandbox.store import StoreFailure
from crowdflower.sandbox.store.column_types import encode
from crowdflower.sandbox.store.json_text import decode
from crowdflower.sandbox.store.tables import worker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from sqlalchemy import Row

    from crowdflower.sandbox import Sandbox

PREFIX: Final = "/_sandbox"

_MOST: Final = 1024 * 1024
_DONE: Final = {"success": True}
Do: TypeAlias = Callable[["Sandbox", Asked], Any]


class Control:
    """The WSGI application below ``/_sandbox/``.

    :param box: What it controls.
    :param token: Who has it may do all of this.
    """

    def __init__(self, box: Sandbox, token: str) -> None:
        self._box = box
        self.token = token

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        try:
            found: Any = self._answer(request)
            status = 200
        except Refusal as refusal:
            found, status = refusal.body, refusal.status
        except StoreFailure as failure:
            found, status = {"error": {"message": str(failure)}}, failure.status
        kind = "application/json; charset=utf-8"
        return Response(encode(found), status, content_type=kind)(environ, start)

    def _answer(self, request: Request) -> Any:
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not compare_digest(sent.encode(), self.token.encode()):
            raise Refusal(401, {"error": {"message": "Send the token of this sandbox's control."}})
        name = request.path.removeprefix(PREFIX).strip("/")
        do = ROUTES.get((request.method, name))
        if do is None:
            raise NotFound
        try:
            return do(self._box, _asked(request))
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise BadRequest(f"{error}") from None


def _asked(request: Request) -> Asked:
    raw = request.stream.read(_MOST + 1)
    if len(raw) > _MOST:
        raise Refusal(413, {"error": {"message": f"The body is longer than {_MOST} bytes."}})
    value = decode(raw.decode("utf-8-sig")) if raw.strip() else {}
    if not isinstance(value, dict):
        raise TypeError("The body has to be a JSON object.")
    return value


def _reset(box: Sandbox, _: Asked) -> Any:
    box.reset()
    return _DONE


def _clock(box: Sandbox, _: Asked) -> Any:
    now = box.clock.now()
    return {"now": iso(now), "seconds": now, "virtual": box.clock.virtual}


def _move(box: Sandbox, asked: Asked) -> Any:
    if "advance" in asked:
        box.clock.advance(sent.number(asked, "advance"))
    elif "set" in asked:
        to = asked["set"]
        box.clock.set(_seconds(to) if isinstance(to, str) else sent.number(asked, "set"))
    else:
        raise ValueError("Send advance, in seconds, or set, in seconds or as ISO 8601.")
    return _clock(box, asked)


def _seconds(text: str) -> float:
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


def _seed(box: Sandbox, _: Asked) -> Any:
    return {"seed": box.clock.seed}


def _sow(box: Sandbox, asked: Asked) -> Any:
    box.clock.seed = sent.whole(asked, "seed")
    return _seed(box, asked)


def _faults(box: Sandbox, _: Asked) -> Any:
    return [{**asdict(fault), "times": left} for fault, left in box.faults.waiting()]


def _add_fault(box: Sandbox, asked: Asked) -> Any:
    box.faults.next(**sent.checked(asked, sent.FAULT))
    return _faults(box, asked)


def _clear_faults(box: Sandbox, _: Asked) -> Any:
    box.faults.clear()
    return _DONE


def _transitions(box: Sandbox, _: Asked) -> Any:
    return {kind: asdict(box.transitions[kind]) for kind in box.transitions}


def _set_transitions(box: Sandbox, asked: Asked) -> Any:
    if not asked:
        raise ValueError(f"Send one or more of {', '.join(box.transitions)}.")
    lags = {
        kind: Lag(**sent.checked(value, sent.LAG)) if isinstance(value, dict) else Lag(polls=value)
        for kind, value in sent.checked(asked, dict.fromkeys(box.transitions, (int, dict))).items()
    }
    for kind, lag in lags.items():
        box.transitions[kind] = lag
    return _transitions(box, asked)


def _workers(box: Sandbox, _: Asked) -> Any:
    with box.database.snapshot() as tx:
        return [_worker(row) for row in tx.all(worker.select().order_by(worker.c.id))]


def _worker(row: Row[Any]) -> Asked:
    return {
        "id": row.id,
        "channel": row.channel,
        "external_id": row.external_id,
        "display_name": row.display_name,
        "country": row.country,
        "simulated": row.simulated,
        "profile": (row.profile or {}).get("name"),
    }


def _join(box: Sandbox, asked: Asked) -> Any:
    if "votes" in asked:
        settings = sent.checked(asked, sent.RECORDINGS, "field", "key")
        votes = [sent.vote(vote) for vote in settings.pop("votes")]
        sent.require_texts("countries", settings.get("countries", []))
        joined = box.crowd.replay(votes, **settings)
    else:
        joined = box.crowd.add(**sent.described(sent.checked(asked, sent.CONTRIBUTORS, "number")))
    return [_worker(each.worker) for each in joined]


def _simulate(box: Sandbox, asked: Asked) -> Any:
    plan = dict(sent.checked(asked, sent.RUN, "job"))
    try:
        return vars(box.crowd.run(plan.pop("job"), **plan))
    except LookupError as error:
        raise BadRequest(f"{error}") from None


def _credit(box: Sandbox, asked: Asked) -> Any:
    given = sent.checked(asked, sent.CREDIT, "cents")
    return {"balance": box.credit(**given)}


def _requests(box: Sandbox, _: Asked) -> Any:
    return [each.shown() for each in box.requests]


def _forget_requests(box: Sandbox, _: Asked) -> Any:
    box.forget_requests()
    return _DONE


def _drop(box: Sandbox, _: Asked) -> Any:
    return {"dropped": box.drop_webhooks()}


def _deliver(box: Sandbox, _: Asked) -> Any:
    return [attempt._asdict() for attempt in box.deliver_webhooks()]


ROUTES: Final[Mapping[tuple[str, str], Do]] = {
    ("POST", "reset"): _reset,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _move,
    ("GET", "seed"): _seed,
    ("POST", "seed"): _sow,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "transitions"): _transitions,
    ("POST", "transitions"): _set_transitions,
    ("GET", "requests"): _requests,
    ("DELETE", "requests"): _forget_requests,
    ("GET", "events"): lambda box, _: box.events(),
    ("GET", "unimplemented"): lambda box, _: [each._asdict() for each in box.unimplemented],
    ("GET", "ledger"): lambda box, _: box.ledger(),
    ("POST", "credit"): _credit,
    ("GET", "webhooks"): lambda box, _: box.webhooks(),
    ("DELETE", "webhooks"): _drop,
    ("POST", "webhooks/deliver"): _deliver,
    ("GET", "workers"): _workers,
    ("POST", "workers"): _join,
    ("POST", "simulate"): _simulate,
}
"""Verb and name below ``/_sandbox/`` to what it does."""
