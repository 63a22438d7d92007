"""Says messages of the rules in the words of the desk: labels instead of names of attributes.

The texts of the API are for programmers, and in English. A :class:`~crowdflower._types.Message` has
a code too, by which :data:`TEXTS` has its sentence for a person; any other text is said as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from crowdflower._types import Message
from crowdflower.sandbox.desk.messages.data_texts import FILES, ROWS
from crowdflower.sandbox.desk.messages.launch_texts import JOBS, SETTINGS, WARNINGS
from crowdflower.sandbox.desk.rows.rows_query import state_words
from crowdflower.sandbox.desk.settings.setting_labels import setting_labels
from crowdflower.sandbox.forms.sanitizer import plain_text
from crowdflower.sandbox.pages.translations import gettext

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crowdflower.sandbox.desk.messages.launch_texts import Words
    from crowdflower.sandbox.errors import Refusal

TEXTS: Final[dict[str, Words]] = {**WARNINGS, **SETTINGS, **JOBS, **FILES, **ROWS}
"""The code of a message to its words."""

_NUMBERED: Final = frozenset({"row", "line", "place"})
"""Values that are numbers of something: without commas, as everywhere on the desk."""


def in_words(text: str) -> str:
    """Return a message as a person at the desk reads it; any other string stays as it is."""
    words = TEXTS.get(text.code) if isinstance(text, Message) else None
    if words is None:
        return str(text)
    assert isinstance(text, Message)  # noqa: S101 - it has a code
    labels = setting_labels()
    shown = {name: _shown(name, each) for name, each in text.values.items()}
    shown["label"] = labels.get(str(text.values.get("attribute")), shown.get("attribute"))
    sentence = gettext(words) if isinstance(words, str) else words(text.values)
    return sentence % (labels | shown)


def all_in_words(texts: Iterable[str]) -> str:
    """Return messages as one text."""
    return " ".join(map(in_words, texts))


def refusal_in_words(refusal: Refusal) -> str:
    """Return why something was refused, as a person at the desk reads it."""
    return all_in_words(refusal.messages)


def from_json(stored: Any) -> Any:
    """Return a message that :func:`~crowdflower.sandbox.errors.in_json` stored with an event."""
    if isinstance(stored, list):
        return [from_json(each) for each in stored]
    if not isinstance(stored, dict):
        return stored
    values = {name: from_json(each) for name, each in stored["values"].items()}
    return Message(stored["text"], stored["code"], **values)


def _shown(name: str, value: object) -> object:
    """Return a value as a sentence shows it."""
    if isinstance(value, Message):
        return in_words(value)
    if isinstance(value, list):
        return gettext(", and ").join(map(in_words, value))
    if name == "state":
        return state_words().get(str(value), value)
    if name == "question":
        return plain_text(str(value))
    if isinstance(value, int) and name not in _NUMBERED:
        return f"{value:,}"
    return value
