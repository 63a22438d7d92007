"""Forms that depend on the data of the unit, and data that tries to inject code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.forms import form_for

if TYPE_CHECKING:
    from crowdflower.job import Job
    from tests.scenarios.conftest import Box

BY_ROW = """
<p>{{title}}</p>
{% if kind == "product" %}
  <cml:radios label="Which colour?" name="colour" validates="required">
    {% for each in colours %}<cml:radio label="{{each}}" value="{{forloop.index0}}"/>{% endfor %}
  </cml:radios>
{% elsif kind contains "shop" %}
  <cml:text label="Address" name="address" validates="required url"/>
{% else %}
  <cml:checkbox label="Nothing to be seen" name="nothing" validates="required"/>
{% endif %}
"""
ROWS: list[dict[str, Any]] = [
    {"title": "A scarf", "kind": "product", "colours": ["red", "green & blue"]},
    {"title": "A hat", "kind": "product", "colours": ["black"]},
    {"title": "Hats Ltd", "kind": "web shop", "colours": []},
    {"title": "A page", "kind": "other", "colours": []},
    {"title": "Another", "kind": "other", "colours": []},
]
ANSWERS = [
    {"colour": "1"},
    {"colour": "0"},
    {"address": "https://hats.example.com/"},
    {"nothing": "Nothing to be seen"},
    {"nothing": "Nothing to be seen"},
]

PLAIN = """
<h2 class="{{style}}">{{title}}</h2>
<cml:radios label="About {{title}}?" name="about" validates="required">
  <cml:radio label="{{first}}" value="1"/>
  <cml:radio label="Something else" value="2"/>
</cml:radios>
"""
ATTACK = (
    '"><script>alert(1)</script><cml:text label="Your password" name="password"/>'
    "</cml:radios>{{7 | times: 7}}{% if true %}"
)


def launch_job(box: Box, rows: list[dict[str, Any]], cml: str) -> Job:
    job = box.job(rows, cml, judgments_per_unit=1)
    job.launch(len(rows))
    return job


def test_each_unit_has_the_questions_of_its_data(box: Box) -> None:
    job = launch_job(box, ROWS, BY_ROW)
    by_title = dict(zip((row["title"] for row in ROWS), ANSWERS, strict=True))

    worker = box.contributor()
    page = box.take(job, worker)
    with pytest.raises(Invalid) as caught:
        box.submit(worker, page, {"colour": "1"})
    box.submit(worker, page, lambda unit: by_title[unit.data["title"]])

    wrong = {unit.data["title"] for unit in page.units if unit.id in caught.value.fields}
    assert wrong == {"A hat", "Hats Ltd", "A page", "Another"}
    given = {unit.data["title"]: unit.get_judgments()[0].data for unit in job.results()}
    assert given == by_title
    assert job.reload().fields.keys() == {"colour", "address", "nothing"}


def test_split_columns_become_the_choices_of_a_form(box: Box) -> None:
    rows = [{**row, "colours": "|".join(row["colours"])} for row in ROWS[:2]] * 3
    job = box.job(rows, BY_ROW)

    job.split_units(["colours"], with_="|")

    assert [unit.data["colours"] for unit in job.reload().units][:2] == [
        ["red", "green & blue"],
        ["black"],
    ]


def test_data_of_a_row_is_text_and_cannot_inject_anything(box: Box) -> None:
    names = ("title", "style", "first")
    harmless = dict.fromkeys(names, "plain")
    job = launch_job(box, [harmless, *[dict.fromkeys(names, ATTACK)] * 4], PLAIN)

    plain, *attacked = (form_for(job.cml or "", unit.data) for unit in job.units)
    worker = box.contributor()
    page = box.take(job, worker)
    with pytest.raises(Invalid):
        box.submit(worker, page, {"about": "1", "password": "secret"})
    box.submit(worker, page, {"about": "1"})

    for form in attacked:
        assert [(field.name, field.kind, field.required) for field in form.fields] == [
            (field.name, field.kind, field.required) for field in plain.fields
        ]
        (field,) = form.fields
        assert [option.value for option in field.options] == ["1", "2"]
        assert field.options[0].label == ATTACK
        assert field.label == f"About {ATTACK}?"
    assert [judgment.data for judgment in job.judgments()] == [{"about": "1"}] * 5
    assert job.units[1].data == dict.fromkeys(names, ATTACK)
