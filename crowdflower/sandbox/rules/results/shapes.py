"""The JSON of jobs, judgments, workers and orders, each made from a row of the database. Pure.

Names and order of the keys are those of the service's responses in 2014. Trust and confidence are
rounded to 4 places, as in its reports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crowdflower.sandbox.clock import iso
from crowdflower.sandbox.rules import quiz
from crowdflower.sandbox.rules.money import CENT
from crowdflower.sandbox.rules.settings import countries
from crowdflower.sandbox.rules.settings.attributes import EXTRAS

if TYPE_CHECKING:
    from sqlalchemy import Row

PLACES = 4
"""Decimal places of trust and confidence."""


def job(row: Row[Any]) -> dict[str, Any]:
    """Return the JSON of a job.

    After the keys of 2014 come ``cml_fields``, the name of ``fields`` in CrowdFlower, `Jobs
    <http://crowdflower.com/docs/api/jobs>`_, and the attributes that newer services have.
    """
    return {
        "id": row.id,
        "options": row.options,
        "title": row.title,
        "secret": row.secret,
        "project_number": row.project_number,
        "alias": row.alias,
        "judgments_per_unit": row.judgments_per_unit,
        "units_per_assignment": row.units_per_assignment,
        "pages_per_assignment": row.pages_per_assignment,
        "max_judgments_per_worker": row.max_judgments_per_worker,
        "max_judgments_per_ip": row.max_judgments_per_ip,
        "gold_per_assignment": row.gold_per_assignment,
        "minimum_account_age_seconds": row.minimum_account_age_seconds,
        "execution_mode": row.execution_mode,
        "payment_cents": _divide(row.payment_mc, CENT),
        "custom_key": row.custom_key,
        "design_verified": row.design_verified,
        "require_worker_login": row.require_worker_login,
        "public_data": row.public_data,
        "variable_judgments_mode": row.variable_judgments_mode,
        "max_judgments_per_unit": row.max_judgments_per_unit,
        "expected_judgments_per_unit": row.expected_judgments_per_unit,
        "min_unit_confidence": row.min_unit_confidence,
        "units_remain_finalized": row.units_remain_finalized,
        "auto_order_timeout": row.auto_order_timeout,
        "auto_order_threshold": row.auto_order_threshold,
        "completed_at": iso_or_none(row.completed_at),
        "state": row.state,
        "auto_order": row.auto_order,
        "webhook_uri": row.webhook_uri,
        "send_judgments_webhook": row.send_judgments_webhook,
        "language": row.language,
        "minimum_requirements": row.minimum_requirements,
        "desired_requirements": row.desired_requirements,
        "order_approved": row.order_approved,
        "max_work_per_network": row.max_work_per_network,
        "copied_from": row.copied_from,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "included_countries": [_country(code) for code in row.included_countries],
        "excluded_countries": [_country(code) for code in row.excluded_countries],
        "instructions": row.instructions,
        "cml": row.cml,
        "js": row.js,
        "css": row.css,
        "problem": None,
        "confidence_fields": row.confidence_fields,
        "gold": row.gold,
        "units_count": row.units_count,
        "golds_count": row.golds_count,
        "judgments_count": row.judgments_count,
        "support_email": row.support_email,
        "worker_ui_remix": row.worker_ui_remix,
        "crowd_costs": row.crowd_costs_mc / CENT / 100,
        "quiz_mode_enabled": quiz.is_quiz_enabled(row),
        "completed": row.completed_at is not None,
        "fields": row.fields,
        "cml_fields": row.fields,
        **EXTRAS,
        **{name: value for name, value in row.extras.items() if name in EXTRAS},
    }


def judgment(row: Row[Any]) -> dict[str, Any]:
    """Return the JSON of a judgment, with the current state and data of its unit.

    :param row: As read by :mod:`crowdflower.sandbox.rules.results.judgments`.
    """
    return {
        "id": row.id,
        "created_at": iso(row.created_at),
        "started_at": iso(row.started_at),
        "webhook_sent_at": iso_or_none(row.webhook_sent_at),
        "external_type": row.channel,
        "reviewed": row.reviewed,
        "golden": row.golden,
        "missed": row.missed,
        "rejected": row.rejected or None,
        "tainted": row.tainted,
        "country": row.country,
        "region": row.region,
        "city": row.city,
        "job_id": row.job_id,
        "unit_id": row.unit_id,
        "worker_id": row.worker_id,
        "judgment": 1,
        "trust": round(row.trust, PLACES),
        "worker_trust": None if row.worker_trust is None else round(row.worker_trust, PLACES),
        "unit_state": row.unit_state,
        "data": row.data,
        "unit_data": row.unit_data,
    }


def worker(row: Row[Any]) -> dict[str, Any]:
    """Return the JSON of a contributor; how the service orders and names the keys is not known.

    :param row: As read by :mod:`crowdflower.sandbox.rules.work.workers`.
    """
    return {
        "worker_id": row.worker_id,
        "external_type": row.channel,
        "judgments_count": row.judgments_count,
        "missed_count": row.golds_missed,
        "golds_count": row.golds_seen,
        "forgiven_count": row.golds_forgiven,
        "channel": row.channel,
        "country": row.country,
        "region": row.region,
        "city": row.city,
        "last_ip": row.ip,
        "flagged_at": iso_or_none(row.flagged_at),
        "rejected_at": iso_or_none(row.rejected_at),
        "bonus": _divide(row.bonus_mc, CENT),
        "flag_reason": row.flag_reason,
        "trust_overall": round(row.trust, PLACES),
        "submission_rate": None,
    }


def order(row: Row[Any]) -> dict[str, Any]:
    """Return the JSON of an order."""
    return {
        "id": row.id,
        "type": row.type,
        "meta": row.meta,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        "user_id": row.account_id,
        "job_id": row.job_id,
        "amount_in_cents": _divide(row.cost_mc, CENT),
        "nuggeted_units_count": row.units_count,
    }


def iso_or_none(seconds: float | None) -> str | None:
    """Format a time in ISO 8601, or return ``None``.

    >>> iso_or_none(None), iso_or_none(0)
    (None, '1970-01-01T00:00:00+00:00')
    """
    return None if seconds is None else iso(seconds)


def _divide(amount: int, unit: int) -> float:
    """Divide; return an integer if the quotient is one."""
    return amount // unit if amount % unit == 0 else amount / unit


def _country(code: str) -> dict[str, str]:
    country = countries.find(code)
    return {"code": code, "name": country.name if country else code}
