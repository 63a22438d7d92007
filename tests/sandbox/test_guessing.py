"""A hundred wrong keys and there is a pause, but not for whoever has the right one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
import requests

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.errors import TooMany
from crowdflower.sandbox.server.in_process import ORIGIN, session_for
from crowdflower.sandbox.server.throttle import A_WHILE, MOST, REMEMBERED, Guesses

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
def guesses(now: Time) -> Guesses:
    """Somebody has guessed as often as they may."""
    guesses = Guesses(now)
    for _ in range(MOST):
        guesses.admit(HERE, "a guess")
        guesses.wrong(HERE)
    return guesses


def test_who_guesses_waits_and_others_do_not(guesses: Guesses) -> None:
    with pytest.raises(TooMany, match=f"429 Too many wrong keys came from {HERE}") as caught:
        guesses.admit(HERE, "another guess")

    guesses.admit(THERE, "a guess")
    assert caught.value.seconds == A_WHILE


def test_a_key_that_was_right_is_never_held_up(guesses: Guesses) -> None:
    guesses.right("the key")

    guesses.admit(HERE, "the key")


def test_the_pause_ends_and_one_more_guess_begins_it_again(guesses: Guesses, now: Time) -> None:
    now.seconds = A_WHILE / 2
    with pytest.raises(TooMany):
        guesses.admit(HERE, "another guess")

    now.seconds = A_WHILE
    guesses.admit(HERE, "another guess")


def test_slow_guesses_are_mistakes(now: Time) -> None:
    guesses = Guesses(now)
    for _ in range(3 * MOST):
        guesses.admit(HERE, "a mistake")
        guesses.wrong(HERE)
        now.seconds += A_WHILE / (MOST - 1)


def test_memory_does_not_grow_with_the_guesses(now: Time) -> None:
    guesses = Guesses(now)
    for number in range(2 * REMEMBERED):
        guesses.wrong(f"address {number}")
        guesses.right(f"key {number}")

    assert len(guesses._wrong) == len(guesses._right) == REMEMBERED


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
        statuses = {ask(f"guess-{number}").status_code for number in range(MOST)}
        held_up, at_work = ask("one-more"), ask(box.key)

    assert (known.status_code, statuses) == (200, {401})
    assert held_up.status_code == 429
    assert 0 < int(held_up.headers["Retry-After"]) <= A_WHILE
    assert at_work.status_code == 200
    assert f"127.0.0.1 sent {MOST} wrong keys" in caplog.text
    assert "guess-" not in caplog.text


def test_in_the_same_process_there_is_nothing_to_guess(box: Sandbox) -> None:
    with session_for(box.app) as session:
        for _ in range(2 * MOST):
            assert session.get(f"{ORIGIN}/v1/jobs", params={"key": "wrong"}).status_code == 401
