"""Reports of an account's jobs: as rows, as a stream, as a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, Literal, overload

from crowdflower._types import JSONObject
from crowdflower.account import Account
from crowdflower.exceptions import InvalidInput, StaleReportWarning, warn
from crowdflower.models.job_fields import JobFields
from crowdflower.rows import report_archive
from crowdflower.rows.new_file import new_file
from crowdflower.rows.report_download import download
from crowdflower.states import REPORT_TYPES, ReportType, TableType
from crowdflower.unit import Unit

if TYPE_CHECKING:
    from os import PathLike


class AccountReports(Account):
    """What an account does with reports."""

    @overload
    def get_report(self, job: JobFields | int, type_: Literal["json"] = "json") -> list[Unit]: ...
    @overload
    def get_report(self, job: JobFields | int, type_: TableType) -> list[JSONObject]: ...
    @overload
    def get_report(
        self, job: JobFields | int, type_: ReportType
    ) -> list[Unit] | list[JSONObject]: ...
    def get_report(
        self, job: JobFields | int, type_: ReportType = "json"
    ) -> list[Unit] | list[JSONObject]:
        """Download a report, unpack it and return its rows.

        Calls ``GET /jobs/{job_id}.csv``, as long as the service says that it is still being built.

        :param type_: ``json`` for units with their judgments; the others are tables, and come as a
            dict from column to text a row.
        :raises InvalidInput: There is no such report; nothing was sent.
        :raises ReportNotReady: It was not built within half an hour.
        :raises ReportCorrupt: The archive is damaged.

        >>> [row["sentiment"] for row in client.get_report(job, "full")][2:4]
        ['positive', 'negative']
        """
        if type_ == "json":
            return list(self.stream_report(job))
        return list(self._report_rows(job, type_))

    def stream_report(
        self, job: JobFields | int, *, largest: int = report_archive.MAX_UNPACKED
    ) -> Iterator[Unit]:
        """Yield the units of the JSON report one at a time, read from a temporary file.

        Calls ``GET /jobs/{job_id}.csv``, as long as the service says that it is still being built.
        Where it holds fewer judgments than the job had when it was read, a
        :class:`~crowdflower.exceptions.StaleReportWarning` says so at the end;
        :meth:`regenerate_report` has it built anew.

        :param largest: Bytes to which the report may unpack.
        :raises ReportNotReady: It was not built within half an hour.
        :raises ReportCorrupt: The archive is damaged.
        :raises ReportTooLarge: It unpacks to more than that.

        >>> next(client.stream_report(job)).id == job.units[0].id
        True
        """
        job = self._as_job(job)
        known, held = _number(job.json), 0
        for row in self._report_rows(job, "json", largest):
            held += _number(row)
            yield Unit(job, self._client).absorb(row)
        if held and held < known:
            warn(
                f"the report holds {held} judgments of {known}: it is older than the latest of"
                " them; regenerate it and download it once more",
                StaleReportWarning,
            )

    def download_report(
        self,
        job: JobFields | int,
        type_: ReportType,
        path: str | PathLike[str],
        overwrite: bool = False,
        *,
        spreadsheet_safe: bool = False,
        largest: int = report_archive.MAX_UNPACKED,
    ) -> Path:
        """Download a report to a file, which is there as a whole or not at all.

        Calls ``GET /jobs/{job_id}.csv``, as long as the service says that it is still being built.
        The file is written beside its place and takes its name at the end. Its owner alone may read
        it: contributors' addresses stand in it.

        :param path: Where to. A name that ends in ``.zip`` gets the archive as it came, any other
            what is in it.
        :param overwrite: Take the place of a file that is there.
        :param spreadsheet_safe: Put ``'`` before each cell of a table that a spreadsheet would take
            for a formula. Negative numbers are such cells too.
        :param largest: Bytes to which the report may unpack.
        :returns: The path.
        :raises FileExistsError: There is a file already; nothing was asked for.
        :raises ReportNotReady: It was not built within half an hour.
        :raises ReportCorrupt: The archive is damaged.

        >>> path = client.download_report(job, "full", "answers.csv")
        >>> path.read_text(encoding="utf-8").split(",")[0]
        '_unit_id'
        """
        _check_report_type(type_)
        job, target = self._as_job(job), Path(path)
        packed = target.suffix.lower() == ".zip"
        if spreadsheet_safe and (packed or type_ == "json"):
            raise InvalidInput("spreadsheet_safe is for tables, in a file that is no archive")
        with (
            new_file(target, overwrite=overwrite) as (file, folder),
            download(self._caller, job.id, type_, largest=largest, folder=folder) as archive,
        ):
            if packed:
                copyfileobj(archive, file)
            elif spreadsheet_safe:
                file.writelines(report_archive.escape_formulas(archive, largest))
            else:
                file.writelines(report_archive.content(archive, largest))
        return target

    def regenerate_report(self, job: JobFields | int, type_: ReportType = "json") -> None:
        """Have a report built anew; the next download waits for it.

        Calls ``POST /jobs/{job_id}/regenerate``.

        :param type_: One of :data:`~crowdflower.states.REPORT_TYPES`.
        :raises InvalidInput: There is no such report; nothing was sent.

        >>> client.regenerate_report(job, "full")
        """
        _check_report_type(type_)
        job = self._as_job(job)
        self.jobs[job.id].regenerate(
            query={"type": type_}, method="post", as_json=False, _suffix=None
        )

    def _report_rows(
        self, job: JobFields | int, type_: ReportType, largest: int = report_archive.MAX_UNPACKED
    ) -> Iterator[JSONObject]:
        _check_report_type(type_)
        with download(self._caller, self._as_job(job).id, type_, largest=largest) as archive:
            yield from report_archive.rows(archive, type_, largest)


def _number(thing: JSONObject) -> int:
    """Return how many judgments a job or a unit says it has; nothing where that is no number."""
    count = thing.get("judgments_count")
    return count if isinstance(count, int) else 0


def _check_report_type(type_: str) -> None:
    if type_ not in REPORT_TYPES:
        raise InvalidInput(f"no report {type_!r}; there are: {', '.join(REPORT_TYPES)}")
