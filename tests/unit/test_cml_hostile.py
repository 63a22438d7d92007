"""Forms that are meant to hurt: each ends soon, in a form or in a CMLError."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, NoReturn

import pytest

from crowdflower.cml import CMLError, Form, parse

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 256 * 1024
SECONDS = 10
"""Each takes less than one; what it guards against takes minutes."""


def outcome(cml: str) -> Form | CMLError:
    begun = time.process_time()
    try:
        result: Form | CMLError = parse(cml)
    except CMLError as error:
        result = error
    assert time.process_time() - begun < SECONDS
    return result


def filled(piece: str, before: str = "", behind: str = "") -> str:
    room = SIZE - len(before.encode()) - len(behind.encode())
    return before + piece * (room // len(piece.encode())) + behind


@pytest.mark.parametrize(
    "piece",
    [
        "<", "<a ", "<a b='x", '<a b="', "<!--", "<![", "<?", "</", "&#", "&amp", "<script>", "\n",
        "<div>", "</div>", "<p>", "<cml:text ", "<cml:text name=a>", "<cml:group>", "</cml:group>",
        "<cml:zzz>", "<cml:shapes>", "<cml:radio label=a>", "{{", "{%", "{% raw %}", "{{ a }}",
        "{% if a %}", "{% if a %}{% endif %}", "{% if a %}<cml:text name=a />{% endif %}",
        "{% comment %}",
        "<cml:text name=a only-if=b>", "<cml:group only-if=a><cml:text name=b/></cml:group>", "“",
    ],
)  # fmt: skip
def test_any_piece_as_often_as_there_is_room_ends_soon(piece: str) -> None:
    assert isinstance(outcome(filled(piece)), Form | CMLError)


@pytest.mark.parametrize(
    ("before", "piece", "behind"),
    [
        ('<cml:text name="q" only-if="', "a++", 'a"/>'),
        ('<cml:text name="q" only-if="', "!", 'a"/>'),
        ('<cml:text name="q" only-if="', "(", '"/>'),
        ('<cml:text name="q" only-if="', "a:[", '"/>'),
        ('<cml:text name="q" validates="', "a:['", '"/>'),
        ('<cml:text name="q" label="', "&#x1;", '"/>'),
        ("<cml:text name=q ", "a=b ", "/>"),
        ("<cml:radios name=q>", "<cml:radio label=a />", "</cml:radios>"),
        ("<cml:text name=q><cml:instructions>", "<b>", "</cml:instructions></cml:text>"),
    ],
)
def test_any_attribute_may_be_as_long_as_there_is_room(
    before: str, piece: str, behind: str
) -> None:
    assert isinstance(outcome(filled(piece, before, behind)), Form | CMLError)


@pytest.mark.parametrize(
    "question",
    [
        "<cml:text name=q{0} />",
        "<cml:text name=q{0} only-if=q{1} />",
        "<cml:text name=q{1} only-if=q{0} />",
        "<cml:text name=q{0} validates=v{0} a{0}=b />",
        "<cml:group only-if=q{0}><cml:text name=q{0}></cml:group>",
    ],
)
def test_thousands_of_different_questions_are_read_soon(question: str) -> None:
    cml = "".join(question.format(number, number + 1) for number in range(4_000))

    assert isinstance(outcome(cml), Form | CMLError)


def test_a_form_has_a_size_limit_in_bytes() -> None:
    assert isinstance(outcome("a" * SIZE), Form)
    for cml in ("a" * (SIZE + 1), "ä" * (SIZE // 2 + 1)):
        (problem,) = outcome(cml).problems  # type: ignore[union-attr]
        assert str(problem) == "1:1: A form has 256 KB at most; put long texts into the rows."


@pytest.mark.parametrize("tag", ["div", "cml:group"])
def test_tags_nest_two_hundred_deep_and_no_deeper(tag: str) -> None:
    question = "<cml:text name='q'/>"

    assert isinstance(outcome(f"<{tag}>" * 200 + question + f"</{tag}>" * 200), Form)
    error = outcome(f"<{tag}>" * 10_000 + question)

    assert isinstance(error, CMLError)
    assert "Tags nest deeper than 200 here" in error.problems[0].message


def test_tags_that_html_closes_by_itself_do_not_nest() -> None:
    form = outcome(
        "<p>a" * 500 + "<br>" * 500 + "<ul>" + "<li>b" * 500 + "</ul><cml:text name='q'/>"
    )

    assert isinstance(form, Form)


def test_entities_are_not_expanded_and_nothing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden", encoding="utf-8")

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("the parser asked for a connection")

    monkeypatch.setattr(socket, "socket", refuse)
    form = parse(
        f'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file://{secret}">]>'
        f'<xi:include href="file://{secret}"/><cml:text label="&b; &c;" name="q"/>'
    )

    assert form.fields[0].label == "&b; &c;"
    assert "hidden" not in repr(form)
