"""Finds leaks of the key: in text, logs, pickles and attributes."""

from __future__ import annotations

import logging
import pickle
import traceback
from base64 import b64encode
from collections.abc import Iterator

from catalogue import KEY

from crowdflower.exceptions import ApiError

SPELLINGS = (KEY, b64encode(KEY.encode()).decode())


def shows_the_key(text: str) -> bool:
    """Return whether a text contains the key in any encoding."""
    return any(spelling in text for spelling in SPELLINGS)


def leaks(error: BaseException) -> list[str]:
    """Return all places in which an error shows the key."""
    return [way for way, text in _shown(error) if shows_the_key(text)]


def _shown(error: BaseException) -> Iterator[tuple[str, str]]:
    yield "str", str(error)
    yield "repr", repr(error)
    yield "args", repr(error.args)
    yield "notes", repr(getattr(error, "__notes__", None))
    yield "attributes", repr(vars(error))
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    yield "traceback with locals", "".join(trace.format())
    if isinstance(error, ApiError):
        yield "pickle", pickle.dumps(error).decode("latin-1")
        response = error.response
        for what in (error.request, response, *(response.history if response is not None else ())):
            if what is not None:
                yield "request or response", repr([f"{each}" for each in _parts(what)])
    for name in ("__cause__", "__context__"):
        inner = getattr(error, name)
        if inner is not None:
            yield from ((f"{name}: {way}", text) for way, text in _shown(inner))


def _parts(what: object) -> Iterator[object]:
    for name in ("url", "headers", "body", "_content", "request", "next", "cookies", "reason"):
        part = getattr(what, name, None)
        yield part
        if name == "request" and part is not None:
            yield from _parts(part)


class Log(logging.Handler):
    """All log records from DEBUG on, as text."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name} {record.levelname} {record.getMessage()} {record.args}")
