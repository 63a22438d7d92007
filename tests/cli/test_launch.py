"""``crowdflower launch`` and ``estimate``: what is paid, and after which question."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from terminal import in_a_terminal

from crowdflower.payments.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Run

    from crowdflower.client import Client
    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # the job has few test questions


def orders(box: Sandbox) -> list[str]:
    """Return the requests that ordered something."""
    return [each.path for each in box.requests if each.path.endswith("/orders.json")]


def test_without_a_terminal_a_launch_needs_yes(run: Run, box: Sandbox, job: Job) -> None:
    result = run("launch", "reviews", "--max-cost", "50")

    assert (result.exit_code, result.stdout) == (7, "")
    assert str(job.estimate(10)) in result.stderr
    assert "The balance is $1,000.00." in result.stderr
    assert result.stderr.endswith(
        "there is no terminal to ask at. If you mean it: crowdflower launch reviews --max-cost 50"
        " --yes\n"
    )
    assert orders(box) == []


def test_all_that_is_left_is_ordered_and_the_order_printed(
    run: Run, client: Client, job: Job
) -> None:
    result = run("launch", "reviews", "--yes")

    lines = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert result.exit_code == 0, result.stderr
    assert (lines["job"], lines["units"]) == (str(job.id), "10")
    assert lines["amount"].startswith("$")
    assert client.get_job(job.id).state == "running"


def test_an_order_for_programs(run: Run, client: Client, job: Job) -> None:
    in_json = json.loads(run("launch", "reviews", "4", "--yes", "--json").stdout)
    (in_csv,) = csv.DictReader(
        io.StringIO(run("launch", "reviews", "3", "--channel", "cf_internal", "-y", "--csv").stdout)
    )

    assert in_json["nuggeted_units_count"] == 4
    assert in_csv["nuggeted_units_count"] == "3"
    assert job.channels == ["cf_internal"]


@pytest.mark.parametrize(("answer", "count"), [(b"y\n", 1), (b"n\n", 0), (b"\n", 0)])
def test_a_terminal_asks(box: Sandbox, job: Job, answer: bytes, count: int) -> None:
    shown = in_a_terminal("launch", "reviews", "2", keys=answer)

    assert "2 units of job" in shown
    assert f"Launch job {job.id}? [y/N]" in shown
    assert len(orders(box)) == count
    assert ("not confirmed; nothing was sent" in shown) is (count == 0)


def test_a_launch_above_the_limit_is_refused(run: Run, box: Sandbox, job: Job) -> None:
    result = run("launch", "reviews", "--yes", "--max-cost", "0.10")

    assert result.exit_code == 7
    assert orders(box) == []


def test_a_key_orders_once(
    run: Run, box: Sandbox, client: Client, job: Job, tmp_path: Path
) -> None:
    words = ["launch", "reviews", "--yes", "--key", "day 1"]

    first = run(*words, "--json")
    again = run(*words)
    returned = run(*words, "--on-duplicate", "return", "--json")

    assert (first.exit_code, again.exit_code, returned.exit_code) == (0, 0, 0), again.stderr
    assert "nothing to order" in again.stderr
    assert json.loads(returned.stdout)["id"] == json.loads(first.stdout)["id"]
    assert len(orders(box)) == 1
    assert Journal(tmp_path / "state" / "crowdflower" / "journal.db").pending() == []


def test_the_key_of_another_order_is_refused(run: Run, box: Sandbox, job: Job) -> None:
    run("launch", "reviews", "4", "--yes", "--key", "day 1")

    again = run("launch", "reviews", "4", "--yes", "--key", "day 1")
    other = run("launch", "reviews", "5", "--yes", "--key", "day 1")
    returned = run("launch", "reviews", "--yes", "--key", "day 1", "--on-duplicate", "return")

    assert (again.exit_code, other.exit_code, returned.exit_code) == (1, 2, 0)
    assert "was started before" in again.stderr
    assert "names another payment" in other.stderr
    assert "6 units are not ordered" in returned.stderr
    assert len(orders(box)) == 1


def test_an_earlier_order_is_returned_without_a_question(run: Run, box: Sandbox, job: Job) -> None:
    first = json.loads(run("launch", "reviews", "4", "-y", "--key", "day 1", "--json").stdout)
    words = ["launch", "reviews", "--key", "day 1", "--on-duplicate", "return"]

    returned = run(*words, "--json")
    dry = run(*words, "--dry-run")
    dry_json = json.loads(run(*words, "--dry-run", "--json").stdout)

    assert (returned.exit_code, dry.exit_code) == (0, 0), returned.stderr
    assert json.loads(returned.stdout)["id"] == first["id"]
    assert "6 units are not ordered" in returned.stderr
    assert dry.stdout.startswith(f"orders nothing, returns the order {first['id']} with the key")
    assert (dry_json["at_most_cents"], dry_json["earlier_order"]["id"]) == (None, first["id"])
    assert len(orders(box)) == 1


def test_nothing_to_order_is_not_an_error(run: Run, job: Job) -> None:
    run("launch", "reviews", "--yes")

    people, programs = run("launch", "reviews", "--yes"), run("launch", "reviews", "-y", "--json")

    assert (people.exit_code, people.stdout) == (0, "")
    assert people.stderr.endswith("nothing to order: every unit is ordered, or a test question.\n")
    assert json.loads(programs.stdout) is None


def test_a_launch_says_first_that_no_units_are_left(run: Run, job: Job) -> None:
    run("launch", "reviews", "--yes")

    dry = run("launch", "reviews", "5", "--dry-run")
    refused = run("launch", "reviews", "5", "--yes")

    assert "\nproblem: no units are left: every unit is ordered, or a test question\n" in dry.stdout
    assert "no units are left: every unit is ordered" in refused.stderr.partition("Error:")[0]
    assert refused.exit_code == 1


def test_a_dry_run_prints_the_request_the_cost_and_the_problems(
    run: Run, box: Sandbox, job: Job
) -> None:
    result = run("launch", "reviews", "4", "--dry-run")
    in_json = json.loads(run("launch", "reviews", "4", "-n", "--json").stdout)

    assert result.exit_code == 0
    assert result.stdout.startswith(
        f"POST {box.url}/jobs/{job.id}/orders.json\n"
        "debit[units_count]=4\n"
        "channels[]=on_demand\n"
        f"\n{job.estimate(4)}\n\nbalance: $1,000.00\nproblem: "
    )
    assert in_json["at_most_cents"] == job.estimate(4).at_most_cents
    assert in_json["problems"]
    assert orders(box) == []


def test_a_lost_response_is_an_outcome_that_is_unknown(run: Run, box: Sandbox, job: Job) -> None:
    box.faults.next(path="/jobs/*/orders", drop=True, done=True, times=9)

    lost = run("launch", "reviews", "4", "--yes", "--key", "day 1")
    (in_json,) = json.loads(run("pending", "--json").stdout)
    (in_csv,) = csv.DictReader(io.StringIO(run("pending", "--csv").stdout))
    operation = in_json["op_id"]
    found = run("resolve", operation)

    assert lost.exit_code == 3
    assert f"`crowdflower resolve {operation}` looks for it, without paying again" in lost.stderr
    assert (in_json["name"], in_json["state"], in_json["key"]) == ("launch", "unknown", "day 1")
    assert in_csv["cents"] == str(in_json["cents"])
    assert (found.exit_code, found.stdout) == (0, f"{operation} is applied: it was paid.\n")
    assert run("pending").stdout == ""
    assert job.ping()["ordered_units"] == 4


def test_the_key_is_needed_to_return_a_duplicate(run: Run, box: Sandbox) -> None:
    assert run("launch", "7", "--on-duplicate", "return").exit_code == 2
    assert list(box.requests) == []
