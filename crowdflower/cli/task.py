"""What the demonstration puts before the crowd: rows, a question about each, and who answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import IO, Final, NamedTuple

from crowdflower.sandbox.api import csv_rows
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.rules.units.uploads import column_name

SHIPPED: Final = "reviews.csv"
MOST_OPTIONS: Final = 20
"""More different labels than this are no choice that a person can be given."""


class TaskError(ValueError):
    """The files given do not make a task; the text says what is wrong and where."""


class Vote(NamedTuple):
    """What one person answered to one task, in a file of answers that were given elsewhere."""

    task: str
    worker: str
    label: str


@dataclass(frozen=True)
class Task:
    """Rows, and the one question that is asked about each of them."""

    name: str
    """The file that the rows came from."""

    rows: Sequence[dict[str, str]]
    shown: Sequence[str]
    """The columns that contributors see."""

    label: str | None
    """The column with the answer that is known to be right."""

    question: str
    field: str
    """The name of the question in the form, and of its answer in the results."""

    votes: Sequence[Vote] = ()
    """The answers of real people, to be replayed."""

    key: str = ""
    """The column that tells which row a vote is about."""

    @cached_property
    def options(self) -> list[str]:
        """What may be chosen: every label there is, sorted."""
        labels = {vote.label for vote in self.votes}
        if self.label is not None:
            labels |= {row[self.label] for row in self.rows if row[self.label]}
        return sorted(labels)

    @cached_property
    def votes_per_row(self) -> int:
        """How many answers the row with the most of them has."""
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
        """The form: what is shown of a row, and one question with all the options."""
        shown = "\n".join(f"<p><b>{escape(name)}</b> {{{{ {name} }}}}</p>" for name in self.shown)
        options = "\n".join(f'  <cml:radio label="{escape(option)}"/>' for option in self.options)
        return (
            f'{shown}\n<cml:radios label="{escape(self.question)}" name="{self.field}"'
            f' validates="required" gold="true">\n{options}\n</cml:radios>'
        )

    def to_upload(self) -> list[dict[str, str]]:
        """Return the rows, with the known answer of a test question where the form looks for it."""
        gold = f"{self.field}_gold"
        if self.label is None or "_golden" not in self.rows[0] or gold in self.rows[0]:
            return list(self.rows)
        return [
            {**row, gold: row[self.label] if _is_true(row["_golden"]) else ""} for row in self.rows
        ]


def shipped() -> Task:
    """Return the task that comes with the package: what reviews say of what they are about."""
    with files("crowdflower.cli").joinpath("data", SHIPPED).open("rb") as stream:
        table = Table(SHIPPED, stream)
    return Task(
        SHIPPED,
        table.rows,
        ["product", "review"],
        "expert",
        "What does the review say?",
        "sentiment",
    )


def from_files(path: Path, shown: Sequence[str], label: str | None, replay: Path | None) -> Task:
    """Return the task that anybody's files make.

    :param path: A CSV with a header.
    :param shown: The columns to show; all but the label by default.
    :param label: The column with the right answer.
    :param replay: A CSV of ``task,worker,label``: answers that people gave elsewhere.
    :raises TaskError: They do not fit together.
    """
    table = _table(path)
    shown = [table.column(name) for name in shown]
    label = None if label is None else table.column(label)
    if label is not None:
        for row in table.rows:
            row[label] = row[label].strip()  # a blank beside it makes no other answer
    columns = list(table.rows[0])
    if not shown:
        shown = [name for name in columns if name != label and not name.startswith("_")]
    if not shown:
        raise TaskError(f"{path} has no column to show beside the label; it needs one more")
    votes = _votes(replay) if replay is not None else []
    task = Task(
        path.name,
        table.rows,
        shown,
        label,
        "Which label fits?",
        _field(columns),
        votes,
        _key(path.name, table.rows, votes) if votes else "",
    )
    if not 2 <= len(task.options) <= MOST_OPTIONS:  # noqa: PLR2004 - one option is no question
        raise TaskError(
            f"the labels make {len(task.options)} options; a choice needs 2 to {MOST_OPTIONS}."
            " Name the column with the right answers by --label, or answers by --replay"
        )
    for option in task.options:
        if "{{" in option or "{%" in option:
            raise TaskError(f"the label {option!r} is Liquid, and a form would run it")
    return task


class Table:
    """A CSV, read as the service reads one: its columns have the names that a form may use.

    :param name: Of the file, for what is said about it.
    :raises TaskError: It is no such file; the text says where, counting the header as row 1.
    """

    def __init__(self, name: str, stream: IO[bytes]) -> None:
        self.name = name
        self.header: list[str] = []
        """The names of the columns as they stand in the file."""
        try:
            self.rows = [
                {column: cell or "" for column, cell in row.items()}
                for row in csv_rows.read(stream, self._named)
            ]
        except Invalid as problem:
            raise TaskError(f"{name}: {problem.message}") from None
        if not self.rows:
            raise TaskError(f"{name}: There are no rows under its header.")

    def column(self, name: str) -> str:
        """Return what a column is called here, by its name in the file or the one it has here.

        :raises TaskError: There is none.
        """
        column = column_name(name)
        if column not in self.rows[0]:
            raise TaskError(f"{self.name} has no column {name!r}; it has: {', '.join(self.header)}")
        return column

    def _named(self, header: str) -> str:
        self.header.append(header)
        return column_name(header)


def _table(path: Path) -> Table:
    with path.open("rb") as stream:
        return Table(str(path), stream)


def _field(columns: Sequence[str]) -> str:
    """Name the question as no column is named: both stand in one row of the results."""
    field = "answer"
    while field in columns:
        field = f"crowd_{field}"
    return field


def _votes(path: Path) -> list[Vote]:
    table = _table(path)
    missing = [name for name in Vote._fields if name not in table.rows[0]]
    if missing:
        raise TaskError(
            f"{path} has no column {missing[0]!r}; answers to replay are task,worker,label"
        )
    votes: dict[tuple[str, str], Vote] = {}
    for number, row in enumerate(table.rows, 2):
        vote = Vote(*(row[name].strip() for name in Vote._fields))
        if not all(vote):
            raise TaskError(f"{path}: row {number} leaves one of task, worker and label empty")
        if votes.setdefault((vote.task, vote.worker), vote) is not vote:
            raise TaskError(
                f"{path}: row {number} is another answer of {vote.worker} to {vote.task};"
                " a person answers a task once"
            )
    return list(votes.values())


def _key(name: str, rows: Sequence[dict[str, str]], votes: Sequence[Vote]) -> str:
    """Find the column that tells which row a vote is about: it holds every task there is."""
    tasks = {vote.task for vote in votes}
    for column in rows[0]:
        if tasks <= {row[column] for row in rows}:
            return column
    stray = min(tasks - {row[next(iter(rows[0]))] for row in rows})
    raise TaskError(
        f"no column of {name} holds all tasks of the answers to replay, such as {stray!r};"
        " one must, to say which row an answer is about"
    )


def _is_true(cell: str) -> bool:
    return cell.strip().lower() in {"true", "1", "t", "yes"}
