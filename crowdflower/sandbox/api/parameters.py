"""Parameters in every shape in which clients send them; one mapping comes out.

They come in the query, also of a PUT or POST, as a form or as JSON. In the first two a name such as
``job[options][front_load]`` says where in the mapping its value goes, and a list is written as
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
"""Parameters of one request."""

MAX_DEPTH: Final = 8
"""Brackets behind a name."""

_PAST_ANY_END: Final = 10**9
_NAME = re.compile(r"([^][]+)((?:\[[^][]*\])*)")
_INDEX = re.compile(r"[0-9]{1,18}")
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False, "": False}


@dataclass(frozen=True)
class Parameters:
    """What a request asks for, by name; each method reads one of them as what it has to be.

    >>> asked = Parameters({"page": "2", "tags": "a, b", "force": "true"})
    >>> asked.whole("page"), asked.names("tags"), asked.flag("force")
    (2, ['a', 'b'], True)
    """

    values: JSONObject = field(default_factory=dict)

    _read: set[str] = field(default_factory=set, compare=False, repr=False)
    _inner: dict[str, Parameters] = field(default_factory=dict, compare=False, repr=False)

    def __contains__(self, name: str) -> bool:
        """Tell whether a parameter is there, whatever it is; whoever asks has read it."""
        self._read.add(name)
        return name in self.values

    def value(self, name: str) -> Any:
        """Read a parameter as it came; ``None`` when it is absent."""
        self._read.add(name)
        return self.values.get(name)

    def unread(self) -> list[str]:
        """Name the parameters that nobody has read, and that therefore did nothing.

        >>> asked = Parameters(
        ...     {"page": "2", "pgae": "3", "unit": {"golden": "true", "pool": "quiz"}}
        ... )
        >>> asked.page(), asked.within("unit").flag("golden"), asked.unread()
        (2, True, ['pgae', 'unit[pool]'])
        """
        inner = (
            f"{name}[{each}]" for name, below in self._inner.items() for each in below.unread()
        )
        return [*(name for name in self.values if name not in self._read), *inner]

    def text(self, name: str) -> str | None:
        """Read a text; ``None`` when it is absent or blank.

        :raises Invalid: It is a list, a mapping or a boolean.
        """
        value = self.value(name)
        if isinstance(value, (dict, list, bool)):
            raise Invalid(f"{name} has to be a text.")
        return None if value is None else str(value).strip() or None

    def whole(self, name: str, default: int | None = None) -> int | None:
        """Read a whole number; the default when it is absent or blank.

        :raises Invalid: It is something else, or longer than 18 digits.
        """
        text = self.text(name)
        if text is None:
            return default
        if not _WHOLE.fullmatch(text):
            raise Invalid(f"{name} has to be a whole number, not {text!r:.40}.")
        return int(text)

    def page(self) -> int:
        """Read which page is asked for; the first one is 1, and 0 is taken for it.

        :raises Invalid: It is no whole number, or below zero.
        """
        number = self.whole("page", 1) or 1
        if number < 0:
            raise Invalid(f"page has to be 1 or more, not {number}.")
        return min(number, _PAST_ANY_END)

    def limit(self, most: int) -> int:
        """Read how many a page may hold: ``most`` by default, and never more.

        :raises Invalid: It is no whole number, or less than one.
        """
        size = self.whole("limit", most)
        if size is None or size < 1:
            raise Invalid(f"limit has to be 1 to {most}, not {size}.")
        return min(size, most)

    def flag(self, name: str) -> bool:
        """Read ``true`` or ``false``, also spelled ``1`` and ``0``; absent and blank are false.

        :raises Invalid: It is something else.
        """
        value = self.value(name)
        spelled = "" if value is None else str(value).lower()
        if spelled not in _FLAGS:
            raise Invalid(f"{name} has to be true or false, not {value!r:.40}.")
        return _FLAGS[spelled]

    def names(self, name: str) -> list[str] | None:
        """Read a list of names in any of its spellings; ``None`` when it is absent.

        :raises Invalid: It holds something else than texts.
        """
        value = self.value(name)
        if value is None:
            return None
        items = value.split(",") if isinstance(value, str) else listed(value)
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise Invalid(f"{name} has to be a list of names.")
        return [item.strip() for item in items if item.strip()]

    def mapping(self, name: str) -> JSONObject:
        """Read a mapping, given as such or as JSON text; empty when it is absent.

        :raises BadRequest: Its text is no JSON.
        :raises Invalid: It is no mapping.
        """
        value = self.value(name)
        if isinstance(value, str):
            value = from_json(value, name) if value.strip() else {}
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise Invalid(f"{name} has to be a mapping, such as {name}[…]=… or a JSON object.")
        return value

    def within(self, name: str) -> Parameters:
        """Read a mapping whose names are parameters themselves; without any when it is absent.

        :raises BadRequest: Its text is no JSON.
        :raises Invalid: It is no mapping.
        """
        if name not in self._inner:
            self._inner[name] = Parameters(self.mapping(name))
        return self._inner[name]

    def required(self, name: str) -> Any:
        """Return the value as it came.

        :raises MissingParameters: It is absent.
        """
        if name not in self:
            raise MissingParameters
        return self.values[name]


def listed(value: object) -> object:
    """Turn a list that was sent by index into one; the indices only order it.

    >>> listed({"10": "b", "9": "a"})
    ['a', 'b']
    >>> listed({"a": 1})
    {'a': 1}
    """
    if isinstance(value, dict) and value and all(map(_INDEX.fullmatch, value)):
        return [value[key] for key in sorted(value, key=int)]
    return value


def from_query(raw: bytes) -> JSONObject:
    """Read a query or the body of a form.

    :param raw: As it came, percent-encoded.
    :raises BadRequest: It is no UTF-8, has too many or too deep names, or names that contradict
        each other.

    >>> from_query(b"job[title]=Caf%C3%A9&job[options][after_gold]=4&tags[]=a&tags[]=b")
    {'job': {'title': 'Café', 'options': {'after_gold': '4'}}, 'tags': ['a', 'b']}
    """
    if raw.count(b"&") >= MAX_COUNT:
        raise BadRequest(f"The request has more than {MAX_COUNT} parameters.")
    try:
        pairs = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise BadRequest(f"A parameter is not UTF-8 at byte {error.start}.") from None
    return from_pairs(pairs)


def from_pairs(pairs: Iterable[tuple[str, str]]) -> JSONObject:
    """Build the mapping that bracketed names describe; of equal names the last one wins.

    :raises BadRequest: A name nests too deeply or cannot be read, a value holds NUL, or the same
        name is a value and a mapping at once.
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
            raise BadRequest(f"The parameter {name!r:.80} holds the character NUL.")
        if not _placed(tree, first, rest, value):
            raise BadRequest(f"The parameter {name!r:.80} contradicts one before it.")
    return tree


def _placed(tree: JSONObject, name: str, rest: Sequence[str], value: str) -> bool:
    """Put a value where its name says, unless something of another shape is there."""
    if not rest:
        if isinstance(tree.get(name), (dict, list)):
            return False
        tree[name] = value
        return True
    inner, *after = rest
    if inner:
        below = tree.setdefault(name, {})
        return isinstance(below, dict) and _placed(below, inner, after, value)
    items = tree.setdefault(name, [])
    if not isinstance(items, list):
        return False
    if not after:
        items.append(value)
        return True
    # rows[][a]=1&rows[][b]=2&rows[][a]=3 are two rows: a key that is there begins the next one.
    if not items or not isinstance(items[-1], dict) or after[0] in items[-1]:
        items.append({})
    return bool(after[0]) and _placed(items[-1], after[0], after[1:], value)


def from_json(text: str, what: str = "The body") -> JSONObject:
    """Read a JSON object.

    :param what: What an error calls it.
    :raises BadRequest: It is no JSON, no object, or holds more than the sandbox takes.

    >>> from_json('{"tags": ["a"]}')
    {'tags': ['a']}
    """
    try:
        value = decode(text)
    except JSONDecodeError as error:
        raise BadRequest(f"{what} is not JSON that can be read: {error}") from None
    if not isinstance(value, dict):
        raise BadRequest(f'{what} has to be a JSON object, such as {{"job": {{…}}}}.')
    return value


def merged(query: JSONObject, body: JSONObject) -> JSONObject:
    """Lay the body's parameters over the query's; mappings are merged key by key.

    >>> merged({"job": {"title": "a", "cml": "b"}}, {"job": {"title": "c"}})
    {'job': {'title': 'c', 'cml': 'b'}}
    """
    result = dict(query)
    for name, value in body.items():
        below = result.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            result[name] = merged(below, value)
        else:
            result[name] = value
    return result
