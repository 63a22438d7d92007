"""Liquid in a form that nobody has filled in yet: it is text, and some of it excludes other."""

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
def test_only_liquid_in_or_around_the_tags_makes_a_form_differ(cml: str, differs: bool) -> None:
    form = parse(cml)

    assert form.fields[0].name.startswith("q")
    assert form.has_liquid is differs


def test_quotes_and_brackets_of_liquid_do_not_end_a_value_or_a_tag() -> None:
    form = parse(
        """<cml:text label="a {{ x | default: "y>" }} b" {% if x > 1 %} name='n' {% endif %}/>"""
    )

    assert form.fields[0].label == 'a {{ x | default: "y>" }} b'
    assert form.fields[0].name == "n"


def test_a_name_may_be_used_again_where_only_one_of_them_can_be_shown() -> None:
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
def test_a_name_is_taken_where_both_would_be_shown(cml: str) -> None:
    with pytest.raises(CMLError, match='The name "q" is taken by <cml:text> at 1:'):
        parse(cml)


def test_a_name_that_depends_on_the_row_is_no_column() -> None:
    form = parse("<cml:text name='size_{{ id }}'/><cml:text name='size'/>")

    assert form.legend()["size_{{ id }}"] == {"dynamic": True}
    assert form.aggregations() == {"size": "all"}
    assert form.gold() == {"size": "size_gold"}


def test_a_label_with_liquid_names_one_column_for_all_rows() -> None:
    form = parse("<p>\n<cml:text label='Is {{x}} good?'/>")

    assert form.fields[0].name == "is_x_good"
    assert form.template == "<p>\n<cml:text name=\"is_x_good\" label='Is {{x}} good?'/>"


def test_a_fixed_name_in_a_loop_is_warned_of() -> None:
    form = parse("{% for a in b %}<cml:text name='q'/><cml:text label='{{ a }}'/>{% endfor %}")

    assert len(form.warnings) == 1
    assert '"q" is asked in a loop under one name' in form.warnings[0].message
    assert form.fields[1].dynamic


def test_what_waits_for_the_row_is_not_judged_before() -> None:
    form = parse(
        "<cml:text name='a' only-if='{{ x }}' validates='required {{ z }}'/>"
        "<cml:ratings name='b' points='{{ n }}'/><cml:text name='c_{{ i }}'/>"
        "<cml:text name='d' only-if='c_1:[x]'/>"
    )

    assert form.fields[0].required
    assert form.warnings == ()


def test_after_a_run_braces_are_text_and_a_question_may_be_missing() -> None:
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
        ("{% endif %}", "1:1: {% endif %} closes nothing that is open."),
        ("{% for a in b %}{% endif %}", "{% endif %} closes nothing that is open; close {% for %}"),
        ("{% if a %}" * 31 + "{% endif %}" * 31, "1:301: Liquid blocks nest deeper than 30"),
        ("{{" + "a" * 10_001 + "}}", "1:1: Liquid of more than 10,000 characters"),
    ],
)
def test_liquid_that_is_not_whole_is_a_problem(cml: str, problem: str) -> None:
    with pytest.raises(CMLError) as caught:
        parse(cml)

    assert problem in str(caught.value)
