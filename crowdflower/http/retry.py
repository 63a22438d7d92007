"""May this be sent again, and after how long: pure decisions, no clock and no network.

The verb says nothing about safety in this API: ``GET`` pauses, copies and splits, ``PUT`` appends
rows. So the decision is made per endpoint, and an endpoint that nobody has thought about is never
sent twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from random import Random
from threading import Lock
from typing import Final


class Safety(Enum):
    """What a second request does to what the first one did."""

    READ = "nothing changes"
    SAME = "the same state once more"
    CHANGE = "a change may be made twice; looking shows whether it was made"
    NEVER = "money, or a message to a person: never again by itself"


@dataclass(frozen=True)
class Rule:
    """How one endpoint may be repeated.

    :param waits: Whether a 429, which says that nothing was done, is waited out.
    :param silence: Least number of seconds that an answer is waited for.
    :param deadline: Seconds in which all of it must be over, attempts and waits included.
    """

    safety: Safety
    waits: bool = True
    silence: float = 0.0
    deadline: float = 180.0

    @property
    def attempts(self) -> int:
        """How many requests may be made where it is not known what became of one."""
        return {Safety.READ: ATTEMPTS, Safety.SAME: 2}.get(self.safety, 1)


ATTEMPTS: Final = 4
"""How often a request is tried that changes nothing, or of which nothing left this machine."""

ATTEMPTS_AT_A_NAME: Final = 3
"""How often a name is looked up: one that nobody knows is more often wrong than lost for now."""

ATTEMPTS_AT_GARBAGE: Final = 2
"""How often an answer is waited for where what came does not even begin as HTTP does."""

_READ: Final = Rule(Safety.READ, deadline=90)
_SAME: Final = Rule(Safety.SAME)
_CHANGE: Final = Rule(Safety.CHANGE)
_CHANGE_NOW: Final = Rule(Safety.CHANGE, waits=False)
_COPY: Final = Rule(Safety.CHANGE, waits=False, silence=120)
_UPLOAD: Final = Rule(Safety.CHANGE, silence=120, deadline=600)
_UPLOAD_NOW: Final = Rule(Safety.CHANGE, waits=False, silence=120, deadline=600)
_NEVER: Final = Rule(Safety.NEVER, waits=False, silence=120)

RULES: Final[tuple[tuple[str, str, Rule], ...]] = (
    # Reading
    ("GET", "account", _READ),
    ("GET", "jobs", _READ),
    ("GET", "jobs/{}", _READ),
    ("GET", "jobs/{}/(ping|legend|channels|tags|test_questions|units|judgments)", _READ),
    ("GET", "jobs/{}/units/ping", _READ),
    ("GET", "jobs/{}/units/{#}", _READ),
    ("GET", "jobs/{}/units/{#}/judgments", _READ),
    ("GET", "jobs/{}/judgments/{#}", _READ),
    ("GET", "jobs/{}/orders/{#}", _READ),
    # The same state once more
    ("PUT", "jobs/{}", _SAME),
    ("PUT", "jobs/{}/(channels|tags)", _SAME),
    ("PUT", "jobs/{}/units/{#}", _SAME),
    ("PUT", "jobs/{}/workers/{#}", _SAME),
    ("GET|PUT", "jobs/{}/(pause|cancel)", _SAME),
    ("DELETE", "jobs/{}", _SAME),
    ("DELETE", "jobs/{}/tags", _SAME),
    ("DELETE", "jobs/{}/units/{#}", _SAME),
    ("POST", "jobs/{}/(regenerate|disable_channel|channels)", _SAME),
    ("POST|PUT", "jobs/{}/units/{#}/cancel", _SAME),
    ("GET", "crowds/{}/purge_tasks/", _SAME),
    ("POST", "crowds/{}/retainer/finish", _SAME),
    # A twin job, a row twice, a tag twice; a resume after somebody else's pause
    ("POST", "jobs", _CHANGE),
    ("POST", "jobs/{}/(tags|units)", _CHANGE),
    ("PUT|POST", "jobs/{}/upload", _UPLOAD),
    ("PUT|POST", "jobs/upload", _UPLOAD_NOW),
    ("GET|PUT", "jobs/{}/resume", _CHANGE_NOW),
    ("GET|POST", "jobs/{}/copy", _COPY),
    ("PUT", "jobs/{}/gold", _CHANGE_NOW),
    ("POST", "crowds/{}/tasks/", _CHANGE),
    ("PUT", "jobs/{}/workers/{#}/reject", _CHANGE_NOW),
    # Money, messages to people, and GETs that change data: all that is not above
)
"""Verbs, path, rule; ``{}`` stands for an id or an alias, ``{#}`` for a number: ``units/split`` is
no unit. What matches none is never repeated."""


@cache
def _compiled() -> list[tuple[frozenset[str], re.Pattern[str], Rule]]:
    return [
        (
            frozenset(verbs.split("|")),
            re.compile(path.replace("{#}", "[0-9]+").replace("{}", r"(?!upload\b)[^/]+")),
            rule,
        )
        for verbs, path, rule in RULES
    ]


def rule_for(method: str, path: str) -> Rule:
    """Return how a request may be repeated.

    :param path: What follows the address of the API; ``.json`` and ``.csv`` do not matter.

    >>> rule_for("GET", "jobs/7/units.json").safety.name
    'READ'
    >>> rule_for("GET", "jobs/7/copy.json").safety.name
    'CHANGE'
    >>> rule_for("POST", "jobs/7/orders.json").safety.name
    'NEVER'
    """
    plain = re.sub(r"\.(json|csv)$", "", path)
    for verbs, pattern, rule in _compiled():
        if method in verbs and pattern.fullmatch(plain):
            return rule
    return _NEVER


class Outcome(Enum):
    """What became of one attempt."""

    NOT_SENT = "no byte of it left this machine"
    REFUSED = "the server understood it and said no"
    UNKNOWN = "it left, and no answer came that can be understood"


@dataclass(frozen=True)
class Failure:
    """An attempt that did not succeed.

    :param passing: Whether it may go better next time: a broken connection may, a certificate that
        is not valid will not.
    :param throttled: The server said that it has too much to do.
    :param retry_after: Seconds that it asked to wait.
    :param attempts: How many there may be at most that end like this; each endpoint has its own
        limit beside it.
    """

    outcome: Outcome
    passing: bool = True
    throttled: bool = False
    retry_after: float | None = None
    attempts: int = ATTEMPTS


LONGEST_DELAY: Final = 20.0
LONGEST_RETRY_AFTER: Final = 60.0
"""Seconds of ``Retry-After`` that are obeyed; who is told to wait longer is told so by an error."""


REPEAT_WITHIN: Final = 30.0
"""Seconds in which a setting may be sent once more, after which it may be another's that it
overwrites."""


def pause(
    rule: Rule,
    failure: Failure,
    attempt: int,
    chance: Random,
    *,
    since: float = 0.0,
    keyed: bool = False,
) -> float | None:
    """Return how many seconds to wait before another attempt; ``None`` where there is to be none.

    The wait is drawn from the whole of a span that doubles, rather than from around its end: many
    clients that failed together do not come back together.

    :param attempt: How many there were, from 1.
    :param since: Seconds since the first attempt of which it is not known what it did.
    :param keyed: The server has said that it does once what it is sent under one key, however
        often it is sent; and it was sent under one.

    >>> lost = Failure(Outcome.UNKNOWN)
    >>> 0 <= pause(rule_for("GET", "jobs/7"), lost, 1, Random(0)) <= 1
    True
    >>> pause(rule_for("POST", "jobs/7/orders"), lost, 1, Random(0)) is None
    True

    Source: M. Brooker, *Exponential Backoff and Jitter*, AWS Architecture Blog, 2015.
    """
    allowed = {
        Outcome.NOT_SENT: ATTEMPTS,
        Outcome.REFUSED: ATTEMPTS if failure.throttled and rule.waits else 0,
        Outcome.UNKNOWN: ATTEMPTS if keyed else rule.attempts,
    }
    if not failure.passing or attempt >= min(allowed[failure.outcome], failure.attempts):
        return None
    wait = failure.retry_after
    if wait is None:
        base = 1.0 if failure.throttled else 0.5
        wait = chance.uniform(0, min(LONGEST_DELAY, base * 2**attempt))
    elif wait > LONGEST_RETRY_AFTER:
        return None
    stale = rule.safety is Safety.SAME and since + wait > REPEAT_WITHIN
    return None if stale and since else wait


class Quota:
    """A budget for retries that a client shares among its threads.

    When most requests fail, retrying each four times makes a bad day worse. A failed attempt costs,
    a clean success gives back; at zero, failures are passed on at once.

    >>> quota = Quota(20)
    >>> quota.take(Quota.FAILURE), quota.take(Quota.FAILURE)
    (True, False)
    """

    CAPACITY: Final = 500
    FAILURE: Final = 14
    THROTTLED: Final = 5
    SUCCESS: Final = 1

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = self._left = capacity
        self._lock = Lock()

    def take(self, cost: int) -> bool:
        """Pay for a retry; ``False`` where that is no longer possible."""
        with self._lock:
            if self._left < cost:
                return False
            self._left -= cost
            return True

    def give_back(self) -> None:
        """Note a request that went well at the first attempt."""
        with self._lock:
            self._left = min(self._capacity, self._left + self.SUCCESS)
