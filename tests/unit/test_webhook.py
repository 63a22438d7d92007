"""Notifications: who sign them, whether they came before, and what they tell."""

from __future__ import annotations

import copy
import json
import pickle
import time
import tracemalloc
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha1
from threading import Barrier
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crowdflower import webhook as webhook_module
from crowdflower.exceptions import (
    ConfigError,
    InvalidInput,
    MalformedNotification,
    Replay,
    SignatureMismatch,
    WebhookError,
)
from crowdflower.http.credentials import NoKey
from crowdflower.states import SIGNALS
from crowdflower.webhook import PAYLOAD_KINDS, Event, JobEvent, JudgmentEvent, UnitEvent, Webhook

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdflower.client import Client

KEY = "s3cret-0123456789abcdef"

JOB = {"id": 712034, "title": "Reviews", "state": "finished", "updated_at": "2015-06-27T09:06:16Z"}
UNIT = {
    "id": 698757970,
    "job_id": 712034,
    "data": {"review": "Süß & “gut”"},
    "state": "finalized",
    "updated_at": "2015-06-25T10:54:20+00:00",
    "results": {"judgments": [], "sentiment": {"agg": "negative", "confidence": 0.64}},
}
JUDGMENT = {
    "id": 1605619374,
    "job_id": 712034,
    "unit_id": 698757970,
    "worker_id": 31883685,
    "created_at": "2015-06-25T10:54:20+00:00",
    "data": {"sentiment": "negative"},
}


def sign(text: bytes, key: str = KEY) -> str:
    return sha1(text + key.encode(), usedforsecurity=False).hexdigest()


def notification_body(signal: str, payload: object, key: str = KEY) -> bytes:
    """Return the body that the service posts."""
    text = json.dumps(payload, separators=(",", ":"))
    fields = {"signal": signal, "payload": text, "signature": sign(text.encode(), key)}
    return urlencode(fields).encode()


@pytest.fixture
def webhook() -> Webhook:
    return Webhook(KEY)


# Content


@pytest.mark.parametrize("signal", ["job_complete", "job_data_processed"])
@pytest.mark.parametrize("payload", [JOB, [JOB]])
def test_a_job_payload_is_an_object_or_a_list(webhook: Webhook, signal: str, payload: Any) -> None:
    event = webhook.receive(notification_body(signal, payload))

    assert isinstance(event, JobEvent)
    assert (event.signal, event.job.id, event.job.state) == (signal, 712034, "finished")
    assert event.payload == payload


@pytest.mark.parametrize("signal", ["unit_complete", "new_judgments"])
@pytest.mark.parametrize("payload", [UNIT, [UNIT]])
def test_a_unit_event_has_its_results(webhook: Webhook, signal: str, payload: Any) -> None:
    event = webhook.receive(notification_body(signal, payload))

    assert isinstance(event, UnitEvent)
    (unit,) = event.units
    assert unit.get_aggregate("sentiment") == "negative"
    assert (unit.job.id, unit.data) == (712034, UNIT["data"])


def test_a_judgment_event_has_all_judgments(webhook: Webhook) -> None:
    event = webhook.receive(
        notification_body("new_judgments", [JUDGMENT, {**JUDGMENT, "id": 1605619375}])
    )

    assert isinstance(event, JudgmentEvent)
    assert [judgment.id for judgment in event.judgments] == [1605619374, 1605619375]
    assert event.judgments[0].job.id == 712034


def test_a_unit_event_has_all_units_of_a_list(webhook: Webhook) -> None:
    event = webhook.receive(notification_body("unit_complete", [UNIT, {**UNIT, "id": 8}]))

    assert isinstance(event, UnitEvent)
    assert [unit.id for unit in event.units] == [698757970, 8]


@pytest.mark.parametrize("payload", [JOB, [UNIT], {"anything": None}, [], "text", 7, None])
def test_an_unknown_signal_is_an_event_with_its_payload(webhook: Webhook, payload: Any) -> None:
    event = webhook.receive(notification_body("job_put_aside", payload))

    assert type(event) is Event
    assert (event.signal, event.payload) == ("job_put_aside", payload)


def test_every_known_signal_has_its_payload_kinds() -> None:
    assert set(PAYLOAD_KINDS) == set(SIGNALS)


def test_payload_fields_may_be_named_like_arguments(webhook: Webhook) -> None:
    event = webhook.receive(
        notification_body("unit_complete", {**UNIT, "job": 1, "client": 2, "self": 3})
    )

    assert isinstance(event, UnitEvent)
    assert event.units[0].json["client"] == 2


def test_models_in_an_event_have_the_client(client: Client) -> None:
    event = Webhook(KEY, client=client).receive(notification_body("unit_complete", UNIT))

    assert isinstance(event, UnitEvent)
    assert event.units[0].client is client
    assert event.units[0].job.client is client


def test_models_in_an_event_without_client_are_plain_data(webhook: Webhook) -> None:
    event = webhook.receive(notification_body("job_complete", JOB))

    assert isinstance(event, JobEvent)
    with pytest.raises(RuntimeError, match="has no client"):
        event.job.reload()


# Encodings


def test_the_body_may_be_a_json_object(webhook: Webhook) -> None:
    text = json.dumps(UNIT, ensure_ascii=False)
    fields = {"signature": sign(text.encode()), "payload": text, "signal": "unit_complete"}

    event = webhook.receive(b"\n " + json.dumps(fields, indent=2).encode() + b"\n")

    assert isinstance(event, UnitEvent)
    assert event.units[0].data == UNIT["data"]


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: quote(text, safe="").encode(),
        lambda text: quote(text, safe="").lower().encode(),
        lambda text: text.replace("%", "%25").replace("&", "%26").replace("+", "%2B").encode(),
    ],
    ids=["percent", "percent in lower case", "bare UTF-8"],
)
def test_the_signature_covers_the_decoded_payload(
    webhook: Webhook, encode: Callable[[str], bytes]
) -> None:
    text = json.dumps(UNIT, ensure_ascii=False).lower()

    event = webhook.receive(
        b"payload=%s&signature=%s&signal=unit_complete&extra&=&="
        % (encode(text), sign(text.encode()).encode())
    )

    assert event.payload["data"] == {"review": "süß & “gut”"}


@pytest.mark.parametrize("at", range(-1, 5))
def test_an_escape_at_the_end_of_a_chunk_is_not_split(at: int) -> None:
    text = "x" * (webhook_module.DECODE_CHUNK - at) + "süß & “gut”" * 3

    told = webhook_module.parse_notification(b"payload=%s&signal=any" % quote(text).encode())

    assert told.payload == text.encode()


# Who sign it


def test_a_signature_with_another_key_is_refused(webhook: Webhook) -> None:
    with pytest.raises(SignatureMismatch, match="does not match: another key"):
        webhook.receive(notification_body("job_complete", JOB, key="another"))


def test_a_changed_payload_is_refused(webhook: Webhook) -> None:
    body = notification_body("job_complete", JOB).replace(b"finished", b"canceled")

    with pytest.raises(SignatureMismatch):
        webhook.receive(body)


def test_a_missing_signature_is_refused(webhook: Webhook) -> None:
    body = notification_body("job_complete", JOB).rpartition(b"&")[0]

    with pytest.raises(SignatureMismatch, match="not signed"):
        webhook.receive(body)


@pytest.mark.parametrize(
    "signature", ["ü" * 40, "\udcff", "%00", "0" * 39, "0" * 41, " ", "é" * 10_000]
)
def test_a_signature_with_any_characters_is_only_a_mismatch(
    webhook: Webhook, signature: str
) -> None:
    wrong = b"signature=" + signature.encode("utf-8", "surrogateescape")
    body = notification_body("job_complete", JOB).rpartition(b"signature=")[0] + wrong

    with pytest.raises(SignatureMismatch):
        webhook.receive(body)


def test_several_keys_are_accepted() -> None:
    webhook = Webhook("new-token", KEY)

    webhook.receive(notification_body("job_complete", JOB, key="new-token"))
    webhook.receive(notification_body("unit_complete", UNIT, key=KEY))

    with pytest.raises(SignatureMismatch):
        webhook.receive(notification_body("new_judgments", [JUDGMENT], key="a third"))


def test_a_client_verifies_with_its_key_or_the_given_tokens(client: Client) -> None:
    by_key, by_token = client.webhook(), client.webhook("a-token")

    assert by_key.receive(notification_body("job_complete", JOB)).signal == "job_complete"
    assert (
        by_token.receive(notification_body("job_complete", JOB, key="a-token")).signal
        == "job_complete"
    )
    with pytest.raises(SignatureMismatch):
        by_token.receive(notification_body("unit_complete", UNIT))


def test_no_key_verifies_no_signature() -> None:
    assert not NoKey().verify_signature(b"text", b"")


@pytest.mark.parametrize("keys", [(), ("",), (None,), ("good", "")])
def test_a_webhook_needs_a_key(keys: tuple[Any, ...]) -> None:
    with pytest.raises(ConfigError, match="no key"):
        Webhook(*keys)


def test_a_webhook_shows_no_key_and_cannot_be_pickled() -> None:
    webhook = Webhook(KEY)

    assert KEY not in f"{webhook!r} {vars(webhook)}"
    with pytest.raises(TypeError):
        pickle.dumps(webhook)
    with pytest.raises(TypeError):
        copy.deepcopy(webhook)


# Duplicates


def test_a_second_delivery_is_a_replay(webhook: Webhook) -> None:
    body = notification_body("unit_complete", UNIT)
    event = webhook.receive(body)

    with pytest.raises(Replay, match="unit_complete") as caught:
        webhook.receive(body)

    assert caught.value.event == event
    assert caught.value.event.identity == event.identity


def test_a_replay_is_recognised_if_the_payload_differs(webhook: Webhook) -> None:
    webhook.receive(notification_body("new_judgments", [JUDGMENT]))

    with pytest.raises(Replay):
        webhook.receive(
            notification_body("new_judgments", [{**JUDGMENT, "webhook_sent_at": "2015-06-25"}])
        )


@pytest.mark.parametrize(
    ("signal", "payload"),
    [
        ("unit_complete", {**UNIT, "updated_at": "2015-06-25T10:54:21+00:00"}),
        ("unit_complete", {**UNIT, "id": 698757971}),
        ("new_judgments", UNIT),
        ("job_complete", JOB),
        ("job_put_aside", UNIT),
    ],
)
def test_another_version_id_or_signal_is_new(webhook: Webhook, signal: str, payload: Any) -> None:
    first = webhook.receive(notification_body("unit_complete", UNIT))

    assert webhook.receive(notification_body(signal, payload)) != first


def test_without_a_timestamp_the_payload_identifies_a_notification(webhook: Webhook) -> None:
    unit = {"id": 7, "job_id": 8, "state": "judging"}
    webhook.receive(notification_body("unit_complete", unit))

    webhook.receive(notification_body("unit_complete", {**unit, "state": "finalized"}))

    with pytest.raises(Replay):
        webhook.receive(notification_body("unit_complete", unit))


def test_an_unknown_signal_does_not_make_a_replay_new(webhook: Webhook) -> None:
    webhook.receive(notification_body("invented", UNIT))

    with pytest.raises(Replay):
        webhook.receive(notification_body("another", UNIT))


def test_a_refused_notification_is_not_remembered(webhook: Webhook) -> None:
    with pytest.raises(SignatureMismatch):
        webhook.receive(notification_body("job_complete", JOB, key="another"))

    assert webhook.receive(notification_body("job_complete", JOB)).signal == "job_complete"


def test_the_oldest_notification_is_forgotten_first() -> None:
    webhook = Webhook(KEY, remembered=2)
    bodies = [notification_body("unit_complete", {**UNIT, "id": number}) for number in (1, 2, 3)]
    for body in bodies:
        webhook.receive(body)

    with pytest.raises(Replay):
        webhook.receive(bodies[1])
    assert webhook.receive(bodies[0]).signal == "unit_complete"


def test_remembered_0_accepts_replays() -> None:
    webhook = Webhook(KEY, remembered=0)

    assert webhook.receive(notification_body("job_complete", JOB)) == webhook.receive(
        notification_body("job_complete", JOB)
    )


@pytest.mark.parametrize("remembered", [-1, 1.5, "many", True])
def test_an_invalid_size_of_the_memory_is_refused(remembered: Any) -> None:
    with pytest.raises(ConfigError, match="at least 0"):
        Webhook(KEY, remembered=remembered)


class SlowDict(OrderedDict[str, None]):
    """A memory whose lookup lets other threads run."""

    def __contains__(self, identity: object) -> bool:
        found = super().__contains__(identity)
        time.sleep(0.01)
        return found


def test_one_of_many_threads_receives_a_notification(webhook: Webhook) -> None:
    webhook._received = SlowDict()
    body = notification_body("unit_complete", UNIT)
    ready = Barrier(8)

    def takes(_: int) -> bool:
        ready.wait(60)
        try:
            webhook.receive(body)
        except Replay:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        taken = [*threads.map(takes, range(8))]

    assert taken.count(True) == 1


def test_a_notification_is_accepted_again_after_an_error(webhook: Webhook) -> None:
    body = notification_body("unit_complete", UNIT)
    with pytest.raises(OSError, match="full"), webhook.taking(body):
        raise OSError("the disk is full")

    with webhook.taking(body) as event:
        with pytest.raises(Replay):
            webhook.receive(body)
        assert event.signal == "unit_complete"

    with pytest.raises(Replay), webhook.taking(body):
        pytest.fail("what came before is not taken")


# What cannot be believed whoever sign it


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "the body is empty"),
        (b"hello", "no signal and no payload"),
        (b"signal=job_complete", "no payload"),
        (b"payload=%7B%7D", "no signal"),
        (b"signal=&payload=%7B%7D", "no signal"),
        (b"signal=a&payload=b&payload=c", "two fields payload"),
        (b"signal=a&payload=b&%70ayload=c", "two fields payload"),
        (b"signal=%FF&payload=b", "the signal is not valid UTF-8"),
        (b"&" * 100, "more than 100 fields"),
        (b"{", "not a JSON object of strings"),
        (b'{"signal": "a", "payload": {}}', "not a JSON object of strings"),
        (b'{"signal": "a", "payload": "{}"} {}', "not a JSON object of strings"),
        (b'{"signal": "a", "payload": "\\ud800"}', "not a JSON object of strings"),
        (b'{"signal": "a", "payload": "unended', "not a JSON object of strings"),
        (b'{"signal": "a", "signal": "b", "payload": "{}"}', "two fields signal"),
        (b'{"signal": "\xff", "payload": "{}"}', "not a JSON object of strings"),
        (b'{"a":"","b":' + b'"",' * 200, "not a JSON object of strings"),
    ],
)
def test_a_malformed_body_is_refused_with_the_reason(
    webhook: Webhook, body: bytes, problem: str
) -> None:
    with pytest.raises(MalformedNotification, match=problem):
        webhook.receive(body)


@pytest.mark.parametrize(
    ("signal", "payload"),
    [
        ("job_complete", UNIT),
        ("job_complete", [JOB, JOB]),
        ("job_data_processed", JUDGMENT),
        ("unit_complete", JOB),
        ("unit_complete", [UNIT, JOB]),
        ("unit_complete", [JUDGMENT]),
        ("new_judgments", JOB),
        ("new_judgments", [JUDGMENT, UNIT]),
        ("new_judgments", []),
        ("unit_complete", {"job_id": 1}),
        ("unit_complete", {"id": True, "job_id": 1}),
        ("job_complete", "done"),
        ("job_complete", None),
    ],
)
def test_a_payload_of_the_wrong_kind_is_refused(
    webhook: Webhook, signal: str, payload: Any
) -> None:
    with pytest.raises(MalformedNotification, match=f"the payload of {signal} must be a"):
        webhook.receive(notification_body(signal, payload))


@pytest.mark.parametrize("text", [b"", b"{", b"[1e999]", b"\xff", b"[" * 100_000])
def test_a_signed_payload_that_is_not_json_is_refused(webhook: Webhook, text: bytes) -> None:
    body = b"signal=job_complete&payload=%s&signature=%s" % (
        quote(text).encode(),
        sign(text).encode(),
    )

    with pytest.raises(MalformedNotification):
        webhook.receive(body)


@pytest.mark.parametrize("body", ["signal=a", None, {"signal": "a"}, bytearray(b"signal=a")])
def test_a_body_that_is_not_bytes_is_refused_with_the_reason(webhook: Webhook, body: Any) -> None:
    with pytest.raises(InvalidInput, match="bytes of a request's body"):
        webhook.receive(body)


RELAXED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No deadline, because the machine may be busy."""


@RELAXED
@given(body=st.binary(max_size=500))
def test_any_body_raises_only_webhook_errors(body: bytes) -> None:
    with pytest.raises(WebhookError):
        Webhook(KEY).receive(body)


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=9)
THINGS = st.dictionaries(
    st.sampled_from(["id", "job_id", "unit_id", "data", "updated_at", "created_at"]), VALUES
)


@RELAXED
@given(
    signal=st.sampled_from([*SIGNALS, "new"]),
    payload=VALUES | THINGS | st.lists(VALUES | THINGS, max_size=3),
)
def test_any_signed_payload_is_an_event_or_malformed(signal: str, payload: Any) -> None:
    try:
        event = Webhook(KEY).receive(notification_body(signal, payload))
    except MalformedNotification:
        assert signal != "new"
    else:
        assert (event.signal, event.payload) == (signal, payload)


MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    "piece",
    [b"signal=a&payload=" + b"%41" * MEGABYTE, b"&" * MEGABYTE, b'{"a":[' + b"[]," * MEGABYTE],
    ids=["escapes", "fields", "nested"],
)
def test_a_hostile_body_takes_little_memory(webhook: Webhook, piece: bytes) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(WebhookError):
            webhook.receive(piece[:MEGABYTE])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 6 * MEGABYTE


def test_a_too_large_body_is_refused(webhook: Webhook) -> None:
    with pytest.raises(MalformedNotification, match="larger than 16777216 bytes"):
        webhook.receive(b"=" * (webhook_module.MAX_BODY + 1))


# Events as values


def test_an_event_is_pickled_without_the_client(client: Client) -> None:
    event = client.webhook().receive(notification_body("unit_complete", UNIT))

    parcel = pickle.dumps(event)

    assert pickle.loads(parcel) == event  # noqa: S301 - our own
    assert KEY.encode() not in parcel


def test_the_repr_of_an_event_is_short(webhook: Webhook) -> None:
    event = webhook.receive(notification_body("job_complete", {**JOB, "secret": "q0Zx"}))

    assert repr(event) == ("JobEvent(signal='job_complete', job=<Job 712034 'Reviews' finished>)")


def test_an_identity_has_64_characters(webhook: Webhook) -> None:
    many = [{**JUDGMENT, "id": number} for number in range(1000)]

    event = webhook.receive(notification_body("new_judgments", many))

    assert len(event.identity) == 64
    assert (
        event.identity
        == Webhook("k").receive(notification_body("new_judgments", many, "k")).identity
    )
