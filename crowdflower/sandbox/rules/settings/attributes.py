"""What may be written on a job: each attribute with the kind of value it takes.

Attributes without a kind here are ignored with a warning, as the service ignores them, or refused
where the sandbox is strict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crowdflower.sandbox.errors import Declined, Unsupported
from crowdflower.sandbox.rules.settings.value_types import (
    ValueType,
    aggregations,
    boolean,
    country_codes,
    fraction,
    integer,
    json_object,
    judgments_mode,
    money,
    optional,
    percent,
    question_names,
    required_text,
    text,
    webhook_uri,
)

MAX_INCLUDED, MAX_EXCLUDED = 20, 15
"""Most countries in each list."""

NO_EFFECT = {
    "css": "the requester's styles are not applied",
    "design_verified": "no design is looked at before a job is launched",
    "desired_requirements": "contributors have no levels",
    "execution_mode": "people work on one kind of page",
    "expected_judgments_per_unit": "nothing is planned by it",
    "js": "the requester's scripts are not run",
    "max_work_per_network": "contributors have no networks",
    "min_assignment_duration": "pages may be submitted at any time",
    "minimum_requirements": "contributors have no levels",
    "order_approved": "no order waits for approval",
    "pages_per_assignment": "pages are handed out one by one",
    "public_data": "results are shown to their account alone",
    "quiz_length": "a quiz is one page",
    "require_worker_login": "contributors say who they are, and nobody checks it",
    "schedule_fifo": "rows are handed out in order anyway",
    "team_id": "there are no teams",
    "time_per_page": "options.req_ttl_in_seconds is obeyed instead",
    "worker_ui_remix": "people work on one kind of page",
}
"""Attributes that are kept and have no effect, and why."""

NO_EFFECT_DEFAULTS = {
    "design_verified": True,
    "execution_mode": "worker_ui_remix",
    "order_approved": True,
    "pages_per_assignment": 1,
    "worker_ui_remix": True,
}
"""What some of these are when nobody asks for anything; the others are nothing then."""

NO_EFFECT_OPTIONS = {
    "calibrated_unit_time": "pages may be submitted at any time",
    "htl_report": "there is no such report",
    "include_unfinished": "the aggregated report has every row that was judged",
    "keywords": "nobody looks for jobs by them",
    "logical_aggregation": "whoever was not asked a question is never counted with it",
    "mail_to": "no mail is sent; the event job_complete says the same",
}
"""Options that are kept and have no effect, and why."""

NO_EFFECT_OPTION_DEFAULTS = {"include_unfinished": True, "logical_aggregation": True}
"""What some of these are when nobody asks for anything."""


def parse_options(value: Any) -> dict[str, Any]:
    """Take an object; the options that are known become what they are, whatever they came as.

    >>> parse_options({"front_load": "1", "after_gold": "10", "keywords": "mood"})
    {'front_load': True, 'after_gold': 10, 'keywords': 'mood'}
    """
    found = json_object(value)
    for name, kind in OPTION_TYPES.items():
        if found.get(name) not in (None, ""):
            try:
                found = {**found, name: kind(found[name])}
            except (TypeError, ValueError) as error:
                raise ValueError(f"{name} {error}") from None
    return found


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
    "include_unfinished": boolean,
    "logical_aggregation": boolean,
    "reject_at": percent,
    "req_ttl_in_seconds": integer(1),
    "track_clones": boolean,
    "whole_batches": boolean,
}
"""Options that are known, and what they have to be; others are kept as they come."""

ATTRIBUTE_TYPES: dict[str, ValueType] = {
    "alias": optional(text),
    "auto_order": boolean,
    "auto_order_threshold": optional(integer(1)),
    "auto_order_timeout": optional(integer(0)),
    "cml": text,
    "confidence_fields": optional(question_names),
    "css": text,
    "custom_key": text,
    "desired_requirements": optional(json_object),
    "design_verified": boolean,
    "execution_mode": required_text,
    "expected_judgments_per_unit": optional(integer(1)),
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
    "min_unit_confidence": optional(fraction),
    "minimum_account_age_seconds": optional(integer(0)),
    "minimum_requirements": optional(json_object),
    "options": parse_options,
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
    "time_per_page": optional(integer(1)),
    "title": text,
    "units_per_assignment": integer(1, 200),
    "units_remain_finalized": optional(boolean),
    "variable_judgments_mode": judgments_mode,
    "webhook_uri": optional(webhook_uri),
    "worker_ui_remix": boolean,
}

EXTRAS = ("min_assignment_duration", "quiz_length", "schedule_fifo", "team_id", "time_per_page")
"""Attributes that are kept and never shown."""

OLD_NAMES = {"auto_order_timout": "auto_order_timeout", "problem": "cml"}
"""Other names that the service has used."""


@dataclass
class ParsedAttributes:
    """What a request would write on a job, read but not yet checked against the job."""

    values: dict[str, Any] = field(default_factory=dict)
    """Attribute to value, of the kind that is kept."""

    errors: list[str] = field(default_factory=list)
    """What cannot be, in words for people."""

    ignored: list[str] = field(default_factory=list)
    """Names that nobody may write, or nobody knows."""


def parse(attributes: Mapping[str, Any]) -> ParsedAttributes:
    """Read what a request would write on a job.

    :raises Invalid: A list of countries has another format.
    :raises Unsupported: It asks for something that only the hosted service has.

    >>> parse({"judgments_per_unit": "5", "payment_cents": -1, "id": 7})
    ParsedAttributes(values={'judgments_per_unit': 5}, \
errors=['Payment cents must be an amount from 0 to 1000000 cents'], ignored=['id'])
    """
    written = ParsedAttributes()
    for sent, value in attributes.items():
        name = OLD_NAMES.get(sent, sent)
        if name != sent and (value is None or name in attributes):
            # A job that is put back as it was shown has both, and nothing under the other name.
            written.ignored.append(sent)
            continue
        if name in {"included_countries", "excluded_countries"}:
            most = MAX_INCLUDED if name == "included_countries" else MAX_EXCLUDED
            written.values[name] = country_codes(name, value, most)
        elif name == "uri":
            raise Unsupported(
                "feeds", "Rows cannot be fetched from a URL in the sandbox; upload them.", "upload"
            )
        elif name in ATTRIBUTE_TYPES:
            try:
                written.values[name] = ATTRIBUTE_TYPES[name](value)
            except (TypeError, ValueError) as error:
                written.errors.append(f"{name.replace('_', ' ').capitalize()} {error}")
        elif name != "ignore_overlapping_names":
            written.ignored.append(sent)
    return written


def limit_errors(judgments: int, most: int | None) -> Sequence[str]:
    """Say what is wrong with two attributes that are fine alone."""
    if most is not None and most < judgments:
        return ["Max judgments per unit must be at least judgments per unit"]
    return ()


def decline_if_any(errors: Sequence[str]) -> None:
    """Refuse everything when there is any error.

    :raises Declined: There is; status 200 and the list, as the service does it.
    """
    if errors:
        raise Declined.errors(errors)
