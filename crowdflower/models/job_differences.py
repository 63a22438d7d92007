"""How the attributes that a program passes differ from those that a job has.

Services normalize what they are sent: numbers arrive as strings, titles are capitalized, countries
become objects, spaces at the ends are removed. None of this is a difference. Unlike the comparison
in ``verification``, which looks for a request that was just sent, this one tells upper from lower
case: ``good`` and ``Good`` are two answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from crowdflower._types import JSON, MISSING, JSONObject
from crowdflower.models.job_fields import CONFIDENCE_FIELDS, COUNTRY_LISTS, JobFields

_SHOWN_AS: Final = {
    "problem": "cml",
    "cml_fields": "fields",
    "auto_order_timout": "auto_order_timeout",
}
"""Other names of attributes, with those that jobs show."""

_NEVER_NULL: Final = frozenset({"schedule_fifo"})
"""Attributes that a service may take without showing them: ``null`` says nothing."""

_FRACTIONS: Final = frozenset({"min_unit_confidence"})
"""Attributes from 0 to 1 that services also take in percent."""

_TRUE: Final = frozenset({"true", "1", "t", "on", "yes"})
_FALSE: Final = frozenset({"false", "0", "f", "off", "no"})

_SHORT: Final = 60
"""Characters of a value in a message."""


@dataclass(frozen=True)
class Difference:
    r"""One attribute, or one of the ``options``.

    >>> print(Difference("payment_cents", 10, 12))
    payment_cents: the service has 10, you have 12
    >>> print(Difference("cml", "<p>{{ a }}</p>", "<p>{{ a }}</p>\n<hr>"))
    cml, line 2: the service has no such line, you have '<hr>'
    """

    name: str
    shown: JSON
    """What the job has."""

    wanted: JSON
    """What the program passes."""

    def __str__(self) -> str:
        if isinstance(self.shown, str) and isinstance(self.wanted, str):
            texts = _lines(self.shown), _lines(self.wanted)
            if max(map(len, texts)) > 1 or len(self.shown + self.wanted) > 2 * _SHORT:
                return f"{self.name}, {_first_difference(*texts)}"
        shown, wanted = _shorten(self.shown), _shorten(self.wanted)
        return f"{self.name}: the service has {shown}, you have {wanted}"


def find_differences(job: JobFields, attributes: Mapping[str, Any]) -> list[Difference]:
    """Compare attributes with those of a job; what the job does not show is no difference.

    Of ``options``, one that is not shown is not set.

    >>> job = JobFields(None, id=7, title="What Does It Say?", payment_cents=10, css=None)
    >>> find_differences(job, {"title": "What does it say?", "payment_cents": "10", "css": ""})
    []
    >>> find_differences(job, {"payment_cents": 12, "options": {"front_load": True}})
    [Difference(name='payment_cents', shown=10, wanted=12)]
    """
    shown, found = job.json, []
    for name, wanted in attributes.items():
        value = shown.get(_SHOWN_AS.get(name, name), MISSING)
        if name == CONFIDENCE_FIELDS:
            value = job.confidence_fields
        if name == "options" and isinstance(value, Mapping) and isinstance(wanted, Mapping):
            found += [
                Difference(f"options.{option}", value.get(option), each)
                for option, each in wanted.items()
                if not _is_same(option, value.get(option, False if each is False else None), each)
            ]
        elif not _says_nothing(name, value) and not _is_same(name, value, wanted):
            found.append(Difference(name, value, wanted))
    return found


def select_attributes(
    attributes: Mapping[str, Any], differences: Iterable[Difference]
) -> JSONObject:
    """Return the attributes that differ; of ``options`` only those that do.

    >>> select_attributes(
    ...     {"title": "A", "options": {"a": 1, "b": 2}}, [Difference("options.b", 1, 2)]
    ... )
    {'options': {'b': 2}}
    """
    names = {each.name for each in differences}
    selected = {name: value for name, value in attributes.items() if name in names}
    options = attributes.get("options")
    if isinstance(options, Mapping) and "options" not in selected:
        changed = {name: each for name, each in options.items() if f"options.{name}" in names}
        if changed:
            selected["options"] = changed
    return selected


def _says_nothing(name: str, shown: object) -> bool:
    return shown is MISSING or (shown is None and name in _NEVER_NULL)


def _is_same(name: str, shown: Any, wanted: Any) -> bool:
    """Return whether a service shows a value that was sent."""
    if _is_blank(shown) or _is_blank(wanted):
        return _is_blank(shown) and _is_blank(wanted)
    if isinstance(shown, Mapping):
        return isinstance(wanted, Mapping) and all(
            key in shown and _is_same(key, shown[key], each) for key, each in wanted.items()
        )
    if isinstance(shown, (list, tuple)):
        return _items(name, shown) == _items(name, wanted)
    return _is_same_scalar(name, shown, wanted)


def _is_same_scalar(name: str, shown: Any, wanted: Any) -> bool:
    if isinstance(shown, bool) or isinstance(wanted, bool):
        return _boolean(shown) is _boolean(wanted) is not None
    numbers = _number(name, shown), _number(name, wanted)
    if None not in numbers and not (isinstance(shown, str) and isinstance(wanted, str)):
        return numbers[0] == numbers[1]
    texts = _lines(str(shown)), _lines(str(wanted))
    if name == "title":
        return [each.casefold() for each in texts[0]] == [each.casefold() for each in texts[1]]
    return texts[0] == texts[1]


def _is_blank(value: Any) -> bool:
    return (
        value is None or value in ("", [], {}, ()) or (isinstance(value, str) and not value.strip())
    )


def _boolean(value: Any) -> bool | None:
    """Return a boolean in any spelling; the URL of a webhook turns webhooks on."""
    text = str(value).strip().lower()
    if text in _TRUE or text.startswith("http"):
        return True
    return False if text in _FALSE else None


def _number(name: str, value: Any) -> Decimal | None:
    with suppress(InvalidOperation):
        number = Decimal(str(value).strip())
        return number / 100 if name in _FRACTIONS and number > 1 else number
    return None


def _items(name: str, value: Any) -> list[str]:
    """Return the items of a list in one order; of countries the codes."""
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, Iterable):
        items = [items]
    codes = [each.get("code") if isinstance(each, Mapping) else each for each in items]
    texts = [str(each).strip() for each in codes if not _is_blank(each)]
    return sorted(each.upper() for each in texts) if name in COUNTRY_LISTS else sorted(texts)


def _lines(text: str) -> list[str]:
    """Return the lines of a text, without spaces at their ends and empty lines around it."""
    return [line.rstrip() for line in text.strip().splitlines()] or [""]


def _first_difference(shown: list[str], wanted: list[str]) -> str:
    """Describe the first line that differs, around the first character that does."""
    number = next(
        (at for at, (one, other) in enumerate(zip(shown, wanted, strict=False)) if one != other),
        min(len(shown), len(wanted)),
    )
    lines = [text[number] if number < len(text) else None for text in (shown, wanted)]
    one, other = (each or "" for each in lines)
    at = next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    start = 0 if max(len(one), len(other)) <= _SHORT else max(0, at - _SHORT // 3)
    texts = ["no such line" if each is None else repr(_cut(each, start)) for each in lines]
    return f"line {number + 1}: the service has {texts[0]}, you have {texts[1]}"


def _cut(text: str, start: int) -> str:
    end = start + _SHORT
    return f"{'…' if start else ''}{text[start:end]}{'…' if len(text) > end else ''}"


def _shorten(value: JSON) -> str:
    text = repr(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
