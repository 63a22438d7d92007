"""Finds the markup that contributors' pages leave out or end, so that its author is warned."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from crowdflower.cml.liquid import Liquid
from crowdflower.cml.problems import MAX_PROBLEMS, CMLError, Problem, Source
from crowdflower.cml.scanner import scan_tags
from crowdflower.sandbox.forms.media_addresses import (
    ADVICE,
    MEDIA_ATTRIBUTES,
    MEDIA_TAGS,
    is_loaded,
    split_addresses,
)
from crowdflower.sandbox.forms.output import MARKUP_ATTRIBUTES
from crowdflower.sandbox.forms.sanitizer import (
    ACTIVE_TAGS,
    PLAYERS,
    TAGS,
    URL_ATTRIBUTES,
    is_safe_attribute,
    split_style,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crowdflower.cml.scanner import Attribute, Tag

OWN_CODE: Final = re.compile(r"<(?:script|style)(?=[\s>])", re.IGNORECASE)
"""Begins a script or a style in a form."""

_MAX_LINES: Final = 10
_LIQUID_TAG: Final = re.compile(r"\{%.*?%\}", re.DOTALL)
_PRINTED: Final = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_WITH_HOST: Final = re.compile(r"(?:https?:)?//[^/{]+/", re.IGNORECASE)
_DONE: Final = "is removed from the page"
_OPEN: Final = "open "
_STYLE: Final = "the style "
_REFUSED: Final = "the address "
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
    "template": "what it contains is removed, too; write it without <template>",
}


def is_about_removal(problem: Problem) -> bool:
    """Return whether a problem is that pages leave something out."""
    return _DONE in problem.message


def find_removed_markup(source: str) -> list[Problem]:
    r"""Find tags, event attributes and URLs that are removed, and players that are not closed.

    >>> for problem in find_removed_markup('<p><svg></svg>\n<b onclick="f()">'):
    ...     print(problem)
    1:4: <svg> is removed from the page: show it with <img>.
    2:4: onclick of <b> is removed from the page: pages run no scripts.
    """
    text, tags = _scan(source)
    places: dict[str, list[int]] = {}
    for subject, offset in (*_removed(tags), *_open_players(tags)):
        places.setdefault(subject, []).append(offset)
    return [
        Problem(_message(text, subject, offsets), *text.position(offsets[0]))
        for subject, offsets in list(places.items())[:MAX_PROBLEMS]
    ]


def _scan(source: str) -> tuple[Source, list[Tag]]:
    text = Source(source)
    tags: list[Tag] = []
    liquid = Liquid(text, enabled=False)
    with suppress(CMLError):
        liquid = Liquid(text)
    with suppress(CMLError):  # fifty problems, which are reported elsewhere
        tags += scan_tags(text, liquid.mask(source))
    return text, tags


def _removed(tags: list[Tag]) -> Iterator[tuple[str, int]]:
    """Yield what is removed, and its offset; nothing inside an image in SVG."""
    inside = ""
    ends = {tag.name: tag.end for tag in tags if tag.is_end}
    for tag in tags:
        if tag.is_end or inside:
            inside = "" if tag.is_end and tag.name == inside else inside
            continue
        if not tag.kind and tag.name not in TAGS:
            is_open = tag.name in _WITH_CONTENT and not tag.self_closing
            inside = tag.name if is_open and ends.get(tag.name, 0) > tag.start else ""
            yield f"<{tag.name:.60}>", tag.start
            continue
        yield from _removed_attributes(tag)


def _removed_attributes(tag: Tag) -> Iterator[tuple[str, int]]:
    """Yield what is removed from the attributes of a tag, and from the markup in them."""
    for name, attribute in tag.attributes.items():
        if name.startswith("on") and name.isalpha() and len(name) > len("on"):  # not only-if
            yield f"{name:.60} of <{tag.name}>", attribute.start
        elif not tag.kind and name == "style":
            for style in _removed_styles(attribute.value):
                yield f"{_STYLE}{style:.60}", attribute.start
        elif not tag.kind and name in URL_ATTRIBUTES and _is_unsafe(tag, name, attribute):
            yield f'{name}="{attribute.value:.30}" of <{tag.name}>', attribute.start
        elif tag.name in MEDIA_TAGS and name in MEDIA_ATTRIBUTES:
            for address in _refused_addresses(name, attribute.value):
                yield f"{_REFUSED}{address:.200}", attribute.start
        elif tag.kind and name in MARKUP_ATTRIBUTES and "<" in attribute.value:
            # Tags that HTML does not have are text in a label.
            inner = [each for each in _scan(attribute.value)[1] if each.name in TAGS | ACTIVE_TAGS]
            for subject, _ in _removed(inner):
                yield subject, attribute.start


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


def _removed_styles(style: str) -> list[str]:
    """Return the properties that are removed, if no Liquid completes their names."""
    removed = split_style(_PRINTED.sub("0", _LIQUID_TAG.sub("", style)))[1]
    return [name for name in removed if "0" not in name]


def _is_unsafe(tag: Tag, name: str, attribute: Attribute) -> bool:
    """Return whether a URL is removed in every row; with Liquid, what is before it decides."""
    url, printed, _ = _LIQUID_TAG.sub("", attribute.value).partition("{{")
    is_half_data = printed and url.strip().lower().startswith("data:") and "," not in url
    return not is_half_data and not is_safe_attribute(tag.name, name, url)


def _refused_addresses(name: str, value: str) -> list[str]:
    """Return the addresses that pages do not load in any row, if no Liquid completes their host."""
    addresses = split_addresses(name, _PRINTED.sub("{{}}", _LIQUID_TAG.sub("", value)))
    fixed = (each for each in addresses if "{{" not in each or _WITH_HOST.match(each))
    return [each for each in fixed if not is_loaded(each)]


def _message(text: Source, subject: str, offsets: list[int]) -> str:
    fix = "pages run no scripts"
    done = _DONE
    if subject.startswith(_OPEN):
        subject = subject.removeprefix(_OPEN)
        done = "is not closed before the next tag of CML, so the page closes it there"
        fix = f"add </{subject[1:]}"
    elif subject.startswith(_REFUSED):
        subject, done, fix = subject.removeprefix(_REFUSED), "is not loaded by the page", ADVICE
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
