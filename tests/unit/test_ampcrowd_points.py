"""Points: valid ones are sent as JSON, all others are refused."""

from __future__ import annotations

from typing import Any

import pytest

from crowdflower.ampcrowd import Pair, Question, Text
from crowdflower.ampcrowd.points import content_on_wire, read_value
from crowdflower.exceptions import InvalidInput

FIELDS = {"fields": ["price", "location"]}


@pytest.mark.parametrize(
    ("task_type", "context", "built", "raw"),
    [
        ("sa", {}, Text("A tweet!"), "A tweet!"),
        ("er", FIELDS, Pair(["5", "LA"], (6, None)), [["5", "LA"], [6, None]]),
        (
            "ft",
            FIELDS,
            Question("In LA?", ("5", "LA")),
            {"title": "In LA?", "record": ["5", "LA"]},
        ),
    ],
)
def test_a_point_may_be_an_object_or_json(
    task_type: str, context: dict[str, Any], built: Any, raw: Any
) -> None:
    written = content_on_wire(task_type, context, {"a": built, "b": raw})

    assert written == {"a": raw, "b": raw}


@pytest.mark.parametrize(
    ("task_type", "context", "point", "said"),
    [
        ("sa", {}, "  ", "a point of type sa must be a non-blank string"),
        ("sa", {}, 7, "a point of type sa must be a non-blank string"),
        ("sa", {}, Pair(["5"], ["6"]), "a group of type sa cannot have a Pair"),
        ("er", FIELDS, [["5", "LA"]], "a point of type er must be two records"),
        ("er", FIELDS, [["5", "LA"], ["6"]], "the second record has 1 value, but there are 2"),
        ("er", FIELDS, [["5"], ["6", "LA"]], "the first record has 1 value, but there are 2"),
        ("er", FIELDS, [["5", []], ["6", "LA"]], "the first record must be a list of strings"),
        ("er", FIELDS, ["ab", "cd"], "the first record must be a list of strings"),
        ("er", {}, [["5"], ["6"]], "must name the fields of its records"),
        ("er", {"fields": []}, [[], []], "must name the fields of its records"),
        ("ft", FIELDS, {"title": "In LA?"}, "a point of type ft must have a title and a record"),
        ("ft", FIELDS, {"title": "", "record": ["5", "LA"]}, "the title of a point of type ft"),
        ("ft", FIELDS, {"title": "?", "record": ["5", "LA", "x"]}, "the record has 3 values"),
        ("xx", {}, "A tweet!", "task_type must be one of sa, er, ft: 'xx'"),
    ],
)
def test_an_invalid_point_is_refused_with_its_identifier(
    task_type: str, context: dict[str, Any], point: Any, said: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        content_on_wire(task_type, context, {"p1": point})

    assert said in str(caught.value)


@pytest.mark.parametrize("content", [{}, [], None, {"": "A tweet!"}, {7: "A tweet!"}])
def test_content_must_have_points_with_identifiers(content: Any) -> None:
    with pytest.raises(InvalidInput):
        content_on_wire("sa", {}, content)


@pytest.mark.parametrize(
    ("task_type", "value", "read"),
    [("sa", 1.0, 1), ("sa", 5, 5), ("er", 1.0, True), ("ft", 0.0, False), ("ft", True, True)],
)
def test_a_value_has_the_type_of_its_task(task_type: str, value: float, read: Any) -> None:
    found = read_value(task_type, value)

    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize(
    ("task_type", "value"),
    [
        *[("sa", value) for value in (0, 6.0, 2.5, True, "3", None, float("inf"), float("nan"))],
        *[("er", value) for value in (2.0, 0.5, -1, "1", None, float("inf"))],
    ],
)
def test_a_value_of_another_type_is_refused(task_type: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"a value of type {task_type}"):
        read_value(task_type, value)
