"""Parsing of valid forms: every element, in every way to write it."""

from __future__ import annotations

import pytest

from crowdflower.cml import CMLError, Option, parse

REVIEW = """<p>{{review_text}}</p>
<cml:radios label="What is the sentiment?" name="sentiment" validates="required" gold="true">
  <cml:radio label="Positive" value="positive"/>
  <cml:radio label="Neutral" value="neutral"/>
  <cml:radio label="Negative" value="negative"/>
</cml:radios>
<cml:checkboxes label="Which topics are mentioned?" name="topics" only-if="sentiment:[negative]">
  <cml:checkbox label="Price" value="price"/>
  <cml:checkbox label="Delivery" value="delivery"/>
</cml:checkboxes>
<cml:textarea label="Any comments?" aggregation="all"/>"""


def values(cml: str) -> list[str]:
    return [option.value for option in parse(cml).fields[0].options]


def test_a_form_has_the_aggregations_gold_columns_and_legend_of_a_job() -> None:
    form = parse(REVIEW)

    assert form.aggregations() == {"sentiment": "agg", "topics": "agg", "any_comments": "all"}
    assert form.gold()["sentiment"] == "sentiment_gold"
    assert form.has_required
    assert form.legend() == {
        "sentiment": {
            "What is the sentiment?": {
                "positive": "Positive",
                "neutral": "Neutral",
                "negative": "Negative",
            }
        },
        "topics": {"Which topics are mentioned?": {"price": "Price", "delivery": "Delivery"}},
        "any_comments": {"Any comments?": {}},
    }


def test_a_question_has_its_position_in_the_form() -> None:
    topics = parse(REVIEW).fields[1]

    assert (topics.line, topics.column) == (7, 1)
    assert REVIEW[slice(*topics.span)].startswith("<cml:checkboxes")
    assert REVIEW[slice(*topics.span)].endswith("</cml:checkboxes>")


@pytest.mark.parametrize(
    ("tag", "kind", "multiple", "aggregation"),
    [
        ("<cml:text label='q'/>", "text", False, "all"),
        ("<cml:text label='q' multiple='true'/>", "text", True, "all"),
        ("<cml:textarea label='q'></cml:textarea>", "textarea", False, "all"),
        ("<cml:checkbox label='q'/>", "checkbox", False, "agg"),
        ("<cml:checkboxes label='q'><cml:checkbox label='a'/>", "checkboxes", True, "agg"),
        ("<cml:radios label='q'><cml:radio label='a'/>", "radios", False, "agg"),
        ("<cml:select label='q'><cml:option label='a'/>", "select", False, "agg"),
        ("<cml:select label='q' multiple='true'><cml:option label='a'/>", "select", True, "agg"),
        ("<cml:ratings label='q' points='5'/>", "ratings", False, "avg"),
        ("<cml:hidden name='q' value='7'/>", "hidden", False, "agg"),
        ("<cml:meta name='q'/>", "meta", False, "agg"),
    ],
)
def test_each_element_has_its_kind_and_default_aggregation(
    tag: str, kind: str, multiple: bool, aggregation: str
) -> None:
    (field,) = parse(tag).fields

    found = (field.name, field.kind, field.multiple, field.aggregation)
    assert found == ("q", kind, multiple, aggregation)


def test_open_options_end_where_the_next_question_starts() -> None:
    form = parse(
        "<cml:radios label='Kind'><cml:radio label='A'><p>or</p><cml:radio label='B'>"
        "<cml:select label='Size'><cml:option label='S'><cml:option label='M'>"
    )

    found = {field.name: [option.value for option in field.options] for field in form.fields}
    assert found == {"kind": ["A", "B"], "size": ["S", "M"]}


def test_comments_and_their_content_are_ignored() -> None:
    cml = """<!-- <cml:text label="Old"/> --><cml:radios label="New">
      <!-- <cml:radio label="Never"/> --><cml:radio label="Ever"/></cml:radios>"""

    assert [field.name for field in parse(cml).fields] == ["new"]
    assert values(cml) == ["Ever"]


def test_scripts_and_declarations_contain_no_questions() -> None:
    cml = (
        '<!DOCTYPE x [<!ENTITY a "b">]><?xml version="1.0"?>'
        "<script>'<cml:text label=\"a\"/>'</script><STYLE><cml:text label='b'/></STYLE>"
        "<![CDATA[ x ]]><cml:text label='c'/>"
    )

    assert [field.name for field in parse(cml).fields] == ["c"]


def test_an_option_without_a_value_submits_its_label_unchanged() -> None:
    cml = "<cml:radios label='q'><cml:radio label='It&#39;s  Big!'/><cml:radio value='s'/>"

    assert parse(cml).fields[0].options == (Option("It's  Big!", "It's  Big!"), Option("s", "s"))


def test_a_rating_counts_its_points_or_lists_them() -> None:
    assert values("<cml:ratings label='q' points='3'/>") == ["1", "2", "3"]
    assert values("<cml:ratings label='q' from='0' to='2'/>") == ["0", "1", "2"]
    assert values("<cml:ratings label='q'><cml:rating label='low' value='-1'/>") == ["-1"]
    assert values(
        "<cml:ratings label='q' points='2'><cml:rating label='bad'/><cml:rating label='good'/>"
    ) == ["1", "2"]


def test_an_option_may_be_preselected() -> None:
    cml = (
        "<cml:checkboxes label='q'><cml:checkbox label='a' default='true'/>"
        "<cml:checkbox label='b' checked='true'/><cml:checkbox label='c' checked='false'/>"
    )

    assert [option.checked for option in parse(cml).fields[0].options] == [True, True, False]


def test_a_blank_option_is_a_choice_but_no_answer() -> None:
    # From forms that a program made: "no word in this place" is the first option.
    form = parse(
        "<cml:select name='q' validates='required'><cml:option label=''/><cml:option label='a'/>"
        "</cml:select><cml:text name='none' only-if='q:[0]'/>"
        "<cml:text name='first' only-if='q:[1]'/>"
    )

    select = form.fields[0]
    assert [option.value for option in select.options] == ["", "a"]
    assert [option.value for option in select.answer_options] == ["a"]
    assert form.legend()["q"] == {"q": {"a": "a"}}
    assert form.check({"q": ""}).errors == {"q": "Please answer this question."}
    assert form.check({"q": "a", "none": "x", "first": "y"}).answers == {"q": "a", "first": "y"}
    assert form.warnings == ()


@pytest.mark.parametrize(
    ("options", "values", "warnings"),
    [
        ("<cml:option label='Choose' value=''/><cml:option label='a' value='1'/>", ["", "1"], 0),
        ("<cml:option label='a' value=''/><cml:option label='b' value=''/>", ["a", "b"], 0),
        ("<cml:radio label='a'/><cml:radio label='None' value=''/>", ["a", ""], 1),
        ("<cml:checkbox label='a'/><cml:checkbox label='None' value=''/>", ["a", ""], 1),
    ],
)
def test_an_option_with_a_blank_value_beside_others_is_no_answer(
    options: str, values: list[str], warnings: int
) -> None:
    kind = {"option": "select", "radio": "radios", "checkbox": "checkboxes"}[
        options[5 : options.index(" ")]
    ]

    form = parse(f"<cml:{kind} name='q'>{options}</cml:{kind}>")

    assert [option.value for option in form.fields[0].options] == values
    message = 'The value of "None" is blank, so choosing it is no answer; give it a value.'
    assert [each.message for each in form.warnings] == [message] * warnings


def test_an_option_that_a_row_leaves_blank_is_no_answer() -> None:
    cml = "<cml:radios name='q'><cml:radio label='a'/><cml:radio label=''/></cml:radios>"

    form = parse(cml, rendered=True)

    assert [option.value for option in form.fields[0].answer_options] == ["a"]
    assert form.check({"q": ""}).answers == {}


@pytest.mark.parametrize("rendered", [True, False])
def test_a_question_with_blank_options_only_has_no_options(rendered: bool) -> None:
    with pytest.raises(CMLError, match="<cml:select> has no options"):
        parse("<cml:select name='q'><cml:option label=''/></cml:select>", rendered=rendered)


def test_the_instructions_attribute_overrides_the_child() -> None:
    child = "<cml:instructions>Look <b>well</b>.</cml:instructions>"

    attribute, other = parse(
        f"<cml:text label='a' instructions='Think.'>{child}</cml:text>"
        f"<cml:text label='b'>{child}</cml:text>"
    ).fields

    assert attribute.instructions == "Think."
    assert other.instructions == "Look <b>well</b>."


def test_html_around_the_questions_may_be_malformed() -> None:
    cml = """<p>1 < 2 & 3 > 2 <a href=x title=it's><p><br><li>x<li>y</div></nonsense attr>
      <img alt="a > b" src='<'><cml:text label="Here"/><td <b><cml:text label=There>"""

    assert [field.name for field in parse(cml).fields] == ["here", "there"]


@pytest.mark.parametrize(
    "tag",
    [
        '<cml:text label="Name" validates="required"/>',
        "<CML:Text LABEL='Name' Validates='required' />",
        "<cml:text label=Name validates=required/>",
        "<cml:text\n\tlabel = 'Name'\n\tvalidates\n= 'required'\n/>",
        '<cml:text label="N&#97;me" label="Other" validates="required" disabled>',
    ],
)
def test_a_tag_may_be_written_in_many_ways(tag: str) -> None:
    (field,) = parse(tag).fields

    assert (field.name, field.label, field.required) == ("name", "Name", True)


def test_a_curly_quote_is_part_of_the_value_and_gives_a_warning() -> None:
    form = parse("<cml:text label=“Why”/>")

    assert form.fields[0].label == "“Why”"
    assert form.fields[0].name == "why"
    assert "curly quote" in form.warnings[0].message


def test_a_group_applies_its_condition_to_its_questions() -> None:
    form = parse(
        "<cml:checkbox name='a' label='A'/><cml:text name='b'/>"
        "<cml:group only-if='a'><cml:group only-if='b'>"
        "<cml:text name='c' only-if='!d'/></cml:group><cml:text name='d'/></cml:group>"
    )

    both = {"a": "A", "b": "x", "c": "y"}
    assert form.check(both).answers == {"a": "A", "b": "x", "c": "y", "d": ""}
    assert form.check({**both, "d": "z"}).answers == {"a": "A", "b": "x", "d": "z"}
    assert form.check({"b": "x", "c": "y", "d": "z"}).answers == {"b": "x"}


def test_linked_answers_are_named_by_their_group() -> None:
    form = parse(
        "<cml:group multiple='true' aggregation='true' group_name='People'>"
        "<cml:text name='first'/><cml:text name='last'/></cml:group>"
    )

    assert [(group.name, group.members) for group in form.groups] == [("people", ("first", "last"))]
    assert form.gold() == {}


def test_features_of_the_hosted_service_are_unsupported_not_problems() -> None:
    form = parse(
        "<p>\n<cml:shapes name='box' type=\"['box']\" validates='required'/>\n"
        "<cml:audio_sorting name='s'/><cml:text label='Why?' only-if='box' aggregation='tagg'/>"
    )

    assert [field.name for field in form.fields] == ["why"]
    assert [(each.subject, each.line, each.column) for each in form.unsupported] == [
        ("cml:shapes", 2, 1),
        ("cml:audio_sorting", 3, 1),
        ("aggregation", 3, 67),
    ]
    assert all(each.message.endswith(".") for each in form.unsupported)


@pytest.mark.parametrize(
    ("attributes", "column"),
    [
        ("", "q_gold"),
        ("gold='true'", "q_gold"),
        ("gold='false'", None),
        ("gold='answer'", "answer"),
        ("gold='src:answer'", "answer"),
        ("src='answer' regex='{seed}'", "answer"),
    ],
)
def test_every_question_is_a_test_question_unless_gold_is_false(
    attributes: str, column: str | None
) -> None:
    assert parse(f"<cml:text name='q' {attributes}/>").gold().get("q") == column


def test_a_gold_child_overrides_the_attributes_of_its_question() -> None:
    form = parse("<cml:text name='q' gold='a'><cml:gold src='b' strict='true'/></cml:text>")

    assert form.gold() == {"q": "b"}
    assert form.fields[0].matching.how == "strict"


def test_an_invisible_question_is_not_a_test_question_and_not_in_the_legend() -> None:
    form = parse(
        "<cml:hidden name='a' value='1'/><cml:meta name='b'/><cml:meta name='c' gold='g'/>"
    )

    assert form.gold() == {"c": "g"}
    assert form.legend() == {}
    assert not parse("<cml:hidden name='a' validates='required user_agent'/>").has_required
