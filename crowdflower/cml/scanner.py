"""Tags and their attributes, with their places, from text that people write.

The standard library's :mod:`html.parser` is not used, for two reasons. It gives no place of an
attribute, and so an error could only point at a tag. And on ``<a <a <a …`` its time grows with the
square of the length: 32 KB keep it busy for ten seconds, in every Python that we run on. Here each
character is looked at a fixed number of times. The rules are those of HTML where they matter to a
form: comments, declarations and scripts hold no tags, names are lower-cased, an attribute may do
without quotes. They are kinder where a form would lose a question: ``<`` never belongs to a tag
that is open already.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crowdflower.cml.problems import Source

_OPEN = re.compile(r"<(?:(!--)|([!?])|(/?)([a-zA-Z][^\s/><=\"']*))")
_BLANKS = re.compile(r"[\s/]*")
_NAME = re.compile(r"=?[^\s/>=<]*")
_EQUALS = re.compile(r"\s*=\s*")
_BARE = re.compile(r"[^\s><]*")
_END_OF: Final = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style")
}
_CURLY: Final = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb"
_CURLY_QUOTE: Final = (
    "The value of {} begins with a curly quote, which becomes part of the value, and ends at the "
    'first blank; use straight quotes: ".'
)


@dataclass(frozen=True)
class Attribute:
    """What an attribute says, and where its name and its value begin."""

    value: str
    start: int
    value_start: int


@dataclass(frozen=True)
class Tag:
    """One tag as written.

    :param name: Lower-cased, such as ``cml:radios`` or ``div``.
    :param closes: Whether it is an end tag.
    :param empty: Whether it ends with ``/>``.
    :param attributes: Name to attribute, the first of each name; only for tags of CML.
    :param start: Offset of its ``<``.
    :param end: Offset behind its ``>``.
    """

    name: str
    closes: bool
    empty: bool
    attributes: dict[str, Attribute]
    start: int
    end: int

    @property
    def kind(self) -> str:
        """The name without ``cml:``; empty for a tag of HTML."""
        return self.name[4:] if self.name.startswith("cml:") else ""


def tags(source: Source, hidden: str) -> Iterator[Tag]:
    """Read the tags of a form, in order.

    :param source: The form as written; values are taken from here.
    :param hidden: The same, character for character, with its Liquid painted over.
    """
    at = 0
    while opening := _OPEN.search(hidden, at):
        comment, declaration, slash, name = opening.groups()
        if comment or declaration:
            at = _skip(source, hidden, opening.start(), "-->" if comment else ">")
            continue
        tag, at = _tag(source, hidden, opening.start(), opening.end(), name.lower(), bool(slash))
        if tag is None:
            continue
        yield tag
        if tag.name in _END_OF and not tag.closes and not tag.empty:
            end = _END_OF[tag.name].search(hidden, at)
            at = end.start() if end else len(hidden)


def _skip(source: Source, hidden: str, start: int, close: str) -> int:
    """Find the end of a comment or declaration; the form ends with one that is not closed."""
    end = hidden.find(close, start + 2)
    if end >= 0:
        return end + len(close)
    if close == "-->":
        source.warning(start, "This comment never ends and hides all that follows; add -->.")
    return len(hidden)


def _tag(
    source: Source, hidden: str, start: int, at: int, name: str, closes: bool
) -> tuple[Tag | None, int]:
    """Read a tag from behind its name; ``None`` if it is not closed, and where to go on."""
    ours = name.startswith("cml:")
    note = source.problem if ours else source.warning
    attributes: dict[str, Attribute] = {}
    while True:
        at = _behind(_BLANKS, hidden, at)
        if hidden[at : at + 1] == ">":
            empty = hidden[at - 1] == "/"
            return Tag(name, closes, empty, attributes, start, at + 1), at + 1
        if at >= len(hidden) or hidden[at] == "<":
            if ours:
                note(start, f"This tag is never closed; end <{name} with > or />.")
            return None, at
        begins, key = at, hidden[at : (at := _behind(_NAME, hidden, at))].lower()
        first, last, at = _value(hidden, at)
        if at > len(hidden):
            note(
                begins, f"The quote of {key} in <{name}> is never closed; all that follows is lost."
            )
            return None, at
        if "<cml:" in hidden[first:last]:
            note(begins, f"The value of {key} in <{name}> runs into the next tag; close its quote.")
        if ours and key not in attributes:
            attributes[key] = Attribute(unescape(source.text[first:last]), begins, first)
            if hidden[first : first + 1] in _CURLY and first < last:
                source.warning(begins, _CURLY_QUOTE.format(key))


def _value(hidden: str, at: int) -> tuple[int, int, int]:
    """Find the value behind the name of an attribute: its two ends, and where to go on.

    Without a value both ends are the same. A quote that is not closed leads behind the end.
    """
    equals = _EQUALS.match(hidden, at)
    if equals is None:
        return at, at, at
    at = equals.end()
    quote = hidden[at : at + 1]
    if quote in {'"', "'"}:
        end = hidden.find(quote, at + 1)
        return (at + 1, end, end + 1) if end >= 0 else (at, at, len(hidden) + 1)
    end = _behind(_BARE, hidden, at)
    if hidden[end : end + 1] == ">" and hidden[end - 1] == "/" and end > at:
        end -= 1
    return at, end, end


def _behind(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Go behind what matches here; stay if nothing does."""
    match = pattern.match(text, at)
    return match.end() if match else at
