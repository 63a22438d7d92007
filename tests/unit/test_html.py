"""HTML tables for notebooks: escaped, short, and without colours or anything to load."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import count
from typing import Any

import pytest

from crowdflower._html import MAX_COLUMNS, MAX_ROWS, MAX_TEXT, table


class Reader(HTMLParser):
    """Collects the tags and the cells of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self._in_cell = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in {"td", "th", "caption"}:
            self.cells.append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in {"td", "th", "caption"}:
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.cells[-1] += data


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</td></table><iframe src=https://evil.example></iframe>",
    "&lt;script&gt;",
    "<!-- ",
    "' onmouseover='alert(1)",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_html_of_strangers_is_text_everywhere(text: str) -> None:
    reader = Reader(table([(text, {text: [text]})], [text, "column"], caption=text))

    assert {tag for tag, _ in reader.tags} == {
        "div", "table", "caption", "thead", "tbody", "tr", "th", "td",
    }  # fmt: skip
    assert reader.cells[0] == reader.cells[1] == reader.cells[3] == text


def test_a_table_sets_no_colour_and_loads_nothing() -> None:
    tags = Reader(table([("title", "Sentiment")], caption="Job 7")).tags

    assert {name for _, attributes in tags for name in attributes} <= {
        "class", "dir", "scope", "style",
    }  # fmt: skip
    assert {attributes.get("style") for _, attributes in tags} == {None, "text-align: start"}


def test_amounts_are_not_typeset_as_a_formula() -> None:
    tag, attributes = Reader(table([("cost", "$5.04 of $9.00")])).tags[0]

    assert (tag, attributes["class"]) == ("div", "tex2jax_ignore mathjax_ignore")


def test_only_the_first_rows_are_shown_and_the_rest_is_counted() -> None:
    html = table([[n] for n in range(100_000)], ["n"])

    assert html.count("<tr>") == MAX_ROWS + 1
    assert html.endswith("</table><p>… and 99,980 more</p></div>")


def test_only_the_first_rows_of_an_endless_iterator_are_read() -> None:
    numbers = count()

    html = table(([n] for n in numbers), ["n"], count=100_000)

    assert next(numbers) == MAX_ROWS
    assert "… and 99,980 more" in html


def test_only_the_first_columns_are_shown() -> None:
    html = table([list(range(100))], [f"column {n}" for n in range(100)])

    cells = Reader(html).cells
    assert cells[MAX_COLUMNS - 1 : MAX_COLUMNS + 1] == ["column 11", "… 88 more"]
    assert cells[-1] == "… 88 more"


def test_rows_that_fit_are_not_followed_by_a_count() -> None:
    assert "more" not in table([[n] for n in range(MAX_ROWS)], ["n"])


def test_without_a_header_the_first_cell_is_the_heading_of_its_row() -> None:
    tags = Reader(table([("state", "running")])).tags

    assert [(tag, attributes.get("scope")) for tag, attributes in tags[-2:]] == [
        ("th", "row"),
        ("td", None),
    ]


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (0, "0"),
        (False, "False"),
        (0.5, "0.5"),
        ("a\nb\tc", "a b c"),
        ("\ud800", r"\ud800"),
        ("left \u202e right", r"left \u202e right"),
        pytest.param("x" * 10**6, "x" * (MAX_TEXT - 1) + "…", id="long string"),
        pytest.param(["x"] * 10**6, "['x', 'x', 'x', 'x', 'x', 'x', ...]", id="long list"),
        ({"deep": {"er": [1]}}, "{'deep': {'er': [1]}}"),
    ],
)
def test_a_value_of_any_type_is_short_text(value: Any, text: str) -> None:
    assert Reader(table([(value,)], ["column"])).cells[-1] == text


@pytest.mark.parametrize("value", [10**5000, Broken()], ids=["integer", "object"])
def test_a_value_whose_repr_fails_is_shown_as_its_type(value: object) -> None:
    cell = Reader(table([(value,)], ["column"])).cells[-1]

    assert re.fullmatch(r"<(int|Broken) .*>", cell)


def test_deeply_nested_json_is_cut() -> None:
    value: list[Any] = []
    for _ in range(10_000):
        value = [value]

    assert Reader(table([(value,)], ["column"])).cells[-1] == "[[[[[[[...]]]]]]]"
