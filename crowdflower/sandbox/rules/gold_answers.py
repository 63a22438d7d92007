"""The accepted answers of test questions, read from the columns of a unit.

The accepted answers to question ``f`` are in column ``f_gold``, unless the job names another
column; the reason is in ``f_gold_reason``. An uploaded file has one string with an answer per line;
a test question stores lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REASON_SUFFIX = "_reason"
"""Suffix of the column with the reasons, after the name of the column with accepted answers."""

MARKER_COLUMNS = ("_golden", "_gold_pool")
"""Columns that mark a unit as a test question; contributors do not see them."""


def to_list(value: Any) -> list[str]:
    r"""Split the value of a column into a list, without blank lines.

    >>> to_list("yes\nmaybe\n"), to_list(["yes", " "]), to_list(4), to_list(None)
    (['yes', 'maybe'], ['yes'], ['4'], [])
    """
    if value is None:
        return []
    lines = value if isinstance(value, list) else str(value).split("\n")
    return [str(line).strip() for line in lines if line is not None and str(line).strip()]


def accepted_answers(gold: Mapping[str, str], data: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the accepted answers of a unit by question; a question without any is left out.

    :param gold: Column of each question, from the job.

    >>> accepted_answers({"sentiment": "sentiment_gold"}, {"sentiment_gold": ["negative"]})
    {'sentiment': ['negative']}
    """
    found = {name: to_list(data.get(column)) for name, column in gold.items()}
    return {name: accepted for name, accepted in found.items() if accepted}


def reason(gold: Mapping[str, str], data: Mapping[str, Any], name: str) -> str:
    """Return why the accepted answers to a question are right; empty if not given."""
    return "\n".join(to_list(data.get(gold[name] + REASON_SUFFIX)))


def hidden_columns(gold: Mapping[str, str]) -> frozenset[str]:
    """Return the columns that contributors must not see."""
    columns = set(gold.values())
    return frozenset(columns | {column + REASON_SUFFIX for column in columns} | set(MARKER_COLUMNS))


def visible_data(data: Mapping[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    """Return the data of a unit that contributors see."""
    return {name: value for name, value in data.items() if name not in hidden}


def hidden_data(data: Mapping[str, Any], hidden: frozenset[str]) -> dict[str, Any]:
    """Return the data of a unit that :func:`visible_data` leaves out."""
    return {name: data[name] for name in hidden if name in data}


def with_lists(gold: Mapping[str, str], data: Mapping[str, Any]) -> dict[str, Any]:
    r"""Return the data of a unit with its accepted answers and reasons as lists.

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
