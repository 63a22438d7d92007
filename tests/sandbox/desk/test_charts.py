"""Charts: SVG from numbers, whose labels cannot become markup."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from crowdflower.sandbox.desk import charts

if TYPE_CHECKING:
    from markupsafe import Markup

EVIL = "<script>alert(1)</script>\"'&"


def parse(html: Markup) -> ET.Element:
    return ET.fromstring(f"<div>{html}</div>")  # noqa: S314 - our own


def test_a_bar_of_shares_is_as_wide_as_its_shares_and_each_part_has_a_title() -> None:
    parts = charts.split([("good", 54), ("bad", 31), ("neither", 15)])

    svg = parse(charts.share(parts, "The writer finds it"))[0]

    assert [each.percent for each in parts] == [54, 31, 15]
    assert [float(each.attrib["x"]) for each in svg] == [0, 54, 85]
    assert [each[0].text for each in svg] == ["good: 54 %", "bad: 31 %", "neither: 15 %"]
    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-label"] == "The writer finds it"


def test_more_than_five_answers_become_four_and_the_others() -> None:
    parts = charts.split([(f"answer {n}", 10 - n) for n in range(7)])

    assert [each.label for each in parts] == [*(f"answer {n}" for n in range(4)), "others"]
    assert parts[-1].number == 6 + 5 + 4
    assert parts[-1].color == "f0"


def test_steps_of_a_scale_are_of_one_hue() -> None:
    parts = charts.split([("1", 1), ("2", 1)], is_scale=True)

    assert [each.color for each in parts] == ["h1", "h2"]


def test_labels_that_people_wrote_stay_text() -> None:
    bar = charts.Bar(EVIL, 3)
    made = [
        charts.share(charts.split([(EVIL, 1), ("b", 2)]), EVIL),
        charts.bars([bar, bar], [EVIL, EVIL], EVIL),
        charts.line([charts.Point(0, 0)], [], 5, [EVIL], EVIL),
        charts.numbers(EVIL, [EVIL, EVIL], [[EVIL, EVIL]]),
    ]

    for html in made:
        assert "<script" not in html
        tree = parse(html)
        assert EVIL in [text for each in tree.iter() for text in (each.text, *each.attrib.values())]


@pytest.mark.parametrize("largest", [*range(60), 99, 101, 240, 275, 2501, 99_999, 123_456])
def test_an_axis_has_a_few_round_numbers_and_covers_the_largest(largest: int) -> None:
    top, step = charts.axis(largest, 3)

    assert top >= largest
    assert top % step == 0
    assert 1 <= top // step <= 4


def test_bars_end_within_the_chart() -> None:
    tree = parse(charts.bars([charts.Bar(str(n), n) for n in (0, 7, 275)], ["a", "b"], "three"))

    boxes = list(tree.iter("rect"))
    assert [float(each.attrib["height"]) for each in boxes] == [0, 2.8, 110]
    assert all(
        float(each.attrib["y"]) + float(each.attrib["height"]) == pytest.approx(120)
        for each in boxes
    )
    assert [each.text for each in tree.iter("span")][:4] == ["300", "200", "100", "0"]


def test_a_line_goes_up_with_its_numbers_and_the_plan_is_dashed() -> None:
    points = [charts.Point(0, 0), charts.Point(0.8, 0.5)]

    tree = parse(charts.line(points, [points[-1], charts.Point(1, 1)], 1200, ["a", "b"], "x"))

    paths = {each.attrib["class"]: each.attrib["d"] for each in tree.iter("path")}
    assert paths["curve"] == "M0 200L480 100"
    assert paths["curve plan"] == "M480 100L600 0"
    assert paths["area"].endswith("V200H0Z")


def test_a_chart_without_numbers_is_empty_and_not_an_error() -> None:
    assert list(parse(charts.bars([], ["", ""], "none")).iter("rect")) == []
    assert list(parse(charts.share(charts.split([("a", 0)]), "none")).iter("rect")) == []


def test_the_table_names_its_columns_and_rows() -> None:
    tree = parse(charts.numbers("Rows", ["Until", "Rows"], [["12:00", "7"]]))

    assert [each.text for each in tree.iter("th")] == ["Until", "Rows", "12:00"]
    assert [each.attrib["class"] for each in tree.iter("td")] == ["num"]
