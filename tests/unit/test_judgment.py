"""Judgments and aggregates."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import MalformedResponse
from crowdflower.job import Job
from crowdflower.judgment import Judgment, JudgmentAggregate
from crowdflower.unit import Unit

if TYPE_CHECKING:
    from conftest import SentRequest
    from responses import RequestsMock

    from crowdflower.client import Client

API = "https://api.appen.com/v1"
JUDGMENT = {
    "id": 1605619374,
    "created_at": "2015-06-25T10:54:20+00:00",
    "started_at": "2015-06-25T10:54:02+00:00",
    "webhook_sent_at": None,
    "external_type": "clixsense",
    "reviewed": None,
    "golden": False,
    "missed": None,
    "rejected": None,
    "tainted": False,
    "country": "FIN",
    "region": "13",
    "city": "Helsinki",
    "job_id": 712034,
    "unit_id": 698757970,
    "worker_id": 31883685,
    "judgment": 1,
    "trust": 0.9444,
    "worker_trust": None,
    "unit_state": "finalized",
    "data": {"sentiment": "negative", "topics": ["price", "delivery"]},
    "unit_data": {"review_text": "Arrived late and cost too much"},
}

PAGE = {
    "698757970": {
        "_ids": [1605619374, 1605621852, 1605623001],
        "_agreement": 0.6421,
        "_state": "finalized",
        "_updated_at": "2015-06-25T10:59:00+00:00",
        "review_id": "r1",
        "review_text": "Arrived late and cost too much",
        "sentiment": {
            "agg": "negative",
            "confidence": 0.6421,
            "res": ["negative", "negative", "neutral"],
        },
        "topics": {
            "agg": "price\ndelivery",
            "confidence": 0.5263,
            "res": [["price", "delivery"], ["delivery"], None],
        },
        "stars": {"avg": 3.67, "res": [4, 4, 3]},
        "any_comments": ["Two complaints", None, None],
    },
    "698757973": {
        "_ids": [1605624200],
        "_agreement": None,
        "_state": "golden",
        "_updated_at": "2015-06-25T10:59:00+00:00",
        "review_text": "Terrible",
        "sentiment_gold": ["negative"],
        "sentiment_gold_reason": ["The word terrible is strongly negative."],
        "sentiment": {"agg": "negative", "confidence": 1.0, "res": ["negative"]},
        "topics": {"agg": None, "confidence": None, "res": [None]},
        "stars": {"avg": None, "res": [None]},
        "any_comments": [None],
    },
}
FIELDS = {"sentiment": "agg", "topics": "agg", "stars": "avg", "any_comments": "all"}


def fetch_aggregates(
    api: RequestsMock, client: Client, job: Job, page: Any
) -> list[JudgmentAggregate]:
    api.get(f"{API}/jobs/{job.id}/judgments.json", json=page)
    api.get(f"{API}/jobs/{job.id}/judgments.json", json={})
    return list(client.get_judgmentaggregates(job))


@pytest.fixture(params=["the job says its fields", "it does not"])
def job_variant(request: pytest.FixtureRequest, client: Client) -> Job:
    """A job as the service returns it, or with only its id."""
    fields = FIELDS if request.param == "the job says its fields" else None
    return Job(client, id=712034, fields=fields)


# Judgments


def test_a_judgment_has_the_fields_of_its_json(job: Job) -> None:
    judgment = Judgment(job, **JUDGMENT)

    for name, value in JUDGMENT.items():
        assert getattr(judgment, name) == judgment[name] == value


@pytest.mark.parametrize("name", [*JUDGMENT, "ip", "acknowledged_at"])
def test_judgments_are_read_only(job: Job, name: str) -> None:
    judgment = Judgment(job, **JUDGMENT)

    with pytest.raises(AttributeError, match="read-only"):
        setattr(judgment, name, "mine")


def test_a_judgment_of_todays_service_has_acknowledged_at(job: Job) -> None:
    judgment = Judgment(job, id=1, acknowledged_at="2021-03-01T00:00:00+00:00")

    assert judgment.acknowledged_at == "2021-03-01T00:00:00+00:00"
    assert judgment.webhook_sent_at is None


def test_a_judgment_has_its_contributor(job: Job) -> None:
    worker = Judgment(job, **JUDGMENT).worker

    assert (worker.id, worker.job) == (31883685, job)


# Aggregates


def test_an_aggregate_has_its_unit_and_judgment_ids(
    api: RequestsMock, client: Client, job_variant: Job
) -> None:
    first, golden = fetch_aggregates(api, client, job_variant, PAGE)

    assert (first.unit_id, first.ids) == (698757970, [1605619374, 1605621852, 1605623001])
    assert (first.agreement, first.state) == (0.6421, "finalized")
    assert first.updated_at == "2015-06-25T10:59:00+00:00"
    assert (golden.unit_id, golden.agreement, golden.state) == (698757973, None, "golden")
    assert first.job is job_variant


@pytest.mark.parametrize(
    ("field", "answer", "results"),
    [
        ("sentiment", "negative", ["negative", "negative", "neutral"]),
        ("topics", "price\ndelivery", [["price", "delivery"], ["delivery"], None]),
        ("stars", 3.67, [4, 4, 3]),
        ("any_comments", ["Two complaints", None, None], ["Two complaints", None, None]),
    ],
)
def test_each_aggregation_returns_its_answer_and_results(
    api: RequestsMock, client: Client, job_variant: Job, field: str, answer: object, results: object
) -> None:
    first, _ = fetch_aggregates(api, client, job_variant, PAGE)

    assert first.get_aggregate(field) == answer
    assert first.get_results(field) == results


def test_get_fields_leaves_out_the_columns_of_the_row(
    api: RequestsMock, client: Client, job_variant: Job
) -> None:
    first, golden = fetch_aggregates(api, client, job_variant, PAGE)

    assert first.get_fields() == {
        "sentiment": "negative",
        "topics": "price\ndelivery",
        "stars": 3.67,
        "any_comments": ["Two complaints", None, None],
    }
    assert golden.get_fields() == {
        "sentiment": "negative",
        "topics": None,
        "stars": None,
        "any_comments": [None],
    }


def test_columns_are_read_as_items(api: RequestsMock, client: Client, job_variant: Job) -> None:
    first, golden = fetch_aggregates(api, client, job_variant, PAGE)

    assert first["review_text"] == "Arrived late and cost too much"
    assert golden["sentiment_gold"] == ["negative"]
    assert first["sentiment"]["confidence"] == 0.6421


@pytest.mark.parametrize("field", ["review_text", "sentiment_gold", "_ids", "no_such_field"])
def test_an_unknown_field_is_a_key_error_that_lists_the_fields(
    api: RequestsMock, client: Client, job_variant: Job, field: str
) -> None:
    _, golden = fetch_aggregates(api, client, job_variant, PAGE)

    for read in (golden.get_aggregate, golden.get_results):
        with pytest.raises(KeyError, match=rf"{field}.*sentiment, topics, stars, any_comments"):
            read(field)


def test_columns_may_be_named_like_arguments_and_attributes(
    api: RequestsMock, client: Client, job_variant: Job
) -> None:
    columns = {
        "job": "plumber",
        "client": "me",
        "self": "you",
        "id": "r1",
        "state": "Texas",
        "ids": "a,b",
        "data": "d",
        "judgments": "none",
        "agreement": "yes",
    }
    entry = {"_ids": [1], "_state": "finalized", "sentiment": PAGE["698757970"]["sentiment"]}

    (aggregate,) = fetch_aggregates(api, client, job_variant, {"7": {**columns, **entry}})

    assert aggregate.job is job_variant
    assert aggregate.client is client
    assert (aggregate.ids, aggregate.state, aggregate.agreement) == ([1], "finalized", None)
    assert aggregate["job"] == "plumber"
    assert aggregate["self"] == "you"
    assert list(aggregate.get_fields()) == ["sentiment"]


def test_a_field_may_be_named_like_an_attribute(
    api: RequestsMock, client: Client, job_variant: Job
) -> None:
    job_variant.absorb(
        {
            **job_variant.json,
            "fields": {"state": "agg", "ids": "all"} if job_variant.fields else None,
        }
    )
    entry = {"_ids": [1], "_state": "finalized", "state": {"agg": "Texas", "res": ["Texas"]}}

    (aggregate,) = fetch_aggregates(api, client, job_variant, {"7": {**entry, "ids": ["a"]}})

    assert aggregate.state == "finalized"
    assert aggregate.get_fields() == {"state": "Texas", "ids": ["a"]}


def test_list_columns_of_another_length_are_not_fields(
    api: RequestsMock, client: Client, job_variant: Job
) -> None:
    lists = {"photos": ["a.jpg", "b.jpg"], "_hidden": ["x"], "boxes": {"x": 1}}

    (aggregate,) = fetch_aggregates(api, client, job_variant, {"7": {"_ids": [1], **lists}})

    assert aggregate.get_fields() == {}


def test_an_entry_without_confidence_and_results_is_read(
    api: RequestsMock, client: Client, job_variant: Job
) -> None:
    (aggregate,) = fetch_aggregates(
        api, client, job_variant, {"7": {"_ids": [1], "sentiment": {"agg": "good"}}}
    )

    assert aggregate.get_aggregate("sentiment") == "good"
    assert aggregate.get_results("sentiment") == []


def test_an_entry_without_judgment_ids_is_read(
    api: RequestsMock, client: Client, job_variant: Job
) -> None:
    (aggregate,) = fetch_aggregates(
        api, client, job_variant, {"7": {"sentiment": {"agg": "good"}, "n": [1]}}
    )
    api.get(f"{API}/jobs/712034/units/7/judgments.json", json=[JUDGMENT])

    assert aggregate.get_fields() == {"sentiment": "good"}
    assert aggregate.judgments == []


def test_a_field_without_answers_is_missing(
    api: RequestsMock, client: Client, job_variant: Job
) -> None:
    (aggregate,) = fetch_aggregates(api, client, job_variant, {"7": {"_ids": [1], "text": "hi"}})

    assert aggregate.get_fields() == {}
    with pytest.raises(KeyError, match="none"):
        aggregate.get_aggregate("sentiment")


def test_judgments_of_an_aggregate_are_fetched_once_in_its_order(
    api: RequestsMock, client: Client, job_variant: Job, sent: list[SentRequest]
) -> None:
    (aggregate,) = fetch_aggregates(api, client, job_variant, {"7": {"_ids": [3, 1]}})
    api.get(
        f"{API}/jobs/712034/units/7/judgments.json",
        json=[{**JUDGMENT, "id": number, "tainted": number == 2} for number in (1, 2, 3)],
    )

    judgments = aggregate.judgments

    assert [judgment.id for judgment in judgments] == [3, 1]
    assert all(type(each) is Judgment and each.job is job_variant for each in judgments)
    assert sent[-1].line == "GET /jobs/712034/units/7/judgments.json"
    before = len(sent)
    assert [aggregate.judgments[number] for number in range(2)] == judgments
    assert len(sent) == before


@pytest.mark.parametrize(
    ("entry", "confidence"),
    [
        ({"agg": "up", "confidence": 0.75, "res": ["up"]}, 0.75),
        ({"agg": "up", "confidence": "0.9", "res": ["up"]}, 0.9),
        ({"agg": None, "confidence": None, "res": [None]}, None),
        ({"agg": "a\nb", "confidence": "0.9\n0.6", "res": [["a", "b"]]}, None),
        ({"agg": "up", "res": ["up"]}, None),
        ({"avg": 3.67, "res": ["4"]}, None),
        (["Two complaints"], None),
    ],
)
def test_a_confidence_is_a_number_or_none_in_any_format(
    api: RequestsMock, client: Client, job_variant: Job, entry: object, confidence: float | None
) -> None:
    (aggregate,) = fetch_aggregates(
        api, client, job_variant, {"7": {"_ids": [1], "sentiment": entry}}
    )
    unit = Unit(job_variant, results={"judgments": [], "sentiment": entry})

    assert aggregate.get_confidence("sentiment") == confidence
    assert unit.get_confidence("sentiment") == confidence
    warns = pytest.warns(UserWarning, match="unheard of") if job_variant.fields else nullcontext()
    with warns:
        assert unit.get_confidence("unheard of") is None
    with pytest.raises(KeyError, match="unheard of"):
        aggregate.get_confidence("unheard of")


@pytest.mark.parametrize("answer", [{}, "later", [7]])
def test_judgments_of_unknown_shape_are_malformed(
    api: RequestsMock, client: Client, job_variant: Job, answer: object
) -> None:
    (aggregate,) = fetch_aggregates(api, client, job_variant, {"7": {"_ids": [1]}})
    api.get(f"{API}/jobs/712034/units/7/judgments.json", json=answer)

    with pytest.raises(MalformedResponse):
        aggregate.judgments  # noqa: B018 - reading is the test
