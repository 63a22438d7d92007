"""The units, judgments and contributors of a job, read from the database in batches."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Row, select

from crowdflower.sandbox.clock import report_time
from crowdflower.sandbox.rules.results import results, shapes
from crowdflower.sandbox.rules.results.aggregation import WeightedAnswers
from crowdflower.sandbox.rules.units import gold
from crowdflower.sandbox.rules.work import workers
from crowdflower.sandbox.store.tables import judgment, unit, worker_job

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crowdflower.sandbox.store import Transaction

BATCH_SIZE: Final = 1000
"""Units in memory."""


class JudgedUnit(NamedTuple):
    """A unit with judgments, and the results of its questions."""

    id: int
    state: str
    data: dict[str, Any]
    trusted_judgments: int
    last_judgment_at: float | None
    results: dict[str, Any]


class GoldUnit(NamedTuple):
    """A test question, with counts of its answers."""

    id: int
    state: str
    data: dict[str, Any]
    judgments: int
    missed_count: int
    difficulty: int
    gold_pool: str | None


def read_golds(tx: Transaction, job: Row[Any]) -> Iterator[GoldUnit]:
    """Yield every test question."""
    for row in gold.list_all(tx, job):
        answered = row.judgments_count + row.tainted_count
        about = (row.missed_count, row.difficulty, row.gold_pool)
        yield GoldUnit(row.id, row.state, row.data, answered, *about)


def read_judgments(
    tx: Transaction, job: Row[Any], *extra: ColumnElement[Any]
) -> Iterator[tuple[Row[Any], list[Row[Any]]]]:
    """Yield every unit with its judgments, oldest first.

    :param extra: Columns of judgments beside their own, ``worker_trust`` and ``unit_state``.
    """
    for rows in _batches(tx, job):
        judgments = _judgments(tx, job, rows[0].seq, rows[-1].seq, extra)
        by_unit = {number: list(each) for number, each in groupby(judgments, attrgetter("unit_id"))}
        for row in rows:
            yield row, by_unit.get(row.id, [])


def read_judged_units(tx: Transaction, job: Row[Any]) -> Iterator[JudgedUnit]:
    """Yield every unit with judgments that were not rejected."""
    for row, judgments in _with_kept_judgments(tx, job):
        if judgments:
            trusted = [each for each in judgments if not each.tainted]
            yield JudgedUnit(
                row.id,
                row.state,
                row.data,
                len(trusted),
                trusted[-1].created_at if trusted else None,
                results.summarize(job, row.state, _trusted_answers(trusted), lists=True),
            )


def read_units(tx: Transaction, job: Row[Any]) -> Iterator[dict[str, Any]]:
    """Yield every unit in the form of the API."""
    for row, judgments in _with_kept_judgments(tx, job, unit.c.data.label("unit_data")):
        body: dict[str, Any] = {"judgments": [shapes.judgment(each) for each in judgments]}
        if judgments:
            trusted = [each for each in judgments if not each.tainted]
            body |= results.summarize(job, row.state, _trusted_answers(trusted))
        yield {**results.unit_json(tx, job, row, simple=True), "results": body}


def read_workers(tx: Transaction, job: Row[Any]) -> Iterator[dict[str, Any]]:
    """Yield every contributor in the form of the API, but with times in the format of reports."""
    for row in workers.list_all(tx, job):
        times = {name: getattr(row, name) for name in ("flagged_at", "rejected_at")}
        formatted = {name: report_time(at) for name, at in times.items() if at is not None}
        yield shapes.worker(row) | formatted


def read_source(tx: Transaction, job: Row[Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the id and data of every unit."""
    for rows in _batches(tx, job):
        for row in rows:
            yield row.id, row.data


def _trusted_answers(trusted: Sequence[Any]) -> list[WeightedAnswers]:
    return [WeightedAnswers(each.data, each.worker_trust) for each in trusted]


def _with_kept_judgments(
    tx: Transaction, job: Row[Any], *extra: ColumnElement[Any]
) -> Iterator[tuple[Row[Any], list[Row[Any]]]]:
    """Yield every unit with its judgments that were not rejected."""
    for row, judgments in read_judgments(tx, job, *extra):
        yield row, [each for each in judgments if not each.rejected]


def _batches(tx: Transaction, job: Row[Any]) -> Iterator[list[Row[Any]]]:
    """Yield the units of a job in batches, in the order of upload."""
    last = 0
    query = select(unit).where(unit.c.job_id == job.id).order_by(unit.c.seq).limit(BATCH_SIZE)
    while rows := tx.all(query.where(unit.c.seq > last)):
        last = rows[-1].seq
        yield rows


def _judgments(
    tx: Transaction, job: Row[Any], first: int, last: int, extra: Sequence[ColumnElement[Any]]
) -> list[Row[Any]]:
    same_worker = (worker_job.c.job_id == judgment.c.job_id) & (
        worker_job.c.worker_id == judgment.c.worker_id
    )
    query = (
        select(
            judgment,
            worker_job.c.trust.label("worker_trust"),
            unit.c.state.label("unit_state"),
            *extra,
        )
        .join(unit, unit.c.id == judgment.c.unit_id)
        .join(worker_job, same_worker)
        .where(unit.c.job_id == job.id, unit.c.seq.between(first, last))
        .order_by(unit.c.seq, judgment.c.id)
    )
    return tx.all(query)
