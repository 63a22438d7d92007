"""``crowdflower check``: a form against a file of rows, without the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click

from crowdflower.cli.exit_codes import ExitCode
from crowdflower.cli.jobs.assignments import read_text
from crowdflower.cli.jobs.row_file import read_rows
from crowdflower.cli.options import Command, output_options
from crowdflower.cli.output import Column, Output, say
from crowdflower.cli.values import count
from crowdflower.cml import CMLError, Field, Form, Problem, parse
from crowdflower.exceptions import InvalidInput

MAX_PROBLEMS: Final = 50
"""Problems of rows that are listed."""

GOLDEN: Final = "_golden"
"""The column that marks test questions."""

_TRUE: Final = frozenset({"true", "t", "yes", "y", "1"})


@dataclass(frozen=True)
class Found:
    """A problem, and where it is: in the form by line and column, in the rows by number."""

    file: str
    message: str
    line: int | None = None
    column: int | None = None
    row: int | None = None

    def __str__(self) -> str:
        place = [self.file, *([f"{self.line}:{self.column}"] if self.line else [])]
        row = [] if self.row is None else [f"row {self.row}"]
        return ": ".join([":".join(place), *row, self.message])


COLUMNS: Final[list[Column[Found]]] = [
    Column("file", lambda found: found.file),
    Column("line", lambda found: found.line),
    Column("column", lambda found: found.column),
    Column("row", lambda found: found.row),
    Column("message", lambda found: found.message),
]


@click.command(cls=Command)
@click.argument(
    "form_file", metavar="FORM", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.argument(
    "row_file",
    metavar="[ROWS]",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@output_options
def check(output: Output, form_file: Path, row_file: Path | None) -> None:
    """Check a form, a file of CML, and whether a file of rows fits it. No key, no network.

    ROWS is CSV, JSON lines or Parquet. Found are mistakes in the form, columns that no row has,
    cells that would be blank, and test questions that no option answers. If there are any, the exit
    code is 5.
    """
    problems, summary = find_problems(form_file, row_file)
    if output.style == "table":
        for problem in problems:
            click.echo(str(problem))
    else:
        output.print_list(problems, COLUMNS, asdict)
    say(f"{summary}: {count(len(problems), 'problem') if problems else 'no problems'}.")
    if problems:
        click.get_current_context().exit(ExitCode.PROBLEMS)


def find_problems(form_file: Path, row_file: Path | None) -> tuple[list[Found], str]:
    """Return the problems of a form and of the rows, and what was checked, in words."""
    name = str(form_file)
    try:
        form = parse(read_text(form_file, "the form"))
    except CMLError as error:
        return [_in_form(name, each) for each in error.problems], name
    problems = [_in_form(name, each) for each in form.warnings]
    if not form.has_required:
        problems.append(
            Found(name, 'no question has validates="required", so the job cannot be launched')
        )
    for each in form.unsupported:
        say(f"{_in_form(name, each)} (a note: the sandbox does not have it)")
    summary = f"{name}, {count(len(form.fields), 'question')}"
    if row_file is None:
        return problems, summary
    rows = _Rows(form, str(row_file))
    try:
        rows.read(read_rows(row_file))
    except InvalidInput as error:
        return [*problems, Found(str(row_file), str(error), row=error.row)], summary
    problems += [_in_form(name, each) for each in form.missing_columns(rows.filled)]
    return [*problems, *rows.problems()], f"{summary}, {count(rows.number, 'row')}"


def _in_form(name: str, problem: Problem) -> Found:
    return Found(name, problem.message, problem.line, problem.column)


class _Rows:
    """What is known of the rows of a file after they were read."""

    def __init__(self, form: Form, file: str) -> None:
        self.number = 0
        self.filled: Counter[str] = Counter()
        """Columns, and how many rows have a value there."""
        self._form = form
        self._file = file
        self._empty: dict[str, int] = {}
        self._gold: list[Found] = []
        self._gold_columns = form.gold()
        self._fields = {field.name: field for field in form.fields}

    def read(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Read all rows."""
        for self.number, row in enumerate(rows, 1):
            for name, value in row.items():
                self.filled[name] += not _is_blank(value)
            for name in self._form.columns:
                if _is_blank(row.get(name)):
                    self._empty.setdefault(name, self.number)
            if len(self._gold) < MAX_PROBLEMS:
                self._gold += self._check_gold(row)

    def problems(self) -> Iterator[Found]:
        """Yield the problems of the rows."""
        names = [name for name in self._fields if name in self.filled]
        for name in names:
            yield Found(
                self._file,
                f'the column "{name}" has the name of a question; rename one of them: the service'
                " refuses such rows unless ignore_overlapping_names is set",
            )
        for name, row in self._empty.items():
            empty = self.number - self.filled[name]
            if 0 < empty < self.number:
                yield Found(
                    self._file,
                    f'the column "{name}", which the form prints, is empty in'
                    f" {count(empty, 'row')}, first in row {row}",
                )
        yield from self._gold

    def _check_gold(self, row: Mapping[str, Any]) -> Iterator[Found]:
        """Yield a problem for each answer of a test question that no option can give."""
        if str(row.get(GOLDEN, "")).strip().lower() not in _TRUE:
            return
        answers = {
            name: accepted
            for name, column in self._gold_columns.items()
            if (accepted := _accepted(row.get(column)))
        }
        if not answers:
            columns = ", ".join(self._gold_columns.values()) or "none: no question is a test"
            yield Found(
                self._file,
                f"a test question without an answer; its columns: {columns}",
                row=self.number,
            )
        for name, accepted in answers.items():
            if not _can_be_answered(self._fields[name], accepted):
                options = ", ".join(each.value for each in self._fields[name].answer_options)
                yield Found(
                    self._file,
                    f'no option of "{name}" is {" or ".join(map(repr, accepted))}; the options are:'
                    f" {options}",
                    row=self.number,
                )


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, (str, list)) and not value)


def _accepted(value: Any) -> list[str]:
    """Return the accepted answers in a cell: a list, or a line each."""
    if isinstance(value, list):
        return [str(each).strip() for each in value if str(each).strip()]
    return [line.strip() for line in str(value or "").splitlines() if line.strip()]


def _can_be_answered(field: Field, accepted: list[str]) -> bool:
    options = {_folded(option.value) for option in field.answer_options}
    if field.kind == "checkbox" and field.default is not None:
        options.add(_folded(field.default))
    return not options or not options.isdisjoint(map(_folded, accepted))


def _folded(answer: str) -> str:
    return " ".join(answer.split()).casefold()
