"""Points: what is put before the crowd, and what the crowd may say of it.

.. code-block:: text

    sa  sentiment          Text       1 very negative … 5 very positive
    er  entity resolution  Pair       whether two records are the same thing
    ft  filtering          Question   whether the answer to a question is yes

The server checks next to nothing of this, and a point of another shape would reach people as an
empty page. So it is checked here.

Source: AMPLab, `Supported Task Types <https://amplab.github.io/ampcrowd/available_types.html>`_.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from crowdflower._types import JSON, a_type
from crowdflower.exceptions import InvalidInput

TaskType = Literal["sa", "er", "ft"]
"""Sentiment analysis, entity resolution, filtering."""

Cell: TypeAlias = "str | int | float | None"
"""One value of a record."""

Value: TypeAlias = "int | bool"
"""An answer: 1 to 5 for a sentiment, yes or no for the others."""

TASK_TYPES: Final[tuple[TaskType, ...]] = get_args(TaskType)

LOWEST, HIGHEST = 1, 5
"""The ends of the scale of sentiment."""

_SCALE: Final = range(LOWEST, HIGHEST + 1)


@dataclass(frozen=True)
class Text:
    """A text whose sentiment is asked for (``sa``).

    :raises InvalidInput: It is no text, or an empty one.

    >>> Text("Arsenal won the 4th again!").on_wire(())
    'Arsenal won the 4th again!'
    """

    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not self.text.strip():
            raise InvalidInput(f"a point of type sa is a text, not {self.text!r:.80}")

    def on_wire(self, fields: Sequence[str]) -> JSON:  # noqa: ARG002 - as the others have it
        """Return what is sent."""
        return self.text


@dataclass(frozen=True)
class Pair:
    """Two records that may be the same thing (``er``).

    :raises InvalidInput: One of them is no list of values.

    >>> Pair(["5", "LA"], ["6", "Berkeley"]).on_wire(["price", "location"])
    [['5', 'LA'], ['6', 'Berkeley']]
    >>> Pair(["5", "LA"], ["6"]).on_wire(["price", "location"])
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: the second record has 1 value, and there are 2 fields: \
price, location
    """

    first: Sequence[Cell]
    second: Sequence[Cell]

    def __post_init__(self) -> None:
        _require_record("the first record", self.first)
        _require_record("the second record", self.second)

    def on_wire(self, fields: Sequence[str]) -> JSON:
        """Return what is sent.

        :raises InvalidInput: A record is not as long as ``fields``.
        """
        return [
            _fitted("the first record", self.first, fields),
            _fitted("the second record", self.second, fields),
        ]


@dataclass(frozen=True)
class Question:
    """A question about one record, to be answered with yes or no (``ft``).

    :param title: The question.
    :raises InvalidInput: The title is no text, or the record no list of values.

    >>> Question("Is this a paper by Michael Franklin?", ["icde", "Michael Franklin"]).on_wire(
    ...     ["Conference", "First Author"]
    ... )
    {'title': 'Is this a paper by Michael Franklin?', 'record': ['icde', 'Michael Franklin']}
    """

    title: str
    record: Sequence[Cell]

    def __post_init__(self) -> None:
        if not isinstance(self.title, str) or not self.title.strip():
            raise InvalidInput(f"the title of a point of type ft is a text, not {self.title!r:.80}")
        _require_record("the record", self.record)

    def on_wire(self, fields: Sequence[str]) -> JSON:
        """Return what is sent.

        :raises InvalidInput: The record is not as long as ``fields``.
        """
        return {"title": self.title, "record": _fitted("the record", self.record, fields)}


Point: TypeAlias = "Text | Pair | Question"

_KINDS: Final[Mapping[str, type[Text | Pair | Question]]] = {
    "sa": Text,
    "er": Pair,
    "ft": Question,
}


def content_on_wire(
    task_type: str, context: Mapping[str, Any], content: Mapping[str, Point | JSON]
) -> dict[str, JSON]:
    """Check the points of a group, and write them as they are sent.

    :param context: What they share; ``fields`` names the values of their records.
    :param content: Identifier to point: one of the classes here, or already what is sent.
    :returns: Identifier to what is sent, in the same order.
    :raises InvalidInput: What they share is not as it has to be, or a point has another shape; the
        message names it.

    >>> content_on_wire("sa", {}, {"t1": Text("A tweet!"), "t2": "Another."})
    {'t1': 'A tweet!', 't2': 'Another.'}
    """
    if task_type not in TASK_TYPES:
        raise InvalidInput(f"{task_type!r} is no type of task; there are {', '.join(TASK_TYPES)}")
    if not isinstance(content, Mapping) or not content:
        raise InvalidInput("content is a dict with at least one point: identifier to point")
    instruction = context.get("instruction", "")
    if not isinstance(instruction, str):
        raise InvalidInput(f"the instruction of a group is HTML, a text, not {a_type(instruction)}")
    fields = () if task_type == "sa" else _fields(task_type, context)
    written = {}
    for identifier, point in content.items():
        if not isinstance(identifier, str) or not identifier:
            raise InvalidInput(f"the id of a point is a text, not {identifier!r:.80}")
        problem = None
        try:
            written[identifier] = _built(task_type, point).on_wire(fields)
        except InvalidInput as error:
            problem = str(error)
        if problem is not None:
            raise InvalidInput(f"point {identifier!r}: {problem}")
    return written


def read_value(task_type: str, value: object) -> Value:
    """Read the value of an answer.

    :raises ValueError: It is none that this type of task has.

    >>> read_value("sa", 4.0), read_value("er", 0.0)
    (4, False)
    """
    if isinstance(value, (int, float)):
        if task_type != "sa" and value in {0, 1}:
            return bool(value)
        if task_type == "sa" and not isinstance(value, bool) and value in _SCALE:
            return int(value)
    wanted = f"from {LOWEST} to {HIGHEST}, whole" if task_type == "sa" else "0.0 or 1.0"
    raise ValueError(f"a value of type {task_type} is {wanted}; this is {value!r:.80}")


def _built(task_type: str, point: Point | JSON) -> Point:
    kind = _KINDS[task_type]
    if isinstance(point, (Text, Pair, Question)):
        if not isinstance(point, kind):
            raise InvalidInput(f"{a_type(point)} in a group of type {task_type}")
        return point
    if task_type == "sa":
        return Text(point)
    if task_type == "er":
        if not isinstance(point, (list, tuple)) or len(point) != 2:  # noqa: PLR2004 - a pair
            raise InvalidInput(f"a point of type er is two records, not {point!r:.80}")
        return Pair(*point)
    if not isinstance(point, Mapping) or point.keys() != {"title", "record"}:
        raise InvalidInput(f"a point of type ft is a title and a record, not {point!r:.80}")
    return Question(point["title"], point["record"])


def _fields(task_type: str, context: Mapping[str, Any]) -> Sequence[str]:
    fields = context.get("fields")
    if (
        not isinstance(fields, (list, tuple))
        or not fields
        or not all(isinstance(name, str) for name in fields)
    ):
        raise InvalidInput(
            f"the context of a group of type {task_type} names the fields of its records:"
            ' {"fields": ["price", "location"]}'
        )
    return fields


def _require_record(what: str, record: object) -> None:
    if not isinstance(record, (list, tuple)) or not all(
        value is None or isinstance(value, (str, int, float)) for value in record
    ):
        raise InvalidInput(f"{what} is a list of texts and numbers, not {record!r:.80}")


def _fitted(what: str, record: Sequence[Cell], fields: Sequence[str]) -> list[Cell]:
    if len(record) != len(fields):
        values = "1 value" if len(record) == 1 else f"{len(record)} values"
        raise InvalidInput(
            f"{what} has {values}, and there are {len(fields)} fields: {', '.join(fields)}"
        )
    return list(record)
