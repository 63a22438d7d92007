"""Parses parameters, from the query, a form or JSON, into one nested mapping.

A query may come with any verb. In queries and forms, a name such as ``job[options][front_load]``
says where in the mapping its value goes, and a list is written as
``channels[]=a&channels[]=b``, ``channels[0]=a&channels[1]=b`` or ``channels=a,b``.

The service was written in Ruby on Rails, and its clients depend on how Rails and Rack read what is
not quite in order: brackets that do not match, ``null`` as a body, a page number with text around
it. So this module reads them in the same way.

Source: Rack 1.6, `Rack::Utils.normalize_params
<https://github.com/rack/rack/blob/1.6.0/lib/rack/utils.rb>`_.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_plus

from crowdflower.sandbox.errors import BadRequest, Invalid, MissingParameters
from crowdflower.sandbox.store.json_text import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from crowdflower._types import JSONObject

MAX_COUNT: Final = 5000
"""Parameters in one request."""

MAX_DEPTH: Final = 8
"""Pairs of brackets after a name."""

_MAX_PAGE: Final = 10**9
_KEY = re.compile(r"[][]*([^][]+)\]*")
_BRACKETS = re.compile(r"[][]+")
_INDEX = re.compile(r"[0-9]{1,18}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_IN_BRACES = re.compile(r"\{(.*)\}", re.DOTALL)
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False, "": False}


@dataclass(frozen=True)
class Parameters:
    """Parameters of a request, by name; each method reads one of them as a type.

    >>> parameters = Parameters({"page": "2", "tags": "a, b", "force": "true"})
    >>> parameters.integer("page"), parameters.names("tags"), parameters.flag("force")
    (2, ['a', 'b'], True)
    """

    values: JSONObject = field(default_factory=dict)

    warnings: list[str] = field(default_factory=list, compare=False, repr=False)
    """What was read as something else than it says."""

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
        """Read an integer, also a float without a fraction; the default when it is absent or blank.

        :raises Invalid: The value is not an integer, or has more than 18 digits.
        """
        value = self.value(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        text = "" if value is None else str(value).strip()
        if not text:
            return default
        if not _INTEGER.fullmatch(text):
            raise Invalid(f"{name} has to be a whole number, not {value!r:.40}.")
        return int(text)

    def page(self) -> int:
        """Read the number of a page, from 1; without a number, or with one below 1, the first page.

        >>> [Parameters({"page": text}).page() for text in ("3", "{3}", "3rd", "", "last", "-1")]
        [3, 3, 3, 1, 1, 1]
        """
        return min(max(self._leading_integer("page", 1), 1), _MAX_PAGE)

    def limit(self, maximum: int) -> int:
        """Read the size of a page: ``maximum`` by default, and never more."""
        size = self._leading_integer("limit", maximum)
        if size < 1:
            self.warnings.append(f"limit is 1 to {maximum}, not {size}; it was read as {maximum}.")
            return maximum
        return min(size, maximum)

    def _leading_integer(self, name: str, default: int) -> int:
        """Read the integer that a value begins with, as Rails does; warn if that is not all of it.

        One pair of braces is removed: the documentation has ``page={n}`` for people to fill in.
        """
        value = self.value(name)
        text = "" if value is None else str(value).strip()
        if value is None or _INTEGER.fullmatch(text):
            return int(text or default)
        braces = _IN_BRACES.fullmatch(text)
        found = _INTEGER.match(braces[1].strip() if braces else text)
        number = int(found[0]) if found else default
        self.warnings.append(f"{name} is not an integer: {text!r:.40} was read as {number}.")
        return number

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
        if isinstance(items, dict):  # channels[channel]=cf_internal, as the vendor's own script
            items = list(items.values())
        if isinstance(items, list):
            items = [item for item in items if item is not None]
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
        if value is None or value == []:
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
            self._inner[name] = Parameters(self.mapping(name), self.warnings)
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


def parse_query(raw: bytes, separators: str = "&;") -> JSONObject:
    """Parse a query string or the body of a form.

    :param raw: Percent-encoded.
    :param separators: Characters between parameters; a form has ``&`` only. Spaces may follow.
    :raises BadRequest: The input is not UTF-8, has too many parameters, or has names that nest too
        deeply or contradict each other.

    >>> parse_query(b"job[title]=Caf%C3%A9&job[options][after_gold]=4&tags[]=a&tags[]=b")
    {'job': {'title': 'Café', 'options': {'after_gold': '4'}}, 'tags': ['a', 'b']}
    """
    # Of a value such as ``with=;`` the semicolon is a part: what follows is not a parameter.
    parts = re.split(rf"& *|[{separators}] *(?=[^&;=]+=)".encode(), raw)
    if len(parts) > MAX_COUNT:
        raise BadRequest(f"The request has more than {MAX_COUNT} parameters.")
    try:
        raw.decode("utf-8")
        pairs = [*_split(part.decode("utf-8") for part in parts)]
    except UnicodeDecodeError as error:
        raise BadRequest(f"A parameter is not UTF-8 at byte {error.start}.") from None
    return parse_pairs(pairs)


def _split(parts: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Yield names and values, decoded; the value of a name without ``=`` is ``None``."""
    for part in filter(None, parts):
        name, equals, value = part.partition("=")
        decoded = unquote_plus(value, errors="strict") if equals else None
        yield unquote_plus(name, errors="strict"), decoded


def parse_pairs(pairs: Iterable[tuple[str, str | None]]) -> JSONObject:
    """Build the mapping that bracketed names describe; of equal names the last one wins.

    Brackets that do not match are read as Rack reads them: leading brackets and missing closing
    ones make no difference, and a name that consists of brackets has no effect.

    :raises BadRequest: A name nests too deeply, a name or value contains NUL, or a name needs a
        list or mapping where the names before it made something else.

    >>> parse_pairs([("[job][title]", "a"), ("job[options][after_gold", "4"), ("[]", "b")])
    {'job': {'title': 'a', 'options': {'after_gold': '4'}}}
    """
    tree: JSONObject = {}
    for name, value in pairs:
        if "\0" in name or (value is not None and "\0" in value):
            raise BadRequest(f"The parameter {name!r:.80} contains the character NUL.")
        try:
            _insert(tree, name, value)
        except _TooDeep:
            message = f"The parameter {name!r:.80} nests deeper than {MAX_DEPTH} levels."
            raise BadRequest(message) from None
        except TypeError:
            raise BadRequest(f"The parameter {name!r:.80} contradicts one before it.") from None
    return tree


class _TooDeep(Exception):
    """A name has more brackets than are read."""


def _insert(tree: JSONObject, name: str, value: str | None, depth: int = 0) -> Any:
    """Insert a value where a name says, and return what stands in the place of the mapping then.

    :raises TypeError: The place has a value of another type.
    """
    if depth > MAX_DEPTH:
        raise _TooDeep
    found = _KEY.match(name)
    if not found:  # only brackets
        return [value] if name == "[]" and value is not None else None
    key, rest = found[1], name[found.end() :]
    if not rest:
        tree[key] = value
    elif rest == "[":
        tree[name] = value
    elif rest == "[]":
        _subtree(tree, key, list).append(value)
    elif rest.startswith("[]"):
        # rows[][a]=1&rows[][b]=2&rows[][a]=3 are two rows: a key that repeats begins the next one.
        items, inner = _subtree(tree, key, list), rest[2:]
        if items and isinstance(items[-1], dict) and not _contains(items[-1], inner):
            _insert(items[-1], inner, value, depth + 1)
        else:
            items.append(_insert({}, inner, value, depth + 1))
    else:
        tree[key] = _insert(_subtree(tree, key, dict), rest, value, depth + 1)
    return tree


def _subtree(tree: JSONObject, key: str, kind: type[Any]) -> Any:
    if tree.get(key) is None:
        tree[key] = kind()
    if not isinstance(tree[key], kind):
        raise TypeError(key)
    return tree[key]


def _contains(tree: object, name: str) -> bool:
    """Return whether a mapping has a value in the place that a name describes."""
    if "[]" in name:
        return False
    for key in filter(None, _BRACKETS.split(name)):
        if not isinstance(tree, dict) or key not in tree:
            return False
        tree = tree[key]
    return True


def parse_json(text: str, what: str = "The body") -> JSONObject:
    """Parse a JSON object; ``null``, an empty list and an empty string count as an empty one.

    Clients send ``null`` for no parameters at all, and PHP writes an empty array as ``[]``.

    :param what: Subject of the error message.
    :raises BadRequest: The text is not a JSON object, or exceeds a limit of the sandbox.

    >>> parse_json('{"tags": ["a"]}'), parse_json(" null ")
    ({'tags': ['a']}, {})
    """
    try:
        value = decode(text)
    except JSONDecodeError as error:
        raise BadRequest(f"{what} is not valid JSON: {error}") from None
    if value is None or value in ([], ""):
        return {}
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
