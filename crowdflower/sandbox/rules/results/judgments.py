"""Judgments: read one, those of a unit, or a page of units with aggregated answers."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import ColumnElement, Double, Row, Select, case, cast, func, select

from crowdflower.sandbox.clock import iso
from crowdflower.sandbox.errors import NotFound
from crowdflower.sandbox.rules.results import aggregation
from crowdflower.sandbox.rules.results.aggregation import RowOptions, WeightedAnswers
from crowdflower.sandbox.rules.results.column_names import output_names
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.fast import bulk_queries
from crowdflower.sandbox.store.tables import judgment, unit, worker_job

UNIT_DATA: Final = unit.c.data.label("unit_data")
"""The data of the unit, as a column of :func:`select_with_contributor`."""

MAX_PAGE_SIZE: Final = 100
"""Maximum number of units on a page."""


def read_page(tx: Transaction, job: Row[Any], page: int = 1, limit: int = 100) -> dict[int, Any]:
    """Read a page of units that have trusted judgments, aggregated; empty past the end.

    :param page: Page number, from 1.
    :param limit: Units per page, at most :data:`MAX_PAGE_SIZE`.
    :returns: For each unit its columns, ``_ids`` of the trusted judgments, ``_agreement``,
        ``_state``, ``_updated_at``, and each question: the result of
        :func:`~crowdflower.quality.aggregate` and ``res``, the answers in the order of ``_ids``,
        with ``None`` where the question was not asked; with the aggregation ``all``, a list of the
        answers only. A column named like a question gets the prefix ``orig_``, as in reports.
    """
    fields: dict[str, str] = job.fields or {}
    units = bulk_queries.read_judged_units(
        tx.driver, job.id, max(page, 1), min(limit, MAX_PAGE_SIZE)
    )
    judgments = bulk_queries.read_judgments(tx.driver, [each.id for each in units])
    results = {}
    for unit_id, state, data, updated_at in units:
        of_unit = [(each, WeightedAnswers.read(each)) for each in judgments.get(unit_id, ())]
        answers = [weighted for each, weighted in of_unit if not each.tainted]
        everyone = [weighted.data for _, weighted in of_unit]
        row: dict[str, Any] = {
            "_ids": [each.id for each, _ in of_unit if not each.tainted],
            "_agreement": aggregation.unit_agreement(job, state, everyone),
            "_state": state,
            "_updated_at": iso(updated_at),
        }
        columns = json.loads(data)
        options = RowOptions(job, columns)
        for column, name in output_names(columns, row.keys() | fields.keys()).items():
            row[name] = columns[column]
        for name, how in fields.items():
            res = [each.data.get(name) for each in answers]
            summary = aggregation.aggregate_answers(name, how, answers, options)
            row[name] = {**summary, "res": res} if isinstance(summary, dict) else res
        results[unit_id] = row
    return results


def find(tx: Transaction, job: Row[Any], judgment_id: int) -> Row[Any]:
    """Find a judgment of a job, even a rejected one, with the columns of :func:`list_of_unit`.

    :raises NotFound: The job has no judgment with this id.
    """
    is_it = (judgment.c.id == judgment_id, judgment.c.job_id == job.id)
    query = select_with_contributor(UNIT_DATA)
    found: Row[Any] | None = tx.one(query.where(*is_it))
    if found is None:
        raise NotFound
    return found


def list_of_unit(tx: Transaction, job: Row[Any], unit: Row[Any]) -> list[Row[Any]]:
    """List the judgments of a unit, oldest first, with tainted ones but without rejected ones.

    Each has the columns of :func:`select_with_contributor`, and ``unit_data``.
    """
    of_it = (judgment.c.unit_id == unit.id, judgment.c.job_id == job.id)
    query = select_with_contributor(UNIT_DATA)
    kept = query.where(*of_it, judgment.c.rejected.is_(False))
    return tx.all(kept.order_by(judgment.c.id))


def select_with_contributor(*extra: ColumnElement[Any]) -> Select[Any]:
    """Return a query for judgments, each with its unit and its contributor.

    Each has its own columns, ``unit_state``, and two numbers of the contributor, as they are now:
    ``trust``, in the job, and ``worker_trust``, in all jobs. The second is ``None`` if they never
    saw a test question.

    :param extra: Further columns of the unit, such as :data:`UNIT_DATA`.
    """
    own = [column for column in judgment.c if column.name != "trust"]
    seen = func.sum(worker_job.c.golds_seen)
    right = seen - func.sum(worker_job.c.golds_missed) + func.sum(worker_job.c.golds_forgiven)
    everywhere = (
        select(
            worker_job.c.worker_id,
            case((seen > 0, cast(right, Double) / cast(seen, Double))).label("trust"),
        )
        .group_by(worker_job.c.worker_id)
        .subquery()
    )
    is_contributor = (worker_job.c.job_id == judgment.c.job_id) & (
        worker_job.c.worker_id == judgment.c.worker_id
    )
    return (
        select(
            *own,
            worker_job.c.trust,
            everywhere.c.trust.label("worker_trust"),
            unit.c.state.label("unit_state"),
            *extra,
        )
        .join(unit, unit.c.id == judgment.c.unit_id)
        .join(worker_job, is_contributor)
        .join(everywhere, everywhere.c.worker_id == judgment.c.worker_id)
    )
