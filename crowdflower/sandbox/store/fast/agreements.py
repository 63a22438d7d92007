"""The agreement of finalized units: computed when they are finalized, stored for lists of rows.

A page of contributors' answers finalizes its units in the same transaction, so this is one query a
page, on the driver's own connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from crowdflower.quality import aggregate
from crowdflower.sandbox.store.column_types import decode
from crowdflower.sandbox.store.fast.driver import Driver

PLACES: Final = 4
"""Decimal places of the stored agreement."""

_BATCH: Final = 500
"""Units per statement; databases limit the number of parameters."""

_CACHED: Final = 4096
"""Combinations of answers whose agreement is cached: most units get one of a few."""

_ANSWERS = """
SELECT unit_id, data FROM judgment WHERE unit_id IN ({marks}) AND NOT rejected ORDER BY unit_id, id
"""

_FINALIZED_AFTER = """
SELECT id FROM unit WHERE job_id = ? AND seq > ? AND seq <= ? AND state = 'finalized'
"""

_WRITE = "UPDATE unit SET agreement = ? WHERE id = ?"


def question_agreements(
    fields: Mapping[str, str], answers: Iterable[Mapping[str, Any]]
) -> dict[str, float]:
    """Return the share of contributors who gave the most common answer, by question.

    :param fields: Question to aggregation, from the job.
    :param answers: The answers of every judgment that was not rejected; their trust does not count.
    :returns: Fractions in [0, 1], not rounded. A question is left out if its aggregation has no
        confidence, or no contributor was asked it.

    >>> question_agreements(
    ...     {"spam": "agg", "why": "all"}, [{"spam": "yes", "why": "a"}, {"spam": "no"}]
    ... )
    {'spam': 0.5}
    """
    everyone = list(answers)
    shares = {}
    for name, how in fields.items():
        found = aggregate(how, [(each[name], 1.0) for each in everyone if name in each])
        share = found.get("confidence") if isinstance(found, dict) else None
        if isinstance(share, list):
            share = max(share, default=None)
        if share is not None:
            shares[name] = share
    return shares


def lowest_agreement(
    fields: Mapping[str, str], answers: Iterable[Mapping[str, Any]]
) -> float | None:
    """Return the agreement of a row: that of its least agreed question, rounded to 4 places.

    With one question it is the ``agreement`` of the API. With several, the API's is their mean, in
    which one question on which opinions are split disappears among others that everybody answers
    alike. The desk lists rows to look at, so the worst question decides.

    As in the API, it ignores trust and counts contributors who lost it. So a change of trust, which
    follows from every test question, changes no stored number.

    >>> lowest_agreement(
    ...     {"spam": "agg", "topic": "agg"},
    ...     [{"spam": "yes", "topic": "tea"}, {"spam": "yes", "topic": "jam"}],
    ... )
    0.5
    """
    shares = question_agreements(fields, answers)
    return round(min(shares.values()), PLACES) if shares else None


def read_agreements(
    driver: Driver, fields: Mapping[str, str], unit_ids: Sequence[int]
) -> dict[int, float]:
    """Compute the agreement of units from their judgments; units without one are left out."""
    found: dict[int, float] = {}
    questions = tuple(fields.items())
    for start in range(0, len(unit_ids), _BATCH):
        some = unit_ids[start : start + _BATCH]
        answers: dict[int, list[str]] = {}
        for unit_id, text in driver.execute(_ANSWERS.format(marks=",".join("?" * len(some))), some):
            answers.setdefault(unit_id, []).append(text)
        for unit_id, texts in answers.items():
            value = _of_texts(questions, tuple(texts))
            if value is not None:
                found[unit_id] = value
    return found


def write_agreements(driver: Driver, fields: Mapping[str, str], unit_ids: Sequence[int]) -> None:
    """Compute and store the agreement of finalized units."""
    found = read_agreements(driver, fields, unit_ids)
    driver.executemany(_WRITE, [(found.get(unit_id), unit_id) for unit_id in unit_ids])


def write_all(driver: Driver, job_id: int, fields: Mapping[str, str]) -> None:
    """Compute and store the agreement of every finalized unit of a job."""
    (last,) = driver.execute("SELECT max(seq) FROM unit WHERE job_id = ?", (job_id,)).fetchone()
    for seq in range(0, last or 0, _BATCH):
        finalized = driver.execute(_FINALIZED_AFTER, (job_id, seq, seq + _BATCH))
        write_agreements(driver, fields, [number for (number,) in finalized])


@lru_cache(_CACHED)
def _of_texts(questions: tuple[tuple[str, str], ...], texts: tuple[str, ...]) -> float | None:
    return lowest_agreement(dict(questions), [decode(text) for text in texts])
