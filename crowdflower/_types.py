"""Type aliases for JSON and rows, the marker for a missing value, and text for messages."""

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from os import PathLike, fspath
from typing import Any, Final, Protocol, Self, TypeAlias

JSON: TypeAlias = Any
"""Any decoded JSON; a recursive type would promise more than the service guarantees."""

JSONObject: TypeAlias = dict[str, Any]
"""A decoded JSON object."""

Row: TypeAlias = Mapping[str, Any]
"""One row of data to label: column name to value."""

Rows: TypeAlias = Iterable[Row]
"""Rows; iterated once, in order."""


class ArrowStream(Protocol):
    """A table that offers its rows as Arrow data, as data frames do (the PyCapsule interface)."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a capsule with an Arrow stream."""


class LazyTable(Protocol):
    """A table that is computed when it is collected, such as a ``LazyFrame`` of polars."""

    def collect(self) -> Any:
        """Return the table."""


RowSource: TypeAlias = Rows | ArrowStream | LazyTable | str | PathLike[str]
"""What holds the rows of an upload: dicts, a table, or the path of a file."""


class Missing(Enum):
    """The type of :data:`MISSING`; an enum, so that type checkers can narrow it."""

    MISSING = "MISSING"

    def __repr__(self) -> str:
        return self.value


MISSING: Final = Missing.MISSING
"""Marks a missing value where ``None`` is a valid one."""


class SecretText(str):
    """A header value or an address whose repr is masked.

    While a request is sent or a connection is opened, they are in local variables, also of the
    libraries. Error reporters show the local variables of every frame of a traceback.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'****'"


def masked(secret: object) -> SecretText:
    """Return a secret with a masked repr; what is not a string, and so invalid, becomes empty.

    >>> key = masked("EXAMPLEKEY0123456789")
    >>> [key], key.isascii(), masked(b"EXAMPLEKEY0123456789") == ""
    (['****'], True, True)
    """
    return SecretText(secret if isinstance(secret, str) else "")


def describe_type(value: object) -> str:
    """Return the type of a value with its article, for error messages.

    >>> describe_type(7), describe_type([]), describe_type(None)
    ('an int', 'a list', 'None')
    """
    if value is None:
        return "None"
    kind = type(value)
    name = kind.__name__
    if kind.__module__.partition(".")[0] == "numpy":  # an int64 would not say why it is not an int
        name = f"numpy.{name}"
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def is_path(value: object) -> bool:
    """Return whether a value is a path, as ``open`` takes it, but not of bytes.

    >>> is_path("rows.csv"), is_path(b"rows.csv"), is_path(None)
    (True, False, False)
    """
    return isinstance(value, str) or (
        isinstance(value, PathLike)
        and not isinstance(value, type)
        and isinstance(fspath(value), str)
    )


def one_line(text: str) -> str:
    r"""Return text as one line that is safe to log and to print.

    Line breaks and tabs become a space. What else changes the display, such as terminal escape
    sequences and marks that reverse the direction of text, is escaped, and so are surrogates.
    Joiners stay: they are part of words in Hindi and Persian, and of emoji.

    >>> one_line("no\n2026-11-30 INFO paid\u2028\x1b[2J"), one_line("नमस्ते 👩\u200d🚀")
    ('no 2026-11-30 INFO paid \\x1b[2J', 'नमस्ते 👩\u200d🚀')

    Source: `CWE-117 <https://cwe.mitre.org/data/definitions/117.html>`_, improper output
    neutralization for logs.
    """
    text = _LINE_BREAKS.sub(" ", text)
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


_LINE_BREAKS: Final = re.compile(r"[\t-\r\x1c-\x1f\x85\u2028\u2029]+")

_CONTROLS: Final = re.compile(
    r"[\0-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Control and format characters, but not joiners; surrogates; tags, which are invisible."""


class Message(str):
    """A text for people, with a code and values, from which a page can write its own words.

    Everything else takes it for the plain string that it is.

    :param text: The text.
    :param code: What it says, such as ``few_units``; empty if no code is needed.
    :param values: What varies in it; may be other messages.

    >>> said = Message("this job has 3 units", "few_units", units=3)
    >>> print(said, said.code, said.values)
    this job has 3 units few_units {'units': 3}
    """

    __slots__ = ("code", "values")

    code: str
    values: dict[str, Any]

    def __new__(cls, text: str, code: str = "", /, **values: Any) -> Self:
        message = super().__new__(cls, text)
        message.code, message.values = code, values
        return message

    def reworded(self, text: str) -> Self:
        """Return another text that says the same."""
        return type(self)(text, self.code, **self.values)
