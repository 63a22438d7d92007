"""HTML tables for notebooks.

All text is escaped, since rows are written by strangers. The HTML sets no colours, so that it suits
light and dark themes, loads nothing, and keeps notebooks from typesetting two amounts in dollars as
a formula.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from html import escape
from itertools import islice
from reprlib import Repr
from typing import Final

from crowdflower._types import one_line

MAX_ROWS: Final = 20
MAX_COLUMNS: Final = 12
MAX_TEXT: Final = 160
"""Characters of a cell."""


def table(
    rows: Iterable[Sequence[object]],
    header: Sequence[object] | None = None,
    caption: object = "",
    *,
    count: int | None = None,
) -> str:
    """Return the first rows as an HTML table, and how many more there are.

    :param rows: Any objects; at most :data:`MAX_ROWS` rows are read and shown.
    :param header: The names of the columns; without them, the first cell of each row is its name.
    :param count: The number of all rows, if ``rows`` are only the first.

    >>> print(table([("<b>", 1), ("review", None)], ["column", "rows"], "Sentiment", count=9))
    <div class="tex2jax_ignore mathjax_ignore"><table>
    <caption>Sentiment</caption>
    <thead><tr><th ...>column</th><th ...>rows</th></tr></thead>
    <tbody>
    <tr><td ...>&lt;b&gt;</td><td ...>1</td></tr>
    <tr><td ...>review</td><td ...></td></tr>
    </tbody>
    </table><p>… and 7 more</p></div>
    """
    first = [list(row) for row in islice(rows, MAX_ROWS)]
    if count is None:
        count = len(rows) if isinstance(rows, Sized) else len(first)
    name = f"<caption>{_text(caption)}</caption>\n" if caption else ""
    head = f"<thead>{_row(header, name='col', others='col')}</thead>\n" if header else ""
    body = "".join(f"{_row(cells, name=None if header else 'row')}\n" for cells in first)
    hidden = count - len(first)
    more = f"<p>… and {hidden:,} more</p>" if hidden > 0 else ""
    return (
        '<div class="tex2jax_ignore mathjax_ignore"><table>\n'
        f"{name}{head}<tbody>\n{body}</tbody>\n</table>{more}</div>"
    )


def _row(cells: Sequence[object], *, name: str | None, others: str | None = None) -> str:
    """Return a row of cells.

    :param name: What the first cell is the heading of, ``row`` or ``col``; ``None`` if of nothing.
    :param others: The same for the other cells.
    """
    hidden = len(cells) - MAX_COLUMNS
    shown = [*cells[:MAX_COLUMNS], *([f"… {hidden:,} more"] if hidden > 0 else [])]
    return f"<tr>{''.join(_cell(each, others if n else name) for n, each in enumerate(shown))}</tr>"


def _cell(value: object, scope: str | None) -> str:
    start, end = (f'th scope="{scope}"', "th") if scope else ("td", "td")
    return f'<{start} dir="auto" style="text-align: start">{_text(value)}</{end}>'


def _text(value: object) -> str:
    """Return a value as escaped text on one line, shortened."""
    if value is None:
        return ""
    try:
        text = value if isinstance(value, str) else _SHORTENED.repr(value)
    except ValueError:  # an integer of thousands of digits
        text = f"<{type(value).__name__} that is too long>"
    text = one_line(text[: 2 * MAX_TEXT])
    return escape(text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…")


_SHORTENED: Final = Repr()
_SHORTENED.maxstring = _SHORTENED.maxother = MAX_TEXT
