"""Where Liquid lies in a form: what to leave alone when reading tags, and what excludes what.

Nothing here runs Liquid. A form is read as written: this module finds ``{{ … }}`` and ``{% … %}``
in one pass, hides them from the reader of tags, and tells which branch a part of the form lies in,
since two questions may share a name in two branches of an ``if``.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from crowdflower.cml.problems import Source

DEEPEST_BLOCK: Final = 30
"""How deep Liquid's blocks may nest."""

LONGEST_TAG: Final = 10_000
"""Characters between ``{{`` and ``}}``, or ``{%`` and ``%}``."""

_OPEN = re.compile(r"\{[{%]")
_NAME = re.compile(r"-?[ \t\r\n]*(#|\w+)")
_BLOCKS = {"capture", "case", "for", "if", "ifchanged", "tablerow", "unless"}
_ARMS = {"else", "elsif", "when"}
_VERBATIM = {
    name: re.compile(rf"\{{%-?[ \t\r\n]*end{name}[ \t\r\n]*-?%\}}")
    for name in ("comment", "doc", "raw")
}


@dataclass(frozen=True)
class Span:
    """One piece of Liquid.

    :param start: Offset of its first brace.
    :param end: Offset behind its last one.
    :param tag: Name of the tag, such as ``if``; empty for ``{{ … }}``. A comment is one span.
    """

    start: int
    end: int
    tag: str


@dataclass(frozen=True)
class Branch:
    """Which arm of which block a part of the form lies in, and in what that block lies."""

    block: int
    arm: int
    tag: str
    parent: Branch | None

    @property
    def repeats(self) -> bool:
        """Whether it may be rendered more than once."""
        return self.tag in {"for", "tablerow"} or (self.parent is not None and self.parent.repeats)


class Liquid:
    """The Liquid of a form.

    :param source: The form; what is wrong with its Liquid is noted there.
    :param looked_for: Whether there is any. In a form that was rendered, braces are text.
    """

    def __init__(self, source: Source, *, looked_for: bool = True) -> None:
        self.spans: list[Span] = []
        self._starts: list[int] = []
        self._changes: list[int] = [0]
        self._branches: list[Branch | None] = [None]
        if looked_for:
            self._find(source)
            self._nest(source)

    def inside(self, start: int, end: int) -> bool:
        """Tell whether Liquid begins between two offsets; a comment says nothing."""
        low, high = bisect_left(self._starts, start), bisect_left(self._starts, end)
        return any(self.spans[at].tag not in {"comment", "doc"} for at in range(low, high))

    def written_in(self, value: str) -> bool:
        """Tell whether a value of this form holds Liquid."""
        return bool(self.spans) and _OPEN.search(value) is not None

    def branch(self, offset: int) -> Branch | None:
        """Find the innermost branch that an offset lies in; ``None`` outside of any."""
        return self._branches[bisect_right(self._changes, offset) - 1]

    def hidden(self, text: str) -> str:
        """Give the text with all Liquid painted over, so that its quotes and brackets are gone.

        What prints something becomes letters, everything else blanks; offsets stay.
        """
        pieces, at = [], 0
        for span in self.spans:
            paint = " " if span.tag else "x"
            pieces += [text[at : span.start], paint * (span.end - span.start)]
            at = span.end
        return "".join([*pieces, text[at:]])

    def _find(self, source: Source) -> None:
        text, at, missing = source.text, 0, set[str]()
        while opening := _OPEN.search(text, at):
            start = at = opening.start()
            close = "}}" if opening.group() == "{{" else "%}"
            end = -1 if close in missing else text.find(close, start + 2)
            at += 2
            if end < 0:
                if close not in missing:
                    missing.add(close)
                    source.problem(start, f"{opening.group()} is never closed; add {close}.")
                continue
            if end - start > LONGEST_TAG:
                source.problem(start, f"Liquid of more than {LONGEST_TAG:,} characters; cut it up.")
            name = _NAME.match(text, start + 2, end) if close == "%}" else None
            tag = name.group(1) if name else ("#" if close == "%}" else "")
            at = self._add(source, start, end + 2, tag, missing)

    def _add(self, source: Source, start: int, end: int, tag: str, missing: set[str]) -> int:
        """Keep a span; what is verbatim ends where its end tag does."""
        closing = None
        if tag in _VERBATIM and tag not in missing:
            closing = _VERBATIM[tag].search(source.text, end)
            if closing is None:
                missing.add(tag)
                source.problem(start, f"{{% {tag} %}} is never closed; add {{% end{tag} %}}.")
        if closing is None:
            self._keep(Span(start, end, tag))
            return end
        if tag == "raw":
            self._keep(Span(start, end, tag))
            self._keep(Span(closing.start(), closing.end(), "endraw"))
        else:
            self._keep(Span(start, closing.end(), tag))
        return closing.end()

    def _keep(self, span: Span) -> None:
        self.spans.append(span)
        self._starts.append(span.start)

    def _nest(self, source: Source) -> None:
        """Follow blocks as they open and close; note those that do not."""
        open_: list[tuple[Span, Branch]] = []
        for number, span in enumerate(self.spans):
            if span.tag in _BLOCKS:
                if len(open_) == DEEPEST_BLOCK:
                    source.problem(
                        span.start, f"Liquid blocks nest deeper than {DEEPEST_BLOCK}; flatten them."
                    )
                    return
                parent = open_[-1][1] if open_ else None
                open_.append((span, Branch(number, 0, span.tag, parent)))
            elif span.tag in _ARMS and open_:
                block, last = open_[-1]
                open_[-1] = (block, Branch(last.block, last.arm + 1, last.tag, last.parent))
            elif span.tag[:3] == "end" and span.tag[3:] in _BLOCKS:
                if not open_ or open_[-1][0].tag != span.tag[3:]:
                    self._mismatch(source, span, open_)
                    return
                open_.pop()
            else:
                continue
            self._changes.append(span.start)
            self._branches.append(open_[-1][1] if open_ else None)
        for block, _ in open_:
            source.problem(
                block.start, f"{{% {block.tag} %}} is never closed; add {{% end{block.tag} %}}."
            )

    @staticmethod
    def _mismatch(source: Source, span: Span, open_: list[tuple[Span, Branch]]) -> None:
        wanted = f"; close {{% {open_[-1][0].tag} %}} first" if open_ else ""
        source.problem(span.start, f"{{% {span.tag} %}} closes nothing that is open{wanted}.")
