"""The shapes of what the API takes and gives, as JSON Schema.

Which keys there are, and in which order, :mod:`crowdflower.sandbox.rules.results.shapes` decides;
here stands of what kind their values are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from crowdflower.sandbox.rules.settings.attributes import KINDS
from crowdflower.states import JOB_STATES, UNIT_STATES

Schema: TypeAlias = "dict[str, Any]"


def ref(name: str) -> Schema:
    """Point to one of :data:`SCHEMAS`.

    >>> ref("Job")
    {'$ref': '#/components/schemas/Job'}
    """
    return {"$ref": f"#/components/schemas/{name}"}


def whole(least: int | None = None, most: int | None = None) -> Schema:
    """Describe a whole number."""
    bounds = {"minimum": least, "maximum": most}
    return {"type": "integer", **{name: each for name, each in bounds.items() if each is not None}}


def one_of(*words: str) -> Schema:
    """Describe a text that is one of these."""
    return {"type": "string", "enum": list(words)}


def optional(schema: Schema) -> Schema:
    """Describe the same, or ``null``."""
    return {"anyOf": [schema, {"type": "null"}]}


def listed(items: Schema) -> Schema:
    """Describe a list of things that are alike."""
    return {"type": "array", "items": items}


def table(values: Schema) -> Schema:
    """Describe an object with any keys, and values that are alike."""
    return {"type": "object", "additionalProperties": values}


def closed(properties: dict[str, Schema], lacking: Iterable[str] = ()) -> Schema:
    """Describe an object with these keys and no others.

    :param lacking: Keys that need not be there.
    """
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in set(lacking)],
        "additionalProperties": False,
    }


TEXT: Final[Schema] = {"type": "string"}
FLAG: Final[Schema] = {"type": "boolean"}
COUNT: Final = whole(0)
NUMBER: Final[Schema] = {"type": "number"}
SHARE: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}
MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
ANY: Final[Schema] = {}
OBJECT: Final = table(ANY)

_COUNTRY: Final = closed({"code": TEXT, "name": TEXT})
_PLACE: Final = {name: optional(TEXT) for name in ("country", "region", "city")}

JOB: Final[dict[str, Schema]] = {
    "id": whole(1),
    "options": OBJECT,
    "title": optional(TEXT),
    "secret": TEXT,
    "project_number": optional(TEXT),
    "alias": optional(TEXT),
    "judgments_per_unit": whole(1),
    "units_per_assignment": whole(1),
    "pages_per_assignment": whole(1),
    "max_judgments_per_worker": optional(whole(1)),
    "max_judgments_per_ip": optional(whole(1)),
    "gold_per_assignment": COUNT,
    "minimum_account_age_seconds": optional(COUNT),
    "execution_mode": optional(TEXT),
    "payment_cents": {"type": "number", "minimum": 0},
    "custom_key": optional(TEXT),
    "design_verified": FLAG,
    "require_worker_login": optional(FLAG),
    "public_data": FLAG,
    "variable_judgments_mode": one_of("none", "auto_confidence"),
    "max_judgments_per_unit": optional(whole(1)),
    "expected_judgments_per_unit": optional(whole(1)),
    "min_unit_confidence": optional(SHARE),
    "units_remain_finalized": optional(FLAG),
    "auto_order_timeout": optional(COUNT),
    "auto_order_threshold": optional(whole(1)),
    "completed_at": optional(MOMENT),
    "state": one_of(*JOB_STATES),
    "auto_order": FLAG,
    "webhook_uri": optional(TEXT),
    "send_judgments_webhook": optional(FLAG),
    "language": optional(TEXT),
    "minimum_requirements": optional(OBJECT),
    "desired_requirements": optional(OBJECT),
    "order_approved": FLAG,
    "max_work_per_network": optional(whole(1)),
    "copied_from": optional(whole(1)),
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "included_countries": listed(_COUNTRY),
    "excluded_countries": listed(_COUNTRY),
    "instructions": TEXT,
    "cml": optional(TEXT),
    "js": optional(TEXT),
    "css": optional(TEXT),
    "problem": {"type": "null"},
    "confidence_fields": optional(listed(TEXT)),
    "gold": table(TEXT),
    "units_count": COUNT,
    "golds_count": COUNT,
    "judgments_count": COUNT,
    "support_email": optional(TEXT),
    "worker_ui_remix": FLAG,
    "crowd_costs": {"type": "number", "minimum": 0},
    "quiz_mode_enabled": FLAG,
    "completed": FLAG,
    "fields": optional(table(TEXT)),
}
UNIT: Final[dict[str, Schema]] = {
    "id": whole(1),
    "data": OBJECT,
    "difficulty": whole(),
    "judgments_count": COUNT,
    "state": one_of(*UNIT_STATES),
    "agreement": optional(SHARE),
    "missed_count": COUNT,
    "gold_pool": optional(TEXT),
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "job_id": whole(1),
}
_MESSAGE: Final = closed({"message": TEXT})
_SAID: Final = {"anyOf": [TEXT, _MESSAGE]}
_CHANNELS: Final = {"enabled_channels": listed(TEXT), "available_channels": listed(TEXT)}
_COUNTRIES: Final = {name: listed(TEXT) for name in ("included_countries", "excluded_countries")}

SCHEMAS: Final[dict[str, Schema]] = {
    "Account": closed(
        {
            "id": whole(1),
            "email": TEXT,
            "auth_code": {"type": "null"},
            "first_name": TEXT,
            "last_name": TEXT,
            "auth_key": {"type": "null"},
            "akon_id": TEXT,
            "status": TEXT,
            "created_at": MOMENT,
            "job_template_id": {"type": "null"},
            "balance": NUMBER,
            "api_team_id": TEXT,
        }
    ),
    "Job": closed(JOB),
    "JobCopy": closed(
        JOB | {"message": closed({"success": TEXT, "notice": TEXT}, ["success", "notice"])}
    ),
    "JobAttributes": {
        "type": "object",
        "properties": {name: JOB.get(name, ANY) for name in KINDS} | _COUNTRIES,
    },
    "JobPing": closed(
        {
            "golden_units": COUNT,
            "all_units": COUNT,
            "ordered_units": COUNT,
            "completed_units_estimate": COUNT,
            "aggregated_units_cached": FLAG,
            "needed_judgments": COUNT,
            "all_judgments": COUNT,
            "tainted_judgments": COUNT,
            "completed_gold_estimate": COUNT,
            "completed_non_gold_estimate": COUNT,
        }
    ),
    "Legend": table(table(ANY)),
    "UploadProgress": closed({"done": FLAG, "count": COUNT, "error": TEXT}, ["error"]),
    "Unit": closed(UNIT),
    "UnitWithResults": closed(
        {
            **UNIT,
            "results": {
                "type": "object",
                "properties": {"judgments": listed(ref("Judgment"))},
                "required": ["judgments"],
                "additionalProperties": OBJECT,
            },
            "message": closed({"error": TEXT}),
        },
        ["message"],
    ),
    "UnitsPage": {**table(OBJECT), "propertyNames": {"pattern": r"^\d+$"}},
    "TestQuestion": closed(
        UNIT | {"answers": table(closed({"accepted": listed(TEXT), "reason": optional(TEXT)}))}
    ),
    "Judgment": closed(
        {
            "id": whole(1),
            "created_at": MOMENT,
            "started_at": MOMENT,
            "webhook_sent_at": optional(MOMENT),
            "external_type": TEXT,
            "reviewed": optional(FLAG),
            "golden": FLAG,
            "missed": optional(FLAG),
            "rejected": optional(FLAG),
            "tainted": FLAG,
            **_PLACE,
            "job_id": whole(1),
            "unit_id": whole(1),
            "worker_id": whole(1),
            "judgment": {"const": 1},
            "trust": SHARE,
            "worker_trust": SHARE,
            "unit_state": one_of(*UNIT_STATES),
            "data": OBJECT,
            "unit_data": OBJECT,
        }
    ),
    "JudgmentsPage": {
        "propertyNames": {"pattern": r"^\d+$"},
        **table(
            {
                "type": "object",
                "properties": {
                    "_ids": listed(whole(1)),
                    "_agreement": optional(SHARE),
                    "_state": one_of(*UNIT_STATES),
                    "_updated_at": MOMENT,
                },
                "required": ["_ids", "_agreement", "_state", "_updated_at"],
            }
        ),
    },
    "Order": closed(
        {
            "id": whole(1),
            "type": TEXT,
            "meta": OBJECT,
            "created_at": MOMENT,
            "updated_at": MOMENT,
            "user_id": whole(1),
            "job_id": whole(1),
            "amount_in_cents": {"type": "number", "minimum": 0},
            "nuggeted_units_count": COUNT,
        }
    ),
    "Worker": closed(
        {
            "worker_id": whole(1),
            "external_type": TEXT,
            "judgments_count": COUNT,
            "missed_count": COUNT,
            "golds_count": COUNT,
            "forgiven_count": COUNT,
            "channel": TEXT,
            **_PLACE,
            "last_ip": optional(TEXT),
            "flagged_at": optional(MOMENT),
            "rejected_at": optional(MOMENT),
            "bonus": {"type": "number", "minimum": 0},
            "flag_reason": optional(TEXT),
            "trust_overall": SHARE,
            "submission_rate": {"type": "null"},
        }
    ),
    "Channels": closed(_CHANNELS),
    "ChannelsChanged": closed({"success": TEXT, **_CHANNELS}),
    "Tags": listed(closed({"name": TEXT})),
    "GoldChecked": closed({"affected": COUNT, "populated": listed(TEXT)}),
    "Success": closed({"success": _SAID}),
    "Notice": closed({"notice": _MESSAGE}),
    "Deleted": closed({"message": closed({"success": TEXT})}),
    "Declined": {
        "description": "Understood and not done, which the service says with status 200.",
        "anyOf": [
            closed({"errors": listed(TEXT)}),
            closed({"error": TEXT, **_CHANNELS}, _CHANNELS),
        ],
    },
    "Error": {
        "description": "Nothing was done. The message says why, and what to do.",
        "type": "object",
        "properties": {
            "error": {
                "anyOf": [
                    TEXT,
                    {
                        "type": "object",
                        "properties": {
                            "message": TEXT,
                            "fields": table(table(TEXT)),
                            "code": TEXT,
                            "feature": TEXT,
                            "see": TEXT,
                        },
                        "required": ["message"],
                        "additionalProperties": False,
                    },
                ]
            }
        },
        "required": ["error"],
    },
}
"""Name to shape; each is one that the API gives, but for ``JobAttributes``, which it takes."""
