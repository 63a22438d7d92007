"""Conditions of only-if, for each kind of question."""

from __future__ import annotations

import pytest

from crowdflower.cml import parse

QUESTIONS = """
<cml:radios name="url_found"><cml:radio label="Yes"/><cml:radio label="No"/></cml:radios>
<cml:select name="count"><cml:option label="2"/><cml:option label="3"/></cml:select>
<cml:checkboxes name="topics"><cml:checkbox label="Price" value="p"/><cml:checkbox label="Size"/>
</cml:checkboxes>
<cml:checkbox name="none" label="None of them" default="some"/>
<cml:text name="likes"/>
"""


@pytest.mark.parametrize(
    ("only_if", "answers", "shown"),
    [
        ("url_found", {"url_found": "No"}, True),
        ("url_found", {}, False),
        ("url_found:required", {"url_found": "No"}, True),
        ("url_found:[Yes]", {"url_found": "Yes"}, True),
        ("url_found:[Yes]", {"url_found": "No"}, False),
        ("url_found:[yes]", {"url_found": "Yes"}, True),
        ("url_found:[ Yes ]", {"url_found": "Yes"}, True),
        ("url_found:[0]", {"url_found": "Yes"}, True),
        ("url_found:[1]", {"url_found": "Yes"}, False),
        ("count:[0]", {"count": "2"}, True),
        ("count:[2]", {"count": "2"}, True),
        ("count:[1]", {"count": "2"}, False),
        ("topics:[p]", {"topics": ["Size", "p"]}, True),
        ("topics:[Price]", {"topics": ["p"]}, True),
        ("topics:unchecked", {}, True),
        ("topics:unchecked", {"topics": ["p"]}, False),
        ("none", {"none": "None of them"}, True),
        ("none", {"none": "some"}, False),
        ("none:checked", {"none": "None of them"}, True),
        ("none:unchecked", {}, True),
        ("!none:unchecked", {"none": "None of them"}, True),
        ("none:[0]", {"none": "None of them"}, True),
        ("none:[some]", {}, False),
        ("none:[some]", {"none": "some"}, True),
        ("likes", {"likes": "0"}, True),
        ("likes", {"likes": " "}, False),
        ("likes:[12]", {"likes": "12"}, True),
        ("likes:[12]", {"likes": "1"}, False),
        ("!likes", {}, True),
        ("!!likes", {}, False),
        ("likes++none", {"likes": "1", "none": "None of them"}, True),
        ("likes++none", {"likes": "1"}, False),
        ("likes||none", {"likes": "1"}, True),
        ("count:[0]||count:[1]", {"count": "3"}, True),
        ("none||likes++url_found", {"none": "None of them"}, True),
        ("(none||likes)++url_found", {"none": "None of them"}, False),
        ("!(none || likes) ++ ! url_found", {}, True),
    ],
)
def test_a_condition_shows_a_question(
    only_if: str, answers: dict[str, object], shown: bool
) -> None:
    form = parse(f'{QUESTIONS}<cml:text name="then" only-if="{only_if}"/>')

    checked = form.check({**answers, "then": "x"})

    assert checked.errors == {}
    assert ("then" in checked.answers) is shown


def test_a_question_that_depends_on_a_hidden_one_is_hidden_too() -> None:
    form = parse(
        "<cml:text name='a'/><cml:text name='b' only-if='a'/><cml:text name='c' only-if='b'/>"
        "<cml:text name='d' only-if='!b'/>"
    )

    assert form.check({"b": "x", "c": "x", "d": "x"}).answers == {"a": "", "d": "x"}
    assert form.check({"a": "x", "b": "x", "c": "x"}).answers == {"a": "x", "b": "x", "c": "x"}


def test_a_chain_of_a_thousand_conditions_is_evaluated() -> None:
    form = parse(
        "<cml:text name='q0'/>"
        + "".join(f"<cml:text name='q{n}' only-if='q{n - 1}'/>" for n in range(1, 1_001))
    )

    everything = {f"q{n}": "x" for n in range(1_001)}

    assert len(form.check(everything).answers) == 1_001
    assert list(form.check({**everything, "q3": ""}).answers) == ["q0", "q1", "q2", "q3"]


def test_a_condition_may_use_the_name_as_written() -> None:
    form = parse("<cml:text name='Web-Site'/><cml:text name='b' only-if='Web-Site'/>")

    assert form.check({"website": "x", "b": "y"}).answers == {"website": "x", "b": "y"}
