"""Dry runs: a client that ends the command before the first request that changes something."""

from __future__ import annotations

from collections.abc import Mapping
from os import SEEK_END
from typing import Any, Final
from urllib.parse import parse_qsl

from crowdflower._types import one_line
from crowdflower.client import Client
from crowdflower.http import encoding
from crowdflower.http.responses import Answer
from crowdflower.http.retry import Safety
from crowdflower.models.endpoints import ENDPOINTS
from crowdflower.payments.records import DryRun

SHOWN_LINES: Final = 5
"""Lines of a file that are shown."""

SHOWN_CHARACTERS: Final = 400
"""Characters of a line that are shown."""

SHOWN_BYTES: Final = 1 << 14
"""Bytes of a file that are read to show its first lines."""


class DryRunEnded(Exception):
    """The request that a command would send next.

    :param lines: The method and the address, then the body.
    """

    def __init__(self, lines: list[str]) -> None:
        super().__init__(lines[0])
        self.lines = lines


class DryRunClient(Client):
    """A client that reads, and raises :class:`DryRunEnded` in place of changing anything."""

    def request(self, method: str, path: str, *args: Any, **settings: Any) -> Answer:
        """Send a request that changes nothing.

        :raises DryRunEnded: The request would change something; it was not sent.
        """
        if ENDPOINTS.find(method, path).endpoint.retry.safety is Safety.READ:
            return super().request(method, path, *args, **settings)
        prepared = self.transport.prepare(method, path, query=settings.get("query"))
        raise DryRunEnded([f"{method} {prepared.url}", *_describe_body(settings.get("data"))])


def describe_payment(payment: DryRun) -> list[str]:
    """Return the lines that a dry run prints of a payment."""
    fields = parse_qsl(payment.body, keep_blank_values=True)
    return [f"{payment.method} {payment.url}", *(_shorten(f"{k}={v}") for k, v in fields)]


def _describe_body(data: Any) -> list[str]:
    """Return the parameters of a form, or the first lines of another body."""
    if data is None:
        return []
    if isinstance(data, Mapping):
        return [_shorten(f"{name}={value}") for name, value in encoding.flatten(data)]
    if isinstance(data, str):
        data = data.encode()
    if isinstance(data, bytes):
        return _first_lines(data, len(data))
    start: bytes = data.read(SHOWN_BYTES)
    return _first_lines(start, data.seek(0, SEEK_END))


def _first_lines(start: bytes, size: int) -> list[str]:
    """Return the first lines of a body of so many bytes."""
    lines = start.decode(errors="replace").splitlines()
    is_cut = size > len(start) or len(lines) > SHOWN_LINES
    return [*map(_shorten, lines[:SHOWN_LINES]), *([f"… {size:,} bytes in all"] if is_cut else ())]


def _shorten(line: str) -> str:
    line = one_line(line)
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}…"
