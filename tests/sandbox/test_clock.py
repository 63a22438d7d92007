"""The clock: the only source of time, ids and random numbers."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdflower.sandbox import clock as clock_module
from crowdflower.sandbox.clock import MAX_TIME, Clock, RandomStream, iso, report_time
from crowdflower.sandbox.errors import Declined, Invalid, Unfunded


def test_virtual_time_moves_only_when_advanced() -> None:
    clock = Clock()
    before = clock.now()

    clock.advance(seconds=1, minutes=2, hours=3)

    assert clock.now() == clock.now() == before + 1 + 120 + 10_800


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="forward"):
        Clock().advance(seconds=-1)


@pytest.mark.parametrize("virtual", [True, False])
@pytest.mark.parametrize("seconds", [1e18, float("inf"), float("nan")])
def test_time_cannot_move_beyond_the_year_2100(seconds: float, virtual: bool) -> None:
    clock = Clock(virtual=virtual)

    with pytest.raises(ValueError, match="it cannot move by"):
        clock.advance(seconds)

    assert clock.now() < MAX_TIME
    assert iso(MAX_TIME) == "2100-01-01T00:00:00+00:00"


def test_real_time_runs_and_can_be_advanced() -> None:
    clock = Clock(virtual=False)
    before = clock.now()

    clock.advance(hours=1)

    assert 3600 <= clock.now() - before < 7200


class SystemTime:
    """A fake of :mod:`time`, whose system clock can be set back."""

    def __init__(self) -> None:
        self.now, self.uptime = 1_000_000.0, 50.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.uptime


def test_time_continues_when_the_system_clock_is_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    system = SystemTime()
    monkeypatch.setattr(clock_module, "time", system)
    clock = Clock(virtual=False)

    system.now -= 86_400
    before = clock.now()
    system.now += 5
    system.uptime += 5

    assert (before, clock.now()) == (1_000_000, 1_000_005)


def test_time_follows_when_the_system_clock_is_set_forward(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    system = SystemTime()
    monkeypatch.setattr(clock_module, "time", system)
    clock = Clock(virtual=False)

    system.now += 86_400

    assert clock.now() == 1_086_400


@pytest.mark.parametrize("virtual", [True, False])
def test_a_clock_catches_up_with_a_later_time(virtual: bool) -> None:
    clock = Clock(virtual=virtual)
    later = clock.now() + 3600

    clock.catch_up(later)
    clock.catch_up(later - 1800)

    assert later <= clock.now() < later + 60


def test_a_reset_clock_starts_again() -> None:
    clock = Clock(seed=5)
    first = (clock.now(), clock.token())
    clock.advance(minutes=1)

    clock.reset()

    assert (clock.now(), clock.token()) == first


def test_tokens_depend_on_the_seed_in_virtual_time_only() -> None:
    one, same, other = Clock(seed=1), Clock(seed=1), Clock(seed=2)

    assert [one.token() for _ in range(3)] == [same.token() for _ in range(3)]
    assert one.token() != other.token()
    assert Clock(virtual=False).token() != Clock(virtual=False).token()


def test_tokens_are_unique_and_as_long_as_requested() -> None:
    clock = Clock()

    with ThreadPoolExecutor(4) as pool:
        tokens = list(pool.map(lambda _: clock.token(), range(400)))

    assert len(set(tokens)) == 400
    assert {len(token) for token in tokens} == {32}
    assert len(clock.token(bits=256)) == 64
    assert len(clock.job_secret()) == 44


@settings(deadline=None)
@given(st.lists(st.integers() | st.text("ab,'"), max_size=4), st.lists(st.integers()))
def test_a_random_stream_depends_on_its_purpose_only(
    purpose: list[int | str], other: list[int | str]
) -> None:
    clock = Clock(seed=4)

    first = clock.random(*purpose).random()
    clock.random(*other).random()

    assert clock.random(*purpose).random() == first
    assert (clock.random(*other).random() == first) == (purpose == other)


def test_random_numbers_are_the_same_in_every_release() -> None:
    random = Clock(seed=7).random("answer", 3, 5, "sentiment")

    drawn = [round(random.random(), 6), random.randrange(1000), random.getrandbits(3)]

    assert drawn == [0.420983, 274, 5]


def test_random_numbers_are_uniform() -> None:
    random = RandomStream(b"a key")

    counts = Counter(random.randrange(10) for _ in range(10_000))

    assert set(counts) == set(range(10))
    assert max(abs(count - 1000) for count in counts.values()) < 150
    assert abs(sum(random.gauss(0, 1) for _ in range(10_000)) / 10_000) < 0.05


@settings(deadline=None)
@given(st.integers(1, 200))
def test_random_bits_have_the_requested_size(size: int) -> None:
    drawn = RandomStream(b"a key").getrandbits(size)

    assert 0 <= drawn < 2**size


def test_a_time_has_two_formats() -> None:
    assert iso(1435226060.999) == "2015-06-25T09:54:20+00:00"
    assert report_time(1435226060.999) == "6/25/2015 09:54:20"


def test_a_refusal_shows_its_status_and_message() -> None:
    assert str(Declined.errors(["Too short", "Too long"])) == "200 Too short; Too long"
    assert str(Invalid("No.")) == "422 No."
    assert str(Invalid.text("No.")) == "422 No."
    assert Unfunded(150.5, 1000).message.startswith("You have $1.50 available")
