"""Finds the markup that contributors' pages leave out or end, so that its author is warned."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from crowdflower.cml.liquid import Liquid
from crowdflower.cml.problems import MAX_PROBLEMS, CMLError, Problem, Source
from crowdflower.cml.scanner import scan_tags
from crowdflower.sandbox.forms.sanitizer import (
    PLAYERS,
    TAGS,
    URL_ATTRIBUTES,
    is_safe_url,
    split_style,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from crowdflower.cml.scanner import Attribute, Tag

_MAX_LINES: Final = 10
_OPEN: Final = "open "
_STYLE: Final = "the style "
_WITH_CONTENT: Final = {"math", "svg", "template"}
_FIXES: Final = {
    **dict.fromkeys(("script", "canvas"), "pages run no scripts, so build the form without it"),
    **dict.fromkeys(
        ("button", "datalist", "form", "input", "optgroup", "option", "select", "textarea"),
        "ask with a tag of CML, such as <cml:text> or <cml:select>",
    ),
    **dict.fromkeys(
        ("applet", "embed", "frame", "iframe", "noembed", "object"),
        "pages contain no other pages, so link to it with <a href>",
    ),
    **dict.fromkeys(("link", "style"), "use style attributes"),
    **dict.fromkeys(("math", "svg"), "show it with <img>"),
}


def find_removed_markup(source: str) -> list[Problem]:
    r"""Find tags, event attributes and URLs that are removed, and players that are not closed.

    >>> for problem in find_removed_markup('<p><svg></svg>\n<b onclick="f()">'):
    ...     print(problem)
    1:4: <svg> is removed from the page: show it with <img>.
    2:4: onclick of <b> is removed from the page: pages run no scripts.
    """
    text = Source(source)
    liquid = Liquid(text, enabled=False)
    with suppress(CMLError):
        liquid = Liquid(text)
    places: dict[str, list[int]] = {}
    tags: list[Tag] = []
    with suppress(CMLError):  # fifty problems, which are reported elsewhere
        tags += scan_tags(text, liquid.mask(source))
    for subject, offset in (*_removed(tags, liquid), *_open_players(tags)):
        places.setdefault(subject, []).append(offset)
    return [
        Problem(_message(text, subject, offsets), *text.position(offsets[0]))
        for subject, offsets in list(places.items())[:MAX_PROBLEMS]
    ]


def _removed(tags: Iterable[Tag], liquid: Liquid) -> Iterator[tuple[str, int]]:
    """Yield what is removed, and its offset; nothing inside an image in SVG."""
    inside = ""
    for tag in tags:
        if tag.is_end or inside:
            inside = "" if tag.is_end and tag.name == inside else inside
            continue
        if not tag.kind and tag.name not in TAGS:
            inside = tag.name if tag.name in _WITH_CONTENT and not tag.self_closing else ""
            yield f"<{tag.name:.60}>", tag.start
            continue
        for name, attribute in tag.attributes.items():
            if name.startswith("on") and name.isalpha() and len(name) > len("on"):  # not only-if
                yield f"{name:.60} of <{tag.name}>", attribute.start
            elif not tag.kind and name == "style" and not liquid.is_in(attribute.value):
                for style in split_style(attribute.value)[1]:
                    yield f"{_STYLE}{style:.60}", attribute.start
            elif not tag.kind and name in URL_ATTRIBUTES and _is_unsafe(tag, attribute, liquid):
                yield f'{name}="{attribute.value:.30}" of <{tag.name}>', attribute.start


def _open_players(tags: list[Tag]) -> Iterator[tuple[str, int]]:
    """Yield each audio and video that is not closed before the next tag of CML, or at all."""
    opened: Tag | None = None
    for tag in tags:
        if tag.name in PLAYERS:
            opened = None if tag.is_end or tag.self_closing else tag
        elif tag.kind and opened is not None:
            yield f"{_OPEN}<{opened.name}>", opened.start
            opened = None
    if opened is not None:
        yield f"{_OPEN}<{opened.name}>", opened.start


def _is_unsafe(tag: Tag, attribute: Attribute, liquid: Liquid) -> bool:
    return not liquid.is_in(attribute.value) and not is_safe_url(tag.name, attribute.value)


def _message(text: Source, subject: str, offsets: list[int]) -> str:
    fix = "pages run no scripts"
    done = "is removed from the page"
    if subject.startswith(_OPEN):
        subject = subject.removeprefix(_OPEN)
        done = "is not closed before the next tag of CML, so the page closes it there"
        fix = f"add </{subject[1:]}"
    elif subject.startswith("<"):
        fix = _FIXES.get(subject[1:-1], "its content stays")
    elif subject.startswith(_STYLE):
        fix = "styles may set colours, borders, fonts and sizes"
    elif not subject.startswith("on"):
        fix = "its URL may not be used there"
    first, *others = dict.fromkeys(text.position(offset)[0] for offset in offsets)
    more = ", ".join(map(str, others[:_MAX_LINES])) + (", …" if others[_MAX_LINES:] else "")
    also = f" in line {first}, also in {more}" if others else ""
    return f"{subject} {done}{also}: {fix}."
