"""What counts as an answer, and what is kept of a page of them."""

from __future__ import annotations

import pytest

from crowdflower.cml import parse

FORM = parse(
    """
    <cml:radios name="kind" validates="required">
      <cml:radio label="Cat" value="cat"/><cml:radio label="Dog" value="dog"/>
    </cml:radios>
    <cml:checkboxes name="traits" only-if="kind:[cat]" validates="required">
      <cml:checkbox label="Old" value="old"/><cml:checkbox label="Fat" value="fat"/>
    </cml:checkboxes>
    <cml:checkbox name="sure" label="Sure" value="yes" default="no"/>
    <cml:text name="note" default="e.g. asleep" validates="maxLength:9"/>
    <cml:text name="names" multiple="true"/>
    <cml:hidden name="version" value="3"/>
    """
)


def test_answers_are_kept_in_the_order_and_shape_of_the_form() -> None:
    checked = FORM.check(
        {"note": " hm ", "names": ["Tom", " ", "Tom", "Kit"], "traits": ["fat"], "kind": "cat"}
    )

    assert checked.errors == {}
    assert list(checked.answers.items()) == [
        ("kind", "cat"),
        ("traits", ["fat"]),
        ("sure", "no"),
        ("note", " hm "),
        ("names", ["Tom", "Kit"]),
        ("version", "3"),
    ]


def test_what_was_not_shown_is_dropped_even_if_it_was_sent() -> None:
    checked = FORM.check({"kind": "dog", "traits": ["made up"]})

    assert checked.errors == {}
    assert "traits" not in checked.answers


def test_a_text_left_empty_is_kept_and_a_choice_nobody_made_is_not() -> None:
    form = parse(
        "<cml:text name='t'/><cml:textarea name='a'/><cml:ratings name='r' points='2'/>"
        "<cml:checkbox name='c' label='C'/><cml:text name='m' multiple='true'/>"
    )

    assert form.check({}).answers == {"t": "", "a": ""}
    assert form.check({"t": None, "r": "", "c": [], "m": [""]}).answers == {"t": "", "a": ""}


def test_the_example_in_a_text_is_not_an_answer() -> None:
    required = parse("<cml:text name='t' default='Type here' validates='required'/>")

    assert FORM.check({"kind": "dog", "note": "e.g. asleep"}).answers["note"] == ""
    assert required.check({"t": "Type here"}).errors == {"t": "Please answer this question."}


@pytest.mark.parametrize(
    ("answers", "errors"),
    [
        ({}, {"kind": "Please answer this question."}),
        ({"kind": " "}, {"kind": "Please answer this question."}),
        ({"kind": "cow"}, {"kind": '"cow" is not among the options; choose from: cat, dog.'}),
        ({"kind": "Cat"}, {"kind": '"Cat" is not among the options; choose from: cat, dog.'}),
        ({"kind": ["cat", "dog"]}, {"kind": "This question takes one answer; there are 2."}),
        ({"kind": 7}, {"kind": "An answer is text, or a list of texts; this is 7."}),
        ({"kind": [7]}, {"kind": "An answer is text; this is 7."}),
        ({"kind": "cat"}, {"traits": "Please answer this question."}),
        (
            {"kind": "cat", "traits": ["old", "x"]},
            {"traits": '"x" is not among the options; choose from: old, fat.'},
        ),
        (
            {"kind": "dog", "note": "much too long"},
            {"note": "Enter at most 9 characters; this has 13."},
        ),
        (
            {"kind": "dog", "note": "\0"},
            {"note": "An answer cannot hold NUL or half of a surrogate pair."},
        ),
        (
            {"kind": "dog", "note": "\ud800"},
            {"note": "An answer cannot hold NUL or half of a surrogate pair."},
        ),
        (
            {"kind": "dog", "note": "x" * 100_001},
            {"note": "An answer has 100,000 characters at most."},
        ),
        (
            {"kind": "dog", "names": ["x"] * 1_001},
            {"names": "This question takes 1,000 answers at most; there are 1001."},
        ),
        (
            {"kind": "dog", "nmaes": "x"},
            {"nmaes": 'This form has no question of this name; did you mean "names"?'},
        ),
        ({"kind": "dog", "zzzzz": "x"}, {"zzzzz": "This form has no question of this name."}),
    ],
)
def test_what_is_no_answer_says_why_and_nothing_is_kept(
    answers: dict[str, object], errors: dict[str, str]
) -> None:
    checked = FORM.check(answers)

    assert checked.errors == errors
    assert checked.answers == {}


def test_a_list_of_one_is_one_answer() -> None:
    assert FORM.check({"kind": ["dog"]}).answers["kind"] == "dog"
    assert FORM.check({"kind": "cat", "traits": "old"}).answers["traits"] == ["old"]


def test_a_box_that_must_be_checked_is_not_satisfied_by_its_value_when_unchecked() -> None:
    form = parse("<cml:checkbox name='c' label='I agree' default='no' validates='required'/>")

    assert form.check({"c": "I agree"}).answers == {"c": "I agree"}
    assert form.check({"c": "no"}).errors == {"c": "Please answer this question."}


def test_a_value_that_a_page_put_into_a_hidden_field_is_kept_as_it_is() -> None:
    form = parse("<cml:hidden name='agent' validates='user_agent'/>")

    assert form.check({"agent": " Mozilla "}).answers == {"agent": " Mozilla "}
    assert form.check({}).answers == {}


def test_a_repeated_group_takes_a_list_with_one_place_for_each_time() -> None:
    form = parse(
        "<cml:group multiple='true' aggregation='true' group_name='people'>"
        "<cml:text name='first'/><cml:text name='last' validates='required'/>"
        "<cml:select name='sex'><cml:option label='f'/><cml:option label='m'/></cml:select>"
        "</cml:group>"
    )

    checked = form.check({"first": ["Ada", ""], "last": ["Lovelace", "Curie"], "sex": ["f", "f"]})

    assert checked.answers == {
        "first": ["Ada", ""],
        "last": ["Lovelace", "Curie"],
        "sex": ["f", "f"],
    }
    assert form.groups[0].entries(checked.answers) == [
        {"first": "Ada", "last": "Lovelace", "sex": "f"},
        {"first": "", "last": "Curie", "sex": "f"},
    ]
    assert form.check({"first": ["Ada", "Marie"], "last": ["Lovelace"]}).errors == {
        "last": "Answer this for each of the 2 entries; there are 1."
    }
    assert form.groups[0].entries({"first": ["", "Ada"], "last": ["", ""]}) == [
        {"first": "Ada", "last": ""}
    ]
    assert form.check({"last": ["Lovelace", ""]}).errors == {"last": "Please answer this question."}


def test_a_condition_may_look_at_a_question_further_down() -> None:
    form = parse("<cml:text name='a' only-if='b:[x]'/><cml:text name='b'/>")

    assert form.check({"a": "1", "b": "x"}).answers == {"a": "1", "b": "x"}
    assert list(form.check({"b": "x", "a": "1"}).answers) == ["a", "b"]
    assert form.check({"a": "1", "b": "y"}).answers == {"b": "y"}
