"""Validation of submitted answers, and what is stored of them."""

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


def test_answers_are_stored_in_the_order_of_the_form() -> None:
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


def test_an_answer_to_a_hidden_question_is_dropped() -> None:
    checked = FORM.check({"kind": "dog", "traits": ["made up"]})

    assert checked.errors == {}
    assert "traits" not in checked.answers


def test_an_empty_text_is_stored_and_a_missing_choice_is_not() -> None:
    form = parse(
        "<cml:text name='t'/><cml:textarea name='a'/><cml:ratings name='r' points='2'/>"
        "<cml:checkbox name='c' label='C'/><cml:text name='m' multiple='true'/>"
    )

    assert form.check({}).answers == {"t": "", "a": ""}
    assert form.check({"t": None, "r": "", "c": [], "m": [""]}).answers == {"t": "", "a": ""}


def test_the_default_of_a_text_field_does_not_count_as_an_answer() -> None:
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
        ({"kind": ["cat", "dog"]}, {"kind": "This question takes one answer, not 2."}),
        ({"kind": 7}, {"kind": "An answer must be a string or a list of strings, not 7."}),
        ({"kind": [7]}, {"kind": "An answer must be a string, not 7."}),
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
            {"note": "An answer cannot contain the character NUL or a lone surrogate."},
        ),
        (
            {"kind": "dog", "note": "\ud800"},
            {"note": "An answer cannot contain the character NUL or a lone surrogate."},
        ),
        (
            {"kind": "dog", "note": "x" * 100_001},
            {"note": "An answer can have at most 100,000 characters; this one has 100,001."},
        ),
        (
            {"kind": "dog", "names": ["x"] * 1_001},
            {"names": "This question takes at most 1,000 answers, not 1,001."},
        ),
        (
            {"kind": "dog", "nmaes": "x"},
            {"nmaes": 'This form has no question with this name; did you mean "names"?'},
        ),
        ({"kind": "dog", "zzzzz": "x"}, {"zzzzz": "This form has no question with this name."}),
    ],
)
def test_an_invalid_answer_has_an_error_and_nothing_is_stored(
    answers: dict[str, object], errors: dict[str, str]
) -> None:
    checked = FORM.check(answers)

    assert checked.errors == errors
    assert checked.answers == {}


def test_one_answer_may_be_submitted_as_a_list() -> None:
    assert FORM.check({"kind": ["dog"]}).answers["kind"] == "dog"
    assert FORM.check({"kind": "cat", "traits": "old"}).answers["traits"] == ["old"]


def test_a_required_checkbox_must_be_checked() -> None:
    form = parse("<cml:checkbox name='c' label='I agree' default='no' validates='required'/>")

    assert form.check({"c": "I agree"}).answers == {"c": "I agree"}
    assert form.check({"c": "no"}).errors == {"c": "Please answer this question."}


def test_the_submitted_value_of_a_hidden_field_is_stored_unchanged() -> None:
    form = parse("<cml:hidden name='agent' validates='user_agent'/>")

    assert form.check({"agent": " Mozilla "}).answers == {"agent": " Mozilla "}
    assert form.check({}).answers == {}


def test_a_repeated_group_takes_one_list_item_per_entry() -> None:
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
        "last": "Answer this for each of the 2 entries, not only for 1."
    }
    assert form.groups[0].entries({"first": ["", "Ada"], "last": ["", ""]}) == [
        {"first": "Ada", "last": ""}
    ]
    assert form.check({"last": ["Lovelace", ""]}).errors == {"last": "Please answer this question."}


def test_a_condition_may_refer_to_a_later_question() -> None:
    form = parse("<cml:text name='a' only-if='b:[x]'/><cml:text name='b'/>")

    assert form.check({"a": "1", "b": "x"}).answers == {"a": "1", "b": "x"}
    assert list(form.check({"b": "x", "a": "1"}).answers) == ["a", "b"]
    assert form.check({"a": "1", "b": "y"}).answers == {"b": "y"}
