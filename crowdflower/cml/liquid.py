"""Finds the Liquid of a form: what to mask before scanning, excluding branches, printed columns.

Nothing here runs Liquid. A form is parsed as written: this module finds ``{{ … }}`` and ``{% … %}``
in one pass, masks them for the tag scanner, and returns the branch around any offset, since two
questions may share a name if they are in different branches of one ``if``.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from crowdflower.cml.problems import Source
    from crowdflower.cml.scanner import Attribute

MAX_BLOCK_DEPTH: Final = 30
"""How deep Liquid blocks may be nested."""

MAX_TAG_LENGTH: Final = 10_000
"""Characters between ``{{`` and ``}}``, or ``{%`` and ``%}``."""

_START = re.compile(r"\{[{%]")
_NAME = re.compile(r"-?[ \t\r\n]*(#|\w+)")
_BLOCKS = {"capture", "case", "for", "if", "ifchanged", "tablerow", "unless"}
_BRANCH_TAGS = {"else", "elsif", "when"}
_WORD = re.compile(r"""(?P<text>"[^"]*"|'[^']*')|(?P<word>[^\s"'|:,.()\[\]=<>!]+)|\.\.|\S""")
_TESTS = {"if", "unless", "elsif", "case", "when"}
_IN = re.compile(r"\sin\s")
_BRACES = re.compile(r"(\{\{-?\s*|\s*-?\}\})")
_ASSIGNMENTS = {"assign": re.compile("="), "for": _IN, "tablerow": _IN}
_DEFAULT = re.compile(r"\|\s*default\b")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_NOT_COLUMNS = frozenset(
    [
        *("and", "or", "not", "contains", "in", "if", "else", "true", "false", "nil", "null"),
        *("empty", "blank", "forloop", "tablerowloop", "reversed", "continue"),
    ]
)
"""Words of Liquid, and the names that it provides itself."""

_VERBATIM_END = {
    name: re.compile(rf"\{{%-?[ \t\r\n]*end{name}[ \t\r\n]*-?%\}}")
    for name in ("comment", "doc", "raw")
}


@dataclass(frozen=True)
class Span:
    """One piece of Liquid.

    :param start: Offset of its first brace.
    :param end: Offset after its last brace.
    :param tag: Name of the tag, such as ``if``; empty for ``{{ … }}``. A comment is one span.
    """

    start: int
    end: int
    tag: str


@dataclass(frozen=True)
class Branch:
    """One branch of a Liquid block, such as the ``else`` of an ``if``, and the branch around it."""

    block: int
    number: int
    tag: str
    parent: Branch | None

    @property
    def repeats(self) -> bool:
        """Whether it may be rendered more than once, as in a loop."""
        return self.tag in {"for", "tablerow"} or (self.parent is not None and self.parent.repeats)


class Liquid:
    """The Liquid of a form.

    :param source: The form; problems of its Liquid are added to it.
    :param enabled: Whether to look for Liquid. In a rendered form, braces are text.
    """

    def __init__(self, source: Source, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self.spans: list[Span] = []
        self._starts: list[int] = []
        self._branch_starts: list[int] = [0]
        self._branches: list[Branch | None] = [None]
        if enabled:
            self._find_spans(source)
            self._find_branches(source)

    def is_between(self, start: int, end: int) -> bool:
        """Return whether any Liquid other than a comment starts between two offsets."""
        low, high = bisect_left(self._starts, start), bisect_left(self._starts, end)
        return any(self.spans[index].tag not in {"comment", "doc"} for index in range(low, high))

    def is_in(self, value: str) -> bool:
        """Return whether an attribute value of this form contains Liquid."""
        return bool(self.spans) and _START.search(value) is not None

    def branch_at(self, offset: int) -> Branch | None:
        """Return the innermost branch around an offset; ``None`` outside of all blocks."""
        return self._branches[bisect_right(self._branch_starts, offset) - 1]

    def loop_start(self, offset: int, default: int) -> int:
        """Return where the outermost loop around an offset starts; the default outside of all."""
        branch = self.branch_at(offset)
        while branch is not None:
            if branch.tag in {"for", "tablerow"}:
                default = self.spans[branch.block].start
            branch = branch.parent
        return default

    def mask(self, text: str) -> str:
        """Overwrite all Liquid in the text, so that its quotes and brackets are gone.

        ``{{ … }}`` becomes letters, everything else spaces; offsets stay the same.
        """
        pieces, end = [], 0
        for span in self.spans:
            fill = " " if span.tag else "x"
            pieces += [text[end : span.start], fill * (span.end - span.start)]
            end = span.end
        return "".join([*pieces, text[end:]])

    def _find_spans(self, source: Source) -> None:
        text, offset, unclosed = source.text, 0, set[str]()
        while opening := _START.search(text, offset):
            start = offset = opening.start()
            close = "}}" if opening.group() == "{{" else "%}"
            end = -1 if close in unclosed else text.find(close, start + 2)
            offset += 2
            if end < 0:
                if close not in unclosed:
                    unclosed.add(close)
                    source.add_problem(start, f"{opening.group()} is never closed; add {close}.")
                continue
            if end - start > MAX_TAG_LENGTH:
                source.add_problem(
                    start,
                    f"This Liquid is longer than {MAX_TAG_LENGTH:,} characters; split it.",
                )
            name = _NAME.match(text, start + 2, end) if close == "%}" else None
            tag = name.group(1) if name else ("#" if close == "%}" else "")
            offset = self._add(source, start, end + 2, tag, unclosed)

    def _add(self, source: Source, start: int, end: int, tag: str, unclosed: set[str]) -> int:
        """Add a span and return where to continue; verbatim text extends to its end tag."""
        closing = None
        if tag in _VERBATIM_END and tag not in unclosed:
            closing = _VERBATIM_END[tag].search(source.text, end)
            if closing is None:
                unclosed.add(tag)
                source.add_problem(start, f"{{% {tag} %}} is never closed; add {{% end{tag} %}}.")
        if closing is None:
            self._append(Span(start, end, tag))
            return end
        if tag == "raw":
            self._append(Span(start, end, tag))
            self._append(Span(closing.start(), closing.end(), "endraw"))
        else:
            self._append(Span(start, closing.end(), tag))
        return closing.end()

    def _append(self, span: Span) -> None:
        self.spans.append(span)
        self._starts.append(span.start)

    def _find_branches(self, source: Source) -> None:
        """Follow blocks as they open and close; report those that are not balanced."""
        blocks: list[tuple[Span, Branch]] = []
        for number, span in enumerate(self.spans):
            if span.tag in _BLOCKS:
                if len(blocks) == MAX_BLOCK_DEPTH:
                    source.add_problem(
                        span.start,
                        f"Liquid blocks are nested more than {MAX_BLOCK_DEPTH} deep; flatten them.",
                    )
                    return
                parent = blocks[-1][1] if blocks else None
                blocks.append((span, Branch(number, 0, span.tag, parent)))
            elif span.tag in _BRANCH_TAGS and blocks:
                block, last = blocks[-1]
                blocks[-1] = (block, Branch(last.block, last.number + 1, last.tag, last.parent))
            elif span.tag[:3] == "end" and span.tag[3:] in _BLOCKS:
                if not blocks or blocks[-1][0].tag != span.tag[3:]:
                    self._report_unmatched(source, span, blocks)
                    return
                blocks.pop()
            else:
                continue
            self._branch_starts.append(span.start)
            self._branches.append(blocks[-1][1] if blocks else None)
        for block, _ in blocks:
            source.add_problem(
                block.start, f"{{% {block.tag} %}} is never closed; add {{% end{block.tag} %}}."
            )

    @staticmethod
    def _report_unmatched(source: Source, span: Span, blocks: list[tuple[Span, Branch]]) -> None:
        fix = f"close {{% {blocks[-1][0].tag} %}} first" if blocks else "remove it"
        source.add_problem(
            span.start, f"{{% {span.tag} %}} has no matching {{% {span.tag[3:]} %}}; {fix}."
        )


class _Reader:
    """Collects the names that expressions print, test, and assign, with their first offsets."""

    def __init__(self, liquid: Liquid) -> None:
        self._liquid = liquid
        self._printed: dict[str, int] = {}
        self._assigned: dict[str, int] = {}
        self._tested = set[str]()
        self._captures: list[str] = []

    def columns(self) -> dict[str, int]:
        """Return the names that are printed before they are assigned, and never tested."""
        return {
            name: at
            for name, at in self._printed.items()
            if name not in self._tested and at < self._assigned.get(name, at + 1)
        }

    def read_tag(self, tag: str, text: str, offset: int) -> None:
        """Read the expression behind the name of a tag; ``""`` is ``{{ … }}``."""
        if tag in _TESTS:
            self._tested |= {name for name, _ in _names(text)}
        elif tag == "capture":
            self._captures.append(text)
        elif tag in {"endcapture", "increment", "decrement"}:
            text = self._captures.pop() if tag == "endcapture" and self._captures else text
            self._assign(text, self._liquid.loop_start(offset, offset))
        elif tag in _ASSIGNMENTS:
            separator = _ASSIGNMENTS[tag].search(text)
            end, start = separator.span() if separator else (len(text), len(text))
            self._print(text[start:], offset + start)
            after = offset + len(text)
            # In a loop, what is assigned below is known above the next time.
            self._assign(
                text[:end], self._liquid.loop_start(offset, after) if tag == "assign" else after
            )
        elif tag in {"", "echo", "cycle"}:
            self._print(text, offset)
        elif tag == "liquid":
            for line in re.finditer(r"[^\n]+", text):
                name = _NAME.match(line.group())
                if name and name.group(1) != "liquid":
                    inner = line.group()[name.end() :]
                    self.read_tag(name.group(1), inner, offset + line.start() + name.end())

    def _assign(self, text: str, offset: int) -> None:
        for name, _ in _names(text):
            self._assigned[name] = min(offset, self._assigned.get(name, offset))

    def _print(self, text: str, offset: int) -> None:
        if not _DEFAULT.search(text):
            for name, at in _names(text):
                self._printed.setdefault(name, offset + at)


def printed_columns(
    source: Source,
    liquid: Liquid,
    names: Sequence[Attribute] = (),
    conditions: Iterable[Attribute] = (),
) -> dict[str, tuple[int, int]]:
    """Return the columns that a form prints, each with line and column of the first place.

    Not those that it also tests, with ``if``, ``unless`` or ``case``, or prints with ``default``:
    such a form knows that rows may lack them. Not what HTML comments contain.

    :param names: The names of questions, in which Liquid prints nothing: it is part of the name.
    :param conditions: Every ``only-if``, in which Liquid prints nothing where it quotes a name.

    >>> from crowdflower.cml.problems import Source
    >>> form = Source("{% for each in names %}{{ each }} {{ city.name | upcase }}{% endfor %}")
    >>> printed_columns(form, Liquid(form))
    {'names': (1, 16), 'city': (1, 38)}
    """
    text = source.text
    comments = [each.span() for each in _COMMENT.finditer(liquid.mask(text))]
    comments += [(each.value_start, each.value_end) for each in names]
    quoted = name_pattern(text[each.value_start : each.value_end] for each in names)
    for each in conditions:
        comments += [
            found.span() for found in quoted.finditer(text, each.value_start, each.value_end)
        ]
    silent = [(-1, -1), *sorted(comments)]
    reader = _Reader(liquid)
    for span in liquid.spans:
        start, end = span.start + 2, span.end - 2
        if span.tag in _VERBATIM_END or silent[bisect_right(silent, (start,)) - 1][1] >= start:
            continue
        name = _NAME.match(text, start, end) if span.tag else None
        start = name.end() if name else start + (text[start] == "-")
        end -= text[end - 1] == "-"
        reader.read_tag(span.tag, text[start:end], start)
    return {name: source.position(at) for name, at in reader.columns().items()}


def name_pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for the names that contain Liquid, with any spaces inside the braces.

    >>> name_pattern(["a_{{k}}", "b"]).fullmatch("a_{{ k }}") is not None
    True
    """
    braces = {"{{": r"\{\{-?\s*", "}}": r"\s*-?\}\}"}
    patterns = {
        "".join(
            braces.get(piece.strip(" \t\r\n-"), re.escape(piece))
            for piece in _BRACES.split(name.strip())
        )
        for name in names
        if _START.search(name)
    }
    return re.compile("|".join(sorted(patterns, key=len, reverse=True)) or "(?!)")


def _names(text: str) -> Iterator[tuple[str, int]]:
    """Yield the names in an expression that may be columns, each with its offset.

    Not attributes behind a dot, filters, names of arguments, numbers and strings; but a string in
    brackets of its own is a name: ``["Full name"]``.
    """
    first, before, tokens = "", "", [*_WORD.finditer(text), None]
    for token, following in pairwise(tokens):
        if token is None:
            break
        word, here = token["word"], token.group()
        if token["text"] is not None:
            if before == "[" and not (first == "]" or first[:1].isalnum() or first[:1] == "_"):
                yield here[1:-1], token.start()
        elif (
            word
            and not (word[0].isdecimal() or word[0] == "-" or word in _NOT_COLUMNS)
            and before not in {".", "|"}
            and not (following and following.group() == ":")
        ):
            yield word.rstrip("?"), token.start()
        first, before = before, here
