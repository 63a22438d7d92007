"""What a job is: the fields of its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, overload

from crowdflower._types import JSONObject, a_type
from crowdflower.exceptions import InvalidInput
from crowdflower.http.encoding import segment
from crowdflower.models.fields import Attribute, ReadOnly, WriteOnly
from crowdflower.models.resource import Resource
from crowdflower.states import DECIDING_OPTIONS

if TYPE_CHECKING:
    from typing import Self

CONFIDENCE_FIELDS: Final = "confidence_fields"
COUNTRIES: Final = ("included_countries", "excluded_countries")


class _ConfidenceFields(Attribute[list[str] | None]):
    """A field that has had three places; it is read where it is, and :func:`spelled` to all."""

    @overload
    def __get__(self, model: None, owner: type[Resource]) -> Self: ...
    @overload
    def __get__(self, model: Resource, owner: type[Resource]) -> list[str] | None: ...
    def __get__(self, model: Resource | None, owner: type[Resource]) -> Self | list[str] | None:
        if model is None:
            return self
        here = super().__get__(model, owner)
        if here is not None or self.key in model._changes:  # noqa: SLF001
            return here
        options = model._read("options")  # noqa: SLF001
        there = options if isinstance(options, dict) else {}
        return next((there[name] for name in DECIDING_OPTIONS if there.get(name)), None)


class JobFields(Resource):
    """A job's settings and its counts.

    A field that a service of another age does not send reads as ``None``.
    """

    _kind = "job"

    # What contributors see

    title = Attribute[str | None]()
    """Five to 255 characters. Today's service writes every word of it with a capital."""

    instructions = Attribute[str]()
    """HTML."""

    cml = Attribute[str | None]()
    """The form: HTML with ``cml:`` tags, and Liquid for the row's columns."""

    js = Attribute[str | None]()
    css = Attribute[str | None]()

    language = ReadOnly[str]()
    """Two letters, ``en`` by default."""

    problem = ReadOnly[str | None]()
    """What ``cml`` was called until 2014."""

    # What the form means; the server reads it out of the CML

    fields = Attribute[dict[str, str] | None]()
    """Field of the form to its aggregation: ``agg``, ``all``, ``avg``, ``agg_3``, ``cagg_0.6``."""

    confidence_fields = _ConfidenceFields()
    """The fields that dynamic judgments watch. Today's service keeps them in the ``options``; they
    are read and written there too."""

    gold = ReadOnly[dict[str, str]]()
    """Field of the form to the column with its known answer."""

    # How many answers, from whom

    judgments_per_unit = Attribute[int]()
    """Trusted judgments that finalize a unit."""

    units_per_assignment = Attribute[int]()
    """Rows on a page."""

    pages_per_assignment = Attribute[int]()

    gold_per_assignment = Attribute[int]()
    """Test questions on a page; the service takes it once there are any."""

    max_judgments_per_worker = Attribute[int | None]()
    """``None`` means no ceiling."""

    max_judgments_per_ip = Attribute[int | None]()
    """``None`` means no ceiling."""

    max_work_per_network = Attribute[int | None]()

    variable_judgments_mode = Attribute[str]()
    """``none``, or ``auto_confidence`` for dynamic judgments, or ``external``."""

    min_unit_confidence = Attribute[float | None]()
    """Confidence, 0 to 1, at which dynamic judgments stop."""

    max_judgments_per_unit = Attribute[int | None]()
    """Ceiling for dynamic judgments; ``None`` means no ceiling."""

    expected_judgments_per_unit = Attribute[int | None]()

    units_remain_finalized = Attribute[bool | None]()
    """Keep a unit finalized even when a contributor behind it loses trust."""

    schedule_fifo = WriteOnly[bool]()
    """Hand out units in the order in which they came."""

    included_countries = Attribute[list[Any]]()
    """At most 20. Read as objects with ``code`` and ``name``; assign those or codes (``["FI",
    "US"]``), codes are what is sent. Excludes ``excluded_countries``."""

    excluded_countries = Attribute[list[Any]]()
    """At most 15, the same shapes."""

    minimum_requirements = Attribute[JSONObject | None]()
    """Level of contributors, such as ``{"priority": 1, "min_score": 1, "skill_scores":
    {"level_3_contributors": 1}}``."""

    desired_requirements = ReadOnly[JSONObject | None]()
    minimum_account_age_seconds = ReadOnly[int | None]()
    require_worker_login = ReadOnly[bool | None]()

    # Pay and time

    payment_cents = Attribute[int]()
    """Pay for one task (one page of units), in US cents."""

    min_assignment_duration = Attribute[int]()
    """Seconds that a page must take at least."""

    assignment_duration = ReadOnly[int]()
    """Seconds that a page may take; set by ``options["req_ttl_in_seconds"]``."""

    time_per_page = Attribute[int]()

    auto_order = Attribute[bool]()
    """Order units as they are added. This spends money without a further word."""

    auto_order_threshold = Attribute[int | None]()
    """Units that must wait before they are ordered."""

    auto_order_timeout = Attribute[int | None]()
    """Seconds after which they are ordered even if they are fewer."""

    fair_pay_enabled = ReadOnly[bool]()
    recommended_price_per_judgment = ReadOnly[float | None]()
    estimated_time_per_judgment = ReadOnly[float | None]()

    crowd_costs = ReadOnly[float]()
    """Spent so far, in US dollars, without the service's fee."""

    # Quiz mode

    quiz_mode_enabled = ReadOnly[bool]()
    quiz_length = Attribute[int]()
    quiz_length_configured = Attribute[bool]()
    """Whether ``quiz_length`` is obeyed."""

    # Notifications

    webhook_uri = Attribute[str | None]()
    """Where the service posts what happens; :meth:`Client.webhook` reads it."""

    send_judgments_webhook = Attribute[bool | None]()
    """Post ``new_judgments`` too, once a page."""

    # Names and switches

    options = Attribute[JSONObject]()
    """Among others ``after_gold`` (test questions before trust is judged), ``reject_at`` (least
    accuracy, percent), ``front_load`` (quiz mode), ``req_ttl_in_seconds`` (time for a page).
    Assign a whole dict; a change inside of it goes unnoticed."""

    alias = Attribute[str | None]()
    """A name that serves in place of the id."""

    support_email = Attribute[str]()
    project_number = Attribute[str | None]()
    custom_key = ReadOnly[str | None]()
    team_id = Attribute[str]()
    """Taken on creation only."""

    uri = WriteOnly[str]()
    """A feed to read rows from."""

    execution_mode = ReadOnly[str]()
    worker_ui_remix = ReadOnly[bool]()
    public_data = ReadOnly[bool]()
    design_verified = ReadOnly[bool]()
    order_approved = ReadOnly[bool]()
    secret = ReadOnly[str]()
    """Part of the address at which one's own contributors work."""

    # What became of it

    state = ReadOnly[str]()
    """One of :data:`~crowdflower.states.JOB_STATES`, or a newer one."""

    completed = ReadOnly[bool]()
    completed_at = ReadOnly[str | None]()
    copied_from = ReadOnly[int | None]()

    units_count = ReadOnly[int]()
    """All rows, test questions included."""

    golds_count = ReadOnly[int]()
    judgments_count = ReadOnly[int]()

    created_at = ReadOnly[str]()
    updated_at = ReadOnly[str]()

    def _path(self, rest: str = "", suffix: str = ".json") -> str:
        return f"jobs/{segment(self.id)}{'/' if rest else ''}{rest}{suffix}"


def spelled(attrs: Mapping[str, Any]) -> JSONObject:
    """Return attributes of a job as services of all ages take them.

    Countries are shown as objects and taken as codes. The fields that dynamic judgments watch go to
    all three places that they have had: each service reads its own, and passes over the others.

    :raises InvalidInput: They are no dict; the service would make a blank job of anything else.

    >>> spelled({"included_countries": [{"code": "FI", "name": "Finland"}, "US"]})
    {'included_countries': ['FI', 'US']}
    """
    if not isinstance(attrs, Mapping):
        raise InvalidInput(f"the attributes of a job are a dict, not {a_type(attrs)}")
    sent = dict(attrs)
    for name in COUNTRIES:
        if isinstance(sent.get(name), (list, tuple)):
            sent[name] = [
                each.get("code", each) if isinstance(each, Mapping) else each for each in sent[name]
            ]
    watched, options = sent.get(CONFIDENCE_FIELDS), sent.get("options") or {}
    if isinstance(watched, (list, tuple)) and isinstance(options, Mapping):
        everywhere = dict.fromkeys(DECIDING_OPTIONS, watched)
        sent["options"] = {**everywhere, **options}
    return sent
