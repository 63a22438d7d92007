"""Every value that a job accepts is shown when the job is read, in its JSON and by the client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox.rules.settings import attributes

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.job import Job

# A value that has no effect in the sandbox is stored and shown all the same, with a warning.
pytestmark = pytest.mark.filterwarnings("ignore:.*no effect in the sandbox")

SETTABLE = {
    *attributes.ATTRIBUTE_TYPES,
    *attributes.OLD_NAMES,
    "included_countries",
    "excluded_countries",
}
OPTIONS = {*attributes.OPTION_TYPES, *attributes.NO_EFFECT_OPTIONS}

FORM = '<cml:text label="Why?" name="why" validates="required" aggregation="agg"/>'
LEVEL_3 = {"priority": 1, "skill_scores": {"level_3_contributors": 1}, "min_score": 1}

VALUES: dict[str, Any] = {
    "alias": "reviews",
    "auto_order": True,
    "auto_order_threshold": 7,
    "auto_order_timeout": 60,
    "auto_order_timout": 60,
    "cml": FORM,
    "cml_fields": {"sentiment": "all", "topics": "agg"},
    "confidence_fields": ["topics"],
    "css": "p {}",
    "custom_key": "k",
    "desired_requirements": LEVEL_3,
    "design_verified": False,
    "excluded_countries": ["FI"],
    "execution_mode": "builder",
    "expected_judgments_per_unit": 4,
    "fair_pay_enabled": True,
    "fields": {"sentiment": "all", "topics": "agg"},
    "gold_per_assignment": 2,
    "included_countries": ["FI"],
    "instructions": "Look.",
    "js": "1",
    "judgments_per_unit": 4,
    "language": "fi",
    "max_judgments_per_ip": 4,
    "max_judgments_per_unit": 8,
    "max_judgments_per_worker": 4,
    "max_work_per_network": 4,
    "min_assignment_duration": 4,
    "min_unit_confidence": 0.8,
    "minimum_account_age_seconds": 4,
    "minimum_requirements": LEVEL_3,
    "options": {"keywords": "mood"},
    "order_approved": False,
    "pages_per_assignment": 2,
    "payment_cents": 7,
    "problem": FORM,
    "project_number": "p",
    "public_data": True,
    "quiz_length": 5,
    "require_worker_login": True,
    "schedule_fifo": True,
    "send_judgments_webhook": True,
    "support_email": "help@example.com",
    "team_id": "t",
    "time_per_page": 60,
    "title": "Another title",
    "units_per_assignment": 4,
    "units_remain_finalized": True,
    "variable_judgments_mode": "auto_confidence",
    "webhook_uri": "http://127.0.0.1:9/",
    "worker_ui_remix": False,
}
"""A value of each attribute that is not its default."""

OPTION_VALUES: dict[str, Any] = {
    "after_gold": 6,
    "calibrated_unit_time": 6,
    "confidence_fields": ["sentiment"],
    "dynamic_judgment_fields": ["sentiment"],
    "dynamic_matching": 2,
    "front_load": True,
    "gold_always": True,
    "hide_correct_answers": True,
    "htl_report": True,
    "ignore_gold": True,
    "include_tainted": False,
    "include_unfinished": False,
    "keywords": "mood",
    "logical_aggregation": False,
    "mail_to": "ada@example.com",
    "reject_at": 80,
    "req_ttl_in_seconds": 600,
    "track_clones": False,
    "whole_batches": True,
}

NAMESAKES = {"auto_order_timout": "auto_order_timeout", "problem": "cml"}
"""Names under which the value of another name is shown."""

FINLAND = [{"code": "FI", "name": "Finland"}]


@pytest.mark.parametrize("by", ["update", "create"])
@pytest.mark.parametrize("name", sorted(SETTABLE))
def test_an_attribute_is_shown_when_read(client: Client, draft: Job, name: str, by: str) -> None:
    value = VALUES[name]
    shown_as = NAMESAKES.get(name, name)
    if by == "update":
        before = draft[shown_as]
        client.update_job(draft.id, {name: value})
        number = draft.id
    else:
        form = {} if shown_as == "cml" else {"cml": draft.cml}
        before = client.create_job(form)[shown_as]
        number = client.create_job({**form, name: value}).id

    job = client.get_job(number)

    expected = FINLAND if name.endswith("_countries") else value
    if name == "options":
        expected = before | value
    assert before != expected
    assert job.json[shown_as] == getattr(job, shown_as) == expected


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_an_option_is_shown_when_read(client: Client, draft: Job, name: str) -> None:
    client.update_job(draft.id, {"options": {name: OPTION_VALUES[name]}})

    job = client.get_job(draft.id)

    assert draft.options.get(name) != OPTION_VALUES[name]
    assert job.json["options"][name] == job.options[name] == OPTION_VALUES[name]


def test_what_a_job_shows_can_be_sent_back(client: Client, draft: Job) -> None:
    """Scripts copy the settings of one job to another; options are merged, and null is blank."""
    client.update_job(draft.id, {"quiz_length": 5, "options": {"keywords": "mood"}})
    left_out = {"options", "included_countries", "excluded_countries"}
    shown = {
        name: value
        for name, value in draft.reload().json.items()
        if name in SETTABLE - left_out and value is not None
    }

    copied = client.create_job(shown)

    assert {name: copied.json[name] for name in shown} == shown
    assert shown["quiz_length"] == 5
