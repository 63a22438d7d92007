"""The client's methods for jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from responses import matchers

from crowdflower.exceptions import (
    ApiError,
    ApplicationError,
    InvalidInput,
    MalformedResponse,
    NotAcceptable,
    OutcomeUnknown,
)
from crowdflower.job import Job

if TYPE_CHECKING:
    from conftest import Clock, SentRequest
    from responses import RequestsMock

    from crowdflower.client import Client

API = "https://api.appen.com/v1"
BLANK = {
    "id": 712035,
    "title": None,
    "instructions": "",
    "cml": None,
    "state": "unordered",
    "payment_cents": 10,
    "variable_judgments_mode": "none",
    "included_countries": [],
    "options": {"front_load": False, "after_gold": 10},
}
ASKED = {
    "title": "Sentiment",
    "payment_cents": 25,
    "options": {"front_load": True},
    "included_countries": ["FI"],
}
KEPT = {
    **BLANK,
    "title": "Sentiment",
    "payment_cents": 25,
    "options": {"front_load": True, "after_gold": 10},
    "included_countries": [{"code": "FI", "name": "Finland"}],
}


# Creating


def test_a_job_is_created_with_its_attributes(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.post(f"{API}/jobs.json", json=KEPT)

    job = client.create_job(ASKED)

    assert isinstance(job, Job)
    assert (job.id, job.title, job.payment_cents) == (712035, "Sentiment", 25)
    assert [request.line for request in sent] == ["POST /jobs.json"]
    assert sent[0].form == [
        ("job[title]", "Sentiment"),
        ("job[payment_cents]", "25"),
        ("job[options][front_load]", "true"),
        ("job[included_countries][]", "FI"),
    ]


def test_a_job_can_be_created_without_attributes(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.post(f"{API}/jobs.json", json=BLANK)

    job = client.create_job({})

    assert (job.id, job.title) == (712035, None)
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("title", None),
        ("payment_cents", 10),
        ("options", {"front_load": False, "after_gold": 10}),
        ("options", None),
        ("included_countries", []),
    ],
)
def test_attributes_ignored_on_creation_are_sent_again(
    api: RequestsMock, client: Client, sent: list[SentRequest], name: str, value: object
) -> None:
    api.post(f"{API}/jobs.json", json={**KEPT, name: value})
    api.put(f"{API}/jobs/712035.json", json=KEPT)

    job = client.create_job(ASKED)

    assert [request.line for request in sent] == ["POST /jobs.json", "PUT /jobs/712035.json"]
    assert sent[1].form == sent[0].form
    assert job.json == KEPT


@pytest.mark.parametrize(
    ("attrs", "shown"),
    [
        ({"max_judgments_per_worker": None}, {"max_judgments_per_worker": 100}),
        ({"included_countries": ["US", "DE"]}, {"included_countries": ["US"]}),
        ({"included_countries": []}, {"included_countries": None}),
        ({"options": {"front_load": None}}, {"options": {"front_load": True}}),
    ],
)
def test_an_attribute_that_the_service_echoes_in_its_own_form_is_not_sent_again(
    api: RequestsMock,
    client: Client,
    sent: list[SentRequest],
    attrs: dict[str, object],
    shown: dict[str, object],
) -> None:
    api.post(f"{API}/jobs.json", json={"id": 712035, **shown})

    client.create_job(attrs)

    assert len(sent) == 1


@pytest.mark.parametrize(
    "shown",
    [
        {"title": "Sentiment Of Reviews", "payment_cents": 25},
        {"title": "sentiment of reviews", "payment_cents": "25"},
        {"title": "Sentiment of reviews", "payment_cents": 25, "schedule_fifo": "true"},
        {"title": "Sentiment of reviews", "payment_cents": 25, "js": {"default": "x"}},
    ],
)
def test_another_spelling_of_a_value_is_not_a_difference(
    api: RequestsMock, client: Client, sent: list[SentRequest], shown: dict[str, Any]
) -> None:
    api.post(f"{API}/jobs.json", json={"id": 7, **shown})

    client.create_job(
        {"title": "Sentiment of reviews", "payment_cents": 25, "schedule_fifo": True, "js": None}
    )

    assert len(sent) == 1


def test_a_write_only_attribute_is_not_verified(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.post(f"{API}/jobs.json", json={"id": 7, "title": "Sentiment"})

    client.create_job({"title": "Sentiment", "schedule_fifo": True})

    assert len(sent) == 1


# Updating


def test_an_update_sends_the_attributes_and_returns_the_json(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.put(f"{API}/jobs/712035.json", json=KEPT)

    answer = client.update_job(712035, {"payment_cents": 25, "auto_order": False})

    assert answer == KEPT
    assert sent[0].form == [("job[payment_cents]", "25"), ("job[auto_order]", "false")]


def test_the_error_of_a_refused_update_has_every_reason(api: RequestsMock, client: Client) -> None:
    errors = ["Title is too short", "Cml can't be blank"]
    api.put(f"{API}/jobs/7.json", json={"errors": errors})

    with pytest.raises(ApplicationError, match="Title is too short; Cml can't be blank"):
        client.update_job(7, {"title": "x"})


REDIRECT = {"status": 302, "headers": {"Location": "https://make.appen.com/jobs/7"}}
PAGE = {"status": 406, "body": "<p>Not acceptable</p>"}


@pytest.mark.parametrize("answer", [REDIRECT, PAGE], ids=["redirect", "page"])
def test_an_update_that_was_made_despite_status_406_succeeds(
    api: RequestsMock, client: Client, sent: list[SentRequest], answer: dict[str, Any]
) -> None:
    api.put(f"{API}/jobs/712035.json", **answer)
    api.get(f"{API}/jobs/712035.json", json=KEPT)

    shown = client.update_job(712035, ASKED)

    assert shown == KEPT
    assert [request.line for request in sent] == [
        "PUT /jobs/712035.json",
        "GET /jobs/712035.json",
    ]


@pytest.mark.parametrize(
    ("answer", "error"),
    [(REDIRECT, OutcomeUnknown), (PAGE, NotAcceptable)],
    ids=["redirect", "page"],
)
def test_an_update_that_was_not_made_after_status_406_is_an_error(
    api: RequestsMock, client: Client, answer: dict[str, Any], error: type[ApiError]
) -> None:
    api.put(f"{API}/jobs/712035.json", **answer)
    api.get(f"{API}/jobs/712035.json", json=BLANK)

    with pytest.raises(error):
        client.update_job(712035, ASKED)


@pytest.mark.parametrize("attrs", [{"schedule_fifo": True}, {"options": {"keywords": "food"}}])
def test_an_unverifiable_update_without_a_response_has_an_unknown_outcome(
    api: RequestsMock, client: Client, attrs: dict[str, Any]
) -> None:
    api.put(f"{API}/jobs/712035.json", status=502)
    api.get(f"{API}/jobs/712035.json", json=BLANK)

    with pytest.raises(OutcomeUnknown):
        client.update_job(712035, attrs)


# Reading


def test_a_job_is_fetched_by_its_id(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/712035.json", json=KEPT)

    job = client.get_job(712035)

    assert sent[0].line == "GET /jobs/712035.json"
    assert job.json == KEPT
    assert job.client is client


def test_a_job_is_fetched_by_its_alias(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/spring%20reviews%2F2015.json", json=KEPT)

    job = client.get_job("spring reviews/2015")

    assert job.id == 712035


@pytest.mark.parametrize(
    "answer",
    [[], "error", 7, {}, {"title": "no id"}, *({"id": bad} for bad in (None, True, 7.5, "x", -7))],
)
def test_a_response_that_is_not_a_job_is_malformed(
    api: RequestsMock, client: Client, answer: object
) -> None:
    api.get(f"{API}/jobs/7.json", json=answer)

    with pytest.raises(MalformedResponse):
        client.get_job(7)


def test_an_id_of_digits_is_a_number(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7.json", json={"id": "7"})

    assert client.get_job(7).id == 7


def respond_pages(api: RequestsMock, *pages: object) -> None:
    for number, page in enumerate(pages, 1):
        match = [matchers.query_param_matcher({"page": number}, strict_match=False)]
        api.get(f"{API}/jobs.json", json=page, match=match)


def test_all_jobs_are_listed_page_by_page(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    respond_pages(api, [{"id": 3}, {"id": 2}], [{"id": 1}], [])

    jobs = list(client.get_jobs())

    assert [job.id for job in jobs] == [3, 2, 1]
    assert all(isinstance(job, Job) and job.client is client for job in jobs)
    assert [request.line for request in sent] == [
        "GET /jobs.json?page=1",
        "GET /jobs.json?page=2",
        "GET /jobs.json?page=3",
    ]


def test_the_newest_job_costs_one_request(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    respond_pages(api, [{"id": 3}, {"id": 2}])

    newest = next(client.get_jobs())

    assert newest.id == 3
    assert len(sent) == 1


def test_a_list_is_fetched_lazily(client: Client, sent: list[SentRequest]) -> None:
    client.get_jobs()

    assert sent == []


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"errors": ["Title can't be blank"]}, "Title can't be blank"),
        ({"error": {"message": "Title can't be blank"}}, "Title can't be blank"),
        ({"message": {"error": "Title can't be blank"}}, "Title can't be blank"),
        ({"errors": []}, "without a message"),
    ],
)
def test_an_item_with_only_errors_is_skipped_with_a_warning(
    api: RequestsMock, client: Client, item: object, said: str
) -> None:
    respond_pages(api, [{"id": 3}, item, {"id": 2}], [])

    with pytest.warns(UserWarning, match=said):
        jobs = list(client.get_jobs())

    assert [job.id for job in jobs] == [3, 2]


@pytest.mark.parametrize("page", [{"notice": {"message": "Later."}}, "later", [7], ["later"]])
def test_a_page_that_is_not_a_list_of_jobs_is_malformed(
    api: RequestsMock, client: Client, page: object
) -> None:
    respond_pages(api, page)

    with pytest.raises(MalformedResponse):
        list(client.get_jobs())


# Copying and deleting


@pytest.mark.parametrize(
    ("all_units", "gold", "query"),
    [
        (False, False, ""),
        (True, False, "?all_units=true"),
        (False, True, "?gold=true"),
        (True, True, "?all_units=true&gold=true"),
    ],
)
def test_a_copy_includes_units_and_gold_as_requested(
    api: RequestsMock,
    client: Client,
    sent: list[SentRequest],
    all_units: bool,
    gold: bool,
    query: str,
) -> None:
    message = {"notice": "Job copied. Units will be copied over shortly."}
    api.get(f"{API}/jobs/7/copy.json", json={**KEPT, "copied_from": 7, "message": message})

    copy = client.copy_job(7, all_units, gold)

    assert sent[0].line == f"GET /jobs/7/copy.json{query}"
    assert (copy.id, copy.copied_from) == (712035, 7)


def test_a_job_is_deleted(api: RequestsMock, client: Client, sent: list[SentRequest]) -> None:
    api.delete(f"{API}/jobs/7.json", json={"message": {"success": "Job 7 has been deleted."}})

    client.delete_job(7)

    assert sent[0].line == "DELETE /jobs/7.json"


@pytest.mark.parametrize("bad", [0, -1, True, None, 7.0, "", ".", ".."], ids=repr)
def test_an_invalid_id_is_refused_before_any_request(client: Client, bad: Any) -> None:
    for call in (client.get_job, client.delete_job, client.get_job_tags):
        with pytest.raises(InvalidInput, match="is not an id"):
            call(bad)
    with pytest.raises(InvalidInput, match="is not an id"):
        client.cancel_unit(7, bad)


# Channels and tags


CHANNELS = {
    "enabled_channels": ["cf_internal"],
    "available_channels": ["cf_internal", "clixsense", "on_demand"],
    "message": "Individual channel targeting will be deprecated soon.",
}


def test_channels_are_requested_without_a_suffix(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/7/channels", json=CHANNELS)

    channels = client.get_job_channels(7)

    assert channels == CHANNELS
    assert sent[0].line == "GET /jobs/7/channels"
    assert sent[0].headers["Accept"] == "application/json"


@pytest.mark.parametrize("names", [["on_demand", "cf_internal"], ("on_demand", "cf_internal")])
def test_channels_are_replaced(
    api: RequestsMock, client: Client, sent: list[SentRequest], names: Any
) -> None:
    api.put(f"{API}/jobs/7/channels", json={"success": "The job has been updated.", **CHANNELS})

    client.set_job_channels(7, names)

    assert sent[0].line == "PUT /jobs/7/channels"
    assert sent[0].form == [("channels[]", "on_demand"), ("channels[]", "cf_internal")]


def test_an_unknown_channel_is_an_error_despite_status_200(
    api: RequestsMock, client: Client
) -> None:
    said = "The channel amtt could not be found."
    api.put(f"{API}/jobs/7/channels", json={"error": said, **CHANNELS})

    with pytest.raises(ApplicationError, match=said):
        client.set_job_channels(7, ["amtt"])


def test_an_empty_list_of_channels_is_refused(client: Client) -> None:
    with pytest.raises(InvalidInput, match="channels"):
        client.set_job_channels(7, [])


def test_tags_are_a_list_of_names(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/7/tags", json=[{"name": "fashion"}, {"name": "glitter"}])

    tags = client.get_job_tags(7)

    assert tags == ["fashion", "glitter"]
    assert sent[0].line == "GET /jobs/7/tags"


def test_a_job_without_tags_has_an_empty_list(api: RequestsMock, client: Client) -> None:
    api.get(f"{API}/jobs/7/tags", json=[])

    assert client.get_job_tags(7) == []


@pytest.mark.parametrize("answer", [{}, "fashion", ["fashion"]])
def test_tags_of_unknown_shape_are_malformed(
    api: RequestsMock, client: Client, answer: object
) -> None:
    api.get(f"{API}/jobs/7/tags", json=answer)

    with pytest.raises(MalformedResponse):
        client.get_job_tags(7)


def test_a_tag_is_added(api: RequestsMock, client: Client, sent: list[SentRequest]) -> None:
    api.post(f"{API}/jobs/7/tags", json={"success": "1 tags added"})

    client.add_job_tag(7, "größe, xl")

    assert sent[0].line == "POST /jobs/7/tags"
    assert sent[0].form == [("tags[]", "größe, xl")]


@pytest.mark.parametrize(
    ("tags", "form"),
    [(["a", "b"], [("tags[]", "a"), ("tags[]", "b")]), ([], [("tags[]", "")])],
)
def test_tags_can_be_replaced_by_an_empty_list(
    api: RequestsMock, client: Client, sent: list[SentRequest], tags: list[str], form: object
) -> None:
    api.put(f"{API}/jobs/7/tags", json={"success": f"{len(tags)} tags set"})

    client.set_job_tags(7, tags)

    assert sent[0].line == "PUT /jobs/7/tags"
    assert sent[0].form == form


def test_a_string_instead_of_a_list_of_names_is_refused(client: Client) -> None:
    with pytest.raises(InvalidInput, match=r"\['spring'\]"):
        client.set_job_tags(7, "spring")
    with pytest.raises(InvalidInput, match=r"\['on_demand'\]"):
        client.set_job_channels(7, "on_demand")
    with pytest.raises(InvalidInput, match=r"\['on_demand'\]"):
        client.debit_order(7, 5, "on_demand")


# Test questions


def test_rows_become_test_questions(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    said = {"success": {"message": "The job will be updated in the background."}}
    api.put(f"{API}/jobs/7/gold.json", json=said)

    client.convert_job_test_questions(7)

    assert sent[0].line == "PUT /jobs/7/gold.json"
    assert sent[0].body == b""


def test_a_conversion_without_gold_rows_is_an_error(api: RequestsMock, client: Client) -> None:
    said = "We couldn't find any prepopulated gold standard in your dataset."
    api.put(f"{API}/jobs/7/gold.json", status=400, json={"error": {"message": said}})

    with pytest.raises(ApiError, match=said):
        client.convert_job_test_questions(7)


@pytest.mark.parametrize("answer", [REDIRECT, PAGE], ids=["redirect", "page"])
def test_a_conversion_with_status_406_is_polled_until_it_shows(
    api: RequestsMock, client: Client, clock: Clock, sent: list[SentRequest], answer: dict[str, Any]
) -> None:
    api.put(f"{API}/jobs/7/gold.json", **answer)
    api.get(f"{API}/jobs/7.json", json={"id": 7, "golds_count": 0})
    api.get(f"{API}/jobs/7.json", json={"id": 7, "golds_count": 0})
    api.get(f"{API}/jobs/7.json", json={"id": 7, "golds_count": 3})

    client.convert_job_test_questions(7)

    look = "GET /jobs/7.json"
    assert [request.line for request in sent] == ["PUT /jobs/7/gold.json", look, look, look]
    assert sum(clock.slept) == 3


def test_a_conversion_that_never_shows_raises_the_original_error(
    api: RequestsMock, client: Client, clock: Clock
) -> None:
    api.put(f"{API}/jobs/7/gold.json", **PAGE)
    api.get(f"{API}/jobs/7.json", json={"id": 7, "golds_count": 0})

    with pytest.raises(NotAcceptable):
        client.convert_job_test_questions(7)

    assert sum(clock.slept) == 15


def test_a_conversion_without_a_response_has_an_unknown_outcome(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.put(f"{API}/jobs/7/gold.json", status=502)

    with pytest.raises(OutcomeUnknown):
        client.convert_job_test_questions(7)

    assert len(sent) == 1
