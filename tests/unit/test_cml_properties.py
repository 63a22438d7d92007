"""Properties of every form, and of every set of answers."""

from __future__ import annotations

from html import escape
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from crowdflower.cml import CMLError, Field, Form, Option, parse
from crowdflower.cml.names import RESERVED_NAMES, normalize_name

PIECES = [
    "<cml:text ", "<cml:radios ", "<cml:radio ", "</cml:radios>", "<cml:group ", "</cml:group>",
    "<cml:shapes/>", "<cml:gold ", "<cml:instructions>", 'label="', "name=", "only-if='", "a:[0]",
    "++", "||", "!", "(", "validates='required ", "regex:", "{min:1}", "'", '"', ">", "/>", "<!--",
    "-->", "{{", "}}", "{% if a %}", "{% else %}", "{% endif %}", "{% raw %}", "<", "&amp;", "\n",
    "points='3'", "aggregation=", "agg", "multiple=true", " ", "a", "b", "0", "\0", "“",
]  # fmt: skip

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="{}"), max_size=20)
LABEL = TEXT.map(str.strip).filter(lambda text: normalize_name(text) not in {"", *RESERVED_NAMES})


def outcome(text: str, *, rendered: bool) -> Form | CMLError:
    try:
        return parse(text, rendered=rendered)
    except CMLError as error:
        return error


@settings(max_examples=300, deadline=None)
@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join), st.booleans())
def test_random_text_is_a_form_or_a_cml_error(text: str, rendered: bool) -> None:
    result = outcome(text, rendered=rendered)

    if isinstance(result, CMLError):
        assert result.problems
        assert all(each.line >= 1 and each.column >= 1 for each in result.problems)
    else:
        names = {field.name for field in result.fields}
        assert result.check({}).answers.keys() <= names
        assert result.aggregations().keys() <= names


@st.composite
def questions(draw: st.DrawFn) -> list[Field]:
    """A list of questions to write into a form."""
    labels = draw(st.lists(LABEL, unique_by=normalize_name, max_size=5))
    fields = []
    for label in labels:
        kind = draw(st.sampled_from(["text", "textarea", "radios", "checkboxes", "select"]))
        options: tuple[Option, ...] = ()
        if kind in {"radios", "checkboxes", "select"}:
            values = st.tuples(LABEL, LABEL)
            drawn = draw(st.lists(values, min_size=1, max_size=4, unique_by=lambda pair: pair[0]))
            options = tuple(Option(value, shown) for value, shown in drawn)
        fields.append(
            Field(
                name=normalize_name(label),
                label=label,
                kind=kind,
                options=options,
                required=draw(st.booleans()),
                multiple=kind == "checkboxes",
                gold=draw(st.sampled_from([None, "truth", f"{normalize_name(label)}_gold"])),
                aggregation=draw(st.sampled_from(["agg", "agg_3", "all", "cagg_0.5"])),
            )
        )
    return fields


CHILD = {"radios": "radio", "checkboxes": "checkbox", "select": "option"}


def to_cml(field: Field, noise: str) -> str:
    """The CML of one question."""
    gold = field.gold or "false"
    required = "required" if field.required else ""
    attributes = {
        "label": field.label,
        "validates": required,
        "aggregation": field.aggregation,
        "gold": gold,
    }
    tag = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items())
    child = CHILD.get(field.kind, "")
    inner = noise.join(
        f'<cml:{child} label="{escape(each.label)}" value="{escape(each.value)}">'
        for each in field.options
    )
    return f"<cml:{field.kind} {tag}>{inner}</cml:{field.kind}>"


@settings(max_examples=150, deadline=None)
@given(fields=questions(), noise=st.sampled_from(["", "\n", "<br>", "<!-- x -->", "text & more"]))
def test_parsing_returns_the_questions_that_were_written(fields: list[Field], noise: str) -> None:
    form = parse(noise.join(to_cml(field, noise) for field in fields))

    found = [
        Field(
            name=each.name,
            label=each.label,
            kind=each.kind,
            options=each.options,
            required=each.required,
            multiple=each.multiple,
            gold=each.gold,
            aggregation=each.aggregation,
        )
        for each in form.fields
    ]
    assert found == fields


FORM: Form = parse(
    "<cml:radios name='a' validates='required'><cml:radio label='x'/><cml:radio label='y'/>"
    "</cml:radios><cml:checkboxes name='b' only-if='a:[x]'><cml:checkbox label='p'/>"
    "<cml:checkbox label='q'/></cml:checkboxes><cml:text name='c' validates='integer'/>"
    "<cml:checkbox name='d' label='on' default='off'/>"
)
ANSWER: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.sampled_from(["x", "y", "p", "q", "on", "off", "", " 7 "]),
    st.text(max_size=5),
    st.integers(),
    st.lists(st.sampled_from(["p", "q", "z"]) | st.integers(), max_size=3),
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e"]), ANSWER))
def test_all_answers_are_stored_or_none_and_stored_answers_pass_again(
    answers: dict[str, Any],
) -> None:
    checked = FORM.check(answers)

    assert not (checked.answers and checked.errors)
    assert checked.errors or "a" in checked.answers
    assert checked.answers.keys() <= {field.name for field in FORM.fields}
    if not checked.errors:
        assert FORM.check(checked.answers) == checked
        assert FORM.missed(checked.answers, {"a": [str(checked.answers["a"])]}) == ()
