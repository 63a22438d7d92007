"""Columns that a form prints: which ones count, where they are, and what is said about absent ones.

Source of the rules: Liquid's documentation, for what is an expression and what a variable.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.cml import parse
from crowdflower.cml.parser import MAX_FORM_BYTES
from crowdflower.exceptions import InvalidInput
from crowdflower.job import Job

if TYPE_CHECKING:
    from responses import RequestsMock

    from crowdflower.client import Client
    from tests.unit.conftest import SentRequest

QUESTION = "<cml:text name='why' label='Why?'/>"


def columns(form: str) -> list[str]:
    return list(parse(form + QUESTION).columns)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("{{text}} {{ text }} {{- title -}}", ["text", "title"]),
        ("{{ tweet.text | upcase }} {{ sizes[0] }} {{ a[b] }}", ["tweet", "sizes", "a", "b"]),
        ("{{ text | truncate: length | append: tail }}", ["text", "length", "tail"]),
        ("{{ ['Full name'] }} {{ 'text' }} {{ row['text'] }} {{ 12.5 }}", ["Full name", "row"]),
        ("{{ हिन्दी_में }} {{ größe }} {{ no-hyphen }}", ["हिन्दी_में", "größe", "no-hyphen"]),
        ("{% for each in names limit:2 %}{{ each }}{{ forloop.index }}{% endfor %}", ["names"]),
        ("{% for n in (1..count) %}{{ n }}{% endfor %}", ["count"]),
        ("{% tablerow cell in cells cols:2 %}{{ cell.name }}{% endtablerow %}", ["cells"]),
        ("{% assign short = text | truncate: 9 %}{{ short }}", ["text"]),
        ("{% assign list = 'a,b' | split: ',' %}{{ list }}", []),
        ("{% capture both %}{{ a }}{{ b }}{% endcapture %}{{ both }}", ["a", "b"]),
        ("{% increment number %}{{ number }}", []),
        ("{% cycle odd, 'even' %}{% echo text %}", ["odd", "text"]),
        ("{% liquid\nassign x = text\necho x\necho more\n%}", ["text", "more"]),
        ("{% if picture %}<img src='{{ picture }}'/>{% endif %}", []),
        ("{% unless a %}x{% elsif b == c %}{{ b }}{{ a }}{% endunless %}{{ d }}", ["d"]),
        ("{% case kind %}{% when 'a' %}{{ kind }}{{ a }}{% endcase %}", ["a"]),
        ("{% if a == 'x' and b contains c.d %}{{ a }}{{ b }}{{ c }}{{ d }}{% endif %}", ["d"]),
        ("{{ text | default: 'none' }} {{ a | strip | default: b }}", []),
        ("{% assign a = a | split: ',' %}{% for b in a %}{{ b }}{% endfor %}", ["a"]),
        ("{% for a in a %}{{ a }}{% endfor %}", ["a"]),
        ("{{ a }}{% increment a %}{% capture b %}{{ b }}{% endcapture %}{{ b }}", ["a", "b"]),
        ("{% for a in b %}{{ c }}{% assign c = a %}{% endfor %}{{ c }}", ["b"]),
        ("{{ nil }} {{ true }} {{ empty }} {{ blank }}", []),
        ("<!-- {{ old }} --> {{ new }} <!-- {{ open }}", ["new"]),
        ("{% comment %}{{ old }}{% endcomment %}{% raw %}{{ raw }}{% endraw %}", []),
        ("<cml:text label='{{ title }}' name='answer_{{ number }}'/>", ["title"]),
        ("<cml:text name='code' data-validates-regex='{{ code }}' validates='regex'/>", ["code"]),
        ("<cml:text name='more' only-if='{{ condition }}'/>", ["condition"]),
        ("<cml:text name='a_{{a}}'/><cml:text name='q' only-if='a_{{ a }}:[{{b}}]'/>", ["b"]),
        ("<cml:radios name='r'><cml:radio label='{{a}}' value='{{b}}'/></cml:radios>", ["a", "b"]),
    ],
)  # fmt: skip
def test_each_column_that_a_form_prints_is_known(form: str, expected: list[str]) -> None:
    assert columns(form) == expected


def test_a_form_without_liquid_prints_no_column() -> None:
    assert columns("<p>text</p>") == []


def test_an_absent_column_is_a_warning_with_its_place_and_the_columns_there_are() -> None:
    source = f"<p>{{{{Text}}}}</p>\n<p>{{{{text}}}} {{{{text}}}}</p>{QUESTION}"

    form = parse(source, columns=["Text", "id"])

    (problem,) = form.warnings
    assert (problem.line, problem.column) == (2, 6)
    assert problem.message == (
        'No row has a column "text", which the form prints; did you mean "Text"? The columns are: '
        "Text, id."
    )
    assert parse(source, columns=["text", "Text"]).warnings == ()
    assert parse(source).warnings == ()


def test_columns_are_given_in_any_collection_of_names() -> None:
    source = "{{text}}" + QUESTION

    for names in (iter(["text"]), {"text": 1}.keys(), {"text"}):
        assert parse(source, columns=names).warnings == ()
    assert len(parse(source, columns=iter(["a", "b"])).warnings) == 1


@pytest.mark.parametrize("columns", ["text", [{"text": 1}], [1], 7])
def test_what_is_no_collection_of_names_is_refused(columns: Any) -> None:
    with pytest.raises(TypeError, match="columns must be a list of names"):
        parse("{{text}}" + QUESTION, columns=columns)


def test_the_columns_that_a_message_lists_are_few() -> None:
    (problem,) = parse("{{wanted}}" + QUESTION, columns=[f"c{n}" for n in range(99)]).warnings

    assert problem.message.endswith("The columns are: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, ….")


def test_the_columns_of_a_hostile_form_take_little_time() -> None:
    pieces = ("<!-- {{a}} -->", "{{ a | b: c }}", "{%liquid liquid liquid a%}", "{{[['a']]}}")
    sources = [piece * (MAX_FORM_BYTES // len(piece) - 9) + QUESTION for piece in pieces]

    begin = time.process_time()
    for source in sources:
        parse(source, columns=["x"])

    assert time.process_time() - begin < 20


# job.check


def units_url(job: int) -> str:
    return f"https://api.appen.com/v1/jobs/{job}/units.json"


def test_a_job_is_checked_with_the_columns_of_its_rows(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(units_url(7), json={"1": {"Text": "a"}, "2": {"Text": "b", "id": 2}})
    api.get(units_url(7), json={})
    job = Job(client, id=7, cml="<p>{{Text}}</p>" + QUESTION)
    job.cml = "<p>{{text}}</p>" + QUESTION

    (problem,) = job.check()

    assert "The columns are: Text, id." in problem.message
    assert all(request.line.startswith("GET /jobs/7/units.json") for request in sent)


def test_a_job_is_checked_with_one_page_if_its_rows_have_the_columns(
    api: RequestsMock, client: Client, sent: list[SentRequest]
) -> None:
    api.get(units_url(7), json={str(number): {"text": "a"} for number in range(1, 1001)})

    assert Job(client, id=7, cml="<p>{{text}}</p>" + QUESTION).check() == []
    assert len(sent) == 1


def test_a_form_without_columns_is_checked_without_a_request(client: Client) -> None:
    (problem,) = Job(client, id=7, cml="<cml:text label='Why?' validates='minlength:3'/>").check()

    assert "minLength" in problem.message


def test_a_job_without_a_form_cannot_be_checked(client: Client) -> None:
    with pytest.raises(InvalidInput, match="job 7 has no form"):
        Job(client, id=7).check()
