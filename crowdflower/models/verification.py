"""Whether a change was made: pure comparisons of what was sent with what is read afterwards.

A change whose response was lost is looked for before it is sent again. If it shows as it was sent,
nothing is left to do; and a value that someone else has set since is not overwritten unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeAlias

from crowdflower._types import JSON, JSONObject
from crowdflower.http import encoding
from crowdflower.http.endpoints import SentFields, Visibility, group_fields

Relation: TypeAlias = Callable[[set[str], set[str]], bool]
"""How the names that were sent relate to those that are there: equal, contained, or disjoint."""


def compare_attributes(
    root: str,
    sent: SentFields,
    shown: JSON,
    *,
    replaced: str = "",
    alternatives: Collection[str] = (),
) -> Visibility:
    """Compare attributes of an object, ignoring case: a service may capitalise a title.

    :param root: Name of the object in the request: ``job`` for ``job[title]``.
    :param replaced: An attribute that an update replaces as a whole; empty for none.
    :param alternatives: Parameters that carry the same value, since each service reads its own; one
        that shows it is enough.

    >>> sent = {"job[title]": ["a b"], "job[payment_cents]": ["12"]}
    >>> compare_attributes("job", sent, {"title": "A B", "payment_cents": 12}).name
    'MADE'
    >>> compare_attributes("job", sent, {"title": "A B", "payment_cents": 10}).name
    'NOT_MADE'
    >>> compare_attributes("job", sent, {"title": "A B"}).name
    'NOT_SHOWN'
    """
    if not isinstance(shown, Mapping) or not sent:
        return Visibility.NOT_SHOWN
    names = {_attribute(name) for name in sent} - {""}
    values = {name: _country_codes(shown[name]) for name in names if name in shown}
    try:
        found = group_fields(encoding.flatten({root: values}))
    except ValueError:
        return Visibility.NOT_SHOWN
    if any(name in sent and found.get(name) == sent[name] for name in alternatives):
        sent = {name: sent[name] for name in sent if name not in alternatives or name in found}
    extra = {name for name in found if name.startswith(f"{root}[{replaced}]")} - sent.keys()
    if replaced in names and extra:
        return Visibility.NOT_MADE
    results = {_compare_attribute(name, texts, values, found) for name, texts in sent.items()}
    return next((each for each in WORST_FIRST if each in results), Visibility.MADE)


WORST_FIRST: Final = (Visibility.NOT_MADE, Visibility.NOT_SHOWN)


def _compare_attribute(
    name: str, texts: list[str], values: Mapping[str, JSON], found: SentFields
) -> Visibility:
    """Compare one parameter; a blank value may be shown as ``null``, as blank or as no items."""
    attribute = _attribute(name)
    if attribute not in values:
        return Visibility.NOT_SHOWN
    value = values[attribute]
    is_blank = value in (None, "", [])
    if is_blank or not any(texts):
        if isinstance(value, Mapping) and name not in found:
            return Visibility.NOT_SHOWN
        was_blanked = is_blank or found.get(name) == texts
        return Visibility.MADE if was_blanked == (not any(texts)) else Visibility.NOT_MADE
    if name not in found:
        return Visibility.NOT_SHOWN
    return Visibility.MADE if found[name] == texts else Visibility.NOT_MADE


def comparable(attrs: Mapping[str, Any], shown: JSON) -> JSONObject:
    """Return the attributes whose value a service echoes when it creates an object.

    ``None`` is left out, and so is a list that is shown with any items: services echo those in
    forms of their own.

    >>> comparable({"title": "A", "css": None, "tags": ["a"]}, {"tags": ["b"]})
    {'title': 'A'}
    """
    there = shown if isinstance(shown, Mapping) else {}
    kept: JSONObject = {}
    for name, value in attrs.items():
        echo = there.get(name)
        if isinstance(value, Mapping):
            kept[name] = comparable(value, echo) if isinstance(echo, Mapping) else value
        elif isinstance(value, (list, tuple)):
            if value and not echo:
                kept[name] = value
        elif value is not None:
            kept[name] = value
    return kept


def _attribute(name: str) -> str:
    """Return the attribute in a bracketed name: ``options`` for ``job[options][front_load]``."""
    return name.partition("[")[2].partition("]")[0]


def _country_codes(value: JSON) -> JSON:
    """Return a list of countries as the codes that are sent for them."""
    if isinstance(value, list):
        return [each.get("code") if isinstance(each, dict) else each for each in value]
    return value


def compare_state(wanted: str, _: SentFields, shown: JSON) -> Visibility:
    """Compare the state of a job or a unit.

    >>> compare_state("paused", {}, {"id": 7, "state": "running"}).name
    'NOT_MADE'
    """
    state: Any = shown.get("state") if isinstance(shown, dict) else None
    if not isinstance(state, str):
        return Visibility.NOT_SHOWN
    return Visibility.MADE if state == wanted else Visibility.NOT_MADE


def compare_tags(relation: Relation, sent: SentFields, shown: JSON) -> Visibility:
    """Compare the tags of a job.

    >>> compare_tags(set.issubset, {"tags[]": ["spring"]}, [{"name": "Spring"}]).name
    'MADE'
    """
    if not isinstance(shown, list):
        return Visibility.NOT_SHOWN
    names = {str(tag.get("name")).lower() for tag in shown if isinstance(tag, dict)}
    return _compare_names(relation, sent, "tags", names)


def compare_channels(relation: Relation, sent: SentFields, shown: JSON) -> Visibility:
    """Compare the enabled channels of a job.

    >>> shown = {"enabled_channels": ["cf_internal"]}
    >>> compare_channels(set.isdisjoint, {"channel_name": ["on_demand"]}, shown).name
    'MADE'
    """
    enabled = shown.get("enabled_channels") if isinstance(shown, dict) else None
    if not isinstance(enabled, list):
        return Visibility.NOT_SHOWN
    return _compare_names(relation, sent, "channels", {str(name).lower() for name in enabled})


def _compare_names(relation: Relation, sent: SentFields, name: str, found: set[str]) -> Visibility:
    spellings = [name, f"{name}[]", "channel_name"]
    texts = [text for spelling in spellings for text in sent.get(spelling, [])]
    if not texts:
        return Visibility.NOT_SHOWN
    wanted = {part.strip() for text in texts for part in text.split(",")} - {""}
    return Visibility.MADE if relation(wanted, found) else Visibility.NOT_MADE
