"""Parses and checks the request for a group: JSON in the form field ``data``.

The original only checks that the keys are present; other mistakes end in status 500. Here every
mistake is answered with status ``wrong``, with a detail beside the reason that the original gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from json import JSONDecodeError
from typing import Any, Final, NoReturn

from crowdflower._types import JSON, JSONObject
from crowdflower.sandbox.errors import Refusal
from crowdflower.sandbox.store.json_text import decode
from crowdflower.sandbox.webhooks import outbound

CROWDS: Final = ("amt", "internal")
"""The crowds of every AMPCrowd server: Mechanical Turk, and the owner's own contributors."""

ROUTING_POLICIES: Final = ("random", "oldest", "young-workers", "fair")
QUALITY_CONTROLS: Final = ("mv", "em")
"""Majority vote, expectation-maximization."""

MAX_BATCH_SIZE: Final = 200
MAX_ASSIGNMENTS: Final = 1000
MAX_NAME_LENGTH: Final = 200

INVALID: Final = "Invalid request data."
NO_POOLS: Final = "Crowd does not support retainer pools."

_REQUIRED: Final = ("task_type", "task_batch_size", "num_assignments", "callback_url")
_TYPES: Final = ("sa", "er", "ft")
_EXPERIMENTAL: Final = ("mitigate_stragglers", "churn_threshold")


class InvalidGroup(Refusal):
    """A group that cannot be created; answered with HTTP status 200 and ``wrong``.

    :param reason: A message of the original.
    :param detail: A message of the sandbox.

    >>> InvalidGroup("Group id G1 is already in use.").body
    {'status': 'wrong', 'reason': 'Group id G1 is already in use.'}
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        body = {"status": "wrong", "reason": reason}
        super().__init__(200, {**body, "detail": detail} if detail else body)

    @property
    def message(self) -> str:
        """The reason, and the detail if there is one."""
        return " ".join(text for key, text in self.body.items() if key != "status")


@dataclass(frozen=True)
class GroupRequest:
    """A group of points to be labeled."""

    group_id: str
    task_type: str
    batch_size: int
    assignments: int
    callback_url: str
    quality_control: str
    configuration: JSONObject
    context: JSONObject

    rows: Sequence[Mapping[str, JSON]]
    """One for each point: ``_amp_id``, and the columns that its form shows."""

    needs_pool: bool = False
    ignored_settings: Sequence[str] = field(default=())
    """Settings that are stored and have no effect here."""


def parse_group(text: str | None, crowd: str) -> GroupRequest:
    """Parse the request for a group.

    :param text: The field ``data``; ``None`` if it is missing.
    :raises InvalidGroup: A value is missing or not allowed.

    >>> parse_group("{}", "internal")
    Traceback (most recent call last):
      ...
    crowdflower.sandbox.ampcrowd.payload.InvalidGroup: 200 Invalid request data. \
configuration is missing
    """
    data = _decode(text)
    configuration = _object(data, "configuration")
    context = _object(data, "group_context")
    if not isinstance(context.get("instruction", ""), str):
        _refuse("group_context.instruction must be a string")
    group_id = _require(data, "group_id", "")
    content = _object(data, "content")
    for name in _REQUIRED:
        _require(configuration, name, "configuration.")
    if not isinstance(group_id, (str, int)) or not 0 < len(str(group_id)) <= MAX_NAME_LENGTH:
        _refuse(f"group_id must be a string of at most {MAX_NAME_LENGTH} characters")
    if not content:
        _refuse("content must have at least one point")
    settings = configuration.get(crowd)
    if crowd == "amt" and not (isinstance(settings, dict) and "sandbox" in settings):
        _refuse("configuration.amt.sandbox is missing")
    task_type = configuration["task_type"]
    if task_type not in _TYPES:
        _refuse(f"configuration.task_type must be one of {', '.join(_TYPES)}")
    return GroupRequest(
        str(group_id),
        task_type,
        _integer(configuration, "task_batch_size", MAX_BATCH_SIZE),
        _integer(configuration, "num_assignments", MAX_ASSIGNMENTS),
        _callback_url(configuration["callback_url"]),
        _quality_control(configuration),
        configuration,
        context,
        [_row(task_type, name, point, context) for name, point in content.items()],
        needs_pool=configuration.get("retainer_pool") is not None,
        ignored_settings=[
            *_experimental_settings(configuration),
            *_crowd_settings(crowd, settings),
        ],
    )


def _decode(text: str | None) -> JSONObject:
    if text is None:
        _refuse("the field data is missing")
    try:
        data = decode(text)
    except JSONDecodeError as error:
        _refuse(f"data is not valid JSON: {error}")
    if not isinstance(data, dict):
        _refuse("data must be a JSON object")
    return data


def _require(data: JSONObject, name: str, where: str) -> Any:
    if data.get(name) is None:
        _refuse(f"{where}{name} is missing")
    return data[name]


def _object(data: JSONObject, name: str) -> JSONObject:
    found: JSONObject = _require(data, name, "")
    if not isinstance(found, dict):
        _refuse(f"{name} must be an object")
    return found


def _integer(configuration: JSONObject, name: str, maximum: int) -> int:
    number = configuration[name]
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= maximum:
        _refuse(f"configuration.{name} must be an integer from 1 to {maximum}")
    return int(number)


def _callback_url(url: object) -> str:
    """Return the URL for results; one without a scheme is taken as ``http://``.

    The configuration script of the original server has none.
    """
    if not isinstance(url, str):
        _refuse("configuration.callback_url must be a string")
    if "://" not in url:
        url = f"http://{url.removeprefix('//')}"
    try:
        outbound.parse_url(url)
    except outbound.ForbiddenURL as error:
        _refuse(f"configuration.callback_url: {error}")
    return url


def _quality_control(configuration: JSONObject) -> str:
    method = configuration.get("quality_control") or QUALITY_CONTROLS[0]
    if method not in QUALITY_CONTROLS:
        _refuse(f"configuration.quality_control must be one of {', '.join(QUALITY_CONTROLS)}")
    return str(method)


def _experimental_settings(configuration: JSONObject) -> list[str]:
    experimental = configuration.get("experimental") or {}
    if not isinstance(experimental, dict):
        _refuse("configuration.experimental must be an object")
    policy = experimental.get("straggler_routing_policy", ROUTING_POLICIES[0])
    if policy not in ROUTING_POLICIES:
        name = "configuration.experimental.straggler_routing_policy"
        _refuse(f"{name} must be one of {', '.join(ROUTING_POLICIES)}")
    return [
        f"configuration.experimental.{name}" for name in _EXPERIMENTAL if experimental.get(name)
    ]


def _crowd_settings(crowd: str, settings: object) -> list[str]:
    if not settings:
        return []
    if not isinstance(settings, dict):
        _refuse(f"configuration.{crowd} must be an object")
    return [f"configuration.{crowd}.{name}" for name in settings if name != "sandbox"]


def _row(task_type: str, name: str, point: JSON, context: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """Return the row of a point, with the columns that the form of its type uses."""
    if task_type == "sa":
        if not isinstance(point, str):
            _refuse(f"point {name}: a point of type sa must be a string")
        return {"_amp_id": name, "text": point}
    fields = context.get("fields")
    if not isinstance(fields, list) or not all(isinstance(each, str) for each in fields):
        _refuse("group_context.fields must be a list of names")
    if task_type == "er":
        if not isinstance(point, list) or len(point) != 2:  # noqa: PLR2004 - a pair
            _refuse(f"point {name}: a point of type er must be a list of two records")
        first, second = (_record(name, record, fields) for record in point)
        return {"_amp_id": name, "fields": fields, "first": first, "second": second}
    if not isinstance(point, dict) or not isinstance(point.get("title"), str):
        _refuse(f"point {name}: a point of type ft must have a title and a record")
    record = _record(name, point.get("record"), fields)
    return {"_amp_id": name, "fields": fields, "title": point["title"], "record": record}


def _record(name: str, record: JSON, fields: Sequence[str]) -> list[JSON]:
    if not isinstance(record, list) or len(record) != len(fields):
        _refuse(
            f"point {name}: a record must be a list of {len(fields)} values, one for each field"
        )
    if any(isinstance(value, (list, dict)) for value in record):
        _refuse(f"point {name}: the values of a record must be strings or numbers")
    return record


def _refuse(detail: str) -> NoReturn:
    raise InvalidGroup(INVALID, detail)
