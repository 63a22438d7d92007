"""Scans HTML for tags and attributes, with their offsets.

The standard library's :mod:`html.parser` is not used, for two reasons. It gives no position of an
attribute, so an error could only point at a tag. And its time is quadratic on ``<a <a <a …``: 32 KB
take ten seconds, in every Python version that we support. Here each character is visited a fixed
number of times. The rules are those of HTML where they matter to a form: comments, declarations and
scripts contain no tags, names are lower-cased, quotes around values are optional. The rules are
more lenient where HTML would lose a question: a ``<`` always ends a tag that is still open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crowdflower.cml.problems import Source

_TAG_START = re.compile(r"<(?:(!--)|([!?])|(/?)([a-zA-Z][^\s/><=\"']*))")
_SPACE = re.compile(r"[\s/]*")
_NAME = re.compile(r"=?[^\s/>=<]*")
_EQUALS = re.compile(r"\s*=\s*")
_UNQUOTED = re.compile(r"[^\s><]*")
_RAW_TEXT_END: Final = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style")
}
_CURLY_QUOTES: Final = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb"


@dataclass(frozen=True)
class Attribute:
    """The value of an attribute, and the offsets of its name and of its value without quotes."""

    value: str
    start: int
    value_start: int
    value_end: int


@dataclass(frozen=True)
class Tag:
    """One tag as written.

    :param name: Lower-cased, such as ``cml:radios`` or ``div``.
    :param is_end: Whether it is an end tag.
    :param self_closing: Whether it ends with ``/>``.
    :param attributes: Name to attribute, the first of each name.
    :param start: Offset of its ``<``.
    :param end: Offset after its ``>``.
    """

    name: str
    is_end: bool
    self_closing: bool
    attributes: dict[str, Attribute]
    start: int
    end: int

    @property
    def kind(self) -> str:
        """The name without ``cml:``; empty for a tag of HTML."""
        return self.name[4:] if self.name.startswith("cml:") else ""


def scan_tags(source: Source, masked: str) -> Iterator[Tag]:
    """Yield the tags of a form, in order.

    :param source: The form as written; attribute values are taken from it.
    :param masked: The same text with its Liquid masked, character for character.
    """
    return (tag for _, _, tag in scan(source, masked) if tag is not None)


def scan(source: Source, masked: str) -> Iterator[tuple[int, int, Tag | None]]:
    """Yield start and end of all that is not text, in order, with the tag if it is one.

    The others are comments, declarations, scripts, styles, and tags that are never closed.
    """
    offset = 0
    while opening := _TAG_START.search(masked, offset):
        comment, declaration, slash, name = opening.groups()
        if comment or declaration:
            offset = _skip(source, masked, opening.start(), "-->" if comment else ">")
            yield opening.start(), offset, None
            continue
        tag, offset = _read_tag(
            source, masked, opening.start(), opening.end(), name.lower(), bool(slash)
        )
        yield opening.start(), offset, tag
        if tag and tag.name in _RAW_TEXT_END and not tag.is_end and not tag.self_closing:
            start, end = offset, _RAW_TEXT_END[tag.name].search(masked, offset)
            offset = end.start() if end else len(masked)
            yield start, offset, None


def _skip(source: Source, masked: str, start: int, close: str) -> int:
    """Return the end of a comment or declaration; an unclosed one extends to the form's end."""
    end = masked.find(close, start + 2)
    if end >= 0:
        return end + len(close)
    if close == "-->":
        source.add_warning(
            start, "This comment is never closed and hides everything after it; add -->."
        )
    return len(masked)


def _read_tag(
    source: Source, masked: str, start: int, offset: int, name: str, is_end: bool
) -> tuple[Tag | None, int]:
    """Read a tag from the end of its name on; return it, or ``None`` if unclosed, and its end."""
    is_cml = name.startswith("cml:")
    report = source.add_problem if is_cml else source.add_warning
    attributes: dict[str, Attribute] = {}
    while True:
        offset = _match_end(_SPACE, masked, offset)
        if masked[offset : offset + 1] == ">":
            self_closing = masked[offset - 1] == "/"
            return Tag(name, is_end, self_closing, attributes, start, offset + 1), offset + 1
        if offset >= len(masked) or masked[offset] == "<":
            if is_cml:
                report(start, f"This tag is never closed; end <{name} with > or />.")
            return None, offset
        key_start = offset
        offset = _match_end(_NAME, masked, offset)
        key = masked[key_start:offset].lower()
        first, last, offset = _find_value(masked, offset)
        if offset > len(masked):
            report(
                key_start,
                f"The value of {key} in <{name}> has no closing quote, so everything after it is "
                "ignored; add the quote.",
            )
            return None, offset
        if "<cml:" in masked[first:last]:
            report(
                key_start,
                f"The value of {key} in <{name}> runs into the next tag; add its closing quote.",
            )
        if key not in attributes:
            attributes[key] = Attribute(unescape(source.text[first:last]), key_start, first, last)
            if is_cml and masked[first : first + 1] in _CURLY_QUOTES and first < last:
                source.add_warning(
                    key_start,
                    f"The value of {key} starts with a curly quote, which is read as part of the "
                    'value, so the value ends at the first space; use straight quotes: ".',
                )


def _find_value(masked: str, offset: int) -> tuple[int, int, int]:
    """Find the value after the name of an attribute: its start, its end, and where to continue.

    Without a value, start and end are equal. If the closing quote is missing, the place to
    continue is past the end of the text.
    """
    equals = _EQUALS.match(masked, offset)
    if equals is None:
        return offset, offset, offset
    offset = equals.end()
    quote = masked[offset : offset + 1]
    if quote in {'"', "'"}:
        end = masked.find(quote, offset + 1)
        return (offset + 1, end, end + 1) if end >= 0 else (offset, offset, len(masked) + 1)
    end = _match_end(_UNQUOTED, masked, offset)
    if masked[end : end + 1] == ">" and masked[end - 1] == "/" and end > offset:
        end -= 1
    return offset, end, end


def _match_end(pattern: re.Pattern[str], text: str, offset: int) -> int:
    """Return the end of the match at an offset; the offset itself if nothing matches."""
    match = pattern.match(text, offset)
    return match.end() if match else offset
