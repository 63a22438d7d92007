"""Jobs through the API: JSON, list, states, channels, tags, account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    Api = Callable[..., Response]

# The keys of the service in 2014, in this order, and one key of 2015.
JOB_KEYS = """
id options title secret project_number alias judgments_per_unit units_per_assignment
pages_per_assignment max_judgments_per_worker max_judgments_per_ip gold_per_assignment
minimum_account_age_seconds execution_mode payment_cents custom_key design_verified
require_worker_login public_data variable_judgments_mode max_judgments_per_unit
expected_judgments_per_unit min_unit_confidence units_remain_finalized auto_order_timeout
auto_order_threshold completed_at state auto_order webhook_uri send_judgments_webhook language
minimum_requirements desired_requirements order_approved max_work_per_network copied_from
created_at updated_at included_countries excluded_countries instructions cml js css problem
confidence_fields gold units_count golds_count judgments_count support_email worker_ui_remix
crowd_costs quiz_mode_enabled completed fields
cml_fields fair_pay_enabled min_assignment_duration quiz_length schedule_fifo team_id time_per_page
"""

PING_KEYS = """
golden_units all_units ordered_units completed_units_estimate aggregated_units_cached
needed_judgments all_judgments golden_judgments tainted_judgments completed_gold_estimate
completed_non_gold_estimate
"""

ACCOUNT_KEYS = """
id email auth_code first_name last_name auth_key akon_id status created_at job_template_id balance
api_team_id
"""

COPY_MESSAGES = [
    ({}, {"success": "Job successfully copied."}),
    ({"all_units": "true"}, {"notice": "Job copied. Units will be copied over shortly."}),
    ({"gold": "true"}, {"notice": "Job copied. Test questions will be copied over shortly."}),
    (
        {"only_new_and_judgable": "true"},
        {"notice": "Job copied. New and judgable units will be copied over shortly."},
    ),
    (
        {"all_units": "true", "gold": "true"},
        {"notice": "Job copied. Units will be copied over shortly."},
    ),
]


def test_a_blank_job_has_all_keys_in_order(api: Api) -> None:
    created = api("POST", "/jobs").json()

    assert list(created) == JOB_KEYS.split()
    assert (created["title"], created["instructions"], created["cml"]) == (None, "", None)
    assert (created["state"], created["units_count"], created["crowd_costs"]) == (
        "unordered",
        0,
        0.0,
    )
    assert len(created["secret"]) == 44


def test_a_job_has_the_same_json_in_every_response(api: Api, job: int) -> None:
    shown_job = api("GET", f"/jobs/{job}").json()

    assert list(shown_job) == JOB_KEYS.split()
    assert api("GET", "/jobs").json() == [shown_job]
    assert api("PUT", f"/jobs/{job}", json={"job": {}}).json() == shown_job


def test_written_attributes_are_read_back(api: Api, job: int) -> None:
    wanted = {
        "title": "Another title – würde",
        "payment_cents": 7,
        "judgments_per_unit": 5,
        "options": {"after_gold": 4, "front_load": True},
        "included_countries": ["FI", "US"],
        "alias": "reviews",
        "auto_order": False,
    }

    changed = api("PUT", f"/jobs/{job}", json={"job": wanted}).json()

    countries = [{"code": "FI", "name": "Finland"}, {"code": "US", "name": "United States"}]
    assert changed["included_countries"] == countries
    assert changed["options"]["after_gold"] == 4
    assert {
        name: changed[name] for name in wanted if name not in {"options", "included_countries"}
    } == {name: wanted[name] for name in wanted if name not in {"options", "included_countries"}}
    assert api("GET", "/jobs/reviews").json() == changed


@pytest.mark.parametrize(
    "countries",
    [
        {"job[included_countries][]": ["US", "FI"]},
        {"job[included_countries][0]": "US", "job[included_countries][1]": "FI"},
        {"job[included_countries]": '["US", "FI"]'},
    ],
)
def test_a_list_of_countries_may_come_in_any_encoding(
    api: Api, job: int, countries: dict[str, Any]
) -> None:
    changed = api("PUT", f"/jobs/{job}", data=countries).json()

    assert [country["code"] for country in changed["included_countries"]] == ["US", "FI"]


@pytest.mark.parametrize("countries", ["[US, CX]", "[]", 7])
def test_an_invalid_list_of_countries_is_refused(api: Api, job: int, countries: Any) -> None:
    response = api("PUT", f"/jobs/{job}", json={"job": {"included_countries": countries}})

    assert response.status_code == 422
    assert response.json() == {"error": "Invalid format of included_countries attribute"}


def test_an_invalid_attribute_saves_nothing_and_is_refused_with_status_200(
    api: Api, job: int
) -> None:
    before = api("GET", f"/jobs/{job}").json()

    response = api("PUT", f"/jobs/{job}", json={"job": {"payment_cents": -1, "title": "New title"}})

    assert response.status_code == 200
    assert list(response.json()) == ["errors"]
    assert api("GET", f"/jobs/{job}").json() == before


def test_an_update_without_attributes_is_refused(api: Api, job: int) -> None:
    response = api("PUT", f"/jobs/{job}", data=b"job[title]=Lost for want of a Content-Type")

    assert response.status_code == 400
    assert response.json()["error"]["message"] == "Your request is missing required parameters."


def test_the_list_has_ten_jobs_a_page_the_newest_first(api: Api) -> None:
    created = [api("POST", "/jobs").json()["id"] for _ in range(12)]

    pages = [
        [job["id"] for job in api("GET", "/jobs", params={"page": page}).json()]
        for page in (0, 1, 2, 3)
    ]

    assert pages == [created[:1:-1], created[:1:-1], created[1::-1], []]


def test_the_list_can_be_filtered(api: Api, job: int) -> None:
    other = api("POST", "/jobs").json()["id"]
    api("POST", f"/jobs/{job}/tags", data={"tags": "fashion, glitter"})

    def listed(**filters: Any) -> list[int]:
        return [each["id"] for each in api("GET", "/jobs", params=filters).json()]

    assert listed(state="UNORDERED") == [other, job]
    assert listed(state="running") == []
    assert listed(tags="fashion") == [job]
    assert listed(**{"tags[]": ["fashion", "glitter"]}) == [job]
    assert listed(created_at_greater_equal="2015-06-24") == [other, job]
    assert listed(created_at_less_equal="24-06-2015") == [other, job]
    assert listed(created_at_greater_equal="06/25/2015") == []
    assert listed(created_at_less_equal="2015/06/23") == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "state",
            "launched",
            "Invalid state param (must be one of - unordered, running, canceled, finished, paused)",
        ),
        (
            "created_at_greater_equal",
            "04.15.2020",
            "Invalid created_at_greater_equal param (must have date format)",
        ),
        (
            "created_at_less_equal",
            "2015-02-30",
            "Invalid created_at_less_equal param (must have date format)",
        ),
    ],
)
def test_an_invalid_filter_is_refused(api: Api, name: str, value: str, message: str) -> None:
    response = api("GET", "/jobs", params={name: value})

    assert response.status_code == 422
    assert response.json() == {"error": {"message": message}}


def test_parameters_without_effect_cause_warnings(api: Api) -> None:
    response = api("GET", "/jobs", params={"limit": "100", "team_id": "x"})

    assert "limit is ignored" in response.headers["X-Sandbox-Warning"]
    assert "team_id is ignored" in response.headers["X-Sandbox-Warning"]


def test_a_deleted_job_leaves_the_list_and_can_still_be_read(api: Api, job: int) -> None:
    response = api("DELETE", f"/jobs/{job}")

    assert response.json() == {"message": {"success": f"Job {job} has been deleted."}}
    assert api("GET", "/jobs").json() == []
    assert api("GET", f"/jobs/{job}").json()["state"] == "unordered"
    assert api("DELETE", f"/jobs/{job}").status_code == 404


@pytest.mark.parametrize("verb", ["GET", "POST"])
@pytest.mark.parametrize(("parameters", "message"), COPY_MESSAGES)
def test_a_copy_has_a_message_about_its_rows(
    api: Api, job: int, verb: str, parameters: dict[str, str], message: dict[str, str]
) -> None:
    copied = api(verb, f"/jobs/{job}/copy", params=parameters).json()

    units = 6 if parameters.keys() & {"all_units", "only_new_and_judgable"} else 0
    assert list(copied) == [*JOB_KEYS.split(), "message"]
    assert copied["message"] == message
    assert copied["copied_from"] == job
    assert len(api("GET", f"/jobs/{copied['id']}/units").json()) == units


@pytest.mark.parametrize("verb", ["GET", "PUT"])
def test_a_job_is_launched_paused_resumed_and_canceled(api: Api, job: int, verb: str) -> None:
    def state() -> str:
        found: str = api("GET", f"/jobs/{job}").json()["state"]
        return found

    order = {"debit": {"units_count": 6}, "channels": ["cf_internal"]}
    assert api("POST", f"/jobs/{job}/orders", json=order).status_code == 200
    assert state() == "running"

    for action, message, new_state in [
        ("pause", "Your job is being paused.", "paused"),
        ("resume", "Your job is being resumed.", "running"),
        ("cancel", "Your job is being canceled.", "canceled"),
    ]:
        assert api(verb, f"/jobs/{job}/{action}").json() == {"success": message}
        assert state() == new_state


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("pause", "You can't pause a job that hasn't been launched."),
        ("resume", "You can only resume jobs that are paused or complete."),
        ("cancel", "You can't cancel a job that hasn't been launched."),
    ],
)
def test_an_impossible_change_of_state_is_refused_with_status_200(
    api: Api, job: int, action: str, message: str
) -> None:
    response = api("GET", f"/jobs/{job}/{action}")

    assert response.status_code == 200
    assert response.json() == {"error": message}


def test_ping_counts(api: Api, judged_job: int) -> None:
    counted = api("GET", f"/jobs/{judged_job}/ping").json()

    assert list(counted) == PING_KEYS.split()
    assert counted["all_units"] == 4
    assert counted["golden_units"] == 1
    assert counted["all_judgments"] == 7
    assert counted["tainted_judgments"] == 2


def test_the_legend_lists_questions_and_options(api: Api, job: int) -> None:
    assert api("GET", f"/jobs/{job}/legend").json() == {
        "sentiment": {
            "What is the sentiment?": {
                "positive": "Positive",
                "neutral": "Neutral",
                "negative": "Negative",
            }
        },
        "topics": {"Which topics are mentioned?": {"price": "Price", "delivery": "Delivery"}},
        "any_comments": {"Any comments?": {}},
    }


@pytest.mark.parametrize(
    "channels",
    [
        {"channels[]": ["on_demand", "cf_internal"]},
        {"channels[0]": "on_demand", "channels[1]": "cf_internal"},
        {"channels": "on_demand,cf_internal"},
    ],
)
def test_channels_are_replaced_added_and_disabled(
    api: Api, job: int, channels: dict[str, Any]
) -> None:
    def enabled(response: Response) -> list[str]:
        assert response.json()["success"] == "The job has been updated."
        names: list[str] = response.json()["enabled_channels"]
        return names

    assert api("GET", f"/jobs/{job}/channels").json()["enabled_channels"] == ["cf_internal"]
    put = api("PUT", f"/jobs/{job}/channels", data={"channels": "neodev"})
    assert enabled(put) == ["neodev"]
    post = api("POST", f"/jobs/{job}/channels", data=channels)
    assert enabled(post) == ["cf_internal", "neodev", "on_demand"]
    disable = api("POST", f"/jobs/{job}/disable_channel", data={"channel_name": "neodev"})
    assert enabled(disable) == ["cf_internal", "on_demand"]


def test_the_channels_of_every_decade_are_available(api: Api, job: int) -> None:
    """``amt`` to ``sama`` are in the Jobs document and in a Java client."""
    wanted = ["amt", "gambit", "iphone", "mob", "sama", "on_demand"]

    changed = api("PUT", f"/jobs/{job}/channels", json={"channels": wanted}).json()

    assert changed["enabled_channels"] == sorted(wanted)
    assert changed["available_channels"] == sorted(
        {*wanted, "4x4bux_com", "bitcoinget", "cf_internal", "clixsense", "elite", "neodev"}
    )


def test_an_unknown_channel_is_refused_with_the_list_of_channels(api: Api, job: int) -> None:
    response = api("PUT", f"/jobs/{job}/channels", json={"channels": ["amtt", "on_demand"]})

    assert response.status_code == 200
    assert response.json()["error"] == "The channel amtt could not be found."
    assert response.json()["enabled_channels"] == ["cf_internal"]
    assert "on_demand" in response.json()["available_channels"]


@pytest.mark.parametrize(
    ("verb", "path", "data"),
    [
        ("PUT", "channels", {}),
        ("POST", "channels", {"channel": "cf_internal"}),
        ("POST", "disable_channel", {}),
        ("POST", "tags", {}),
        ("POST", "orders", {"channels": "cf_internal"}),
        ("POST", "units", {}),
        ("POST", "units", {"unit[golden]": "true"}),
        ("GET", "units/split", {}),
    ],
)
def test_a_missing_parameter_is_refused(
    api: Api, job: int, verb: str, path: str, data: dict[str, str]
) -> None:
    response = api(verb, f"/jobs/{job}/{path}", data=data)

    assert response.status_code == 400
    assert response.json() == {"error": {"message": "Your request is missing required parameters."}}


def test_tags_are_added_set_and_removed(api: Api, job: int) -> None:
    def names() -> list[str]:
        return [tag["name"] for tag in api("GET", f"/jobs/{job}/tags").json()]

    assert names() == []
    added = api("POST", f"/jobs/{job}/tags", data={"tags": "glitter"}).json()
    assert added == {"success": "1 tags added"}
    replaced = api(
        "PUT", f"/jobs/{job}/tags", json={"tags": ["fashion", "shoes", "glitter"]}
    ).json()
    assert replaced == {"success": "3 tags set"}
    api("DELETE", f"/jobs/{job}/tags", data={"tags[]": ["shoes"]})
    assert names() == ["fashion", "glitter"]


def test_the_account_has_its_balance_in_cents_and_not_its_key(api: Api) -> None:
    account = api("GET", "/account").json()

    assert list(account) == ACCOUNT_KEYS.split()
    assert account["balance"] == 10_000
    assert "planted-key" not in str(account)


def test_a_job_found_by_alias_may_change_its_alias_with_ignored_parameters(api: Api) -> None:
    created = api("POST", "/jobs", json={"job": {"alias": "reviews"}}).json()["id"]
    parameters = {
        "headers": {"Idempotency-Key": "8a1"},
        "json": {"job": {"alias": "ratings", "id": 7}},
    }

    first = api("PUT", "/jobs/reviews", **parameters)
    repeated = api("PUT", "/jobs/reviews", **parameters)

    assert first.json()["alias"] == "ratings"
    assert "id" in first.headers["X-Sandbox-Warning"]
    assert repeated.content == first.content
    assert api("GET", "/jobs/ratings").json()["id"] == created
