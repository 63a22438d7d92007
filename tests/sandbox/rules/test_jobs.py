"""Jobs: created, listed, changed, copied, paused, resumed, canceled and deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from crowdflower.sandbox.errors import Declined, Invalid, NotFound
from crowdflower.sandbox.rules import accounts
from crowdflower.sandbox.rules.jobs import jobs, orders
from crowdflower.sandbox.rules.results import shapes
from crowdflower.sandbox.rules.settings import channels, tags
from crowdflower.sandbox.rules.units import units
from crowdflower.states import JOB_STATES

KEYS_OF_2014 = [
    "id",
    "options",
    "title",
    "secret",
    "project_number",
    "alias",
    "judgments_per_unit",
    "units_per_assignment",
    "pages_per_assignment",
    "max_judgments_per_worker",
    "max_judgments_per_ip",
    "gold_per_assignment",
    "minimum_account_age_seconds",
    "execution_mode",
    "payment_cents",
    "custom_key",
    "design_verified",
    "require_worker_login",
    "public_data",
    "variable_judgments_mode",
    "max_judgments_per_unit",
    "expected_judgments_per_unit",
    "min_unit_confidence",
    "units_remain_finalized",
    "auto_order_timeout",
    "auto_order_threshold",
    "completed_at",
    "state",
    "auto_order",
    "webhook_uri",
    "send_judgments_webhook",
    "language",
    "minimum_requirements",
    "desired_requirements",
    "order_approved",
    "max_work_per_network",
    "copied_from",
    "created_at",
    "updated_at",
    "included_countries",
    "excluded_countries",
    "instructions",
    "cml",
    "js",
    "css",
    "problem",
    "confidence_fields",
    "gold",
    "units_count",
    "golds_count",
    "judgments_count",
    "support_email",
    "worker_ui_remix",
    "crowd_costs",
    "quiz_mode_enabled",
    "completed",
    "fields",
]
KEYS_OF_OTHER_YEARS = [
    "cml_fields",  # the Jobs document
    "fair_pay_enabled",  # the service since 2020
    "min_assignment_duration",
    "quiz_length",
    "schedule_fifo",
    "team_id",
    "time_per_page",
]


def test_a_blank_job_has_the_defaults_of_the_service(world: Any) -> None:
    job = world.do(jobs.create, world.account, {})

    shown = shapes.job(job)

    assert list(shown) == KEYS_OF_2014 + KEYS_OF_OTHER_YEARS
    assert shown["id"] == 700001
    assert (shown["title"], shown["instructions"], shown["cml"]) == (None, "", None)
    assert (shown["state"], shown["completed"], shown["copied_from"]) == ("unordered", False, None)
    assert shown["options"] == {
        "logical_aggregation": True,
        "track_clones": True,
        "front_load": False,
        "after_gold": 10,
        "mail_to": "owner@example.com",
    }
    assert [shown[name] for name in ("judgments_per_unit", "units_per_assignment")] == [3, 5]
    assert (shown["payment_cents"], shown["gold_per_assignment"]) == (10, 0)
    assert (shown["gold"], shown["fields"], shown["confidence_fields"]) == ({}, None, None)
    assert len(shown["secret"]) == 44
    assert shown["support_email"] == world.account.email
    assert world.do(channels.read, job)[0] == []
    json.dumps(shown)


def test_a_form_names_the_questions_of_its_job(world: Any) -> None:
    cml = (
        '<cml:radios label="Sentiment?"><cml:radio label="good"/></cml:radios>'
        '<cml:textarea label="Any comments?"/>'
    )

    job = world.do(jobs.create, world.account, {"cml": cml, "title": "Sentiment"})

    assert job.fields == {"sentiment": "agg", "any_comments": "all"}
    assert job.gold["sentiment"] == "sentiment_gold"
    assert job.confidence_fields == ["sentiment"]
    assert world.do(jobs.legend, job)["sentiment"] == {"Sentiment?": {"good": "good"}}


def test_a_job_is_found_by_id_and_alias_and_only_by_its_owner(world: Any) -> None:
    other = world.do(accounts.open_account, key="other")
    job = world.do(jobs.create, world.account, {"alias": "reviews"})

    assert world.do(jobs.find, world.account, str(job.id)) == job
    assert world.do(jobs.find, world.account, "reviews") == job
    for account, reference in [
        (other, str(job.id)),
        (other, "reviews"),
        (world.account, "9"),
        (world.account, "9" * 40),
    ]:
        with pytest.raises(NotFound):
            world.do(jobs.find, account, reference)


def test_the_list_has_ten_jobs_per_page_newest_first(world: Any) -> None:
    made = [world.do(jobs.create, world.account, {}).id for _ in range(11)]

    pages = [
        [job.id for job in world.do(jobs.read_page, world.account, page=page)] for page in (1, 2, 3)
    ]

    assert pages == [made[:0:-1], [made[0]], []]


def test_the_list_can_be_filtered(world: Any) -> None:
    old = world.do(jobs.create, world.account, {})
    world.clock.advance(hours=1)
    later = world.clock.now()
    new = world.launch_job()
    world.do(tags.replace, new, ["fashion", "glitter"])
    world.do(tags.replace, old, ["fashion"])

    def list_ids(**narrowed: Any) -> list[int]:
        return [job.id for job in world.do(jobs.read_page, world.account, **narrowed)]

    assert list_ids(state="RUNNING") == [new.id]
    assert list_ids(state="unordered") == [old.id]
    assert list_ids(tags=["fashion"]) == [new.id, old.id]
    assert list_ids(tags=["fashion", "glitter"]) == [new.id]
    assert list_ids(created_from=later) == [new.id]
    assert list_ids(created_to=later - 1) == [old.id]


def test_the_list_knows_every_state_of_a_job() -> None:
    assert set(jobs.LISTED_STATES) == set(JOB_STATES)


def test_an_unknown_state_is_refused_with_the_known_ones(world: Any) -> None:
    with pytest.raises(Invalid) as caught:
        world.do(jobs.read_page, world.account, state="asleep")

    assert caught.value.message == (
        "Invalid state param (must be one of - unordered, running, canceled, finished, paused)"
    )


def test_a_deleted_job_is_not_listed_but_can_be_read(world: Any) -> None:
    job = world.do(jobs.create, world.account, {"alias": "reviews"})

    world.do(jobs.delete, job)

    assert world.do(jobs.read_page, world.account) == []
    assert world.do(jobs.find, world.account, str(job.id)).state == "unordered"
    with pytest.raises(NotFound):
        world.do(jobs.update, job, {"title": "Too late"})
    with pytest.raises(NotFound):
        world.do(jobs.delete, job)
    assert world.do(jobs.create, world.account, {"alias": "reviews"}).alias == "reviews"


def test_a_running_job_cannot_be_deleted_and_a_paused_one_returns_its_money(world: Any) -> None:
    job = world.launch_job()
    with pytest.raises(Invalid):
        world.do(jobs.delete, job)
    world.do(jobs.pause, job)

    world.do(jobs.delete, job)

    assert world.balance() == 100_000


STEPS: dict[str, Callable[..., Any]] = {
    "pause": jobs.pause,
    "resume": jobs.resume,
    "cancel": jobs.cancel,
}

NOT_LAUNCHED = "You can't {} a job that hasn't been launched."
NOT_PAUSED = "You can only resume jobs that are paused or complete."


@pytest.mark.parametrize(
    ("way", "result"),
    [
        ("pause", NOT_LAUNCHED.format("pause")),
        ("resume", NOT_PAUSED),
        ("cancel", NOT_LAUNCHED.format("cancel")),
        ("order pause", "paused"),
        ("order pause pause", "You can only pause jobs that are running."),
        ("order pause resume", "running"),
        ("order resume", NOT_PAUSED),
        ("order cancel", "canceled"),
        ("order pause cancel", "canceled"),
        ("order cancel resume", NOT_PAUSED),
        ("order cancel cancel", "You can't cancel a job that is canceled."),
        ("order cancel pause", "You can only pause jobs that are running."),
        ("order finish", "finished"),
        ("order finish cancel", "You can't cancel a job that is finished."),
        (
            "order finish resume",
            "Every unit of this job is finalized. Order more units to resume it.",
        ),
        ("order finish upload order", "running"),
        ("order pause order", "There is no new unit to order. Upload more units."),
        ("order upload pause order", "running"),
    ],
)
def test_a_job_changes_state_or_refuses(world: Any, way: str, result: str) -> None:
    job = world.job(5)

    def run_steps() -> str:
        for step in way.split():
            if step == "order":
                world.do(orders.place, job, 0, ["on_demand"])
            elif step == "finish":
                world.finish(job, world.crowd(3))
            elif step == "upload":
                world.do(units.create, job, {"text": "one more"})
            else:
                world.do(STEPS[step], job)
        return str(world.reload(job).state)

    try:
        reached = run_steps()
    except (Declined, Invalid) as refusal:
        reached = refusal.message

    assert reached == result


def test_ping_counts_rows_and_judgments(world: Any) -> None:
    job = world.launch_job(10, golds=8)
    world.work(job, world.worker())

    ping = world.do(jobs.ping, job)

    assert ping == {
        "golden_units": 8,
        "all_units": 18,
        "ordered_units": 10,
        "completed_units_estimate": 0,
        "aggregated_units_cached": False,
        "needed_judgments": 26,
        "all_judgments": 5,
        "golden_judgments": 1,
        "tainted_judgments": 0,
        "completed_gold_estimate": 0,
        "completed_non_gold_estimate": 0,
    }


def test_ping_counts_completed_units(world: Any) -> None:
    job = world.launch_job(5, golds=8, judgments_per_unit=1)
    world.finish(job, world.crowd(2))

    ping = world.do(jobs.ping, job)

    assert (ping["completed_non_gold_estimate"], ping["needed_judgments"]) == (5, 0)
    assert ping["completed_gold_estimate"] == 2


@pytest.fixture
def varied_job(world: Any) -> Any:
    """A job with a finalized, a judgable, a new and a canceled unit, and two test questions."""
    job = world.job(4, golds=2, options={"mail_to": "me@example.com", "front_load": True})
    world.do(units.cancel, job, world.units(job)[3])
    world.do(units.create, job, {"text": "late"})
    world.do(orders.place, job, 2, ["on_demand"])
    world.do(units.update, job, world.units(job)[0], state="finalized")
    return world.reload(job)


@pytest.mark.parametrize(
    ("asked", "states"),
    [
        ({}, []),
        ({"all_units": True}, ["new", "new", "new", "canceled", "golden", "golden", "new"]),
        ({"gold": True}, ["golden", "golden"]),
        ({"only_new_and_judgable": True}, ["new", "new", "new"]),
        (
            {"all_units": True, "gold": True},
            ["new", "new", "new", "canceled", "golden", "golden", "new"],
        ),
    ],
)
def test_a_copy_has_the_requested_units(
    world: Any, varied_job: Any, asked: dict[str, bool], states: list[str]
) -> None:
    copied = world.do(jobs.copy, varied_job, **asked)

    assert [unit.state for unit in world.units(copied)] == states
    assert [unit.seq for unit in world.units(copied)] == list(range(1, len(states) + 1))
    world.do(units.create, copied, {"text": "goes on"})


def test_a_copy_has_the_settings_but_not_the_history(world: Any, varied_job: Any) -> None:
    copied = world.do(jobs.copy, varied_job, all_units=True)

    kept = ("title", "instructions", "cml", "gold", "fields", "payment_mc", "judgments_per_unit")
    assert [getattr(copied, name) for name in kept] == [getattr(varied_job, name) for name in kept]
    assert (copied.state, copied.copied_from) == ("unordered", varied_job.id)
    assert copied.secret != varied_job.secret
    assert copied.options["mail_to"] == "owner@example.com"
    assert copied.options["front_load"] is True
    assert (copied.judgments_count, copied.judgable_count) == (0, 0)
    assert copied.units_count == 7
