"""Forms rendered for rows, and the errors of forms that cannot be used."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdflower.cml import Form
from crowdflower.sandbox import forms
from crowdflower.sandbox.errors import Declined, Invalid, Unsupported
from crowdflower.sandbox.forms import templates

BY_ROW = """
{% assign shades = colours | split: ', ' %}
<cml:radios label="Which colour has {{item}}?" validates="required">
  {% for shade in shades %}<cml:radio label="{{ shade }}" value="c{{ forloop.index0 }}">{% endfor %}
</cml:radios>
{% if kind == "shoe" %}<cml:text name="size" validates="integer"/>
{% elsif kind contains "hat" %}<cml:select name="size"><cml:option label="S"/></cml:select>
{% else %}<cml:checkbox name="other" label="Other {{ kinds[0] }}"/>{% endif %}
"""


def test_each_row_gets_its_own_form() -> None:
    shoe = forms.form_for(BY_ROW, {"item": "this", "colours": "red, blue", "kind": "shoe"})
    hat = forms.form_for(BY_ROW, {"item": "that", "colours": "grey", "kind": "big hat"})

    assert [field.kind for field in shoe.fields] == ["radios", "text"]
    assert [option.label for option in shoe.fields[0].options] == ["red", "blue"]
    assert shoe.check({"which_colour_has_item": "c1", "size": "42"}).errors == {}
    assert [field.kind for field in hat.fields] == ["radios", "select"]


def test_a_label_with_liquid_gives_the_same_name_in_each_row() -> None:
    names = [
        forms.form_for(BY_ROW, {"item": item, "colours": "red"}).fields[0].name
        for item in ("this", "that")
    ]

    assert names == ["which_colour_has_item"] * 2


@pytest.mark.parametrize(
    "name", ["पाठ", "ข้อความ", "النَّص", "tie\u0302\u0301ng", "می\u200cخواهم", "😀", "👩‍💻", "a_😀-b"]
)
@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ @ }}", "a#b"),
        ("{{@ | upcase}}", "A#B"),
        ("{{ row.@ }} {{ row['@'] }}", "c c"),
        ("{% if @ contains 'é#' or @ == 'a#b' %}yes{% endif %}", "yes"),
        ("{% assign parts = @ | split: '#' %}{% for @ in parts %}{{ @ }},{% endfor %}", "a,b,"),
        ("{% assign @ = 'पाठ' %}{{ @ }}", "पाठ"),
        ("{% capture @ %}{{ @ }}!{% endcapture %}{{ @ }}", "a#b!"),
    ],
)
def test_liquid_takes_names_of_every_script(name: str, template: str, text: str) -> None:
    source = template.replace("@", name)

    assert templates.Template(source).render({name: "a#b", "row": {name: "c"}}) == text


def test_a_list_in_a_row_stays_a_list() -> None:
    row = {"colours": "red", "kinds": ["gloves", "scarf"]}

    assert forms.form_for(BY_ROW, row).fields[1].options[0].label == "Other gloves"


def test_the_name_of_a_question_may_depend_on_the_row() -> None:
    cml = "{% for id in ids %}<cml:text name='score_{{ id }}'/>{% endfor %}"

    form = forms.form_for(cml, {"ids": ["a", "b"]})

    assert form.aggregations() == {"score_a": "all", "score_b": "all"}


def test_a_question_that_a_row_does_not_have_counts_as_unanswered() -> None:
    cml = "{% if a %}<cml:text name='q'/>{% endif %}<cml:text name='why' only-if='q'/>"

    assert forms.form_for(cml, {}).check({"why": "x"}).answers == {}
    assert forms.form_for(cml, {"a": "1"}).check({"q": "x", "why": "y"}).answers == {
        "q": "x",
        "why": "y",
    }


def test_rows_share_a_form_that_does_not_depend_on_them() -> None:
    cml = "<p>{{ text }}</p><cml:text label='Why?'/>"

    form = forms.form_for(cml, {"text": "one"})

    assert forms.form_for(cml, {"text": "{% two"}) is form
    assert forms.check_form(cml) is form


def test_rows_with_the_same_rendered_text_share_a_form() -> None:
    cml = "<cml:text label='q'{% if a %} validates='required'{% endif %}/>"

    assert forms.form_for(cml, {"a": "1"}) is forms.form_for(cml, {"a": "2"})


@settings(max_examples=100, deadline=None)
@given(
    st.text() | st.sampled_from(["x\" onerror='y", "'/><cml:text name='evil'/>", "{{ b }}", "-->"])
)
def test_values_of_a_row_are_escaped(value: str) -> None:
    cml = """<!-- {{ a }} --><cml:text name="q" label="{{ a }}" title='{{ a }}'/><p>{{ a }}</p>"""

    form = forms.form_for(cml, {"a": value, "b": "never"})

    (field,) = form.fields
    assert field.attributes.keys() == {"name", "label", "title"}
    assert field.attributes["title"] == value


@pytest.mark.parametrize(
    ("cml", "error"),
    [
        (
            "<p>\n<cml:txt/>",
            "line 2, column 1: There is no tag <cml:txt>; did you mean <cml:text>?",
        ),
        ("{% if a %}", "line 1, column 1: {% if %} is never closed; add {% endif %}."),
        ("{% unles a %}", 'line 1, column 1: Liquid has no tag "unles"; did you mean "unless"?'),
        (
            "{% include 'a' %}",
            "line 1, column 1: {% include %} is not supported; insert the included text instead.",
        ),
        (
            "{{ " + "a[" * 101 + " }}",
            "line 1, column 1: An expression may have at most 100 brackets; split it.",
        ),
        (
            "<cml:text label='{{ a }}'/>{% if " + "a and " * 1_500 + "a %}{% endif %}",
            "line 1, column 1: Invalid Liquid: an expression is nested too deeply.",
        ),
        (
            "{% if " + "a and " * 1_500 + "a %}{% endif %}",
            "line 1, column 1: Invalid Liquid: an expression is nested too deeply.",
        ),
        (
            "a\n{{ 'now' | date: '%Y' }}",
            (
                'line 2, column 1: Liquid was stopped: the date "now" is not supported: '
                "a form must not depend on the time."
            ),
        ),
    ],
)
def test_an_invalid_form_is_declined_with_line_and_column(cml: str, error: str) -> None:
    with pytest.raises(Declined) as caught:
        forms.check_form(cml)

    assert caught.value.status == 200
    assert caught.value.body == {"errors": [error]}


def test_every_problem_of_a_form_is_reported() -> None:
    with pytest.raises(Declined) as caught:
        forms.check_form("<cml:a/>\n<cml:b/>")

    assert len(caught.value.body["errors"]) == 2


def test_a_form_with_a_feature_of_the_hosted_service_is_refused_with_501() -> None:
    with pytest.raises(Unsupported) as caught:
        forms.check_form("<cml:text name='a'/>\n<cml:shapes name='b'/><cml:taxonomy name='c'/>")

    error = caught.value.body["error"]
    assert (caught.value.status, error["feature"]) == (501, "cml:shapes")
    assert error["message"].startswith("line 2, column 1: <cml:shapes> is not available here: ")
    assert error["message"].endswith("Unsupported places after this one: 1.")
    assert error["see"] == "docs/sandbox-limits#cml-tools"


def test_an_expression_that_liquid_skips_gives_a_warning_and_counts_as_false() -> None:
    cml = "<cml:text name='a'/>{% if kind = 'x' %}<cml:text name='b'/>{% endif %}"

    form = forms.check_form(cml)

    assert [(each.line, each.column) for each in form.warnings] == [(1, 32)]
    assert [field.name for field in forms.form_for(cml, {"kind": "x"}).fields] == ["a"]


@pytest.mark.parametrize(
    ("cml", "row", "message"),
    [
        (
            "<cml:radios name='a'>{% for b in c %}<cml:radio label='{{ b }}'/>{% endfor %}",
            {},
            "has no options",
        ),
        (
            "{% for a in b %}<cml:text name='q'/>{% endfor %}",
            {"b": ["1", "2"]},
            'The name "q" is already used',
        ),
        ("{% for a in b %}<cml:text label='{{ a }}'/>{% endfor %}", {"b": "?"}, "has no name"),
        (
            "<cml:text name='a' default='{{ b | date: '%Y' }}'/>",
            {"b": "9" * 200},
            "a date and its format may have at most 100",
        ),
        (
            "<cml:text name='a' default='{{ b | replace: \"x\", b }}'/>",
            {"b": "x" * 50_000},
            "its filters process too much text",
        ),
        (
            "<cml:text name='a' default='{{ b }}'/>",
            {"b": "x" * 1_000_001},
            "its output is too long",
        ),
        (
            "<cml:text name='a' default='{{ b | plus: 1 }}'/>",
            {"b": 10**2_000},
            "number is too large",
        ),
    ],
)
def test_a_row_that_does_not_fit_the_form_is_refused_with_a_reason(
    cml: str, row: dict[str, Any], message: str
) -> None:
    forms.check_form(cml)

    with pytest.raises(Invalid) as caught:
        forms.form_for(cml, row)

    assert caught.value.status == 422
    assert message in caught.value.message


@pytest.mark.parametrize(
    "liquid",
    [
        "{% for i in (1..100000) %}{% for j in (1..100000) %}x{% endfor %}{% endfor %}",
        "{% for i in (1..9000) %}{% endfor %}" * 3,
        "{% for i in (1..100) %}" + "{{ 1 }}" * 30_000 + "{% endfor %}",
        "{% for i in (1..100) %}" + "{{ a }}" * 30_000 + "{% endfor %}",
        "{% assign a = 'xxxxxxxxxx' %}" + "{% assign a = a | append: a %}" * 60,
        "{% assign a = 'x' %}"
        + "{% assign a = a | append: a %}" * 17
        + "{% assign b = a | replace: 'x', a %}",
        "{% assign a = 'x,' %}"
        + "{% assign a = a | append: a %}" * 12
        + "{{ a | split: ',' | join: a }}",
        "{% assign a = 'x,' %}"
        + "{% assign a = a | append: a %}" * 15
        + "{{ a | split: ',' | uniq }}",
        "{% assign a = 'xx' %}"
        + "{% capture b %}{{ a }}{{ a }}{% endcapture %}{% assign a = b %}" * 30,
        "{% assign a = 99999 %}{% for i in (1..40) %}{% assign a = a | times: a %}{% endfor %}",
        "{{ (1..1000000000) | join: ',' }}",
        "{% tablerow a in (1..1000000000) %}{% endtablerow %}",
    ],
)
def test_liquid_that_exceeds_a_limit_is_refused_when_it_is_saved(liquid: str) -> None:
    start = time.process_time()

    with pytest.raises(Declined, match="Liquid was stopped"):
        forms.check_form(f"<cml:text name='q'/>{liquid}")

    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    ("template", "row", "text"),
    [
        ("{{ a }}|{{ a[1] }}|{{ b }}", {"a": ["x", "<"]}, "x&lt;|&lt;|"),
        ("{{ a.__class__ }}{{ a.upper }}{{ a | safe }}", {"a": "<"}, "&lt;"),
        ("{{ a | strip_html }}", {"a": "<b>1 < 2</b> & <i"}, "1  &amp; &lt;i"),
        ("{{ now }}{{ today }}", {}, ""),
        ("{{ now }}", {"now": "mine"}, "mine"),
        ("a {%- if b -%} c {%- endif -%} d {{- 1 -}} e", {"b": 1}, "acd1e"),
        (
            "{% raw %}{{ a }}{% endraw %}{% comment %}{{ a }}{% endcomment %}{% # a %}",
            {},
            "{{ a }}",
        ),
        ("{% liquid assign a = 1\n echo a %}{{-}}{{}}{%-%}", {}, "1"),
        ("{{ a | truncate: 5 | upcase | default: 'x' }}", {"a": "abcdefgh"}, "AB..."),
        ("{{ a | times: 2 }}{{ b | date: '%Y' }}", {"a": 3, "b": "2015-06-24"}, "62015"),
        ("{% cycle 'a', 'b' %}{% increment c %}{{ a.b }}", {"a": {"b": None}}, "a0"),
    ],
)
def test_liquid_is_rendered(template: str, row: dict[str, Any], text: str) -> None:
    assert templates.Template(template).render(row) == text


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "{{",
                "}}",
                "{%",
                "%}",
                "{%-",
                "-%}",
                " if ",
                " endif ",
                " for a in b ",
                " endfor ",
                " raw ",
                " endraw ",
                "a",
                "|",
                "'",
                '"',
                "(1..3)",
                "[",
                "]",
                ".",
                "<cml:text name=q>",
                " assign c = ",
                " else ",
                "\n",
                "size",
                ":",
            ]
        )
    ).map("".join)
)
def test_random_liquid_is_accepted_or_refused(cml: str) -> None:
    try:
        form = forms.check_form(cml)
        forms.form_for(cml, {"a": "x", "b": ["y", "z"]})
    except (Declined, Invalid, Unsupported):
        return

    assert isinstance(form, Form)
