"""An address as a QR code, for a terminal and for a page."""

from __future__ import annotations

import segno
from markupsafe import Markup

QUIET_ZONE = 4
"""Empty modules around the code, as the standard requires."""

_HALVES = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
"""A character for two modules, the upper and the lower one: what is dark stays empty."""


def qr_text(address: str) -> str:
    """Return a QR code of block characters, two modules high, for a dark terminal.

    >>> print(qr_text("a").splitlines()[2])
    ████ ▄▄▄▄▄ █▀▄█▀▄█ ▄▄▄▄▄ ████
    """
    code = segno.make(address, error="l", boost_error=False, micro=False)
    rows = [list(map(int, row)) for row in code.matrix_iter(border=QUIET_ZONE)]
    rows += [[0] * len(rows[0])] * (len(rows) % 2)
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join("".join(map(_half, upper, lower)) for upper, lower in pairs)


def _half(upper: int, lower: int) -> str:
    return _HALVES[upper, lower]


def qr_picture(address: str, name: str) -> Markup:
    """Return a QR code as a picture in SVG: dark on light in both themes.

    :param name: What the picture says to those who do not see it.
    """
    code = segno.make(address, error="m", micro=False)
    size = code.symbol_size(border=QUIET_ZONE)[0]
    path = "".join(
        f"M{x} {y}h1v1h-1z"
        for y, row in enumerate(code.matrix_iter(border=QUIET_ZONE))
        for x, dark in enumerate(row)
        if dark
    )
    return Markup(
        '<svg class="qr" role="img" viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        '<title>{name}</title><path fill="#fff" d="M0 0h{size}v{size}H0z"/>'
        '<path fill="#000" d="{path}"/></svg>'
    ).format(size=size, name=name, path=path)
