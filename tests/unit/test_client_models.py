"""Models: attributes over JSON, unsent changes, lazy loading."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.exceptions import InvalidInput, MalformedResponse, UnknownAttribute
from crowdflower.job import Job
from crowdflower.judgment import Judgment, JudgmentAggregate
from crowdflower.models.fields import Attribute, Field, ReadOnly, WriteOnly
from crowdflower.models.job_fields import JobFields
from crowdflower.models.resource import Resource
from crowdflower.order import Order
from crowdflower.unit import Unit, UnitPromise
from crowdflower.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import SentRequest
    from responses import RequestsMock

    from crowdflower.client import Client

API = "https://api.appen.com/v1"
OF_A_JOB = [Unit, UnitPromise, Judgment, JudgmentAggregate, Worker, Order]


class Sample(Resource):
    """A model with one attribute of each kind."""

    title = Attribute[str]()
    state = ReadOnly[str]()
    secret_sauce = WriteOnly[str]()
    kind = ReadOnly[str]("_type")


@pytest.fixture
def sample() -> Sample:
    return Sample(None, id=7, title="one", state="running", _type="job", brand_new=[1])


# Reading


def test_an_attribute_reads_the_json_field_of_its_name(sample: Sample) -> None:
    assert (sample.id, sample.title, sample.state) == (7, "one", "running")


def test_an_attribute_may_have_another_name_than_its_field(sample: Sample) -> None:
    assert sample.kind == "job"
    assert sample["kind"] == sample["_type"] == "job"


def test_a_missing_field_is_none() -> None:
    assert Sample(None, id=7).title is None


def test_an_item_reads_declared_and_undeclared_fields(sample: Sample) -> None:
    assert sample["title"] == "one"
    assert sample["brand_new"] == [1]


def test_an_item_that_is_null_exists(sample: Sample) -> None:
    sample.absorb({"brand_new": None})
    sample["newer"] = None

    assert sample["brand_new"] is None
    assert sample["newer"] is None


def test_an_unknown_item_is_a_key_error(sample: Sample) -> None:
    with pytest.raises(KeyError, match="nothing"):
        sample["nothing"]


@pytest.mark.parametrize("look", [list, dict, lambda model: "title" in model])
def test_a_model_is_not_a_collection(sample: Sample, look: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"'Sample' object is not (iterable|a container)"):
        look(sample)


def test_an_undeclared_attribute_is_an_attribute_error(sample: Sample) -> None:
    with pytest.raises(AttributeError):
        sample.brand_new  # type: ignore[attr-defined]  # noqa: B018 - reading is the test


def test_a_declared_item_that_is_missing_is_none() -> None:
    assert Sample(None, id=7)["title"] is None


# Writing


def test_a_write_is_visible_at_once_and_separate_from_the_server_state(sample: Sample) -> None:
    sample.title = "two"

    assert sample.title == sample["title"] == "two"
    assert sample.json["title"] == "one"


def test_an_item_writes_declared_and_undeclared_fields(sample: Sample) -> None:
    sample["title"] = "two"
    sample["brand_new"] = [2]

    assert sample.title == "two"
    assert sample["brand_new"] == [2]
    assert sample.json["brand_new"] == [1]


def test_none_can_be_assigned(sample: Sample) -> None:
    sample.title = None  # type: ignore[assignment]

    assert sample.title is None


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("titel", "did you mean 'title'?"),
        ("payment_cent", "did you mean 'payment_cents'?"),
        ("zzz", "Job has no attribute 'zzz' (send"),
    ],
)
def test_a_misspelt_attribute_is_refused(name: str, hint: str) -> None:
    job = Job(None, id=7, title="one")

    with pytest.raises(AttributeError) as caught:
        setattr(job, name, "two")

    assert hint in str(caught.value)
    assert f"job[{name!r}] = …" in str(caught.value)
    assert not hasattr(job, name)


@pytest.mark.parametrize("model", OF_A_JOB)
def test_undeclared_attributes_cannot_be_assigned(model: type[Any]) -> None:
    job = Job(None, id=7)
    thing = model(job, None, id=8)

    with pytest.raises(AttributeError, match=f"{model.__name__} has no attribute 'stat_'"):
        thing.stat_ = "new"
    thing.job = other = Job(None, id=9)

    assert thing.job is other


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("titel", r"Job has no attribute 'titel'; did you mean 'title'\? .*job\['titel'\] = … and"),
        ("Title", "did you mean 'title'"),
        ("colour", r"Job has no attribute 'colour' \(send"),
        ("update", r"Job has no attribute 'update'"),
        ("tags", "tags are not sent with a job: assign job.tags instead"),
        ("channels", "assign job.channels instead"),
        (7, "Job has no attribute 7"),
    ],
)
@pytest.mark.parametrize("kind", [AttributeError, InvalidInput, UnknownAttribute])
def test_a_misspelt_attribute_is_not_sent(
    client: Client, sent: list[SentRequest], name: Any, said: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match=said):
        client.create_job({"payment_cents": 5, name: "x"})
    with pytest.raises(kind, match=said):
        client.update_job(7, {"payment_cents": 5, name: "x"})

    assert sent == []


def test_every_declared_attribute_may_be_sent(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    """Scripts copy the settings of one job to another, with what only the server writes."""
    api.put(f"{API}/jobs/7.json", json={"id": 7})
    declared = [name for name, field in vars(JobFields).items() if isinstance(field, Field)]

    client.update_job(7, dict.fromkeys(["id", *declared]))

    assert {"title", "state", "message"} <= set(declared)
    assert {name for name, _ in sent[0].form} >= {f"job[{name}]" for name in declared}


def test_an_item_sends_a_field_that_the_library_does_not_know(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.put(f"{API}/jobs/7.json", json={"id": 7})
    job = Job(client, id=7, title="Mood", instructions="Read.", cml="<cml:text label='a'/>")

    job["brand_new"] = 1
    job.update()

    assert sent[0].form == [("job[brand_new]", "1")]


def test_an_attribute_of_your_own_begins_with_an_underscore() -> None:
    job = Job(None, id=7)

    job._note = "mine"  # type: ignore[attr-defined]

    assert job._note == "mine"  # type: ignore[attr-defined]
    assert not job._changes


def test_a_subclass_may_have_other_attributes() -> None:
    class Mine(Job):
        pass

    mine = Mine(None, id=7)
    mine.note = "mine"  # type: ignore[attr-defined]

    assert mine.note == "mine"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["id", "state", "kind"])
def test_a_read_only_attribute_cannot_be_assigned(sample: Sample, name: str) -> None:
    with pytest.raises(AttributeError, match="read-only"):
        setattr(sample, name, "mine")
    with pytest.raises(AttributeError, match="read-only"):
        sample[name] = "mine"

    assert sample.state == "running"


def test_a_write_only_attribute_cannot_be_read(sample: Sample) -> None:
    sample.secret_sauce = "garlic"

    with pytest.raises(AttributeError, match="write-only"):
        sample.secret_sauce  # noqa: B018 - reading is the test
    assert not hasattr(sample, "secret_sauce")


def test_the_json_is_a_copy(sample: Sample) -> None:
    sample.json["title"] = "two"

    assert sample.title == "one"


# The state of the server


def test_absorbing_replaces_state_and_changes(sample: Sample) -> None:
    sample.title = "two"

    same = sample.absorb({"id": 7, "title": "three"})

    assert same is sample
    assert sample.title == "three"
    assert sample.json == {"id": 7, "title": "three"}


@pytest.mark.parametrize("answer", [None, [], "text", 7])
def test_absorbing_something_other_than_an_object_is_refused(sample: Sample, answer: Any) -> None:
    with pytest.raises(MalformedResponse, match="Sample"):
        sample.absorb(answer)

    assert sample.title == "one"


# Without a client


@pytest.mark.parametrize("kind", [Job, *OF_A_JOB])
def test_every_model_can_be_created_from_json(kind: Any) -> None:
    model = kind(id=7, brand_new=1) if kind is Job else kind(Job(id=1), id=7, brand_new=1)

    assert model.id == 7
    assert model["brand_new"] == 1


@pytest.mark.parametrize("kind", OF_A_JOB)
def test_an_object_of_a_job_uses_the_client_of_the_job_by_default(
    client: Client, kind: Any
) -> None:
    assert kind(Job(client, id=1), id=7).client is client
    assert kind(Job(id=1), client, id=7).client is client
    assert kind(Job(client, id=1), client=client, id=7).job.id == 1


@pytest.mark.parametrize("act", [lambda job: job.pause(), lambda job: job.units, Job.ping])
def test_a_request_of_a_model_without_a_client_is_an_error(act: Any) -> None:
    with pytest.raises(RuntimeError, match="this Job has no client"):
        act(Job(id=7))


# repr and pickle


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        (Job(id=7, title="Sentiment", state="running"), "<Job 7 'Sentiment' running>"),
        (Job(id=7, state="unordered"), "<Job 7 unordered>"),
        (Unit(Job(id=1), id=7, state="golden"), "<Unit 7 golden>"),
        (Judgment(Job(id=1), id=7, unit_id=8), "<Judgment 7 of unit 8>"),
        (JudgmentAggregate(Job(id=1), _unit_id=8), "<JudgmentAggregate of unit 8>"),
        (Worker(Job(id=1), id=7), "<Worker 7 of job 1>"),
        (Order(Job(id=1), id=7), "<Order 7>"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_repr_of_a_model_identifies_it(model: Resource, shown: str) -> None:
    assert repr(model) == shown


def test_a_pickled_model_keeps_its_data_and_its_changes(client: Client) -> None:
    unit = Unit(Job(client, id=1), client, id=7, state="new")
    unit.state = "golden"

    revived = pickle.loads(pickle.dumps(unit))  # noqa: S301 - ours

    assert (revived.id, revived.state, revived.job.id) == (7, "golden", 1)
    assert revived.json == {"id": 7, "state": "new"}


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copied_model_has_its_own_changes(client: Client, duplicate: Any) -> None:
    job = Job(client, id=7, title="one")

    duplicate(job).title = "two"

    assert job.title == "one"


# Promises


UNIT = {"id": 7, "data": {"text": "hi"}, "state": "finalized", "results": {"judgments": []}}


@pytest.fixture
def promise(client: Client) -> UnitPromise:
    return UnitPromise(Job(client, id=1), client, id=7, data={"text": "hi"})


def test_known_attributes_of_a_promise_need_no_request(
    promise: UnitPromise, sent: list[SentRequest]
) -> None:
    assert (promise.id, promise.data) == (7, {"text": "hi"})
    assert promise["id"] == 7
    assert promise["data"] == {"text": "hi"}
    assert repr(promise) == "<UnitPromise 7>"
    assert sent == []


def test_any_other_declared_attribute_loads_the_unit_once(
    api: RequestsMock, promise: UnitPromise, sent: list[SentRequest]
) -> None:
    api.get(f"{API}/jobs/1/units/7.json", json=UNIT)

    assert promise.state == "finalized"
    assert promise.results == {"judgments": []}
    assert promise["state"] == "finalized"
    assert promise.contested_count is None
    assert promise.get_aggregate("sentiment") is None
    assert [request.line for request in sent] == ["GET /jobs/1/units/7.json"]


@pytest.mark.parametrize("name", ["nothing", "_repr_json_", "__array__", "shape", "keys"])
def test_an_undeclared_name_does_not_load_a_promise(
    promise: UnitPromise, sent: list[SentRequest], name: str
) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(promise, name)

    assert sent == []


@pytest.mark.parametrize("probe", [repr, dir, vars, copy.copy, copy.deepcopy, pickle.dumps])
def test_the_repr_of_a_promise_does_not_load_it(
    promise: UnitPromise, sent: list[SentRequest], probe: Any
) -> None:
    probe(promise)

    assert sent == []


def test_a_failed_load_of_a_promise_is_tried_again(api: RequestsMock, promise: UnitPromise) -> None:
    api.get(f"{API}/jobs/1/units/7.json", json=[])
    with pytest.raises(MalformedResponse):
        promise.state  # noqa: B018 - reading is the test
    api.get(f"{API}/jobs/1/units/7.json", json=UNIT)

    assert promise.state == "finalized"


def test_loading_keeps_unsent_changes(api: RequestsMock, promise: UnitPromise) -> None:
    api.get(f"{API}/jobs/1/units/7.json", json=UNIT)
    promise.gold_pool = "quiz"

    assert promise.state == "finalized"
    assert promise.gold_pool == "quiz"


def test_writing_does_not_load_a_promise(promise: UnitPromise, sent: list[SentRequest]) -> None:
    promise.state = "golden"

    assert promise.state == "golden"
    assert sent == []


def test_any_response_with_the_unit_loads_a_promise(
    promise: UnitPromise, sent: list[SentRequest]
) -> None:
    promise.absorb(UNIT)

    assert promise.agreement is None
    assert sent == []


def test_an_action_on_a_promise_does_not_load_it_first(
    api: RequestsMock, promise: UnitPromise, sent: list[SentRequest]
) -> None:
    api.put(f"{API}/jobs/1/units/7.json", json={**UNIT, "state": "golden"})
    promise.golden = True

    promise.update()

    assert promise.state == "golden"
    assert [request.line for request in sent] == ["PUT /jobs/1/units/7.json"]
