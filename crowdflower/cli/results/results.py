"""``crowdflower results``: the answers to each row, as a table or a file."""

from __future__ import annotations

from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Final

import click

from crowdflower.cli.options import Command, job_argument, output_options, with_client
from crowdflower.cli.output import (
    Output,
    as_text,
    print_csv,
    print_json_array,
    print_table,
    say,
)
from crowdflower.cli.results.result_files import ResultRows, choose_writer, safe_cells, save
from crowdflower.cli.table import TableColumn
from crowdflower.cli.values import MOMENT, count
from crowdflower.client import Client
from crowdflower.job import Job

CONFIDENCES: Final = ("_confidence", ":confidence")
FOR_PROGRAMS: Final = frozenset(
    [
        *("agreement", "judgments_count", "created_at", "updated_at", "finalized_at", "_golden"),
        *("rejected", "golden", "missed", "region", "city", "started_at", "unit_state"),
    ]
)
"""Columns that people do not see, besides those of accepted answers."""

_GOLD: Final = ("_gold", "_gold_reason")


@click.command(cls=Command)
@job_argument
@click.option(
    "--since",
    type=MOMENT,
    metavar="TIME",
    help="Only rows finalized later: a time with its zone, or a day, from midnight in UTC.",
)
@click.option("--finalized", is_flag=True, help="Only rows that are finalized.")
@click.option("--judgments", is_flag=True, help="One row for each judgment.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many rows.")
@click.option(
    "--output",
    "-o",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a file instead: .csv, .json, .jsonl (one object a line) or .parquet.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@click.option(
    "--spreadsheet-safe",
    is_flag=True,
    help="In CSV, put ' before each cell that a spreadsheet would evaluate as a formula.",
)
@output_options
@with_client
def results(
    client: Client,
    output: Output,
    job_id: int | str,
    since: date | datetime | None,
    finalized: bool,
    judgments: bool,
    limit: int | None,
    path: Path | None,
    overwrite: bool,
    spreadsheet_safe: bool,
) -> None:
    """Print one answer per row of a job, with its confidence and the row.

    The last message names the time of the latest result: with --since and that time, the next run
    has each row that was finalized since, once. If --limit leaves out rows, no time is named.
    """
    if path is not None and output.style != "table":
        raise click.UsageError("--output has its format from the name; remove --json or --csv")
    write = None if path is None else choose_writer(path, spreadsheet_safe=spreadsheet_safe)
    job = client.get_job(job_id)
    if judgments:
        table = job.judgments(progress=True).to_table(since, row_columns=True)
    else:
        table = job.results(progress=True).to_table(since)
    rows = ResultRows(table, only_finalized=finalized, limit=limit)
    if path is not None and write is not None:
        save(path, write, rows, overwrite=overwrite)
        say(f"Wrote {count(rows.number, 'row')} to {path}.")
    elif output.style == "json":
        print_json_array(dict(zip(rows.names, row, strict=True)) for row in rows)
    elif output.style == "csv":
        print_csv(rows.names, safe_cells(rows) if spreadsheet_safe else rows)
    else:
        _print_for_people(job, rows)
    if rows.is_cut:  # in the order of units: some that were left out may be older
        say("--limit left out rows, so there is no time for the next --since.")
    elif rows.latest is not None:
        say(f"The latest result is of {rows.latest.isoformat()}.")


def _print_for_people(job: Job, rows: ResultRows) -> None:
    """Print the answers first, each with its confidence, and leave out what is for programs."""
    places = {name: place for place, name in enumerate(rows.names)}
    own = rows.names[:2]
    answers = {
        name: next((places[name + end] for end in CONFIDENCES if name + end in places), None)
        for name in rows.names
        if name.removeprefix("answer_") in (job.fields or {})
    }
    confidences = {rows.names[place] for place in answers.values() if place is not None}
    data = [
        name
        for name in rows.names
        if name not in {*own, *answers, *confidences, *FOR_PROGRAMS} and not name.endswith(_GOLD)
    ]

    def cells(row: tuple[Any, ...]) -> list[str]:
        return [
            *(as_text(row[places[name]]) for name in own),
            *(
                _answer(row[places[name]], None if place is None else row[place])
                for name, place in answers.items()
            ),
            *(as_text(row[places[name]]) for name in data),
        ]

    lines = map(cells, rows)
    first = next(lines, None)
    if first is None:
        say(f"Job {job.id} has no such results.")
        return
    columns = [
        *map(TableColumn, [*own, *answers]),
        *(TableColumn(name, flexible=True) for name in data),
    ]
    print_table(columns, chain([first], lines))


def _answer(answer: Any, confidence: Any) -> str:
    """Return an answer with its confidence.

    >>> _answer("yes", 0.6667), _answer(3.5, None), _answer(None, None)
    ('yes (0.67)', '3.5', '')
    """
    text = as_text(answer)
    return f"{text} ({confidence:.2f})" if text and confidence is not None else text
