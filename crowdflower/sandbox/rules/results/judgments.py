"""What contributors answered: one by one, by row, and summed up by the page."""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import Row, Select, select

from crowdflower.sandbox.clock import iso
from crowdflower.sandbox.errors import NotFound
from crowdflower.sandbox.rules.results import aggregation
from crowdflower.sandbox.rules.results.aggregation import TrustedJudgment
from crowdflower.sandbox.rules.results.column_names import output_names
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.fast import bulk_queries
from crowdflower.sandbox.store.tables import judgment, unit, worker_job

MAX_PAGE_SIZE: Final = 100
"""Rows on a page, at most."""


def read_page(tx: Transaction, job: Row[Any], page: int = 1, limit: int = 100) -> dict[int, Any]:
    """Read a page of judged rows, summed up; empty past the end.

    :param page: From 1 on.
    :param limit: Rows on a page, :data:`MAX_PAGE_SIZE` at most.
    :returns: For each row that has judgments which count, its columns beside ``_ids`` of these
        judgments, ``_agreement``, ``_state``, ``_updated_at``, and each question: what
        :func:`~crowdflower.quality.aggregate` makes of it and ``res``, the answers in the order of
        ``_ids`` with ``None`` for who was not asked; for the aggregation ``all`` only the answers.
        A column named like a question has ``orig_`` before its name, as in reports.
    """
    fields: dict[str, str] = job.fields or {}
    judged = bulk_queries.read_judged_units(
        tx.driver, job.id, max(page, 1), min(limit, MAX_PAGE_SIZE)
    )
    answers = bulk_queries.read_trusted_judgments(tx.driver, [each.id for each in judged])
    found = {}
    for number, state, data, updated_at in judged:
        given = [TrustedJudgment.read(each) for each in answers.get(number, ())]
        row: dict[str, Any] = {
            "_ids": [each.id for each in answers.get(number, ())],
            "_agreement": aggregation.unit_agreement(job, state, given),
            "_state": state,
            "_updated_at": iso(updated_at),
        }
        columns = json.loads(data)
        for column, name in output_names(columns, row.keys() | fields.keys()).items():
            row[name] = columns[column]
        for name, how in fields.items():
            res = [each.data.get(name) for each in given]
            summary = aggregation.aggregate_answers(name, how, given)
            row[name] = {**summary, "res": res} if isinstance(summary, dict) else res
        found[number] = row
    return found


def find(tx: Transaction, job: Row[Any], judgment_id: int) -> Row[Any]:
    """Find a judgment of a job, rejected ones too, with what :func:`list_of_unit` adds.

    :raises NotFound: There is none, or it is another job's.
    """
    is_it = (judgment.c.id == judgment_id, judgment.c.job_id == job.id)
    found: Row[Any] | None = tx.one(_select_with_unit_and_worker().where(*is_it))
    if found is None:
        raise NotFound
    return found


def list_of_unit(tx: Transaction, job: Row[Any], unit: Row[Any]) -> list[Row[Any]]:
    """List the judgments of a row that were not rejected, the oldest first, tainted ones too.

    Each has beside its own columns ``worker_trust``, as it is now, ``unit_state`` and
    ``unit_data``.
    """
    of_it = (judgment.c.unit_id == unit.id, judgment.c.job_id == job.id)
    query = _select_with_unit_and_worker().where(*of_it, judgment.c.rejected.is_(False))
    return tx.all(query.order_by(judgment.c.id))


def _select_with_unit_and_worker() -> Select[Any]:
    theirs = (worker_job.c.job_id == judgment.c.job_id) & (
        worker_job.c.worker_id == judgment.c.worker_id
    )
    return (
        select(
            judgment,
            worker_job.c.trust.label("worker_trust"),
            unit.c.state.label("unit_state"),
            unit.c.data.label("unit_data"),
        )
        .join(unit, unit.c.id == judgment.c.unit_id)
        .join(worker_job, theirs)
    )
