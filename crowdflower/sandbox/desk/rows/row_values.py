"""The values of a row as the desk shows them: text, links, pictures, sounds and films.

What a contributor would see as a picture is one here: the browser's policy allows the same sources.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from crowdflower.sandbox.forms.media_addresses import is_loaded
from crowdflower.sandbox.rules import gold_answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Row

_KINDS: Final = {
    "picture": ("png", "jpg", "jpeg", "gif", "webp", "avif", "bmp", "svg"),
    "audio": ("mp3", "wav", "ogg", "oga", "m4a", "flac", "opus"),
    "video": ("mp4", "webm", "ogv", "mov", "m4v"),
}
"""Kind to the endings of the names of its files."""

_KIND_OF: Final = {ending: kind for kind, endings in _KINDS.items() for ending in endings}

_PICTURE_DATA: Final = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+")

_FILES_OF: Final = "/label/"
"""The contributors' pages; addresses of the operator's files are relative to them."""

_RELATIVE: Final = "files/"

_IN_PICTURE: Final = re.compile(
    r"<img\b[^>]*?\bsrc\s*=\s*[\"']?\s*\{\{-?\s*([^\s|}]+)", re.IGNORECASE
)
"""The column in ``<img src="{{ column }}">``."""

_LONG: Final = 80
"""Characters from which a text is shown larger, to be read."""


class RowValue(NamedTuple):
    """The value of a column."""

    column: str
    text: str
    kind: str
    """``text``, ``link``, ``picture``, ``audio``, ``video`` or ``nothing``."""
    is_hidden: bool
    """Whether contributors never see it, since it is about test questions."""

    @property
    def is_long(self) -> bool:
        """Whether it is a text to be read, not a short one."""
        return len(self.text) > _LONG

    @property
    def url(self) -> str:
        """The address of a link, picture, sound or film."""
        return f"{_FILES_OF}{self.text}" if self.text.startswith(_RELATIVE) else self.text


def read_values(job: Row[Any], data: Mapping[str, Any], columns: Iterable[str]) -> list[RowValue]:
    """Return the values of a row, in the order of the job's columns.

    :param columns: The columns of the job; a row may lack some, and have others.
    """
    hidden = gold_answers.hidden_columns(job.gold)
    pictures = {*_IN_PICTURE.findall(job.cml or "")}
    names = [*(name for name in columns if name in data), *data]
    return [
        RowValue(name, *_shown(data[name], is_picture=name in pictures), name in hidden)
        for name in dict.fromkeys(names)
    ]


def as_text(value: Any) -> str:
    """Return a value as text: a list with commas, anything nested as JSON.

    >>> as_text(["a", "b"]), as_text(4), as_text(None), as_text({"a": 1})
    ('a, b', '4', '', '{"a": 1}')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(each, dict | list) for each in value):
        return ", ".join(as_text(each) for each in value)
    return json.dumps(value, ensure_ascii=False)


def text_column(job: Row[Any], rows: Sequence[Mapping[str, Any]], printed: Sequence[str]) -> str:
    """Return the column that tells rows apart best: the one with the longest texts.

    :param printed: The columns that the form prints; others count only if it prints none.
    """
    hidden = gold_answers.hidden_columns(job.gold)
    lengths: dict[str, int] = {}
    for row in rows:
        for name, value in row.items():
            if name not in hidden:
                text, kind = _shown(value, is_picture=False)
                size = len(text) if kind == "text" else 1
                lengths[name] = lengths.get(name, 0) + size
    shown = [name for name in lengths if name in printed] or [*lengths]
    return max(shown, key=lambda name: lengths[name], default="")


def _shown(value: Any, *, is_picture: bool) -> tuple[str, str]:
    """Return a value as text, and its kind."""
    text = as_text(value)
    if not text.strip():
        return "", "nothing"
    if not isinstance(value, str):
        return text, "text"
    text = text.strip() if _PICTURE_DATA.fullmatch(text.strip()) else text
    if _PICTURE_DATA.fullmatch(text):
        return text, "picture"
    path = _path_of_address(text)
    if path is None:
        return text, "text"
    kind = "picture" if is_picture else _KIND_OF.get(path.rpartition(".")[2].lower(), "link")
    return text, kind if kind == "link" or is_loaded(text) else "link"


def _path_of_address(text: str) -> str | None:
    """Return the path of a web address, or of a file of the operator; ``None`` if it is neither."""
    if len(text.split()) != 1 or text != text.strip() or not text.isprintable():
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if parts.scheme in {"http", "https"} and parts.netloc:
        return parts.path
    is_own = text.startswith((_RELATIVE, f"{_FILES_OF}{_RELATIVE}"))
    return parts.path if is_own and ".." not in text and "\\" not in text else None
