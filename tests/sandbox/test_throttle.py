"""The login throttle: many wrong keys block an address, except for valid keys."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import requests

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.errors import TooManyRequests
from crowdflower.sandbox.server.in_process import ORIGIN, session_for
from crowdflower.sandbox.server.throttle import MAX_ENTRIES, MAX_FAILURES, WINDOW, LoginThrottle

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE, THERE = "203.0.113.9", "203.0.113.10"


class FakeTime:
    """A monotonic clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now() -> FakeTime:
    return FakeTime()


@pytest.fixture
def throttle(now: FakeTime) -> LoginThrottle:
    """A throttle at its limit for one address."""
    throttle = LoginThrottle(now)
    for _ in range(MAX_FAILURES):
        throttle.check(HERE, "a guess")
        throttle.record_failure(HERE)
    return throttle


def test_only_the_address_with_wrong_keys_is_blocked(throttle: LoginThrottle) -> None:
    with pytest.raises(
        TooManyRequests, match=f"429 Too many wrong keys came from {HERE}"
    ) as caught:
        throttle.check(HERE, "another guess")

    throttle.check(THERE, "a guess")
    assert caught.value.seconds == WINDOW


def test_a_key_that_was_accepted_before_is_never_blocked(throttle: LoginThrottle) -> None:
    throttle.record_success("the key")

    throttle.check(HERE, "the key")


def test_the_block_ends_after_the_window(throttle: LoginThrottle, now: FakeTime) -> None:
    now.seconds = WINDOW / 2
    with pytest.raises(TooManyRequests):
        throttle.check(HERE, "another guess")

    now.seconds = WINDOW
    throttle.check(HERE, "another guess")


def test_slow_wrong_keys_are_not_blocked(now: FakeTime) -> None:
    throttle = LoginThrottle(now)
    for _ in range(3 * MAX_FAILURES):
        throttle.check(HERE, "a mistake")
        throttle.record_failure(HERE)
        now.seconds += WINDOW / (MAX_FAILURES - 1)


def test_memory_is_limited(now: FakeTime) -> None:
    throttle = LoginThrottle(now)
    for number in range(2 * MAX_ENTRIES):
        throttle.record_failure(f"address {number}")
        throttle.record_success(f"key {number}")

    assert len(throttle._failures) == len(throttle._accepted) == MAX_ENTRIES


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


def test_a_server_throttles_wrong_keys_and_logs_it(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with requests.Session() as session, caplog.at_level(logging.WARNING):
        session.trust_env = False

        def send_key(key: str) -> requests.Response:
            headers = {"Authorization": f"Token token={key}"}
            return session.get(f"{box.url}/jobs", headers=headers, timeout=60)

        known = send_key(box.key)
        statuses = {send_key(f"guess-{number}").status_code for number in range(MAX_FAILURES)}
        blocked, allowed = send_key("one-more"), send_key(box.key)

    assert (known.status_code, statuses) == (200, {401})
    assert blocked.status_code == 429
    assert 0 < int(blocked.headers["Retry-After"]) <= WINDOW
    assert allowed.status_code == 200
    assert f"127.0.0.1 sent {MAX_FAILURES} wrong keys" in caplog.text
    assert "guess-" not in caplog.text


def test_clients_in_process_are_not_throttled(box: Sandbox) -> None:
    with session_for(box.app) as session:
        for _ in range(2 * MAX_FAILURES):
            assert session.get(f"{ORIGIN}/v1/jobs", params={"key": "wrong"}).status_code == 401
