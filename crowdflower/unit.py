"""A unit: one row of a job, with its results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, Self, overload

from crowdflower._types import JSONObject, Row
from crowdflower.http import encoding
from crowdflower.http.encoding import numeric_segment
from crowdflower.models.arguments import check_row
from crowdflower.models.display import counted, fraction, summary
from crowdflower.models.fields import Attribute, ReadOnly, WriteOnly
from crowdflower.models.job_form import warn_about_unknown_field
from crowdflower.models.resource import REFUSED_VALUES, JobResource
from crowdflower.models.shapes import json_object
from crowdflower.payments.kinds import MoreJudgments
from crowdflower.payments.records import DryRun
from crowdflower.rows.sources.cell_values import convert_row
from crowdflower.tables.answers import aggregate_in, confidence_in

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.job import Job
    from crowdflower.judgment import Judgment
    from crowdflower.models.job_fields import JobFields


_RESULTS: Final = "results"

_a_unit: Final = partial(json_object, kind="unit")


class Unit(JobResource):
    """One row of a job, or a test question with its known answers."""

    _kind = "unit"

    job_id = ReadOnly[int]()

    data = Attribute[JSONObject]()
    """The row: column to value. The whole row is sent, also if one value was changed in place."""

    state = Attribute[str]()
    """One of :data:`~crowdflower.states.UNIT_STATES`. ``new``, ``golden``, ``hidden_gold``,
    ``finalized`` and ``canceled`` can be assigned."""

    golden = WriteOnly[bool]()
    """Whether to make it a test question, or an ordinary unit again."""

    gold_pool = Attribute[str | None]()
    """Where a test question is used: ``quiz``, ``work``, or ``None`` for both."""

    difficulty = ReadOnly[int]()

    judgments_count = ReadOnly[int]()
    """All judgments, including those of contributors who lost trust."""

    agreement = ReadOnly[float | None]()
    """Agreement among contributors, 0 to 1; ``None`` until the unit is finalized."""

    missed_count = ReadOnly[int]()
    """How many contributors answered this test question wrong."""

    contested_count = ReadOnly[int]()
    """How many contributors contested this test question."""

    _line: bytes = b""
    """The line of a report that it was decoded from. It stands in for a copy of the results, which
    take most of the time to copy: they are given away when they are first read, and decoded again
    if they are read once more."""

    results = ReadOnly[JSONObject]()
    """``judgments``, a list of JSON objects, and each field of the form with its aggregated answer;
    see :meth:`get_aggregate` for those."""

    created_at = ReadOnly[str]()
    updated_at = ReadOnly[str]()

    def get_aggregate(self, key: str, default: Any = None) -> Any:
        """Return the aggregated answer to one field of the form.

        :param key: The field's name.
        :param default: What to return if no judgment that counts answers the field.
        :returns: The winning answer (``agg``), the mean (``avg``), or the list of all answers,
            according to the field's aggregation. If the form is known and has no such field, the
            default too, with a warning, and without a request.

        >>> unit.get_aggregate("sentiment")
        'positive'
        """
        answer = aggregate_in(self._result(key))
        return default if answer is None else answer

    def get_confidence(self, key: str) -> float | None:
        """Return the confidence of the aggregated answer to one field of the form, 0 to 1.

        :param key: The field's name.
        :returns: The answer's share of the trust; ``None`` if the field's aggregation has no
            confidence, as with ``avg`` and ``all``, or no judgment that counts answers it, or the
            form has no such field (with a warning).

        >>> unit.get_confidence("sentiment")
        1.0
        """
        return confidence_in(self._result(key))

    def update(self) -> None:
        """Send the changes made since the unit was read, in place too, and adopt the response.

        Calls ``PUT /jobs/{job_id}/units/{id}``; without changes, sends nothing. The body is JSON: a
        form would turn all values of a row into strings.

        :raises InvalidInput: ``data`` is not a dict, or a value cannot be encoded as JSON.

        :raises RefusedError: The service refuses a value; it keeps none of them, and the unit
            forgets them.

        >>> unit.gold_pool = "work"
        >>> unit.update()
        """
        changes = self._pending()
        if not changes:
            return
        if "data" in changes:
            changes["data"] = check_row(convert_row(changes["data"]))
        body = encoding.encode_json({"unit": changes})
        try:
            answer = self.client.request("PUT", self._path(), data=body, shape=_a_unit)
        except REFUSED_VALUES as error:
            self._drop_refused(error, changes)
            raise
        self.absorb(answer.body)
        if not changes.keys().isdisjoint({"golden", "state"}):
            self.job.expire()  # its counts have changed

    def cancel(self) -> None:
        """Cancel the unit, without refund.

        The service allows this until the unit has a judgment. Calls
        ``POST /jobs/{job_id}/units/{id}/cancel``.

        :raises RefusedError: The unit has judgments, or is in another job.

        >>> spare = job.units[-1]
        >>> spare.cancel()
        >>> spare.state
        'canceled'
        """
        self.client.cancel_unit(self.job.id, self.id)
        self.job.expire()
        self._refresh("canceled")

    def delete(self) -> None:
        """Delete the unit; the service allows this while the job is not running.

        Calls ``DELETE /jobs/{job_id}/units/{id}``.

        :raises RefusedError: The job is running.

        >>> draft = job.copy(all_units=True)
        >>> draft.units[0].delete()
        >>> draft.reload().units_count == job.units_count - 1
        True
        """
        self.client.request("DELETE", self._path())
        self.job.expire()

    def copy(self, job: JobFields | int | None = None, data: Row | None = None) -> Unit:
        """Add a unit with the same data, to the same job or to another.

        Calls ``POST /jobs/{job_id}/units/{id}/copy``.

        :param job: The target; by default the unit's own job.
        :param data: Columns with other values in the copy.
        :raises OutcomeUnknown: The response was lost: the copy may exist.

        >>> job.units[-1].copy(data={"review": "Never, never again."}).data["review"]
        'Never, never again.'
        """
        return self.client.copy_unit(self, job, data)

    def get_judgments(self) -> list[Judgment]:
        """Fetch all judgments of the unit, including those of contributors who lost trust.

        Calls ``GET /jobs/{job_id}/units/{id}/judgments``.

        >>> [judgment.data["sentiment"] for judgment in unit.get_judgments()]
        ['positive', 'positive', 'positive']
        """
        return self.client.get_unit_judgments(self.job, self.id)

    @overload
    def request_more_judgments(
        self,
        count: int,
        *,
        key: str | None = None,
        max_cost_cents: int | None = None,
        dry_run: Literal[False] = False,
    ) -> None: ...
    @overload
    def request_more_judgments(
        self,
        count: int,
        *,
        key: str | None = None,
        max_cost_cents: int | None = None,
        dry_run: Literal[True],
    ) -> DryRun: ...
    def request_more_judgments(
        self,
        count: int,
        *,
        key: str | None = None,
        max_cost_cents: int | None = None,
        dry_run: bool = False,
    ) -> DryRun | None:
        """Collect more judgments than the job does, at its price; a finalized unit reopens.

        Calls ``POST /jobs/{job_id}/units/{id}/request_more_judgments``, once.

        :param count: How many more, at least 1.
        :param key: Your name for this payment, which is made at most once (an idempotency key).
        :param max_cost_cents: Refuse to request them if they may cost more: each may be a page of
            its own, with the fee, and some are replaced (:doc:`/estimates`).
        :param dry_run: Return the request and send nothing.
        :raises OverBudget: The cost may be higher than allowed; nothing was sent.
        :raises DuplicateOperation: A payment with this key was started before.
        :raises OutcomeUnknown: The judgments may have been requested; ``error.reconcile()`` finds
            out.

        >>> answered = job.units[2]
        >>> answered.request_more_judgments(2)
        >>> answered.reload().state
        'judgable'
        """
        payment = MoreJudgments(self.job.id, self.id, count)
        operations = self.client.operations
        if dry_run:
            return operations.preview(payment)
        return operations.pay(payment, key=key, max_cost_cents=max_cost_cents)

    def reload(self) -> Self:
        """Fetch the unit again; unsent changes are dropped.

        Calls ``GET /jobs/{job_id}/units/{id}``.

        >>> unit.reload().id == unit.id
        True
        """
        return self.absorb(self._fetch())

    @classmethod
    def _of_report(cls, job: Job, client: Client | None, row: JSONObject, line: bytes) -> Self:
        """Return a unit of a report.

        :param row: Its JSON, which nothing else holds.
        :param line: The line of the report; empty if the results differ from it.
        """
        unit = cls._of(job, client, row)
        if line:
            unit.__dict__["_line"] = line
        return unit

    def _hand_out(self, key: str, value: Any) -> Any:
        if key == _RESULTS and self._line:
            return self._state.pop(key)
        return super()._hand_out(key, value)

    def _read(self, key: str) -> Any:
        if key == _RESULTS:
            self._whole_state()
        return super()._read(key)

    def _whole_state(self) -> JSONObject:
        if self._line and _RESULTS not in self._state:
            state = encoding.decode_json(self._line)
            if isinstance(state, dict) and _RESULTS in state:
                self._state[_RESULTS] = state[_RESULTS]
        return self._state

    def _learn(self, answer: Mapping[str, Any]) -> None:
        super()._learn(answer)
        self.__dict__.pop("_line", None)

    def __getstate__(self) -> JSONObject:
        state = super().__getstate__()
        state.pop("_line", None)
        return state

    def _summary(self) -> str:
        get = self._state.get
        judgments = counted(get("judgments_count"), "judgment")
        head = [get("id"), get("state")]
        return summary(head, [judgments, fraction(get("agreement"), "agreement")])

    def _result(self, key: str) -> Any:
        """Return the result of a field; ``None`` if there is none."""
        known = self._whole_state().get(_RESULTS) or {}
        if key not in known and warn_about_unknown_field(self.job, key):
            return None
        return (self._read(_RESULTS) or {}).get(key)

    def _fetch(self) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self.client.request("GET", self._path(), shape=_a_unit).body
        return answer

    def _path(self, rest: str = "", suffix: str = ".json") -> str:
        return self.job._path(f"units/{numeric_segment(self.id)}{rest}", suffix)  # noqa: SLF001 - one family


class _OfPage:
    # An attribute of a unit of a list, which is made when the first of them is read. Once it is
    # made, it hides this descriptor.

    def __set_name__(self, owner: type[UnitPromise], name: str) -> None:
        self._name = name

    def __get__(self, unit: UnitPromise | None, owner: type[UnitPromise] | None = None) -> Any:
        if unit is None:
            return self
        unit._make()
        try:
            return unit.__dict__[self._name]
        except KeyError:
            kind = type(unit).__name__
            raise AttributeError(f"{kind!r} object has no attribute {self._name!r}") from None


class UnitPromise(Unit):
    """A unit of a list: ``id`` and ``data`` are known, reading any other declared field loads it.

    It is loaded once. Undeclared attributes never load it: completion at a prompt, pickle and copy
    probe for many of those. ``promise["field"]`` does.
    """

    __slots__ = ("_listed",)
    # The job, the client, the id and the row of a unit of a list. Lists have hundreds of thousands
    # of units, of which a program may read a few: the dicts of a unit take three times as long.

    _is_loaded = False

    if not TYPE_CHECKING:
        job = _OfPage()
        _client = _OfPage()
        _state = _OfPage()
        _changes = _OfPage()

        def __setattr__(self, name: str, value: object) -> None:
            """Set a declared attribute."""
            self._make()
            super().__setattr__(name, value)

    @classmethod
    def _of_page(
        cls, job: JobFields, client: Client, page: Mapping[int, JSONObject]
    ) -> Iterator[Self]:
        """Yield the units of a page, with rows that nothing else holds."""
        new, note = cls.__new__, _note
        for unit_id, data in page.items():
            unit = new(cls)
            note(unit, (job, client, unit_id, data))
            yield unit

    def _make(self) -> None:
        """Make the attributes of a unit of a list; another thread may do so at the same time."""
        listed = getattr(self, "_listed", None)
        if listed is not None:
            own = self.__dict__
            own.setdefault("job", listed[0])
            own.setdefault("_client", listed[1])
            own.setdefault("_changes", {})
            own.setdefault("_state", {"id": listed[2], "data": listed[3]})
            _note(self, None)

    def _read(self, key: str) -> Any:
        if not self._is_loaded and key not in self._state and key not in self._changes:
            self._learn(self._fetch())
        return super()._read(key)

    def _learn(self, answer: Mapping[str, Any]) -> None:
        super()._learn(answer)
        self._is_loaded = True


_note: Final[Any] = vars(UnitPromise)["_listed"].__set__
"""Fills the slot of a unit, at a third of the cost of an assignment."""
