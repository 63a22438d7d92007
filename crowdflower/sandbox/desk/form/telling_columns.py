"""Columns that tell the correct answers of test questions, and so must not be shown.

A file often has its answers twice: in a column for test questions, and in one that says what an
expert or an earlier run found. Who sees that one need not read the row.
"""

from __future__ import annotations

from collections import Counter
from math import comb
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from crowdflower.sandbox.rules.gold_answers import to_list

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MIN_SHARE: Final = 0.9
"""Fraction of test questions in which a column has to have the correct answer."""

MAX_CHANCE: Final = 0.01
"""A column that would be right so often by chance with this probability tells nothing: one of yes
and no is right three times in a row in one case of eight."""

MAX_VALUES: Final = 30
"""Different values of such a column; each occurs twice on average. A text to correct may equal the
correct one in most rows, and has to be seen."""

_Answers: TypeAlias = frozenset[str]


class TellingColumn(NamedTuple):
    """A column that has the correct answers of a question."""

    column: str
    answer_column: str
    hits: int
    """Test questions in which it has a correct answer."""
    rows: int
    """Test questions in which both columns have a value."""


def find_telling(
    rows: Sequence[Mapping[str, Any]], columns: Iterable[str], answer_columns: Sequence[str]
) -> list[TellingColumn]:
    """Return the columns that have the correct answers, each with the first answer column it tells.

    Case and space do not matter. A column that is named like the question (``verdict`` beside
    ``verdict_gold``) need not be right more often than by chance.

    :param rows: The data of rows of a job; test questions are those with correct answers.
    """
    found = []
    accepted = {name: [_read(row.get(name)) for row in rows] for name in answer_columns}
    for column in columns:
        cells = [_read(row.get(column)) for row in rows]
        for answer_column, answers in accepted.items():
            told = _compare(column, answer_column, cells, answers)
            if told is not None:
                found.append(told)
                break
    return found


def _compare(
    column: str, answer_column: str, cells: Sequence[_Answers], answers: Sequence[_Answers]
) -> TellingColumn | None:
    both = [(cell, right) for cell, right in zip(cells, answers, strict=True) if cell and right]
    hits = sum(cell <= right for cell, right in both)
    filled = [cell for cell in cells if cell]
    if not both or hits < MIN_SHARE * len(both):
        return None
    if len({*filled}) > min(MAX_VALUES, len(filled) / 2):
        return None
    is_named = column.casefold() == answer_column.casefold().removesuffix("_gold")
    if is_named or _chance(hits, both, filled) <= MAX_CHANCE:
        return TellingColumn(column, answer_column, hits, len(both))
    return None


def _chance(
    hits: int, both: Sequence[tuple[_Answers, _Answers]], cells: Sequence[_Answers]
) -> float:
    """Return the probability of so many hits if the cells of the column stood in any order."""
    counted = Counter(cells)
    share = 0.0
    for right, rows in Counter(right for _, right in both).items():
        fitting = sum(count for cell, count in counted.items() if cell <= right)
        share += fitting / len(cells) * rows / len(both)
    share, count = min(share, 1.0), len(both)
    return sum(
        comb(count, n) * share**n * (1 - share) ** (count - n) for n in range(hits, count + 1)
    )


def _read(value: Any) -> _Answers:
    """Return the answers of a cell, of which there may be several."""
    return frozenset(" ".join(each.split()).casefold() for each in to_list(value))
