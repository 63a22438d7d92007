"""The results of a unit: an aggregate for each question, weighted by trust.

Only trusted judgments count, each with the current trust of its contributor in the job. Results
are not cached: trust changes, and to aggregate the few judgments of a unit takes no longer than to
check whether they changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crowdflower.sandbox.clock import iso
from crowdflower.sandbox.rules.counters import GOLD_STATES
from crowdflower.sandbox.rules.results import aggregation, judgments, shapes
from crowdflower.sandbox.rules.results.aggregation import RowOptions, WeightedAnswers
from crowdflower.sandbox.rules.settings import questions
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.fast import bulk_queries

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sqlalchemy import Row


def unit_results(tx: Transaction, job: Row[Any], unit: Row[Any]) -> dict[str, Any]:
    """Return the judgments and the aggregated answers of a unit.

    :returns: ``judgments``, all of them, and the aggregate of each question, such as
        ``{"agg": "yes", "confidence": 0.68}``; both values are ``None`` if no judgment of the unit
        is trusted. A unit without judgments has no questions. A group with linked answers has the
        list of its entries, except for test questions.
    """
    rows = judgments.list_of_unit(tx, job, unit)
    body: dict[str, Any] = {"judgments": [shapes.judgment(row) for row in rows]}
    if rows:
        answers = [WeightedAnswers(row.data, row.trust) for row in rows if not row.tainted]
        body |= summarize(job, unit, answers)
    return body


def summarize(
    job: Row[Any], unit: Row[Any], answers: Collection[WeightedAnswers], *, lists: bool = False
) -> dict[str, Any]:
    """Aggregate the answers to each question and each group of a unit.

    :param answers: Those of the trusted judgments.
    :param lists: Include the questions with the aggregation ``all``, which keeps every answer.
    """
    options = RowOptions(job, unit.data)
    aggregates: dict[str, Any] = {
        name: aggregation.aggregate_answers(name, how, answers, options)
        for name, how in (job.fields or {}).items()
        if lists or how != "all"
    }
    if unit.state not in GOLD_STATES:
        for group in questions.linked_groups(job):
            aggregates[group.name] = aggregation.aggregate_group(group, answers)
    return aggregates


def unit_json(
    tx: Transaction, job: Row[Any], unit: Row[Any], *, simple: bool = False
) -> dict[str, Any]:
    """Return the JSON of a unit.

    :param simple: Leave out judgments and results.
    """
    agreed = [unit.id] if unit.state in aggregation.AGREEMENT_STATES else []
    rows = bulk_queries.read_judgments(tx.driver, agreed).get(unit.id, ())
    body = unit_fields(job, unit, [WeightedAnswers.read(row).data for row in rows])
    return body if simple else {**body, "results": unit_results(tx, job, unit)}


def unit_fields(
    job: Row[Any], unit: Row[Any], answers: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the JSON of a unit without judgments and results.

    :param answers: The answers of every judgment that was not rejected, for the agreement.
    """
    return {
        "id": unit.id,
        "data": unit.data,
        "difficulty": unit.difficulty,
        "judgments_count": unit.judgments_count + unit.tainted_count,
        "state": unit.state,
        "agreement": aggregation.unit_agreement(job, unit.state, answers),
        "missed_count": unit.missed_count,
        "gold_pool": unit.gold_pool,
        "created_at": iso(unit.created_at),
        "updated_at": iso(unit.updated_at),
        "job_id": unit.job_id,
    }
