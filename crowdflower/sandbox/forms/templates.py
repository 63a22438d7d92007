"""Liquid templates, rendered by python-liquid in the lenient mode that real forms need."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from liquid import Environment, Mode, TokenStream
from liquid.builtin.expressions import FilteredExpression
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.echo_tag import EchoNode, EchoTag
from liquid.exceptions import LiquidError, ResourceLimitError
from liquid.parser import get_parser
from liquid.stringify import to_liquid_string
from liquid.token import (
    TOKEN_CONTENT,
    TOKEN_EXPRESSION,
    TOKEN_OUTPUT,
    TOKEN_TAG,
    TOKEN_WORD,
    Token,
)

from crowdflower.cml.liquid import Liquid, Span
from crowdflower.cml.names import is_name_character
from crowdflower.cml.problems import MAX_PROBLEMS, Problem, Source
from crowdflower.sandbox.forms import limits, output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TextIO

    from liquid import BoundTemplate, Expression, Node, RenderContext

MAX_BRACKETS: Final = 100
"""Brackets in one expression; the library's parsing time grows with their square."""

_NAME = re.compile(r"#|\w+")
_STRING_OR_CHARACTER = re.compile(r"""(["']).*?\1|[^\x00-\x7f]""", re.DOTALL)
_REMOVED_TAGS: Final = ("include", "render")
_INNER_TAGS: Final = (
    "else elsif when endif endunless endcase endfor endtablerow endcapture endifchanged raw endraw"
)


class TemplateError(ValueError):
    """A template cannot be parsed or rendered, or exceeded a limit."""


class Template:
    """A form with Liquid, parsed once for all rows.

    >>> template = Template('{% for each in sizes %}<i title="{{ each }}">{% endfor %}')
    >>> template.render({"sizes": ["S", 'M"']})
    '<i title="S"><i title="M&#34;">'
    >>> Template("{{ text }} or {{ text | escape }}").render({"text": "<b>bold"})
    '<b>bold</b> or &lt;b&gt;bold'
    """

    def __init__(self, source: str) -> None:
        self._size = len(source)
        try:
            self._template: BoundTemplate = _LENIENT.from_string(source)
        except LiquidError as error:
            is_deep = isinstance(error.__cause__, RecursionError)
            reason = "an expression is nested too deeply" if is_deep else error.message
            raise TemplateError(f"{_where(error)}Invalid Liquid: {reason}.") from None

    def render(self, row: Mapping[str, object]) -> str:
        """Render the template for a row.

        :raises TemplateError: The template exceeds a limit, or does not work with this row.
        """
        context = limits.BudgetContext(self._template, row, self._size)
        buffer = limits.BudgetBuffer(context.budget)
        try:
            self._template.render_with_context(context, buffer)
        except LiquidError as error:
            raise TemplateError(f"{_where(error)}Liquid was stopped: {error.message}.") from None
        except Exception as error:  # noqa: BLE001 - caused by the template or the row
            raise TemplateError(f"Liquid does not work with this row: {error}.") from None
        return buffer.getvalue()


def find_unsupported_liquid(source: str) -> list[Problem]:
    """Find tags that are unknown or unsupported, and expressions with too many brackets.

    In lenient mode, the library would skip such a tag without an error.

    >>> [str(problem) for problem in find_unsupported_liquid("{% unles x %}")]
    ['1:1: Liquid has no tag "unles"; did you mean "unless"?']
    """
    text = Source(source)
    known = {*_LENIENT.tags, *_INNER_TAGS.split(), ""}
    problems = []
    for span in Liquid(text).spans:
        if span.tag in _REMOVED_TAGS:
            message = f"{{% {span.tag} %}} is not supported; insert the included text instead."
        elif span.tag not in known:
            hint = text.did_you_mean(span.tag, sorted(known))
            message = f'Liquid has no tag "{span.tag:.60}"{hint or "."}'
        elif source.count("(", *_bounds(span)) + source.count("[", *_bounds(span)) > MAX_BRACKETS:
            message = f"An expression may have at most {MAX_BRACKETS} brackets; split it."
        else:
            continue
        problems.append(Problem(message, *text.position(span.start)))
    return problems[:MAX_PROBLEMS]


def _bounds(span: Span) -> tuple[int, int]:
    """Return the offsets of a piece of Liquid to check; none of a comment."""
    return (span.start, span.start if span.tag in {"comment", "doc"} else span.end)


def find_skipped_expression(source: str) -> Problem | None:
    """Find the first expression that lenient Liquid skips, such as ``=`` instead of ``==``.

    >>> print(find_skipped_expression('{% if kind = "a" %}{% endif %}'))
    1:12: Liquid cannot parse this and skips it: expected end of expression, found '='.
    """
    try:
        _STRICT.from_string(source)
    except LiquidError as error:
        message = f"Liquid cannot parse this and skips it: {error.message}."
        return Problem(message, *_position(error))
    return None


def _position(error: LiquidError) -> tuple[int, int]:
    """Return line and column of an error; 1, 1 if it has none."""
    token = error.token
    if token is None or token.start_index < 0:
        return 1, 1
    return Source(token.source).position(token.start_index)


def _where(error: LiquidError) -> str:
    return "line {}, column {}: ".format(*_position(error))


class _Environment(Environment):
    """The library's environment with our tokenizer and output, and with hard limits.

    Filters treat values as plain text (no ``autoescape``), so that a value of a row can be combined
    with markup of the template. What is printed is cleaned or escaped by :class:`_OutputNode`.
    """

    context_depth_limit = limits.MAX_CONTEXT_DEPTH

    def __init__(self, mode: Mode) -> None:
        super().__init__(tolerance=mode, strict_filters=False)
        for name in _REMOVED_TAGS:
            del self.tags[name]
        del self.filters["safe"]
        self.add_filter("strip_html", _strip_tags)
        self.add_filter("h", self.filters["escape"])
        self.add_tag(_Output)
        self.add_tag(_Echo)

    def tokenizer(self) -> Callable[[str], Iterator[Token]]:
        """Return a tokenizer that works in one pass; the library's takes quadratic time."""
        return _tokens

    def _parse(self, source: str) -> list[Node]:
        return get_parser(self).parse(_TokenStream(_tokens(source)))

    def error(
        self,
        exc: type[LiquidError] | LiquidError,
        msg: str | None = None,
        token: Token | None = None,
    ) -> None:
        """Handle an error as the mode says, but always raise a reached limit."""
        if isinstance(exc, ResourceLimitError):
            exc.token = exc.token or token
            raise exc
        super().error(exc, msg, token)


def _tokens(source: str) -> Iterator[Token]:
    """Split a template into literal text and Liquid tokens."""
    at, strip = 0, False
    for span in (*Liquid(Source(source)).spans, Span(len(source), len(source), "#")):
        inner = source[span.start + 2 : span.end - 2]
        before = source[at : span.start]
        before = before.lstrip() if strip else before
        before = before.rstrip() if inner[:1] == "-" else before
        if before:
            yield Token(TOKEN_CONTENT, before, at, source)
        at, strip = span.end, inner[-1:] == "-"
        yield from _span_tokens(span, inner, source)


def _span_tokens(span: Span, inner: str, source: str) -> Iterator[Token]:
    """Split one piece of Liquid into the name of the tag and the expression; skip comments."""
    if span.tag in {"#", "comment", "doc", "raw", "endraw"}:
        return
    first = span.start + 2 + (inner[:1] == "-")
    last = max(first, span.end - 2 - (inner[-1:] == "-"))
    name = _NAME.search(source, first, last) if span.tag else None
    if name:
        yield Token(TOKEN_TAG, name.group(), name.start(), source)
        first = name.end()
    else:
        yield Token(TOKEN_OUTPUT, source[span.start : span.end], span.start, source)
    text = source[first:last]
    if expression := text.strip():
        start = first + text.index(expression)
        yield Token(TOKEN_EXPRESSION, _mask_names(expression), start, source)


def _mask_names(expression: str) -> str:
    r"""Replace what the library does not take for part of a name, such as vowel signs, by ``_``.

    Its names are what ``\w`` matches, without the marks of Hindi, Thai or decomposed Vietnamese.
    Offsets stay the same, so :class:`_TokenStream` finds the name in the source.
    """
    if expression.isascii():
        return expression
    return _STRING_OR_CHARACTER.sub(
        lambda found: "_" if is_name_character(found.group()[0]) else found.group(), expression
    )


class _TokenStream(TokenStream):
    """The library's stream of tokens, with names of any script."""

    def into_inner(self, *, tag: Token | None = None, eat: bool = True) -> TokenStream:
        """Return the tokens of an expression."""
        inner = super().into_inner(tag=tag, eat=eat)
        inner.tokens = [
            each._replace(value=each.source[each.start_index : each.start_index + len(each.value)])
            if each.kind == TOKEN_WORD and "_" in each.value
            else each
            for each in inner.tokens
        ]
        return inner


class _OutputNode(OutputNode):
    """Prints a value so that it fits the place in the form."""

    __slots__ = ("place",)

    def __init__(self, token: Token, expression: Expression) -> None:
        super().__init__(token, expression)
        self.place = output.find_place(token.source, token.start_index)

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        """Print the value."""
        value = self.expression.evaluate(context)
        text = value if isinstance(value, str) else to_liquid_string(value, autoescape=False)
        if self.place is output.Place.TEXT and isinstance(context, limits.BudgetContext):
            context.budget.sanitize(text)
        return buffer.write(output.insert(text, self.place))


class _EchoNode(_OutputNode, EchoNode):
    """``{% echo … %}``, printed like ``{{ … }}``."""


class _Echo(EchoTag):
    """``{% echo … %}``."""

    node_class = _EchoNode


class _Output(Output):
    """``{{ … }}``, parsed from our stream of tokens."""

    node_class = _OutputNode

    def parse(self, stream: TokenStream) -> OutputNode:
        token = stream.eat(TOKEN_OUTPUT)
        inner = stream.into_inner(tag=token, eat=False)
        return self.node_class(token, FilteredExpression.parse(self.env, inner))


def _strip_tags(value: object) -> str:
    """Remove HTML tags; the library takes quadratic time for ``<a <a <a``."""
    text, pieces, at = str(value), list[str](), 0
    while (opening := text.find("<", at)) >= 0 and (closing := text.find(">", opening)) >= 0:
        pieces.append(text[at:opening])
        at = closing + 1
    return "".join([*pieces, text[at:]])


_LENIENT: Final = _Environment(Mode.LAX)
_STRICT: Final = _Environment(Mode.STRICT)
