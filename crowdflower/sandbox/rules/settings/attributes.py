"""The writable attributes of a job, each with the type of its value.

Other attributes are ignored with a warning, as the service ignores them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crowdflower._types import Message
from crowdflower.sandbox.errors import Declined, Unsupported
from crowdflower.sandbox.rules.settings.value_types import (
    NotANumber,
    ValueType,
    aggregations,
    boolean,
    country_codes,
    fraction,
    integer,
    json_object,
    judgments_mode,
    leading_number,
    money,
    optional,
    percent,
    question_names,
    required_text,
    requirements,
    text,
    webhook_uri,
)

MAX_INCLUDED, MAX_EXCLUDED = 20, 15
"""Maximum number of countries in each list."""

NO_EFFECT = {
    "css": "the requester's styles are not applied",
    "design_verified": "designs are not reviewed before launch",
    "desired_requirements": "contributors have no levels",
    "execution_mode": "there is one kind of page",
    "expected_judgments_per_unit": "nothing depends on it",
    "fair_pay_enabled": "contributors take any pay",
    "js": "the requester's scripts are not run",
    "max_work_per_network": "contributors have no networks",
    "min_assignment_duration": "pages may be submitted at any time",
    "minimum_requirements": "contributors have no levels",
    "order_approved": "orders need no approval",
    "pages_per_assignment": "pages are handed out one by one",
    "public_data": "only the account of a job can read its results",
    "quiz_length": "a quiz is one page",
    "require_worker_login": "the identity of contributors is not checked",
    "schedule_fifo": "units are handed out in order anyway",
    "team_id": "there are no teams",
    "time_per_page": "set options.req_ttl_in_seconds instead",
    "worker_ui_remix": "there is one kind of page",
}
"""Attributes that are stored without effect, and why."""

NO_EFFECT_DEFAULTS = {
    "design_verified": True,
    "execution_mode": "worker_ui_remix",
    "order_approved": True,
    "pages_per_assignment": 1,
    "worker_ui_remix": True,
}
"""Defaults of these attributes; the others are empty by default."""

NO_EFFECT_OPTIONS = {
    "calibrated_unit_time": "pages may be submitted at any time",
    "htl_report": "there is no such report",
    "include_unfinished": "the aggregated report always has every judged unit",
    "keywords": "contributors cannot search for jobs",
    "logical_aggregation": "contributors who were not asked a question never count for it",
    "mail_to": "no mail is sent; read the event job_complete instead",
}
"""Options that are stored without effect, and why."""

NO_EFFECT_OPTION_DEFAULTS = {"include_unfinished": True, "logical_aggregation": True}
"""Defaults of these options."""


OPTION_TYPES: dict[str, ValueType] = {
    "after_gold": integer(0),
    "calibrated_unit_time": integer(0),
    "confidence_fields": question_names,
    "dynamic_judgment_fields": question_names,
    "dynamic_matching": integer(1),
    "front_load": boolean,
    "gold_always": boolean,
    "hide_correct_answers": boolean,
    "htl_report": boolean,
    "ignore_gold": boolean,
    "include_tainted": boolean,
    "include_unfinished": boolean,
    "logical_aggregation": boolean,
    "reject_at": percent,
    "req_ttl_in_seconds": integer(1),
    "track_clones": boolean,
    "whole_batches": boolean,
}
"""Types of the known options; others are stored as they are."""

CONFIDENCE: ValueType = optional(fraction)

ATTRIBUTE_TYPES: dict[str, ValueType] = {
    "alias": optional(text),
    "auto_order": boolean,
    "auto_order_threshold": optional(integer(1)),
    "auto_order_timeout": optional(integer(0)),
    "cml": text,
    "confidence_fields": optional(question_names),
    "css": text,
    "custom_key": text,
    "desired_requirements": optional(requirements),
    "design_verified": boolean,
    "execution_mode": required_text,
    "expected_judgments_per_unit": optional(integer(1)),
    "fair_pay_enabled": boolean,
    "fields": optional(aggregations),
    "gold_per_assignment": integer(0),
    "instructions": lambda value: text(value) or "",
    "js": text,
    "judgments_per_unit": integer(1),
    "language": text,
    "max_judgments_per_ip": optional(integer(1)),
    "max_judgments_per_unit": optional(integer(1)),
    "max_judgments_per_worker": optional(integer(1)),
    "max_work_per_network": optional(integer(1)),
    "min_assignment_duration": optional(integer(0)),
    "min_unit_confidence": CONFIDENCE,
    "minimum_account_age_seconds": optional(integer(0)),
    "minimum_requirements": optional(requirements),
    "options": json_object,
    "order_approved": boolean,
    "pages_per_assignment": integer(1),
    "payment_cents": money,
    "project_number": text,
    "public_data": boolean,
    "quiz_length": optional(integer(1)),
    "require_worker_login": optional(boolean),
    "schedule_fifo": optional(boolean),
    "send_judgments_webhook": optional(
        lambda value: str(value).startswith("http") or boolean(value)
    ),
    "support_email": text,
    "team_id": text,
    "time_per_page": optional(integer(0)),
    "title": text,
    "units_per_assignment": integer(1, 200),
    "units_remain_finalized": optional(boolean),
    "variable_judgments_mode": judgments_mode,
    "webhook_uri": optional(webhook_uri),
    "worker_ui_remix": boolean,
}

EXTRAS = {
    "fair_pay_enabled": False,
    "min_assignment_duration": None,
    "quiz_length": None,
    "schedule_fifo": None,
    "team_id": None,
    "time_per_page": None,
}
"""Attributes that are stored together in one column, since nothing looks for them; defaults."""

EXACT_NUMBERS = frozenset(
    {
        "expected_judgments_per_unit",
        "judgments_per_unit",
        "max_judgments_per_ip",
        "max_judgments_per_unit",
        "max_judgments_per_worker",
        "payment_cents",
    }
)
"""Attributes whose value must be a number and nothing else: they decide what a job costs."""

OLD_NAMES = {
    "auto_order_timout": "auto_order_timeout",
    "cml_fields": "fields",
    "problem": "cml",
}
"""Names that the service used before, with the current names."""


@dataclass
class ParsedAttributes:
    """The attributes of a request, converted but not yet checked against the job."""

    values: dict[str, Any] = field(default_factory=dict)
    """Attributes with values of the type that is stored."""

    errors: list[str] = field(default_factory=list)
    """Messages about invalid values."""

    ignored: list[str] = field(default_factory=list)
    """Names that are read-only or unknown."""

    warnings: list[str] = field(default_factory=list)
    """Messages about values that were read as something else than they say."""


def parse(attributes: Mapping[str, Any]) -> ParsedAttributes:
    """Convert the attributes of a request.

    :raises Invalid: A list of countries has the wrong format.
    :raises Unsupported: An attribute needs a feature that only the hosted service has.

    >>> parse({"judgments_per_unit": "5", "payment_cents": -1, "id": 7})
    ParsedAttributes(values={'judgments_per_unit': 5}, \
errors=['Payment cents must be an amount from 0 to 1000000 cents'], ignored=['id'], warnings=[])
    """
    parsed = ParsedAttributes()
    for sent_name, value in attributes.items():
        name = OLD_NAMES.get(sent_name, sent_name)
        if name != sent_name and (value is None or name in attributes):
            # The JSON of a job, sent back unchanged, has both names, the old one with null or with
            # the same value.
            if value != attributes.get(name):
                parsed.ignored.append(sent_name)
            continue
        if name in {"included_countries", "excluded_countries"}:
            maximum = MAX_INCLUDED if name == "included_countries" else MAX_EXCLUDED
            parsed.values[name] = country_codes(name, value, maximum)
        elif name == "uri":
            raise Unsupported(
                "feeds", "Rows cannot be fetched from a URL in the sandbox; upload them.", "upload"
            )
        elif name in ATTRIBUTE_TYPES:
            _parse_value(parsed, name, value)
        elif name != "ignore_overlapping_names":
            parsed.ignored.append(sent_name)
    return parsed


def _parse_value(parsed: ParsedAttributes, name: str, value: Any) -> None:
    """Convert the value of one attribute; empty, where it must have one, it stays as it is."""
    try:
        converted = _convert(parsed, name, ATTRIBUTE_TYPES[name], value)
        if name == "options":
            converted = {key: _parse_option(parsed, key, each) for key, each in converted.items()}
    except (TypeError, ValueError) as error:
        if value == "null":  # as clients in JavaScript write it in a form
            parsed.warnings.append(f"{name} is 'null', which was read as no value.")
            _parse_value(parsed, name, None)
        elif (value is None or value in ("", [])) and name not in EXACT_NUMBERS:
            parsed.warnings.append(f"{name} is empty, and was left as it is.")
        else:
            text = f"{name.replace('_', ' ').capitalize()} {error}"
            values = {"attribute": name, "problem": error.args[0]}
            parsed.errors.append(Message(text, "attribute", **values))
    else:
        parsed.values[name] = converted


def _parse_option(parsed: ParsedAttributes, name: str, value: Any) -> Any:
    """Convert the value of an option to its type; unknown and empty ones stay as they are."""
    if name not in OPTION_TYPES or value in (None, ""):
        return value
    try:
        return _convert(parsed, name, OPTION_TYPES[name], value)
    except (TypeError, ValueError) as error:
        values = {"attribute": name, "problem": error.args[0]}
        raise ValueError(Message(f"{name} {error}", "attribute", **values)) from None


def _convert(parsed: ParsedAttributes, name: str, convert: ValueType, value: Any) -> Any:
    """Convert a value; text behind a number is left out with a warning, as Rails does.

    A confidence above 1 is read as percent, with a warning: 7 may be meant as 0.7 as well.
    """
    try:
        converted = convert(value)
    except NotANumber:
        number = leading_number(str(value) if isinstance(value, float) else value)
        if number is None or name in EXACT_NUMBERS:
            raise
        try:
            converted = convert(number)
        except NotANumber:
            converted = convert(number.partition(".")[0])
        kind = "whole number" if isinstance(value, float) or number == value.strip() else "number"
        parsed.warnings.append(f"{name} is not a {kind}: {value!r:.80} was read as {converted}.")
    else:
        if convert is CONFIDENCE and converted and float(value) > 1:
            parsed.warnings.append(f"{name} is above 1: {value} was read as percent, {converted}.")
    return converted


def decline_if_any(errors: Sequence[str]) -> None:
    """Decline the whole request if there is any error.

    :raises Declined: The list is not empty; status 200 with the list, as in the service.
    """
    if errors:
        raise Declined.errors(errors)
