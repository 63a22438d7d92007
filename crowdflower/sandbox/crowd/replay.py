"""Contributors who repeat what real people once answered."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from crowdflower.quality.consensus import numbered_votes
from crowdflower.sandbox.crowd.contributor import Contributor, Units
from crowdflower.sandbox.crowd.profiles import PROFILES

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.cml import Form
    from crowdflower.sandbox.clock import Clock
    from crowdflower.sandbox.rules.work.handout import PageUnit

Label: TypeAlias = "str | list[str]"


@dataclass(frozen=True)
class Recording:
    """What one person answered.

    :param name: Of the person.
    :param labels: Task, as text, to label.
    :param question: Name of the question that the labels answer.
    :param key: Column of the rows that holds the task.
    """

    name: str
    labels: Mapping[str, Label]
    question: str
    key: str


class ReplayedContributor(Contributor):
    """Somebody who answers what one person answered, and works on nothing else."""

    def __init__(self, number: int, worker: Row[Any], clock: Clock, recording: Recording) -> None:
        super().__init__(number, worker, clock, PROFILES["normal"], recording.name)
        self.recording = recording

    @property
    def questions(self) -> Collection[str]:
        """Name the question that was answered."""
        return (self.recording.question,)

    def reach(self, units: Units) -> Collection[int]:
        """Name the units with tasks that this person answered."""
        by_task = units(self.recording.key)
        return {unit for task in self.recording.labels for unit in by_task.get(task, ())}

    def fill(self, form: Form, unit: PageUnit, pages: int) -> dict[str, Any] | None:  # noqa: ARG002 - as the others
        """Answer the one question as it was answered; give up what this person never saw."""
        label = self.recording.labels.get(str(unit.data.get(self.recording.key)))
        if label is None:
            return None
        name = self.recording.question
        is_listed = any(each.listed for each in form.fields if each.name == name)
        return {name: [label] if is_listed and isinstance(label, str) else label}


def group_votes(
    votes: Iterable[tuple[Hashable, Hashable, Any]], question: str, key: str
) -> list[Recording]:
    """Sort votes by who gave them, in the order in which people first voted.

    :raises ValueError: A vote does not have three parts, or somebody gave two labels to one task.

    >>> votes = [(25, "ann", 1), (35, "ann", 0), (25, "bob", ["a", "b"])]
    >>> [recording.labels for recording in group_votes(votes, "follows", "task")]
    [{'25': '1', '35': '0'}, {'25': ['a', 'b']}]
    """
    labels: dict[str, dict[str, Label]] = {}
    for number, vote in numbered_votes(votes):
        task, worker, label = vote
        theirs = labels.setdefault(str(worker), {})
        if str(task) in theirs:
            raise ValueError(
                f"Vote {number} is {vote!r}, and {worker!r} has labelled {task!r} before: a "
                f"contributor answers once; for several answers give one list of labels."
            )
        is_list = isinstance(label, list | tuple)
        theirs[str(task)] = [str(each) for each in label] if is_list else str(label)
    return [Recording(name, theirs, question, key) for name, theirs in labels.items()]
