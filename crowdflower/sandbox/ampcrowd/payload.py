"""What a requester asks for: the one field ``data`` of a request, read and checked.

The original checks that the keys are there and no more; what then fails, fails with status 500.
Here everything that cannot be is answered ``wrong``, with what is wrong beside the reason that the
original gives.
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
"""Crowds that an AMPCrowd server comes with: Mechanical Turk, and one's own people."""

POLICIES: Final = ("random", "oldest", "young-workers", "fair")
METHODS: Final = ("mv", "em")
"""Majority vote, expectation-maximization."""

MOST_ON_A_PAGE: Final = 200
MOST_ASSIGNMENTS: Final = 1000
LONGEST_NAME: Final = 200

INVALID: Final = "Invalid request data."
NO_POOLS: Final = "Crowd does not support retainer pools."

_REQUIRED: Final = ("task_type", "task_batch_size", "num_assignments", "callback_url")
_TYPES: Final = ("sa", "er", "ft")
_EXPERIMENTAL: Final = ("mitigate_stragglers", "churn_threshold")


class Wrong(Refusal):
    """What was asked for cannot be, said with status 200.

    :param reason: In the words of the original.
    :param detail: In words of our own.

    >>> Wrong("Group id G1 is already in use.").body
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
class Asked:
    """A group of points, as somebody wants it labeled."""

    group_id: str
    task_type: str
    batch_size: int
    assignments: int
    callback_url: str
    quality_control: str
    configuration: JSONObject
    context: JSONObject

    rows: Sequence[Mapping[str, JSON]]
    """One for each point: ``_amp_id``, and what its form shows."""

    wants_pool: bool = False
    without_effect: Sequence[str] = field(default=())
    """Settings that are kept and do nothing here."""


def read(text: str | None, crowd: str) -> Asked:
    """Read a request.

    :param text: The field ``data``; ``None`` where it is missing.
    :raises Wrong: It cannot be.

    >>> read("{}", "internal")
    Traceback (most recent call last):
      ...
    crowdflower.sandbox.ampcrowd.payload.Wrong: 200 Invalid request data. configuration is missing
    """
    data = _decoded(text)
    configuration = _object(data, "configuration")
    context = _object(data, "group_context")
    if not isinstance(context.get("instruction", ""), str):
        _wrong("group_context.instruction is no text")
    group_id = _required(data, "group_id", "")
    content = _object(data, "content")
    for name in _REQUIRED:
        _required(configuration, name, "configuration.")
    if not isinstance(group_id, (str, int)) or not 0 < len(str(group_id)) <= LONGEST_NAME:
        _wrong(f"group_id is a text of at most {LONGEST_NAME} characters")
    if not content:
        _wrong("content holds no point")
    settings = configuration.get(crowd)
    if crowd == "amt" and not (isinstance(settings, dict) and "sandbox" in settings):
        _wrong("configuration.amt.sandbox is missing")
    task_type = configuration["task_type"]
    if task_type not in _TYPES:
        _wrong(f"configuration.task_type is one of {', '.join(_TYPES)}")
    return Asked(
        str(group_id),
        task_type,
        _whole(configuration, "task_batch_size", MOST_ON_A_PAGE),
        _whole(configuration, "num_assignments", MOST_ASSIGNMENTS),
        _address(configuration["callback_url"]),
        _method(configuration),
        configuration,
        context,
        [_row(task_type, name, point, context) for name, point in content.items()],
        wants_pool=_wants_pool(configuration),
        without_effect=[*_experimental(configuration), *_settings(crowd, settings)],
    )


def _decoded(text: str | None) -> JSONObject:
    if text is None:
        _wrong("the field data is missing")
    try:
        data = decode(text)
    except JSONDecodeError as error:
        _wrong(f"data is not JSON that can be read: {error}")
    if not isinstance(data, dict):
        _wrong("data is no object")
    return data


def _required(data: JSONObject, name: str, where: str) -> Any:
    if data.get(name) is None:
        _wrong(f"{where}{name} is missing")
    return data[name]


def _object(data: JSONObject, name: str) -> JSONObject:
    found: JSONObject = _required(data, name, "")
    if not isinstance(found, dict):
        _wrong(f"{name} is no object")
    return found


def _whole(configuration: JSONObject, name: str, most: int) -> int:
    number = configuration[name]
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= most:
        _wrong(f"configuration.{name} is a whole number from 1 to {most}")
    return int(number)


def _address(url: object) -> str:
    if not isinstance(url, str):
        _wrong("configuration.callback_url is no text")
    try:
        outbound.parsed(url)
    except outbound.Forbidden as error:
        _wrong(f"configuration.callback_url: {error}")
    return url


def _method(configuration: JSONObject) -> str:
    method = configuration.get("quality_control") or METHODS[0]
    if method not in METHODS:
        _wrong(f"configuration.quality_control is one of {', '.join(METHODS)}")
    return str(method)


def _wants_pool(configuration: JSONObject) -> bool:
    return configuration.get("retainer_pool") is not None


def _experimental(configuration: JSONObject) -> list[str]:
    experimental = configuration.get("experimental") or {}
    if not isinstance(experimental, dict):
        _wrong("configuration.experimental is no object")
    policy = experimental.get("straggler_routing_policy", POLICIES[0])
    if policy not in POLICIES:
        _wrong(f"configuration.experimental.straggler_routing_policy: {', '.join(POLICIES)}")
    return [
        f"configuration.experimental.{name}" for name in _EXPERIMENTAL if experimental.get(name)
    ]


def _settings(crowd: str, settings: object) -> list[str]:
    if not settings:
        return []
    if not isinstance(settings, dict):
        _wrong(f"configuration.{crowd} is no object")
    return [f"configuration.{crowd}.{name}" for name in settings if name != "sandbox"]


def _row(task_type: str, name: str, point: JSON, context: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """Make the row of a point: its form finds each part of it in a column."""
    if task_type == "sa":
        if not isinstance(point, str):
            _wrong(f"point {name}: a point of type sa is a text")
        return {"_amp_id": name, "text": point}
    fields = context.get("fields")
    if not isinstance(fields, list) or not all(isinstance(each, str) for each in fields):
        _wrong("group_context.fields is a list of names")
    if task_type == "er":
        if not isinstance(point, list) or len(point) != 2:  # noqa: PLR2004 - a pair
            _wrong(f"point {name}: a point of type er is two records")
        first, second = (_record(name, record, fields) for record in point)
        return {"_amp_id": name, "fields": fields, "first": first, "second": second}
    if not isinstance(point, dict) or not isinstance(point.get("title"), str):
        _wrong(f"point {name}: a point of type ft is a title and a record")
    record = _record(name, point.get("record"), fields)
    return {"_amp_id": name, "fields": fields, "title": point["title"], "record": record}


def _record(name: str, record: JSON, fields: Sequence[str]) -> list[JSON]:
    if not isinstance(record, list) or len(record) != len(fields):
        _wrong(f"point {name}: a record is a list of {len(fields)} values, as many as fields")
    if any(isinstance(value, (list, dict)) for value in record):
        _wrong(f"point {name}: the values of a record are texts and numbers")
    return record


def _wrong(detail: str) -> NoReturn:
    raise Wrong(INVALID, detail)
