"""Test questions that a form makes useless: they check no contributor, or all fail them.

The accepted answers of a test question are in a column, which belongs to a question of the form by
its name. If that question is renamed or removed, the row stays a test question and is shown like
one, but no answer to it can be wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from sqlalchemy import Row, select

from crowdflower._types import Message
from crowdflower.cml import Form
from crowdflower.cml.gold import Matching
from crowdflower.sandbox.rules.counters import GOLD_STATES
from crowdflower.sandbox.rules.gold_answers import REASON_SUFFIX, accepted_answers, to_list
from crowdflower.sandbox.rules.visibility import units_of
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import unit

_GOLD_SUFFIX: Final = "_gold"


Kind: TypeAlias = Literal["unasked", "partly", "blank", "impossible"]
"""``unasked``: the answers belong to a question that the form does not ask, so they check no
contributor; ``partly``: so do some of the answers; ``blank``: there is no accepted answer;
``impossible``: no option of the form is an accepted answer, so all contributors fail."""


class GoldFault(NamedTuple):
    """What is wrong with some test questions of a job."""

    kind: Kind

    question: str
    """Name of the question; empty for ``blank``."""

    column: str
    """Column of the accepted answers; empty for ``blank``."""

    unit_ids: tuple[int, ...]
    """The test questions, in the order of upload."""

    answers: tuple[str, ...] = ()
    """The accepted answers of the first of them."""

    options: tuple[str, ...] = ()
    """The options of the question; only of ``impossible``."""

    def describe(self) -> Message:
        """Return the fault in a sentence, for the warnings of the API."""
        values = self._replace(unit_ids=())._asdict() | {"count": len(self.unit_ids)}
        return Message(self._sentence(), "gold_fault", **values)

    def _sentence(self) -> str:
        count = len(self.unit_ids)
        if self.kind == "impossible":
            more = f"; the same holds for {count - 1} more" if count > 1 else ""
            return (
                f"Nobody can answer the test question {self.unit_ids[0]:d} right: {self.question} "
                f'has the answer "{", ".join(self.answers):.80}", and the options are '
                f"{', '.join(self.options):.200}{more}."
            )
        rows, have = (
            ("1 test question", "has") if count == 1 else (f"{count} test questions", "have")
        )
        them = "it" if count == 1 else "them"
        if self.kind == "blank":
            return f"{rows} {have} no accepted answer: nobody is checked by {them}."
        effect = f"nobody is checked by {them}"
        if self.kind == "partly":
            effect = f"only answers to other questions are checked by {them}"
        return (
            f"{rows} {have} answers to {self.question:.60}, which the form does not ask: {effect}. "
            f'Keep the name of the question, or add gold="src:{self.column:.60}" to the one that '
            "asks it now."
        )


def find_gold_faults(
    tx: Transaction, job: Row[Any], form: Form, gold: Mapping[str, str] | None = None
) -> list[GoldFault]:
    """Return what is wrong with the test questions of a job, as if it had a form.

    :param gold: Column of accepted answers of each question; by default, as the job has it.
    """
    if not job.golds_count:
        return []
    columns = job.gold if gold is None else gold
    names = {column: name for name, column in job.gold.items()}
    choices = _choices(form)
    found: dict[tuple[Kind, str, str], list[tuple[int, tuple[str, ...]]]] = {}
    is_gold = (*units_of(tx, job.id), unit.c.state.in_(sorted(GOLD_STATES)))
    for row in tx.all(select(unit.c.id, unit.c.data).where(*is_gold).order_by(unit.c.seq)):
        accepted = accepted_answers(columns, row.data)
        lost = _lost_columns(row.data, columns, all_named=not accepted)
        kind: Kind = "partly" if accepted else "unasked"
        for column in lost:
            name = names.get(column, column.removesuffix(_GOLD_SUFFIX))
            answers = tuple(to_list(row.data[column]))
            found.setdefault((kind, name, column), []).append((row.id, answers))
        if not accepted and not lost:
            found.setdefault(("blank", "", ""), []).append((row.id, ()))
        for name, wanted in accepted.items():
            if name in choices and not _is_possible(choices[name], wanted):
                fault = found.setdefault(("impossible", name, columns[name]), [])
                fault.append((row.id, tuple(wanted)))
    return [
        GoldFault(
            kind,
            name,
            column,
            tuple(unit_id for unit_id, _ in rows),
            rows[0][1],
            choices[name][1] if kind == "impossible" else (),
        )
        for (kind, name, column), rows in found.items()
    ]


def _lost_columns(
    data: Mapping[str, Any], columns: Mapping[str, str], *, all_named: bool
) -> list[str]:
    """Return the columns with accepted answers to questions that are not asked.

    A row gets a column with reasons beside each column with answers as it becomes a test question.

    :param all_named: Whether a column counts by its name, too.
    """
    known = {*columns.values()}
    return [
        column
        for column, value in data.items()
        if column not in known
        and (
            (isinstance(value, list) and column + REASON_SUFFIX in data)
            or (all_named and column.endswith(_GOLD_SUFFIX))
        )
        and to_list(value)
    ]


def _choices(form: Form) -> dict[str, tuple[Matching, tuple[str, ...]]]:
    """Return how the answers to each question with options are compared, and its options.

    Options that Liquid prints depend on the row, and are left out.
    """
    return {
        each.name: (Matching() if each.matching.how == "exact" else each.matching, values)
        for each in form.fields
        if (values := tuple(option.value for option in each.answer_options))
        and not each.dynamic
        and not any("{{" in value or "{%" in value for value in values)
    }


def _is_possible(choice: tuple[Matching, tuple[str, ...]], wanted: list[str]) -> bool:
    matching, values = choice
    return any(matching.accepts([value], wanted) for value in values)
