"""What may be written on a job: each attribute with the kind of value it takes.

Values come from forms as text and from JSON as what they are; either way the same value is kept.
Attributes without a kind here are ignored with a warning, as the service ignores them, or refused
where the sandbox is strict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from json import JSONDecodeError
from typing import Any, TypeAlias

from crowdflower.sandbox import outbound
from crowdflower.sandbox.json_text import decode
from crowdflower.sandbox.refusals import Declined, Invalid, Unsupported
from crowdflower.sandbox.rules import countries

Kind: TypeAlias = Callable[[Any], Any]
"""From what was sent to what is kept; an error says what it has to be instead."""

MOST_INCLUDED, MOST_EXCLUDED = 20, 15
"""Most countries in each list."""

PERCENT = 100

LONGEST = 2**63 - 1
"""The largest number that a database has room for."""

MOST_CENTS = 1_000_000
"""Most that a page may pay."""

NOISE = Decimal("1e-6")
"""Thousandths of a cent by which ``3 * 1.1`` and the like are off."""

KEPT_ONLY = {
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

USUAL = {
    "design_verified": True,
    "execution_mode": "worker_ui_remix",
    "order_approved": True,
    "pages_per_assignment": 1,
    "worker_ui_remix": True,
}
"""What some of these are when nobody asks for anything; the others are nothing then."""

KEPT_OPTIONS = {
    "calibrated_unit_time": "pages may be submitted at any time",
    "htl_report": "there is no such report",
    "include_unfinished": "the aggregated report has every row that was judged",
    "keywords": "nobody looks for jobs by them",
    "logical_aggregation": "whoever was not asked a question is never counted with it",
    "mail_to": "no mail is sent; the event job_complete says the same",
}
"""Options that are kept and have no effect, and why."""

USUAL_OPTIONS = {"include_unfinished": True, "logical_aggregation": True}
"""What some of these are when nobody asks for anything."""


def text(value: Any) -> str | None:
    """Take text, or a number as text; nothing stays nothing."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bool, list, dict)):
        raise TypeError("must be text")
    return str(value)


def required(value: Any) -> str:
    """Take text, or a number as text, that has to be there."""
    found = text(value)
    if found is None:
        raise TypeError("must be text")
    return found


def yes_or_no(value: Any) -> bool:
    """Take a truth value, spelled out or as 1 and 0.

    >>> yes_or_no("true"), yes_or_no("0")
    (True, False)
    """
    spelled = str(value).lower()
    if spelled in {"true", "1"}:
        return True
    if spelled in {"false", "0"}:
        return False
    raise ValueError("must be true or false")


def truthy(value: object) -> bool:
    """Read a switch in a cell of a row, or one that was never read.

    >>> truthy("1"), truthy(True), truthy("off"), truthy(None)
    (True, True, False, False)
    """
    return str(value).lower() in {"true", "1"}


def whole(least: int, most: int = 1_000_000) -> Kind:
    """Take a whole number from ``least`` to ``most``, also as text."""

    def kind(value: Any) -> int:
        number = _number(value)
        if number is None or not least <= number <= most or number % 1:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(number)

    return kind


def share(value: Any) -> float:
    """Take a fraction, or a percentage above 1.

    >>> share("0.7"), share(80)
    (0.7, 0.8)
    """
    number = _number(value)
    if number is None or not 0 <= number <= PERCENT:
        raise ValueError("must be a number from 0 to 1")
    return float(number / PERCENT if number > 1 else number)


def money(value: Any) -> int:
    """Take cents, down to thousandths of a cent; what floats are off by is rounded away.

    >>> money("2.5"), money(3 * 1.1), money(2.9999999999999996)
    (2500, 3300, 3000)
    """
    amount = _number(value)
    if amount is None or not 0 <= amount <= MOST_CENTS:
        raise ValueError(f"must be an amount from 0 to {MOST_CENTS} cents")
    thousandths = (amount * 1000).to_integral_value(ROUND_HALF_UP)
    if abs(amount * 1000 - thousandths) > NOISE:
        raise ValueError("must have three decimals at most")
    return int(thousandths)


def percent(value: Any) -> float:
    """Take a percentage, and leave a whole one whole.

    >>> percent("70"), percent(62.5)
    (70, 62.5)
    """
    number = _number(value)
    if number is None or not 0 <= number <= PERCENT:
        raise ValueError("must be a number from 0 to 100")
    return float(number) if number % 1 else int(number)


def mode(value: Any) -> str:
    """Take a way to collect a varying number of judgments."""
    if value == "external":
        raise Unsupported(
            "variable_judgments_mode:external",
            "Asking a notified server how many judgments a row needs is not available in the "
            "sandbox; use auto_confidence.",
            "dynamic-judgments",
        )
    if value not in {"none", "auto_confidence"}:
        raise ValueError("must be none or auto_confidence")
    return str(value)


def names(value: Any) -> list[str]:
    """Take names of questions: a list, or one text with commas."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ValueError("must be a list of names")
    return [part.strip() for part in parts if part.strip()]


def table(value: Any) -> dict[str, Any]:
    """Take an object, or its JSON text."""
    if isinstance(value, str):
        try:
            value = decode(value)
        except JSONDecodeError:
            value = None
    if not isinstance(value, dict):
        raise TypeError("must be an object")
    return value


def aggregations(value: Any) -> dict[str, str]:
    """Take an object from questions to what becomes of their answers."""
    found = table(value)
    if not all(isinstance(how, str) for how in found.values()):
        raise TypeError("must name an aggregation for each question")
    return found


def address(value: Any) -> str:
    """Take the address of a server that is to be told what happens."""
    try:
        outbound.parsed(str(value))
    except outbound.Forbidden as forbidden:
        raise ValueError(f"cannot be notified: {forbidden}") from None
    return str(value)


def optional(kind: Kind) -> Kind:
    """Take nothing, or empty text for it, as well."""
    return lambda value: None if value in (None, "") else kind(value)


def options(value: Any) -> dict[str, Any]:
    """Take an object; the options that are known become what they are, whatever they came as.

    >>> options({"front_load": "1", "after_gold": "10", "keywords": "mood"})
    {'front_load': True, 'after_gold': 10, 'keywords': 'mood'}
    """
    found = table(value)
    for name, kind in OPTIONS.items():
        if found.get(name) not in (None, ""):
            try:
                found = {**found, name: kind(found[name])}
            except (TypeError, ValueError) as error:
                raise ValueError(f"{name} {error}") from None
    return found


def _number(value: Any) -> Decimal | None:
    """Read a number, or text that is one; nothing else is.

    :raises Invalid: It is longer than any column could hold.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    # A comparison is exact at any size; arithmetic, even abs(), overflows beyond 10**999999.
    if number.is_finite() and not -LONGEST <= number <= LONGEST:
        raise Invalid(f"{number:.2e} is more than can be kept; send a number below {LONGEST}.")
    return number if number.is_finite() else None


def country_codes(name: str, value: Any, most: int) -> list[str]:
    """Take a list of country codes, as a list, as its JSON text, or as a job shows it.

    :raises Invalid: It is none of these, holds an unknown code, or too many.

    >>> country_codes("included_countries", '["US", "FI"]', 20)
    ['US', 'FI']
    """
    if value is None:
        return []
    refusal = Invalid.text(f"Invalid format of {name} attribute")
    if isinstance(value, str):
        try:
            value = decode(value)
        except JSONDecodeError:
            raise refusal from None
    if not isinstance(value, list) or not value or len(value) > most:
        raise refusal
    codes = [item.get("code") if isinstance(item, dict) else item for item in value]
    found = [countries.find(code) if isinstance(code, str) else None for code in codes]
    if None in found:
        raise refusal
    return list(dict.fromkeys(country.code for country in found if country))


OPTIONS: dict[str, Kind] = {
    "after_gold": whole(0),
    "calibrated_unit_time": whole(0),
    "confidence_fields": names,
    "dynamic_judgment_fields": names,
    "dynamic_matching": whole(1),
    "front_load": yes_or_no,
    "gold_always": yes_or_no,
    "hide_correct_answers": yes_or_no,
    "htl_report": yes_or_no,
    "include_unfinished": yes_or_no,
    "logical_aggregation": yes_or_no,
    "reject_at": percent,
    "req_ttl_in_seconds": whole(1),
    "track_clones": yes_or_no,
    "whole_batches": yes_or_no,
}
"""Options that are known, and what they have to be; others are kept as they come."""

KINDS: dict[str, Kind] = {
    "alias": optional(text),
    "auto_order": yes_or_no,
    "auto_order_threshold": optional(whole(1)),
    "auto_order_timeout": optional(whole(0)),
    "cml": text,
    "confidence_fields": optional(names),
    "css": text,
    "custom_key": text,
    "desired_requirements": optional(table),
    "design_verified": yes_or_no,
    "execution_mode": required,
    "expected_judgments_per_unit": optional(whole(1)),
    "fields": optional(aggregations),
    "gold_per_assignment": whole(0),
    "instructions": lambda value: text(value) or "",
    "js": text,
    "judgments_per_unit": whole(1),
    "language": text,
    "max_judgments_per_ip": optional(whole(1)),
    "max_judgments_per_unit": optional(whole(1)),
    "max_judgments_per_worker": optional(whole(1)),
    "max_work_per_network": optional(whole(1)),
    "min_assignment_duration": optional(whole(0)),
    "min_unit_confidence": optional(share),
    "minimum_account_age_seconds": optional(whole(0)),
    "minimum_requirements": optional(table),
    "options": options,
    "order_approved": yes_or_no,
    "pages_per_assignment": whole(1),
    "payment_cents": money,
    "project_number": text,
    "public_data": yes_or_no,
    "quiz_length": optional(whole(1)),
    "require_worker_login": optional(yes_or_no),
    "schedule_fifo": optional(yes_or_no),
    "send_judgments_webhook": optional(
        lambda value: str(value).startswith("http") or yes_or_no(value)
    ),
    "support_email": text,
    "team_id": text,
    "time_per_page": optional(whole(1)),
    "title": text,
    "units_per_assignment": whole(1, 200),
    "units_remain_finalized": optional(yes_or_no),
    "variable_judgments_mode": mode,
    "webhook_uri": optional(address),
    "worker_ui_remix": yes_or_no,
}

KEPT_ASIDE = ("min_assignment_duration", "quiz_length", "schedule_fifo", "team_id", "time_per_page")
"""Attributes that are kept and never shown."""

SPELLINGS = {"auto_order_timout": "auto_order_timeout", "problem": "cml"}
"""Other names that the service has used."""


@dataclass
class Written:
    """What a request would write on a job, read but not yet checked against the job."""

    values: dict[str, Any] = field(default_factory=dict)
    """Attribute to value, of the kind that is kept."""

    errors: list[str] = field(default_factory=list)
    """What cannot be, in words for people."""

    ignored: list[str] = field(default_factory=list)
    """Names that nobody may write, or nobody knows."""


def read(attributes: Mapping[str, Any]) -> Written:
    """Read what a request would write on a job.

    :raises Invalid: A list of countries has another format.
    :raises Unsupported: It asks for something that only the hosted service has.

    >>> read({"judgments_per_unit": "5", "payment_cents": -1, "id": 7})
    Written(values={'judgments_per_unit': 5}, \
errors=['Payment cents must be an amount from 0 to 1000000 cents'], ignored=['id'])
    """
    written = Written()
    for sent, value in attributes.items():
        name = SPELLINGS.get(sent, sent)
        if name != sent and (value is None or name in attributes):
            # A job that is put back as it was shown has both, and nothing under the other name.
            written.ignored.append(sent)
            continue
        if name in {"included_countries", "excluded_countries"}:
            most = MOST_INCLUDED if name == "included_countries" else MOST_EXCLUDED
            written.values[name] = country_codes(name, value, most)
        elif name == "uri":
            raise Unsupported(
                "feeds", "Rows cannot be fetched from a URL in the sandbox; upload them.", "upload"
            )
        elif name in KINDS:
            try:
                written.values[name] = KINDS[name](value)
            except (TypeError, ValueError) as error:
                written.errors.append(f"{name.replace('_', ' ').capitalize()} {error}")
        elif name != "ignore_overlapping_names":
            written.ignored.append(sent)
    return written


def together(judgments: int, most: int | None) -> Sequence[str]:
    """Say what is wrong with two attributes that are fine alone."""
    if most is not None and most < judgments:
        return ["Max judgments per unit must be at least judgments per unit"]
    return ()


def refuse(errors: Sequence[str]) -> None:
    """Refuse everything when there is any error.

    :raises Declined: There is; status 200 and the list, as the service does it.
    """
    if errors:
        raise Declined.errors(errors)
