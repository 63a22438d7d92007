"""What the demonstration puts before the crowd: rows, a question about each, and who answers."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple

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
    with files("crowdflower.cli").joinpath("data", SHIPPED).open(encoding="utf-8") as lines:
        rows = _rows(SHIPPED, lines)
    return Task(
        SHIPPED, rows, ["product", "review"], "expert", "What does the review say?", "sentiment"
    )


def from_files(path: Path, shown: Sequence[str], label: str | None, replay: Path | None) -> Task:
    """Return the task that anybody's files make.

    :param path: A CSV with a header.
    :param shown: The columns to show; all but the label by default.
    :param label: The column with the right answer.
    :param replay: A CSV of ``task,worker,label``: answers that people gave elsewhere.
    :raises TaskError: They do not fit together.
    """
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = _rows(path.name, lines)
    columns = list(rows[0])
    for column in [*shown, *([label] if label is not None else [])]:
        if column not in columns:
            raise TaskError(f"{path} has no column {column!r}; it has: {', '.join(columns)}")
    votes = _votes(replay) if replay is not None else []
    field = "answer" if "answer" not in columns else "crowd_answer"
    task = Task(
        path.name,
        rows,
        shown or [name for name in columns if name != label and not name.startswith("_")],
        label,
        "Which label fits?",
        field,
        votes,
        _key(path.name, rows, votes) if votes else "",
    )
    if not 2 <= len(task.options) <= MOST_OPTIONS:  # noqa: PLR2004 - one option is no question
        raise TaskError(
            f"the labels make {len(task.options)} options; a choice needs 2 to {MOST_OPTIONS}."
            " Name the column with the right answers by --label, or answers by --replay"
        )
    return task


def _rows(name: str, lines: Iterable[str]) -> list[dict[str, str]]:
    try:
        rows = list(csv.DictReader(lines, restval="", strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        problem = str(error)
    else:
        if rows:
            return rows
        problem = "there are no rows under its header"
    raise TaskError(f"{name} cannot be read: {problem}")


def _votes(path: Path) -> list[Vote]:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = _rows(path.name, lines)
    missing = [name for name in Vote._fields if name not in rows[0]]
    if missing:
        raise TaskError(
            f"{path} has no column {missing[0]!r}; answers to replay are task,worker,label"
        )
    return [Vote(row["task"], row["worker"], row["label"]) for row in rows]


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
