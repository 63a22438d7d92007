"""Orders, judgments and workers through the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    Api = Callable[..., Response]

UNIT_KEYS = """
id data difficulty judgments_count state agreement missed_count gold_pool created_at updated_at
job_id results
"""

JUDGMENT_KEYS = """
id created_at started_at webhook_sent_at external_type reviewed golden missed rejected tainted
country region city job_id unit_id worker_id judgment trust worker_trust unit_state data unit_data
"""

ORDER_KEYS = """
id type meta created_at updated_at user_id job_id amount_in_cents nuggeted_units_count
"""


@pytest.mark.parametrize(
    "settings",
    [
        {"data": {"debit[units_count]": "6", "channels[]": ["on_demand", "cf_internal"]}},
        {
            "data": {
                "debit[units_count]": "100",
                "channels[0]": "cf_internal",
                "channels[1]": "on_demand",
            }
        },
        {"json": {"debit": {"units_count": 6}, "channels": ["cf_internal", "on_demand"]}},
        {"params": {"debit[units_count]": "0", "channels": "cf_internal,on_demand"}},
    ],
)
def test_an_order_is_placed_and_read_back(
    api: Api, job: int, units: list[int], settings: dict[str, Any]
) -> None:
    order = api("POST", f"/jobs/{job}/orders", **settings).json()

    assert list(order) == ORDER_KEYS.split()
    assert (order["type"], order["job_id"], order["nuggeted_units_count"]) == ("Debit", job, 6)
    assert order["meta"]["starting_unit_id"] == units[0]
    assert order["meta"]["ending_unit_id"] == units[5]
    assert api("GET", f"/jobs/{job}/orders/{order['id']}").json() == order
    assert api("GET", f"/jobs/{job}").json()["state"] == "running"


def test_an_order_beyond_the_balance_is_refused_with_both_numbers(api: Api, job: int) -> None:
    api("PUT", f"/jobs/{job}", json={"job": {"payment_cents": 5000}})

    response = api(
        "POST", f"/jobs/{job}/orders", json={"debit": {"units_count": 6}, "channels": "on_demand"}
    )

    assert response.status_code == 402
    assert response.json()["error"]["message"].startswith(
        "You have $100.00 available but this order will cost $"
    )
    assert api("GET", f"/jobs/{job}").json()["state"] == "unordered"
    assert api("GET", "/account").json()["balance"] == 10_000


def test_more_judgments_are_requested(api: Api, job: int, units: list[int]) -> None:
    path = f"/jobs/{job}/units/{units[0]}/request_more_judgments"
    order = {"debit": {"units_count": 6}, "channels": ["cf_internal"]}
    api("POST", f"/jobs/{job}/orders", json=order)
    before = api("GET", f"/jobs/{job}/ping").json()["needed_judgments"]

    response = api("POST", path, data={"nb_judgments": "2"})

    assert response.json()["id"] == units[0]
    assert api("GET", f"/jobs/{job}/ping").json()["needed_judgments"] == before + 2
    assert api("POST", path).status_code == 400


def test_a_judged_unit_has_its_judgments_and_results(api: Api, judged_job: int) -> None:
    unit = api("GET", f"/jobs/{judged_job}/units/1").json()

    judgments = unit["results"]["judgments"]
    assert list(unit) == UNIT_KEYS.split()
    assert unit["judgments_count"] == len(judgments) == 4
    assert [list(each) for each in judgments] == [JUDGMENT_KEYS.split()] * 4
    assert unit["results"]["sentiment"] == {"agg": "negative", "confidence": 0.6421}
    assert api("GET", f"/jobs/{judged_job}/units/1/judgments").json() == judgments


def test_a_unit_may_be_read_without_results(api: Api, judged_job: int) -> None:
    unit = api("GET", f"/jobs/{judged_job}/units/1?simple=true").json()

    assert list(unit) == UNIT_KEYS.split()[:-1]


def test_judgments_are_aggregated_in_pages(api: Api, judged_job: int) -> None:
    page = api("GET", f"/jobs/{judged_job}/judgments").json()

    assert list(page) == ["1", "2", "4"]
    assert page["1"].keys() == {
        "_ids", "_agreement", "_state", "_updated_at",
        "review_id", "review_text", "sentiment", "topics", "any_comments",
    }  # fmt: skip
    assert page["1"]["_ids"] == [1605619374, 1605621852, 1605623001]
    assert page["1"]["sentiment"] == {
        "agg": "negative",
        "confidence": 0.6421,
        "res": ["negative", "negative", "neutral"],
    }
    assert page["1"]["any_comments"] == ["Two complaints", None, None]
    assert api("GET", f"/jobs/{judged_job}/judgments?page=2").json() == {}
    assert list(api("GET", f"/jobs/{judged_job}/judgments?page=2&limit=2").json()) == ["4"]


def test_a_single_judgment_is_read(api: Api, judged_job: int) -> None:
    judgment = api("GET", f"/jobs/{judged_job}/judgments/1605619374").json()

    assert list(judgment) == JUDGMENT_KEYS.split()
    assert (judgment["judgment"], judgment["unit_id"], judgment["trust"]) == (1, 1, 0.9444)
    assert judgment["data"]["topics"] == ["price", "delivery"]


def test_a_contributor_is_given_a_bonus(api: Api, judged_job: int) -> None:
    path = f"/jobs/{judged_job}/workers/31883685/bonus"

    response = api("POST", path, data={"amount": "150", "reason": "Careful work"})

    assert response.status_code == 200
    assert "success" in response.json()
    assert api("GET", "/account").json()["balance"] == 10_000 - 180


@pytest.mark.parametrize(
    ("worker", "parameters", "status"),
    [
        (31883685, {"amount": "2001"}, 422),
        (31883685, {"amount": "1.5"}, 422),
        (31883685, {"amount": "-5"}, 422),
        (31883685, {"message": "150"}, 422),
        (1, {"amount": "150"}, 404),
    ],
)
def test_a_refused_bonus_costs_nothing(
    api: Api, judged_job: int, worker: int, parameters: dict[str, str], status: int
) -> None:
    response = api("POST", f"/jobs/{judged_job}/workers/{worker}/bonus", data=parameters)

    assert response.status_code == status
    assert api("GET", "/account").json()["balance"] == 10_000


def test_a_contributor_is_notified(api: Api, judged_job: int) -> None:
    path = f"/jobs/{judged_job}/workers/31883685/notify"

    response = api("POST", path, data={"message": "Please read the instructions."})

    assert response.json() == {"success": {"message": "Contributor was successfully notified."}}
    assert api("POST", path).status_code == 400


@pytest.mark.parametrize(
    ("flag", "unflag"),
    [
        (("", {"flag": "spam"}), ("", {"unflag": "mistake"})),
        (("", {"flag": "spam", "persist": "true"}), ("", {"deflag": "mistake"})),
        (("/flag", {"reason": "spam"}), ("/deflag", {"reason": "mistake"})),
        (("/flag", {"flag": "spam"}), ("/deflag", {"deflag": "mistake"})),
    ],
)
def test_a_contributor_is_flagged_and_unflagged(
    api: Api,
    judged_job: int,
    flag: tuple[str, dict[str, str]],
    unflag: tuple[str, dict[str, str]],
) -> None:
    path = f"/jobs/{judged_job}/workers/31883685"

    for (subpath, parameters), warned in [
        (flag, False),
        (flag, True),
        (unflag, False),
        (unflag, True),
    ]:
        response = api("PUT", path + subpath, data=parameters)
        assert response.status_code == 200
        assert list(response.json()) == ["success"]
        assert ("X-Sandbox-Warning" in response.headers) is warned

    assert api("PUT", path).status_code == 400


@pytest.mark.parametrize(
    "parameters",
    [
        {"reject": "spam"},
        {"reason": "spam", "manual": "true"},
        {"reason": "spam"},
        {"reject": ""},
        {"manual": "true"},
        {},
    ],
)
def test_a_contributor_is_rejected_with_all_judgments(
    api: Api, judged_job: int, parameters: dict[str, str]
) -> None:
    """The requests guide has ``reject``, today's API two parameters, four clients none."""
    response = api("PUT", f"/jobs/{judged_job}/workers/31883685/reject", data=parameters)

    text = "Rejecting contributor... this operation can take up to 10 minutes"
    assert response.json() == {"success": {"message": text}}
    judgment = api("GET", f"/jobs/{judged_job}/judgments/1605619374").json()
    assert judgment["rejected"] is True
