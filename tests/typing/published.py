"""Code as users of the package write it, for mypy; it is never run.

``--strict`` reports an unused ``type: ignore``, so each one below asserts that mypy refuses the
line.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, assert_type

from crowdflower.client import ApiError, Client, PathFactory
from crowdflower.job import Job
from crowdflower.judgment import Judgment, JudgmentAggregate
from crowdflower.order import Order
from crowdflower.payments.records import DryRun
from crowdflower.rows.exactly_once import Uploaded
from crowdflower.rows.job_copies.many_uploads import ManyUploads
from crowdflower.unit import Unit, UnitPromise
from crowdflower.webhook import Event, JobEvent, JudgmentEvent, UnitEvent
from crowdflower.worker import Worker


def methods_of_the_client_have_return_types(client: Client) -> None:
    assert_type(client.jobs[7].units, PathFactory)
    assert_type(client.get_job(7), Job)
    assert_type(client.get_jobs(), Iterator[Job])
    assert_type(next(client.get_jobs()).id, int)
    assert_type(client.create_job({"title": "Sentiment"}), Job)
    assert_type(client.upload_job([{"text": "hi"}]), Job)
    assert_type(client.upload_job({"text": text} for text in ("hi", "ho")), Job)
    assert_type(client.upload_job_file("rows.csv"), Job)
    assert_type(client.upload_job("rows.csv"), Job)
    assert_type(client.upload_job(Path("rows.parquet"), progress=print), Job)
    assert_type(client.copy_job(7, all_units=True, gold=False), Job)
    assert_type(client.update_job(7, {"title": "Sentiment"}), dict[str, Any])
    assert_type(client.get_job_channels(7), dict[str, Any])
    assert_type(client.get_job_tags(7), list[str])
    assert_type(client.debit_order(7, 5, ["on_demand"]), Order)
    assert_type(client.unit_from_json({"id": 7}), Unit)
    assert_type(client.paged_call("jobs.json", page=2), Iterator[Any])
    assert_type(client.jobs[7].units.pages(limit=5), Iterator[Any])


class Frame:
    """A table that offers Arrow data, as data frames do."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        raise NotImplementedError


def tables_can_be_uploaded(client: Client, job: Job) -> None:
    assert_type(client.upload_job(Frame()), Job)
    assert_type(job.upload(Frame(), key="sku"), Uploaded)
    assert_type(job.upload("rows.csv", key="sku", progress=True), Uploaded)
    many = client.upload_many(Frame(), job=job, key="sku", max_jobs=3)
    assert_type(many, ManyUploads[Job])
    assert_type(many.units["A-1"].unit_id, int)
    client.upload_many(Frame(), job=job)  # type: ignore[call-arg]
    client.upload_job(7)  # type: ignore[arg-type]
    job.upload(Frame(), resume="plan")  # type: ignore[call-overload]


def a_client_is_a_context_manager_and_can_come_from_the_environment() -> None:
    with Client.from_env() as client:
        assert_type(client, Client)


def methods_of_a_job_have_return_types(client: Client, job: Job) -> None:
    assert_type(client.get_unit(job, 7), Unit)
    assert_type(client.get_units(job), Iterator[UnitPromise])
    assert_type(client.get_judgmentaggregates(job), Iterator[JudgmentAggregate])
    assert_type(client.get_judgment(job, 7), Judgment)
    assert_type(client.get_order(job, 7), Order)
    assert_type(client.get_report(job), list[Unit])
    assert_type(client.get_report(job, "full"), list[dict[str, Any]])
    assert_type(list(job.units), list[UnitPromise])
    assert_type(job.judgment_aggregates, list[JudgmentAggregate])
    assert_type(job.get_judgment(7), Judgment)
    assert_type(job.get_judgment(7).worker, Worker)
    assert_type(job.get_worker(7), Worker)
    assert_type(job.launch(5), Order)
    assert_type(job.launch(5, channels=["cf_internal"]), Order)
    assert_type(job.launch(5, key="a day", on_duplicate="return"), Order)
    assert_type(job.launch(5, dry_run=True), DryRun)
    assert_type(job.launch(), Order | None)
    assert_type(job.launch(channels=["cf_internal"], key="a day", max_cost_cents=5), Order | None)
    assert_type(job.launch(dry_run=True), DryRun | None)
    assert_type(client.get_or_create_job("reviews", title="What does it say?"), Job)
    assert_type(job.copy(), Job)
    assert_type(job.get_results_report(), list[Unit])


def attributes_have_types_and_are_read_only_or_writable(job: Job, unit: UnitPromise) -> None:
    assert_type(job.id, int)
    assert_type(job.judgments_per_unit, int)
    assert_type(job.tags, list[str])
    assert_type(job.channels, list[str])
    assert_type(job["title"], Any)
    assert_type(unit.data, dict[str, Any])
    assert_type(unit.state, str)
    job.title = "Sentiment"
    job.judgments_per_unit = 5
    job.tags = ["reviews"]
    job.channels = ["on_demand"]
    job.judgments_per_unit = "5"  # type: ignore[assignment]
    job.id = 7  # type: ignore[assignment]
    job.titel = "Sentiment"  # type: ignore[attr-defined]


def read_only_and_write_only_attributes_are_checked(
    job: Job, unit: Unit, judgment: Judgment
) -> None:
    job.schedule_fifo = True
    unit.golden = False
    job.state = "paused"  # type: ignore[assignment]
    judgment.trust = 1.0  # type: ignore[assignment]
    unit.golden = "yes"  # type: ignore[assignment]


def aggregates_and_orders_have_types(aggregate: JudgmentAggregate, order: Order) -> None:
    assert_type(aggregate.ids, list[int])
    assert_type(aggregate.agreement, float | None)
    assert_type(aggregate.get_results("sentiment"), list[Any])
    assert_type(aggregate.get_fields(), dict[str, Any])
    assert_type(aggregate.judgments, list[Judgment])
    assert_type(order.amount_in_cents, int)


def amounts_and_counts_are_integers(job: Job, worker: Worker) -> None:
    worker.bonus(150, reason="Careful work")
    worker.bonus(1.5)  # type: ignore[call-overload]
    job.launch("5")  # type: ignore[call-overload]
    job.launch(5, on_duplicate="ignore")  # type: ignore[call-overload]


def request_and_response_of_an_error_are_optional(error: ApiError) -> int:
    return error.response.status_code  # type: ignore[union-attr]


def events_can_be_matched_by_class(client: Client, body: bytes) -> None:
    event = client.webhook().receive(body)
    assert_type(event, Event)
    match event:
        case UnitEvent(units=units):
            assert_type(units, tuple[Unit, ...])
        case JudgmentEvent(judgments=judgments):
            assert_type(judgments, tuple[Judgment, ...])
        case JobEvent(job=job):
            assert_type(job, Job)
    with client.webhook("a-token").taking(body) as event:
        assert_type(event, Event)
