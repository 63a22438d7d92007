"""Results: aggregates, judgments, reports, and contributors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crowdflower.exceptions import InvalidInput, NotFound, ValidationError
from crowdflower.quality import METHODS

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.job import Job
    from crowdflower.sandbox import Sandbox


def test_answers_of_perfect_contributors_are_right(finished: Job) -> None:
    answers = {unit.data["review"]: unit.get_aggregate("sentiment") for unit in finished.results()}

    assert answers == {unit.data["review"]: unit.data["truth"] for unit in finished.units}
    assert finished.state == "finished"
    assert finished.completed is True
    assert finished.judgments_count == 36
    assert finished.ping()["needed_judgments"] == 0


def test_aggregates_contain_the_answers_of_each_contributor(finished: Job) -> None:
    aggregates = finished.judgment_aggregates

    assert len(aggregates) == 12
    for aggregate in aggregates:
        truth = aggregate["truth"]
        assert aggregate.get_fields()["sentiment"] == truth
        assert aggregate.get_results("sentiment") == [truth] * 3
        assert aggregate.agreement is not None
        assert [judgment.id for judgment in aggregate.judgments] == aggregate.ids


def test_every_way_to_read_judgments_gives_the_same_ones(client: Client, finished: Job) -> None:
    by_aggregate = {
        judgment.id
        for aggregate in client.get_judgmentaggregates(finished)
        for judgment in aggregate.judgments
    }
    by_job = {judgment.id for judgment in finished.judgments()}
    by_report = {int(row["_id"]) for row in client.get_report(finished, "full")}

    assert len(by_job) == 36
    assert by_aggregate == by_job == by_report


def test_a_judgment_has_its_unit_and_its_contributor(finished: Job) -> None:
    first = next(finished.judgments())

    judgment = finished.get_judgment(first.id)

    assert judgment.data["sentiment"] in {"good", "bad"}
    assert judgment.unit_id in {unit.id for unit in finished.units}
    assert judgment.started_at < judgment.created_at
    assert judgment.worker.id == judgment.worker_id


def test_reports_agree_with_each_other(client: Client, finished: Job) -> None:
    as_json = {unit.id: unit.get_aggregate("sentiment") for unit in client.get_report(finished)}
    as_table = {
        int(row["_unit_id"]): row["sentiment"] for row in client.get_report(finished, "aggregated")
    }
    source = client.get_report(finished, "source")

    assert as_json == as_table
    assert [row["review"] for row in source] == [unit.data["review"] for unit in finished.units]


def test_a_report_includes_the_last_judgment(client: Client, box: Sandbox, draft: Job) -> None:
    box.crowd.add(6, profile="perfect", truth={"sentiment": "truth"})
    draft.launch(12)
    box.crowd.run(draft, judgments=5)
    early = len(client.get_report(draft, "full"))

    box.crowd.run(draft)

    assert len(client.get_report(draft, "full")) == 36 > early


def test_an_unknown_report_type_is_refused_before_any_request(
    client: Client, finished: Job
) -> None:
    with pytest.raises(InvalidInput, match="full, aggregated, json"):
        client.get_report(finished, "everything")  # type: ignore[call-overload]


@pytest.mark.filterwarnings("ignore:the median number of votes per contributor")
def test_consensus_methods_agree_on_unanimous_answers(finished: Job) -> None:
    truth = {unit.id: unit.data["truth"] for unit in finished.units}

    assert finished.aggregate(field="sentiment").labels == truth
    for method in METHODS:
        assert finished.aggregate(method, "sentiment").labels == truth


def test_a_contributor_gets_a_bonus_a_message_a_flag_and_a_rejection(
    client: Client, finished: Job
) -> None:
    worker = next(finished.judgments()).worker
    balance = client.get_account()["balance"]

    worker.bonus(150, reason="Thank you")
    worker.notify("Well done")
    worker.flag("by mistake")
    worker.deflag("it was one")
    assert client.get_account()["balance"] <= balance - 150

    worker.reject()
    gone = [judgment for judgment in finished.judgments() if judgment.worker_id == worker.id]
    assert all(judgment.rejected for judgment in gone)


def test_an_unknown_contributor_gets_no_bonus(finished: Job) -> None:
    with pytest.raises(NotFound):
        finished.get_worker(1).bonus(100)


def test_an_order_has_its_cost_and_the_rest_is_refunded(client: Client, draft: Job) -> None:
    balance = client.get_account()["balance"]
    order = draft.launch(12)

    assert client.get_order(draft, order.id).amount_in_cents == order.amount_in_cents
    assert order.nuggeted_units_count == 12
    assert order.amount_in_cents == 108, "3 pages, 3 judgments, 10 cents, and 20 % on top"
    assert client.get_account()["balance"] == balance - 1000, "ten dollars are the least reserve"

    draft.cancel()
    assert client.get_account()["balance"] == balance


def test_requesting_more_judgments_reopens_a_unit(client: Client, finished: Job) -> None:
    unit = client.get_unit(finished, finished.units[0].id)

    unit.request_more_judgments(2)

    assert unit.reload().state == "judgable"


def test_a_launch_of_zero_units_is_refused_before_it_is_sent(draft: Job) -> None:
    with pytest.raises(InvalidInput, match="units_count"):
        draft.launch(0)


def test_a_launch_releases_the_ordered_number_of_units(draft: Job) -> None:
    draft.launch(7)

    states = [unit.state for unit in draft.units]
    assert (states.count("judgable"), states.count("new")) == (7, 5)


def test_a_launch_without_new_units_is_refused(finished: Job) -> None:
    with pytest.raises(ValidationError):
        finished.launch(1)
