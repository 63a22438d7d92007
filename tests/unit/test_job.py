"""Jobs: attributes and actions."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from responses import matchers

from crowdflower.exceptions import (
    ApiError,
    ApplicationError,
    InvalidInput,
    MalformedResponse,
    PaymentRequired,
    RefusedError,
    ServerError,
)
from crowdflower.job import Job
from crowdflower.order import Order
from crowdflower.worker import Worker

if TYPE_CHECKING:
    from conftest import Clock, SentRequest
    from responses import RequestsMock

    from crowdflower.client import Client

API = "https://api.appen.com/v1"
JOB = f"{API}/jobs/712034.json"


def lines(sent: list[SentRequest]) -> list[str]:
    return [request.line.replace("/jobs/712034", "") for request in sent]


# Attributes


@pytest.mark.parametrize(
    "name",
    [
        *("id", "state", "secret", "gold", "problem", "units_count", "golds_count"),
        *("judgments_count", "crowd_costs", "completed", "completed_at", "copied_from"),
        *("created_at", "updated_at", "assignment_duration", "quiz_mode_enabled"),
        *("fair_pay_enabled", "recommended_price_per_judgment", "estimated_time_per_judgment"),
        *("desired_requirements", "minimum_account_age_seconds", "require_worker_login"),
        *("execution_mode", "worker_ui_remix", "public_data", "design_verified"),
        *("order_approved", "language", "custom_key"),
    ],
)
def test_read_only_attributes_cannot_be_assigned(job: Job, name: str) -> None:
    job.absorb({name: "shown"})

    with pytest.raises(AttributeError, match="read-only"):
        setattr(job, name, "mine")

    assert getattr(job, name) == job[name] == "shown"


@pytest.mark.parametrize(
    "name",
    [
        *("title", "instructions", "cml", "js", "css", "fields", "confidence_fields"),
        *("judgments_per_unit", "units_per_assignment", "pages_per_assignment"),
        *("gold_per_assignment", "max_judgments_per_worker", "max_judgments_per_ip"),
        *("max_work_per_network", "payment_cents", "min_assignment_duration"),
        *("variable_judgments_mode", "min_unit_confidence", "max_judgments_per_unit"),
        *("expected_judgments_per_unit", "units_remain_finalized", "auto_order"),
        *("auto_order_threshold", "auto_order_timeout", "quiz_length", "quiz_length_configured"),
        *("included_countries", "excluded_countries", "minimum_requirements", "webhook_uri"),
        *("send_judgments_webhook", "alias", "support_email", "project_number"),
        *("time_per_page", "team_id", "cml_fields", "schedule_fifo"),
    ],
)
def test_writable_attributes_are_read_and_sent(
    api: RequestsMock, job: Job, sent: list[SentRequest], name: str
) -> None:
    api.put(JOB, json={"id": 712034, name: "taken"})

    setattr(job, name, "mine")
    job.update()

    assert sent[0].form == [(f"job[{name}]", "mine")]
    assert getattr(job, name) == "taken"


def test_options_are_written_as_a_dict(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.put(JOB, json={"id": 712034, "options": {"keywords": "taken"}})

    job.options = {"keywords": "mine"}
    job.update()

    assert sent[0].form == [("job[options][keywords]", "mine")]
    assert job.options == {"keywords": "taken"}


@pytest.mark.parametrize("name", ["uri"])
def test_write_only_attributes_are_sent(
    api: RequestsMock, job: Job, sent: list[SentRequest], name: str
) -> None:
    api.put(JOB, json={"id": 712034})

    setattr(job, name, "mine")
    job.update()

    assert sent[0].form == [(f"job[{name}]", "mine")]
    with pytest.raises(AttributeError, match="write-only"):
        getattr(job, name)


@pytest.mark.parametrize(
    ("shown", "fields"),
    [
        ({"confidence_fields": ["a"], "options": {"confidence_fields": ["b"]}}, ["a"]),
        ({"confidence_fields": None, "options": {"confidence_fields": ["b"]}}, ["b"]),
        ({"confidence_fields": None, "options": {"dynamic_judgment_fields": ["c"]}}, ["c"]),
        ({"options": {"confidence_fields": [], "dynamic_judgment_fields": ["c"]}}, ["c"]),
        ({"confidence_fields": None, "options": None}, None),
        ({}, None),
    ],
)
def test_the_confidence_fields_are_read_from_every_option_of_the_service(
    shown: dict[str, Any], fields: list[str] | None
) -> None:
    job = Job(**shown)

    assert job.confidence_fields == fields
    assert job["confidence_fields"] == fields


def test_the_confidence_fields_are_sent_in_every_option_of_the_service(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.put(JOB, json=job.json)

    job.options = {"reject_at": 70}
    job.collect_dynamically(["sentiment", "topics"], min_confidence=0.7, max_judgments=5)

    watched = [name for name, _ in sent[0].form if name.endswith("_fields][]")]
    assert sorted(set(watched)) == [
        "job[confidence_fields][]",
        "job[options][confidence_fields][]",
        "job[options][dynamic_judgment_fields][]",
    ]
    assert ("job[options][reject_at]", "70") in sent[0].form
    assert len(watched) == 6


def test_the_confidence_fields_may_be_none(job: Job) -> None:
    job.absorb({"id": 7, "options": {"confidence_fields": ["a"]}})

    job.confidence_fields = None

    assert job.confidence_fields is None


@pytest.mark.parametrize("name", ["included_countries", "excluded_countries"])
def test_countries_are_sent_as_codes(
    api: RequestsMock, job: Job, sent: list[SentRequest], name: str
) -> None:
    job.absorb({**job.json, name: [{"code": "FI", "name": "Finland"}]})
    api.put(JOB, json=job.json)

    job[name] = [*job[name], "US"]
    job.update()

    assert sent[0].form == [(f"job[{name}][]", "FI"), (f"job[{name}][]", "US")]


# Updating


def test_an_update_sends_only_changes_and_absorbs_the_response(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    answer = {**job.json, "title": "Sentiment Of Reviews", "payment_cents": 12}
    api.put(JOB, json=answer)

    job.title = "Sentiment of reviews"
    job["payment_cents"] = 12
    job.options = {"front_load": True}
    job.update()

    assert lines(sent) == ["PUT .json"]
    assert sent[0].form == [
        ("job[title]", "Sentiment of reviews"),
        ("job[payment_cents]", "12"),
        ("job[options][front_load]", "true"),
    ]
    assert job.title == "Sentiment Of Reviews"
    assert job.json == answer


def test_sent_changes_are_not_sent_again(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.put(JOB, json=job.json)
    job.payment_cents = 12

    job.update()
    job.update()

    assert len(sent) == 1


def test_without_a_change_nothing_is_sent(job: Job, sent: list[SentRequest]) -> None:
    job.update()

    assert sent == []


@pytest.mark.parametrize("missing", ["title", "instructions", "cml"])
def test_a_missing_attribute_is_an_error_without_a_change_too(
    job: Job, sent: list[SentRequest], missing: str
) -> None:
    job.absorb({**job.json, missing: None})

    with pytest.raises(RuntimeError, match=f"set {missing} first"):
        job.update()

    assert sent == []


@pytest.mark.parametrize("answer", [[], {}, {"enabled_channels": None}, {"enabled_channels": [1]}])
def test_channels_of_another_shape_are_malformed(
    api: RequestsMock, job: Job, answer: object
) -> None:
    api.get(f"{API}/jobs/712034/channels", json=answer)

    with pytest.raises(MalformedResponse):
        _ = job.channels


@pytest.mark.parametrize("missing", ["title", "instructions", "cml"])
@pytest.mark.parametrize("value", [None, ""])
def test_an_update_without_a_required_attribute_is_refused_by_name(
    job: Job, sent: list[SentRequest], missing: str, value: str | None
) -> None:
    job.absorb({**job.json, missing: value})
    job.payment_cents = 12

    with pytest.raises(RuntimeError, match=rf"set {missing}\b"):
        job.update()

    assert sent == []
    assert job.payment_cents == 12


def test_all_missing_attributes_are_named_at_once(client: Client) -> None:
    job = Job(client, id=7)
    job.payment_cents = 12

    with pytest.raises(RuntimeError, match="set title and instructions and cml first"):
        job.update()


def test_a_change_may_add_the_missing_attribute(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    job = Job(client, id=712034, title="Sentiment", instructions="", cml=None)
    api.put(JOB, json={"id": 712034})

    job.instructions = "<p>Read.</p>"
    job.cml = "<cml:text label='x'/>"
    job.update()

    assert lines(sent) == ["PUT .json"]


def test_a_change_may_not_remove_a_required_attribute(job: Job) -> None:
    job.title = ""

    with pytest.raises(RuntimeError, match="set title first"):
        job.update()


@pytest.mark.parametrize(
    ("status", "body"), [(200, {"errors": ["Title is too short"]}), (422, {"error": "No"})]
)
def test_a_refused_change_is_not_sent_again(
    api: RequestsMock, job: Job, sent: list[SentRequest], status: int, body: Any
) -> None:
    api.put(JOB, status=status, json=body)
    before = job.title
    job.title = "x"
    with pytest.raises(RefusedError, match="; nothing was changed, and title must be assigned"):
        job.update()
    assert job.title == before
    job.update()
    api.put(JOB, json={"id": 712034})

    job.instructions = "Read the tweet."
    job.update()

    assert [request.form for request in sent] == [
        [("job[title]", "x")],
        [("job[instructions]", "Read the tweet.")],
    ]


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
def test_a_change_that_was_not_at_fault_stays(
    api: RequestsMock, job: Job, sent: list[SentRequest], status: int
) -> None:
    api.assert_all_requests_are_fired = False
    api.put(JOB, status=status, json={"error": "No"})
    api.get(JOB, status=status, json={"error": "No"})
    job.title = "Another"

    with pytest.raises(ApiError):
        job.update()

    assert job.title == "Another"


def test_a_response_that_is_not_a_job_keeps_the_changes(api: RequestsMock, job: Job) -> None:
    api.put(JOB, json=[])
    job.payment_cents = 12

    with pytest.raises(MalformedResponse):
        job.update()

    assert job.payment_cents == 12


# Actions


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_the_job_is_read_after_an_action(
    api: RequestsMock, job: Job, sent: list[SentRequest], verb: str
) -> None:
    api.get(f"{API}/jobs/712034/{verb}.json", json={"success": f"Your job is being {verb}d."})
    api.get(JOB, json={**job.json, "state": "changed"})

    getattr(job, verb)()

    assert lines(sent) == [f"GET /{verb}.json", "GET .json"]
    assert job.state == "changed"


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [
        ("pause", "running", "paused"),
        ("resume", "paused", "running"),
        ("cancel", "running", "canceled"),
    ],
)
def test_a_job_is_polled_until_its_state_changes(
    api: RequestsMock,
    job: Job,
    sent: list[SentRequest],
    clock: Clock,
    verb: str,
    before: str,
    after: str,
) -> None:
    job.absorb({**job.json, "state": before})
    api.get(f"{API}/jobs/712034/{verb}.json", json={"success": "Your job is being seen to."})
    for state in (before, before, after):
        api.get(JOB, json={**job.json, "state": state})

    getattr(job, verb)()

    assert job.state == after
    assert lines(sent) == [f"GET /{verb}.json", *["GET .json"] * 3]
    assert sum(clock.slept) == 3


def test_polling_a_job_that_does_not_change_ends_after_seconds(
    api: RequestsMock, job: Job, sent: list[SentRequest], clock: Clock
) -> None:
    api.get(f"{API}/jobs/712034/pause.json", json={"success": "Your job is being paused."})
    api.get(JOB, json=job.json)

    job.pause()

    assert job.state == "running"
    assert len(sent) == 5
    assert sum(clock.slept) == 7


@pytest.mark.usefixtures("payment_reads")
def test_a_launched_job_is_polled_until_it_runs(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    job.absorb({**job.json, "state": "unordered"})
    api.post(f"{API}/jobs/712034/orders.json", json=ORDER)
    for state in ("unordered", "unordered", "running"):
        api.get(JOB, json={**job.json, "state": state})

    job.launch(100)

    assert job.state == "running"
    assert lines(sent)[-3:] == ["POST /orders.json", "GET .json", "GET .json"]


def test_a_job_in_the_response_is_not_read_again(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/712034/pause.json", json={**job.json, "state": "paused"})

    job.pause()

    assert lines(sent) == ["GET /pause.json"]
    assert job.state == "paused"


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("pause", "You can't pause a job that hasn't been launched."),
        ("resume", "You can only resume jobs that are paused or complete."),
        ("cancel", "You can't cancel a job that hasn't been launched."),
    ],
)
def test_a_refused_action_is_an_error_despite_status_200(
    api: RequestsMock, job: Job, verb: str, said: str
) -> None:
    api.get(f"{API}/jobs/712034/{verb}.json", json={"error": said})

    with pytest.raises(ApplicationError, match=said):
        getattr(job, verb)()

    assert job.state == "running"


ORDER = {"id": 88123, "type": "Debit", "amount_in_cents": 126, "nuggeted_units_count": 4}


@pytest.mark.usefixtures("payment_reads")
def test_a_launch_is_an_order_and_then_the_job_is_read(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.post(f"{API}/jobs/712034/orders.json", json=ORDER)
    api.get(JOB, json={**job.json, "state": "running"})

    order = job.launch(100)

    assert type(order) is Order
    assert (order.id, order.job) == (88123, job)
    assert sorted(sent[2].form) == [("channels[]", "on_demand"), ("debit[units_count]", "100")]
    assert lines(sent) == ["GET /ping.json", "GET .json", "POST /orders.json", "GET .json"]
    assert job.state == "running"


@pytest.mark.usefixtures("payment_reads")
def test_a_launch_sends_its_channels(api: RequestsMock, job: Job, sent: list[SentRequest]) -> None:
    api.post(f"{API}/jobs/712034/orders.json", json=ORDER)
    api.get(JOB, json=job.json)

    job.launch(5, ["cf_internal", "clixsense"])

    assert [text for name, text in sent[2].form if name == "channels[]"] == [
        "cf_internal",
        "clixsense",
    ]


@pytest.mark.usefixtures("payment_reads")
def test_a_paid_launch_succeeds_even_if_the_job_cannot_be_read(api: RequestsMock, job: Job) -> None:
    api.post(f"{API}/jobs/712034/orders.json", json=ORDER)
    api.get(JOB, status=500)

    with pytest.warns(UserWarning, match=r"launched, the order 88123 was placed, but"):
        order = job.launch(5)

    assert order.id == 88123


@pytest.mark.usefixtures("payment_reads")
def test_an_unpaid_launch_is_an_error(api: RequestsMock, job: Job) -> None:
    api.get(JOB, json=job.json)
    api.post(f"{API}/jobs/712034/orders.json", status=402)

    with pytest.raises(PaymentRequired):
        job.launch(5)


@pytest.mark.parametrize(("count", "channels"), [(0, ["on_demand"]), (5, []), (5, "on_demand")])
def test_a_launch_without_units_or_channels_is_refused(
    job: Job, sent: list[SentRequest], count: int, channels: Any
) -> None:
    with pytest.raises(InvalidInput):
        job.launch(count, channels)

    assert sent == []


def _launch_with_a_warning(job: Job) -> None:
    with pytest.warns(UserWarning, match="title was assigned but not sent"):
        job.launch(5)


@pytest.mark.parametrize(
    "act",
    [
        lambda job: job.pause(),
        _launch_with_a_warning,
        lambda job: job.upload([{"text": "hi"}]),
        lambda job: job.upload_file(io.BytesIO(b"a\n1\n"), "csv"),
        lambda job: job.set_options(reject_at=80),
    ],
    ids=["pause", "launch", "upload", "upload_file", "set_options"],
)
@pytest.mark.usefixtures("payment_reads")
def test_unsent_changes_survive_other_actions(
    api: RequestsMock, job: Job, sent: list[SentRequest], act: Any
) -> None:
    api.assert_all_requests_are_fired = False
    for call in (api.get, api.put):
        call(f"{API}/jobs/712034/pause.json", json={"success": "Your job is being paused."})
        call(f"{API}/jobs/712034/upload.json", json={**job.json, "units_count": 9})
        call(JOB, json={**job.json, "units_count": 9})
    api.post(f"{API}/jobs/712034/orders.json", json=ORDER)
    job.title = "Sentiment of films"

    act(job)
    job.update()

    assert sent[-1].line == "PUT /jobs/712034.json"
    assert sent[-1].form == [("job[title]", "Sentiment of films")]
    assert job.units_count == 9


def test_reloading_drops_unsent_changes(api: RequestsMock, job: Job) -> None:
    api.get(JOB, json={**job.json, "state": "paused"})
    job.title = "Sentiment of films"

    same = job.reload()

    assert same is job
    assert (job.title, job.state) == ("Sentiment of product reviews", "paused")


@pytest.mark.parametrize(
    "counts",
    [
        {"all_units": 4, "golden_units": 1, "needed_judgments": 5, "all_judgments": 7},
        {"all_units": 0, "aggregated_units_cached": False},
    ],
)
def test_a_ping_returns_all_counts(
    api: RequestsMock, job: Job, sent: list[SentRequest], counts: dict[str, int]
) -> None:
    api.get(f"{API}/jobs/712034/ping.json", json=counts)

    assert job.ping() == counts
    assert lines(sent) == ["GET /ping.json"]


@pytest.mark.parametrize(
    "legend",
    [
        {"sentiment": {"What is the sentiment?": {"positive": "Positive"}}},
        {"sentiment": "What is the sentiment?"},
    ],
)
def test_a_legend_is_read_in_both_shapes(
    api: RequestsMock, job: Job, legend: dict[str, Any]
) -> None:
    api.get(f"{API}/jobs/712034/legend.json", json=legend)

    assert job.legend() == legend


def test_a_job_is_deleted(api: RequestsMock, job: Job, sent: list[SentRequest]) -> None:
    api.delete(JOB, json={"message": {"success": "Job 712034 has been deleted."}})

    job.delete()

    assert lines(sent) == ["DELETE .json"]


@pytest.mark.parametrize(
    ("arguments", "query"),
    [({}, ""), ({"all_units": True}, "?all_units=true"), ({"gold": True}, "?gold=true")],
)
def test_a_job_is_copied(
    api: RequestsMock, job: Job, sent: list[SentRequest], arguments: dict[str, bool], query: str
) -> None:
    api.get(f"{API}/jobs/712034/copy.json", json={"id": 712036, "copied_from": 712034})

    copy = job.copy(**arguments)

    assert lines(sent) == [f"GET /copy.json{query}"]
    assert (copy.id, copy.copied_from, copy.client) == (712036, 712034, job.client)


# Rows and units


def test_rows_are_appended_and_the_response_is_absorbed(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.put(f"{API}/jobs/712034/upload.json", json={**job.json, "units_count": 2})

    job.upload(({"text": text} for text in ("Grüße", "Hi")), force=True)

    assert lines(sent) == ["PUT /upload.json?force=true"]
    assert sent[0].body.decode() == '{"text":"Grüße"}\n{"text":"Hi"}\n'
    assert job.units_count == 2


def test_a_file_is_appended(api: RequestsMock, job: Job, sent: list[SentRequest]) -> None:
    api.put(f"{API}/jobs/712034/upload.json", json={**job.json, "units_count": 1})

    job.upload_file(io.StringIO("text\nGrüße\n"), "csv", True)

    assert lines(sent) == ["PUT /upload.json?force=true"]
    assert sent[0].headers["Content-Type"] == "text/csv"
    assert job.units_count == 1


def respond_pages(api: RequestsMock, path: str, *pages: object) -> None:
    for number, page in enumerate(pages, 1):
        match = [matchers.query_param_matcher({"page": number}, strict_match=False)]
        api.get(f"{API}/jobs/712034/{path}.json", json=page, match=match)


def test_units_are_fetched_once_and_again_after_a_reload(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    respond_pages(api, "units", {"1": {"text": "a"}, "2": {"text": "b"}}, {})
    api.get(JOB, json=job.json)

    first = job.units
    again = job.units
    job.reload()
    anew = job.units

    assert [unit.data["text"] for unit in first] == ["a", "b"]
    assert again is first
    assert anew is not first
    assert lines(sent) == [
        *("GET /units.json?page=1", "GET /units.json?page=2"),
        "GET .json",
        *("GET /units.json?page=1", "GET /units.json?page=2"),
    ]


def test_a_failed_fetch_of_units_is_not_cached(api: RequestsMock, job: Job) -> None:
    api.get(f"{API}/jobs/712034/units.json", status=404)
    with pytest.raises(Exception, match="404"):
        job.units  # noqa: B018 - reading is the test
    api.reset()
    respond_pages(api, "units", {"1": {}}, {})

    assert [unit.id for unit in job.units] == [1]


def test_units_have_their_job(api: RequestsMock, job: Job) -> None:
    respond_pages(api, "units", {"1": {}}, {})

    assert job.units[0].job is job


def test_aggregates_are_fetched_once(api: RequestsMock, job: Job, sent: list[SentRequest]) -> None:
    entry = {"_ids": [9], "sentiment": {"agg": "positive", "res": ["positive"]}}
    respond_pages(api, "judgments", {"1": entry}, {})

    first = job.judgment_aggregates
    again = job.judgment_aggregates

    assert [aggregate.get_aggregate("sentiment") for aggregate in first] == ["positive"]
    assert again is first
    assert lines(sent) == ["GET /judgments.json?page=1", "GET /judgments.json?page=2"]


def test_a_judgment_has_its_worker(api: RequestsMock, job: Job, sent: list[SentRequest]) -> None:
    api.get(f"{API}/jobs/712034/judgments/9.json", json={"id": 9, "worker_id": 31883685})

    judgment = job.get_judgment(9)

    assert (judgment.id, judgment.job) == (9, job)
    assert (judgment.worker.id, judgment.worker.job) == (31883685, job)
    assert lines(sent) == ["GET /judgments/9.json"]


def test_a_worker_is_created_without_a_request(job: Job, sent: list[SentRequest]) -> None:
    worker = job.get_worker(31883685)

    assert type(worker) is Worker
    assert (worker.id, worker.job, worker.client) == (31883685, job, job.client)
    assert sent == []


def test_rows_become_test_questions(api: RequestsMock, job: Job, sent: list[SentRequest]) -> None:
    api.put(f"{API}/jobs/712034/gold.json", json={"success": {"message": "In the background."}})

    job.convert_test_questions()

    assert lines(sent) == ["PUT /gold.json"]


# Channels and tags


def test_channels_are_read_and_assigned(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    channels = {"enabled_channels": ["cf_internal"], "available_channels": ["cf_internal"]}
    api.get(f"{API}/jobs/712034/channels", json=channels)
    api.put(f"{API}/jobs/712034/channels", json={"success": "Updated.", **channels})

    shown = job.channels
    job.channels = ["cf_internal"]

    assert shown == ["cf_internal"]
    assert lines(sent) == ["GET /channels", "PUT /channels"]
    assert sent[1].form == [("channels[]", "cf_internal")]


def test_tags_are_read_assigned_and_added(
    api: RequestsMock, job: Job, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/712034/tags", json=[{"name": "fashion"}])
    api.put(f"{API}/jobs/712034/tags", json={"success": "2 tags set"})
    api.post(f"{API}/jobs/712034/tags", json={"success": "1 tags added"})

    shown = job.tags
    job.tags = ["fashion", "glitter"]
    job.add_tag("spring")

    assert shown == ["fashion"]
    assert lines(sent) == ["GET /tags", "PUT /tags", "POST /tags"]
    assert sent[1].form == [("tags[]", "fashion"), ("tags[]", "glitter")]
    assert sent[2].form == [("tags[]", "spring")]


def test_a_failing_server_is_named_in_the_error(api: RequestsMock, job: Job) -> None:
    api.get(f"{API}/jobs/712034/ping.json", status=500)

    with pytest.raises(ServerError, match=r"GET /jobs/712034/ping\.json: 500"):
        job.ping()


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel"])
def test_an_action_succeeds_even_if_the_job_cannot_be_read(
    api: RequestsMock, job: Job, verb: str
) -> None:
    api.get(f"{API}/jobs/712034/{verb}.json", json={"success": "Your job is being seen to."})
    api.get(f"{API}/jobs/712034.json", status=404)

    with pytest.warns(UserWarning, match="but the job cannot be read again"):
        getattr(job, verb)()


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        ({"affected": 5, "populated": ["up"]}, {"affected": 5, "populated": ["up"]}),
        ([{"id": 1}, {"id": 2}], {"affected": 2}),
        ({"success": {"message": "Later."}}, {"success": {"message": "Later."}}),
    ],
)
def test_gold_rows_are_counted_in_every_representation(
    api: RequestsMock, job: Job, sent: list[SentRequest], answer: object, counted: object
) -> None:
    api.put(f"{API}/jobs/712034/gold.json", json=answer)

    assert job.mark_test_questions("sentiment") == counted
    assert sent[0].form == [
        ("check", "sentiment"),
        ("with", "sentiment_gold"),
        ("convert_units", "true"),
    ]


@pytest.mark.parametrize("answer", [{"1": {"id": 1}}, "later", [7]])
def test_test_questions_of_unknown_shape_are_malformed(
    api: RequestsMock, job: Job, answer: object
) -> None:
    api.get(f"{API}/jobs/712034/test_questions", json=answer)

    with pytest.raises(MalformedResponse, match="test question"):
        job.get_test_questions()
