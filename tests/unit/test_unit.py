"""Units: attributes, results, updates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import ApplicationError, InvalidInput, MalformedResponse
from crowdflower.job import Job
from crowdflower.unit import Unit, UnitPromise

if TYPE_CHECKING:
    from conftest import SentRequest
    from responses import RequestsMock

    from crowdflower.client import Client

UNIT = "https://api.appen.com/v1/jobs/712034/units/698757970.json"
FINALIZED = {
    "id": 698757970,
    "data": {"review_id": "r1", "review_text": "Arrived late and cost too much"},
    "difficulty": 0,
    "judgments_count": 4,
    "state": "finalized",
    "agreement": 0.6421,
    "missed_count": 0,
    "gold_pool": None,
    "created_at": "2015-06-24T12:45:10+00:00",
    "updated_at": "2015-06-25T10:59:00+00:00",
    "job_id": 712034,
    "results": {
        "judgments": [{"id": 1605619374, "data": {"sentiment": "negative"}}],
        "sentiment": {"agg": "negative", "confidence": 0.6421},
        "topics": {"agg": "price\ndelivery", "confidence": 0.5263},
        "stars": {"avg": 3.67, "variance": 0.22},
        "any_comments": ["Two complaints", None, None],
        "nobody_trusted": {"agg": None, "confidence": None},
    },
}


@pytest.fixture
def unit(job: Job) -> Unit:
    return Unit(job, **FINALIZED)


# Attributes


def test_a_unit_has_the_fields_of_its_json(unit: Unit) -> None:
    for name, value in FINALIZED.items():
        assert getattr(unit, name) == unit[name] == value


def test_missing_fields_of_older_units_are_none(job: Job) -> None:
    unit = Unit(job, id=1, contested_count=2, brand_new=True)

    assert (unit.contested_count, unit.difficulty, unit.agreement) == (2, None, None)
    assert unit["brand_new"] is True


@pytest.mark.parametrize(
    "name",
    [
        *("id", "job_id", "judgments_count", "agreement", "missed_count", "contested_count"),
        *("results", "difficulty", "created_at", "updated_at"),
    ],
)
def test_counts_are_read_only(unit: Unit, name: str) -> None:
    with pytest.raises(AttributeError, match="read-only"):
        setattr(unit, name, 1)


# Results


@pytest.mark.parametrize(
    ("field", "answer"),
    [
        ("sentiment", "negative"),
        ("topics", "price\ndelivery"),
        ("stars", 3.67),
        ("any_comments", ["Two complaints", None, None]),
        ("nobody_trusted", None),
    ],
)
def test_get_aggregate_returns_the_answer_of_every_aggregation(
    unit: Unit, field: str, answer: object
) -> None:
    assert unit.get_aggregate(field) == answer


def test_without_an_answer_get_aggregate_returns_the_default(unit: Unit) -> None:
    assert unit.get_aggregate("nobody_trusted", "unknown") == "unknown"
    assert unit.get_aggregate("nobody_trusted", default=0) == 0


def test_a_field_that_the_form_lacks_gives_the_default_and_one_warning(unit: Unit) -> None:
    other = Unit(unit.job, results={"judgments": []})
    with pytest.warns(UserWarning, match="no field 'sentimnet'; its fields are: sent") as issued:
        assert unit.get_aggregate("sentimnet") is None

    assert [each.filename for each in issued] == [__file__]
    assert unit.get_aggregate("sentimnet", default=0) == 0
    assert unit.get_confidence("sentimnet") is None
    assert other.get_confidence("sentimnet") is None


@pytest.mark.usefixtures("api")
def test_a_unit_of_a_list_is_not_loaded_for_a_field_that_the_form_lacks(job: Job) -> None:
    promise = UnitPromise(job, id=1, data={})

    with pytest.warns(UserWarning, match="no field 'sentimnet'"):
        assert promise.get_aggregate("sentimnet", "unknown") == "unknown"


def test_without_a_known_form_any_field_may_be_read(client: Client) -> None:
    unit = Unit(Job(client, id=7), results={"judgments": []})

    assert unit.get_aggregate("sentimnet", "unknown") == "unknown"


def test_a_group_of_linked_answers_may_be_read_like_a_field(client: Client) -> None:
    cml = """<cml:group multiple="true" group_name="people" aggregation="true">
        <cml:text label="First name"/></cml:group>"""
    unit = Unit(Job(client, id=7, cml=cml), results={"judgments": []})

    assert unit.get_aggregate("people", []) == []


def test_an_empty_answer_is_an_answer(job: Job) -> None:
    unit = Unit(job, results={"judgments": [], "stars": {"avg": 0}, "all": [], "text": {"agg": ""}})

    assert unit.get_aggregate("stars", 5) == 0
    assert unit.get_aggregate("all", ["x"]) == []
    assert unit.get_aggregate("text", "x") == ""


@pytest.mark.parametrize("results", [None, {}, {"judgments": []}])
def test_a_unit_without_results_has_no_aggregate(job: Job, results: Any) -> None:
    assert Unit(job, id=1, results=results).get_aggregate("sentiment", "unknown") == "unknown"


# Changing


def test_an_update_sends_changes_as_json_and_keeps_numbers(
    api: RequestsMock, unit: Unit, sent: list[SentRequest]
) -> None:
    data = {"stars": 4, "price [usd]": 1.5, "seen": None, "tags": [], "text": "Grüße"}
    api.put(UNIT, json={**FINALIZED, "data": data, "state": "golden"})

    unit.data = data
    unit.state = "golden"
    unit.update()

    assert sent[0].line == "PUT /jobs/712034/units/698757970.json"
    assert sent[0].headers["Content-Type"] == "application/json"
    assert json.loads(sent[0].body) == {"unit": {"data": data, "state": "golden"}}
    assert (unit.data, unit.state) == (data, "golden")


def test_a_unit_becomes_a_test_question(
    api: RequestsMock, unit: Unit, sent: list[SentRequest]
) -> None:
    api.put(UNIT, json={**FINALIZED, "state": "golden"})

    unit.golden = True
    unit.update()

    assert json.loads(sent[0].body) == {"unit": {"golden": True}}
    assert unit.state == "golden"


def test_without_a_change_nothing_is_sent(unit: Unit, sent: list[SentRequest]) -> None:
    unit.update()

    assert sent == []


def test_sent_changes_are_not_sent_again(
    api: RequestsMock, unit: Unit, sent: list[SentRequest]
) -> None:
    api.put(UNIT, json=FINALIZED)
    unit.gold_pool = "quiz"

    unit.update()
    unit.update()

    assert len(sent) == 1


def test_a_row_that_is_not_json_is_refused(unit: Unit, sent: list[SentRequest]) -> None:
    unit.data = {"stars": float("inf")}

    with pytest.raises(InvalidInput):
        unit.update()

    assert sent == []


def test_a_refused_change_is_not_sent_again(api: RequestsMock, unit: Unit) -> None:
    api.put(UNIT, json={"errors": ["State is not allowed"]})
    unit.state = "judging"

    with pytest.raises(ApplicationError, match="State is not allowed"):
        unit.update()

    assert unit.state == "finalized"
    unit.update()
    assert len(api.calls) == 1


def test_a_response_that_is_not_a_unit_is_malformed(api: RequestsMock, unit: Unit) -> None:
    api.put(UNIT, json=[FINALIZED])
    unit.gold_pool = "quiz"

    with pytest.raises(MalformedResponse, match=r"^PUT /jobs/.*: expected the JSON of a unit"):
        unit.update()


def test_a_canceled_unit_is_read_again_and_keeps_its_changes(
    api: RequestsMock, unit: Unit, sent: list[SentRequest]
) -> None:
    api.post(UNIT.replace(".json", "/cancel.json"), json={"success": "Unit has been canceled"})
    api.get(UNIT, json={**FINALIZED, "state": "canceled"})
    unit.gold_pool = "quiz"

    unit.cancel()

    assert [request.line for request in sent] == [
        "POST /jobs/712034/units/698757970/cancel.json",
        "GET /jobs/712034/units/698757970.json",
    ]
    assert (unit.state, unit.gold_pool) == ("canceled", "quiz")


def test_a_unit_with_judgments_cannot_be_canceled(api: RequestsMock, unit: Unit) -> None:
    api.post(UNIT.replace(".json", "/cancel.json"), json={"error": "It has judgments."})

    with pytest.raises(ApplicationError, match="It has judgments"):
        unit.cancel()

    assert unit.state == "finalized"


def test_reloading_drops_unsent_changes(api: RequestsMock, unit: Unit) -> None:
    api.get(UNIT, json={**FINALIZED, "judgments_count": 5})
    unit.gold_pool = "quiz"

    same = unit.reload()

    assert same is unit
    assert (unit.judgments_count, unit.gold_pool) == (5, None)


def test_a_cancel_succeeds_even_if_the_unit_cannot_be_read(api: RequestsMock, job: Job) -> None:
    unit = Unit(job, id=698757970)
    api.post(UNIT.replace(".json", "/cancel.json"), json={"success": "Unit has been canceled"})
    api.get(UNIT, status=404)

    with pytest.warns(UserWarning, match="canceled, but the unit cannot be read again"):
        unit.cancel()
