"""Judgments: the answers of one contributor, and the aggregate of all answers to one unit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crowdflower._types import JSONObject
from crowdflower.models.display import counted, fraction, summary
from crowdflower.models.fields import ReadOnly
from crowdflower.models.resource import JobResource
from crowdflower.tables.answers import aggregate_in, confidence_in

if TYPE_CHECKING:
    from crowdflower.worker import Worker


class Judgment(JobResource):
    """The answers of one contributor to one unit."""

    job_id = ReadOnly[int]()
    unit_id = ReadOnly[int]()
    worker_id = ReadOnly[int]()

    data = ReadOnly[JSONObject]()
    """The answers: form field to value; a list if several values may be chosen."""

    unit_data = ReadOnly[JSONObject]()
    """The row at the time of the answer."""

    unit_state = ReadOnly[str]()

    judgment = ReadOnly[int]()
    """Always 1; its purpose is not documented."""

    trust = ReadOnly[float | None]()
    """Fraction of the job's test questions that the contributor has had right so far.

    It is one number for all judgments of a contributor in the job, and ``_trust`` in the *full*
    report."""

    worker_trust = ReadOnly[float | None]()
    """The contributor's trust beyond this job; ``None`` if the service has none."""

    golden = ReadOnly[bool]()
    """Whether the unit was a test question."""

    missed = ReadOnly[bool | None]()
    """Whether the answer to a test question was wrong."""

    tainted = ReadOnly[bool]()
    """Whether the contributor lost trust; such judgments are ignored."""

    rejected = ReadOnly[bool | None]()
    reviewed = ReadOnly[bool | None]()

    external_type = ReadOnly[str]()
    """The contributor's channel."""

    country = ReadOnly[str]()
    """ISO 3166 alpha-3 code."""

    region = ReadOnly[str]()
    city = ReadOnly[str]()
    ip = ReadOnly[str]()

    started_at = ReadOnly[str]()
    created_at = ReadOnly[str]()

    acknowledged_at = ReadOnly[str | None]()
    """Since 2018; replaces ``webhook_sent_at`` and ``reviewed``."""

    webhook_sent_at = ReadOnly[str | None]()

    @property
    def worker(self) -> Worker:
        """The contributor.

        >>> job.get_judgment(judgment.id).worker.id == judgment.worker_id
        True
        """
        return self.job.get_worker(self.worker_id)

    def _summary(self) -> str:
        get = self._state.get
        worker = ["by worker", get("worker_id")] if "worker_id" in self._state else []
        head = [get("id"), "of unit", get("unit_id"), *worker]
        tainted = "tainted" if get("tainted") is True else ""
        return summary(head, [fraction(get("trust"), "trust"), tainted])


class JudgmentAggregate(JobResource):
    """The trusted judgments of one unit, aggregated field by field."""

    unit_id = ReadOnly[int]("_unit_id")
    """Id of the unit. In the JSON it is the key of the entry, from which the client copies it."""

    agreement = ReadOnly[float | None]("_agreement")
    """Agreement among contributors, 0 to 1."""

    ids = ReadOnly[list[int]]("_ids")
    """Ids of the judgments, in the order of each field's results."""

    state = ReadOnly[str]("_state")
    """State of the unit."""

    updated_at = ReadOnly[str]("_updated_at")

    def get_aggregate(self, field: str) -> Any:
        """Return the aggregated answer to a field: the top answer, the mean or the list of all.

        :raises KeyError: The form has no such field, or it has no answers.

        >>> aggregate.get_aggregate("sentiment")
        'positive'
        """
        return aggregate_in(self._entry(field))

    def get_confidence(self, field: str) -> float | None:
        """Return the confidence of the aggregated answer to a field, 0 to 1.

        ``None`` if the service does not send it here; the unit may have it.

        :raises KeyError: The form has no such field, or it has no answers.

        >>> aggregate.get_confidence("sentiment") == unit.get_confidence("sentiment")
        True
        """
        return confidence_in(self._entry(field))

    def get_results(self, field: str) -> list[Any]:
        """Return each contributor's answer to a field, in the order of :attr:`ids`.

        ``None`` means that the contributor was not shown the question.

        :raises KeyError: The form has no such field, or it has no answers.

        >>> len(aggregate.get_results("sentiment")) == len(aggregate.ids)
        True
        """
        entry = self._entry(field)
        answers: list[Any] = entry.get("res", []) if isinstance(entry, dict) else entry
        return answers

    def get_fields(self) -> dict[str, Any]:
        """Return the aggregated answer to each field of the form, without the row's columns.

        >>> aggregate.get_fields()
        {'sentiment': 'positive'}
        """
        return {name: aggregate_in(self._state[name]) for name in self._field_names()}

    @property
    def judgments(self) -> list[Judgment]:
        """The judgments; fetched once, with one request.

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
            raise KeyError(f"no field {field!r} in the results; the fields are: {names}")
        return self._state[field]

    def _field_names(self) -> list[str]:
        """Return the names of the form's fields, without the row's columns in the same object."""
        fields, ids = self.job.fields, self.ids
        judgments_count = len(ids) if isinstance(ids, list) else 0
        return [
            name
            for name, value in self._state.items()
            if (name in fields if fields else _is_likely_field(name, value, judgments_count))
        ]

    def _summary(self) -> str:
        get = self._state.get
        ids = get("_ids")
        judgments = counted(len(ids), "judgment") if isinstance(ids, list) else ""
        head = ["of unit", get("_unit_id"), get("_state")]
        return summary(head, [judgments, fraction(get("_agreement"), "agreement")])


def _is_likely_field(name: str, value: Any, judgments_count: int) -> bool:
    """Guess whether an entry is a field of the form, for a job that does not list its fields."""
    if isinstance(value, dict):
        return any(key in value for key in ("agg", "avg", "res"))
    is_gold = name.endswith(("_gold", "_gold_reason"))
    is_internal = name.startswith("_")
    is_list = isinstance(value, list) and len(value) == judgments_count
    return is_list and not is_gold and not is_internal
