"""What prompts and notebooks show: short, from what is known, and never with a request."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower import (
    Job,
    Judgment,
    JudgmentAggregate,
    Order,
    Unit,
    UnitPromise,
    Worker,
)
from crowdflower.models.events import Event
from crowdflower.payments.estimate import Cost, Estimate
from crowdflower.payments.records import Operation
from crowdflower.quality import majority_vote, multiple_choice
from crowdflower.tables.unit_list import UnitList
from crowdflower.webhook import JobEvent, JudgmentEvent, UnitEvent

if TYPE_CHECKING:
    from collections.abc import Callable

JOB = {
    "id": 7,
    "title": "Sentiment",
    "state": "running",
    "alias": None,
    "units_count": 122,
    "golds_count": 22,
    "judgments_count": 24,
    "judgments_per_unit": 3,
    "units_per_assignment": 5,
    "payment_cents": 10,
    "crowd_costs": 0.6,
    "created_at": "2015-06-24T12:24:11+00:00",
    "secret": "c2VjcmV0",
    "options": {"front_load": True},
}
PING = {"ordered_units": 122, "completed_units_estimate": 8, "all_judgments": 24}


def expired_job() -> Job:
    job = Job(**JOB)
    job.expire()
    return job


def pinged_job() -> Job:
    job = Job(**JOB)
    job._counts = PING
    return job


ESTIMATE = Estimate(
    20,
    Cost.of_pages(Fraction(10), Fraction(12), full=12, partial=0),
    Cost.of_pages(Fraction(10), Fraction(12), full=12, partial=3, replaced=10),
    replaced=0.8,
    fee_percent=20,
)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (pinged_job(), "<Job 7 'Sentiment' running, 8 of 122 units done, 24 judgments>"),
        (Job(**JOB), "<Job 7 'Sentiment' running, 122 units, 24 judgments>"),
        (expired_job(), "<Job 7 'Sentiment' running, 122 units, 24 judgments, out of date>"),
        (
            Job(id=7, state="unordered", units_count=1, judgments_count=0),
            "<Job 7 unordered, 1 unit>",
        ),
        (Job(id=7, units_count=100_000), "<Job 7, 100,000 units>"),
        (Job(), "<Job>"),
        (
            Unit(Job(), id=5, state="finalized", judgments_count=3, agreement=0.6421),
            "<Unit 5 finalized, 3 judgments, agreement 0.64>",
        ),
        (
            Judgment(Job(), id=9, unit_id=5, worker_id=3, trust=0.9444, tainted=True),
            "<Judgment 9 of unit 5 by worker 3, trust 0.94, tainted>",
        ),
        (
            JudgmentAggregate(Job(), _unit_id=5, _state="finalized", _ids=[1, 2], _agreement=1),
            "<JudgmentAggregate of unit 5 finalized, 2 judgments, agreement 1.00>",
        ),
        (Worker(Job(id=7), id=3), "<Worker 3 of job 7>"),
        (
            Order(Job(), id=12, nuggeted_units_count=122, amount_in_cents=504),
            "<Order 12: 122 units, $5.04>",
        ),
        (Order(Job(), nuggeted_units_count=1), "<Order of 1 unit>"),
        (ESTIMATE, "<Estimate for 20 units: $1.44 expected, $3.00 at most>"),
        (
            Operation("1f", "launch", "", "POST", "jobs/7/orders", "", "monday", "sent", cents=300),
            "<Operation 1f launch jobs/7/orders sent, key 'monday', at most $3.00>",
        ),
        (
            JobEvent("job_complete", {}, "1", Job(id=7)),
            "JobEvent(signal='job_complete', job=<Job 7>)",
        ),
        (
            UnitEvent("unit", [], "1", (Unit(Job()),) * 1000),
            "UnitEvent(signal='unit', units=(<Unit>, <Unit>, <Unit>, <Unit>, <Unit>, <Unit>, ...))",
        ),
        (
            JudgmentEvent("new_judgments", [], "1", (Judgment(Job(), id=9, unit_id=5),)),
            "JudgmentEvent(signal='new_judgments', judgments=(<Judgment 9 of unit 5>,))",
        ),
        (Event("brand_new", {"id": 7}, "1"), "Event(signal='brand_new')"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_the_repr_has_state_counts_and_amounts(shown: object, text: str) -> None:
    assert repr(shown) == text


def test_ping_counts_show_until_the_job_is_read_again() -> None:
    job = pinged_job()

    job.absorb({**JOB, "state": "paused"})

    assert repr(job) == "<Job 7 'Sentiment' paused, 122 units, 24 judgments>"


STRANGE: list[Any] = [
    None, "", 0, -1, 1.5, True, float("nan"), "12", [], {}, [[]], {"a": {"b": None}}, "\ud800",
    "<script>alert(1)</script>", "x" * 10_000, "a\nb\u202e", 10**100, ["id"] * 1000,
]  # fmt: skip

KINDS: list[Callable[..., Any]] = [
    Job,
    *(lambda kind=kind, **data: kind(Job(**data), **data)
      for kind in (Unit, UnitPromise, Judgment, JudgmentAggregate, Worker, Order)),
]  # fmt: skip

NAMES = sorted({
    *JOB, "unit_id", "worker_id", "trust", "tainted", "agreement", "data", "results", "_ids",
    "_state", "_agreement", "_unit_id", "amount_in_cents", "nuggeted_units_count", "completed_at",
})  # fmt: skip


@pytest.mark.parametrize("value", STRANGE, ids=range(len(STRANGE)))
@pytest.mark.parametrize("build", KINDS, ids=range(len(KINDS)))
def test_json_of_any_type_can_be_shown(build: Callable[..., Any], value: Any) -> None:
    model = build(**dict.fromkeys(NAMES, value))
    if isinstance(model, Job):
        model._counts = dict.fromkeys([*PING, "completed_non_gold_estimate"], value)

    assert len(repr(model)) < 1000
    assert repr(model).isprintable()
    html = model._repr_html_()
    assert html.encode("utf-8")
    assert "<script" not in html
    assert all(isinstance(name, str) for name in model._ipython_key_completions_())


def test_a_job_in_a_notebook_shows_settings_and_unsent_changes_but_no_secret() -> None:
    job = pinged_job()
    job.title = "<b>Mood</b>"

    html = job._repr_html_()

    for cell in ("8 of 122 units done", "$0.10 for a page of 5 units", "$0.60", "title"):
        assert f">{cell}</td>" in html
    assert "<caption>Job 7 &#x27;Sentiment&#x27; running" in html
    assert JOB["secret"] not in html


def test_a_unit_in_a_notebook_shows_the_columns_of_its_row() -> None:
    unit = Unit(Job(), id=5, data={"review": "<i>Fine</i>", "stars": 4}, state="new")

    html = unit._repr_html_()

    assert ">review</th>" in html
    assert ">&lt;i&gt;Fine&lt;/i&gt;</td>" in html


def units_of(job: Job, count: int) -> UnitList[UnitPromise]:
    """Return units of which the row is known."""
    rows = ({"review": f"<i>Review {n}</i>", "stars": n % 5} for n in range(count))
    return UnitList(UnitPromise(job, id=n, data=row) for n, row in enumerate(rows, 1))


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "<UnitList of 0 units>"),
        (1, "<UnitList of 1 unit: 1>"),
        (3, "<UnitList of 3 units: 1, 2, 3>"),
        (100_000, "<UnitList of 100,000 units: 1, 2, 3, …>"),
    ],
)
def test_a_list_of_units_is_one_line(count: int, text: str) -> None:
    assert repr(units_of(Job(id=7), count)) == text


def test_a_long_list_of_units_in_a_notebook_shows_its_first_rows() -> None:
    html = units_of(Job(id=7), 100_000)._repr_html_()

    assert "<caption>100,000 units</caption>" in html
    assert html.count("<tr>") == 21
    assert "… and 99,980 more" in html
    assert ">&lt;i&gt;Review 0&lt;/i&gt;</td>" in html
    assert ">state</th>" not in html


def test_a_list_of_units_shows_the_states_that_are_known() -> None:
    units = units_of(Job(id=7), 2)
    units[0].absorb({"id": 1, "state": "golden", "data": {"text": "Fine."}})

    html = units._repr_html_()

    assert ">state</th>" in html
    assert ">golden</td>" in html
    assert ">text</th>" in html
    assert ">stars</th>" in html


@pytest.mark.parametrize("data", [None, [], "text", {"a": {"b": []}}, {7: None}])
def test_units_with_data_of_any_type_are_shown(data: Any) -> None:
    units = UnitList([Unit(Job(id=7), id=1, data=data), Unit(Job(id=7))])

    assert "<table>" in units._repr_html_()
    assert repr(units) == "<UnitList of 2 units: 1, None>"


def test_an_order_in_a_notebook_shows_its_fields() -> None:
    order = Order(Job(), id=12, nuggeted_units_count=122, amount_in_cents=504)

    assert "<caption>Order 12: 122 units, $5.04</caption>" in order._repr_html_()


def test_an_estimate_in_a_notebook_has_its_parts() -> None:
    html = ESTIMATE._repr_html_()

    assert ">replaced judgments, 80 %</td>" in html
    assert ">$3.00</td>" in html
    assert ">no limit</td>" in Estimate(20, ESTIMATE.expected, None, 0.8, 20)._repr_html_()


def test_a_consensus_in_a_notebook_shows_the_first_labels() -> None:
    votes = [(f"unit {n}", worker, "<b>") for n in range(1000) for worker in "abc"]

    html = majority_vote(votes)._repr_html_()

    assert html.count("&lt;b&gt;") == 20
    assert "… and 980 more" in html
    assert ">1.000</td>" in html


def test_a_consensus_on_lists_in_a_notebook_has_the_probability_of_each_option() -> None:
    votes = [(1, worker, ["meat", "rice"]) for worker in "abc"]

    assert ">1.000, 1.000</td>" in multiple_choice(votes, method="majority")._repr_html_()


def test_the_names_that_completion_offers_for_items() -> None:
    job = Job(id=7, brand_new=1, **{"with space": 2})
    job["assigned"] = 3

    names = job._ipython_key_completions_()

    assert {"id", "title", "payment_cents", "brand_new", "assigned", "with space"} <= {*names}
    assert names == sorted(names)
