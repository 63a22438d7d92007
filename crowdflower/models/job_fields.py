"""The fields of a job."""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from types import NoneType
from typing import Any, Final, Self, overload

from crowdflower._types import JSONObject, describe_type
from crowdflower.exceptions import InvalidInput, UnknownAttribute, warn
from crowdflower.http.encoding import segment
from crowdflower.models.arguments import did_you_mean
from crowdflower.models.fields import Attribute, Field, ReadOnly, WriteOnly
from crowdflower.models.resource import Resource
from crowdflower.states import DECIDING_OPTIONS

CONFIDENCE_FIELDS: Final = "confidence_fields"
COUNTRY_LISTS: Final = ("included_countries", "excluded_countries")

FILE_ATTRIBUTES: Final = ("cml", "css", "js", "instructions")
"""Attributes whose value may be a path, of a file with the text."""

FILE_NAME: Final = re.compile(r"[^<{\r\n]+\.(cml|html?|css|js)", re.IGNORECASE)
"""A form, styles or scripts that are probably the name of a file instead."""


class _ConfidenceFields(Attribute[list[str] | None]):
    """A field that services of different ages keep in three places; reads the first one set."""

    @overload
    def __get__(self, model: None, owner: type[Resource]) -> Self: ...
    @overload
    def __get__(self, model: Resource, owner: type[Resource]) -> list[str] | None: ...
    def __get__(self, model: Resource | None, owner: type[Resource]) -> Self | list[str] | None:
        if model is None:
            return self
        value = super().__get__(model, owner)
        if value is not None or self.key in model._changes:  # noqa: SLF001
            return value
        options = model._read_writable("options")  # noqa: SLF001
        if not isinstance(options, dict):
            return None
        return next((options[name] for name in DECIDING_OPTIONS if options.get(name)), None)


class JobFields(Resource):
    """A job's settings and counts.

    A field that this version of the service does not send is ``None``.
    """

    _kind = "job"
    _merged = frozenset({"options"})

    # What contributors see

    title = Attribute[str | None]()
    """5 to 255 characters. Today's service capitalizes every word."""

    instructions = Attribute[str]()
    """HTML."""

    cml = Attribute[str | None]()
    """The form: HTML with ``cml:`` tags, and Liquid for columns of the row."""

    js = Attribute[str | None]()
    css = Attribute[str | None]()

    language = ReadOnly[str]()
    """Two letters, ``en`` by default."""

    problem = ReadOnly[str | None]()
    """The name of ``cml`` until 2014."""

    # Fields of the form; the server derives them from the CML

    fields = Attribute[dict[str, str] | None]()
    """Form field to its aggregation: ``agg``, ``all``, ``avg``, ``agg_3``, ``cagg_0.6``."""

    cml_fields = Attribute[dict[str, str] | None]()
    """The name of ``fields`` until 2011."""

    confidence_fields = _ConfidenceFields()
    """Form fields whose confidence dynamic judgments watch. Today's service keeps them in
    ``options``; they are read and written there too."""

    gold = ReadOnly[dict[str, str]]()
    """Form field to the column with its expected answer."""

    # How many judgments, and from which contributors

    judgments_per_unit = Attribute[int]()
    """Trusted judgments that finalize a unit."""

    units_per_assignment = Attribute[int]()
    """Units on a page."""

    pages_per_assignment = Attribute[int]()

    gold_per_assignment = Attribute[int]()
    """Test questions on a page; the service accepts it once the job has test questions."""

    max_judgments_per_worker = Attribute[int | None]()
    """``None`` means no limit."""

    max_judgments_per_ip = Attribute[int | None]()
    """``None`` means no limit."""

    max_work_per_network = Attribute[int | None]()

    variable_judgments_mode = Attribute[str]()
    """``none``, or ``auto_confidence`` for dynamic judgments, or ``external``."""

    min_unit_confidence = Attribute[float | None]()
    """Confidence, 0 to 1, at which dynamic judgments stop."""

    max_judgments_per_unit = Attribute[int | None]()
    """Limit for dynamic judgments; ``None`` means no limit."""

    expected_judgments_per_unit = Attribute[int | None]()

    units_remain_finalized = Attribute[bool | None]()
    """Keep a unit finalized even if one of its contributors loses trust."""

    schedule_fifo = Attribute[bool | None]()
    """Hand out units in the order of their upload. Today's service does not show it: ``None``."""

    included_countries = Attribute[list[Any]]()
    """At most 20. The service sends objects with ``code`` and ``name``; assign those, or codes such
    as ``["FI", "US"]``. Cannot be combined with ``excluded_countries``."""

    excluded_countries = Attribute[list[Any]]()
    """At most 15, in the same form."""

    minimum_requirements = Attribute[JSONObject | None]()
    """Required level of contributors, such as ``{"priority": 1, "min_score": 1, "skill_scores":
    {"level_3_contributors": 1}}``."""

    desired_requirements = ReadOnly[JSONObject | None]()
    minimum_account_age_seconds = ReadOnly[int | None]()
    require_worker_login = ReadOnly[bool | None]()

    # Pay and time

    payment_cents = Attribute[int]()
    """Pay for one task (one page of units), in US cents."""

    min_assignment_duration = Attribute[int]()
    """Shortest time for a page, in seconds."""

    assignment_duration = ReadOnly[int]()
    """Longest time for a page, in seconds; set by ``options["req_ttl_in_seconds"]``."""

    time_per_page = Attribute[int]()

    auto_order = Attribute[bool]()
    """Order units as they are added. This spends money without confirmation."""

    auto_order_threshold = Attribute[int | None]()
    """Number of waiting units at which they are ordered."""

    auto_order_timeout = Attribute[int | None]()
    """Seconds after which waiting units are ordered even if there are fewer."""

    fair_pay_enabled = ReadOnly[bool]()
    recommended_price_per_judgment = ReadOnly[float | None]()
    estimated_time_per_judgment = ReadOnly[float | None]()

    crowd_costs = ReadOnly[float]()
    """Amount spent so far, in US dollars, without the service's fee."""

    # Quiz mode

    quiz_mode_enabled = ReadOnly[bool]()
    quiz_length = Attribute[int]()
    quiz_length_configured = Attribute[bool]()
    """Whether ``quiz_length`` is used."""

    # Notifications

    webhook_uri = Attribute[str | None]()
    """URL to which the service posts events; see :meth:`Client.webhook`."""

    send_judgments_webhook = Attribute[bool | None]()
    """Also post ``new_judgments``, once for each page."""

    # Names and switches

    options = Attribute[JSONObject]()
    """Among others ``after_gold`` (test questions before trust is evaluated), ``reject_at``
    (minimum accuracy in percent), ``front_load`` (quiz mode), ``req_ttl_in_seconds`` (time for a
    page). The service keeps options that are not sent; of a dict that was changed in place, only
    the changed options are sent."""

    alias = Attribute[str | None]()
    """A name that can be used instead of the id."""

    support_email = Attribute[str]()
    project_number = Attribute[str | None]()
    custom_key = ReadOnly[str | None]()
    team_id = Attribute[str]()
    """Can only be set when the job is created."""

    ignore_overlapping_names = WriteOnly[bool]()
    """Allow questions that have the name of a column."""

    uri = WriteOnly[str]()
    """URL of a feed to import rows from."""

    execution_mode = ReadOnly[str]()
    worker_ui_remix = ReadOnly[bool]()
    public_data = ReadOnly[bool]()
    design_verified = ReadOnly[bool]()
    order_approved = ReadOnly[bool]()
    message = ReadOnly[JSONObject | None]()
    """What the service says about the request that it answers with this job."""

    secret = ReadOnly[str]()
    """Part of the URL for your own contributors."""

    # State and counts

    state = ReadOnly[str]()
    """One of :data:`~crowdflower.states.JOB_STATES`, or a newer one."""

    completed = ReadOnly[bool]()
    completed_at = ReadOnly[str | None]()
    copied_from = ReadOnly[int | None]()

    units_count = ReadOnly[int]()
    """All units, including test questions."""

    golds_count = ReadOnly[int]()
    judgments_count = ReadOnly[int]()

    created_at = ReadOnly[str]()
    updated_at = ReadOnly[str]()

    def _path(self, rest: str = "", suffix: str = ".json") -> str:
        return f"jobs/{segment(self.id)}{'/' if rest else ''}{rest}{suffix}"


def normalize_attributes(attrs: Mapping[str, Any], *, undeclared: bool = False) -> JSONObject:
    """Return attributes of a job in a form that every version of the service accepts.

    Countries are sent as codes, though the service returns objects. The fields that dynamic
    judgments watch are sent in all three places where services expect them: each service reads its
    own and ignores the others. A path as the form, the styles, the scripts or the instructions is
    replaced by the text of the file; a string that looks like a file name gives a warning.

    :param undeclared: Allow names that :class:`JobFields` does not have.
    :raises UnknownAttribute: A name is misspelled.
    :raises InvalidInput: The attributes or the options are not a dict; from anything else, the
        service would create an empty job. Or a file cannot be read, or is not in UTF-8.

    >>> normalize_attributes({"included_countries": [{"code": "FI", "name": "Finland"}, "US"]})
    {'included_countries': ['FI', 'US']}
    """
    if not isinstance(attrs, Mapping):
        raise InvalidInput(f"the attributes of a job must be a dict, not {describe_type(attrs)}")
    if not undeclared:
        for name in attrs:
            _check_name(name)
    normalized = {name: _read_if_path(name, value) for name, value in attrs.items()}
    if not isinstance(normalized.get("options", {}), (Mapping, NoneType)):
        problem = describe_type(normalized["options"])
        raise InvalidInput(f"options must be a dict from option to value, not {problem}")
    for name in COUNTRY_LISTS:
        countries = normalized.get(name)
        if isinstance(countries, (list, tuple)):
            normalized[name] = [
                each.get("code", each) if isinstance(each, Mapping) else each for each in countries
            ]
    fields, options = normalized.get(CONFIDENCE_FIELDS), normalized.get("options") or {}
    if isinstance(fields, (list, tuple)) and isinstance(options, Mapping):
        normalized["options"] = {**dict.fromkeys(DECIDING_OPTIONS, fields), **options}
    return normalized


def _read_if_path(name: str, value: Any) -> Any:
    """Return the text of a file, if the value is its path; a string is never a path."""
    is_code = name in FILE_ATTRIBUTES and name != "instructions"
    if is_code and isinstance(value, str) and FILE_NAME.fullmatch(value.strip()):
        warn(f"{name} is the text {value!r:.80}: to read a file, pass Path({value!r:.80})")
    if isinstance(value, type) or not isinstance(value, PathLike):
        return value
    if name not in FILE_ATTRIBUTES:
        places = ", ".join(FILE_ATTRIBUTES)
        raise InvalidInput(f"{name} cannot be read from a file ({value}), only {places} can")
    try:
        return Path(value).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"it is not in UTF-8 (byte {error.start})"
    except (OSError, TypeError) as error:
        problem = getattr(error, "strerror", None) or str(error)
    raise InvalidInput(f"the file of {name}, {value}, cannot be read: {problem}; nothing was sent")


SEND_ONLY: Final = frozenset({"auto_order_timout", "ignore_overlapping_names", "uri"})
"""Parameters that the documentation of the API has and no job shows. One document spells
``auto_order_timeout`` so."""


def _check_name(name: object) -> None:
    if isinstance(getattr(JobFields, str(name), None), Field) or name in SEND_ONLY:
        return
    if name in {"channels", "tags"}:
        raise UnknownAttribute(f"{name} are not sent with a job: assign job.{name} instead")
    declared = [each for each, field in vars(JobFields).items() if isinstance(field, Field)]
    raise UnknownAttribute(
        f"Job has no attribute {name!r:.80}{did_you_mean(str(name), declared)} (send an undeclared"
        f" field with job[{name!r:.80}] = … and job.update())"
    )
