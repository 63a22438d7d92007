"""The rate limiter: steady rate, bursts, and the reaction to 429."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.client import Client
from crowdflower.exceptions import ConfigError, NotSentError, RateLimited
from crowdflower.http.rate_limit import RateLimiter

if TYPE_CHECKING:
    from conftest import Clock, SentRequest
    from responses import RequestsMock

API = "https://api.appen.com/v1"
KEY = "s3cret-0123456789abcdef"


def waits(limiter: RateLimiter, count: int, now: float = 0.0) -> list[float]:
    """Make several requests at one moment, and return the wait of each."""
    taken = [limiter.reserve(now, 1000) for _ in range(count)]
    return [round(wait, 6) for wait in taken if wait is not None]


def test_a_burst_of_two_seconds_needs_no_wait() -> None:
    assert waits(RateLimiter(5), 13) == [0.0] * 10 + [0.2, 0.4, 0.6]


def test_a_pause_refills_the_bucket_up_to_its_capacity() -> None:
    limiter = RateLimiter(5)
    waits(limiter, 10)

    assert waits(limiter, 3, now=0.4) == [0.0, 0.0, 0.2]
    assert waits(limiter, 11, now=1000) == [0.0] * 10 + [0.2]


def test_a_rate_below_one_allows_a_first_request_without_wait() -> None:
    assert waits(RateLimiter(0.25), 3) == [0.0, 4.0, 8.0]


def test_no_token_is_taken_if_the_wait_would_be_too_long() -> None:
    limiter = RateLimiter(5)
    waits(limiter, 11)

    refused = limiter.reserve(now=0, max_wait=0.3)

    assert refused is None
    assert waits(limiter, 1) == [0.4]


def test_a_429_halves_the_rate_and_empties_the_bucket() -> None:
    limiter = RateLimiter(10)

    limiter.slow_down(now=0)

    assert waits(limiter, 2) == [0.2, 0.4]


def test_several_429_in_one_burst_halve_the_rate_once() -> None:
    limiter = RateLimiter(10)

    for moment in (0, 0.1, 0.9):
        limiter.slow_down(moment)

    assert limiter._rate == pytest.approx(5.09)


def test_the_rate_recovers_by_a_tenth_in_ten_seconds() -> None:
    limiter = RateLimiter(10)
    limiter.slow_down(now=0)

    rates = []
    for moment in (10, 20, 50, 1000):
        limiter.reserve(moment, 1000)
        rates.append(limiter._rate)

    assert rates == pytest.approx([6, 7, 10, 10])


def test_the_rate_falls_to_a_sixteenth_at_most() -> None:
    limiter = RateLimiter(16)

    for moment in range(2, 100):
        limiter.slow_down(moment)

    assert 1 <= limiter._rate <= 1.2


def test_a_clock_value_that_goes_back_is_harmless() -> None:
    limiter = RateLimiter(5)
    waits(limiter, 10, now=100)

    assert waits(limiter, 1, now=99.9) == [0.2]
    assert waits(limiter, 1, now=100.4) == [0.0]


def test_threads_share_one_limit() -> None:
    limiter = RateLimiter(5)

    with ThreadPoolExecutor(32) as threads:
        taken = sorted(threads.map(lambda _: limiter.reserve(0, 1e6) or 0.0, range(3200)))

    assert taken == pytest.approx([0.0] * 10 + [n / 5 for n in range(1, 3191)])


@pytest.mark.parametrize("rate", [0, -1, True, "5", float("nan"), float("inf")])
def test_an_invalid_rate_is_refused(rate: Any) -> None:
    with pytest.raises(ConfigError, match="max_requests_per_second"):
        Client(KEY, max_requests_per_second=rate)


@pytest.fixture
def limited_client(api: RequestsMock, clock: Clock) -> Any:
    """Return a function that creates a client with a rate."""

    def build(rate: float | None, **more: Any) -> Client:
        client = Client(KEY, max_requests_per_second=rate, lookahead=1, **more)
        client._clock = clock
        return client

    return build


def test_a_client_without_a_rate_limit_does_not_wait(
    api: RequestsMock, limited_client: Any, clock: Clock
) -> None:
    api.get(f"{API}/jobs/7.json", json={"id": 7})

    for _ in range(50):
        limited_client(None).get_job(7)

    assert clock.slept == []


def test_a_client_with_a_rate_limit_waits(
    api: RequestsMock, limited_client: Any, clock: Clock
) -> None:
    api.get(f"{API}/jobs/7.json", json={"id": 7})
    client = limited_client(2)

    for _ in range(8):
        client.get_job(7)

    assert clock.now == pytest.approx(1000 + (8 - 4) / 2)


def test_nothing_is_sent_if_the_rate_limit_exceeds_the_deadline(
    api: RequestsMock, limited_client: Any, sent: list[SentRequest]
) -> None:
    api.post(f"{API}/jobs/7/orders.json", json={"id": 1})
    client = limited_client(0.1, deadline=5)
    client.call("jobs/7/orders.json", method="post")

    with pytest.raises(NotSentError, match=r"POST /jobs/7/orders\.json: the rate limit"):
        client.call("jobs/7/orders.json", method="post")

    assert len(sent) == 1


def test_a_429_slows_down_a_client_with_a_rate_limit(
    api: RequestsMock, limited_client: Any, clock: Clock, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/7.json", status=429, headers={"Retry-After": "0"})
    client = limited_client(2)

    with pytest.raises(RateLimited):
        client.get_job(7)

    assert len(sent) == 4
    assert clock.now > 1000 + 2
