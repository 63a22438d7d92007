"""Charts as SVG, made from numbers on the server; the words stand beside them as HTML.

An SVG is stretched to the width of its card, so that text in it would shrink on a phone: the words
of the axes are HTML, and a table below each chart has its numbers. Labels may be anything that
people wrote; they are escaped here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from markupsafe import Markup, escape

from crowdflower.sandbox.pages.translations import gettext

BAR_AREA: Final = (480, 120)
"""Width and height of a chart of bars, in units of its SVG."""

LINE_AREA: Final = (600, 200)
"""Width and height of a chart with a line."""

LINES: Final = 4
"""Distances between the lines behind a line, at most."""

ROUNDED: Final = 100
"""Beyond this number, marks at the lines may be rounded."""

MAX_PARTS: Final = 5
"""Parts of a bar of shares; the rest is summed up, as no more colours can be told apart."""

COLORS: Final = ("f1", "f2", "f3", "f4", "f0")
"""Classes of the style for categories; the last is grey."""

SCALE_COLORS: Final = ("h1", "h2", "h3", "h4", "h5")
"""Classes of the style for the steps of a scale: one hue, from light to dark."""

EMPTY: Final = "ft"
"""Class of the style for what is left over."""

_GAP: Final = 0.4
"""Between two parts of a bar of shares, in percent of its width."""

_STEPS: Final = (1, 2, 2.5, 5, 10)
"""Round numbers between two lines of a grid, times a power of ten."""


class Bar(NamedTuple):
    """A bar of a chart."""

    label: str
    value: int
    color: str = COLORS[0]


class Part(NamedTuple):
    """A part of a whole, such as one answer among all answers to a question."""

    label: str
    number: float
    color: str
    percent: int
    """Of the whole, rounded."""


class Point(NamedTuple):
    """A point of a line; both numbers are fractions of the width and height, from 0 to 1."""

    x: float
    y: float


def split(counts: Sequence[tuple[str, float]], *, is_scale: bool = False) -> list[Part]:
    """Return the parts of a whole, with colours and percentages; at most five.

    :param counts: Label and count, in the order to show. Of more than five, the last are summed up.
    :param is_scale: Whether the parts are steps of a scale, such as ratings. Up to five of them get
        steps of one hue.

    >>> [(part.label, part.percent, part.color) for part in split([("yes", 3), ("no", 1)])]
    [('yes', 75, 'f1'), ('no', 25, 'f2')]
    """
    total = sum(count for _, count in counts)
    if len(counts) > MAX_PARTS:
        kept, rest = counts[: MAX_PARTS - 1], counts[MAX_PARTS - 1 :]
        counts = [*kept, (gettext("others"), sum(count for _, count in rest))]
        is_scale = False
    colors = SCALE_COLORS if is_scale else COLORS
    return [
        Part(label, count, color, round(100 * count / total) if total else 0)
        for (label, count), color in zip(counts, colors, strict=False)
    ]


def share(parts: Sequence[Part], name: str, *, thin: bool = False) -> Markup:
    """Return a bar of parts, each as wide as its share; a legend has to stand beside it.

    :param name: What a screen reader calls it.
    """
    total = sum(part.number for part in parts)
    rectangles, x = [], 0.0
    for part in parts:
        width = 100 * part.number / total if total else 0.0
        if width:
            title = f"{part.label}: {part.percent} %"
            drawn = max(width - _GAP, _GAP)
            rectangles.append(_rectangle(part.color, (x, 0, drawn, 10), title))
        x += width
    return Markup(
        '<svg class="share{}" viewBox="0 0 100 10" preserveAspectRatio="none" role="img"'
        ' aria-label="{}">{}</svg>'
    ).format(" thin" if thin else "", name, Markup("").join(rectangles))


def dot(color: str) -> Markup:
    """Return the mark of a colour in a legend."""
    return Markup(
        '<svg viewBox="0 0 10 10" aria-hidden="true">'
        '<rect class="{}" width="10" height="10" rx="2"/></svg>'
    ).format(color)


def bars(values: Sequence[Bar], words: Sequence[str], name: str) -> Markup:
    """Return a chart of bars from the left to the right.

    :param words: Below the bars, from the left edge to the right one, at equal distances.
    :param name: A sentence with what the chart shows, for a screen reader.
    """
    width, height = BAR_AREA
    top, step = axis(max((bar.value for bar in values), default=0), 3)
    slot = width / max(len(values), 1)
    gap = slot / 5 if slot < width / 12 else slot / 8
    rectangles = []
    for place, bar in enumerate(values):
        tall = height * bar.value / top
        box = (place * slot + gap / 2, height - tall, slot - gap, tall)
        title = f"{bar.label}: {bar.value:,}"
        rectangles.append(_rectangle(bar.color, box, title))
    content = Markup("").join([_grid(width, height, top // step), *rectangles])
    return _frame(BAR_AREA, content, _scale(top, step), words, name, low=True)


def line(
    points: Sequence[Point], plan: Sequence[Point], top: int, words: Sequence[str], name: str
) -> Markup:
    """Return a chart of a line with the area below it, and a dashed line of what is expected.

    :param points: From the left to the right.
    :param plan: The dashed line; empty if nothing is known.
    :param top: The number at the upper edge, such as the rows to finish.
    :param words: Below the line; see :func:`bars`.
    :param name: A sentence with what the chart shows, for a screen reader.
    """
    width, height = LINE_AREA
    lines = _even_lines(top)
    content = [_grid(width, height, lines)]
    if points:
        path = _path(points)
        content.append(
            Markup('<path class="area" d="{}V{}H{}Z"/>').format(
                path, height, _round(points[0].x * width)
            )
        )
        content.append(Markup('<path class="curve" d="{}"/>').format(path))
    if plan:
        content.append(Markup('<path class="curve plan" d="{}"/>').format(_path(plan)))
    marks = [round(top * part / lines) for part in range(lines, -1, -1)]
    return _frame(LINE_AREA, Markup("").join(content), marks, words, name)


def numbers(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """Return the numbers of a chart as a table that can be opened.

    :param heads: Of the columns; the first is that of the rows' names.
    """
    first, *others = map(escape, heads)
    head = f'<th scope="col">{first}</th>' + "".join(
        f'<th scope="col" class="num">{text}</th>' for text in others
    )
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f'<td class="num">{escape(cell)}</td>' for cell in cells)
        + "</tr>"
        for first, *cells in rows
    )
    return Markup(
        '<details class="numbers"><summary>{}</summary>'
        '<div class="scroll" role="group" aria-label="{}" tabindex="0"><table>'
        '<caption class="sr">{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody>'
        "</table></div></details>"
    ).format(gettext("Numbers"), caption, caption, Markup(head), Markup(body))  # noqa: S704 - escaped


def axis(largest: int, steps: int) -> tuple[int, int]:
    """Return the upper end of an axis and the distance of its lines, both round numbers.

    :param steps: About how many distances; there may be one more.

    >>> axis(275, 3), axis(9, 3), axis(0, 3)
    ((300, 100), (10, 5), (1, 1))
    """
    if largest <= 0:
        return 1, 1
    power = 1
    while power * 10 * steps < largest:
        power *= 10
    step = next(
        int(each * power)
        for each in _STEPS
        if each * power == int(each * power) and each * power * steps >= largest
    )
    return -(-largest // step) * step, step


def _frame(
    area: tuple[int, int],
    content: Markup,
    marks: Sequence[int],
    words: Sequence[str],
    name: str,
    *,
    low: bool = False,
) -> Markup:
    width, height = area
    spans = Markup("").join
    return Markup(
        '<div class="chart{}"><div class="y" aria-hidden="true">{}</div>'
        '<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
        '<div class="x" aria-hidden="true">{}</div></div>'
    ).format(
        " low" if low else "",
        spans(Markup("<span>{}</span>").format(f"{mark:,}") for mark in marks),
        width,
        height,
        name,
        content,
        spans(Markup("<span>{}</span>").format(word) for word in words),
    )


def _scale(top: int, step: int) -> list[int]:
    return [*range(top, -1, -step)]


def _even_lines(top: int) -> int:
    """Return into how many parts lines divide a height: equal whole numbers, if it is small.

    >>> _even_lines(6), _even_lines(7), _even_lines(8), _even_lines(122)
    (3, 1, 4, 4)
    """
    if top > ROUNDED:
        return LINES
    return max(parts for parts in range(1, LINES + 1) if top % parts == 0)


def _grid(width: int, height: int, steps: int) -> Markup:
    rules = "".join(
        f'<path class="rule" d="M0 {_round(height * place / steps)}H{width}"/>'
        for place in range(steps + 1)
    )
    return Markup(rules)  # noqa: S704 - numbers


def _rectangle(color: str, box: tuple[float, float, float, float], title: str) -> Markup:
    x, y, width, height = map(_round, box)
    return Markup(  # noqa: S704 - numbers, and what is escaped
        f'<rect class="{escape(color)}" x="{x}" y="{y}" width="{width}" height="{height}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _path(points: Sequence[Point]) -> str:
    width, height = LINE_AREA
    places = (f"{_round(each.x * width)} {_round(height * (1 - each.y))}" for each in points)
    return f"M{'L'.join(places)}"


def _round(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
