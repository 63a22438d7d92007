"""What contributors answered: one by one, and put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crowdflower._types import JSONObject
from crowdflower.models.fields import ReadOnly
from crowdflower.models.resource import JobResource
from crowdflower.unit import aggregate_in, confidence_in

if TYPE_CHECKING:
    from crowdflower.worker import Worker


class Judgment(JobResource):
    """The answers of one contributor to one unit."""

    job_id = ReadOnly[int]()
    unit_id = ReadOnly[int]()
    worker_id = ReadOnly[int]()

    data = ReadOnly[JSONObject]()
    """The answers: field of the form to value, a list where several may be chosen."""

    unit_data = ReadOnly[JSONObject]()
    """The row, as it was when it was answered."""

    unit_state = ReadOnly[str]()

    judgment = ReadOnly[int]()
    """Always 1; the service sends it, nobody says why."""

    trust = ReadOnly[float | None]()
    """The contributor's share of right test questions when this was submitted, 0 to 1."""

    worker_trust = ReadOnly[float | None]()
    """The same, as it stands now."""

    golden = ReadOnly[bool]()
    """Whether the unit was a test question."""

    missed = ReadOnly[bool | None]()
    """Whether a test question was answered wrong."""

    tainted = ReadOnly[bool]()
    """Whether the contributor lost trust; such answers count for nothing."""

    rejected = ReadOnly[bool | None]()
    reviewed = ReadOnly[bool | None]()

    external_type = ReadOnly[str]()
    """The channel that brought the contributor."""

    country = ReadOnly[str]()
    """ISO 3166 alpha-3."""

    region = ReadOnly[str]()
    city = ReadOnly[str]()
    ip = ReadOnly[str]()

    started_at = ReadOnly[str]()
    created_at = ReadOnly[str]()

    acknowledged_at = ReadOnly[str | None]()
    """Since 2018, in place of ``webhook_sent_at`` and ``reviewed``."""

    webhook_sent_at = ReadOnly[str | None]()

    @property
    def worker(self) -> Worker:
        """The contributor.

        >>> job.get_judgment(judgment.id).worker.id == judgment.worker_id
        True
        """
        return self.job.get_worker(self.worker_id)

    def _summary(self) -> tuple[object, ...]:
        return (self._state.get("id"), "of unit", self._state.get("unit_id"))


class JudgmentAggregate(JobResource):
    """All trusted judgments of one unit, put together field by field."""

    unit_id = ReadOnly[int]("_unit_id")
    """The unit; the client puts it beside the JSON, where it is the key of the entry."""

    agreement = ReadOnly[float | None]("_agreement")
    """How far contributors agree, 0 to 1."""

    ids = ReadOnly[list[int]]("_ids")
    """The judgments, in the order of every field's results."""

    state = ReadOnly[str]("_state")
    """The unit's."""

    updated_at = ReadOnly[str]("_updated_at")

    def get_aggregate(self, field: str) -> Any:
        """Return the aggregated answer to a field: the winner, the mean or the list of all.

        :raises KeyError: The form has no such field, or nobody answered it.

        >>> aggregate.get_aggregate("sentiment")
        'positive'
        """
        return aggregate_in(self._entry(field))

    def get_confidence(self, field: str) -> float | None:
        """Return how sure the aggregated answer to a field is, 0 to 1.

        ``None`` where the service sends none here; the unit may have it.

        :raises KeyError: The form has no such field, or nobody answered it.

        >>> aggregate.get_confidence("sentiment") == unit.get_confidence("sentiment")
        True
        """
        return confidence_in(self._entry(field))

    def get_results(self, field: str) -> list[Any]:
        """Return each contributor's answer to a field, in the order of :attr:`ids`.

        ``None`` stands for a contributor who was not asked.

        :raises KeyError: The form has no such field, or nobody answered it.

        >>> len(aggregate.get_results("sentiment")) == len(aggregate.ids)
        True
        """
        entry = self._entry(field)
        answers: list[Any] = entry.get("res", []) if isinstance(entry, dict) else entry
        return answers

    def get_fields(self) -> dict[str, Any]:
        """Return the form's fields, each with its aggregated answer; columns of the row left out.

        >>> aggregate.get_fields()
        {'sentiment': 'positive'}
        """
        return {name: aggregate_in(self._state[name]) for name in self._field_names()}

    @property
    def judgments(self) -> list[Judgment]:
        """The judgments themselves; fetched once, by one request.

        Calls ``GET /jobs/{job_id}/units/{id}/judgments``.

        >>> [judgment.id for judgment in aggregate.judgments] == aggregate.ids
        True
        """
        if "_judgments" not in self.__dict__:
            found = self.client.get_unit_judgments(self.job, self.unit_id)
            by_id = {judgment.id: judgment for judgment in found}
            ids = self.ids if isinstance(self.ids, list) else []
            self._judgments = [by_id[each] for each in ids if each in by_id]
        return self._judgments

    def _entry(self, field: str) -> Any:
        if field not in self._field_names():
            names = ", ".join(self._field_names()) or "none"
            raise KeyError(f"no field {field!r} in the results; there are: {names}")
        return self._state[field]

    def _field_names(self) -> list[str]:
        """Tell the form's fields from the row's columns, which stand beside them."""
        known, ids = self.job.fields, self.ids
        judgments = len(ids) if isinstance(ids, list) else 0
        return [
            name
            for name, value in self._state.items()
            if (name in known if known else _looks_aggregated(name, value, judgments))
        ]

    def _summary(self) -> tuple[object, ...]:
        return ("of unit", self._state.get("_unit_id"))


def _looks_aggregated(name: str, value: Any, judgments: int) -> bool:
    """Guess, where the job does not say which fields its form has."""
    if isinstance(value, dict):
        return any(key in value for key in ("agg", "avg", "res"))
    golden = name.endswith(("_gold", "_gold_reason"))
    own = name.startswith("_")
    return isinstance(value, list) and not golden and not own and len(value) == judgments
