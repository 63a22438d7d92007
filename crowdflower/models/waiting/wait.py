"""Waits for a job: polls its counters, explains a standstill, and stops it at a limit of the cost.

A wait keeps no state that matters: whatever ends it, a new one starts from what the service shows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, NoReturn, Protocol

from crowdflower._types import describe_type
from crowdflower.exceptions import (
    ApiError,
    InvalidInput,
    JobStalled,
    NothingToWaitFor,
    RateLimited,
    RefusedError,
    ResponseError,
    SandboxNotImplemented,
    ServerError,
    StallWarning,
    TransportError,
    WaitTimeout,
    warn,
)
from crowdflower.models import shapes
from crowdflower.models.arguments import check_seconds
from crowdflower.models.job_fields import JobFields
from crowdflower.models.waiting.counts import Counts, Goal, read_counts
from crowdflower.progress import ProgressOption, Reporter, report

MIN_DELAY: Final = 1.0
"""Seconds between two polls at least."""

MAX_DELAY: Final = 60.0
"""Seconds between two polls at most."""

DELAY_GROWTH: Final = 1.5
"""By how much the delay grows with each poll that shows nothing new."""

POLLS_TO_GO: Final = 20
"""Polls in the time that is left, while the job moves."""

STALL_NOTICE: Final = 600.0
"""Seconds without a judgment after which a warning names the reason."""

SETTLING: Final = 300.0
"""Seconds after which the service is believed even if its counters and its states disagree."""

VIRTUAL_PATIENCE: Final = 6 * 3600.0
"""Seconds without a judgment after which a wait without limits ends, on a clock that does not wait:
nothing else happens while it runs."""

EVENT_GRACE: Final = 0.05
"""Seconds, on such a clock, that other threads get to deliver a notification."""

READ_DEADLINE: Final = 90.0
"""Seconds that a read may take, with its retries, ..."""

READ_GRACE: Final = 10.0
"""... and at the end of the time."""

OVER: Final = frozenset({"canceled", "archiving", "archived", "data_deleted"})
"""States that a job does not leave."""

PASSING_ERRORS: Final = (TransportError, ServerError, RateLimited, ResponseError)
"""Errors after which the next poll may succeed."""

log = logging.getLogger(__name__)


class EventSource(Protocol):
    """Notifications that end the pause between two polls early."""

    def listen(self) -> AbstractContextManager[Callable[[float], bool]]:
        """Yield a function that waits so many seconds, and returns whether a notification came."""


@dataclass(frozen=True)
class Limits:
    """What ends a wait, and how often it polls, in seconds; ``None`` for no limit."""

    timeout: float | None = None
    stall_after: float | None = None
    poll: float | None = None

    @classmethod
    def parse(cls, *, timeout: object, stall_after: object, poll: object) -> Limits:
        """Return the limits that a caller names, each a number of seconds or a ``timedelta``.

        :raises InvalidInput: One is neither, or out of range.

        >>> Limits.parse(timeout=timedelta(hours=6), stall_after=None, poll=30)
        Limits(timeout=21600.0, stall_after=None, poll=30.0)
        """
        return cls(
            None if timeout is None else check_seconds("timeout", timeout, zero=True),
            None if stall_after is None else check_seconds("stall_after", stall_after),
            None if poll is None else check_seconds("poll", poll),
        )


class Wait:
    """One wait for a job.

    :param explain: Returns why the job does not move, from its JSON and its counters.
    :param guard: Called with all counts; stops the job, and raises, where they are out of bounds.
    :param fee_percent: The fee of the service on what contributors are paid.
    :param ordered: Units that were ordered a short time ago, and before, as the service shows an
        order only some time later; ``None`` without such an order.
    :param webhooks: Wakes it when a notification arrives.
    """

    def __init__(
        self,
        job: JobFields,
        goal: Goal,
        limits: Limits,
        *,
        explain: Callable[[Mapping[str, Any], Mapping[str, Any]], str],
        guard: Callable[[Counts], None] | None = None,
        fee_percent: float,
        ordered: int | None = None,
        webhooks: EventSource | None = None,
    ) -> None:
        self._job, self._goal, self._limits = job, goal, limits
        self._explain_stall, self._guard = explain, guard
        self._fee_percent, self._ordered = fee_percent, ordered
        self._client, self._clock = job.client, job.client.clock
        if webhooks is not None and not hasattr(webhooks, "listen"):
            raise InvalidInput(
                "webhooks must be the object that client.webhook_server() returns, not"
                f" {describe_type(webhooks)}"
            )
        self._webhooks = webhooks
        self._name = f"job {job.id}"
        self._began = self._moved_at = self._clock.monotonic()
        self._complete_since: float | None = None
        self._deadline = None if limits.timeout is None else self._began + limits.timeout
        self._first: Counts | None = None
        self._counts: Counts | None = None
        self._last: Counts | None = None
        """The latest counts, without those that change while nothing moves."""
        self._ping: Mapping[str, Any] = {}
        self._error: ApiError | None = None
        """Why the last read failed; ``None`` if it succeeded."""
        self._reason = ""
        """Why nothing moves, if that was found out since it last moved."""
        self._delay = MIN_DELAY

    def run(self, progress: ProgressOption = None) -> Counts:
        """Poll until the goal is reached.

        :raises WaitError: It is not reached.
        """
        timeout = self._limits.timeout
        most = "" if timeout is None else f", for at most {_duration(timeout)}"
        log.info("%s: waiting until %s%s", self._name, self._goal, most)
        listening = nullcontext(None) if self._webhooks is None else self._webhooks.listen()
        label = f"Waiting for {self._name}"
        with (
            report(progress, "units", label=label, clock=self._clock.monotonic) as reporter,
            listening as wait_for_event,
        ):
            while not self._poll(reporter):
                self._check_time()
                self._sleep(wait_for_event)
        assert self._counts is not None  # noqa: S101 - it was read, or the loop had not ended
        log.info("%s: %s", self._name, self._counts)
        return self._counts

    # One poll

    def _poll(self, reporter: Reporter) -> bool:
        """Read the job once, and return whether the goal is reached."""
        counts = self._read()
        if counts is None:
            return False
        self._note_movement(counts)
        if counts.ordered is not None or counts.finalized:
            total = self._goal.target(counts.ordered)
            reporter.update(counts.finalized or 0, total)
        if self._guard is not None:
            self._guard(counts)
        if self._is_reached(counts):
            return True
        self._require_hope(counts)
        return False

    def _read(self) -> Counts | None:
        """Read job and counters; ``None`` if they cannot be read now."""
        now = self._clock.monotonic()
        deadline = now + READ_DEADLINE
        if self._deadline is not None:
            deadline = min(deadline, max(self._deadline, now + READ_GRACE))
        read = partial(self._client.request, "GET", deadline=deadline)
        try:
            self._ping = read(
                self._job._path("ping"),  # noqa: SLF001 - one family
                shape=partial(shapes.json_object, kind="counter"),
            ).body
            state = read(self._job._path(), shape=partial(shapes.json_object, kind="job")).body  # noqa: SLF001
        except SandboxNotImplemented:
            raise
        except PASSING_ERRORS as error:
            self._error = error
            self._delay = min(MAX_DELAY, self._delay * DELAY_GROWTH)
            log.info("%s: cannot be read, and is read again: %s", self._name, error)
            return None
        if self._error is not None:
            self._error, self._reason = None, ""
        self._job._learn(state)  # noqa: SLF001 - one family
        self._job.__dict__["_counts"] = dict(self._ping)  # which its repr shows
        self._counts = read_counts(
            state,
            self._ping,
            fee_percent=self._fee_percent,
            seconds=self._clock.monotonic() - self._began,
        )
        self._first = self._first or self._counts
        return self._counts

    def _note_movement(self, counts: Counts) -> None:
        now, before = self._clock.monotonic(), self._last
        self._last = replace(counts, seconds=0.0, cost_cents=None)
        self._complete_since = (self._complete_since or now) if counts.is_complete else None
        if self._last == before:
            self._delay = min(MAX_DELAY, self._delay * DELAY_GROWTH)
            return
        if before is not None:
            self._moved_at, self._reason = now, ""
        left = self._seconds_left(counts)
        delay = self._delay / DELAY_GROWTH if left is None else left / POLLS_TO_GO
        self._delay = min(MAX_DELAY, max(MIN_DELAY, delay))

    def _seconds_left(self, counts: Counts) -> float | None:
        """Estimate the time left by the judgments that are needed, and those that arrived."""
        needed = counts.needed_judgments
        first = self._first.needed_judgments if self._first else None
        if not needed or first is None or first <= needed:
            return None
        return needed * (self._clock.monotonic() - self._began) / (first - needed)

    def _is_reached(self, counts: Counts) -> bool:
        settled = self._clock.monotonic() - self._began >= SETTLING
        if self._goal.whole and settled and counts.state == "finished":
            return True
        ordered = None if settled else self._ordered
        return self._goal.is_met(counts, ordered)

    def _require_hope(self, counts: Counts) -> None:
        """Raise if the goal cannot be reached unless a person does something.

        :raises NothingToWaitFor: Nothing is ordered, or all that was ordered is done, or the job is
            canceled.
        """
        orders_later = bool(self._job.auto_order)
        settled = self._clock.monotonic() - self._began >= SETTLING
        if counts.state in OVER:
            self._give_up(f"the job is {counts.state}, and gets no more judgments")
        if counts.state == "unordered" and not orders_later:
            if self._ordered is None:
                self._give_up("the job was never launched: call job.launch()")
            if settled:
                self._give_up(
                    "the job is still unordered, although it was launched: client.operations"
                    ".pending() lists payments whose outcome is unknown"
                )
        since = self._complete_since
        is_final = since is not None and (
            counts.state == "finished" or self._clock.monotonic() - since >= SETTLING
        )
        shows_order = settled or (counts.ordered or 0) >= (self._ordered or 0)
        if is_final and shows_order and not orders_later:
            self._give_up("every unit that was ordered is finalized; call job.launch() for more")

    def _give_up(self, reason: str) -> NoReturn:
        raise NothingToWaitFor(
            f"{self._goal.describe_unmet(self._name)}, and there is nothing to wait for: {reason}"
            f" ({self._counts})",
            counts=self._counts,
            reason=reason,
        )

    # Time

    def _check_time(self) -> None:
        """Warn of a standstill, and raise if it, or the whole wait, takes too long."""
        now, patience = self._clock.monotonic(), self._limits.stall_after
        if patience is None and self._deadline is None and self._clock is not time:
            patience = VIRTUAL_PATIENCE
        still = now - self._moved_at
        if self._deadline is not None and now >= self._deadline:
            never_began = self._counts is None or not self._counts.judgments
            if self._is_halted or never_began or still >= MAX_DELAY:
                self._explain()
            raise self._timeout(WaitTimeout, now)
        if patience is not None and still >= patience:
            self._explain()
            raise self._timeout(JobStalled, now, f"no judgment in {_duration(still)}")
        if not self._reason and (self._is_halted or still >= STALL_NOTICE):
            self._explain()
            text = f"{self._name} does not move: {self._reason}"
            log.info("%s (%s, no judgment in %s)", text, self._counts, _duration(still))
            warn(f"{text}. Still waiting", StallWarning)

    @property
    def _is_halted(self) -> bool:
        return self._error is None and self._counts is not None and self._counts.state == "paused"

    def _explain(self) -> None:
        if self._error is not None:
            self._reason = f"the job cannot be read: {self._error}"
        else:
            self._reason = self._explain_stall(self._job.json, self._ping)

    def _timeout(self, kind: type[WaitTimeout], now: float, what: str = "") -> WaitTimeout:
        parts = [f"{self._goal.describe_unmet(self._name)} after {_duration(now - self._began)}"]
        parts += [what] if what else []
        parts += [str(replace(self._counts, seconds=0.0))] if self._counts else []
        parts += [self._reason] if self._reason else []
        text = "; ".join(parts)
        log.info("%s", text)
        timeout = kind(text, counts=self._counts, reason=self._reason)
        timeout.__cause__ = self._error
        return timeout

    def _sleep(self, wait_for_event: Callable[[float], bool] | None) -> None:
        """Wait for the next poll, or for a notification."""
        now = self._clock.monotonic()
        delay = self._limits.poll or (MAX_DELAY if wait_for_event else self._delay)
        if isinstance(self._error, RefusedError):
            delay = max(delay, self._error.retry_after or 0.0)
        ends = [now + delay]
        ends += [] if self._deadline is None else [self._deadline]
        if self._limits.stall_after is not None:
            ends.append(self._moved_at + self._limits.stall_after)
        seconds = max(0.001, min(ends) - now)  # not 0, which would never reach the end
        if wait_for_event is None:
            self._clock.sleep(seconds)
        elif self._clock is not time:
            if not wait_for_event(EVENT_GRACE):
                self._clock.sleep(seconds)
        elif wait_for_event(seconds):
            self._clock.sleep(max(0.0, MIN_DELAY - (self._clock.monotonic() - now)))


def _duration(seconds: float) -> str:
    """Return a duration for people.

    >>> _duration(5400.2), _duration(0.25), _duration(float("inf"))
    ('1:30:00', '0.25 s', 'inf s')
    """
    if seconds >= timedelta.max.total_seconds():
        return f"{seconds:g} s"
    return f"{seconds:.2g} s" if seconds < 1 else str(timedelta(seconds=round(seconds)))
