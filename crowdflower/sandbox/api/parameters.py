"""Parses parameters, from the query, a form or JSON, into one nested mapping.

A query may come with any verb. In queries and forms, a name such as ``job[options][front_load]``
says where in the mapping its value goes, and a list is written as
``channels[]=a&channels[]=b``, ``channels[0]=a&channels[1]=b`` or ``channels=a,b``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from crowdflower.sandbox.errors import BadRequest, Invalid, MissingParameters
from crowdflower.sandbox.store.json_text import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from crowdflower._types import JSONObject

MAX_COUNT: Final = 5000
"""Parameters in one request."""

MAX_DEPTH: Final = 8
"""Pairs of brackets after a name."""

_MAX_PAGE: Final = 10**9
_NAME = re.compile(r"([^][]+)((?:\[[^][]*\])*)")
_INDEX = re.compile(r"[0-9]{1,18}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False, "": False}


@dataclass(frozen=True)
class Parameters:
    """Parameters of a request, by name; each method reads one of them as a type.

    >>> parameters = Parameters({"page": "2", "tags": "a, b", "force": "true"})
    >>> parameters.integer("page"), parameters.names("tags"), parameters.flag("force")
    (2, ['a', 'b'], True)
    """

    values: JSONObject = field(default_factory=dict)

    _read: set[str] = field(default_factory=set, compare=False, repr=False)
    _inner: dict[str, Parameters] = field(default_factory=dict, compare=False, repr=False)

    def __contains__(self, name: str) -> bool:
        """Return whether a parameter is present; it counts as read."""
        self._read.add(name)
        return name in self.values

    def value(self, name: str) -> Any:
        """Read a parameter as it was sent; ``None`` when it is absent."""
        self._read.add(name)
        return self.values.get(name)

    def unread(self) -> list[str]:
        """List the names of parameters that were not read, and so had no effect.

        >>> parameters = Parameters(
        ...     {"page": "2", "pgae": "3", "unit": {"golden": "true", "pool": "quiz"}}
        ... )
        >>> parameters.page(), parameters.nested("unit").flag("golden"), parameters.unread()
        (2, True, ['pgae', 'unit[pool]'])
        """
        nested = (
            f"{name}[{each}]" for name, inner in self._inner.items() for each in inner.unread()
        )
        return [*(name for name in self.values if name not in self._read), *nested]

    def text(self, name: str) -> str | None:
        """Read a string; ``None`` when it is absent or blank.

        :raises Invalid: The value is a list, a mapping or a boolean.
        """
        value = self.value(name)
        if isinstance(value, (dict, list, bool)):
            raise Invalid(f"{name} has to be a string.")
        return None if value is None else str(value).strip() or None

    def integer(self, name: str, default: int | None = None) -> int | None:
        """Read an integer; the default when it is absent or blank.

        :raises Invalid: The value is not an integer, or has more than 18 digits.
        """
        text = self.text(name)
        if text is None:
            return default
        if not _INTEGER.fullmatch(text):
            raise Invalid(f"{name} has to be an integer, not {text!r:.40}.")
        return int(text)

    def page(self) -> int:
        """Read the number of a page; the first one is 1, and 0 counts as 1.

        :raises Invalid: The value is not an integer, or is negative.
        """
        number = self.integer("page", 1) or 1
        if number < 0:
            raise Invalid(f"page has to be 1 or more, not {number}.")
        return min(number, _MAX_PAGE)

    def limit(self, maximum: int) -> int:
        """Read the size of a page: ``maximum`` by default, and never more.

        :raises Invalid: The value is not an integer, or is less than 1.
        """
        size = self.integer("limit", maximum)
        if size is None or size < 1:
            raise Invalid(f"limit has to be 1 to {maximum}, not {size}.")
        return min(size, maximum)

    def flag(self, name: str) -> bool:
        """Read ``true`` or ``false``, also spelled ``1`` and ``0``; false when absent or blank.

        :raises Invalid: The value is something else.
        """
        value = self.value(name)
        spelled = "" if value is None else str(value).lower()
        if spelled not in _FLAGS:
            raise Invalid(f"{name} has to be true or false, not {value!r:.40}.")
        return _FLAGS[spelled]

    def names(self, name: str) -> list[str] | None:
        """Read a list of names in any of its spellings; ``None`` when it is absent.

        :raises Invalid: The value is not a list of strings.
        """
        value = self.value(name)
        if value is None:
            return None
        items = value.split(",") if isinstance(value, str) else as_list(value)
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise Invalid(f"{name} has to be a list of names.")
        return [item.strip() for item in items if item.strip()]

    def mapping(self, name: str) -> JSONObject:
        """Read a mapping, also from a string of JSON; empty when it is absent.

        :raises BadRequest: The string is not JSON.
        :raises Invalid: The value is not a mapping.
        """
        value = self.value(name)
        if isinstance(value, str):
            value = parse_json(value, name) if value.strip() else {}
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise Invalid(f"{name} has to be a mapping, such as {name}[…]=… or a JSON object.")
        return value

    def nested(self, name: str) -> Parameters:
        """Read a mapping as parameters of its own; empty when it is absent.

        :raises BadRequest: The string is not JSON.
        :raises Invalid: The value is not a mapping.
        """
        if name not in self._inner:
            self._inner[name] = Parameters(self.mapping(name))
        return self._inner[name]

    def require(self, name: str) -> Any:
        """Read a parameter as it was sent.

        :raises MissingParameters: The parameter is absent.
        """
        if name not in self:
            raise MissingParameters
        return self.values[name]


def as_list(value: object) -> object:
    """Turn a mapping from index to item into a list, in the order of the indices.

    >>> as_list({"10": "b", "9": "a"})
    ['a', 'b']
    >>> as_list({"a": 1})
    {'a': 1}
    """
    if isinstance(value, dict) and value and all(map(_INDEX.fullmatch, value)):
        return [value[key] for key in sorted(value, key=int)]
    return value


def parse_query(raw: bytes) -> JSONObject:
    """Parse a query string or the body of a form.

    :param raw: Percent-encoded.
    :raises BadRequest: The input is not UTF-8, has too many parameters, or has names that nest too
        deeply or contradict each other.

    >>> parse_query(b"job[title]=Caf%C3%A9&job[options][after_gold]=4&tags[]=a&tags[]=b")
    {'job': {'title': 'Café', 'options': {'after_gold': '4'}}, 'tags': ['a', 'b']}
    """
    if raw.count(b"&") >= MAX_COUNT:
        raise BadRequest(f"The request has more than {MAX_COUNT} parameters.")
    try:
        pairs = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise BadRequest(f"A parameter is not UTF-8 at byte {error.start}.") from None
    return parse_pairs(pairs)


def parse_pairs(pairs: Iterable[tuple[str, str]]) -> JSONObject:
    """Build the mapping that bracketed names describe; of equal names the last one wins.

    :raises BadRequest: A name cannot be parsed or nests too deeply, a name or value contains NUL,
        or a name stands for a value and for a mapping.
    """
    tree: JSONObject = {}
    for name, value in pairs:
        shape = _NAME.fullmatch(name)
        if not shape:
            raise BadRequest(f"The parameter name {name!r:.80} is not of the form name[key][key].")
        first, brackets = shape.groups()
        rest = brackets[1:-1].split("][") if brackets else []
        if len(rest) > MAX_DEPTH:
            raise BadRequest(f"The parameter {name!r:.80} nests deeper than {MAX_DEPTH} levels.")
        if "\0" in value or "\0" in name:
            raise BadRequest(f"The parameter {name!r:.80} contains the character NUL.")
        if not _insert(tree, first, rest, value):
            raise BadRequest(f"The parameter {name!r:.80} contradicts one before it.")
    return tree


def _insert(tree: JSONObject, name: str, rest: Sequence[str], value: str) -> bool:
    """Insert a value; return ``False`` if the place has a value of another type."""
    if not rest:
        if isinstance(tree.get(name), (dict, list)):
            return False
        tree[name] = value
        return True
    inner, *after = rest
    if inner:
        subtree = tree.setdefault(name, {})
        return isinstance(subtree, dict) and _insert(subtree, inner, after, value)
    items = tree.setdefault(name, [])
    if not isinstance(items, list):
        return False
    if not after:
        items.append(value)
        return True
    # rows[][a]=1&rows[][b]=2&rows[][a]=3 are two rows: a key that repeats begins the next one.
    if not items or not isinstance(items[-1], dict) or after[0] in items[-1]:
        items.append({})
    return bool(after[0]) and _insert(items[-1], after[0], after[1:], value)


def parse_json(text: str, what: str = "The body") -> JSONObject:
    """Parse a JSON object.

    :param what: Subject of the error message.
    :raises BadRequest: The text is not a JSON object, or exceeds a limit of the sandbox.

    >>> parse_json('{"tags": ["a"]}')
    {'tags': ['a']}
    """
    try:
        value = decode(text)
    except JSONDecodeError as error:
        raise BadRequest(f"{what} is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadRequest(f'{what} has to be a JSON object, such as {{"job": {{…}}}}.')
    return value


def merge(query: JSONObject, body: JSONObject) -> JSONObject:
    """Merge the body's parameters into the query's, key by key; the body wins.

    >>> merge({"job": {"title": "a", "cml": "b"}}, {"job": {"title": "c"}})
    {'job': {'title': 'c', 'cml': 'b'}}
    """
    result = dict(query)
    for name, value in body.items():
        existing = result.get(name)
        if isinstance(existing, dict) and isinstance(value, dict):
            result[name] = merge(existing, value)
        else:
            result[name] = value
    return result
