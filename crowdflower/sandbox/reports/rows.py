"""The units, judgments and contributors of a job, read from the database in batches."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Row, and_, select

from crowdflower.sandbox import forms
from crowdflower.sandbox.clock import report_time
from crowdflower.sandbox.reports.columns import WORKER_NAME
from crowdflower.sandbox.rules import gold_answers, visibility
from crowdflower.sandbox.rules.results import judgments, results, shapes
from crowdflower.sandbox.rules.results.aggregation import WeightedAnswers
from crowdflower.sandbox.rules.units import gold
from crowdflower.sandbox.rules.work import workers
from crowdflower.sandbox.store.contributor_tables import contest
from crowdflower.sandbox.store.fast import report_queries
from crowdflower.sandbox.store.tables import judgment, unit, worker, worker_job

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from crowdflower.sandbox.store import Transaction
    from crowdflower.sandbox.store.fast.report_queries import ReportedJudgment, ReportedUnit

BATCH_SIZE: Final = 1000
"""Units in memory."""

_is_contested = and_(
    judgment.c.unit_id == contest.c.unit_id, judgment.c.worker_id == contest.c.worker_id
)


class JudgedUnit(NamedTuple):
    """A unit with judgments, and the results of its questions."""

    id: int
    state: str
    data: dict[str, Any]
    trusted_judgments: int
    last_judgment_at: float | None
    results: dict[str, Any]


class GoldUnit(NamedTuple):
    """A test question, with counts of its answers, the wrong ones, and what was contested."""

    id: int
    state: str
    data: dict[str, Any]
    judgments: int
    missed_count: int
    difficulty: int
    gold_pool: str | None
    rejected: dict[str, list[Any]]
    contested_count: int
    contention: list[str]


def read_golds(tx: Transaction, job: Row[Any]) -> Iterator[GoldUnit]:
    """Yield every test question."""
    is_wrong = (judgment.c.missed.is_(True), judgment.c.rejected.is_(False))
    query = select(judgment.c.unit_id, judgment.c.data).where(judgment.c.job_id == job.id)
    wrong: dict[int, list[dict[str, Any]]] = {}
    for row in tx.all(query.where(*is_wrong).order_by(judgment.c.id)):
        wrong.setdefault(row.unit_id, []).append(row.data)
    contested = _contested(tx, job)
    for row in gold.list_all(tx, job):
        answered = row.judgments_count + row.tainted_count
        about = (row.missed_count, row.difficulty, row.gold_pool)
        rejected = _rejected_answers(job, row, wrong.get(row.id, []))
        texts = contested.get(row.id, {})
        contention = [text for each in texts.values() for text in each]
        yield GoldUnit(
            row.id, row.state, row.data, answered, *about, rejected, len(texts), contention
        )


def read_judgments(
    tx: Transaction, job: Row[Any]
) -> Iterator[tuple[ReportedUnit, list[ReportedJudgment]]]:
    """Yield every unit with its judgments, oldest first, for the full report."""
    last = 0
    while batch := report_queries.read_units(tx.driver, job.id, last, BATCH_SIZE):
        first, last = batch[0].seq, batch[-1].seq
        found = report_queries.read_judgments(tx.driver, job.id, first, last)
        by_unit = {number: [*each] for number, each in groupby(found, attrgetter("unit_id"))}
        for each in batch:
            yield each, by_unit.get(each.id, [])


def read_judged_units(tx: Transaction, job: Row[Any]) -> Iterator[JudgedUnit]:
    """Yield every unit with judgments that were not rejected."""
    for row, kept in _with_kept_judgments(tx, job):
        if kept:
            trusted = [each for each in kept if not each.tainted]
            yield JudgedUnit(
                row.id,
                row.state,
                row.data,
                len(trusted),
                trusted[-1].created_at if trusted else None,
                results.summarize(job, row, _weighted(trusted), lists=True),
            )


def read_units(
    tx: Transaction, job: Row[Any], names: Mapping[int, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield every unit in the form of the API, with its trusted judgments.

    ``judgments_count`` and ``agreement`` count the tainted ones too. With the job's option
    ``include_tainted``, these are listed as well.

    :param names: Names of contributors by their number; each judgment gets that of its own.
    """
    for row, kept in _with_kept_judgments(tx, job, judgments.UNIT_DATA):
        trusted = [each for each in kept if not each.tainted]
        listed = kept if job.options.get("include_tainted") else trusted
        body: dict[str, Any] = {"judgments": [shapes.judgment(each) for each in listed]}
        if names is not None:
            for each in body["judgments"]:
                each[WORKER_NAME] = names.get(each["worker_id"], "")
        if kept:
            body |= results.summarize(job, row, _weighted(trusted))
        fields = results.unit_fields(job, row, [each.data for each in kept])
        yield {**fields, "results": body}


def read_workers(tx: Transaction, job: Row[Any]) -> Iterator[dict[str, Any]]:
    """Yield every contributor in the form of the API, but with times in the format of reports."""
    for row in workers.list_all(tx, job):
        times = {name: getattr(row, name) for name in ("flagged_at", "rejected_at")}
        formatted = {name: report_time(at) for name, at in times.items() if at is not None}
        yield shapes.worker(row) | formatted


def read_names(tx: Transaction, job: Row[Any]) -> dict[int, str]:
    """Read the names of all contributors to a job, by number; without those who gave none."""
    query = select(worker.c.id, worker.c.display_name).join(
        worker_job, worker_job.c.worker_id == worker.c.id
    )
    found = tx.all(query.where(worker_job.c.job_id == job.id))
    return {row.id: row.display_name for row in found if row.display_name}


def read_source(tx: Transaction, job: Row[Any]) -> Iterator[Row[Any]]:
    """Yield every unit."""
    for rows in _batches(tx, job):
        yield from rows


def _contested(tx: Transaction, job: Row[Any]) -> dict[int, dict[int, list[str]]]:
    """Return what contributors wrote who contested a test question, by unit and contributor."""
    query = (
        select(contest.c.unit_id, contest.c.worker_id, contest.c.text)
        .join(judgment, _is_contested)
        .where(contest.c.job_id == job.id, judgment.c.rejected.is_(False))
    )
    found: dict[int, dict[int, list[str]]] = {}
    for row in tx.all(query.order_by(contest.c.id)):
        found.setdefault(row.unit_id, {}).setdefault(row.worker_id, []).append(row.text)
    return found


def _rejected_answers(
    job: Row[Any], row: Row[Any], wrong: Sequence[dict[str, Any]]
) -> dict[str, list[Any]]:
    """Return the distinct wrong answers to each question of a test question, in order.

    :param wrong: The answers of contributors who missed at least one of its questions.
    """
    rejected: dict[str, list[Any]] = {}
    if not wrong or not job.cml:
        return rejected
    accepted = gold_answers.accepted_answers(job.gold, row.data)
    data = gold_answers.visible_data(row.data, gold_answers.hidden_columns(job.gold))
    form = forms.form_for(job.cml, data)
    for answers in wrong:
        for name in form.missed(answers, accepted):
            given = answers.get(name)
            known = rejected.setdefault(name, [])
            if given is not None and given not in known:
                known.append(given)
    return rejected


def _weighted(found: Sequence[Any]) -> list[WeightedAnswers]:
    return [WeightedAnswers(each.data, each.trust) for each in found]


def _with_kept_judgments(
    tx: Transaction, job: Row[Any], *extra: ColumnElement[Any]
) -> Iterator[tuple[Row[Any], list[Row[Any]]]]:
    """Yield every unit with its judgments that were not rejected, oldest first.

    :param extra: Columns of judgments beside those of
        :func:`~crowdflower.sandbox.rules.results.judgments.select_with_contributor`.
    """
    for rows in _batches(tx, job):
        found = _kept_judgments(tx, job, rows[0].seq, rows[-1].seq, extra)
        by_unit = {number: list(each) for number, each in groupby(found, attrgetter("unit_id"))}
        for row in rows:
            yield row, by_unit.get(row.id, [])


def _batches(tx: Transaction, job: Row[Any]) -> Iterator[list[Row[Any]]]:
    """Yield the units of a job in batches, in the order of upload."""
    last = 0
    visible = visibility.units_of(tx, job.id)
    query = select(unit).where(*visible).order_by(unit.c.seq).limit(BATCH_SIZE)
    while rows := tx.all(query.where(unit.c.seq > last)):
        last = rows[-1].seq
        yield rows


def _kept_judgments(
    tx: Transaction, job: Row[Any], first: int, last: int, extra: Sequence[ColumnElement[Any]]
) -> list[Row[Any]]:
    of_units = (unit.c.job_id == job.id, unit.c.seq.between(first, last))
    kept = judgment.c.rejected.is_(False)
    query = judgments.select_with_contributor(*extra).where(*of_units, kept)
    return tx.all(query.order_by(unit.c.seq, judgment.c.id))
