"""Malformed and forged notifications, and leaks of the key."""

from __future__ import annotations

import pickle
from hashlib import sha1
from traceback import TracebackException
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

import pytest
from catalogue import KEY
from leaks import leaks, shows_the_key

from crowdflower.exceptions import Replay, SignatureMismatch, WebhookError

if TYPE_CHECKING:
    from crowdflower.client import Client

UNIT = b'{"id": 7, "job_id": 8, "updated_at": "2015-06-25T10:54:20+00:00", "state": "finalized"}'


def sign(payload: bytes, key: str = KEY) -> bytes:
    return sha1(payload + key.encode(), usedforsecurity=False).hexdigest().encode()


def notification_body(payload: bytes, signature: bytes, signal: bytes = b"unit_complete") -> bytes:
    return b"signal=%s&payload=%s&signature=%s" % (
        signal,
        quote_from_bytes(payload).encode(),
        signature,
    )


FORGED = {
    "another key": sign(UNIT, "another"),
    "no key": sha1(UNIT, usedforsecurity=False).hexdigest().encode(),
    "the key before the payload": sha1(KEY.encode() + UNIT, usedforsecurity=False)
    .hexdigest()
    .encode(),
    "another payload": sign(UNIT.replace(b"7", b"9", 1)),
    "the first half": sign(UNIT)[:20],
    "more than all": sign(UNIT) + b"0",
    "nothing": b"",
    "beyond ASCII": "ü".encode() * 40,
    "no text at all": b"%ff%fe%00",
    "the key itself": KEY.encode(),
}


@pytest.mark.row("S12")
@pytest.mark.parametrize("signature", FORGED.values(), ids=FORGED)
def test_a_forged_signature_is_only_a_mismatch(client: Client, signature: bytes) -> None:
    webhook = client.webhook()

    with pytest.raises(SignatureMismatch) as caught:
        webhook.receive(notification_body(UNIT, signature))

    assert not shows_the_key(str(caught.value))
    assert webhook.receive(notification_body(UNIT, sign(UNIT))).signal == "unit_complete"


@pytest.mark.row("S12")
def test_a_captured_notification_is_a_replay_in_any_encoding(client: Client) -> None:
    webhook = client.webhook()
    caught = notification_body(UNIT, sign(UNIT))
    webhook.receive(caught)

    for body in (caught, caught + b"&more=1", caught.replace(b"%20", b"+")):
        with pytest.raises(Replay):
            webhook.receive(body)


@pytest.mark.row("S12")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        notification_body(UNIT, b"0" * 40),
        notification_body(UNIT, sign(UNIT), b"job_complete"),
        notification_body(b"[", sign(b"[")),
        notification_body(UNIT, sign(UNIT)),
    ],
    ids=["empty", "forged", "another signal", "no JSON", "a replay"],
)
def test_no_webhook_error_shows_the_key(client: Client, body: bytes) -> None:
    webhook = client.webhook()
    webhook.receive(notification_body(UNIT, sign(UNIT)))

    with pytest.raises(WebhookError) as caught:
        webhook.receive(body)

    assert leaks(caught.value) == []


@pytest.mark.row("S12")
def test_a_mismatch_does_not_show_the_correct_signature(client: Client) -> None:
    with pytest.raises(SignatureMismatch) as caught:
        client.webhook().receive(notification_body(UNIT, b"0" * 40))

    trace = TracebackException.from_exception(caught.value, capture_locals=True)
    assert sign(UNIT).decode() not in "".join(trace.format())


@pytest.mark.row("S6", "S12")
def test_a_webhook_does_not_show_its_key(client: Client) -> None:
    webhook = client.webhook()
    event = webhook.receive(notification_body(UNIT, sign(UNIT)))

    assert not shows_the_key(f"{webhook!r} {vars(webhook)} {event!r} {vars(event)}")
    assert not shows_the_key(pickle.dumps(event).decode("latin-1"))
    with pytest.raises(TypeError):
        pickle.dumps(webhook)
