"""A thousand rows and eighty contributors: quality control has the expected effect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from crowdflower.quality import confidence
from crowdflower.sandbox.crowd import Crowd
from crowdflower.sandbox.store.tables import worker_job

Launch = Callable[..., tuple[Crowd, int]]
Texts = Callable[..., list[dict[str, Any]]]
Judged = Callable[[Crowd, int], list[Any]]

MIX = {
    "expert": 0.20,
    "normal": 0.50,
    "sloppy": 0.15,
    "random spammer": 0.10,
    "constant spammer": 0.05,
}


def outcome(crowd: Crowd, job: int, judgments: list[Any]) -> dict[str, float]:
    """Return shares of right answers (single, by trust, by count) and numbers of judgments."""
    with crowd._database.snapshot() as tx:
        workers = tx.all(select(worker_job).where(worker_job.c.job_id == job))
    trust = {each.worker_id: each.trust for each in workers}
    work = [each for each in judgments if not each.golden]
    trusted = [each for each in work if not each.tainted]
    by_unit: dict[int, list[Any]] = {}
    for each in trusted:
        by_unit.setdefault(each.unit_id, []).append(each)

    def right(weight: Callable[[Any], float]) -> float:
        best = (
            next(iter(confidence([(each.data["spam"], weight(each)) for each in some])))
            == some[0].row["label"]
            for some in by_unit.values()
        )
        return sum(map(int, best)) / len(by_unit)

    return {
        "single": sum(each.data["spam"] == each.row["label"] for each in trusted) / len(trusted),
        "by trust": right(lambda each: trust[each.worker_id]),
        "by count": right(lambda _: 1.0),
        "tainted": len(work) - len(trusted),
        "pages of work": len({each.assignment_id for each in work}),
    }


@pytest.mark.parametrize(
    ("attributes", "ranges"),
    [
        (
            {"judgments_per_unit": 3, "options": {"front_load": True, "reject_at": 70}},
            {
                "single": (0.861, 0.910),
                "by trust": (0.947, 0.991),
                "by count": (0.944, 0.989),
                "tainted": (100, 210),
                "pages of work": (343, 363),
            },
        ),
        (
            {"judgments_per_unit": 3, "options": {"reject_at": 0}},
            {
                "single": (0.713, 0.785),
                "by trust": (0.859, 0.924),
                "by count": (0.825, 0.889),
                "tainted": (0, 0),
                "pages of work": (334, 338),
            },
        ),
        (
            {"judgments_per_unit": 5, "options": {"front_load": True, "reject_at": 70}},
            {
                "single": (0.858, 0.913),
                "by trust": (0.973, 1.0),
                "by count": (0.969, 1.0),
                "tainted": (100, 260),
                "pages of work": (563, 592),
            },
        ),
    ],
    ids=["quiz and gate", "neither", "quiz and gate, five judgments"],
)
def test_quality_control_has_the_expected_effect(
    launch: Launch,
    texts: Texts,
    judged: Judged,
    attributes: dict[str, Any],
    ranges: dict[str, tuple[float, float]],
) -> None:
    crowd, job = launch(texts(1000, golds=40), units_per_assignment=10, **attributes)
    crowd.add(80, mix=MIX, truth={"spam": "label"})

    summary = crowd.run(job)

    results = outcome(crowd, job, judged(crowd, job))
    assert summary.ended == "finished"
    outside = {
        name: results[name]
        for name, (low, high) in ranges.items()
        if not low <= results[name] <= high
    }
    assert outside == {}
