"""What the judgments of a row come to: an aggregate for each question, weighted by trust.

Only judgments that count are in it, each with the trust that its contributor has in the job now.
Nothing is kept: contributors lose and regain trust, and a row's few judgments are summed up in the
time it would take to see whether they changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crowdflower.sandbox.clock import iso
from crowdflower.sandbox.rules.counters import GOLD_STATES
from crowdflower.sandbox.rules.results import aggregation, judgments, shapes
from crowdflower.sandbox.rules.results.aggregation import TrustedJudgment
from crowdflower.sandbox.rules.settings import questions
from crowdflower.sandbox.store import Transaction

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Row


def unit_results(tx: Transaction, job: Row[Any], unit: Row[Any]) -> dict[str, Any]:
    """Sum up a row.

    :returns: ``judgments``, all of them, and for each question with an aggregate what stands under
        it, such as ``{"agg": "yes", "confidence": 0.68}``; ``None`` in place of both when no
        judgment of the row counts, and no questions when it has none at all. A group with linked
        answers has the list of its entries; test questions have none.
    """
    found = judgments.list_of_unit(tx, job, unit)
    shown: dict[str, Any] = {"judgments": [shapes.judgment(row) for row in found]}
    if found:
        given = [TrustedJudgment(row.data, row.worker_trust) for row in found if not row.tainted]
        shown |= summarize(job, unit.state, given)
    return shown


def summarize(
    job: Row[Any], state: str, given: Collection[TrustedJudgment], *, lists: bool = False
) -> dict[str, Any]:
    """Sum up each question and each group of a row.

    :param lists: Also the questions of which every answer is kept.
    """
    found: dict[str, Any] = {
        name: aggregation.aggregate_answers(name, how, given)
        for name, how in (job.fields or {}).items()
        if lists or how != "all"
    }
    if state not in GOLD_STATES:
        for group in questions.linked_groups(job):
            found[group.name] = aggregation.aggregate_group(group, given)
    return found


def unit_json(
    tx: Transaction, job: Row[Any], unit: Row[Any], *, simple: bool = False
) -> dict[str, Any]:
    """Show a row as the API does.

    :param simple: Without judgments and results.
    """
    read = [unit.id] if unit.state == "finalized" else []
    given = aggregation.read_trusted(tx, read).get(unit.id, [])
    body = {
        "id": unit.id,
        "data": unit.data,
        "difficulty": unit.difficulty,
        "judgments_count": unit.judgments_count + unit.tainted_count,
        "state": unit.state,
        "agreement": aggregation.unit_agreement(job, unit.state, given),
        "missed_count": unit.missed_count,
        "gold_pool": unit.gold_pool,
        "created_at": iso(unit.created_at),
        "updated_at": iso(unit.updated_at),
        "job_id": unit.job_id,
    }
    return body if simple else {**body, "results": unit_results(tx, job, unit)}
