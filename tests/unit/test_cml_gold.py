"""Test questions: name the fields are accepted."""

from __future__ import annotations

import pytest

from crowdflower.cml import CMLError, parse

BOXES = (
    "<cml:checkboxes name='q' {}><cml:checkbox label='a'/><cml:checkbox label='b'/>"
    "<cml:checkbox label='c'/></cml:checkboxes>"
)


@pytest.mark.parametrize(
    ("matching", "given", "right"),
    [
        ("", ["a"], True),
        ("", ["a", "c"], True),
        ("", ["c"], False),
        ("exact='true'", ["b", "a"], True),
        ("exact='true'", ["a"], False),
        ("exact='true'", ["a", "b", "c"], False),
        ("strict='true'", ["a"], True),
        ("strict='true'", ["a", "b"], True),
        ("strict='true'", ["a", "c"], False),
        ("strict='true'", [], False),
        ("gold='exact'", ["a"], False),
        ("matcher='strict'", ["a", "c"], False),
        ("exact='false'", ["a"], True),
    ],
)
def test_several_answers_are_compared_by_the_matching_of_the_form(
    matching: str, given: list[str], right: bool
) -> None:
    form = parse(BOXES.format(matching))

    missed = form.missed({"q": given} if given else {}, {"q": ["a", "b"]})

    assert missed == (() if right else ("q",))


@pytest.mark.parametrize(
    ("attributes", "answer", "accepted", "right"),
    [
        ("", "  the   END ", "The end", True),
        ("", "the ends", "the end", False),
        ("regex='{seed}'", "at the end of it", "end", True),
        ("regex='^{seed}$'", "at the end", "end", False),
        ("regex='{seed}'", "END", "end", False),
        ("regex='{seed}' flags='i'", "END", "end", True),
        ("regex='a.+{seed}' flags='m'", "a\nb", "b", True),
        ("regex='^{seed}$'", "axb", "a.b", False),
        ("regex='^{seed}$' no_escape='true'", "axb", "a.b", True),
        ("regex='^{seed}$' no_escape='true'", "a(b", "a(b", True),
        ("regex='^[0-9]+$'", "42", "anything", True),
        ("regex='^{seed}$'", "! " * 2_000, "! " * 2_000, True),
        ("regex='^{seed}$'", "! ", "! " * 2_000, False),
    ],
)
def test_a_text_is_compared_without_case_and_extra_spaces_or_by_a_pattern(
    attributes: str, answer: str, accepted: str, right: bool
) -> None:
    form = parse(f"<cml:text name='q' {attributes}/>")

    assert form.missed({"q": answer}, {"q": [accepted]}) == (() if right else ("q",))


def test_a_hidden_question_is_not_compared_and_a_blank_one_is_wrong() -> None:
    form = parse(
        "<cml:radios name='a'><cml:radio label='x'/><cml:radio label='y'/></cml:radios>"
        "<cml:text name='b' only-if='a:[x]'/><cml:text name='c'/>"
    )
    accepted = {"a": ["x"], "b": ["z"], "c": ["z"]}

    assert form.missed({"a": "x", "b": "", "c": "z"}, accepted) == ("b",)
    assert form.missed({"a": "y", "c": "z"}, accepted) == ("a",)
    assert form.missed({"c": "z"}, accepted) == ("a",)


def test_a_question_that_is_not_a_test_question_is_not_compared() -> None:
    form = parse("<cml:text name='a' gold='false'/><cml:text name='b'/><cml:text name='c'/>")

    assert form.missed({"b": "no"}, {"a": ["x"], "b": [], "c": [" "], "gone": ["x"]}) == ()


def test_an_exact_question_without_accepted_answers_must_be_left_blank() -> None:
    form = parse(BOXES.format("exact='true'"))

    assert form.missed({}, {"q": []}) == ()
    assert form.missed({"q": ["a"]}, {"q": []}) == ("q",)
    assert form.missed({"q": ["a"]}, {}) == ()


def test_accepted_answers_may_be_lines_of_text() -> None:
    form = parse("<cml:text name='q'/>")

    assert form.missed({"q": "b"}, {"q": "a\nb"}) == ()


def test_an_invalid_pattern_is_reported_at_parse_time() -> None:
    with pytest.raises(CMLError, match="1:20: The pattern"):
        parse("<cml:text name='q' regex='[a'/>")
