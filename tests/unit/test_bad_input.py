"""What cannot be meant is refused before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import InvalidInput
from crowdflower.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Sent

    from crowdflower.client import Client
    from crowdflower.job import Job

NO_IDS = [None, 0, -7, 7.0, True, "", "ping", "7/copy", "٧"]
NO_ROWS = [None, 7, "text", [1], [("text", "hi")], {1: "one"}, {None: "none"}]
NO_NAMES = ["sentiment", [""], ["a", None], [7], ["a", " "]]


@pytest.mark.parametrize("bad", NO_IDS, ids=repr)
@pytest.mark.parametrize(
    "call",
    [
        lambda job, bad: job.client.get_unit(7, bad),
        lambda job, bad: job.client.get_unit_judgments(7, bad),
        lambda job, bad: job.client.cancel_unit(7, bad),
        lambda job, bad: job.client.get_judgment(7, bad),
        lambda job, bad: job.client.get_order(7, bad),
        lambda job, bad: job.get_worker(bad).flag("Too fast"),
        lambda job, bad: job.get_worker(bad).bonus(5),
        lambda job, bad: Unit(job, id=bad).delete(),
        lambda job, bad: Unit(job, id=bad).copy(),
        lambda job, bad: Unit(job, id=bad).request_more_judgments(1),
    ],
)
def test_what_is_no_id_is_no_path(
    job: Job, sent: list[Sent], call: Callable[[Job, Any], object], bad: Any
) -> None:
    with pytest.raises(InvalidInput, match="is not an id"):
        call(job, bad)

    assert sent == []


def test_an_id_out_of_a_table_is_one(job: Job) -> None:
    shown = job.get_worker("31883685").bonus(5, dry_run=True)  # type: ignore[arg-type]

    assert shown.url.endswith("/workers/31883685/bonus.json")


@pytest.mark.parametrize("bad", NO_ROWS, ids=repr)
@pytest.mark.parametrize(
    "call",
    [
        lambda job, bad: job.add_unit(bad),
        lambda job, bad: job.client.add_unit(7, bad),
        lambda job, bad: Unit(job, id=3).copy(data=bad or 0),
    ],
)
def test_what_is_no_row_is_not_added(
    job: Job, sent: list[Sent], call: Callable[[Job, Any], object], bad: Any
) -> None:
    with pytest.raises(InvalidInput, match=r"a row must be a dict|column name"):
        call(job, bad)

    assert sent == []


@pytest.mark.parametrize("bad", [None, [], "title", ["title"], [("title", "Reviews")]], ids=repr)
def test_what_are_no_attributes_make_no_blank_job(
    client: Client, sent: list[Sent], bad: Any
) -> None:
    with pytest.raises(InvalidInput, match="attributes of a job must be a dict"):
        client.create_job(bad)
    with pytest.raises(InvalidInput, match="attributes of a job must be a dict"):
        client.update_job(7, bad)

    assert sent == []


@pytest.mark.parametrize("bad", NO_NAMES, ids=repr)
@pytest.mark.parametrize(
    "call",
    [
        lambda job, bad: job.client.set_job_tags(7, bad),
        lambda job, bad: job.client.remove_job_tags(7, bad),
        lambda job, bad: job.client.set_job_channels(7, bad),
        lambda job, bad: job.add_channels(bad),
        lambda job, bad: job.launch(5, bad),
        lambda job, bad: list(job.client.get_jobs(tags=bad)),
        lambda job, bad: job.split_units(bad),
        lambda job, bad: job.collect_dynamically(bad, 0.7, 5),
    ],
)
def test_what_is_no_list_of_names_is_not_taken_for_one(
    job: Job, sent: list[Sent], call: Callable[[Job, Any], object], bad: Any
) -> None:
    with pytest.raises(InvalidInput, match=r"list of strings|a non-empty string"):
        call(job, bad)

    assert sent == []


def test_a_comma_makes_no_two_names_of_one(job: Job, sent: list[Sent]) -> None:
    with pytest.raises(InvalidInput, match="a comma would split it in two"):
        job.split_units(["colors,sizes"])
    with pytest.raises(InvalidInput, match="a comma would split it in two"):
        list(job.client.get_jobs(tags=["spring", "a,b"]))

    assert sent == []


@pytest.mark.parametrize("bad", ["", None, ["a", "b"]], ids=repr)
def test_what_is_no_name_is_not_taken_for_one(job: Job, sent: list[Sent], bad: Any) -> None:
    with pytest.raises(InvalidInput, match="expected a non-empty string"):
        job.add_tag(bad)
    with pytest.raises(InvalidInput, match="expected a non-empty string"):
        job.disable_channel(bad)

    assert sent == []


def test_no_column_and_no_field_is_not_taken_for_all(job: Job, sent: list[Sent]) -> None:
    with pytest.raises(InvalidInput, match="name the columns"):
        job.split_units([])
    with pytest.raises(InvalidInput, match="name the fields"):
        job.collect_dynamically([], 0.7, 5)

    assert sent == []


@pytest.mark.parametrize(
    "act",
    [
        lambda job: job.collect_dynamically(["sentiment"], 0.7, 0),
        lambda job: job.collect_dynamically(["sentiment"], "0.7", 5),
        lambda job: job.collect_dynamically(["sentiment"], float("nan"), 5),
        lambda job: job.order_automatically(threshold=10, timeout=-1),
        lambda job: job.order_automatically(threshold=0),
    ],
)
def test_what_was_refused_leaves_nothing_for_the_next_update(
    job: Job, sent: list[Sent], act: Callable[[Job], None]
) -> None:
    with pytest.raises(InvalidInput):
        act(job)
    job.update()

    assert sent == []


@pytest.mark.parametrize("name", ["created_since", "created_until"])
def test_a_day_is_a_date(client: Client, sent: list[Sent], name: str) -> None:
    jobs = client.get_jobs(**{name: "2015-06-24"})  # type: ignore[arg-type]

    with pytest.raises(InvalidInput, match=f"{name} must be a date, not '2015-06-24'"):
        next(jobs)

    assert sent == []
