"""The body of a notification, taken apart byte for byte; whoever sent it, and whatever it costs.

Anybody can post to an address on the internet. So nothing in here takes much more memory than the
body itself, and the payload stays the bytes that were signed: it is not read before that is known.

Source: CrowdFlower, `Webhooks <http://crowdflower.com/docs/api/webhooks>`_, on the three fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from json import JSONDecoder
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from crowdflower._types import a_type
from crowdflower.exceptions import InvalidInput, MalformedNotification

LARGEST_BODY: Final = 16 << 20
"""Bytes of one notification."""

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
    :raises MalformedNotification: It is no notification.

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
