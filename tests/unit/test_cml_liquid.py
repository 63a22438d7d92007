"""Liquid in a form that is not rendered yet: masked text, and branches that exclude each other."""

from __future__ import annotations

import pytest

from crowdflower.cml import CMLError, parse


@pytest.mark.parametrize(
    ("cml", "differs"),
    [
        ("<p>{{ a }}</p><cml:text label='q'/>{% if b %}c{% endif %}", False),
        ("{% comment %}<cml:txt>{{ a }}{% endcomment %}<cml:text label='q'/>", False),
        ("{% raw %}{{ a }}{% endraw %}<cml:text label='q'/>", False),
        ("<!-- {{ a }} --><cml:text label='q'/>", False),
        ("<cml:text label='q {{ a }}'/>", True),
        ("{% if a %}<cml:text label='q'/>{% endif %}", True),
        ("<cml:text label='q' {% if a %}validates='required'{% endif %}/>", True),
        ("<cml:radios label='q'>{% for a in b %}<cml:radio label='c'/>{% endfor %}", True),
        ("<cml:text label='q'><cml:instructions>{{ a }}</cml:instructions></cml:text>", True),
        ("<cml:group only-if='{{ a }}'><cml:text label='q'/></cml:group>", True),
        ("{% for a in b %}<cml:group><p></p></cml:group>{% endfor %}<cml:text label='q'/>", True),
    ],
)
def test_only_liquid_in_or_around_tags_makes_questions_differ(cml: str, differs: bool) -> None:
    form = parse(cml)

    assert form.fields[0].name.startswith("q")
    assert form.has_liquid is differs


def test_quotes_and_brackets_in_liquid_do_not_end_a_value_or_a_tag() -> None:
    form = parse(
        """<cml:text label="a {{ x | default: "y>" }} b" {% if x > 1 %} name='n' {% endif %}/>"""
    )

    assert form.fields[0].label == 'a {{ x | default: "y>" }} b'
    assert form.fields[0].name == "n"


def test_branches_that_exclude_each_other_may_share_a_name() -> None:
    form = parse(
        "{% if a == 1 %}<cml:radios name='q'><cml:radio label='x'/></cml:radios>"
        "{% elsif a == 2 %}<cml:radios name='q'><cml:radio label='y'/></cml:radios>"
        "{% else %}<cml:text name='q' validates='required'/>{% endif %}"
        "{% if a == 3 %}<cml:text name='q'/>{% endif %}"
    )

    (field,) = form.fields
    assert [option.value for option in field.options] == ["x", "y"]
    assert form.has_required


@pytest.mark.parametrize(
    "cml",
    [
        "<cml:text name='q'/>{% if a %}<cml:text name='q'/>{% endif %}",
        "{% if a %}<cml:text name='q'/>{% endif %}<cml:text name='q'/>",
        "{% if a %}<cml:text name='q'/>{% if b %}<cml:text name='q'/>{% endif %}{% endif %}",
        "{% if a %}{% else %}<cml:text name='q'/><cml:text name='q'/>{% endif %}",
    ],
)
def test_questions_that_can_appear_together_cannot_share_a_name(cml: str) -> None:
    with pytest.raises(CMLError, match='The name "q" is already used by <cml:text> at 1:'):
        parse(cml)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("answer_{{chunk_00}}", "answer_chunk_00"),  # a published pipeline, and its report
        ("answer_{{ chunk_00 }}", "answer_chunk_00"),
        ("{{a}}_{{- b -}}", "a_b"),
        ("Size of {{ Item[0] }}?", "size_of_item0"),
        ("q_{{ a | split: ',' | first }}", "q_a__split___first"),
        ("q{% if a %}_x{% endif %}", "q_if_a__x_endif"),
        ("{{ वजन }}", "वजन"),
    ],
)
@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_name_with_liquid_is_one_column_for_all_rows(written: str, name: str, quote: str) -> None:
    if quote in written:
        pytest.skip("the value would end at this quote")

    form = parse(f"<cml:text label='q' name={quote}{written}{quote}/><cml:text name='size'/>")

    assert form.aggregations() == {name: "all", "size": "all"}
    assert form.gold() == {name: f"{name}_gold", "size": "size_gold"}
    assert form.legend() == {name: {"q": {}}, "size": {"size": {}}}
    assert form.warnings == ()


def test_names_that_differ_only_in_their_braces_are_the_same_name() -> None:
    with pytest.raises(CMLError, match='The name "a_b" is already used by <cml:text> at 1:1'):
        parse("<cml:text name='a_{{b}}'/><cml:text name='a_{{ b }}'/>")
    with pytest.raises(CMLError, match="has no name"):
        parse("<cml:text label='' name='{{ }}'/>")
    with pytest.raises(CMLError, match='The name "_id" is reserved'):
        parse("<cml:text name='_{{id}}'/>")


def test_a_name_in_a_loop_depends_on_the_row() -> None:
    form = parse(
        "{% for i in ids %}<cml:text name='size_{{ i }}'/>{% endfor %}<cml:text name='z'/>"
    )

    assert form.legend()["size_{{ i }}"] == {"dynamic": True}
    assert form.aggregations() == {"z": "all"}
    assert form.gold() == {"z": "z_gold"}


def test_conditions_find_a_name_with_liquid_as_written_and_as_rendered() -> None:
    form = parse(
        """<cml:text name="a_{{x}}"/><cml:text name=b_{{y}} />
        <cml:group only-if="a_{{ x }}"><cml:text name="c" only-if="b_{{y}}:[1]++!a_7"/></cml:group>
        """
    )

    assert 'only-if="a_x"' in form.template
    assert 'only-if="b_y:[1]++!a_7"' in form.template
    row = parse(form.template.replace("{{x}}", "7").replace("{{y}}", "z: [1]"), rendered=True)
    assert [field.name for field in row.fields] == ["a_x", "b_y", "c"]
    assert row.check({"a_x": "yes", "b_y": "1", "c": "no"}).answers == {"a_x": "yes", "b_y": "1"}


def test_a_label_with_liquid_names_one_column_for_all_rows() -> None:
    form = parse("<p>\n<cml:text label='Is {{x}} good?'/>")

    assert form.fields[0].name == "is_x_good"
    assert form.template == "<p>\n<cml:text name=\"is_x_good\" label='Is {{x}} good?'/>"


def test_a_fixed_name_in_a_loop_gives_a_warning() -> None:
    form = parse("{% for a in b %}<cml:text name='q'/><cml:text label='{{ a }}'/>{% endfor %}")

    assert len(form.warnings) == 1
    assert '"q" has the same name on each pass of the loop' in form.warnings[0].message
    assert form.fields[1].dynamic


def test_attributes_with_liquid_are_not_checked_before_rendering() -> None:
    form = parse(
        "<cml:text name='a' only-if='{{ x }}' validates='required {{ z }}'/>"
        "<cml:ratings name='b' points='{{ n }}'/><cml:text name='c_{{ i }}'/>"
        "<cml:text name='d' only-if='c_1:[x]'/>"
    )

    assert form.fields[0].required
    assert form.warnings == ()


def test_in_a_rendered_form_braces_are_text_and_a_question_may_be_missing() -> None:
    form = parse("<cml:text label='{{ a }} {% if %}' only-if='gone:[x]'/>", rendered=True)

    assert form.fields[0].label == "{{ a }} {% if %}"
    assert not form.has_liquid
    assert form.check({"a__if": "x"}).answers == {}


@pytest.mark.parametrize(
    ("cml", "problem"),
    [
        ("a\n {{ b", "2:2: {{ is never closed; add }}."),
        ("{% if a", "1:1: {% is never closed; add %}."),
        ("{% if a %}", "1:1: {% if %} is never closed; add {% endif %}."),
        ("{% raw %}", "1:1: {% raw %} is never closed; add {% endraw %}."),
        ("{% comment %}", "1:1: {% comment %} is never closed; add {% endcomment %}."),
        ("{% endif %}", "1:1: {% endif %} has no matching {% if %}; remove it."),
        (
            "{% for a in b %}{% endif %}",
            "{% endif %} has no matching {% if %}; close {% for %} first.",
        ),
        (
            "{% if a %}" * 31 + "{% endif %}" * 31,
            "1:301: Liquid blocks are nested more than 30 deep; ",
        ),
        (
            "{{" + "a" * 10_001 + "}}",
            "1:1: This Liquid is longer than 10,000 characters; split it.",
        ),
    ],
)
def test_malformed_liquid_is_a_problem(cml: str, problem: str) -> None:
    with pytest.raises(CMLError) as caught:
        parse(cml)

    assert problem in str(caught.value)
