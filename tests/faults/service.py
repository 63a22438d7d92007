"""A stateful service whose requests fail at random; changes show in later reads."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from random import Random
from threading import Lock
from typing import Any, Final
from urllib.parse import parse_qs

from catalogue import CASES, Case
from server import Fault, Request, respond

CHANGE_FAULTS: Final = [
    case
    for case in CASES
    if not case.at_deadline
    and not case.tls
    and case.means != "not sent"
    and case.row not in {"H22", "C5", "C6", "H12"}
]
"""All faults without a timeout, on an established connection."""

READ_FAULTS: Final = [case for case in CHANGE_FAULTS if case.means != "fine"]
"""Those whose response is not false."""

FAILURE_RATE: Final = 0.4

CHANGING: Final = {"pause", "resume", "cancel", "copy", "split", "fire_webhooks", "explode"}
"""Last segments of paths that change something by GET."""


class Service:
    """Responds like the service, with random faults.

    A change without a response may have been made or not; a refused one was not.

    :param announces: Whether it announces and honours idempotency keys.
    :param failure_rate: The share of requests that meet a fault.
    """

    def __init__(
        self, seed: int, *, announces: bool = False, failure_rate: float = FAILURE_RATE
    ) -> None:
        self._failure_rate = failure_rate
        self._random = Random(seed)  # noqa: S311 - the same faults for the same seed
        self._headers = ("X-CrowdFlower-Idempotency: 1",) if announces else ()
        self._lock = Lock()
        self._keys: set[str] = set()
        self._ordered: Counter[str] = Counter()
        self._balance = 10_000_000
        self._shown: dict[str, dict[str, Any]] = defaultdict(dict)
        self._tags: dict[str, list[str]] = defaultdict(list)

    def __call__(self, request: Request) -> Fault:
        with self._lock:
            if not changes(request):
                return self._draw_fault(READ_FAULTS) or self._success(self._read(request))
            key = request.headers.get("idempotency-key") if self._headers else None
            faults = self._faults_for(request)
            fault = self._draw_fault(faults) or self._success({"id": 7}, applies=True)
            if not fault.applies or key in self._keys:
                return Fault(fault.act, before=fault.before)
            if key is not None:
                self._keys.add(key)
            self._change(request)
            return fault

    def _success(self, body: Any, *, applies: bool = False) -> Fault:
        return Fault(respond(json.dumps(body).encode(), headers=self._headers), applies=applies)

    def _faults_for(self, request: Request) -> list[Case]:
        """Return the faults that are possible for a change, without false statements."""
        if request.method != "DELETE":
            return CHANGE_FAULTS
        return [case for case in CHANGE_FAULTS if case.name not in {"404", "410"}]

    def _draw_fault(self, cases: list[Case]) -> Fault | None:
        if self._random.random() > self._failure_rate:
            return None
        case = self._random.choice(cases)
        made = self._random.random() < 0.5 or case.only_json
        applies = {"fine": True, "lost": made}.get(case.means, False)
        return Fault(case.fault.act, applies=applies, before=case.fault.before)

    def _read(self, request: Request) -> Any:
        path = request.line.partition(" ")[2].removesuffix(".json")
        if path == "/account":
            return {"id": 1, "balance": self._balance}
        if path.endswith("/tags"):
            return [{"name": tag} for tag in self._tags[path]]
        if path.endswith("/ping"):
            return {"ordered_units": self._ordered[path.removesuffix("/ping")]}
        first = {"state": "finalized"} if "/units/" in path else self._job(path)
        return {"id": 7, **first, **self._shown[path]}

    def _job(self, path: str) -> dict[str, Any]:
        state = "running" if self._ordered[path] else "unordered"
        return {"state": state, "payment_cents": 1, "judgments_per_unit": 1}

    def _change(self, request: Request) -> None:
        """Store the change of a request, as far as it can be read."""
        path = request.line.partition(" ")[2].removesuffix(".json")
        thing, _, verb = path.rpartition("/")
        form = parse_qs(request.body.decode("latin-1"))
        if verb == "orders":
            self._ordered[thing] += int(form.get("debit[units_count]", ["0"])[0])
        elif verb == "bonus":
            self._balance -= int(form.get("amount", ["0"])[0])
        elif verb == "request_more_judgments":
            self._shown[thing]["state"] = "judgable"
        elif verb in {"pause", "resume", "cancel"}:
            states = {"pause": "paused", "resume": "running", "cancel": "canceled"}
            self._shown[thing]["state"] = states[verb]
        elif verb == "tags":
            self._tags[path] += form.get("tags[]", [])
        elif verb == "channels":
            self._shown[path]["enabled_channels"] = form.get("channels[]", [])
        elif request.method == "PUT" and "job[title]" in form:
            self._shown[path]["title"] = form["job[title]"][0]
        elif request.method == "PUT" and "/units/" in path:
            self._shown[path].update(json.loads(request.body)["unit"])


def changes(request: Request) -> bool:
    """Return whether a request changes something; the verb does not tell."""
    last = request.line.rpartition("/")[2].removesuffix(".json")
    return request.method != "GET" or last in CHANGING
