"""Points: what the crowd is asked, and the values of its answers.

.. code-block:: text

    sa  sentiment          Text       1 very negative … 5 very positive
    er  entity resolution  Pair       whether two records are the same thing
    ft  filtering          Question   whether the answer to a question is yes

The server hardly checks points, and an invalid one would be shown to people as an empty page. So
points are checked here.

Source: AMPLab, `Supported Task Types <https://amplab.github.io/ampcrowd/available_types.html>`_.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from crowdflower._types import JSON, describe_type
from crowdflower.exceptions import InvalidInput

TaskType = Literal["sa", "er", "ft"]
"""Sentiment analysis, entity resolution, filtering."""

Cell: TypeAlias = "str | int | float | None"
"""One value of a record."""

Value: TypeAlias = "int | bool"
"""An answer: 1 to 5 for ``sa``, a boolean for ``er`` and ``ft``."""

TASK_TYPES: Final[tuple[TaskType, ...]] = get_args(TaskType)

LOWEST, HIGHEST = 1, 5
"""Ends of the sentiment scale."""

_SCALE: Final = range(LOWEST, HIGHEST + 1)


@dataclass(frozen=True)
class Text:
    """A piece of text whose sentiment is asked for (``sa``).

    :raises InvalidInput: The text is not a string, or is blank.

    >>> Text("Arsenal won the 4th again!").on_wire(())
    'Arsenal won the 4th again!'
    """

    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not self.text.strip():
            raise InvalidInput(f"a point of type sa must be a non-blank string: {self.text!r:.80}")

    def on_wire(self, fields: Sequence[str]) -> JSON:  # noqa: ARG002 - one interface for all types
        """Return the point as JSON."""
        return self.text


@dataclass(frozen=True)
class Pair:
    """Two records that may be the same thing (``er``).

    :raises InvalidInput: A record is not a list of values.

    >>> Pair(["5", "LA"], ["6", "Berkeley"]).on_wire(["price", "location"])
    [['5', 'LA'], ['6', 'Berkeley']]
    >>> Pair(["5", "LA"], ["6"]).on_wire(["price", "location"])
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: the second record has 1 value, but there are 2 fields: \
price, location
    """

    first: Sequence[Cell]
    second: Sequence[Cell]

    def __post_init__(self) -> None:
        _require_record("the first record", self.first)
        _require_record("the second record", self.second)

    def on_wire(self, fields: Sequence[str]) -> JSON:
        """Return the point as JSON.

        :raises InvalidInput: A record has more or fewer values than there are fields.
        """
        return [
            _check_length("the first record", self.first, fields),
            _check_length("the second record", self.second, fields),
        ]


@dataclass(frozen=True)
class Question:
    """A question about one record, to be answered with yes or no (``ft``).

    :param title: The question.
    :raises InvalidInput: The title is not a non-blank string, or the record not a list of values.

    >>> Question("Is this a paper by Michael Franklin?", ["icde", "Michael Franklin"]).on_wire(
    ...     ["Conference", "First Author"]
    ... )
    {'title': 'Is this a paper by Michael Franklin?', 'record': ['icde', 'Michael Franklin']}
    """

    title: str
    record: Sequence[Cell]

    def __post_init__(self) -> None:
        if not isinstance(self.title, str) or not self.title.strip():
            raise InvalidInput(
                f"the title of a point of type ft must be a non-blank string: {self.title!r:.80}"
            )
        _require_record("the record", self.record)

    def on_wire(self, fields: Sequence[str]) -> JSON:
        """Return the point as JSON.

        :raises InvalidInput: The record has more or fewer values than there are fields.
        """
        return {"title": self.title, "record": _check_length("the record", self.record, fields)}


Point: TypeAlias = "Text | Pair | Question"

_CLASSES: Final[Mapping[str, type[Text | Pair | Question]]] = {
    "sa": Text,
    "er": Pair,
    "ft": Question,
}


def content_on_wire(
    task_type: str, context: Mapping[str, Any], content: Mapping[str, Point | JSON]
) -> dict[str, JSON]:
    """Check the points of a group, and return them as JSON.

    :param context: What the points share; ``fields`` names the values of their records.
    :param content: Identifier to point: an instance of the classes above, or JSON.
    :returns: Identifier to JSON, in the same order.
    :raises InvalidInput: The context or a point is invalid; the message names the point.

    >>> content_on_wire("sa", {}, {"t1": Text("A tweet!"), "t2": "Another."})
    {'t1': 'A tweet!', 't2': 'Another.'}
    """
    if task_type not in TASK_TYPES:
        raise InvalidInput(f"task_type must be one of {', '.join(TASK_TYPES)}: {task_type!r:.80}")
    if not isinstance(content, Mapping) or not content:
        raise InvalidInput("content must be a dict with at least one point: identifier to point")
    instruction = context.get("instruction", "")
    if not isinstance(instruction, str):
        raise InvalidInput(
            f"the instruction must be a string of HTML, not {describe_type(instruction)}"
        )
    fields = () if task_type == "sa" else _fields(task_type, context)
    points = {}
    for identifier, point in content.items():
        if not isinstance(identifier, str) or not identifier:
            raise InvalidInput(f"the id of a point must be a non-empty string: {identifier!r:.80}")
        problem = None
        try:
            points[identifier] = _build(task_type, point).on_wire(fields)
        except InvalidInput as error:
            problem = str(error)
        if problem is not None:
            raise InvalidInput(f"point {identifier!r}: {problem}")
    return points


def read_value(task_type: str, value: object) -> Value:
    """Parse the value of an answer.

    :raises ValueError: The type of task has no such value.

    >>> read_value("sa", 4.0), read_value("er", 0.0)
    (4, False)
    """
    if isinstance(value, (int, float)):
        if task_type != "sa" and value in {0, 1}:
            return bool(value)
        if task_type == "sa" and not isinstance(value, bool) and value in _SCALE:
            return int(value)
    expected = f"an integer from {LOWEST} to {HIGHEST}" if task_type == "sa" else "0.0 or 1.0"
    raise ValueError(f"a value of type {task_type} must be {expected}, not {value!r:.80}")


def _build(task_type: str, point: Point | JSON) -> Point:
    kind = _CLASSES[task_type]
    if isinstance(point, (Text, Pair, Question)):
        if not isinstance(point, kind):
            raise InvalidInput(f"a group of type {task_type} cannot have {describe_type(point)}")
        return point
    if task_type == "sa":
        return Text(point)
    if task_type == "er":
        if not isinstance(point, (list, tuple)) or len(point) != 2:  # noqa: PLR2004 - a pair
            raise InvalidInput(f"a point of type er must be two records, not {point!r:.80}")
        return Pair(*point)
    if not isinstance(point, Mapping) or point.keys() != {"title", "record"}:
        raise InvalidInput(f"a point of type ft must have a title and a record, not {point!r:.80}")
    return Question(point["title"], point["record"])


def _fields(task_type: str, context: Mapping[str, Any]) -> Sequence[str]:
    fields = context.get("fields")
    if (
        not isinstance(fields, (list, tuple))
        or not fields
        or not all(isinstance(name, str) for name in fields)
    ):
        raise InvalidInput(
            f"the context of a group of type {task_type} must name the fields of its records:"
            ' {"fields": ["price", "location"]}'
        )
    return fields


def _require_record(what: str, record: object) -> None:
    if not isinstance(record, (list, tuple)) or not all(
        value is None or isinstance(value, (str, int, float)) for value in record
    ):
        raise InvalidInput(f"{what} must be a list of strings and numbers, not {record!r:.80}")


def _check_length(what: str, record: Sequence[Cell], fields: Sequence[str]) -> list[Cell]:
    if len(record) != len(fields):
        values = "1 value" if len(record) == 1 else f"{len(record)} values"
        raise InvalidInput(
            f"{what} has {values}, but there are {len(fields)} fields: {', '.join(fields)}"
        )
    return list(record)
