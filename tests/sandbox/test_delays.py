"""Simulated delays: effects stay hidden for a number of polls or of seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox import Sandbox
from crowdflower.sandbox.control.delays import KINDS, Delay, Delays

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crowdflower.job import Job

ROWS: list[dict[str, Any]] = [{"text": f"row {number}"} for number in range(8)]
GOLD = {"text": "known", "_golden": "TRUE", "like_gold": "good"}
FORM = '<cml:text label="What is it like?" name="like" validates="required"/>'


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(seed=4) as box:
        yield box


@pytest.fixture
def job(box: Sandbox) -> Job:
    job = box.client().upload_job([*ROWS, GOLD])
    job.title, job.instructions, job.cml = "Reviews", "Read them.", FORM
    job.update()
    return job


def poll_states(box: Sandbox, job: Job, polls: int = 3) -> list[str]:
    """Read a job several times; return its states."""
    return [box.client().get_job(job.id).state for _ in range(polls)]


def test_uploaded_units_appear_gradually(box: Sandbox) -> None:
    box.transitions["upload"] = 3
    job = box.client().upload_job(ROWS)

    polls = [job.client.jobs[job.id].units.ping() for _ in range(5)]

    assert [each["done"] for each in polls] == [False, False, False, True, True]
    assert [each["count"] for each in polls] == [0, 2, 4, 8, 8]


def test_a_delay_may_be_in_seconds(box: Sandbox) -> None:
    box.transitions["upload"] = Delay(seconds=60)
    job = box.client().upload_job(ROWS)
    ping = job.client.jobs[job.id].units.ping

    first_polls = [ping() for _ in range(9)]
    box.clock.advance(seconds=30)
    half = ping()
    box.clock.advance(seconds=30)

    assert {each["done"] for each in first_polls} == {False}
    assert half == {"done": False, "count": 4}
    assert ping() == {"done": True, "count": 8}


@pytest.mark.filterwarnings("ignore:1 row has _golden")
def test_changes_of_state_are_delayed(box: Sandbox, job: Job) -> None:
    for kind in ("order", "pause", "resume", "cancel"):
        box.transitions[kind] = 1
    client = box.client()

    client.debit_order(job, 8, ["on_demand"])
    launched = poll_states(box, job)
    client.jobs[job.id].pause()
    paused = poll_states(box, job)
    client.jobs[job.id].resume()
    resumed = poll_states(box, job)
    client.jobs[job.id].cancel()
    canceled = poll_states(box, job)

    assert launched == ["unordered", "running", "running"]
    assert paused == ["running", "paused", "paused"]
    assert resumed == ["paused", "running", "running"]
    assert canceled == ["running", "canceled", "canceled"]


@pytest.mark.filterwarnings("ignore:1 row has _golden")
def test_a_change_takes_effect_before_it_is_visible(box: Sandbox, job: Job) -> None:
    box.transitions["order"] = Delay(seconds=1e6)
    box.client().debit_order(job, 8, ["on_demand"])
    box.crowd.add(3, texts={"like": ["fine"]})

    summary = box.crowd.run(job)

    assert summary.state == "finished"


def test_the_units_of_a_copy_are_delayed(box: Sandbox, job: Job) -> None:
    box.transitions["copy"] = 2
    client = box.client()

    copied = client.copy_job(job.id, all_units=True, gold=False)
    polls = [client.get_job(copied.id).units_count for _ in range(3)]

    assert copied.units_count == 0
    assert polls == [0, 0, 9]


def test_converted_test_questions_are_delayed(box: Sandbox, job: Job) -> None:
    box.transitions["gold"] = 1

    job.convert_test_questions()

    assert [box.client().get_job(job.id).golds_count for _ in range(2)] == [0, 1]


def test_a_reset_keeps_the_delays_and_clears_pending_changes(box: Sandbox) -> None:
    box.transitions["upload"] = 1
    first = box.client().upload_job(ROWS)
    box.reset()
    box.transitions["upload"] = 0
    second = box.client().upload_job(ROWS)

    assert second.id == first.id
    assert box.client().jobs[second.id].units.ping()["done"] is True


def test_unknown_kinds_and_negative_delays_are_refused(box: Sandbox) -> None:
    with pytest.raises(KeyError, match="'uploads' cannot be delayed"):
        box.transitions["uploads"] = 1
    with pytest.raises(ValueError, match="0 or more"):
        box.transitions["upload"] = -1
    with pytest.raises(ValueError, match="0 or more"):
        Delay(seconds=float("nan"))

    assert {box.transitions[kind] for kind in KINDS} == {Delay()}


def test_a_delay_in_polls_and_seconds_ends_after_both() -> None:
    now = 0.0
    delays = Delays({"order": Delay(polls=1, seconds=10)}, lambda: now)
    delays.begin("order", 7, {"state": "unordered"})

    first_polls = [delays.poll("order", 7) for _ in range(3)]
    now = 10.0

    assert max(first_polls) < 1
    assert delays.poll("order", 7) == 1


def test_repeated_work_is_delayed_again() -> None:
    delays = Delays({"gold": 1})
    delays.begin("gold", 7, {"golds_count": 0})
    delays.hide_changes(7, {})
    delays.begin("gold", 7, {"golds_count": 1})

    polls = [delays.hide_changes(7, {"golds_count": 2})["golds_count"] for _ in range(2)]

    assert polls == [1, 2]
