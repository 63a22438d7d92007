"""The accepted answers of test questions, as columns of their rows hold them.

The answers to question ``f`` stand in column ``f_gold``, unless the job names another, and why they
are right in ``f_gold_reason``. Files have one text with a line for each answer; a test question has
lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REASON_SUFFIX = "_reason"
"""What follows the name of a column with accepted answers where the reasons are."""

MARKER_COLUMNS = ("_golden", "_gold_pool")
"""Columns that say something about a test question, and nothing to contributors."""


def to_list(value: Any) -> list[str]:
    r"""Make a list of what a column holds, without blank lines.

    >>> to_list("yes\nmaybe\n"), to_list(["yes", " "]), to_list(4), to_list(None)
    (['yes', 'maybe'], ['yes'], ['4'], [])
    """
    if value is None:
        return []
    lines = value if isinstance(value, list) else str(value).split("\n")
    return [str(line).strip() for line in lines if line is not None and str(line).strip()]


def accepted_answers(gold: Mapping[str, str], data: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the accepted answers of a row, question by question; blank ones are not checked.

    :param gold: The job's: question to column.

    >>> accepted_answers({"sentiment": "sentiment_gold"}, {"sentiment_gold": ["negative"]})
    {'sentiment': ['negative']}
    """
    found = {name: to_list(data.get(column)) for name, column in gold.items()}
    return {name: accepted for name, accepted in found.items() if accepted}


def reason(gold: Mapping[str, str], data: Mapping[str, Any], name: str) -> str:
    """Return why the accepted answers to a question are right; empty when nobody said."""
    return "\n".join(to_list(data.get(gold[name] + REASON_SUFFIX)))


def hidden_columns(gold: Mapping[str, str]) -> frozenset[str]:
    """Name the columns that contributors must not see."""
    columns = set(gold.values())
    return frozenset(columns | {column + REASON_SUFFIX for column in columns} | set(MARKER_COLUMNS))


def visible_data(data: Mapping[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    """Return a row as contributors see it."""
    return {name: value for name, value in data.items() if name not in hidden}


def hidden_data(data: Mapping[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    """Return what :func:`visible_data` leaves out of a row."""
    return {name: data[name] for name in hidden if name in data}


def with_lists(gold: Mapping[str, str], data: Mapping[str, Any]) -> dict[str, Any]:
    r"""Return a row with lists in its columns of accepted answers and reasons.

    >>> with_lists({"f": "f_gold"}, {"text": "a", "f_gold": "x\ny", "f_gold_reason": None})
    {'text': 'a', 'f_gold': ['x', 'y'], 'f_gold_reason': ['']}
    """
    changed = dict(data)
    for column in gold.values():
        found = to_list(data.get(column))
        if found:
            changed[column] = found
            changed[column + REASON_SUFFIX] = to_list(data.get(column + REASON_SUFFIX)) or [""]
    return changed
