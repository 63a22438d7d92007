"""A hundred wrong keys and there is a pause, but not for whoever has the right one."""

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


class Time:
    """Seconds that go on when they are told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def now() -> Time:
    return Time()


@pytest.fixture
def throttle(now: Time) -> LoginThrottle:
    """Somebody has guessed as often as they may."""
    throttle = LoginThrottle(now)
    for _ in range(MAX_FAILURES):
        throttle.check(HERE, "a guess")
        throttle.record_failure(HERE)
    return throttle


def test_who_guesses_waits_and_others_do_not(throttle: LoginThrottle) -> None:
    with pytest.raises(
        TooManyRequests, match=f"429 Too many wrong keys came from {HERE}"
    ) as caught:
        throttle.check(HERE, "another guess")

    throttle.check(THERE, "a guess")
    assert caught.value.seconds == WINDOW


def test_a_key_that_was_right_is_never_held_up(throttle: LoginThrottle) -> None:
    throttle.record_success("the key")

    throttle.check(HERE, "the key")


def test_the_pause_ends_and_one_more_guess_begins_it_again(
    throttle: LoginThrottle, now: Time
) -> None:
    now.seconds = WINDOW / 2
    with pytest.raises(TooManyRequests):
        throttle.check(HERE, "another guess")

    now.seconds = WINDOW
    throttle.check(HERE, "another guess")


def test_slow_guesses_are_mistakes(now: Time) -> None:
    throttle = LoginThrottle(now)
    for _ in range(3 * MAX_FAILURES):
        throttle.check(HERE, "a mistake")
        throttle.record_failure(HERE)
        now.seconds += WINDOW / (MAX_FAILURES - 1)


def test_memory_does_not_grow_with_the_guesses(now: Time) -> None:
    throttle = LoginThrottle(now)
    for number in range(2 * MAX_ENTRIES):
        throttle.record_failure(f"address {number}")
        throttle.record_success(f"key {number}")

    assert len(throttle._failures) == len(throttle._accepted) == MAX_ENTRIES


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


def test_a_server_holds_up_who_guesses_and_says_so_in_its_log(
    box: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with requests.Session() as session, caplog.at_level(logging.WARNING):
        session.trust_env = False

        def ask(key: str) -> requests.Response:
            headers = {"Authorization": f"Token token={key}"}
            return session.get(f"{box.url}/jobs", headers=headers, timeout=60)

        known = ask(box.key)
        statuses = {ask(f"guess-{number}").status_code for number in range(MAX_FAILURES)}
        held_up, at_work = ask("one-more"), ask(box.key)

    assert (known.status_code, statuses) == (200, {401})
    assert held_up.status_code == 429
    assert 0 < int(held_up.headers["Retry-After"]) <= WINDOW
    assert at_work.status_code == 200
    assert f"127.0.0.1 sent {MAX_FAILURES} wrong keys" in caplog.text
    assert "guess-" not in caplog.text


def test_in_the_same_process_there_is_nothing_to_guess(box: Sandbox) -> None:
    with session_for(box.app) as session:
        for _ in range(2 * MAX_FAILURES):
            assert session.get(f"{ORIGIN}/v1/jobs", params={"key": "wrong"}).status_code == 401
