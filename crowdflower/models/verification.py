"""Whether a change was made, by what the service shows afterwards: pure decisions, no network.

A setting whose answer was lost is looked at before it is sent once more. Where it stands as it was
wanted there is nothing left to do; and what somebody else has set since is not overwritten unseen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Final, TypeAlias
from urllib.parse import parse_qsl

from crowdflower._types import JSON
from crowdflower.http import encoding

Asked: TypeAlias = Mapping[str, list[str]]
"""What was asked for: bracketed name to texts, in small letters and in order."""


@dataclass(frozen=True)
class Look:
    """Where a change shows, and whether it does."""

    path: str
    """To be read by GET."""

    shows: Callable[[JSON], bool]
    """Tell by what was read there whether the change was made."""


def look_for(method: str, path: str, body: object, content_type: str) -> Look | None:
    """Return where a change shows; ``None`` where none does, or nothing that tells.

    :param path: What follows the address of the API.
    :param body: As it is sent; what is no bytes is not looked into.

    >>> look = look_for("GET", "jobs/7/pause.json", None, "")
    >>> look.path, look.shows({"id": 7, "state": "paused"}), look.shows({"id": 7})
    ('jobs/7.json', True, False)
    """
    plain = path.removesuffix(".json")
    for verbs, pattern, rest, shows in _compiled():
        if method in verbs and (found := pattern.fullmatch(plain)):
            asked = _asked(body, content_type)
            return Look(f"{found[1]}{rest}{path[len(plain) :]}", partial(shows, asked))
    return None


def _asked(body: object, content_type: str) -> Asked:
    """Read what was asked for back from how it was sent."""
    if not isinstance(body, bytes):
        return {}
    try:
        if "json" in content_type:
            decoded = encoding.decode(body)
            pairs = encoding.bracketed(decoded) if isinstance(decoded, dict) else []
        else:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True)
    except ValueError:
        return {}
    return _grouped(pairs)


def _grouped(pairs: list[tuple[str, str]]) -> Asked:
    groups: dict[str, list[str]] = {}
    for name, text in pairs:
        groups.setdefault(name, []).append(text.lower())
    return {name: sorted(texts) for name, texts in groups.items()}


# How it shows


def _attributes(root: str, whole: str, asked: Asked, shown: JSON) -> bool:
    """Tell whether every value stands as it was sent, in the service's spelling or in ours.

    A value that is not shown, or in another shape, counts as not made: then it is sent again.

    :param whole: The field that is replaced as a whole.
    """
    if not isinstance(shown, dict):
        return False
    fields = {name.partition("[")[2].partition("]")[0] for name in asked if "[" in name}
    try:
        values = {name: _plain(shown[name]) for name in fields if name in shown}
        pairs = encoding.bracketed({root: values})
    except ValueError:
        return False
    there = _grouped(pairs)
    extra = {name for name in there if name.startswith(f"{root}[{whole}]")} - asked.keys()
    replaced = whole in fields
    return (
        bool(asked)
        and all(there.get(name) == texts for name, texts in asked.items())
        and not (replaced and extra)
    )


def _plain(value: JSON) -> JSON:
    """Return a list of countries as the codes that they are sent as."""
    if isinstance(value, list):
        return [each.get("code") if isinstance(each, dict) else each for each in value]
    return value


def _state(wanted: str, _: Asked, shown: JSON) -> bool:
    return isinstance(shown, dict) and shown.get("state") == wanted


def _tags(compare: Callable[[set[str], set[str]], bool], asked: Asked, shown: JSON) -> bool:
    if not isinstance(shown, list):
        return False
    there = {str(tag.get("name")).lower() for tag in shown if isinstance(tag, dict)}
    return _compared(compare, asked, "tags", there)


def _channels(compare: Callable[[set[str], set[str]], bool], asked: Asked, shown: JSON) -> bool:
    enabled = shown.get("enabled_channels") if isinstance(shown, dict) else None
    if not isinstance(enabled, list):
        return False
    there = {str(name).lower() for name in enabled}
    return _compared(compare, asked, "channels", there)


def _compared(
    compare: Callable[[set[str], set[str]], bool], asked: Asked, name: str, there: set[str]
) -> bool:
    spellings = [name, f"{name}[]", "channel_name"]
    texts = [text for spelling in spellings for text in asked.get(spelling, [])]
    wanted = {one.strip() for text in texts for one in text.split(",")} - {""}
    return bool(texts) and compare(wanted, there)


_PLACES: Final[tuple[tuple[str, str, str, Callable[[Asked, JSON], bool]], ...]] = (
    ("PUT", "(jobs/{})", "", partial(_attributes, "job", "")),
    ("PUT", "(jobs/{}/units/{#})", "", partial(_attributes, "unit", "data")),
    ("GET|PUT", "(jobs/{})/pause", "", partial(_state, "paused")),
    ("GET|PUT", "(jobs/{})/cancel", "", partial(_state, "canceled")),
    ("GET|PUT", "(jobs/{})/resume", "", partial(_state, "running")),
    ("POST|PUT", "(jobs/{}/units/{#})/cancel", "", partial(_state, "canceled")),
    ("PUT", "(jobs/{}/tags)", "", partial(_tags, set.__eq__)),
    ("POST", "(jobs/{}/tags)", "", partial(_tags, set.issubset)),
    ("DELETE", "(jobs/{}/tags)", "", partial(_tags, set.isdisjoint)),
    ("PUT", "(jobs/{}/channels)", "", partial(_channels, set.__eq__)),
    ("POST", "(jobs/{}/channels)", "", partial(_channels, set.issubset)),
    ("POST", "(jobs/{}/)disable_channel", "channels", partial(_channels, set.isdisjoint)),
)
"""Verbs; path, of which the part in parentheses is where to look; what follows it there; how."""


@cache
def _compiled() -> list[tuple[frozenset[str], re.Pattern[str], str, Callable[[Asked, JSON], bool]]]:
    return [
        (
            frozenset(verbs.split("|")),
            re.compile(path.replace("{#}", "[0-9]+").replace("{}", r"(?!upload\b)[^/]+")),
            rest,
            shows,
        )
        for verbs, path, rest, shows in _PLACES
    ]
