"""Finds the Liquid of a form: what to mask before scanning HTML, and which branches exclude others.

Nothing here runs Liquid. A form is parsed as written: this module finds ``{{ … }}`` and ``{% … %}``
in one pass, masks them for the tag scanner, and returns the branch around any offset, since two
questions may share a name if they are in different branches of one ``if``.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from crowdflower.cml.problems import Source

MAX_BLOCK_DEPTH: Final = 30
"""How deep Liquid blocks may be nested."""

MAX_TAG_LENGTH: Final = 10_000
"""Characters between ``{{`` and ``}}``, or ``{%`` and ``%}``."""

_START = re.compile(r"\{[{%]")
_NAME = re.compile(r"-?[ \t\r\n]*(#|\w+)")
_BLOCKS = {"capture", "case", "for", "if", "ifchanged", "tablerow", "unless"}
_BRANCH_TAGS = {"else", "elsif", "when"}
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
