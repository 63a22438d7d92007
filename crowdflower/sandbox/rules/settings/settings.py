"""Turns the attributes of a request into columns of a job, after checks against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Row, select

from crowdflower._types import Message
from crowdflower.cml.problems import did_you_mean
from crowdflower.quality import aggregate
from crowdflower.sandbox.errors import Declined, Invalid
from crowdflower.sandbox.forms import find_removed_markup
from crowdflower.sandbox.rules.settings import attributes as attribute
from crowdflower.sandbox.rules.settings import questions, value_types
from crowdflower.sandbox.rules.settings.attributes import ParsedAttributes
from crowdflower.sandbox.store import Transaction
from crowdflower.sandbox.store.tables import job as jobs
from crowdflower.states import DECIDING_OPTIONS

DEFAULT_OPTIONS: Final = {
    "logical_aggregation": True,
    "track_clones": True,
    "front_load": False,
    "after_gold": 10,
}
"""Options of a blank job, as in the service's responses of 2014; ``mail_to`` is its owner."""

DEFAULT_REQUIREMENTS: Final = {
    "priority": 1,
    "skill_scores": {"level_1_contributors": 1},
    "min_score": 1,
}
"""Requirements of a blank job, as in the service's responses of 2014: every contributor."""

DEFAULT_JUDGMENTS: Final = 3
"""Judgments per unit of a blank job."""

MIN_TITLE_LENGTH, MAX_TITLE_LENGTH = 5, 255
MAX_ALIAS_LENGTH: Final = 255
RESERVED_ALIASES: Final = frozenset({"upload"})
"""Path segments that are in the place of a job id: ``POST /jobs/upload``."""


def new_job_values(
    tx: Transaction, account: Row[Any], attributes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the columns of a new job.

    :raises Declined: An attribute has an invalid value.
    :raises Unsupported: An attribute needs a feature that only the hosted service has.
    """
    now = tx.clock.now()
    values: dict[str, Any] = {
        "account_id": account.id,
        "support_email": account.email,
        "secret": tx.clock.job_secret(),
        "options": {**DEFAULT_OPTIONS, "mail_to": account.email},
        "gold": {},
        "included_countries": [],
        "excluded_countries": [],
        "minimum_requirements": DEFAULT_REQUIREMENTS,
        "extras": {},
        "created_at": now,
        "updated_at": now,
    }
    parsed = _parse(tx, attributes, values["options"])
    _check(tx, parsed, account.id, None)
    attribute.decline_if_any(parsed.errors)
    try:
        _apply_form(tx, parsed, None)
    except Declined as refusal:
        tx.warn(f"The form has mistakes: {refusal.message}")
    return values | _to_columns(parsed.values, values)


def updated_values(tx: Transaction, job: Row[Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a job that change, with their new values.

    :raises Declined: An attribute has an invalid value, or the form has mistakes.
    :raises Invalid: A list of countries has the wrong format.
    :raises Unsupported: An attribute needs a feature that only the hosted service has.
    """
    parsed = _parse(tx, attributes, job.options)
    _check(tx, parsed, job.account_id, job)
    try:
        _apply_form(tx, parsed, job)
    except Declined as refusal:
        parsed.errors += refusal.body["errors"]
    attribute.decline_if_any(parsed.errors)
    return _to_columns(parsed.values, {"options": job.options, "extras": job.extras})


def _parse(
    tx: Transaction, attributes: Mapping[str, Any], current_options: Mapping[str, Any]
) -> ParsedAttributes:
    parsed = attribute.parse(attributes)
    if parsed.ignored:
        names = ", ".join(sorted(parsed.ignored))
        tx.warn(f"Ignored, since they are read-only or unknown: {names}")
    for warning in parsed.warnings:
        tx.warn(warning)
    values = parsed.values
    defaults = attribute.NO_EFFECT_DEFAULTS | {"minimum_requirements": DEFAULT_REQUIREMENTS}
    runs = {"css", "js"} if tx.limits.job_scripts else set()
    no_effect = {name: why for name, why in attribute.NO_EFFECT.items() if name not in runs}
    _warn_no_effect(tx, "", values, no_effect, defaults)
    options = values.get("options", {})
    defaults = attribute.NO_EFFECT_OPTION_DEFAULTS | {"mail_to": current_options.get("mail_to")}
    _warn_no_effect(tx, "options.", options, attribute.NO_EFFECT_OPTIONS, defaults)
    _warn_unknown_options(tx, options)
    for problem in find_removed_markup(values.get("instructions") or ""):
        text = f"The instructions, line {problem.line}: {problem.message}"
        values = {"line": problem.line, "problem": problem.message}
        tx.warn(Message(text, "instructions_problem", **values))
    return parsed


def _warn_no_effect(
    tx: Transaction,
    prefix: str,
    values: Mapping[str, Any],
    no_effect: Mapping[str, str],
    defaults: Mapping[str, Any],
) -> None:
    for name, reason in no_effect.items():
        if name in values and (values[name] or None) != (defaults.get(name) or None):
            tx.warn(f"{prefix}{name} is stored, but has no effect in the sandbox: {reason}.")


def _warn_unknown_options(tx: Transaction, options: Mapping[str, Any]) -> None:
    """Warn that unknown options have no effect."""
    known = attribute.OPTION_TYPES.keys() | attribute.NO_EFFECT_OPTIONS.keys()
    for name in sorted(options.keys() - known):
        hint = did_you_mean(name, sorted(known)) or "."
        tx.warn(f"options.{name:.80} is stored, but has no effect: it is not a known option{hint}")


def _check(
    tx: Transaction, parsed: ParsedAttributes, account_id: int, job: Row[Any] | None
) -> None:
    """Add errors that depend on several attributes, the job or the account."""
    values, errors = parsed.values, parsed.errors
    title = values.get("title")
    if title is not None and len(title.strip()) < MIN_TITLE_LENGTH:
        text = f"Title is too short (minimum is {MIN_TITLE_LENGTH} characters)"
        errors.append(Message(text, "short_title", attribute="title", least=MIN_TITLE_LENGTH))
    if title is not None and len(title) > MAX_TITLE_LENGTH:
        text = f"Title is too long (maximum is {MAX_TITLE_LENGTH} characters)"
        errors.append(Message(text, "long_title", attribute="title", most=MAX_TITLE_LENGTH))
    _warn_limits(tx, values, job)
    if all(_current(values, job, name) for name in ("included_countries", "excluded_countries")):
        raise Invalid.text("Set included_countries or excluded_countries, not both")
    if values.get("alias"):
        errors += _alias_errors(tx, values["alias"], account_id, job)


def _warn_limits(tx: Transaction, values: Mapping[str, Any], job: Row[Any] | None) -> None:
    """Warn of a maximum of judgments that is below their number; the service accepts both."""
    names = ("judgments_per_unit", "max_judgments_per_unit")
    number, maximum = (_current(values, job, name) for name in names)
    number = number or DEFAULT_JUDGMENTS
    if maximum is not None and maximum < number and not values.keys().isdisjoint(names):
        text = (
            f"max_judgments_per_unit is {maximum}, below judgments_per_unit: every unit still gets "
            f"{number} judgments."
        )
        tx.warn(Message(text, "most_below_judgments", most=maximum, judgments=number))


def _current(values: Mapping[str, Any], job: Row[Any] | None, name: str) -> Any:
    """Return the value that an attribute will have; ``None`` if it gets the default."""
    return values.get(name, None if job is None else getattr(job, name))


def _alias_errors(
    tx: Transaction, alias: str, account_id: int, job: Row[Any] | None
) -> Iterator[str]:
    if alias.isdecimal():
        yield _about_alias("Alias must not be a number", "number_alias")
    if len(alias) > MAX_ALIAS_LENGTH or set("/.") & set(alias):
        text = f"Alias must have {MAX_ALIAS_LENGTH} characters or fewer, without slashes and dots"
        yield _about_alias(text, "alias_characters", most=MAX_ALIAS_LENGTH)
    if alias != alias.strip():
        yield _about_alias("Alias must not begin or end with a space", "space_in_alias")
    if alias in RESERVED_ALIASES:
        text = f"Alias must not be {alias}: /jobs/{alias} is another resource"
        yield _about_alias(text, "reserved_alias", alias=alias)
    has_alias = select(jobs.c.id).where(jobs.c.account_id == account_id, jobs.c.alias == alias)
    found = tx.one(has_alias)
    if found is not None and (job is None or found.id != job.id):
        yield _about_alias("Alias has already been taken", "taken_alias")


def _about_alias(text: str, code: str, **values: Any) -> Message:
    return Message(text, code, attribute="alias", **values)


def _apply_form(tx: Transaction, parsed: ParsedAttributes, job: Row[Any] | None) -> None:
    """Add the values that are derived from the form; values in the request take precedence.

    :raises Declined: The form has mistakes, or a value names a question that the form lacks.
    """
    values = parsed.values
    names = ("fields", "confidence_fields")
    chosen: dict[str, Any] = {name: values.pop(name) for name in names if name in values}
    if chosen.get("fields", {}) is None:  # the JSON of a job without a form, sent back
        del chosen["fields"]
    if "cml" in values:
        values |= questions.derive(tx, values["cml"], job)
    known: dict[str, str] = values.get("fields", job.fields if job is not None else None) or {}
    chosen = _chosen_by_options(tx, values.get("options", {}), known) | chosen
    unknown = sorted({name for names in chosen.values() for name in names or ()} - known.keys())
    if unknown:
        raise Declined.errors([f"The form has no question named {name}" for name in unknown])
    for how in set(chosen.get("fields", {}).values()):
        _check_aggregation(how)
    if "fields" in chosen:
        known = values["fields"] = known | chosen["fields"]
        values["confidence_fields"] = questions.choose_deciding(known, job)
    if "confidence_fields" in chosen:
        values["confidence_fields"] = chosen["confidence_fields"]
        without = {*(chosen["confidence_fields"] or ())} - {*questions.with_confidence(known)}
        if without:
            tx.warn(
                f"The answers to {', '.join(sorted(without))} have no confidence, as their "
                "aggregation is all or avg: they do not decide over dynamic judgments."
            )


def _chosen_by_options(
    tx: Transaction, options: Mapping[str, Any], known: Mapping[str, str]
) -> dict[str, Any]:
    """Return the deciding questions that the options name, if they name any that the form has.

    The options are stored as they are: the service accepts them before the form.
    """
    for option in DECIDING_OPTIONS:
        if option in options:
            names = value_types.optional(value_types.question_names)(options[option])
            absent = [name for name in names or () if name not in known]
            if not absent:
                return {"confidence_fields": names}
            tx.warn(
                f"The form has no question named {', '.join(absent)}: send options.{option} again "
                "when it has."
            )
            if len(absent) < len(names):
                return {"confidence_fields": [name for name in names if name in known]}
    return {}


def _check_aggregation(how: str) -> None:
    try:
        aggregate(how, ())
    except ValueError as error:
        raise Declined.errors([str(error)]) from None


def _to_columns(values: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Convert attributes to columns: some have other names, some share one column."""
    columns = dict(values)
    if "payment_cents" in columns:
        columns["payment_mc"] = columns.pop("payment_cents")
    if "options" in columns:
        columns["options"] = {**before["options"], **columns["options"]}
    aside = {name: columns.pop(name) for name in attribute.EXTRAS if name in columns}
    if aside:
        columns["extras"] = {**before["extras"], **aside}
    return columns
