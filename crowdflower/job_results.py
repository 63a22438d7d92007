"""What came out of a job: answers one by one, put together, and weighed."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from crowdflower.judgment import Judgment, JudgmentAggregate
from crowdflower.models.job_fields import JobFields
from crowdflower.rows.votes import judgments_in, votes
from crowdflower.states import ReportType
from crowdflower.unit import Unit

if TYPE_CHECKING:
    from crowdflower.quality import Consensus

FEW_UNITS: Final = 20
"""Units up to which a request each is cheaper than a report, which takes seconds to build."""


class JobResults(JobFields):
    """What a job tells of its results."""

    @property
    def judgment_aggregates(self) -> list[JudgmentAggregate]:
        """The units that have judgments, with the answers put together; fetched once.

        Calls ``GET /jobs/{id}/judgments``, a request for a hundred of them.

        >>> [aggregate.state for aggregate in job.judgment_aggregates]
        ['golden', 'golden', 'finalized', 'finalized']
        """
        if "_judgment_aggregates" not in self.__dict__:
            self._judgment_aggregates = list(self.client.get_judgmentaggregates(self))
        return self._judgment_aggregates

    def get_judgment(self, id: int) -> Judgment:  # noqa: A002
        """Fetch one judgment.

        Calls ``GET /jobs/{job_id}/judgments/{id}``.

        >>> job.get_judgment(judgment.id).data
        {'sentiment': 'positive'}
        """
        return self.client.get_judgment(self, id)

    def get_results_report(self) -> list[Unit]:
        """Return all units with their judgments and aggregated answers.

        Calls ``GET /jobs/{id}.csv`` for the JSON report; :meth:`results` does it without holding
        all of it.

        :raises ReportNotReady: It was not built within half an hour.
        :raises ReportCorrupt: The archive is damaged.

        >>> len(job.get_results_report()) == job.units_count
        True
        """
        return self.client.get_report(self)

    def results(self) -> Iterator[Unit]:
        """Yield all units with their judgments and aggregated answers, one at a time.

        Calls ``GET /jobs/{id}.csv`` for the JSON report, which is kept in a temporary file and read
        from there.

        :raises ReportNotReady: It was not built within half an hour.
        :raises ReportCorrupt: The archive is damaged.

        >>> for unit in job.results():
        ...     if unit.state == "finalized":
        ...         print(unit.data["review"], "-", unit.get_aggregate("sentiment"))
        Broke on the second day. - negative
        Exactly what I was looking for. - positive
        """
        return self.client.stream_report(self)

    def votes(self, field: str | None = None) -> Iterator[tuple[int, int, str]]:
        """Yield every answer that counts as ``(unit id, worker id, answer)``.

        Judgments of contributors who lost trust are left out. This is the table that methods of
        aggregation start from, here and in other libraries. Calls ``GET /jobs/{id}.csv``, as
        :meth:`results` does.

        :param field: The field of the form; may be left out where it has just one.
        :raises ValueError: It was left out, and the form has several or none.

        >>> next(job.votes("sentiment"))[2]
        'positive'
        """
        field = field if field is not None else self._only_field()
        yield from votes(((unit.id, unit.results) for unit in self.results()), field)

    def aggregate(
        self, method: str = "dawid-skene", field: str | None = None
    ) -> Consensus[int, int, str]:
        """Weigh the answers by another method than the service's own.

        Calls ``GET /jobs/{id}.csv``, as :meth:`results` does.

        :param method: ``majority``, ``wawa``, ``one-coin`` or ``dawid-skene``.
        :param field: The field of the form; may be left out where it has just one.
        :returns: A label and probabilities for each unit id, a skill for each worker id.
        :raises ValueError: There is no such method, or the field was left out of several.

        >>> consensus = job.aggregate("majority")
        >>> consensus.labels[job.units[2].id]
        'negative'
        """
        from crowdflower.quality import METHODS  # noqa: PLC0415 - few weigh, all import

        if method not in METHODS:
            raise ValueError(f"no method {method!r}; there are: {', '.join(METHODS)}")
        return METHODS[method](self.votes(field))

    def _only_field(self) -> str:
        fields = list(self.fields or ())
        if len(fields) != 1:
            raise ValueError(f"say which field of the form you mean: {', '.join(fields) or 'none'}")
        return fields[0]

    def judgments(self) -> Iterator[Judgment]:
        """Yield all judgments, one at a time, unit by unit.

        They are read from the JSON report, which is one download for all of them: calls
        ``GET /jobs/{id}.csv``. Of a job with at most 20 units they come sooner by a request a unit:
        calls ``GET /jobs/{id}/units`` and ``GET /jobs/{id}/units/{id}/judgments``.

        >>> len(list(job.judgments())) == job.judgments_count
        True
        """
        if self.units_count is not None and self.units_count <= FEW_UNITS:
            for promise in self.client.get_units(self):
                yield from promise.get_judgments()
        else:
            for unit in self.results():
                for data in judgments_in(unit.id, unit.results):
                    yield Judgment(unit.job, self._client).absorb(data)

    def download_report(
        self, type_: ReportType, path: str | PathLike[str], overwrite: bool = False, **how: Any
    ) -> Path:
        """Download a report to a file, which is there as a whole or not at all.

        Calls ``GET /jobs/{id}.csv``. The client's method of the same name says more, and takes
        more.

        >>> job.download_report("aggregated", "answers.csv").name
        'answers.csv'
        """
        return self.client.download_report(self, type_, path, overwrite, **how)

    def regenerate(self, type_: ReportType = "json") -> None:
        """Have a report built anew; the next download waits for it.

        Calls ``POST /jobs/{id}/regenerate``.

        >>> job.regenerate("full")
        """
        self.client.regenerate_report(self, type_)
