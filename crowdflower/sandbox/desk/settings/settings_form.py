"""The settings of a job as the fields of a form, and the changes that such a form asks for.

A value is text, as a person types it. What was not changed is not sent to the rules: a job whose
title is too short for them can still get another pay.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from crowdflower._types import Message
from crowdflower.sandbox.desk.messages.message_words import in_words, refusal_in_words
from crowdflower.sandbox.desk.settings.number_settings import NUMBER_SETTINGS, read_number_setting
from crowdflower.sandbox.errors import Declined, Invalid, Refusal
from crowdflower.sandbox.pages.translations import gettext
from crowdflower.sandbox.rules import quiz
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.money import CENT
from crowdflower.sandbox.rules.settings import attributes, channels, countries, settings, tags
from crowdflower.sandbox.rules.settings.value_types import PERCENT, truthy

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Row
    from werkzeug.datastructures import MultiDict

    from crowdflower.sandbox.store import Transaction

MAX_TAGS: Final = 20
MAX_TAG_LENGTH: Final = 100

_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z\d]{2,8})*")
_CODES: Final = re.compile(r"[\s,;]+")
_OPTIONS: Final = frozenset(attributes.OPTION_TYPES)
_COUNTRY_LISTS: Final = {"only": "included_countries", "except": "excluded_countries"}
_CHANNELS: Final = "channels"


@dataclass(frozen=True)
class SettingsChanges:
    """What a sent form changes.

    :param attributes: As of ``PUT /jobs/{id}``.
    :param channels: The channels to enable, and no others; ``None`` if they stay.
    :param tags: All tags; ``None`` if they stay.
    :param errors: Field to what is wrong with it.
    """

    attributes: dict[str, Any] = field(default_factory=dict)
    channels: list[str] | None = None
    tags: list[str] | None = None
    errors: dict[str, str] = field(default_factory=dict)


def typed_values(tx: Transaction, job: Row[Any]) -> dict[str, str]:
    """Return the settings of a job as they stand in the fields of a form."""
    options = job.options
    shown = {
        name: _text(getattr(job, name))
        for name in (
            *("title", "alias", "language", "judgments_per_unit", "max_judgments_per_unit"),
            *("units_per_assignment", "gold_per_assignment", "max_judgments_per_worker"),
        )
    }
    confidence = job.min_unit_confidence
    which = "only" if job.included_countries else "except" if job.excluded_countries else "all"
    return shown | {
        "variable_judgments_mode": _flag(job.variable_judgments_mode != "none"),
        "min_unit_confidence": "" if confidence is None else _number(confidence * PERCENT),
        "payment_cents": _number(job.payment_mc / CENT),
        "req_ttl_in_seconds": _number(quiz.page_timeout(job) / 60),
        "front_load": _flag(truthy(options.get("front_load"))),
        "gold_always": _flag(truthy(options.get("gold_always"))),
        "hide_correct_answers": _flag(truthy(options.get("hide_correct_answers"))),
        "reject_at": _number(quiz.min_trust(job) * PERCENT),
        "after_gold": str(quiz.gold_before_removal(job)),
        "tags": ", ".join(tags.read(tx, job)),
        "which_countries": which,
        "countries": ", ".join(job.included_countries or job.excluded_countries),
        _CHANNELS: ", ".join(channels.enabled(tx, job.id)),
    }


def sent_values(form: MultiDict[str, str]) -> dict[str, str]:
    """Return what was typed, by field; of a box that is ticked, its value.

    A box that is not ticked is not sent: a hidden field before it says so.
    """
    values = {name: sent[-1].strip() for name, sent in form.lists()}
    if _CHANNELS in form:
        values[_CHANNELS] = ", ".join(sorted(filter(None, form.getlist(_CHANNELS))))
    return values


def read(tx: Transaction, job: Row[Any], form: MultiDict[str, str]) -> SettingsChanges:
    """Read a sent form; fields that are not in it stay as they are.

    :returns: The changes, and the errors of fields that cannot be used.
    """
    before, sent = typed_values(tx, job), sent_values(form)
    changed = {name: sent[name] for name in before if name in sent and sent[name] != before[name]}
    found = SettingsChanges(
        channels=_split(changed[_CHANNELS]) if _CHANNELS in changed else None,
        tags=_split(changed["tags"]) if "tags" in changed else None,
    )
    for name, text in changed.items():
        if name in {_CHANNELS, "tags", "countries", "which_countries"}:
            continue
        try:
            _add(found.attributes, name, _READERS.get(name, _as_typed)(text))
        except Refusal as refusal:
            found.errors[name] = refusal_in_words(refusal)
    _read_names(found)
    if {"countries", "which_countries"} & changed.keys():
        _read_countries(found, {**before, **sent})
    _check_together(tx, job, found)
    return found


def save(tx: Transaction, job: Row[Any], changes: SettingsChanges) -> Row[Any]:
    """Save the changes, by the same rules as the API's calls; all of them or none.

    :raises Refusal: A value is invalid; for an error of a field, see :func:`read`.
    """
    if changes.errors:
        raise Invalid(gettext("Nothing was saved yet. Please check the marked fields."))
    if changes.channels is not None:
        channels.replace(tx, job, changes.channels)
    if changes.tags is not None:
        tags.replace(tx, job, changes.tags)
    return jobs.update(tx, job, changes.attributes) if changes.attributes else job


def _check_together(tx: Transaction, job: Row[Any], found: SettingsChanges) -> None:
    """Add the errors that depend on several values, or on other jobs."""
    try:
        settings.updated_values(tx, job, found.attributes)
    except Declined as declined:
        for message in declined.messages:
            name = message.values.get("attribute", "") if isinstance(message, Message) else ""
            found.errors.setdefault(name if name in {"title", "alias"} else "", in_words(message))


def _add(values: dict[str, Any], name: str, value: Any) -> None:
    """Add an attribute, or an option, which is a part of an attribute."""
    if name in _OPTIONS:
        values.setdefault("options", {})[name] = value
    else:
        values[name] = value


def _read_names(found: SettingsChanges) -> None:
    names = found.tags or ()
    if len(names) > MAX_TAGS or any(len(name) > MAX_TAG_LENGTH for name in names):
        found.errors["tags"] = gettext(
            "At most %(count)s tags, each of %(length)s characters or fewer."
        ) % {"count": MAX_TAGS, "length": MAX_TAG_LENGTH}
    try:
        channels.check_names(found.channels or ())
    except Invalid as invalid:
        found.errors[_CHANNELS] = refusal_in_words(invalid)


def _read_countries(found: SettingsChanges, values: dict[str, str]) -> None:
    which, typed = values["which_countries"], _CODES.split(values["countries"])
    codes = list(dict.fromkeys(code.upper() for code in typed if code))
    wanted: dict[str, list[str]] = {name: [] for name in _COUNTRY_LISTS.values()}
    name = _COUNTRY_LISTS.get(which)
    if name is not None:
        unknown = [code for code in typed if code and countries.find(code) is None]
        most = attributes.MAX_INCLUDED if which == "only" else attributes.MAX_EXCLUDED
        if unknown:
            found.errors["countries"] = gettext(
                "“%(code)s” is not the code of a country. Write codes such as FI, DE or US."
            ) % {"code": unknown[0][:60]}
        elif not codes:
            found.errors["countries"] = gettext("Write at least one code, or choose all countries.")
        elif len(codes) > most:
            found.errors["countries"] = gettext("At most %(count)s countries.") % {"count": most}
        wanted[name] = codes
    if "countries" not in found.errors:
        found.attributes.update(wanted)


def _as_typed(text: str) -> str:
    return text


def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise Invalid(gettext("Write the code of a language, such as en or pt-BR."))
    return text


def _mode(text: str) -> str:
    return "auto_confidence" if text == "true" else "none"


def _ticked(text: str) -> bool:
    return text == "true"


_READERS: Final[dict[str, Callable[[str], Any]]] = {
    **{name: partial(read_number_setting, name) for name in NUMBER_SETTINGS},
    **dict.fromkeys(("front_load", "gold_always", "hide_correct_answers"), _ticked),
    "language": _language,
    "variable_judgments_mode": _mode,
}
"""Field to the function that turns its text into the value of the API; other fields are text."""


def _split(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _flag(value: object) -> str:
    return "true" if value else "false"


def _number(value: float) -> str:
    """Return a number without needless decimals."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
