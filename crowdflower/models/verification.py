"""Whether a change was made: pure comparisons of what was sent with what is read afterwards.

A change whose response was lost is looked for before it is sent again. If it shows as it was sent,
nothing is left to do; and a value that someone else has set since is not overwritten unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from crowdflower._types import JSON
from crowdflower.http import encoding
from crowdflower.http.endpoints import SentFields, Visibility, group_fields

Relation: TypeAlias = Callable[[set[str], set[str]], bool]
"""How the names that were sent relate to those that are there: equal, contained, or disjoint."""


def compare_attributes(root: str, replaced: str, sent: SentFields, shown: JSON) -> Visibility:
    """Compare attributes of an object, ignoring case: a service may capitalise a title.

    :param root: Name of the object in the request: ``job`` for ``job[title]``.
    :param replaced: An attribute that an update replaces as a whole; empty for none.

    >>> sent = {"job[title]": ["a b"], "job[payment_cents]": ["12"]}
    >>> compare_attributes("job", "", sent, {"title": "A B", "payment_cents": 12}).name
    'MADE'
    >>> compare_attributes("job", "", sent, {"title": "A B", "payment_cents": 10}).name
    'NOT_MADE'
    >>> compare_attributes("job", "", sent, {"title": "A B"}).name
    'NOT_SHOWN'
    """
    names = {_attribute(name) for name in sent} - {""}
    if not isinstance(shown, Mapping) or not sent:
        return Visibility.NOT_SHOWN
    try:
        values = {name: _country_codes(shown[name]) for name in names if name in shown}
        found = group_fields(encoding.flatten({root: values}))
    except ValueError:
        return Visibility.NOT_SHOWN
    empty = {name for name, value in values.items() if value in (None, [])}
    if any(_attribute(name) in empty and any(texts) for name, texts in sent.items()):
        return Visibility.NOT_MADE
    extra = {name for name in found if name.startswith(f"{root}[{replaced}]")} - sent.keys()
    if replaced in names and extra:
        return Visibility.NOT_MADE
    if any(found[name] != texts for name, texts in sent.items() if name in found):
        return Visibility.NOT_MADE
    return Visibility.MADE if sent.keys() <= found.keys() else Visibility.NOT_SHOWN


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
