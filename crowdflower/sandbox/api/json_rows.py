r"""Reads uploaded JSON row by row: one object a line (JSON Lines), or concatenated objects.

Like the service, it also takes objects without line breaks between them, pretty-printed or not. A
JSON array makes the service fail with status 500; here it is refused with a message that says how
to send the same rows.
"""

from __future__ import annotations

import codecs
import re
from functools import partial
from itertools import chain
from json import JSONDecodeError
from typing import IO, TYPE_CHECKING, Any, Final

from crowdflower._types import Message
from crowdflower.sandbox.api.csv_rows import ENCODING, unable
from crowdflower.sandbox.errors import Invalid
from crowdflower.sandbox.store.json_text import (
    SameName,
    decode_at,
    decode_flat_object,
    skip_whitespace,
)

if TYPE_CHECKING:
    from collections.abc import Generator

MAX_ROW: Final = 16 * 1024 * 1024
"""Characters in one row; rows may carry whole images in base 64."""

_BLOCK: Final = 1024 * 1024
_MAX_TOKEN: Final = 12
r"""Characters of the longest token that a block may cut: ``-Infinity``, ``\ud83d\ude00``."""
_NOT_UTF_8 = re.compile("[\ud800-\udfff]")
"""What ``surrogateescape`` decodes bytes to that are not UTF-8."""

AN_ARRAY: Final = Message(
    "The file is a JSON array, which the service does not read. Send newline-separated JSON: one"
    " object per line, without brackets around the whole and commas between the lines.",
    "json_array",
)


def read(stream: IO[bytes]) -> Generator[dict[str, Any], None, None]:
    r"""Yield the objects of a JSON file.

    :param stream: The file, in binary; a byte order mark is allowed. It is left open.
    :raises Invalid: A row is not a JSON object or not UTF-8; the message has its number, from 1.

    >>> import io
    >>> list(read(io.BytesIO(b'{"a": 1}\n{"a": 2} {"a":\n 3}')))
    [{'a': 1}, {'a': 2}, {'a': 3}]
    """
    number, pending, next_attempt = 0, "", 0
    # A long line is cut, maybe within a character, of which the decoder keeps the first bytes. So
    # that the right row is refused, it decodes bytes that are not UTF-8 to surrogates.
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    first = stream.readline(_BLOCK).removeprefix(codecs.BOM_UTF8)
    for block in chain([first], iter(partial(stream.readline, _BLOCK), b""), [b""]):
        plain = None if pending else decode_flat_object(block)
        if plain is not None:
            number += 1
            yield plain
            continue
        last = not block
        line = decoder.decode(block, last)
        if not line.isascii() and _NOT_UTF_8.search(line):
            raise unable(number + 1, ENCODING, "not_utf_8")
        pending += line
        if len(pending) < next_attempt and not last:
            continue
        at = 0
        while (at := skip_whitespace(pending, at)) < len(pending):
            found = _object_at(pending, at, number + 1, last=last)
            if found is None:
                break
            row, at = found
            number += 1
            yield row
        pending = pending[at:]
        # An object of many lines is parsed again only when its text has doubled: parsing it after
        # every line would take quadratic time.
        next_attempt = min(2 * len(pending), MAX_ROW)
        if len(pending) > MAX_ROW:
            problem = f"It is longer than {MAX_ROW} characters."
            raise unable(number + 1, problem, "long_row", most=MAX_ROW)


def _object_at(text: str, at: int, number: int, *, last: bool) -> tuple[dict[str, Any], int] | None:
    """Parse one object; ``None`` when its end has not been read yet."""
    if text[at] == "[":
        raise Invalid(AN_ARRAY)
    try:
        value, end = decode_at(text, at, unique_names=True)
    except SameName as error:
        problem = f"It has {str(error)!r:.80} twice."
        raise unable(number, problem, "same_name", name=f"{error!s:.80}") from None
    except JSONDecodeError as error:
        cut_off = error.msg.startswith("Unterminated") or error.pos > len(text) - _MAX_TOKEN
        if cut_off and not last:
            return None
        place = error.pos - at + 1
        problem = f"{error.msg}, at character {place} of it."
        raise unable(number, problem, "not_json", error=error.msg, place=place) from None
    if isinstance(value, dict):
        return value, end
    raise unable(number, "It is not a JSON object; a row is {column: value}.", "row_not_object")
