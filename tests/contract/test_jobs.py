"""Jobs: create, update, copy, delete, list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crowdflower.client import Client
from crowdflower.exceptions import (
    ApplicationError,
    AuthenticationError,
    NotFound,
    PaymentRequired,
    ValidationError,
)
from crowdflower.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox


def test_a_job_has_the_attributes_it_was_created_with(client: Client) -> None:
    job = client.create_job(
        {
            "title": "Grüße & “more”",
            "instructions": "<p>Ärger?</p>",
            "judgments_per_unit": 5,
            "options": {"front_load": True, "reject_at": 60},
            "included_countries": ["FI", "US"],
        }
    )

    again = client.get_job(job.id)
    assert again.title == "Grüße & “more”"
    assert again.instructions == "<p>Ärger?</p>"
    assert again.judgments_per_unit == 5
    assert again.options["front_load"] is True
    assert [country["code"] for country in again.included_countries] == ["FI", "US"]
    assert again.state == "unordered"
    assert again.units_count == 0


def test_an_update_sends_only_changed_attributes(client: Client, draft: Job) -> None:
    elsewhere = client.get_job(draft.id)
    elsewhere.payment_cents = 25
    elsewhere.update()

    draft.judgments_per_unit = 4
    draft.update()

    assert draft.payment_cents == 25
    assert client.get_job(draft.id).judgments_per_unit == 4


def test_fields_gold_and_legend_come_from_the_form(draft: Job) -> None:
    assert draft.fields == {"sentiment": "agg", "topics": "agg"}
    assert draft.gold == {"sentiment": "sentiment_gold"}
    assert draft.legend()["sentiment"] == {
        "What does the review say?": {"good": "Good", "bad": "Bad"}
    }


def test_an_invalid_form_is_refused_and_nothing_is_saved(client: Client, draft: Job) -> None:
    draft.cml = '<cml:radios label="Which?" name="which"></cml:radios>'

    with pytest.raises(ApplicationError, match="line 1"):
        draft.update()

    assert "sentiment" in (client.get_job(draft.id).cml or "")


def test_all_jobs_are_listed_newest_first(client: Client) -> None:
    made = [client.create_job({"title": f"Number {number}"}).id for number in range(23)]

    assert [job.id for job in client.get_jobs()] == made[::-1]
    assert next(client.get_jobs()).title == "Number 22"


def test_jobs_are_found_by_state_and_by_tag(client: Client, finished: Job) -> None:
    other = client.create_job({"title": "Another one"})
    other.tags = ["spring"]

    assert [job.id for job in client.get_jobs(state="finished")] == [finished.id]
    assert [job.id for job in client.get_jobs(tags=["spring"])] == [other.id]


def test_a_copy_has_the_settings_and_the_requested_rows(draft: Job) -> None:
    bare, full = draft.copy(), draft.copy(all_units=True)

    assert (bare.copied_from, bare.title, bare.reload().units_count) == (draft.id, draft.title, 0)
    assert full.reload().units_count == 12
    assert full.state == "unordered"


def test_a_deleted_job_is_not_listed_but_still_readable(client: Client, draft: Job) -> None:
    draft.delete()

    assert list(client.get_jobs()) == []
    assert client.get_job(draft.id).state == "unordered"


def test_tags_are_added_replaced_and_removed(draft: Job) -> None:
    draft.tags = ["reviews", "spring", "ümlaut"]
    draft.add_tag("last")
    draft.remove_tags(["spring"])

    assert draft.tags == ["reviews", "ümlaut", "last"]


def test_channels_are_replaced_added_and_disabled(draft: Job) -> None:
    draft.channels = ["cf_internal"]
    draft.add_channels(["clixsense", "neodev"])
    draft.disable_channel("neodev")

    assert draft.channels == ["cf_internal", "clixsense"]
    assert "neodev" in draft.client.get_job_channels(draft.id)["available_channels"]


def test_an_unknown_channel_is_refused_by_name_and_nothing_changes(draft: Job) -> None:
    before = draft.channels

    with pytest.raises(ApplicationError, match="The channel amtt could not be found"):
        draft.channels = ["cf_internal", "amtt"]

    assert draft.channels == before


def test_a_job_can_be_launched_paused_resumed_and_canceled(draft: Job) -> None:
    states = []
    draft.launch(12)
    states.append(draft.state)
    for act in (draft.pause, draft.resume, draft.cancel):
        act()
        states.append(draft.state)

    assert states == ["running", "paused", "running", "canceled"]


@pytest.mark.parametrize("act", ["pause", "resume", "cancel"])
def test_a_job_that_was_never_launched_cannot_be_paused_resumed_or_canceled(
    draft: Job, act: str
) -> None:
    with pytest.raises(ApplicationError):
        getattr(draft, act)()

    assert draft.reload().state == "unordered"


def test_a_wrong_key_is_refused(client: Client, box: Sandbox) -> None:
    with (
        Client("not-the-key", box.url) as stranger,
        pytest.raises(AuthenticationError) as caught,
    ):
        stranger.get_job(1)

    assert "not-the-key" not in str(caught.value)


def test_an_unknown_job_is_not_found(client: Client) -> None:
    with pytest.raises(NotFound, match="We couldn't find what you were looking for"):
        client.get_job(999)


@pytest.mark.parametrize(
    ("act", "named"),
    [
        (lambda job: job.client.get_job(99), "no job 99"),
        (lambda job: job.client.get_job("spring/1"), "no job spring/1"),
        (lambda job: job.client.update_job(99, {"title": "Another"}), "no job 99"),
        (lambda job: job.client.delete_job(99), "no job 99"),
        (lambda job: list(job.client.get_units(99)), "no job 99"),
        (lambda job: job.client.get_job_tags(99), "no job 99"),
        (lambda job: job.client.jobs[99].pause(), "no job 99"),
        (lambda job: job.client.upload_job([{"a": 1}], 99), "no job 99"),
        (lambda job: job.get_unit(5), "no unit 5 in job {}"),
        (lambda job: Unit(job, id=5).get_judgments(), "no unit 5 in job {}"),
        (lambda job: job.get_judgment(5), "no judgment 5 in job {}"),
        (lambda job: job.client.get_order(job, 5), "no order 5 in job {}"),
        (lambda job: job.get_worker(5).flag("Too fast"), "no worker 5 in job {}"),
        (lambda job: job.get_worker(5).bonus(5), "no worker 5 in job {}"),
        (lambda job: job.get_worker(5).notify("Hello"), "no worker 5 in job {}"),
    ],
)
def test_what_was_not_found_is_named(draft: Job, act: Callable[[Job], object], named: str) -> None:
    with pytest.raises(NotFound, match=rf"404 .*: {named.format(draft.id)}: We couldn't find"):
        act(draft)


def test_a_path_that_does_not_exist_names_no_job(draft: Job) -> None:
    with pytest.raises(NotFound, match=r"404 \w+ \w+: We couldn't find"):
        draft.client.call(f"jobs/{draft.id}/channels.json")
    with pytest.raises(NotFound, match=r"404 \w+ \w+: We couldn't find"):
        draft.client.call(f"jobs/{draft.id}/chanels")


def test_a_job_that_is_not_ready_is_not_launched(client: Client, draft: Job) -> None:
    bare = client.upload_job([{"text": "one"}] * 6)

    with pytest.raises(ValidationError):
        bare.launch(6)

    assert bare.reload().state == "unordered"


def test_a_launch_beyond_the_balance_is_refused(client: Client, draft: Job) -> None:
    draft.payment_cents = 1_000_000
    draft.update()
    balance = client.get_account()["balance"]

    with pytest.raises(PaymentRequired, match=r"\$1,?000\.00"):
        draft.launch(12)

    assert draft.reload().state == "unordered"
    assert client.get_account()["balance"] == balance


def test_an_update_without_title_instructions_and_form_names_what_is_missing(
    client: Client,
) -> None:
    job = client.create_job({"title": "A title"})
    job.payment_cents = 5

    with pytest.raises(RuntimeError, match="set instructions and cml first"):
        job.update()
