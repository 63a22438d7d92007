"""Polling: attempts, with a pause between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from crowdflower.http.polling import poll

if TYPE_CHECKING:
    from conftest import Clock


def test_each_delay_is_slept_between_two_attempts(clock: Clock) -> None:
    assert list(poll(clock, (1, 2, 4))) == [1, 2, 3, 4]
    assert clock.slept == [1, 2, 4]


def test_without_delays_there_is_one_attempt(clock: Clock) -> None:
    assert list(poll(clock, ())) == [1]
    assert clock.slept == []


def test_the_next_delay_is_read_after_the_attempt(clock: Clock) -> None:
    read: list[float] = []

    def delays() -> Iterator[float]:
        for delay in (1.0, 2.0):
            read.append(delay)
            yield delay

    for _ in poll(clock, delays()):
        if clock.slept:
            break

    assert (read, clock.slept) == ([1], [1])
