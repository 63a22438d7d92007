"""The sums of a job: every page of the desk says the same about the same money."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.desk_browser import Browser
from tests.sandbox.desk_jobs import CML, join, launch_job, take, work

if TYPE_CHECKING:
    from typing import Any

    from crowdflower import Job
    from crowdflower.client import Client
    from crowdflower.sandbox import Sandbox

DYNAMIC = {"variable_judgments_mode": "auto_confidence", "min_unit_confidence": 0.8}
LEAST = "$10.00 is the least that an order reserves. What is not used comes back when the job ends."


def make_draft(client: Client, rows: int = 20, **settings: Any) -> Job:
    job = client.upload_job([{"text": f"Row {number}"} for number in range(rows)])
    values = {"title": "Moods of people", "instructions": "Read.", "cml": CML}
    values |= {"units_per_assignment": 2, "judgments_per_unit": 3, "payment_cents": 10}
    client.update_job(job.id, values | settings)
    job.channels = ["on_demand"]
    return job.reload()


def estimates(desk: Browser, job: Job) -> list[tuple[str, str]]:
    """Return what the draft's overview, settings and launch say: expected, and at most."""
    url = f"/desk/jobs/{job.id}"
    most = r"(\$[\d.]+|no limit)"
    found = [
        re.search(rf"Expected cost (\S+) (?:at most )?{most}", desk.text(url)),
        re.search(rf"Expected cost of \d+ rows (\S+) At most {most}", desk.text(f"{url}/settings")),
        re.search(rf"Expected (\S+) At most {most}", desk.text(f"{url}/new/launch")),
    ]
    assert all(found)
    return [(each[1], each[2]) for each in found if each]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ("$3.60", "$3.60")),
        ({**DYNAMIC, "max_judgments_per_unit": 6}, ("$3.60", "$7.20")),
        (DYNAMIC, ("$3.60", "no limit")),
        ({"variable_judgments_mode": "auto_confidence"}, ("$3.60", "$3.60")),
    ],
)
def test_every_page_of_a_draft_estimates_the_same(
    client: Client, desk: Browser, settings: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert set(estimates(desk, make_draft(client, **settings))) == {expected}


def test_a_canceled_row_costs_nothing_in_any_estimate(client: Client, desk: Browser) -> None:
    job = make_draft(client)
    for unit in list(job.units)[:2]:
        unit.cancel()

    assert set(estimates(desk, job)) == {("$3.24", "$3.24")}


def test_the_least_reserve_is_explained_only_where_it_is_more(
    client: Client, desk: Browser
) -> None:
    job = make_draft(client, 60)
    launch = f"/desk/jobs/{job.id}/new/launch"

    assert LEAST not in desk.text(launch), "$10.80 is reserved, and is the cost"
    assert LEAST in desk.text(launch, units=20)
    said = desk.said(desk.post(launch, do="launch", units="20"))
    assert "Reserved for open rows $10.00" in said
    assert LEAST in said
    desk.post(f"/desk/jobs/{job.id}", do="cancel")
    assert LEAST not in desk.text(f"/desk/jobs/{job.id}")


def test_a_reserve_beyond_the_cap_is_explained(client: Client, desk: Browser) -> None:
    job = launch_job(client, rows=60)
    url = f"/desk/jobs/{job.id}"
    assert "comes back" not in desk.text(url).partition("Expected in the end")[2]

    desk.post(url, do="cap", cap="5")

    text = desk.text(url)
    assert "More is reserved than the job can still cost. What is not used comes back" in text


def test_nothing_limits_the_cost_of_rows_that_are_judged_until_people_agree(
    client: Client, desk: Browser
) -> None:
    text = desk.text(f"/desk/jobs/{launch_job(client, **DYNAMIC).id}")

    assert "Spent $0.00 no limit" in text
    assert "At most no limit" in text


def test_all_pages_say_the_same_about_what_was_spent(
    box: Sandbox, client: Client, desk: Browser
) -> None:
    job = launch_job(client)
    ada, bo = join(box), join(box, "Bo")
    work(box, job, ada)
    work(box, job, bo)
    take(box, job, join(box, "Cy"))
    url = f"/desk/jobs/{job.id}"
    desk.post(f"{url}/people", do="bonus", who=[ada, bo], cents="7")

    # two pages of $0.12, and two bonuses of $0.084
    overview = desk.text(url)
    assert "Spent so far $0.408 of it, bonuses $0.168" in overview
    assert "$0.408" in desk.text("/desk/")
    ledger = [(entry["kind"], entry["amount_mc"]) for entry in box.ledger()]
    assert sum(mc for kind, mc in ledger if kind in {"charge", "bonus"}) == -40_800
    earned = "$0.17 $0.07 bonus"
    assert desk.text(f"{url}/people").count(earned) == 2
    assert "“Earned” is without your fee of 20 %." in desk.text(f"{url}/people")
    assert desk.text("/desk/people").count("$0.17") == 2
    found = re.findall(r'href="/desk/jobs/\d+/rows/(\d+)', desk.get(f"{url}/rows").text)
    rows = {number: desk.text(f"{url}/rows/{number}") for number in set(found)}
    costs = [re.search(r" Cost \$([\d.]+)", text) for text in rows.values()]
    assert sum(float(cost[1]) for cost in costs if cost) == pytest.approx(0.24)


def test_a_job_that_pays_nothing_says_so(client: Client, desk: Browser) -> None:
    job = launch_job(client, payment_cents=0)

    text = desk.text(f"/desk/jobs/{job.id}")

    assert "A page of this job pays nothing." in text
    assert "Contributors of your own channel" not in text
