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

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from json import JSONDecoder
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from crowdflower._types import JSON, JSONObject, a_type
from crowdflower.exceptions import (
    ConfigError,
    InvalidInput,
    MalformedNotification,
    Replay,
    SignatureMismatch,
)
from crowdflower.http import encoding
from crowdflower.http.credentials import ApiKey
from crowdflower.job import Job
from crowdflower.judgment import Judgment
from crowdflower.models.events import Event
from crowdflower.unit import Unit

if TYPE_CHECKING:
    from crowdflower.client import Client

__all__ = ["Event", "JobEvent", "JudgmentEvent", "UnitEvent", "Webhook"]

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
        self, *keys: str | ApiKey, client: Client | None = None, remembered: int = REMEMBERED
    ) -> None:
        if not keys or not all(keys):
            raise ConfigError("no key to check signatures with: give Webhook(key)")
        if isinstance(remembered, bool) or not isinstance(remembered, int) or remembered < 0:
            raise ConfigError(f"remembered is a number from 0 on, not {remembered!r}")
        self._secrets = tuple(key if isinstance(key, ApiKey) else ApiKey(key) for key in keys)
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
        told = parsed(body)
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


# The body of a notification

LARGEST_BODY: Final = 16 << 20
"""Bytes of one """

MOST_FIELDS: Final = 100
"""Fields of one notification; the service sends three."""

PIECE: Final = 1 << 14
"""Bytes of a form that are decoded at a time."""


class Notification(NamedTuple):
    """The fields of a notification, of which nothing is believed yet."""

    signal: str
    """What happened."""

    payload: bytes
    """What it happened to: the JSON text that was signed."""

    signature: bytes
    """Empty where there is none; the earliest notifications had none."""


def parsed(body: bytes) -> Notification:
    """Take a notification apart.

    :param body: What was posted: a form, or a JSON object of the same fields, each of them a text.
    :raises InvalidInput: These are no bytes.
    :raises MalformedNotification: It is no

    >>> parsed(b"signal=unit_complete&payload=%7B%22id%22%3A+7%7D&signature=c0ffee")
    Notification(signal='unit_complete', payload=b'{"id": 7}', signature=b'c0ffee')
    """
    if not isinstance(body, bytes):
        raise InvalidInput(
            f"a notification is the bytes of a request's body, not {a_type(body)}: its"
            " signature is of what was sent, and what is decoded and encoded again may differ"
        )
    if not body:
        raise MalformedNotification(
            "the body is empty; was it read before? In Flask, call request.get_data() first of all"
        )
    if len(body) > LARGEST_BODY:
        raise MalformedNotification(f"the notification is larger than {LARGEST_BODY} bytes")
    fields: dict[str, bytes] = {}
    for name, value in _json_fields(body) if re.match(rb"\s*\{", body) else _form_fields(body):
        if name in fields:
            raise MalformedNotification(f"the notification has two fields {name}")
        if name in Notification._fields:
            fields[name] = value
    missing = [name for name in ("signal", "payload") if not fields.get(name)]
    if missing:
        raise MalformedNotification(f"the notification has no {' and no '.join(missing)}")
    try:
        signal = fields["signal"].decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedNotification("the signal is no text") from None
    return Notification(signal, fields["payload"], fields.get("signature", b""))


def _form_fields(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the fields of a form; the standard library's parsers give up on bytes beyond ASCII."""
    pairs = body.split(b"&", MOST_FIELDS)
    if len(pairs) > MOST_FIELDS:
        raise MalformedNotification(f"the notification has more than {MOST_FIELDS} fields")
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        yield _unquoted(name).decode("utf-8", "replace"), _unquoted(value)


def _unquoted(text: bytes) -> bytes:
    """Undo the percent-encoding piece by piece: at one go it takes eighty times the memory."""
    text = text.replace(b"+", b" ")
    pieces = []
    start = 0
    while start < len(text):
        end = start + PIECE
        escape = text.find(b"%", end - 2, end)  # not to be cut in two
        end = end if escape < 0 else escape
        pieces.append(unquote_to_bytes(text[start:end]))
        start = end
    return b"".join(pieces)


def _json_fields(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the fields of a JSON object of texts; nothing is built that nests.

    The payload is such a text, too: of an object, nobody could say how it was written when it was
    signed.
    """
    try:
        text, at = body.decode("utf-8"), 0
        for _ in range(MOST_FIELDS):
            if (start := _FIELD.match(text, at)) is None:
                break
            value, at = _DECODER.raw_decode(text, start.end())
            yield start[1], value.encode("utf-8")
    except ValueError as error:
        problem = str(error)
    else:
        if text[at:].strip() == "}":
            return
        problem = "its fields are texts, the payload too, and nothing else"
    raise MalformedNotification(f"the notification is no JSON object of texts: {problem}")


_FIELD: Final = re.compile(r'\s*[{,]\s*"(\w+)"\s*:\s*(?=")')
_DECODER: Final = JSONDecoder()
