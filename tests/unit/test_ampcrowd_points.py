"""Points: three shapes that are sent, and everything else that is not."""

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
def test_a_point_may_be_built_or_given_as_it_is_sent(
    task_type: str, context: dict[str, Any], built: Any, raw: Any
) -> None:
    written = content_on_wire(task_type, context, {"a": built, "b": raw})

    assert written == {"a": raw, "b": raw}


@pytest.mark.parametrize(
    ("task_type", "context", "point", "said"),
    [
        ("sa", {}, "  ", "a point of type sa is a text"),
        ("sa", {}, 7, "a point of type sa is a text"),
        ("sa", {}, Pair(["5"], ["6"]), "a Pair in a group of type sa"),
        ("er", FIELDS, [["5", "LA"]], "a point of type er is two records"),
        ("er", FIELDS, [["5", "LA"], ["6"]], "the second record has 1 value, and there are 2"),
        ("er", FIELDS, [["5"], ["6", "LA"]], "the first record has 1 value, and there are 2"),
        ("er", FIELDS, [["5", []], ["6", "LA"]], "the first record is a list of texts and numbers"),
        ("er", FIELDS, ["ab", "cd"], "the first record is a list of texts and numbers"),
        ("er", {}, [["5"], ["6"]], "names the fields of its records"),
        ("er", {"fields": []}, [[], []], "names the fields of its records"),
        ("ft", FIELDS, {"title": "In LA?"}, "a point of type ft is a title and a record"),
        ("ft", FIELDS, {"title": "", "record": ["5", "LA"]}, "the title of a point of type ft"),
        ("ft", FIELDS, {"title": "?", "record": ["5", "LA", "x"]}, "the record has 3 values"),
        ("xx", {}, "A tweet!", "'xx' is no type of task; there are sa, er, ft"),
    ],
)
def test_a_point_of_another_shape_is_refused_by_name(
    task_type: str, context: dict[str, Any], point: Any, said: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        content_on_wire(task_type, context, {"p1": point})

    assert said in str(caught.value)


@pytest.mark.parametrize("content", [{}, [], None, {"": "A tweet!"}, {7: "A tweet!"}])
def test_content_is_points_that_have_names(content: Any) -> None:
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
def test_a_value_that_the_task_cannot_have_is_none(task_type: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"a value of type {task_type}"):
        read_value(task_type, value)
