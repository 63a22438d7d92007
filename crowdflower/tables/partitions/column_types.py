"""The columns of a table and their types, from the form of a job and a few of its rows.

They are those that the tables of one job have, such as ``job.judgments().to_arrow()``. The types of
what the service itself writes are always the same, and so are those of answers with options. The
type of an uploaded column, or of free text, is the narrowest that holds all values of the rows that
were looked at; without any value, it is text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from crowdflower._types import JSONObject
from crowdflower.states import UNIT_STATES
from crowdflower.tables import judgment_columns, result_columns
from crowdflower.tables.answers import Question, Questions
from crowdflower.tables.arrow_tables import arrow_column, arrow_table
from crowdflower.tables.blocks import Kind
from crowdflower.tables.columns import CategoryColumn, Column
from crowdflower.tables.optional_packages import require
from crowdflower.tables.partitions.arrow_cells import is_text
from crowdflower.tables.partitions.planned_column import JobColumns, PlannedColumn
from crowdflower.tables.row_columns import RowColumns, free_row_names

if TYPE_CHECKING:
    import pyarrow as pa

JOB_ID: Final = "job_id"
UNIT_ID: Final = "unit_id"

_OF_UNIT: Final = ("unit_id", "unit_state", "finalized_at")


class TypedPlan(NamedTuple):
    """A column with its type.

    :param section: Columns of several jobs are sorted by it.
    """

    column: PlannedColumn
    kind: Any
    section: int


class Sample(NamedTuple):
    """A few rows of a job.

    :param units: Units with their rows.
    :param results: The results of units that have judgments.
    """

    units: Sequence[JSONObject] = ()
    results: Sequence[JSONObject] = ()


def sample_of_aggregates(page: Mapping[int, JSONObject], questions: Questions) -> list[JSONObject]:
    """Return a page of aggregates as results of units, with the judgments that they stand for."""
    return [_results_of(entry, questions) for entry in page.values()]


def _results_of(entry: JSONObject, questions: Questions) -> JSONObject:
    results: JSONObject = {}
    answers: list[JSONObject] = [{} for _ in entry.get("_ids") or ()]
    for name, value in entry.items():
        is_aggregate = isinstance(value, dict) and not value.keys().isdisjoint(
            ("agg", "avg", "res")
        )
        if not is_aggregate and name not in questions.known:
            continue
        given = value.get("res") if isinstance(value, dict) else value
        if isinstance(value, dict):
            results[name] = {key: each for key, each in value.items() if key != "res"}
        for judgment, answer in zip(
            answers, given if isinstance(given, list) else (), strict=False
        ):
            judgment[name] = answer
    return {**results, "judgments": [{"data": each} for each in answers]}


def unit_columns(sample: Sample, *, several: bool) -> tuple[JobColumns, list[TypedPlan]]:
    """Return the columns of units: the id, and the row.

    :param several: Whether rows of several jobs are in the table.
    """
    kinds = _own_types(result_columns.ResultColumns(Questions()).finish())
    own = [TypedPlan(PlannedColumn(UNIT_ID, "unit", "id"), kinds[UNIT_ID], 0)]
    typed = [*_job_id(several=several), *own]
    typed += _row_columns(sample.units, {*result_columns.OWN_COLUMNS, *_names(typed)}, 1)
    return JobColumns(tuple(each.column for each in typed)), typed


def result_columns_of(
    questions: Questions, sample: Sample, *, several: bool
) -> tuple[JobColumns, list[TypedPlan]]:
    """Return the columns of results: one row per unit."""
    kinds = _own_types(result_columns.ResultColumns(Questions()).finish())
    own = {name: _own_result(name, kinds[name]) for name in result_columns.OWN_COLUMNS}
    questions.add(dict.fromkeys(chain.from_iterable(sample.results), None).keys() - {"judgments"})
    first = [*_job_id(several=several), *(own[name] for name in result_columns.BEFORE)]
    taken = frozenset({*result_columns.OWN_COLUMNS, *_names(first)})
    names = result_columns.free_answer_names(questions.known, taken)
    used = {*taken, *names.values()}
    answers: list[TypedPlan] = []
    for question in questions.known.values():
        answers += _aggregate(question, names[question.name], used, sample.results)
    rows = _row_columns(sample.units, {*taken, *_names(answers)}, 1)
    last = [own[name]._replace(section=3) for name in result_columns.AFTER]
    typed = [*first, *rows, *answers, *last]
    return JobColumns(tuple(each.column for each in typed), frozenset(questions.known)), typed


def judgment_columns_of(
    questions: Questions, sample: Sample, *, several: bool
) -> tuple[JobColumns, list[TypedPlan]]:
    """Return the columns of judgments: one row per judgment."""
    kinds = _own_types(judgment_columns.JudgmentColumns(Questions()).finish())
    own = {name: _own_judgment(name, kinds[name]) for name in judgment_columns.OWN_COLUMNS}
    given = [each["data"] for results in sample.results for each in results["judgments"]]
    questions.add(dict.fromkeys(chain.from_iterable(given)))
    first = [*_job_id(several=several), *(own[name] for name in judgment_columns.BEFORE)]
    taken = frozenset({*judgment_columns.OWN_COLUMNS, *_names(first)})
    asked = {name: each for name, each in questions.known.items() if not each.is_group}
    names = result_columns.free_answer_names(asked, taken)
    answers = []
    for name, question in asked.items():
        column = question.new_answer()
        column.extend(question.answers(given))
        answers.append(_typed("answer", names[name], question, column, 1))
    last = [own[name]._replace(section=2) for name in judgment_columns.AFTER]
    typed = [*first, *answers, *last]
    return JobColumns(tuple(each.column for each in typed), frozenset(questions.known)), typed


def merge(lists: Sequence[Sequence[TypedPlan]]) -> pa.Schema:
    """Return a schema with the columns of several jobs.

    A column that has other types in another job gets one that holds both: floats for integers, and
    otherwise text.
    """
    pyarrow = require("pyarrow", "arrow", "plan_partitions")
    kinds: dict[str, Any] = {}
    sections: dict[str, int] = {}
    for column, kind, section in chain.from_iterable(lists):
        sections.setdefault(column.name, section)
        known = kinds.get(column.name, kind)
        kinds[column.name] = known if known == kind else _wider(pyarrow, known, kind)
    names = sorted(kinds, key=sections.__getitem__)
    return pyarrow.schema([(name, kinds[name]) for name in names])


def shared_names(table: str, lists: Sequence[Sequence[TypedPlan]]) -> dict[tuple[str, str], str]:
    """Return the names of columns in a table of several jobs, by their origin and key.

    A name that is changed because it clashes in one job is so in all, and so is one that clashes
    with that of another job.
    """
    keys: dict[str, dict[str, None]] = {}
    taken = {JOB_ID} if table == "judgments" else {JOB_ID, *result_columns.OWN_COLUMNS}
    for column, _, _ in chain.from_iterable(lists):
        if column.origin in {"row", "answer", "aggregate", "confidence"}:
            keys.setdefault(column.origin, {})[column.key] = None
        else:
            taken.add(column.name)
    names: dict[tuple[str, str], str] = {}
    for origin in ("answer", "aggregate"):
        free = result_columns.free_answer_names(keys.get(origin, {}), taken)
        names.update({(origin, key): name for key, name in free.items()})
    taken |= set(names.values())
    for key in keys.get("confidence", {}):
        free_name = result_columns.confidence_name(names["aggregate", key], taken)
        names["confidence", key] = free_name
    taken |= set(names.values())
    free = free_row_names(keys.get("row", {}), taken)
    return {**names, **{("row", key): name for key, name in free.items()}}


def renamed(column: PlannedColumn, names: Mapping[tuple[str, str], str]) -> PlannedColumn:
    """Return a column with its name among all jobs."""
    return replace(column, name=names.get((column.origin, column.key), column.name))


def with_schema(
    columns: JobColumns, names: Iterable[str], table: str, aliases: Mapping[str, str]
) -> JobColumns:
    """Return columns for all of some names: those that are not known yet are taken from the data.

    A name that the plan does not know is a column of the rows; in a table of judgments, a question.

    :param aliases: By what other names the table has some of them.
    """
    known = {each.name: each for each in columns.columns}
    every = {**{each.name: each for each in columns.of_table}, **known}
    found = list(columns.columns)
    for name in names:
        if name in known:
            continue
        same = aliases.get(name, name)
        if same in every:
            found.append(replace(every[same], name=name))
        elif table == "judgments":
            found.append(PlannedColumn(name, "answer", name, Question(name)))
        else:
            found.append(PlannedColumn(name, "row", name))
    return replace(columns, columns=tuple(found))


def _own_types(empty: Mapping[str, Any]) -> dict[str, Any]:
    schema = arrow_table(empty).schema
    return dict(zip(schema.names, schema.types, strict=True))


def _names(typed: Iterable[TypedPlan]) -> set[str]:
    return {each.column.name for each in typed}


def _job_id(*, several: bool) -> list[TypedPlan]:
    pyarrow = require("pyarrow", "arrow", "plan_partitions")
    column = PlannedColumn(JOB_ID, "job_id", JOB_ID)
    return [TypedPlan(column, pyarrow.int64(), 0)] if several else []


def _own_result(name: str, kind: Any) -> TypedPlan:
    key = "id" if name == UNIT_ID else name
    states = UNIT_STATES if name == "state" else None
    return TypedPlan(PlannedColumn(name, "unit", key, categories=states), kind, 0)


def _own_judgment(name: str, kind: Any) -> TypedPlan:
    pyarrow = require("pyarrow", "arrow", "plan_partitions")
    categories: tuple[str, ...] | None = None
    if pyarrow.types.is_dictionary(kind):
        categories = tuple(UNIT_STATES) if name == "unit_state" else ()
    if name in _OF_UNIT:
        key = {"unit_id": "id", "unit_state": "state"}.get(name, name)
        return TypedPlan(PlannedColumn(name, "unit", key, categories=categories), kind, 0)
    key = judgment_columns.JUDGMENT_KEYS.get(name, name)
    return TypedPlan(PlannedColumn(name, "judgment", key, categories=categories), kind, 0)


def _row_columns(units: Sequence[JSONObject], taken: set[str], section: int) -> list[TypedPlan]:
    data = [unit["data"] for unit in units]
    columns = RowColumns()
    columns.observe(data)
    keys = dict.fromkeys(chain.from_iterable(data))
    pyarrow = require("pyarrow", "arrow", "plan_partitions")
    return [
        TypedPlan(PlannedColumn(name, "row", key), arrow_column(pyarrow, typed).type, section)
        for key, (name, typed) in zip(keys, columns.finish(taken).items(), strict=True)
    ]


def _aggregate(
    question: Question, name: str, used: set[str], results: Sequence[JSONObject]
) -> list[TypedPlan]:
    entries = [each.get(question.name) for each in results]
    column = question.new_aggregate()
    column.extend(question.aggregates(entries, [each["judgments"] for each in results]))
    found = [_typed("aggregate", name, question, column, 2)]
    confidence = question.new_confidence()
    if confidence is not None:
        confidence.extend(question.confidences(entries))
        typed = confidence.finish()
        if question.how or any(block.kind is not Kind.NULL for block in typed.blocks):
            pyarrow = require("pyarrow", "arrow", "plan_partitions")
            free = result_columns.confidence_name(name, used)
            planned = PlannedColumn(free, "confidence", question.name, question)
            found.append(TypedPlan(planned, arrow_column(pyarrow, typed).type, 2))
    return found


def _typed(origin: Any, name: str, question: Question, column: Column, section: int) -> TypedPlan:
    pyarrow = require("pyarrow", "arrow", "plan_partitions")
    options = question.field.options if question.field else ()
    categories = tuple(options) if isinstance(column, CategoryColumn) else None
    planned = PlannedColumn(name, origin, question.name, question, categories)
    return TypedPlan(planned, arrow_column(pyarrow, column.finish()).type, section)


def _wider(pyarrow: Any, kind: Any, other: Any) -> Any:
    """Return a type that holds the values of two different ones."""
    numbers = [pyarrow.int64(), pyarrow.float64()]
    if kind in numbers and other in numbers:
        return pyarrow.float64()
    types = pyarrow.types
    for one, two in ((kind, other), (other, kind)):
        if types.is_dictionary(one) and is_text(pyarrow, two):
            return two
    return pyarrow.large_string()
