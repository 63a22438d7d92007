"""JSON Schemas of what the API takes and returns.

The keys of a response and their order are decided in
:mod:`crowdflower.sandbox.rules.results.shapes`; these schemas say what type each value has.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from crowdflower.sandbox.rules.settings.attributes import ATTRIBUTE_TYPES
from crowdflower.states import JOB_STATES, UNIT_STATES

Schema: TypeAlias = "dict[str, Any]"


def ref(name: str) -> Schema:
    """Refer to one of :data:`SCHEMAS`.

    >>> ref("Job")
    {'$ref': '#/components/schemas/Job'}
    """
    return {"$ref": f"#/components/schemas/{name}"}


def integer(minimum: int | None = None, maximum: int | None = None) -> Schema:
    """Return the schema of an integer."""
    bounds = {"minimum": minimum, "maximum": maximum}
    return {"type": "integer", **{name: each for name, each in bounds.items() if each is not None}}


def enum(*values: str) -> Schema:
    """Return the schema of a string that is one of these."""
    return {"type": "string", "enum": list(values)}


def nullable(schema: Schema) -> Schema:
    """Return a schema that also allows ``null``."""
    return {"anyOf": [schema, {"type": "null"}]}


def array(items: Schema) -> Schema:
    """Return the schema of an array whose items have one schema."""
    return {"type": "array", "items": items}


def map_of(values: Schema) -> Schema:
    """Return the schema of an object with any keys, whose values have one schema."""
    return {"type": "object", "additionalProperties": values}


def properties(schemas: dict[str, Schema], *, required: Iterable[str] = ()) -> Schema:
    """Return the schema of an object with these keys and possibly others."""
    names = list(required)
    return {"type": "object", "properties": schemas, **({"required": names} if names else {})}


def record(schemas: dict[str, Schema], *, optional: Iterable[str] = ()) -> Schema:
    """Return the schema of an object with these keys and no others."""
    required = [name for name in schemas if name not in set(optional)]
    return {**properties(schemas, required=required), "additionalProperties": False}


STRING: Final[Schema] = {"type": "string"}
BOOLEAN: Final[Schema] = {"type": "boolean"}
COUNT: Final = integer(0)
ID: Final = integer(1, 10**18 - 1)
NUMBER: Final[Schema] = {"type": "number"}
FRACTION: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}
DATE: Final[Schema] = {"type": "string", "format": "date"}
TIMESTAMP: Final[Schema] = {"type": "string", "format": "date-time"}
ANY: Final[Schema] = {}
OBJECT: Final = map_of(ANY)

_COUNTRY: Final = record({"code": STRING, "name": STRING})
_LOCATION: Final = {name: nullable(STRING) for name in ("country", "region", "city")}

JOB: Final[dict[str, Schema]] = {
    "id": integer(1),
    "options": OBJECT,
    "title": nullable(STRING),
    "secret": STRING,
    "project_number": nullable(STRING),
    "alias": nullable(STRING),
    "judgments_per_unit": integer(1),
    "units_per_assignment": integer(1),
    "pages_per_assignment": integer(1),
    "max_judgments_per_worker": nullable(integer(1)),
    "max_judgments_per_ip": nullable(integer(1)),
    "gold_per_assignment": COUNT,
    "minimum_account_age_seconds": nullable(COUNT),
    "execution_mode": nullable(STRING),
    "payment_cents": {"type": "number", "minimum": 0},
    "custom_key": nullable(STRING),
    "design_verified": BOOLEAN,
    "require_worker_login": nullable(BOOLEAN),
    "public_data": BOOLEAN,
    "variable_judgments_mode": enum("none", "auto_confidence"),
    "max_judgments_per_unit": nullable(integer(1)),
    "expected_judgments_per_unit": nullable(integer(1)),
    "min_unit_confidence": nullable(FRACTION),
    "units_remain_finalized": nullable(BOOLEAN),
    "auto_order_timeout": nullable(COUNT),
    "auto_order_threshold": nullable(integer(1)),
    "completed_at": nullable(TIMESTAMP),
    "state": enum(*JOB_STATES),
    "auto_order": BOOLEAN,
    "webhook_uri": nullable(STRING),
    "send_judgments_webhook": nullable(BOOLEAN),
    "language": nullable(STRING),
    "minimum_requirements": nullable(OBJECT),
    "desired_requirements": nullable(OBJECT),
    "order_approved": BOOLEAN,
    "max_work_per_network": nullable(integer(1)),
    "copied_from": nullable(integer(1)),
    "created_at": TIMESTAMP,
    "updated_at": TIMESTAMP,
    "included_countries": array(_COUNTRY),
    "excluded_countries": array(_COUNTRY),
    "instructions": STRING,
    "cml": nullable(STRING),
    "js": nullable(STRING),
    "css": nullable(STRING),
    "problem": {"type": "null"},
    "confidence_fields": nullable(array(STRING)),
    "gold": map_of(STRING),
    "units_count": COUNT,
    "golds_count": COUNT,
    "judgments_count": COUNT,
    "support_email": nullable(STRING),
    "worker_ui_remix": BOOLEAN,
    "crowd_costs": {"type": "number", "minimum": 0},
    "quiz_mode_enabled": BOOLEAN,
    "completed": BOOLEAN,
    "fields": nullable(map_of(STRING)),
    "cml_fields": nullable(map_of(STRING)),
    "fair_pay_enabled": BOOLEAN,
    "min_assignment_duration": nullable(COUNT),
    "quiz_length": nullable(integer(1)),
    "schedule_fifo": nullable(BOOLEAN),
    "team_id": nullable(STRING),
    "time_per_page": nullable(COUNT),
}
UNIT: Final[dict[str, Schema]] = {
    "id": integer(1),
    "data": OBJECT,
    "difficulty": integer(),
    "judgments_count": COUNT,
    "state": enum(*UNIT_STATES),
    "agreement": nullable(FRACTION),
    "missed_count": COUNT,
    "gold_pool": nullable(STRING),
    "created_at": TIMESTAMP,
    "updated_at": TIMESTAMP,
    "job_id": integer(1),
}
_MESSAGE: Final = record({"message": STRING})
_SUCCESS: Final = {"anyOf": [STRING, _MESSAGE]}
_CHANNELS: Final = {"enabled_channels": array(STRING), "available_channels": array(STRING)}
_COUNTRIES: Final = {name: array(STRING) for name in ("included_countries", "excluded_countries")}

SCHEMAS: Final[dict[str, Schema]] = {
    "Account": record(
        {
            "id": integer(1),
            "email": STRING,
            "auth_code": {"type": "null"},
            "first_name": STRING,
            "last_name": STRING,
            "auth_key": {"type": "null"},
            "akon_id": STRING,
            "status": STRING,
            "created_at": TIMESTAMP,
            "job_template_id": {"type": "null"},
            "balance": NUMBER,
            "api_team_id": STRING,
        }
    ),
    "Job": record(JOB),
    "JobCopy": record(
        JOB
        | {"message": record({"success": STRING, "notice": STRING}, optional=["success", "notice"])}
    ),
    "JobAttributes": {
        "type": "object",
        "properties": {name: JOB.get(name, ANY) for name in ATTRIBUTE_TYPES} | _COUNTRIES,
    },
    "JobPing": record(
        {
            "golden_units": COUNT,
            "all_units": COUNT,
            "ordered_units": COUNT,
            "completed_units_estimate": COUNT,
            "aggregated_units_cached": BOOLEAN,
            "needed_judgments": COUNT,
            "all_judgments": COUNT,
            "golden_judgments": COUNT,
            "tainted_judgments": COUNT,
            "completed_gold_estimate": COUNT,
            "completed_non_gold_estimate": COUNT,
        }
    ),
    "Legend": map_of(map_of(ANY)),
    "UploadProgress": record(
        {"done": BOOLEAN, "count": COUNT, "error": STRING}, optional=["error"]
    ),
    "Unit": record(UNIT),
    "UnitWithResults": record(
        {
            **UNIT,
            "results": {
                "type": "object",
                "properties": {"judgments": array(ref("Judgment"))},
                "required": ["judgments"],
                "additionalProperties": OBJECT,
            },
            "message": record({"error": STRING}),
        },
        optional=["message"],
    ),
    "UnitsPage": {**map_of(OBJECT), "propertyNames": {"pattern": r"^\d+$"}},
    "TestQuestion": record(
        UNIT | {"answers": map_of(record({"accepted": array(STRING), "reason": nullable(STRING)}))}
    ),
    "Judgment": record(
        {
            "id": integer(1),
            "created_at": TIMESTAMP,
            "started_at": TIMESTAMP,
            "webhook_sent_at": nullable(TIMESTAMP),
            "external_type": STRING,
            "reviewed": nullable(BOOLEAN),
            "golden": BOOLEAN,
            "missed": nullable(BOOLEAN),
            "rejected": nullable(BOOLEAN),
            "tainted": BOOLEAN,
            **_LOCATION,
            "job_id": integer(1),
            "unit_id": integer(1),
            "worker_id": integer(1),
            "judgment": {"const": 1},
            "trust": FRACTION,
            "worker_trust": nullable(FRACTION),
            "unit_state": enum(*UNIT_STATES),
            "data": OBJECT,
            "unit_data": OBJECT,
        }
    ),
    "JudgmentsPage": {
        "propertyNames": {"pattern": r"^\d+$"},
        **map_of(
            {
                "type": "object",
                "properties": {
                    "_ids": array(integer(1)),
                    "_agreement": nullable(FRACTION),
                    "_state": enum(*UNIT_STATES),
                    "_updated_at": TIMESTAMP,
                },
                "required": ["_ids", "_agreement", "_state", "_updated_at"],
            }
        ),
    },
    "Order": record(
        {
            "id": integer(1),
            "type": STRING,
            "meta": OBJECT,
            "created_at": TIMESTAMP,
            "updated_at": TIMESTAMP,
            "user_id": integer(1),
            "job_id": integer(1),
            "amount_in_cents": {"type": "number", "minimum": 0},
            "nuggeted_units_count": COUNT,
        }
    ),
    "Worker": record(
        {
            "worker_id": integer(1),
            "external_type": STRING,
            "judgments_count": COUNT,
            "missed_count": COUNT,
            "golds_count": COUNT,
            "forgiven_count": COUNT,
            "channel": STRING,
            **_LOCATION,
            "last_ip": nullable(STRING),
            "flagged_at": nullable(TIMESTAMP),
            "rejected_at": nullable(TIMESTAMP),
            "bonus": {"type": "number", "minimum": 0},
            "flag_reason": nullable(STRING),
            "trust_overall": FRACTION,
            "submission_rate": {"type": "null"},
        }
    ),
    "Channels": record(_CHANNELS),
    "ChannelsChanged": record({"success": STRING, **_CHANNELS}),
    "Tags": array(record({"name": STRING})),
    "GoldChecked": record({"affected": COUNT, "populated": array(STRING)}),
    "Success": record({"success": _SUCCESS}),
    "Notice": record({"notice": _MESSAGE}),
    "Deleted": record({"message": record({"success": STRING})}),
    "Declined": {
        "description": "The request was refused, with status 200 as in the service.",
        "anyOf": [
            record({"errors": array(STRING)}),
            record({"error": STRING, **_CHANNELS}, optional=_CHANNELS),
        ],
    },
    "Error": {
        "description": "The request was refused. The message says why, and what to do.",
        "type": "object",
        "properties": {
            "error": {
                "anyOf": [
                    STRING,
                    {
                        "type": "object",
                        "properties": {
                            "message": STRING,
                            "fields": map_of(map_of(STRING)),
                            "code": STRING,
                            "feature": STRING,
                            "see": STRING,
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
"""Name to schema: of responses, except for ``JobAttributes``, which is part of requests."""
