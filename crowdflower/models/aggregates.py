"""Aggregated answers: one field in the ``results`` of a unit."""

from __future__ import annotations

from typing import Any


def aggregate_in(entry: Any) -> Any:
    """Return the answer in one field of aggregated results; ``None`` if there is none.

    The key is the name of the aggregation; for ``all`` the entry is a bare list.

    >>> aggregate_in({"agg": "negative", "confidence": 0.6421})
    'negative'
    >>> aggregate_in({"avg": 3.67}), aggregate_in(["Two complaints"])
    (3.67, ['Two complaints'])
    """
    if not isinstance(entry, dict):
        return entry
    return next((entry[key] for key in ("agg", "avg") if key in entry), None)


def confidence_in(entry: Any) -> float | None:
    """Return the confidence in one field of aggregated results; ``None`` if there is none.

    Services of 2011 sent it as a string.

    >>> confidence_in({"agg": "negative", "confidence": "0.6421"})
    0.6421
    """
    confidence = entry.get("confidence") if isinstance(entry, dict) else None
    try:
        return None if confidence is None else float(confidence)
    except (TypeError, ValueError):
        return None
