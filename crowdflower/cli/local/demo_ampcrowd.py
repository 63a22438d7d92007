"""``crowdflower demo --ampcrowd``: label the three examples of AMPCrowd's documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table

from crowdflower.ampcrowd import Group, Pair, Question, Text
from crowdflower.sandbox import Sandbox

if TYPE_CHECKING:
    from rich.console import Console

    from crowdflower.ampcrowd import TaskType
    from crowdflower.ampcrowd.points import Point, Value

ANSWERS_PER_POINT: Final = 3
"""At most; a contributor answers a point only once."""

CALLBACK_TIMEOUT: Final = 10.0
QUESTIONS: Final = ("sentiment", "same", "answer")
SCALE: Final = (
    "very negative",
    "somewhat negative",
    "neutral",
    "somewhat positive",
    "very positive",
)


@dataclass(frozen=True)
class Example:
    """A group of points, and their correct answers."""

    group_id: str
    task_type: TaskType
    batch_size: int
    content: Mapping[str, Point]
    truth: Mapping[str, str]
    context: Mapping[str, Any] = field(default_factory=dict)


EXAMPLES: Final = (
    Example(
        "GroupId1",
        "sa",
        2,
        {"tweetId1": Text("this is a tweet!"), "tweetId2": Text("this is another tweet")},
        {"tweetId1": "4", "tweetId2": "3"},
    ),
    Example(
        "GroupId2",
        "er",
        1,
        {"recordPairId1": Pair(["22", "James"], ["21", "Wenbo"])},
        {"recordPairId1": "0"},
        {"fields": ["age", "name"]},
    ),
    Example(
        "GroupId3",
        "ft",
        1,
        {
            "filterRecordId1": Question(
                "Decide whether the following paper is by Michael Franklin.",
                ["icde", "Michael Franklin"],
            ),
            "filterRecordId2": Question(
                "Decide whether the following paper is by Jiannan Wang.", ["nsdi", "Zhao Zhang"]
            ),
        },
        {"filterRecordId1": "1", "filterRecordId2": "0"},
        {"fields": ["Conference", "First Author"]},
    ),
)
"""The examples of AMPLab's `User-Facing APIs <https://amplab.github.io/ampcrowd/user_api.html>`_."""


def run_demo(console: Console, contributors: int, seed: int) -> None:
    """Label the examples of AMPCrowd's documentation and print the callbacks.

    :param contributors: Number of simulated contributors.
    """
    each_point = min(ANSWERS_PER_POINT, contributors)
    truth = {name: value for each in EXAMPLES for name, value in each.truth.items()}
    with (
        Sandbox(seed=seed, ampcrowd=True) as box,
        box.ampcrowd_client() as client,
        client.callbacks() as inbox,
    ):
        box.crowd.add(
            contributors,
            truth=dict.fromkeys(QUESTIONS, lambda row: truth[row["_amp_id"]]),
        )
        for example in EXAMPLES:
            client.create_tasks(
                "internal",
                example.group_id,
                example.content,
                task_type=example.task_type,
                context=example.context,
                batch_size=example.batch_size,
                assignments=each_point,
                callback_url=inbox.url,
            )
            console.print(
                f"  [bold]create  [/]{example.group_id}: {len(example.content)} of type"
                f" {example.task_type}, {each_point} answer{'s' * (each_point > 1)} each"
            )
            summary = box.crowd.run(box.ampcrowd.job(example.group_id))
            console.print(f"  [bold]work    [/]{summary}")
            for delivery in box.ampcrowd.posted_results(example.group_id):
                console.print(f"  [bold]callback[/] {json.dumps(delivery)}")
        _print_answers(
            console, [inbox.wait(example.group_id, CALLBACK_TIMEOUT) for example in EXAMPLES]
        )


def _print_answers(console: Console, groups: Sequence[Group]) -> None:
    table = Table(box=None, padding=(0, 0, 0, 2))
    for name in ("group", "point", "answer", "meaning"):
        table.add_column(name, no_wrap=True)
    for group in groups:
        for name, value in group.answers.items():
            table.add_row(group.group_id, name, str(value), _meaning(group.task_type, value))
    console.print()
    console.print(table)


def _meaning(task_type: str, value: Value) -> str:
    """Return an answer in words."""
    if task_type == "sa":
        return SCALE[value - 1]
    return ("no", "yes")[value] if task_type == "ft" else ("different", "the same")[value]
