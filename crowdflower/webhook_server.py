"""Receives notifications in a script: a server on this machine whose events a ``for`` loop yields.

The server verifies and acknowledges a notification, and keeps its event until the loop takes it.
What the service could not deliver is found by polling, at a slow pace, and yielded as the same
events.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from threading import Condition
from typing import Any, Final, Self

from crowdflower._types import describe_type
from crowdflower.exceptions import (
    InvalidInput,
    MalformedNotification,
    NotFound,
    RateLimited,
    Replay,
    ResponseError,
    ServerError,
    SignatureMismatch,
    TransportError,
    WaitTimeout,
)
from crowdflower.http.receiver import Receiver
from crowdflower.job import Job
from crowdflower.models.arguments import check_count, check_seconds
from crowdflower.models.waiting.counts import Counts, read_counts
from crowdflower.webhook import Event, JobEvent, UnitEvent, Webhook

MAX_EVENTS: Final = 10_000
"""Events that wait to be taken, by default."""

POLL: Final = 60.0
"""Seconds between two polls for notifications that did not come, by default."""

PASSING_ERRORS: Final = (TransportError, ServerError, RateLimited, ResponseError)
"""Errors after which the next poll may succeed."""

log = logging.getLogger(__name__)


class _Full(Exception):
    """No more events can be kept; the service sends the notification again."""


@dataclass
class _Watched:
    """A job whose notifications are expected, and what is known of it."""

    job: Job
    units: set[int] = field(default_factory=set)
    """The finalized units that need no event any more."""

    is_complete: bool = False
    """Whether its completion needs no event any more."""

    is_checked: bool = False
    """Whether it was polled for units that are missing when it was complete."""

    found: dict[tuple[str, int], str] = field(default_factory=dict)
    """What polling has found: signal and id, to the ``updated_at`` of the unit or job."""


class WebhookServer:
    """Receives notifications on this machine; iterate over it to handle their events.

    :meth:`Client.webhook_server <crowdflower.client.Client.webhook_server>` creates it. It runs
    from its creation until :meth:`close`, or the end of a ``with`` block. A notification is
    acknowledged when its event is kept; if ``max_events`` wait to be taken, the service is told to
    send it again later.

    :param webhook: Verifies and parses notifications.
    :param port: The port to listen on; 0 for any free one.
    :param host: The address of this machine to listen on.
    :param public_url: The address by which the service reaches this machine: of a tunnel, or of a
        reverse proxy.
    :param path: The path of :attr:`url`; by default random, so that it cannot be guessed.
    :param poll: Seconds, or a ``timedelta``, between two polls for what did not come.
    :param max_events: Events that are kept.
    :raises InvalidInput: An argument cannot be used.
    :raises OSError: The port is in use.
    """

    def __init__(
        self,
        webhook: Webhook,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        public_url: str | None = None,
        path: str | None = None,
        poll: float | timedelta = POLL,
        max_events: int = MAX_EVENTS,
        ended: Callable[[WebhookServer], object] = lambda _: None,
    ) -> None:
        self._webhook = webhook
        self._poll_interval = check_seconds("poll", poll)
        self._max_events = check_count("max_events", max_events)
        self._events: deque[Event] = deque()
        self._watched: dict[int, _Watched] = {}
        self._changed = Condition()
        self._arrived = 0
        """Notifications so far."""
        self._listeners = 0
        self._has_reader = False
        self._is_closed = False
        self._next_poll = 0.0
        self._ended = ended
        self._receiver = Receiver(host, port, _path(path), self.receive, public_url=public_url)
        self.url = self._receiver.url
        """The ``webhook_uri`` of jobs."""

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else f"{len(self._events)} events waiting"
        return f"<WebhookServer {self.url} {state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server. Loops take the events that were acknowledged, and end.

        A job keeps its ``webhook_uri``: if you do not start a server at the same address again, set
        it to ``None``.
        """
        self._receiver.close()
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self._ended(self)

    # Taking events

    def __iter__(self) -> Iterator[Event]:
        """Yield events as they arrive, until the server is closed."""
        return self.events()

    def events(self, timeout: float | timedelta | None = None) -> Iterator[Event]:
        """Yield events as they arrive, until the server is closed.

        :param timeout: Seconds, or a ``timedelta``, to wait for the next one.
        :raises WaitTimeout: None arrived in that time.
        """
        while True:
            event = self._take(timeout)
            if event is None:
                return
            yield event

    def next(self, timeout: float | timedelta | None = None) -> Event:
        """Return the next event; wait for it if necessary.

        :param timeout: Seconds, or a ``timedelta``; 0 does not wait.
        :raises WaitTimeout: None arrived in that time.
        :raises RuntimeError: The server is closed, and all events were taken.
        """
        event = self._take(timeout)
        if event is None:
            raise RuntimeError("the webhook server is closed, and all of its events were taken")
        return event

    def _take(self, timeout: float | timedelta | None) -> Event | None:
        """Return the next event; ``None`` after the last one of a closed server."""
        seconds = None if timeout is None else check_seconds("timeout", timeout, zero=True)
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            with self._changed:
                self._has_reader = True
                event, jobs = self._take_now()
                if not jobs:
                    if event is not None or self._is_closed:
                        return event
                    now = time.monotonic()
                    if deadline is not None and now >= deadline:
                        break
                    ends = [] if deadline is None else [deadline]
                    ends += [self._next_poll] if self._watched else []
                    self._changed.wait(min(ends) - now if ends else None)
            try:
                self._catch_up(jobs)
            finally:
                if jobs and event is not None:
                    with self._changed:
                        self._events.append(event)
        raise WaitTimeout(f"no notification arrived at {self.url} within {seconds:g} s")

    def _take_now(self) -> tuple[Event | None, list[_Watched]]:
        """Return the next event, if there is one, and the jobs to poll before it is handed out."""
        if self._events:
            event = self._events.popleft()
            ended = [each for each, _ in self._subjects(event) if event.signal == "job_complete"]
            unchecked = [each for each in ended if not each.is_checked]
            for each in unchecked:  # a loop may end with this event
                each.is_checked = True
            return event, unchecked
        now = time.monotonic()
        if self._is_closed or not self._watched or now < self._next_poll:
            return None, []
        self._next_poll = now + self._poll_interval
        return None, list(self._watched.values())

    @contextmanager
    def listen(self) -> Iterator[Callable[[float], bool]]:
        """Yield a function that waits so many seconds, and returns whether a notification came.

        :meth:`Job.wait() <crowdflower.job.Job.wait>` uses it. Meanwhile, without a loop that takes
        events, those beyond ``max_events`` are acknowledged and not kept.
        """
        with self._changed:
            self._listeners += 1
            seen = self._arrived

        def wait(seconds: float) -> bool:
            nonlocal seen
            with self._changed:
                arrived = self._changed.wait_for(lambda: self._arrived != seen, seconds)
                seen = self._arrived
            return arrived

        try:
            yield wait
        finally:
            with self._changed:
                self._listeners -= 1

    # Receiving

    def receive(self, body: bytes) -> HTTPStatus:
        """Verify a notification, keep its event, and return the status to respond with."""
        try:
            with self._webhook.taking(body) as event:
                self._keep(event)
        except Replay:
            return HTTPStatus.OK
        except SignatureMismatch as error:
            log.info("a notification was refused: %s", error)
            return HTTPStatus.UNAUTHORIZED
        except MalformedNotification as error:
            log.info("a notification was refused: %s", error)
            return HTTPStatus.BAD_REQUEST
        except _Full:
            log.info("a notification was put off: %d events wait to be taken", self._max_events)
            return HTTPStatus.SERVICE_UNAVAILABLE
        log.debug("received %s", event)
        return HTTPStatus.OK

    def _keep(self, event: Event) -> None:
        """Keep an event, unless polling has found it already.

        :raises _Full: Too many wait, and one of them may be waited for.
        """
        with self._changed:
            self._arrived += 1
            self._changed.notify_all()
            if self._is_known(event):
                return
            if len(self._events) < self._max_events:
                self._events.append(event)
            elif self._has_reader or not self._listeners:
                raise _Full
            self._learn(event)

    def _is_known(self, event: Event) -> bool:
        """Return whether polling has found what a notification tells, or a later version of it."""
        return all(
            item.get("updated_at") is not None
            and str(item["updated_at"]) <= watched.found.get((event.signal, item["id"]), "")
            for watched, item in self._subjects(event)
        ) and any(self._subjects(event))

    def _learn(self, event: Event, *, is_found: bool = False) -> None:
        """Note what an event tells, so that polling does not find it."""
        for watched, item in self._subjects(event):
            if event.signal == "unit_complete":
                watched.units.add(item["id"])
            elif event.signal == "job_complete":
                watched.is_complete = True
            if is_found:
                watched.found[event.signal, item["id"]] = str(item.get("updated_at") or "")

    def _subjects(self, event: Event) -> Iterator[tuple[_Watched, dict[str, Any]]]:
        """Yield the watched jobs of an event, each with the JSON of its unit, or of the job."""
        if isinstance(event, UnitEvent):
            pairs = [(unit.job.id, unit.json) for unit in event.units]
        elif isinstance(event, JobEvent):
            pairs = [(event.job.id, event.job.json)]
        else:
            pairs = []
        for job_id, item in pairs:
            if job_id in self._watched:
                yield self._watched[job_id], item

    # Catching up

    def watch(self, job: Job) -> None:
        """Find what the notifications of a job do not tell, from now on, by polling it.

        Found are units that are finalized, and the end of the job. Setting the ``webhook_uri`` of a
        job to :attr:`url` calls this by itself; call it for a job that has it already. What was
        done before is not yielded.

        Calls ``GET /jobs/{id}/ping``, and ``GET /jobs/{id}/judgments`` if the job has finalized
        units.

        :raises InvalidInput: It is not a job.
        """
        if not isinstance(job, Job):
            raise InvalidInput(f"watch needs a Job, not {describe_type(job)}")
        if job.id in self._watched:
            return
        own = Job(job.client, id=job.id)  # the caller's may have changes that were not sent
        counts = _counts(own)
        units = set(_finalized(own)) if counts.finalized else set()
        with self._changed:
            self._watched.setdefault(job.id, _Watched(own, units, counts.is_complete))
            self._changed.notify_all()

    def _catch_up(self, jobs: Iterable[_Watched]) -> None:
        """Poll jobs once, and keep the events of what no notification has told."""
        for watched in jobs:
            try:
                self._catch_up_with(watched)
            except PASSING_ERRORS as error:
                log.info("job %s cannot be polled now: %s", watched.job.id, error)
            except NotFound:
                log.info("job %s does not exist any more", watched.job.id)
                with self._changed:
                    self._watched.pop(watched.job.id, None)

    def _catch_up_with(self, watched: _Watched) -> None:
        job = watched.job
        counts = _counts(job)
        if counts.finalized is not None and counts.finalized > len(watched.units):
            for unit_id in _finalized(job):
                if unit_id not in watched.units:
                    self._find("unit_complete", job.client.get_unit(job, unit_id).json)
        if not counts.is_complete:
            watched.is_complete = watched.is_checked = False  # more was ordered
        elif counts.state == "finished" and not watched.is_complete:
            self._find("job_complete", job.json)

    def _find(self, signal: str, content: dict[str, Any]) -> None:
        """Keep the event of what polling has found, however many wait."""
        try:
            event = self._webhook.accept(signal, content)
        except Replay as replay:
            if replay.event is not None:
                with self._changed:
                    self._learn(replay.event)
            return
        with self._changed:
            log.info("no notification came of %s", event)
            self._events.append(event)
            self._learn(event, is_found=True)
            self._changed.notify_all()


def _counts(job: Job) -> Counts:
    """Read the state and the counts of a job."""
    return read_counts(job.reload().json, job.ping(), fee_percent=0)


def _finalized(job: Job) -> Iterator[int]:
    """Yield the ids of the finalized units of a job."""
    for aggregate in job.client.get_judgmentaggregates(job):
        if aggregate.state == "finalized":
            yield aggregate.unit_id


def _path(path: str | None) -> str:
    if path is None:
        return f"/{secrets.token_urlsafe(16)}"
    if not isinstance(path, str) or not path.isascii() or not path.isprintable() or " " in path:
        raise InvalidInput(f"path must be the path of a URL, such as 'crowd', not {path!r:.80}")
    return f"/{path.strip('/')}"
