"""What the sanitizer keeps and removes, and how values of rows fit into a form."""

from __future__ import annotations

import time
from html.parser import HTMLParser
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdflower.cml import parse
from crowdflower.sandbox.forms.removed_markup import find_removed_markup
from crowdflower.sandbox.forms.sanitizer import (
    ACTIVE_TAGS,
    TAGS,
    is_safe_url,
    plain_text,
    sanitize,
    sanitize_value,
    split_style,
)
from crowdflower.sandbox.forms.templates import Template

PIECES: Final = [
    *("<b>", "</b>", "<span class='hit'>", "</span>", "</div>", "<p ", "<a href=", "<td>", "<!--"),
    *("-->", "<script>", "</script>", "<style>", "<svg ", "onload=x()", " onclick='x()'", "<img "),
    *("src=x", "javascript:x()", "<iframe ", "<textarea>", "<title>", "<plaintext>", "<select>"),
    *("<cml:text name='evil'/>", "</cml:radios>", "<cml:radio label=a />", "{{ a }}", "{% if %}"),
    *("<table>", "</table>", "<tr>", "</tr>", "<tbody>", "<th>"),
    *("<form action=x>", "</form>", "<input name=token>", "&lt;", "&amp;", "&", "&#x3c;", "<", ">"),
    *('"', "'", "=", "/", "\\", " ", "\n", "`", "\0", "\ufdd0", "<math>", "<x ", "</", "text"),
    *("<style>@import 'x'", "<p style='background:url(x)'>", "<details>", "<video onerror=x()>"),
]  # fmt: skip
VALUES: Final = st.lists(st.sampled_from(PIECES) | st.text(max_size=3)).map("".join)


class Elements(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in {"br", "col", "hr", "img", "source", "track", "wbr", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def assert_passive(self) -> None:
        """Assert that nothing can run, submit, or be left open."""
        assert {*self.tags} <= TAGS
        assert not self.open
        for tag, name, value in self.attributes:
            assert not name.startswith("on")
            if name in {"href", "poster", "src"}:
                assert is_safe_url(tag, value)
            if name == "style":
                assert not any(each in value.lower() for each in ("url", "expression", "\\", "@"))


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_nothing_in_a_value_is_active_or_stays_open(value: str) -> None:
    Elements(sanitize_value(value)).assert_passive()
    Elements(sanitize(value)).assert_passive()


@settings(max_examples=300, deadline=None)
@given(VALUES)
def test_a_value_cannot_change_the_form_around_it(value: str) -> None:
    cml = (
        "<!-- {{ a }} --><p title='{{ a }}' lang={{ a }}>{{ a }}</p><script>{{ a }}</script>"
        '<cml:radios label="{{ a }}" name="q" instructions={{ a }}>{{ a }}'
        "<cml:radio label='{{ a }}' value='1'/><cml:instructions>{{ a }}</cml:instructions>"
        "</cml:radios>{% capture b %}{{ a }}{% endcapture %}{{ b }}<i title='{{ b }}'>{{ b }}</i>"
        '<cml:text name="r" default="{{ a }}" title="{{ b }}"/>'
    )

    form = parse(Template(cml).render({"a": value}), rendered=True)

    radios, text = form.fields
    assert (radios.name, radios.label, text.name) == ("q", value.strip(), "r")
    assert [option.value for option in radios.options] == ["1"]
    assert text.default == value
    assert radios.attributes.keys() == {"label", "name", "instructions"}
    rare = dict.fromkeys(map(ord, "\v\x1c\x1d\x1e\x1f\x85"), " ")
    assert radios.attributes["instructions"] == (value.translate(rare) or " ")
    assert text.attributes.keys() == {"name", "default", "title"}


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_an_escaped_value_is_shown_as_text(value: str) -> None:
    row = {"a": value}
    label = Template('<cml:text name="q" label="{{ a | escape }}"/>').render(row)

    shown = parse(label, rendered=True).fields[0].label
    text = plain_text(Template("{{ a | escape }}").render(row))
    assert plain_text(shown).strip() == text.strip()
    assert Elements(sanitize_value(shown)).tags == []
    assert Elements(sanitize_value(Template("{{ a | escape }}").render(row))).tags == []


@pytest.mark.parametrize(
    ("template", "html"),
    [
        # A named-entity task: the tool marks the entity in the row.
        ("{{ a }}", "<b>R&amp;D</b>"),
        ("{% echo a %}", "<b>R&amp;D</b>"),
        ("{{ a | escape }}", "&lt;b&gt;R&amp;D&lt;/b&gt;"),
        ("{{ a | h }}", "&lt;b&gt;R&amp;D&lt;/b&gt;"),
        ("{{ a | append: '<br>' }}", "<b>R&amp;D</b><br>"),
        ("{{ a | escape | append: '<br>' }}", "&lt;b&gt;R&amp;D&lt;/b&gt;<br>"),
        ("{{ lines | newline_to_br }}", "1 &lt; 2<br>\n3"),
        ("{{ list | join: '<br>' }}", "x<br><i>y</i>"),
        ("{% capture c %}<u>{{ a }}</u>{% endcapture %}{{ c }}", "<u><b>R&amp;D</b></u>"),
        ("{% capture c %}<tr><td>{{ a }}</td>{% endcapture %}{{ c | strip }}",
         "<tr><td><b>R&amp;D</b></td>"),
        ("{{ open }}|", "<i>x</i>|"),
        ("<table>{{ '<tr><td>x<tr>' | strip_newlines | downcase }}</table>",
         "<table><tr><td>x</td></tr><tr></tr></table>"),
        ("<tr>{{ '<td>x</td><td>y' | downcase }}</tr>", "<tr><td>x</td><td>y</td></tr>"),
        ("{{ '<td>x</table><b>y' | downcase }}", "x<b>y</b>"),
        ("<p title='{{ a }}'>", "<p title='&lt;b&gt;R&amp;D&lt;/b&gt;'>"),
        ("<p title={{ two }}>", "<p title=a&#32;b&#61;c&#47;>"),
        ("<!-- {{ close }} -->", "<!-- --&gt; -->"),
    ],
)  # fmt: skip
def test_a_value_fits_the_place_where_it_is_printed(template: str, html: str) -> None:
    row = {"a": "<b>R&D</b>", "lines": "1 < 2\n3", "list": ["x", "<i>y"], "open": "<i>x"}

    assert Template(template).render({**row, "two": "a b=c/", "close": "-->"}) == html


@pytest.mark.parametrize(
    ("html", "clean"),
    [
        ("<span style='color:red; position:fixed'>x</span>", '<span style="color: red">x</span>'),
        ("<p style='background:url(//x)'>x</p>", "<p>x</p>"),
        ("<p style='color:\\75rl(x)'>x</p>", "<p>x</p>"),
        ("<font color=red size=3>x</font>", '<font color="red" size="3">x</font>'),
        ("<a href=x target=_blank>x</a>",
         '<a href="x" target="_blank" rel="noopener noreferrer">x</a>'),
        ("<a href=x target=parent>x</a>", '<a href="x" rel="noopener noreferrer">x</a>'),
        ("<video src=a poster=b width=9></video>",
         '<video src="a" poster="b" width="9" controls=""></video>'),
        ("<audio controls><source src=a type=audio/ogg></audio>",
         '<audio controls=""><source src="a" type="audio/ogg"></audio>'),
        ("<video><track src=a kind=captions></video>",
         '<video controls=""><track src="a" kind="captions"></video>'),
        ("<audio src='data:audio/mpeg;base64,AA'></audio>",
         '<audio src="data:audio/mpeg;base64,AA" controls=""></audio>'),
        ("<video poster='data:text/html;base64,AA'></video>", '<video controls=""></video>'),
        ("<img src='data:image/svg+xml;base64,AA' alt=x>", '<img alt="x">'),
        ("<a href='java\tscript:x'>x</a>", '<a rel="noopener noreferrer">x</a>'),
        ("<a href='&#1;javascript:x'>x</a>", '<a rel="noopener noreferrer">x</a>'),
        ("<svg><circle r=1 />x</svg>y", "y"),
        ("<audio src='a' controls/>x", '<audio src="a" controls=""></audio>x'),
        ("<video src=a/>x", '<video src="a" controls=""></video>x'),
        ("<B/>x <div class='c' />y<br/>", "<b></b>x <div></div>y<br>"),
        ("<a href=https://a.example/>x</a>",
         '<a href="https://a.example/" rel="noopener noreferrer">x</a>'),
        ("<p title='<b/>'>x</p>", '<p title="&lt;b/&gt;">x</p>'),
        ("<img srcset='a.png 1x, data:image/png;base64,AA 2x' sizes=9px>",
         '<img srcset="a.png 1x, data:image/png;base64,AA 2x" sizes="9px">'),
        ("<picture><source srcset='a 1x,javascript:b 2x'></picture>",
         "<picture><source></picture>"),
        ("<iframe src=a />x <b>y</b>", "x <b>y</b>"),
        ("<textarea>x <b>y</b>", "x <b>y</b>"),
    ],
)  # fmt: skip
def test_html_is_cleaned(html: str, clean: str) -> None:
    assert sanitize(html) == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("5 < 6 <7 <x y", "5 &lt; 6 &lt;7 &lt;x y"),
        ("R&D &copy=1 &amp; &lt;", "R&amp;D &amp;copy=1 &amp; &lt;"),
        ("vector<int> <!-- x", "vector&lt;int&gt; &lt;!-- x"),
        ("<!-- x -->y", "y"),
        ("<b title='a<b'>x", "<b title=&#34;a&lt;b&#34;>x</b>".replace("&#34;", '"')),
    ],
)
def test_what_is_no_markup_stays_text(text: str, clean: str) -> None:
    assert sanitize_value(text) == clean


@pytest.mark.parametrize(
    "piece",
    ["<", "<b", "<b '", '<a "', "<!--", "&", "<iframe ", "<textarea ", "<b>", "<p style='color:"],
)
def test_cleaning_takes_linear_time(piece: str) -> None:
    start = time.process_time()

    sanitize_value(piece * 20_000)
    sanitize(piece * 20_000)
    find_removed_markup(piece * 20_000)

    assert time.process_time() - start < 10


@pytest.mark.parametrize("filler", [" ", "\t", "a", "+", "rgb(", "rgb( )", "-"])
def test_a_style_is_read_in_linear_time(filler: str) -> None:
    start = time.process_time()

    kept, removed = split_style(f"color:{filler * 200_000}!")

    assert time.process_time() - start < 10
    assert (kept, removed) == ([], ["color"])


REMOVED: Final = sorted(ACTIVE_TAGS - {"plaintext"})


@pytest.mark.parametrize("tag", REMOVED)
def test_each_removed_tag_gives_a_warning_with_its_line(tag: str) -> None:
    (problem,) = find_removed_markup(f"<p>\n<b><{tag} id=x></{tag}>\n</b><hr>")

    assert (problem.line, problem.column) == (2, 4)
    assert problem.message.startswith(f"<{tag}> is removed from the page: ")


@pytest.mark.parametrize(
    ("html", "places", "fix"),
    [
        ("<p>{{ a }}<a href='{{ a }}' target=_blank title=x>", [], ""),
        ("<!-- <input> --><img src=x alt=y><audio src={{ a }}></audio>", [], ""),
        (
            "<cml:text name='q'/><input><b>\n<INPUT>\n<input>",
            ["1:21: <input> is removed from the page in line 1, also in 2, 3"],
            "ask with a tag of CML, such as <cml:text> or <cml:select>.",
        ),
        (
            "<b ONCLICK='x()'><cml:text name='q' onfocus=x />",
            [
                "1:4: onclick of <b> is removed from the page",
                "1:37: onfocus of <cml:text> is removed from the page",
            ],
            "pages run no scripts.",
        ),
        (
            "<a href='JavaScript:x()'><img src='data:text/html,x'>",
            [
                '1:4: href="JavaScript:x()" of <a> is removed from the page',
                '1:31: src="data:text/html,x" of <img> is removed from the page',
            ],
            "its URL may not be used there.",
        ),
        (
            "<b style='color: red; display: none'>",
            ["1:4: the style display is removed from the page"],
            "styles may set colours, borders, fonts and sizes.",
        ),
        (
            "<svg><path/><input></svg><p></p>",
            ["1:1: <svg> is removed from the page"],
            "show it with <img>.",
        ),
        (
            "<audio src=a>\n<cml:text name='q'/></audio><video/><video></video><cml:text/>",
            ["1:1: <audio> is not closed before the next tag of CML, so the page closes it there"],
            "add </audio>.",
        ),
        (
            "<a href=\"javascript:play('{{t}}')\"><a href='{{t}}'><img src='data:{{t}};base64,'>",
            ["1:4: href=\"javascript:play('{{t}}')\" of <a> is removed from the page"],
            "its URL may not be used there.",
        ),
        (
            "<b style='position:fixed; color:{{t}}; {{a}}:b; border-{{c}}: 1px; color:rgb({{r}})'>",
            ["1:4: the style position is removed from the page"],
            "styles may set colours, borders, fonts and sizes.",
        ),
        (
            "<cml:text label=\"<iframe src='x'></iframe>L <nonsense> 1 < 2\"/>",
            ["1:11: <iframe> is removed from the page"],
            "pages contain no other pages, so link to it with <a href>.",
        ),
        (
            "<cml:radio label='<script>x()</script>a'/>",
            ["1:12: <script> is removed from the page"],
            "pages run no scripts, so build the form without it.",
        ),
        (
            "<svg><p><math></p>",
            [f"1:{at} is removed from the page" for at in ("1: <svg>", "9: <math>")],
            "show it with <img>.",
        ),
        (
            "<template><input></template>",
            ["1:1: <template> is removed from the page"],
            "what it contains is removed, too; write it without <template>.",
        ),
        ("<nonsense>", ["1:1: <nonsense> is removed from the page"], "its content stays."),
        (
            "<script>'<input>'</script>",
            ["1:1: <script> is removed from the page"],
            "pages run no scripts, so build the form without it.",
        ),
    ],
)
def test_removed_markup_is_named(html: str, places: list[str], fix: str) -> None:
    assert [str(problem) for problem in find_removed_markup(html)] == [
        f"{place}: {fix}" for place in places
    ]


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_removed_markup_is_found_in_any_text(text: str) -> None:
    assert all(problem.line >= 1 for problem in find_removed_markup(text * 20))
