"""Receives notifications from the service: verifies the signature, drops replays, parses them.

The service posts events to a job's ``webhook_uri``: rows were imported, judgments arrived, a unit
or the whole job is complete. The payload, a JSON string, is signed with a secret of the account.

A signature proves who wrote the payload, not when. An attacker could send a captured notification
again, so received ones are remembered and accepted once. The signal, the name of the event, is not
signed: if much depends on it, check what is signed, such as ``event.job.state``.

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

from crowdflower._types import JSON, JSONObject, describe_type
from crowdflower.exceptions import (
    ConfigError,
    InvalidInput,
    MalformedNotification,
    Replay,
    SignatureMismatch,
)
from crowdflower.http import encoding
from crowdflower.http.credentials import ApiKey, mask_key
from crowdflower.job import Job
from crowdflower.judgment import Judgment
from crowdflower.models.display import shortened
from crowdflower.models.events import Event
from crowdflower.unit import Unit

if TYPE_CHECKING:
    from crowdflower.client import Client

__all__ = ["Event", "JobEvent", "JudgmentEvent", "UnitEvent", "Webhook"]

MAX_REMEMBERED: Final = 100_000
"""Notifications to remember by default, to recognise replays."""

MAX_BODY: Final = 16 << 20
"""Bytes of the largest notification that is accepted."""

MAX_FIELDS: Final = 100
"""Fields of one notification; the service sends three."""

DECODE_CHUNK: Final = 1 << 14
"""Bytes of a form to decode at a time."""

PAYLOAD_KINDS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "job_data_processed": frozenset({"job"}),
        "new_judgments": frozenset({"judgment", "unit"}),
        "unit_complete": frozenset({"unit"}),
        "job_complete": frozenset({"job"}),
    }
)
"""What the payload of each signal may contain, one object or a list: it differs by service age."""


@dataclass(frozen=True)
class JobEvent(Event):
    """Rows were processed (``job_data_processed``), or the job is done (``job_complete``)."""

    job: Job = field(compare=False)


@dataclass(frozen=True, repr=False)
class UnitEvent(Event):
    """Units have results: ``unit_complete``; on some services also ``new_judgments``."""

    units: tuple[Unit, ...] = field(compare=False)
    """Usually one; its ``results`` contain the judgments and the aggregated answers."""

    def __repr__(self) -> str:
        return f"UnitEvent(signal={self.signal!r}, units={shortened(self.units)})"


@dataclass(frozen=True, repr=False)
class JudgmentEvent(Event):
    """A contributor submitted a page: ``new_judgments``."""

    judgments: tuple[Judgment, ...] = field(compare=False)

    def __repr__(self) -> str:
        return f"JudgmentEvent(signal={self.signal!r}, judgments={shortened(self.judgments)})"


class Webhook:
    """Verifies and parses what is posted to a job's ``webhook_uri``; thread-safe.

    :param keys: Secrets that the service may sign with: the API key, or on today's service the
        webhook token of the account settings. Pass two while one replaces the other.
    :param client: Client of the jobs and units in events; without one, they are plain data.
    :param remembered: Number of notifications to remember, to recognise replays; 0 for none.
    :raises ConfigError: A key is missing or invalid, or ``remembered`` is negative.

    >>> webhook = Webhook("EXAMPLEKEY0123456789")
    >>> signature = b"e1b111396a2de0cd31b3c20baff329c765368468"
    >>> webhook.receive(b"signal=job_complete&payload=%7B%22id%22%3A7%7D&signature=" + signature)
    JobEvent(signal='job_complete', job=<Job 7>)
    """

    def __init__(
        self, *keys: str | ApiKey, client: Client | None = None, remembered: int = MAX_REMEMBERED
    ) -> None:
        self._keys: tuple[ApiKey, ...] = ()  # a traceback may show the object before it is ready
        keys = tuple(map(mask_key, keys))
        if not keys or not all(keys):
            raise ConfigError("no key to verify signatures with; pass Webhook(key)")
        if isinstance(remembered, bool) or not isinstance(remembered, int) or remembered < 0:
            raise ConfigError(f"remembered must be an integer of at least 0, not {remembered!r}")
        self._keys = tuple(key if isinstance(key, ApiKey) else ApiKey(key) for key in keys)
        self._client = client
        self._max_remembered = remembered
        self._received: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"<Webhook with {len(self._keys)} key(s)>"

    def receive(self, body: bytes) -> Event:
        """Verify a notification, and return its event.

        :param body: The unchanged body of the request: a form, or a JSON object of the same fields.
        :raises MalformedNotification: The body cannot be parsed, or a signed payload does not match
            its signal.
        :raises SignatureMismatch: The signature is missing, or made with another key.
        :raises Replay: The notification was received before. Respond with status 200, or the
            service sends it again.

        >>> webhook = client.webhook()
        >>> box.receive_webhooks(lambda notification: print(webhook.receive(notification.body)))
        >>> job.webhook_uri = "https://example.com/crowd"
        >>> job.update()
        >>> job.upload([{"review": "One more thing."}])
        >>> [attempt.problem for attempt in box.deliver_webhooks()]
        JobEvent(signal='job_data_processed', job=<Job ... running, 11 units, 12 judgments>)
        [None]
        """
        signal, payload, signature = parse_notification(body)
        if not any(key.verify_signature(payload, signature) for key in self._keys):
            raise SignatureMismatch(
                "the signature does not match: another key, or a changed payload; today's service"
                " signs with the webhook token of the account settings, not with the API key"
                if signature
                else "the notification is not signed; it does not come from the service"
            )
        return self._accept(signal, payload, _decode_payload(payload))

    def accept(self, signal: str, content: JSON) -> Event:
        """Return the event of an object that was read, as if its notification had come.

        For notifications that were lost. One that comes later for the same object, in the same
        version, is a :class:`~crowdflower.exceptions.Replay`.

        :param signal: One of :data:`~crowdflower.states.SIGNALS`.
        :param content: The JSON of the job, the unit or the judgments.
        :raises MalformedNotification: The content does not match the signal.
        :raises Replay: The notification was received before.

        >>> client.webhook().accept("unit_complete", unit.json)
        UnitEvent(signal='unit_complete', units=(<Unit ... golden, ...>,))
        """
        return self._accept(signal, encoding.encode_json(content), content)

    @contextmanager
    def taking(self, body: bytes) -> Iterator[Event]:
        """Receive a notification for a ``with`` block, and forget it if the block fails.

        After a response of status 500 the service sends it again, and it is accepted then. A
        second delivery while the block still runs is a :class:`Replay`.

        :raises WebhookError: The same errors as :meth:`receive`; the block is not entered.

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
            with self._lock:
                self._received.pop(event.identity, None)
            raise

    def _accept(self, signal: str, payload: bytes, content: JSON) -> Event:
        event = self._build_event(signal, payload, content)
        if not self._remember(event.identity):
            raise Replay(f"this {event.signal!r:.60} was received before", event=event)
        return event

    def _remember(self, identity: str) -> bool:
        """Remember a notification, and return whether it is new; the oldest may be forgotten."""
        with self._lock:
            if identity in self._received:
                return False
            self._received[identity] = None
            if len(self._received) > self._max_remembered:
                self._received.popitem(last=False)
            return True

    def _build_event(self, signal: str, payload: bytes, content: JSON) -> Event:
        if signal not in PAYLOAD_KINDS:
            # The signal is not part of this identity, because it is not signed: with invented
            # signals, an attacker could repeat one captured payload until the memory is full.
            return Event(signal, content, _hash(payload))
        items: list[Any] = content if isinstance(content, list) else [content]
        kinds = {_kind(item) for item in items}
        expected = PAYLOAD_KINDS[signal]
        if len(kinds) != 1 or not kinds <= expected or (kinds == {"job"} and len(items) > 1):
            raise MalformedNotification(
                f"the payload of {signal} must be a {' or a '.join(sorted(expected))}"
            )
        common = (signal, content, _identify(signal, payload, items))
        if kinds == {"judgment"}:
            judgments = (Judgment(self._job_of(item)).absorb(item) for item in items)
            return JudgmentEvent(*common, tuple(judgments))
        if kinds == {"unit"}:
            units = (Unit(self._job_of(item)).absorb(item) for item in items)
            return UnitEvent(*common, tuple(units))
        return JobEvent(*common, Job(self._client).absorb(items[0]))

    def _job_of(self, item: JSONObject) -> Job:
        return Job(self._client, id=item.get("job_id"))


# The body: a form or a JSON object, not verified yet


class Notification(NamedTuple):
    """The fields of a notification, before its signature is verified."""

    signal: str
    """Name of the event."""

    payload: bytes
    """The signed JSON string."""

    signature: bytes
    """Empty if missing: the earliest services did not sign."""


def parse_notification(body: bytes) -> Notification:
    """Split the body of a notification into its fields.

    :param body: A form, or a JSON object of the same fields, all of them strings.
    :raises InvalidInput: The body is not bytes.
    :raises MalformedNotification: The body is not a notification, or too large.

    >>> parse_notification(b"signal=unit_complete&payload=%7B%22id%22%3A+7%7D&signature=c0ffee")
    Notification(signal='unit_complete', payload=b'{"id": 7}', signature=b'c0ffee')
    """
    if not isinstance(body, bytes):
        raise InvalidInput(
            f"a notification must be the bytes of a request's body, not {describe_type(body)}:"
            " decoding and encoding it again would change what was signed"
        )
    if not body:
        raise MalformedNotification(
            "the body is empty; in Flask, call request.get_data() before anything else reads it"
        )
    if len(body) > MAX_BODY:
        raise MalformedNotification(f"the notification is larger than {MAX_BODY} bytes")
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
        raise MalformedNotification("the signal is not valid UTF-8") from None
    return Notification(signal, fields["payload"], fields.get("signature", b""))


def _form_fields(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the fields of a form; the standard library's parsers fail on bytes beyond ASCII."""
    pairs = body.split(b"&", MAX_FIELDS)
    if len(pairs) > MAX_FIELDS:
        raise MalformedNotification(f"the notification has more than {MAX_FIELDS} fields")
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        yield _unquote(name).decode("utf-8", "replace"), _unquote(value)


def _unquote(encoded: bytes) -> bytes:
    """Decode percent-encoding in chunks: all at once it would take eighty times the memory."""
    encoded = encoded.replace(b"+", b" ")
    chunks = []
    start = 0
    while start < len(encoded):
        end = start + DECODE_CHUNK
        escape = encoded.find(b"%", end - 2, end)  # must not be split
        end = end if escape < 0 else escape
        chunks.append(unquote_to_bytes(encoded[start:end]))
        start = end
    return b"".join(chunks)


def _json_fields(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the fields of a flat JSON object of strings, without parsing anything nested.

    The payload must be a string too: of a nested object, the signed spelling would be unknown.
    """
    try:
        text, at = body.decode("utf-8"), 0
        for _ in range(MAX_FIELDS):
            if (start := _FIELD.match(text, at)) is None:
                break
            value, at = _DECODER.raw_decode(text, start.end())
            yield start[1], value.encode("utf-8")
    except ValueError as error:
        problem = str(error)
    else:
        if text[at:].strip() == "}":
            return
        problem = "every field, including the payload, must be a string"
    raise MalformedNotification(f"the notification is not a JSON object of strings: {problem}")


_FIELD: Final = re.compile(r'\s*[{,]\s*"(\w+)"\s*:\s*(?=")')
_DECODER: Final = JSONDecoder()


# The payload: verified JSON


def _decode_payload(payload: bytes) -> JSON:
    try:
        return encoding.decode_json(payload)
    except ValueError as error:
        problem = str(error)
    raise MalformedNotification(f"the payload is not JSON: {problem}")


def _kind(item: JSON) -> str:
    """Return whether an item of a payload is a job, a unit or a judgment, by its ids.

    The signal does not prove it: an attacker could send a captured unit as a job.
    """
    if not isinstance(item, dict) or type(item.get("id")) is not int:
        return "something without an id"
    if "unit_id" in item:
        return "judgment"
    return "unit" if "job_id" in item or "data" in item else "job"


def _identify(signal: str, payload: bytes, items: Sequence[JSONObject]) -> str:
    """Return an identity from ids and times: the payload may differ between two deliveries."""
    versions = [
        # Judgments never change, so they are identified by their creation.
        (item["id"], item.get("created_at" if "unit_id" in item else "updated_at"))
        for item in items
    ]
    if not versions or not all(isinstance(time, str) for _, time in versions):
        return _hash(signal.encode() + b"\n" + payload)
    return _hash(f"{signal}\n{versions}".encode())


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()
