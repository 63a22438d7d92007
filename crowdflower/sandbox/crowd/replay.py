"""Contributors who repeat recorded answers of real people."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from crowdflower.quality.consensus import numbered_votes
from crowdflower.sandbox.crowd.contributor import Contributor, UnitsByValue
from crowdflower.sandbox.crowd.profiles import PROFILES

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.cml import Form
    from crowdflower.sandbox.clock import Clock
    from crowdflower.sandbox.rules.work.handout import PageUnit

Label: TypeAlias = "str | list[str]"


@dataclass(frozen=True)
class Recording:
    """The answers of one person.

    :param name: The name of the person.
    :param labels: Task, as a string, to label.
    :param question: The question that the labels answer.
    :param key: The column of the rows that holds the task.
    """

    name: str
    labels: Mapping[str, Label]
    question: str
    key: str


class ReplayedContributor(Contributor):
    """A contributor who repeats the answers of one person, and answers nothing else."""

    def __init__(self, number: int, worker: Row[Any], clock: Clock, recording: Recording) -> None:
        super().__init__(number, worker, clock, PROFILES["normal"], recording.name)
        self.recording = recording

    @property
    def configured_questions(self) -> Collection[str]:
        """The question that was answered."""
        return (self.recording.question,)

    def units_to_answer(self, units: UnitsByValue) -> Collection[int]:
        """Return the ids of the units with tasks that this person answered."""
        by_task = units(self.recording.key)
        return {unit for task in self.recording.labels for unit in by_task.get(task, ())}

    def fill(self, form: Form, unit: PageUnit, pages: int) -> dict[str, Any] | None:  # noqa: ARG002 - as in the base class
        """Repeat the recorded answer; ``None`` if this person never answered the task."""
        label = self.recording.labels.get(str(unit.data.get(self.recording.key)))
        if label is None:
            return None
        name = self.recording.question
        is_listed = any(each.listed for each in form.fields if each.name == name)
        return {name: [label] if is_listed and isinstance(label, str) else label}


def group_votes(
    votes: Iterable[tuple[Hashable, Hashable, Any]], question: str, key: str
) -> list[Recording]:
    """Group votes by worker, in the order of their first votes.

    :raises ValueError: A vote does not have three parts, or a worker votes twice on a task.

    >>> votes = [(25, "ann", 1), (35, "ann", 0), (25, "bob", ["a", "b"])]
    >>> [recording.labels for recording in group_votes(votes, "follows", "task")]
    [{'25': '1', '35': '0'}, {'25': ['a', 'b']}]
    """
    labels: dict[str, dict[str, Label]] = {}
    for number, vote in numbered_votes(votes):
        task, worker, label = vote
        by_task = labels.setdefault(str(worker), {})
        if str(task) in by_task:
            raise ValueError(
                f"Vote {number} is {vote!r}, but {worker!r} has labelled {task!r} before: pass one "
                f"vote per worker and task, with a list of labels for several answers."
            )
        is_list = isinstance(label, list | tuple)
        by_task[str(task)] = [str(each) for each in label] if is_list else str(label)
    return [Recording(name, by_task, question, key) for name, by_task in labels.items()]
