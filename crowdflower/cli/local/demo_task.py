"""The task of ``crowdflower demo``: rows, one question about each, and recorded answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import IO, Final, NamedTuple

from crowdflower.cml.names import column_name
from crowdflower.sandbox.api import csv_rows
from crowdflower.sandbox.errors import Invalid

EXAMPLE: Final = "reviews.csv"
MAX_OPTIONS: Final = 20
"""Largest number of options in one question."""


class TaskError(ValueError):
    """The files do not make a task; the message says what is wrong and where."""


class Vote(NamedTuple):
    """A recorded answer: of one person, to one task."""

    task: str
    worker: str
    label: str


@dataclass(frozen=True)
class Task:
    """Rows, and one question about each of them."""

    name: str
    """Name of the file with the rows."""

    rows: Sequence[dict[str, str]]
    columns: Sequence[str]
    """The columns that contributors see."""

    label: str | None
    """The column with the correct answer, if there is one."""

    question: str
    field: str
    """Name of the question in the form, and of its answer in the results."""

    votes: Sequence[Vote] = ()
    """Recorded answers of real people to replay."""

    key: str = ""
    """The column with the task ids of the votes."""

    @cached_property
    def options(self) -> list[str]:
        """The options of the question: all labels, sorted."""
        labels = {vote.label for vote in self.votes}
        if self.label is not None:
            labels |= {row[self.label] for row in self.rows if row[self.label]}
        return sorted(labels)

    @cached_property
    def votes_per_row(self) -> int:
        """The largest number of recorded answers to one row."""
        return max(Counter(vote.task for vote in self.votes).values())

    @property
    def title(self) -> str:
        """The job's title."""
        return f"{self.question.rstrip('?')} ({self.name})"

    @property
    def instructions(self) -> str:
        """The job's instructions, as HTML."""
        return f"<p>Read the row, then answer: {escape(self.question)}</p>"

    @property
    def cml(self) -> str:
        """The form: the columns of a row, and one question with all options."""
        row = "\n".join(f"<p><b>{escape(name)}</b> {{{{ {name} }}}}</p>" for name in self.columns)
        options = "\n".join(f'  <cml:radio label="{escape(option)}"/>' for option in self.options)
        return (
            f'{row}\n<cml:radios label="{escape(self.question)}" name="{self.field}"'
            f' validates="required" gold="true">\n{options}\n</cml:radios>'
        )

    def to_upload(self) -> list[dict[str, str]]:
        """Return the rows; test questions get their answer in the column that the form reads."""
        gold = f"{self.field}_gold"
        if self.label is None or "_golden" not in self.rows[0] or gold in self.rows[0]:
            return list(self.rows)
        return [
            {**row, gold: row[self.label] if _is_true(row["_golden"]) else ""} for row in self.rows
        ]


def example() -> Task:
    """Return the task that comes with the package: the sentiment of product reviews."""
    with files("crowdflower.cli").joinpath("data", EXAMPLE).open("rb") as stream:
        table = Table(EXAMPLE, stream)
    return Task(
        EXAMPLE,
        table.rows,
        ["product", "review"],
        "expert",
        "What does the review say?",
        "sentiment",
    )


def from_files(path: Path, columns: Sequence[str], label: str | None, replay: Path | None) -> Task:
    """Return the task that a user's files make.

    :param path: CSV file with a header.
    :param columns: Columns to show; by default all but the label.
    :param label: Column with the correct answer.
    :param replay: CSV file of ``task,worker,label``: recorded answers of real people.
    :raises TaskError: The files are invalid, or do not fit together.
    """
    table = _table(path)
    columns = [table.column(name) for name in columns]
    label = None if label is None else table.column(label)
    if label is not None:
        for row in table.rows:
            row[label] = row[label].strip()  # surrounding blanks do not make a different answer
    header = list(table.rows[0])
    if not columns:
        columns = [name for name in header if name != label and not name.startswith("_")]
    if not columns:
        raise TaskError(f"{path} has no column to show beside the label; add one")
    votes = _votes(replay) if replay is not None else []
    task = Task(
        path.name,
        table.rows,
        columns,
        label,
        "Which label fits?",
        _field_name(header),
        votes,
        _key_column(path.name, table.rows, votes) if votes else "",
    )
    if not 2 <= len(task.options) <= MAX_OPTIONS:  # noqa: PLR2004 - a question needs a choice
        raise TaskError(
            f"the labels make {len(task.options)} options; a question needs 2 to {MAX_OPTIONS}."
            " Give the column with the correct answers with --label, or answers with --replay"
        )
    for option in task.options:
        if "{{" in option or "{%" in option:
            raise TaskError(f"the label {option!r} contains Liquid, which the form would execute")
    return task


class Table:
    """A CSV file, read as by the service: the columns get the names that a form uses.

    :param name: Name of the file, for error messages.
    :raises TaskError: The file is invalid; the message says where, counting the header as row 1.
    """

    def __init__(self, name: str, stream: IO[bytes]) -> None:
        self.name = name
        self.header: list[str] = []
        """The names of the columns in the file."""
        try:
            self.rows = [
                {column: cell or "" for column, cell in row.items()}
                for row in csv_rows.read(stream, self._add_column)
            ]
        except Invalid as problem:
            raise TaskError(f"{name}: {problem.message}") from None
        if not self.rows:
            raise TaskError(f"{name}: There are no rows under the header.")

    def column(self, name: str) -> str:
        """Return the name of a column in a form, given that name or the one in the file.

        :raises TaskError: The file has no such column.
        """
        column = column_name(name)
        if column not in self.rows[0]:
            raise TaskError(f"{self.name} has no column {name!r}; it has: {', '.join(self.header)}")
        return column

    def _add_column(self, header: str) -> str:
        self.header.append(header)
        return column_name(header)


def _table(path: Path) -> Table:
    with path.open("rb") as stream:
        return Table(str(path), stream)


def _field_name(columns: Sequence[str]) -> str:
    """Return a name for the question that no column has: the results contain both."""
    field = "answer"
    while field in columns:
        field = f"crowd_{field}"
    return field


def _votes(path: Path) -> list[Vote]:
    table = _table(path)
    missing = [name for name in Vote._fields if name not in table.rows[0]]
    if missing:
        raise TaskError(f"{path} has no column {missing[0]!r}; --replay needs task,worker,label")
    votes: dict[tuple[str, str], Vote] = {}
    for number, row in enumerate(table.rows, 2):
        vote = Vote(*(row[name].strip() for name in Vote._fields))
        if not all(vote):
            raise TaskError(f"{path}: row {number} has an empty task, worker or label")
        if votes.setdefault((vote.task, vote.worker), vote) is not vote:
            raise TaskError(
                f"{path}: row {number} is a second answer of {vote.worker} to {vote.task};"
                " each worker may answer a task only once"
            )
    return list(votes.values())


def _key_column(name: str, rows: Sequence[dict[str, str]], votes: Sequence[Vote]) -> str:
    """Return the column that contains all tasks of the votes."""
    tasks = {vote.task for vote in votes}
    for column in rows[0]:
        if tasks <= {row[column] for row in rows}:
            return column
    example = min(tasks - {row[next(iter(rows[0]))] for row in rows})
    raise TaskError(
        f"no column of {name} contains all tasks of the replayed answers, such as {example!r};"
        " one column must contain them"
    )


def _is_true(cell: str) -> bool:
    return cell.strip().lower() in {"true", "1", "t", "yes"}
