"""What the service tells by itself: whether it is genuine, whether it is new, what it says.

A job with a ``webhook_uri`` has the service post there what happens: rows are through, answers have
come, a row or the whole job is done. The payload, JSON text, is signed with the account's secret.

A signature proves who wrote a payload, and no more. When it was written is not in it, so a
notification that somebody caught could be sent again, for ever: what came is remembered, and counts
once. Nor is the signal signed, the word for what happened: where much depends on it, look at what
is, such as ``event.job.state``.

Source: CrowdFlower, `Webhooks <http://crowdflower.com/docs/api/webhooks>`_, on the form and its
signature; Appen, `Guide to: Webhooks
<https://success.appen.com/hc/en-us/articles/201856249>`_, on the token and the signals.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from crowdflower import notification
from crowdflower._types import JSON, JSONObject
from crowdflower.exceptions import (
    ConfigError,
    MalformedNotification,
    Replay,
    SignatureMismatch,
)
from crowdflower.http import encoding
from crowdflower.http.credentials import Secret
from crowdflower.job import Job
from crowdflower.judgment import Judgment
from crowdflower.unit import Unit

if TYPE_CHECKING:
    from crowdflower.client import Client

REMEMBERED: Final = 100_000
"""Notifications that are remembered, so that none of them counts twice."""

ABOUT: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "job_data_processed": frozenset({"job"}),
        "new_judgments": frozenset({"judgment", "unit"}),
        "unit_complete": frozenset({"unit"}),
        "job_complete": frozenset({"job"}),
    }
)
"""What the payload of a signal may be; services of some years send one thing, of others a list."""


@dataclass(frozen=True)
class Event:
    """Something happened; this class alone stands for signals that nobody has documented yet.

    Two are equal when one is the repetition of the other.
    """

    signal: str
    """What happened: one of :data:`~crowdflower.states.SIGNALS`, or a new one. It is not signed."""

    payload: JSON = field(repr=False, compare=False)
    """The decoded JSON, as it came."""

    identity: str = field(repr=False)
    """The same for a notification and its repetition: 64 hexadecimal digits, made of the signal and
    the id and ``updated_at`` of what it is about. Fit for a column that must be unique."""


@dataclass(frozen=True)
class JobEvent(Event):
    """A file of rows is through (``job_data_processed``), or all is done (``job_complete``)."""

    job: Job = field(compare=False)


@dataclass(frozen=True)
class UnitEvent(Event):
    """Rows have results: ``unit_complete``; some services tell of ``new_judgments`` so too."""

    units: tuple[Unit, ...] = field(compare=False)
    """Mostly one; its ``results`` hold the judgments and what they come to."""


@dataclass(frozen=True)
class JudgmentEvent(Event):
    """A contributor has handed in a page: ``new_judgments``."""

    judgments: tuple[Judgment, ...] = field(compare=False)


class Webhook:
    """Takes in what is posted to a job's ``webhook_uri``; safe to share between threads.

    :param keys: What the service signs with: the API key, or on today's service the webhook token
        of the account settings. Several are for the time in which one replaces another.
    :param client: Where the actions of what comes go; without one, it is data only.
    :param remembered: How many notifications are remembered, the latest; 0 remembers none.
    :raises ConfigError: There is no key, or something that cannot be one.

    >>> webhook = Webhook("EXAMPLEKEY0123456789")
    >>> signature = b"e1b111396a2de0cd31b3c20baff329c765368468"
    >>> webhook.receive(b"signal=job_complete&payload=%7B%22id%22%3A7%7D&signature=" + signature)
    JobEvent(signal='job_complete', job=<Job 7>)
    """

    def __init__(
        self, *keys: str | Secret, client: Client | None = None, remembered: int = REMEMBERED
    ) -> None:
        if not keys or not all(keys):
            raise ConfigError("no key to check signatures with: give Webhook(key)")
        if isinstance(remembered, bool) or not isinstance(remembered, int) or remembered < 0:
            raise ConfigError(f"remembered is a number from 0 on, not {remembered!r}")
        self._secrets = tuple(key if isinstance(key, Secret) else Secret(key) for key in keys)
        self._client = client
        self._remembered = remembered
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._changing = Lock()

    def __repr__(self) -> str:
        return f"<Webhook with {len(self._secrets)} key(s)>"

    def receive(self, body: bytes) -> Event:
        """Check a notification and return what it tells, once.

        :param body: What was posted, byte for byte: a form, or a JSON object of the same fields.
        :raises MalformedNotification: It cannot be taken apart; or it is signed, and the payload is
            not what its signal is about.
        :raises SignatureMismatch: It is signed with another key, or not at all.
        :raises Replay: It came before. Answer as if it had not, or the service sends it again.

        >>> webhook = client.webhook()
        >>> box.receive_webhooks(lambda notification: print(webhook.receive(notification.body)))
        >>> job.webhook_uri = "https://example.com/crowd"
        >>> job.update()
        >>> job.upload([{"review": "One more thing."}])
        >>> [attempt.problem for attempt in box.deliver_webhooks()]
        JobEvent(signal='job_data_processed', job=<Job ... running>)
        [None]
        """
        told = notification.parsed(body)
        if not any(secret.signs(told.payload, told.signature) for secret in self._secrets):
            raise SignatureMismatch(
                "the notification is signed with another key, or was changed on its way; today's"
                " service signs with the webhook token of the account settings, not the API key"
                if told.signature
                else "the notification is not signed; whoever sent it has shown no key"
            )
        event = self._read(told.signal, told.payload)
        if self._came_before(event.identity):
            raise Replay(f"this notification of {event.signal!r:.60} came before", event=event)
        return event

    @contextmanager
    def taking(self, body: bytes) -> Iterator[Event]:
        """Do the same for a ``with`` block; what ends in an error has not come.

        The service sends it again when it is answered by a status of 500, and that counts then.
        What comes again while the block still runs is a :class:`Replay` too.

        :raises WebhookError: As :meth:`receive` does; the block is not entered.

        >>> webhook = client.webhook()
        >>> job.webhook_uri = "https://example.com/crowd"
        >>> job.update()
        >>> job.upload([{"review": "One more thing."}])
        >>> disks = iter(["full", "good"])
        >>> def keep(notification):
        ...     with webhook.taking(notification.body) as event:
        ...         if next(disks) == "full":
        ...             raise OSError("the disk is full")
        ...         print("kept", event.signal)
        >>> box.receive_webhooks(keep)
        >>> [attempt.problem for attempt in box.deliver_webhooks()]
        ['OSError: the disk is full']
        >>> box.clock.advance(seconds=5)
        >>> [attempt.problem for attempt in box.deliver_webhooks()]
        kept job_data_processed
        [None]
        """
        event = self.receive(body)
        try:
            yield event
        except BaseException:
            with self._changing:
                self._seen.pop(event.identity, None)
            raise

    def _came_before(self, identity: str) -> bool:
        """Remember a notification, and forget the oldest when there are too many."""
        with self._changing:
            if identity in self._seen:
                return True
            self._seen[identity] = None
            if len(self._seen) > self._remembered:
                self._seen.popitem(last=False)
            return False

    def _read(self, signal: str, payload: bytes) -> Event:
        said = _decoded(payload)
        if signal not in ABOUT:
            # Nobody signed the signal. If each invented one made a notification new, a single
            # payload that somebody caught could drive all others out of what is remembered.
            return Event(signal, said, _digest(payload))
        things: list[Any] = said if isinstance(said, list) else [said]
        kinds = {_kind(thing) for thing in things}
        if len(kinds) != 1 or not kinds <= ABOUT[signal] or (kinds == {"job"} and len(things) > 1):
            raise MalformedNotification(
                f"{signal} is about a {' or a '.join(sorted(ABOUT[signal]))}; the payload is not"
            )
        common = (signal, said, _identity(signal, payload, things))
        if kinds == {"judgment"}:
            judgments = (Judgment(self._job_of(thing)).absorb(thing) for thing in things)
            return JudgmentEvent(*common, tuple(judgments))
        if kinds == {"unit"}:
            units = (Unit(self._job_of(thing)).absorb(thing) for thing in things)
            return UnitEvent(*common, tuple(units))
        return JobEvent(*common, Job(self._client).absorb(things[0]))

    def _job_of(self, thing: JSONObject) -> Job:
        return Job(self._client, id=thing.get("job_id"))


def _decoded(payload: bytes) -> JSON:
    try:
        return encoding.decode(payload)
    except ValueError as error:
        problem = str(error)
    raise MalformedNotification(f"the payload is not JSON: {problem}")


def _kind(thing: JSON) -> str:
    """Tell what a part of a payload is by what it belongs to.

    The signal alone does not do: whoever caught a unit could send it as a job.
    """
    if not isinstance(thing, dict) or type(thing.get("id")) is not int:
        return "something without an id"
    if "unit_id" in thing:
        return "judgment"
    return "unit" if "job_id" in thing or "data" in thing else "job"


def _identity(signal: str, payload: bytes, things: Sequence[JSONObject]) -> str:
    """Name a notification after what changed when; its text may differ from one try to the next."""
    versions = [
        # A judgment is made once, and never changed.
        (thing["id"], thing.get("created_at" if "unit_id" in thing else "updated_at"))
        for thing in things
    ]
    if not versions or not all(isinstance(moment, str) for _, moment in versions):
        return _digest(signal.encode() + b"\n" + payload)
    return _digest(f"{signal}\n{versions}".encode())


def _digest(text: bytes) -> str:
    return sha256(text).hexdigest()
