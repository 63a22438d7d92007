"""A job's attributes as they are kept: read, checked against the job and each other, completed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Row, select

from crowdflower.cml.problems import did_you_mean
from crowdflower.quality import aggregate
from crowdflower.sandbox.errors import Declined, Invalid
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
"""Options of a blank job, as the service answered in 2014."""

DEFAULT_REQUIREMENTS: Final = {
    "priority": 1,
    "skill_scores": {"level_1_contributors": 1},
    "min_score": 1,
}
"""Whom a blank job asks for, as the service answered in 2014: everybody."""

MIN_TITLE_LENGTH, MAX_TITLE_LENGTH = 5, 255
MAX_ALIAS_LENGTH: Final = 255
RESERVED_ALIASES: Final = frozenset({"upload"})
"""What stands in the place of a job where there is none: ``POST /jobs/upload``."""


def new_job_values(
    tx: Transaction, account: Row[Any], attributes: Mapping[str, Any]
) -> dict[str, Any]:
    """Work out the columns of a new job.

    :raises Declined: An attribute has a value that cannot be; or the form has mistakes, where the
        sandbox is strict.
    :raises Unsupported: The job asks for what only the hosted service has.
    """
    now = tx.clock.now()
    values: dict[str, Any] = {
        "account_id": account.id,
        "support_email": account.email,
        "secret": tx.clock.job_secret(),
        "options": dict(DEFAULT_OPTIONS),
        "gold": {},
        "included_countries": [],
        "excluded_countries": [],
        "minimum_requirements": DEFAULT_REQUIREMENTS,
        "extras": {},
        "created_at": now,
        "updated_at": now,
    }
    written = _parse(tx, attributes)
    _check(tx, written, account.id, None)
    attribute.decline_if_any(written.errors)
    try:
        _apply_form(tx, written, None)
    except Declined as refusal:
        if tx.limits.strict:
            raise
        tx.warn(f"The form has mistakes: {refusal.message}")
    return values | _to_columns(written.values, values)


def updated_values(tx: Transaction, job: Row[Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Work out which columns of a job change, and to what.

    :raises Declined: An attribute has a value that cannot be, or the form has mistakes.
    :raises Invalid: A list of countries has another format.
    :raises Unsupported: It asks for what only the hosted service has.
    """
    written = _parse(tx, attributes)
    _check(tx, written, job.account_id, job)
    try:
        _apply_form(tx, written, job)
    except Declined as refusal:
        written.errors += refusal.body["errors"]
    attribute.decline_if_any(written.errors)
    return _to_columns(written.values, {"options": job.options, "extras": job.extras})


def _parse(tx: Transaction, attributes: Mapping[str, Any]) -> ParsedAttributes:
    written = attribute.parse(attributes)
    if written.ignored:
        names = ", ".join(sorted(written.ignored))
        message = f"Ignored, since they cannot be written or are not known: {names}"
        if tx.limits.strict:
            raise Invalid(message)
        tx.warn(message)
    values = written.values
    usual = attribute.NO_EFFECT_DEFAULTS | {"minimum_requirements": DEFAULT_REQUIREMENTS}
    _warn_no_effect(tx, "", values, attribute.NO_EFFECT, usual)
    options = values.get("options", {})
    _warn_no_effect(
        tx, "options.", options, attribute.NO_EFFECT_OPTIONS, attribute.NO_EFFECT_OPTION_DEFAULTS
    )
    _warn_unknown_options(tx, options)
    return written


def _warn_no_effect(
    tx: Transaction,
    before: str,
    values: Mapping[str, Any],
    kept: Mapping[str, str],
    usual: Mapping[str, Any],
) -> None:
    for name, why in kept.items():
        if name in values and (values[name] or None) != (usual.get(name) or None):
            tx.warn(f"{before}{name} is kept and has no effect here: {why}.")


def _warn_unknown_options(tx: Transaction, options: Mapping[str, Any]) -> None:
    """Say of options that nobody knows that they do nothing.

    :raises Invalid: There are some, and the sandbox is strict.
    """
    known = attribute.OPTION_TYPES.keys() | attribute.NO_EFFECT_OPTIONS.keys()
    for name in sorted(options.keys() - known):
        hint = did_you_mean(name, sorted(known)) or "."
        message = f"options.{name:.80} is kept and has no effect here: nothing here knows it{hint}"
        if tx.limits.strict:
            raise Invalid(message)
        tx.warn(message)


def _check(
    tx: Transaction, written: ParsedAttributes, account_id: int, job: Row[Any] | None
) -> None:
    """Add to the errors what an attribute alone does not show."""
    values, errors = written.values, written.errors
    title = values.get("title")
    if title is not None and len(title.strip()) < MIN_TITLE_LENGTH:
        errors.append(f"Title is too short (minimum is {MIN_TITLE_LENGTH} characters)")
    if title is not None and len(title) > MAX_TITLE_LENGTH:
        errors.append(f"Title is too long (maximum is {MAX_TITLE_LENGTH} characters)")

    def now(name: str, otherwise: Any = None) -> Any:
        return values.get(name, getattr(job, name) if job is not None else otherwise)

    errors += attribute.limit_errors(now("judgments_per_unit", 3), now("max_judgments_per_unit"))
    if now("included_countries") and now("excluded_countries"):
        raise Invalid.text("Set included_countries or excluded_countries, not both")
    if values.get("alias"):
        errors += _alias_errors(tx, values["alias"], account_id, job)


def _alias_errors(
    tx: Transaction, alias: str, account_id: int, job: Row[Any] | None
) -> Iterator[str]:
    if alias.isdecimal():
        yield "Alias must not be a number"
    if len(alias) > MAX_ALIAS_LENGTH or set("/.") & set(alias):
        yield f"Alias must have {MAX_ALIAS_LENGTH} characters or fewer, without slashes and dots"
    if alias != alias.strip():
        yield "Alias must not begin or end with a blank"
    if alias in RESERVED_ALIASES:
        yield f"Alias must not be {alias}, which is an address of its own"
    named = select(jobs.c.id).where(jobs.c.account_id == account_id, jobs.c.alias == alias)
    found = tx.one(named)
    if found is not None and (job is None or found.id != job.id):
        yield "Alias has already been taken"


def _apply_form(tx: Transaction, written: ParsedAttributes, job: Row[Any] | None) -> None:
    """Add what follows from the form, and take what was chosen instead.

    :raises Declined: There are mistakes in the form, or a choice names no question of it.
    """
    values = written.values
    chosen = {name: values.pop(name) for name in ("fields", "confidence_fields") if name in values}
    if chosen.get("fields", {}) is None:  # as a job without a form shows them
        del chosen["fields"]
    for option in DECIDING_OPTIONS:
        if option in values.get("options", {}):
            names = value_types.optional(value_types.question_names)(values["options"][option])
            chosen.setdefault("confidence_fields", names)
    if "cml" in values:
        values |= questions.derive(tx, values["cml"], job)
    known: dict[str, str] = values.get("fields", job.fields if job is not None else None) or {}
    strangers = sorted({name for names in chosen.values() for name in names or ()} - known.keys())
    if strangers:
        raise Declined.errors([f"The form has no question named {name}" for name in strangers])
    for how in set(chosen.get("fields", {}).values()):
        _check_aggregation(how)
    if "fields" in chosen:
        known = values["fields"] = known | chosen["fields"]
        values["confidence_fields"] = questions.choose_deciding(known, job)
    if "confidence_fields" in chosen:
        values["confidence_fields"] = chosen["confidence_fields"]
        unsure = {*(chosen["confidence_fields"] or ())} - {*questions.with_confidence(known)}
        if unsure:
            tx.warn(
                f"The answers to {', '.join(sorted(unsure))} have no confidence, as their "
                "aggregation is all or avg: they decide nothing over dynamic judgments."
            )


def _check_aggregation(how: str) -> None:
    try:
        aggregate(how, ())
    except ValueError as error:
        raise Declined.errors([str(error)]) from None


def _to_columns(values: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Turn attributes into columns: some have other names, some share one."""
    columns = dict(values)
    if "payment_cents" in columns:
        columns["payment_mc"] = columns.pop("payment_cents")
    if "options" in columns:
        columns["options"] = {**before["options"], **columns["options"]}
    aside = {name: columns.pop(name) for name in attribute.EXTRAS if name in columns}
    if aside:
        columns["extras"] = {**before["extras"], **aside}
    return columns
