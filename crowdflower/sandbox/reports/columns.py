r"""The contents of reports: a header and rows of cells, made from units and judgments.

Columns and their order are those of published result files: system columns, then answers from A to
Z, then source columns from A to Z. A source column whose name is taken gets the prefix ``orig_``,
repeated until the name is unique. Several answers in one cell are separated by line breaks.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from crowdflower.sandbox.clock import report_time
from crowdflower.sandbox.rules.results.column_names import output_names

FULL: Final = (
    "_unit_id",
    "_created_at",
    "_golden",
    "_id",
    "_missed",
    "_started_at",
    "_tainted",
    "_channel",
    "_trust",
    "_worker_id",
    "_country",
    "_region",
    "_city",
    "_ip",
)
GOLD_COLUMNS: Final = frozenset({"_golden", "_missed"})
"""Columns of the full report that are an option of the job."""
WORKER_NAME: Final = "_worker_name"
"""Column of the full report that is an option of the sandbox."""
AGGREGATED: Final = (
    "_unit_id",
    "_golden",
    "_unit_state",
    "_trusted_judgments",
    "_last_judgment_at",
)
SOURCE: Final = ("_unit_id", "_created_at", "_updated_at")
GOLD: Final = (
    "_id",
    "_pct_missed",
    "_judgments",
    "_gold_case",
    "_difficulty",
    "_hidden",
    "_contention",
    "_pct_contested",
    "_gold_pool",
)
WORKSET: Final = (
    "worker_id",
    "external_type",
    "judgments_count",
    "missed_count",
    "golds_count",
    "forgiven_count",
    "channel",
    "country",
    "region",
    "city",
    "last_ip",
    "flagged_at",
    "rejected_at",
    "bonus",
    "flag_reason",
    "trust_overall",
    "submission_rate",
)

_UNIT_STATES: Final = {"judgable": "in progress", "hidden_gold": "golden"}
"""Names of states in the aggregated report; the others are those of the API."""

_DECIMALS: Final = 4
LINKED: Final = "group"
"""Used instead of an aggregation for a column with the linked answers of a group."""

_EXTRA_COLUMNS: Final = {"all": (), "avg": ("variance",), LINKED: ()}
"""Columns beside the answer, by aggregation; all others have ``confidence``."""

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

Cells: TypeAlias = list[str]


def full_report(
    questions: Mapping[str, str],
    columns: Collection[str],
    units: Iterable[tuple[Any, Iterable[Any]]],
    *,
    gold_columns: bool = False,
    names: Mapping[int, str] | None = None,
) -> Iterator[Cells]:
    """Yield the full report: a header, then a row per judgment.

    ``trust`` is that of the contributor in the job, the same in all rows of a contributor.

    :param questions: Question to aggregation.
    :param columns: Source columns.
    :param units: Units with their judgments: objects with the attributes ``id`` and ``data``, and
        objects with ``id``, ``created_at``, ``started_at``, ``golden``, ``missed``, ``tainted``,
        ``rejected``, ``channel``, ``trust``, ``worker_id``, ``country``, ``region``, ``city``,
        ``ip`` and ``data``.
    :param gold_columns: Whether to print :data:`GOLD_COLUMNS`. Of 45 published reports, 44 have
        neither.
    :param names: Names of contributors by their number, printed after all other system columns;
        ``None`` for reports with numbers only, as those of the service are.
    """
    answers = sorted(questions)
    own = [name for name in FULL if gold_columns or name not in GOLD_COLUMNS]
    if names is not None:
        own += output_names([WORKER_NAME], questions).values()
    rest = _source({*own, *answers}, columns)
    yield [*own, *answers, *rest]
    for unit, judgments in units:
        number, row = str(unit.id), [format_cell(unit.data.get(column)) for column in rest.values()]
        for judgment in judgments:
            yield [
                number,
                report_time(judgment.created_at),
                *(["true" if judgment.golden else "false"] if gold_columns else ()),
                str(judgment.id),
                *(["true" if judgment.missed else ""] if gold_columns else ()),
                report_time(judgment.started_at),
                "true" if judgment.tainted or judgment.rejected else "false",
                judgment.channel,
                format_figure(judgment.trust),
                str(judgment.worker_id),
                judgment.country or "",
                judgment.region or "",
                judgment.city or "",
                judgment.ip or "",
                *(() if names is None else (names.get(judgment.worker_id, ""),)),
                *[format_cell(judgment.data.get(name)) for name in answers],
                *row,
            ]


def aggregated_report(
    questions: Mapping[str, str],
    columns: Collection[str],
    units: Iterable[Any],
) -> Iterator[Cells]:
    """Yield the aggregated report: a header, then a row per unit.

    :param questions: Question to aggregation; group with linked answers to :data:`LINKED`.
    :param columns: Source columns.
    :param units: Objects with the attributes ``id``, ``state``, ``data``, ``trusted_judgments``,
        ``last_judgment_at`` and ``results`` (question to result).
    """
    answers = [
        (name, how, _EXTRA_COLUMNS.get(how.partition("_")[0], ("confidence",)))
        for name, how in sorted(questions.items())
    ]
    names = [
        column
        for name, _, others in answers
        for column in (name, *(f"{name}:{other}" for other in others))
    ]
    rest = _source({*AGGREGATED, *names}, columns)
    yield [*AGGREGATED, *names, *rest]
    for unit in units:
        golden = unit.state == "golden"  # not a hidden one: so it is in a report of 2014
        judged_at = None if golden else unit.last_judgment_at
        row = [
            str(unit.id),
            format_cell(golden),
            _UNIT_STATES.get(unit.state, unit.state),
            str(unit.trusted_judgments),
            "" if judged_at is None else report_time(judged_at),
        ]
        for name, how, others in answers:
            result = unit.results.get(name)
            row += [_entries(result)] if how == LINKED else _result(result, others)
        yield row + [format_cell(unit.data.get(column)) for column in rest.values()]


def source_report(columns: Sequence[str], units: Iterable[Any]) -> Iterator[Cells]:
    """Yield the source report: a header, then a row per unit with its columns as uploaded.

    :param units: Objects with the attributes ``id``, ``created_at``, ``updated_at`` and ``data``.

    >>> next(source_report(["text"], []))
    ['_unit_id', '_created_at', '_updated_at', 'text']
    """
    yield [*SOURCE, *output_names(columns, SOURCE).values()]
    for unit in units:
        times = (report_time(unit.created_at), report_time(unit.updated_at))
        cells = (format_cell(unit.data.get(column)) for column in columns)
        yield [str(unit.id), *times, *cells]


def gold_report(
    gold: Mapping[str, str], columns: Sequence[str], units: Iterable[Any]
) -> Iterator[Cells]:
    """Yield the report on test questions: a header, then a row per question.

    The header and the format of the cells are those of a file of 2014: shares are fractions,
    ``_gold_case`` is empty, and the answers that were wrong stand before the accepted ones, in a
    column named like the question, with an underscore. ``_contention`` has what contributors wrote
    who contested the test question, ``_pct_contested`` their share of all judgments.

    :param gold: Question to the column of its accepted answers.
    :param columns: Source columns.
    :param units: Objects with the attributes ``id``, ``state``, ``data``, ``judgments``,
        ``missed_count``, ``difficulty``, ``gold_pool``, ``rejected``, which maps questions to
        wrong answers, ``contested_count`` (judgments) and ``contention`` (texts).
    """
    printed = {name: column for name, column in sorted(gold.items()) if column in columns}
    owners = {column: name for name, column in reversed(printed.items())}
    accepted = {
        name: (column, f"{column}_reason") if owners[column] == name else ()
        for name, column in printed.items()
    }
    excluded = {"_golden", *(each for pair in accepted.values() for each in pair)}
    rejected = output_names([f"_{name}" for name in printed], {*GOLD, *excluded})
    answers = [each for name, pair in accepted.items() for each in (rejected[f"_{name}"], *pair)]
    rest = _source({*GOLD, *answers, "_golden"}, [name for name in columns if name not in excluded])
    yield [*GOLD, *answers, *rest, "_golden"]
    for unit in units:
        missed, contested = (
            count / unit.judgments if unit.judgments else 0.0
            for count in (unit.missed_count, unit.contested_count)
        )
        cells = [
            cell
            for name, pair in accepted.items()
            for cell in (
                _answer_lines(unit.rejected.get(name, [])),
                *(format_cell(unit.data.get(each)) for each in pair),
            )
        ]
        yield [
            str(unit.id),
            f"{missed:.2f}",
            str(unit.judgments),
            "",
            str(unit.difficulty),
            format_cell(unit.state == "hidden_gold"),
            format_cell(unit.contention),
            format_figure(contested),
            format_cell(unit.gold_pool),
            *cells,
            *(format_cell(unit.data.get(name)) for name in rest.values()),
            format_cell(unit.data.get("_golden")) or "true",
        ]


def workset_report(
    contributors: Iterable[Mapping[str, Any]], names: Mapping[int, str] | None = None
) -> Iterator[Cells]:
    """Yield the report on contributors: a header, then a row per contributor.

    No file of the service was found; these are the columns that its users mention.

    :param contributors: Column to value; times as strings in the format of the reports.
    :param names: As in :func:`full_report`; the last column.
    """
    yield [*WORKSET, *(() if names is None else (WORKER_NAME,))]
    for each in contributors:
        name = () if names is None else (names.get(each["worker_id"], ""),)
        yield [*(format_cell(each[column]) for column in WORKSET), *name]


def json_report(units: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    r"""Yield units as JSON lines.

    >>> list(json_report([{"id": 7}]))
    ['{"id":7}\n']
    """
    for unit in units:
        yield f"{_ENCODER.encode(unit)}\n"


def format_cell(value: object) -> str:
    r"""Format a value for a report; a source value comes out as it was uploaded.

    >>> (
    ...     format_cell(True),
    ...     format_cell(48.858222),
    ...     format_cell(["price", "delivery"]),
    ...     format_cell(None),
    ... )
    ('true', '48.858222', 'price\ndelivery', '')
    """
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "\n".join(format_cell(item) for item in value if item is not None)
    if isinstance(value, dict):
        return _ENCODER.encode(value)
    return str(value)


def format_figure(value: object) -> str:
    r"""Format a computed value, such as a confidence, with at most four decimals.

    >>> format_figure(2 / 3), format_figure([0.7, 0.5]), format_figure("yes")
    ('0.6667', '0.7\n0.5', 'yes')
    """
    if isinstance(value, list):
        return "\n".join(format_figure(item) for item in value if item is not None)
    return format_cell(round(value, _DECIMALS) if isinstance(value, float) else value)


def _result(result: Any, others: Sequence[str]) -> Cells:
    """Format the result of one question, and the columns beside it."""
    if isinstance(result, list):
        return [_answer_lines(result), *("" for _ in others)]
    result = result or {}
    answer = result["avg"] if "avg" in result else result.get("agg")
    return [format_figure(answer), *(format_figure(result.get(other)) for other in others)]


def _answer_lines(answers: Iterable[Any]) -> str:
    """Format answers, one per line; the parts of a compound answer stay on one line."""
    return format_cell(
        [
            "|".join(map(format_cell, answer)) if isinstance(answer, list) else answer
            for answer in answers
        ]
    )


def _entries(result: Any) -> str:
    """Format linked answers as a JSON array of objects; empty for a test question."""
    return "" if result is None else _ENCODER.encode(result)


def _source(taken: set[str], columns: Collection[str]) -> dict[str, str]:
    """Map output names of source columns to the columns' names, from A to Z."""
    return dict(sorted((name, column) for column, name in output_names(columns, taken).items()))
