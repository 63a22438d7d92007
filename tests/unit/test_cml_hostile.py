"""Malicious forms: each is parsed or refused in bounded time."""

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
"""Time limit of one form; each takes less than 1 s, and without protection, minutes."""


def outcome(cml: str) -> Form | CMLError:
    start = time.process_time()
    try:
        result: Form | CMLError = parse(cml)
    except CMLError as error:
        result = error
    assert time.process_time() - start < SECONDS
    return result


def fill(piece: str, before: str = "", after: str = "") -> str:
    size = SIZE - len(before.encode()) - len(after.encode())
    return before + piece * (size // len(piece.encode())) + after


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
def test_any_token_repeated_up_to_the_size_limit_is_parsed_in_time(piece: str) -> None:
    assert isinstance(outcome(fill(piece)), Form | CMLError)


@pytest.mark.parametrize(
    ("before", "piece", "after"),
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
def test_any_attribute_up_to_the_size_limit_is_parsed_in_time(
    before: str, piece: str, after: str
) -> None:
    assert isinstance(outcome(fill(piece, before, after)), Form | CMLError)


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
def test_thousands_of_questions_are_parsed_in_time(question: str) -> None:
    cml = "".join(question.format(number, number + 1) for number in range(4_000))

    assert isinstance(outcome(cml), Form | CMLError)


def test_a_form_has_a_size_limit_in_bytes() -> None:
    assert isinstance(outcome("a" * SIZE), Form)
    for cml in ("a" * (SIZE + 1), "ä" * (SIZE // 2 + 1)):
        (problem,) = outcome(cml).problems  # type: ignore[union-attr]
        assert str(problem) == "1:1: The form is larger than 256 KB; move long texts into the rows."


@pytest.mark.parametrize("tag", ["div", "cml:group"])
def test_tags_nest_up_to_two_hundred_deep(tag: str) -> None:
    question = "<cml:text name='q'/>"

    assert isinstance(outcome(f"<{tag}>" * 200 + question + f"</{tag}>" * 200), Form)
    error = outcome(f"<{tag}>" * 10_000 + question)

    assert isinstance(error, CMLError)
    assert "Tags are nested more than 200 deep here" in error.problems[0].message


def test_implicitly_closed_tags_do_not_nest() -> None:
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
        raise AssertionError("the parser opened a connection")

    monkeypatch.setattr(socket, "socket", refuse)
    form = parse(
        f'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file://{secret}">]>'
        f'<xi:include href="file://{secret}"/><cml:text label="&b; &c;" name="q"/>'
    )

    assert form.fields[0].label == "&b; &c;"
    assert "hidden" not in repr(form)
