"""A job: rows, a form, and the settings for collecting judgments."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from heapq import nlargest
from itertools import islice, starmap
from operator import itemgetter
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, Final, Literal, Never, Self, TypeAlias, overload

from crowdflower._types import MISSING, JSONObject, Missing, Row, RowSource, describe_type
from crowdflower.cml import CMLError
from crowdflower.exceptions import (
    ApiError,
    ConfigError,
    DuplicateOperation,
    InvalidInput,
    JournalError,
    OutcomeUnknown,
    RefusedError,
    ValidationError,
    warn,
)
from crowdflower.http.transport import IDEMPOTENCY_KEY, Expected
from crowdflower.judgment import Judgment, JudgmentAggregate
from crowdflower.models import shapes
from crowdflower.models.arguments import (
    check_cents,
    check_channels,
    check_count,
    check_names,
    join_names,
)
from crowdflower.models.display import job_details, summarize_job
from crowdflower.models.job_fields import JobFields, normalize_attributes
from crowdflower.models.job_form import (
    JobField,
    Preview,
    choose_field,
    find_problems,
    parsed_form,
)
from crowdflower.models.resource import REFUSED_VALUES, Resource
from crowdflower.models.waiting.counts import Counts, Goal, Until
from crowdflower.order import JudgmentRequests, Order, UnitPayments
from crowdflower.payments import pricing
from crowdflower.payments.estimate import Estimate
from crowdflower.payments.kinds import Launch
from crowdflower.payments.launch_problems import Funds, check_launch, find_obstacles
from crowdflower.payments.placed_order import count_ordered
from crowdflower.payments.records import DryRun, Operation, PaymentPattern
from crowdflower.payments.recovery.earlier_payments import shared_key
from crowdflower.progress import ProgressOption
from crowdflower.rows import report_archive, upload_source
from crowdflower.rows.sources.arrow_rows import read_parquet
from crowdflower.rows.unordered_units import UnorderedUnits, describe_not_ordered
from crowdflower.rows.votes import judgments_in, votes
from crowdflower.states import GOLD_STATES, ON_DEMAND, ReportType
from crowdflower.tables.answers import Questions
from crowdflower.tables.report_tables import ReportSource, lacks_judgments
from crowdflower.tables.table_iterator import Judgments, Results
from crowdflower.tables.unit_list import UnitList
from crowdflower.unit import Unit, UnitPromise
from crowdflower.worker import Worker

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from crowdflower.cml import Problem
    from crowdflower.models.waiting.wait import EventSource
    from crowdflower.quality import Agreement, Consensus
    from crowdflower.rows.exactly_once import Uploaded
    from crowdflower.rows.upload_keys import Source

REQUIRED_TO_UPDATE: Final = ("title", "instructions", "cml")
"""Attributes without which the API reports an update as a success, and keeps nothing."""

PRICE_FIELDS: Final = frozenset(name.partition(".")[0] for name in pricing.FIELDS)
"""Attributes that the price of an order depends on."""

CHECKED_UNITS: Final = 10_000
"""Units whose columns :meth:`Job.check` reads at most."""

FEW_UNITS: Final = 20
"""Units up to which one request each is faster than a report, which takes seconds to build."""

DEFAULT_CHANNELS: Final = (ON_DEMAND,)
"""Channels of a launch; told by identity from the same channels that a caller passes."""

OnDuplicate: TypeAlias = Literal["raise", "return"]
"""What a launch does if a payment with its key was started before."""

log: Final = logging.getLogger(__name__)

ANY_BODY: Final = Expected(as_json=False, follow=True, redirects=True)


class Job(JobFields):
    """A job: rows, a form, and the settings for collecting judgments."""

    _is_expired = False
    _counts: Mapping[str, Any] = MappingProxyType({})
    """What ``ping`` counted, if the job was not read since."""

    # The job itself

    def update(self) -> None:
        """Send the changes made since the job was read, in place too, and adopt the response.

        Calls ``PUT /jobs/{id}``; without changes, sends nothing. A dict or a list counts as changed
        if it differs from what was read; of ``options`` only the changed ones are sent. Then they
        are replaced by what the service answered: read them again, as changes of a dict that you
        kept from before are not sent. :attr:`channels` and :attr:`tags` are not part of this:
        assign those.

        :raises RuntimeError: Title, instructions or CML is missing from both the job and the
            changes, even if there are none: the service would answer with success and keep nothing.
        :raises RefusedError: The service refuses a value; it keeps none of them, and the job
            forgets them: assign again what shall be sent again. Usually this is an
            :class:`~crowdflower.exceptions.ApplicationError` with all reasons, for countries a
            :class:`~crowdflower.exceptions.ValidationError`.
        :raises OutcomeUnknown: The response was lost or useless, and the job does not show the
            change.

        >>> job.payment_cents = 12
        >>> job.update()
        >>> job.payment_cents
        12
        >>> job.options["front_load"] = True
        >>> job.included_countries.append("DE")
        >>> job.update()
        >>> job.options["front_load"], job.included_countries
        (True, [{'code': 'DE', 'name': 'Germany'}])
        """
        missing = [name for name in REQUIRED_TO_UPDATE if not self[name]]
        if missing:
            raise RuntimeError(
                f"set {' and '.join(missing)} first: without title, instructions and cml the API"
                " keeps no change; nothing was sent"
            )
        changes = self._pending()
        if not changes:
            return
        try:
            attributes = normalize_attributes(changes, undeclared=True)
            answer = self.client._update_job(self.id, attributes)  # noqa: SLF001 - one family
        except REFUSED_VALUES as error:
            self._drop_refused(error, changes)
            raise
        self.absorb(answer)

    def reload(self) -> Self:
        """Fetch the job again; unsent changes are dropped.

        Calls ``GET /jobs/{id}``.

        >>> job.reload().state
        'running'
        """
        shape = partial(shapes.json_object, kind="job")
        self.absorb(self.client.request("GET", self._path(), shape=shape).body)
        self._forget_units()
        self.__dict__.pop("_judgment_aggregates", None)
        return self

    def expire(self) -> None:
        """Have the job read again, when an attribute is next read; sends nothing itself.

        Unsent changes are kept, and so are :attr:`units`: :meth:`reload` drops both. Calls that
        change what the job shows do this themselves, such as :meth:`convert_test_questions`, and so
        does a run of the sandbox's crowd. Call it when another program has changed the job.

        >>> job.expire()
        >>> job.state
        'running'
        """
        self.__dict__["_is_expired"] = True
        self.__dict__.pop("_counts", None)

    def delete(self) -> None:
        """Delete the job; a running one must be canceled first.

        Calls ``DELETE /jobs/{id}``. It leaves the list of jobs and can still be read by id.

        :raises RefusedError: The job is neither unordered nor canceled.

        >>> client.create_job({"title": "A draft"}).delete()
        """
        self.client.delete_job(self.id)

    def copy(
        self,
        all_units: bool = False,
        gold: bool = False,
        *,
        only_new_and_judgable: bool = False,
        wait: bool | None = None,
        progress: ProgressOption = None,
    ) -> Job:
        """Create a job with the same settings and form.

        Calls ``GET /jobs/{id}/copy``. The service copies the units in the background; to wait for
        them, calls ``GET /jobs/{id}/units/ping`` and ``GET /jobs/{id}`` of the copy.

        :param all_units: Copy all units too.
        :param gold: Copy the test questions too.
        :param only_new_and_judgable: Also copy the units that are not finalized yet.
        :param wait: Return only when the copy has its units; by default with ``progress``.
        :param progress: ``True`` draws a bar; a function is called with each
            :class:`~crowdflower.progress.Progress`, in units.
        :raises OutcomeUnknown: The response was lost: the copy may exist.
        :raises WaitTimeout: After half an hour the copy, which the message names, lacks units.

        >>> job.copy(all_units=True).state
        'unordered'
        >>> job.copy(all_units=True, progress=print).units_count
        0 of 10 units
        10 of 10 units
        10
        """
        return self.client.copy_job(
            self.id,
            all_units,
            gold,
            only_new_and_judgable=only_new_and_judgable,
            wait=wait,
            progress=progress,
        )

    def save_files(
        self, folder: str | PathLike[str], *, rows: bool = False, force: bool = False
    ) -> list[Path]:
        """Write the settings, texts and test questions of the job to a folder, as readable files.

        Calls ``GET /jobs/{id}``, and reads its channels, tags and test questions. In a folder that
        was saved before, edits of settings that nobody has changed in the job since are kept, and
        other files are never touched. :meth:`Client.push_files` sends edits to the job. Needs the
        extra ``cli``.

        :param folder: The folder; it is created if it does not exist.
        :param rows: Also write the rows, to ``rows.jsonl``.
        :param force: Replace edits that the job does not have.
        :returns: The files that were written or replaced.
        :raises EditConflict: Edits would be lost, or the folder has another job; nothing was
            written.
        :raises InvalidInput: The job has changes that were not sent, or a file cannot be used.

        >>> [path.name for path in job.save_files("reviews")]
        ['form.cml', 'style.css', 'script.js', 'instructions.html', 'test_questions.json', \
'job.toml']
        """
        from crowdflower.job_files import JobFolder  # noqa: PLC0415 - rarely used
        from crowdflower.rows.job_folders.job_reader import file_errors  # noqa: PLC0415
        from crowdflower.rows.job_folders.saved_files import save_files  # noqa: PLC0415

        if unsent := self._pending():
            names = " and ".join(unsent)
            raise InvalidInput(
                f"{names} {'was' if len(unsent) == 1 else 'were'} assigned but not sent; call"
                " update(), or reload() to drop it"
            )
        self.reload()
        with file_errors():
            reader = self.client._job_reader()  # noqa: SLF001 - one family
            return save_files(reader, self.json, JobFolder(folder), rows=rows, force=force)

    # Units

    @overload
    def upload(
        self, data: RowSource, force: bool = False, *, progress: ProgressOption = None
    ) -> None: ...
    @overload
    def upload(
        self,
        data: RowSource,
        force: bool = False,
        *,
        key: str,
        resume: str | PathLike[str] | None = None,
        live: bool = False,
        progress: ProgressOption = None,
    ) -> Uploaded: ...
    def upload(
        self,
        data: RowSource,
        force: bool = False,
        *,
        key: str | None = None,
        resume: str | PathLike[str] | None = None,
        live: bool = False,
        progress: ProgressOption = None,
    ) -> Uploaded | None:
        """Append rows; with a ``key``, each of them exactly once.

        Calls ``PUT /jobs/{id}/upload``. The rows are encoded to a temporary file as they are
        consumed, and sent after all of them were checked.

        Without ``key`` that is one request. If its response is lost, the rows may or may not be in
        the job: :class:`~crowdflower.exceptions.OutcomeUnknown` is raised, and sending them again
        may duplicate each of them.

        With ``key`` the rows are sent in chunks. After a lost response the job is read, and only
        missing rows are sent again. At the end every row has been seen in the job, and duplicates
        have been deleted, or canceled if the job is launched. Rows that the job had before are not
        sent, so repeating the call is harmless, on the same day or on the next one with more rows.
        With a journal file this holds even if the process is killed. It holds as long as no other
        program adds rows with the same keys.

        :param data: Dicts from column to value, in any iterable; a data frame of pandas or polars;
            an Arrow table, reader, or other object with ``__arrow_c_stream__``; a relation of
            DuckDB; or the path of a CSV, JSON lines or Parquet file. Missing values are empty
            cells. :doc:`/uploads` says what other values are sent as.
        :param force: Accept rows whose columns differ from those of the first upload.
        :param key: The column that identifies a row: a string or an integer, unique among all rows.
        :param resume: With ``key``, a file for the plan of the upload. After a crash, the same call
            with the same file continues it. A client with a journal file does not need it.
        :param live: With ``key``, upload although the job orders automatically, or is canceled. A
            row that might arrive twice, and be paid twice, stops the upload.
        :param progress: ``True`` draws a bar; a function is called with each
            :class:`~crowdflower.progress.Progress`, in rows: with ``key`` those that are known to
            be in the job, otherwise those that were sent. An exception of the function stops the
            upload: with ``key`` between two requests, and the same call continues; otherwise no row
            is stored.
        :returns: With ``key``, counts of what was done.
        :raises InvalidInput: A row cannot be sent; ``error.row`` is its number, and none was sent.
        :raises ImportError: An Arrow table or a Parquet file needs pyarrow, which is not installed.
        :raises OutcomeUnknown: Without ``key``, the response was lost.
        :raises UploadIncomplete: With ``key``, the upload had to stop; ``error.resume`` is the file
            to continue from, ``None`` for a client with a journal file.
        :raises SourceChanged: The rows differ from those that the plan in ``resume`` was made for.
        :raises UploadLocked: Another process is using the plan in ``resume``, or uploads to the job
            with the same journal file.
        :raises JournalError: The journal file cannot be used.

        >>> job.upload([{"review": "Would buy again."}], force=True)
        >>> draft = client.create_job({"title": "Reviews"})
        >>> draft.upload([{"id": n, "review": "Fine."} for n in range(3)], key="id")
        Uploaded(rows=3, chunks=1, resends=0, duplicates_removed=0, found=0)
        """
        if key is None:
            _need_key(resume, live=live)
            self._forget_units()
            uploaded = self.client.upload_job(data, self.id, force, progress=progress)
            self._learn_uploaded(uploaded)
            return None
        if isinstance(data, (str, PathLike)):
            upload_source.check_path(data)
            return self.upload_file(
                data, None, force, key=key, resume=resume, live=live, progress=progress
            )
        from crowdflower.rows import upload_keys  # noqa: PLC0415 - rarely used

        source = upload_keys.of_rows(data, key, force=force)
        return self._upload_exactly_once(
            source, key, force=force, resume=resume, live=live, progress=progress
        )

    @overload
    def upload_file(
        self,
        file: str | PathLike[str] | IO[Any],
        type_: str | None = None,
        force: bool = False,
        *,
        progress: ProgressOption = None,
    ) -> None: ...
    @overload
    def upload_file(
        self,
        file: str | PathLike[str] | IO[Any],
        type_: str | None = None,
        force: bool = False,
        *,
        key: str,
        resume: str | PathLike[str] | None = None,
        live: bool = False,
        progress: ProgressOption = None,
    ) -> Uploaded: ...
    def upload_file(
        self,
        file: str | PathLike[str] | IO[Any],
        type_: str | None = None,
        force: bool = False,
        *,
        key: str | None = None,
        resume: str | PathLike[str] | None = None,
        live: bool = False,
        progress: ProgressOption = None,
    ) -> Uploaded | None:
        """Append the rows of a file; with a ``key``, each of them exactly once.

        Calls ``PUT /jobs/{id}/upload``. :meth:`upload` explains what ``key`` guarantees. With
        ``key``, the file must be CSV, Parquet, or have one JSON object per line.

        :param file: A path, or an open file of bytes or text.
        :param type_: ``csv``, ``json`` (one object per line), ``parquet``, another file extension
            or a MIME type; guessed from the file's name by default. Parquet is sent as JSON.
        :param force: Accept rows whose columns differ from those of the first upload.
        :param key: The column that identifies a row, as in the header.
        :param resume: As in :meth:`upload`.
        :param live: As in :meth:`upload`.
        :param progress: As in :meth:`upload`; rows of a spreadsheet are not counted.
        :raises ValueError: The type cannot be guessed.
        :raises InvalidInput: The file is not UTF-8, or a CSV without header or with semicolons for
            commas; ``error.row`` is the number of the row.
        :raises ImportError: A Parquet file needs pyarrow, which is not installed.

        >>> job.upload_file("more.csv", force=True)
        >>> draft = client.create_job({"title": "Reviews"})
        >>> draft.upload_file("more.csv", key="review").rows
        2
        """
        if key is None:
            _need_key(resume, live=live)
            self._forget_units()
            uploaded = self.client.upload_job_file(file, type_, self.id, force, progress=progress)
            self._learn_uploaded(uploaded)
            return None
        if upload_source.is_parquet(file, type_):
            rows = read_parquet(file)
            return self.upload(rows, force, key=key, resume=resume, live=live, progress=progress)
        from crowdflower.rows import upload_keys  # noqa: PLC0415 - rarely used

        with upload_source.open_file(file, type_) as (body, content_type):
            source = upload_keys.of_file(body, content_type, key, force=force)
            return self._upload_exactly_once(
                source, key, force=force, resume=resume, live=live, progress=progress
            )

    def unit_ids(self, key: str) -> Iterator[tuple[str, int]]:
        """Yield the value of a column and the id of the unit, for all units.

        Calls ``GET /jobs/{id}/units``, once per thousand units.

        :raises InvalidInput: The key is not a string. Or no unit has such a column; raised at the
            end.

        >>> dict(job.unit_ids("review"))["Never again."] == job.units[-1].id
        True
        """
        from crowdflower.rows import upload_keys  # noqa: PLC0415 - rarely used

        upload_keys.check_key(key)
        return upload_keys.keys_of_units(self._unit_data(), key, required=True)

    @property
    def units(self) -> UnitList[UnitPromise]:
        """All units with their data, test questions included; fetched once.

        They are fetched again after :meth:`reload`, and after this object has uploaded rows or
        added a unit. A unit that was deleted stays in the list until then, so that indexes keep
        their meaning. Calls ``GET /jobs/{id}/units``, once per thousand units. It is a list that
        can also be had as a table, with :meth:`~crowdflower.tables.unit_list.UnitList.to_pandas`.

        >>> job.units[0].data["review"]
        'Works as it should, every single day.'
        """
        if "_units" not in self.__dict__:
            self._units = UnitList(self.client.get_units(self))
        return self._units

    def convert_test_questions(self) -> None:
        """Turn the units whose ``_golden`` column is true into test questions.

        Calls ``PUT /jobs/{id}/gold``. The service does it in the background: ``golds_count`` grows
        shortly after.

        >>> job.convert_test_questions()
        """
        self.client.convert_job_test_questions(self.id)
        self.expire()

    def mark_test_questions(self, check: str, with_: str | None = None) -> JSONObject:
        """Turn the units with a known answer to one field into test questions.

        Calls ``PUT /jobs/{id}/gold``. The service refuses to turn more than a third of the units
        into test questions.

        :param check: The field of the form.
        :param with_: The column with the right answers; ``{check}_gold`` by default.
        :returns: ``affected``, the number of units, and ``populated``, the answers found. Some
            services work in the background and return neither; if the service returns the units,
            only ``affected`` is set.
        :raises ValidationError: No unit has an answer, or too many have one.

        >>> draft = client.upload_job(
        ...     {"text": "Fine!", "mood": "up" if n < 3 else None} for n in range(10)
        ... )
        >>> draft.mark_test_questions("feeling", "mood")
        {'affected': 3, 'populated': ['up']}
        """
        data = {"check": check, "with": with_ or f"{check}_gold", "convert_units": True}
        answer = self.client.request("PUT", self._path("gold"), data=data).body
        self.expire()
        if isinstance(answer, list):
            return {"affected": len(answer)}
        return shapes.json_object(answer, "count")

    def reset_test_questions(self) -> None:
        """Turn all test questions back into ordinary units.

        Calls ``PUT /jobs/{id}/gold``.

        >>> job.reset_test_questions()
        >>> job.golds_count
        0
        """
        self.client.request("PUT", self._path("gold"), data={"reset": True})
        self.expire()

    def get_test_questions(self) -> list[JSONObject]:
        """Return the test questions as the service shows them to their owner.

        Calls ``GET /jobs/{id}/test_questions``. The content of an item is not documented.

        >>> len(job.get_test_questions()) == job.golds_count
        True
        """
        shape = partial(shapes.object_list, kind="test question")
        path = self._path("test_questions", suffix="")
        questions: list[JSONObject] = self.client.request("GET", path, shape=shape).body
        return questions

    def fire_test_question_webhooks(self) -> None:
        """Have the service send a ``unit_complete`` webhook for every test question.

        Calls ``GET /jobs/{id}/golds/fire_webhooks``.

        >>> job.webhook_uri = "https://example.com/crowd"
        >>> job.update()
        >>> job.fire_test_question_webhooks()
        """
        self.client.request("GET", self._path("golds/fire_webhooks", suffix=""), ANY_BODY)

    def get_unit(self, id: int) -> Unit:  # noqa: A002
        """Fetch one unit with its results.

        Calls ``GET /jobs/{job_id}/units/{id}``.

        >>> job.get_unit(unit.id).state
        'golden'
        """
        return self.client.get_unit(self, id)

    def add_unit(self, data: Mapping[str, Any], golden: bool = False) -> Unit:
        """Add one unit.

        Calls ``POST /jobs/{job_id}/units``. If the job orders automatically, this spends money.

        :param data: The row: column to JSON value.
        :param golden: Make it a test question; ``data`` then has its answers as ``{field}_gold``.
        :raises OutcomeUnknown: The response was lost: the unit may exist.

        >>> job.add_unit({"review": "It hums."}).state
        'new'
        """
        self.expire()
        return self.client.add_unit(self, data, golden)

    def upload_progress(self) -> JSONObject:
        """Return the progress of the latest upload: ``done`` and ``count``.

        Calls ``GET /jobs/{id}/units/ping``.

        :raises ApplicationError: The service could not read a row; the message names it.

        >>> job.upload_progress()
        {'done': True, 'count': 10}
        """
        progress: JSONObject = self.client.request("GET", self._path("units/ping")).body
        return progress

    def split_units(self, on: Sequence[str], with_: str = " ") -> None:
        """Split the strings in some columns into lists, in every unit.

        Calls ``GET /jobs/{id}/units/split``.

        :param on: The columns.
        :param with_: The separator.
        :raises InvalidInput: ``on`` is not a list of names, or empty; nothing was sent.

        >>> draft = client.upload_job([{"colors": "red blue"}, {"colors": "green"}])
        >>> draft.split_units(["colors"])
        >>> [unit.data for unit in draft.units]
        [{'colors': ['red', 'blue']}, {'colors': ['green']}]
        """
        columns = join_names("on", on)
        if not columns:
            raise InvalidInput("on is empty; name the columns to split")
        query = {"on": columns, "with": with_}
        self.client.request("GET", self._path("units/split", suffix=""), ANY_BODY, query=query)
        self.expire()

    def _upload_exactly_once(
        self,
        source: Source,
        key: str,
        *,
        force: bool,
        resume: str | PathLike[str] | None,
        live: bool,
        progress: ProgressOption,
    ) -> Uploaded:
        from crowdflower.rows.exactly_once import upload_exactly_once  # noqa: PLC0415 - rarely used
        from crowdflower.rows.sources.row_progress import report_chunks  # noqa: PLC0415

        self._forget_units()
        with report_chunks(source, progress) as (counted, report):
            done = upload_exactly_once(
                self.client,
                self.id,
                counted,
                self._unit_data,
                key=key,
                force=force,
                resume=resume,
                live=live,
                journal=self.client._upload_journal(),  # noqa: SLF001 - one family
                report=report,
            )
            report(done.rows)
        self._refresh("uploaded")
        return done

    def _unit_data(self, start_page: int = 1) -> Iterator[tuple[int, JSONObject]]:
        """Yield id and data of all units from a page on, as the service has them now."""
        return self.client._unit_data(self.id, start_page)  # noqa: SLF001 - one family

    def _forget_units(self) -> None:
        """Have :attr:`units` fetched again: rows are added, even if the response is lost."""
        self.__dict__.pop("_units", None)

    def _learn_uploaded(self, job: Resource) -> None:
        """Adopt the job that an upload returned; if it could not be read, it has only an id."""
        if job.json.keys() - {"id"}:
            self._learn(job.json)

    # Settings

    def set_options(self, *misplaced: Never, **options: Any) -> None:
        """Change some of the ``options`` and keep the others.

        Calls ``PUT /jobs/{id}``.

        :raises InvalidInput: A dict was passed instead of keyword arguments, or nothing.

        >>> job.set_options(reject_at=80)
        >>> job.options["reject_at"]
        80
        """
        if misplaced:
            raise InvalidInput(
                f"set_options takes options by name, not {describe_type(misplaced[0])}: write"
                " set_options(reject_at=80), or set_options(**options) for a dict"
            )
        if not options:
            raise InvalidInput("set_options needs an option, such as set_options(reject_at=80)")
        self._learn(self.client.update_job(self.id, {"options": options}))

    def collect_dynamically(
        self, fields: Sequence[str], min_confidence: float, max_judgments: int
    ) -> None:
        """Collect more judgments for the units whose answers have low confidence.

        A unit starts with ``judgments_per_unit`` judgments and gets one more at a time, until the
        answer to each of the fields reaches the confidence, or the unit its maximum. Calls
        ``PUT /jobs/{id}``.

        :param fields: The fields whose confidence counts.
        :param min_confidence: The confidence to reach, from 0 to 1.
        :param max_judgments: Maximum judgments of one unit.
        :raises InvalidInput: An argument is out of range; nothing was sent or changed.

        >>> job.collect_dynamically(["sentiment"], min_confidence=0.7, max_judgments=5)
        >>> job.variable_judgments_mode
        'auto_confidence'
        """
        watched = check_names("fields", fields)
        if not watched:
            raise InvalidInput("fields is empty; name the fields whose confidence counts")
        is_number = isinstance(min_confidence, (int, float))
        if not is_number or not 0 <= min_confidence <= 1:
            raise InvalidInput(
                f"min_confidence must be between 0 and 1, not {min_confidence!r:.80}"
            )
        self.max_judgments_per_unit = check_count("max_judgments", max_judgments)
        self.variable_judgments_mode = "auto_confidence"
        self.confidence_fields = watched
        self.min_unit_confidence = min_confidence
        self.update()

    def order_automatically(self, threshold: int | None = None, timeout: int | None = None) -> None:
        """Order units automatically as they are added; this spends money without asking again.

        Calls ``PUT /jobs/{id}``; ``job.auto_order = False`` and ``job.update()`` turn it off.

        :param threshold: Order as soon as this many units wait.
        :param timeout: Seconds after which waiting units are ordered even if they are fewer.
        :raises InvalidInput: A limit is not a positive integer; nothing was sent or changed.

        >>> job.order_automatically(threshold=10)
        >>> job.auto_order
        True
        """
        limits = {"auto_order_threshold": threshold, "auto_order_timeout": timeout}
        given = {
            name: check_count(name, limit) for name, limit in limits.items() if limit is not None
        }
        for name, value in {**given, "auto_order": True}.items():
            self[name] = value
        self.update()

    # Channels and tags

    @property
    def channels(self) -> list[str]:
        """The enabled channels; assign a list to replace them, as one changed in place is not sent.

        Calls ``GET /jobs/{id}/channels``, each time; assigned to, ``PUT /jobs/{id}/channels``.
        :meth:`Client.get_job_channels` also returns the channels that can be enabled.

        :raises ApplicationError: The account has no such channel; none is changed.

        >>> job.channels
        ['cf_internal', 'on_demand']
        >>> job.channels = ["cf_internal"]
        >>> job.channels
        ['cf_internal']
        """
        shape = shapes.enabled_channels
        channels: list[str] = self.client.request(
            "GET", self._path("channels", suffix=""), shape=shape
        ).body
        return channels

    @channels.setter
    def channels(self, channels: Iterable[str]) -> None:
        self.client.set_job_channels(self.id, channels)

    def add_channels(self, channels: Iterable[str]) -> None:
        """Enable more channels.

        Calls ``POST /jobs/{id}/channels``.

        :raises ApplicationError: The account has no such channel; none is changed.

        >>> job.add_channels(["clixsense"])
        >>> job.channels
        ['cf_internal', 'clixsense', 'on_demand']
        """
        self.client.add_job_channels(self.id, channels)

    def disable_channel(self, channel: str) -> None:
        """Disable a channel: no more contributors come from it.

        Calls ``POST /jobs/{id}/disable_channel``.

        :raises ApplicationError: The account has no such channel; none is changed.

        >>> job.disable_channel("on_demand")
        >>> job.channels
        ['cf_internal']
        """
        (name,) = check_channels([channel])
        path = self._path("disable_channel", suffix="")
        self.client.request("POST", path, data={"channel_name": name})

    @property
    def tags(self) -> list[str]:
        """The tags of the job; assign a list to replace them, as one changed in place is not sent.

        Calls ``GET /jobs/{id}/tags``, each time; assigned to, ``PUT /jobs/{id}/tags``.

        >>> job.tags = ["reviews", "spring"]
        >>> job.tags
        ['reviews', 'spring']
        """
        return self.client.get_job_tags(self.id)

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self.client.set_job_tags(self.id, tags)

    def add_tag(self, tag: str) -> None:
        """Add a tag.

        Calls ``POST /jobs/{id}/tags``.

        >>> job.add_tag("reviews")
        """
        self.client.add_job_tag(self.id, tag)

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Remove some tags.

        Calls ``DELETE /jobs/{id}/tags``.

        >>> job.tags = ["reviews", "spring"]
        >>> job.remove_tags(["spring"])
        >>> job.tags
        ['reviews']
        """
        self.client.remove_job_tags(self.id, tags)

    # Launching and stopping

    def preview(self, row: int | Row | Unit = 0) -> Preview:
        """Return the form with one row, as contributors see it; a notebook displays it.

        The page is made here, by the extra ``sandbox``, whatever service the job is on. It includes
        unsent changes. Required questions are marked as such. Questions that depend on others are
        shown with a note. ``css`` and ``js`` of the job are not applied. The accepted answers of a
        test question are left out.

        Nothing is sent except what has to be read. Calls ``GET /jobs/{id}/units`` if the row is an
        index and :attr:`units` were not read before, and ``GET /jobs/{id}`` if the form was not.

        :param row: An index of :attr:`units`, a unit, or a dict from column to value.
        :raises InvalidInput: The job has no form or no such row, or the form cannot be shown with
            it.
        :raises ImportError: The extra ``sandbox`` is not installed.

        >>> job.preview()
        <Preview of job ..., unit ...: open() shows it in a browser>
        >>> "What does the review say?" in job.preview({"review": "Fine."}).html
        True
        """
        try:
            from crowdflower.sandbox.pages.preview import (  # noqa: PLC0415 - optional
                FormError,
                render_preview,
            )
        except ImportError as missing:
            raise ImportError(f"preview() shows a page of the sandbox: {missing}") from None
        cml, name = self._read_form(), f"job {self._state.get('id')}"
        if not (cml and isinstance(cml, str)):
            raise InvalidInput(f"{name} has no form to preview: assign its cml")
        title, language = str(self.title or name), str(self.language or "en")
        gold = self.gold if isinstance(self.gold, dict) else {}
        if not isinstance(row, Mapping):
            unit = row if isinstance(row, Unit) else self._unit_at(row)
            name, row = f"{name}, unit {unit.id}", unit.data
        if not isinstance(row, Mapping):
            raise InvalidInput(f"the data of {name} must be a dict, not {describe_type(row)}")
        try:
            html = render_preview(
                cml,
                row,
                title=title,
                instructions=str(self.instructions or ""),
                gold={field: column for field, column in gold.items() if isinstance(column, str)},
                language=language,
            )
        except FormError as error:
            raise InvalidInput(f"the form of {name} cannot be shown: {error}") from None
        return Preview(html, name)

    def _read_form(self) -> str | None:
        """Return the CML; read the job first if it is not known."""
        known = {*self._state, *self._changes}
        if known.isdisjoint({"cml", "problem"}) and self._client is not None:
            self._learn(self.client.request("GET", self._path(), shape=shapes.a_job).body)
        return self.cml or self.problem

    def _unit_at(self, index: int) -> Unit:
        """Return a unit by its position; read no more units than that takes."""
        if isinstance(index, bool) or not isinstance(index, int):
            raise InvalidInput(
                f"row must be an index, a unit or a dict, not {describe_type(index)}"
            )
        if "_units" in self.__dict__ or index < 0:
            found: Iterable[Unit] = self.units[index : index + 1 or None]
        else:
            found = islice(self.client.get_units(self.id), index, None)
        unit = next(iter(found), None)
        if unit is None:
            raise InvalidInput(
                f"job {self.id} has no row {index}; to see its form without one, pass a dict from"
                " column to value"
            )
        return unit

    def check(self) -> list[Problem]:
        """Return the probable mistakes in the form, unsent changes included; changes nothing.

        One of them is a column that the form prints and no row has. Calls
        ``GET /jobs/{id}/units`` if the form prints columns, and reads at most the first
        10,000 units. The sandbox refuses to launch such a job.

        :returns: The problems with line and column; ``str`` of each is a sentence.
        :raises CMLError: The form cannot be used as it is written.
        :raises InvalidInput: The job has no form.

        >>> job.check()
        []
        >>> draft = job.copy(all_units=True)
        >>> draft.cml = draft.cml.replace("{{ review }}", "{{ reveiw }}")
        >>> print(draft.check()[0].message)
        No row has a column "reveiw", which the form prints; did you mean "review"? ...
        """
        units = islice(self.client.get_units(self), CHECKED_UNITS)
        return find_problems(self, (unit.data for unit in units))

    def estimate(
        self,
        units_count: int,
        *,
        fee_percent: float = pricing.FEE_PERCENT,
        replaced: float | None = None,
        quiz_pages: int = 0,
    ) -> Estimate:
        """Estimate the cost of ordering units.

        The estimate uses the job as it is in memory, unsent changes included; it sends nothing,
        unless the job has to be read again (:meth:`expire`). Judgments of your own contributors are
        free and are not told apart. :doc:`/estimates` derives both amounts and says what they do
        not bound.

        :param units_count: How many units, test questions not counted.
        :param fee_percent: The service's fee on top of what contributors are paid.
        :param replaced: For ``at_most_cents``, how many judgments are replaced because their
            contributors lose trust, as a share of those that are needed; 1 means as many. By
            default 0.8 if pages have test questions, otherwise 0.
        :param quiz_pages: For ``at_most_cents``, how many quiz pages are paid. The service does not
            pay contributors who fail; by default it pays no quiz page.
        :raises InvalidInput: A field of the job that the estimate needs is missing, or an argument
            is out of range.

        >>> job.payment_cents, job.judgments_per_unit, job.units_per_assignment
        (10, 3, 4)
        >>> estimate = job.estimate(8)
        >>> estimate.expected_cents, estimate.at_most_cents
        (144, 300)

        Source: CrowdFlower, `Job Costs
        <https://success.crowdflower.com/hc/en-us/articles/202703165>`_.
        """
        check_count("units_count", units_count)
        fields = pricing.pick({name: self[name] for name in PRICE_FIELDS}, pricing.FIELDS)
        return pricing.estimate(
            fields, units_count, fee_percent=fee_percent, replaced=replaced, quiz_pages=quiz_pages
        )

    @overload
    def launch(
        self,
        units_count: int,
        channels: Sequence[str] = DEFAULT_CHANNELS,
        *,
        key: str | None = None,
        max_cost_cents: int | None = None,
        dry_run: Literal[False] = False,
        on_duplicate: OnDuplicate = "raise",
    ) -> Order: ...
    @overload
    def launch(
        self,
        units_count: int,
        channels: Sequence[str] = DEFAULT_CHANNELS,
        *,
        key: str | None = None,
        max_cost_cents: int | None = None,
        dry_run: Literal[True],
        on_duplicate: OnDuplicate = "raise",
    ) -> DryRun: ...
    @overload
    def launch(
        self,
        units_count: None = None,
        channels: Sequence[str] = DEFAULT_CHANNELS,
        *,
        key: str | None = None,
        max_cost_cents: int | None = None,
        dry_run: Literal[False] = False,
        on_duplicate: OnDuplicate = "raise",
    ) -> Order | None: ...
    @overload
    def launch(
        self,
        units_count: None = None,
        channels: Sequence[str] = DEFAULT_CHANNELS,
        *,
        key: str | None = None,
        max_cost_cents: int | None = None,
        dry_run: Literal[True],
        on_duplicate: OnDuplicate = "raise",
    ) -> DryRun | None: ...
    def launch(
        self,
        units_count: int | None = None,
        channels: Sequence[str] = DEFAULT_CHANNELS,
        *,
        key: str | None = None,
        max_cost_cents: int | None = None,
        dry_run: bool = False,
        on_duplicate: OnDuplicate = "raise",
    ) -> Order | DryRun | None:
        """Order units, which are then shown to contributors and paid for.

        Calls ``POST /jobs/{id}/orders``, once, then polls the job for up to 7 seconds until it
        runs.

        Without ``units_count``, every unit is ordered that is neither ordered nor a test question.
        If there is none, nothing is sent, ``key`` stays free, and the result is ``None``. To count
        them, calls ``GET /jobs/{id}/units/ping`` until the uploaded rows are read, then
        ``GET /jobs/{id}/ping``, ``GET /jobs/{id}/units``, and ``GET /jobs/{job_id}/units/{id}`` for
        at most twenty of them. Among more than twenty, canceled units may be counted: the cost is
        then overestimated, but they are not ordered. Rows that say ``_golden`` and are not test
        questions yet are ordered too, with a warning before that.

        :param units_count: How many units to order, at least 1; this limits the cost. By default
            all that are left.
        :param channels: Where contributors come from; replaces the enabled channels. By default
            ``on_demand``; but without ``units_count``, a job that was launched before keeps its
            channels.
        :param key: Your name for this payment, which is made at most once (an idempotency key).
        :param max_cost_cents: Refuse to order if ``at_most_cents`` of :meth:`estimate`, applied to
            the job as the service has it, is higher. That assumes a share of judgments which are
            replaced; nothing on the service limits it (:doc:`/estimates`).
        :param dry_run: Order nothing; return the request, the estimate, the balance and a list of
            what would be refused or warned of. Sends requests that only read. If
            ``on_duplicate="return"`` would return an earlier order, :attr:`DryRun.earlier
            <crowdflower.payments.records.DryRun.earlier>` is its payment.
        :param on_duplicate: What to do if a payment with this key was started before. ``"raise"``
            raises ``DuplicateOperation``. ``"return"`` returns that order, whatever its count if
            ``units_count`` is not given, and warns of units that are not ordered
            (:attr:`Order.not_ordered`). After a crash it first finds out whether the order was
            placed; if it was never sent, it is now (:ref:`duplicates`). It needs a journal file,
            unless the service remembers keys.
        :returns: The order; ``None`` if there is nothing to order.
        :raises InvalidInput: A setting that the price depends on was assigned but not sent; for
            other settings a warning says so. Or the service does not count ordered units, and
            ``units_count`` is missing. Nothing was sent.
        :raises ConfigError: ``on_duplicate="return"`` without a journal file; nothing was sent.
        :raises OverBudget: The cost may be higher than allowed; nothing was sent.
        :raises PaymentRequired: The balance does not cover the cost.
        :raises ValidationError: The job is not ready; the message says what is missing.
        :raises DuplicateOperation: A payment with this key was started before.
        :raises OutcomeUnknown: The order may have been placed; ``error.reconcile()`` finds out.
        :raises WaitTimeout: The service is still reading uploaded rows, after ten minutes.

        >>> draft = job.copy(all_units=True)
        >>> order = draft.launch(8, channels=["cf_internal"], max_cost_cents=400)
        >>> draft.state, order.nuggeted_units_count
        ('running', 8)
        >>> draft.launch() is None  # all units are ordered
        True
        """
        if max_cost_cents is not None:
            check_cents("max_cost_cents", max_cost_cents)
        given = None if channels is DEFAULT_CHANNELS else channels
        pattern = Launch.pattern_of(self.id, units_count, given)
        shared_key = self._shared_key(key, on_duplicate)
        if not dry_run:
            earlier = None if key is None else self._find_order(key, pattern, on_duplicate)
            if earlier is not None:
                return earlier
            self._check_unsent()
        payment = self._plan_launch(units_count, given, pattern, shared_key)
        if payment is None:
            log.info("job %s: every unit is ordered, or a test question", self.id)
            # Another process may have ordered them under this key while they were counted.
            return None if dry_run or key is None else self._find_order(key, pattern, on_duplicate)
        if dry_run:
            return self._preview(payment, key, max_cost_cents, on_duplicate)
        try:
            order = self.client.operations.pay(payment, key=key, max_cost_cents=max_cost_cents)
        except (OutcomeUnknown, Warning):
            self.expire()  # it is, or may be, launched
            raise
        except (JournalError, ValidationError) as error:
            answer = self._answer_refusal(error, payment, key, on_duplicate)
            if answer is MISSING:
                raise
            return answer
        if payment.was_replayed:
            return self._earlier_order(order, key)
        self._refresh(f"launched, {payment.describe_done(order)}", "running")
        return Order(self, self._client).absorb(order)

    def _shared_key(self, key: str | None, on_duplicate: str) -> str | None:
        """Return what every process calls a payment, if only the service can remember it.

        :raises InvalidInput: The option has no effect, or is misspelled.
        :raises ConfigError: Neither the service nor a file remembers payments.
        """
        if on_duplicate not in {"raise", "return"}:
            raise InvalidInput(
                f"on_duplicate must be 'raise' or 'return', not {on_duplicate!r:.80}"
            )
        if on_duplicate == "raise":
            return None
        if key is None:
            raise InvalidInput("on_duplicate='return' needs a key, your name for this payment")
        operations = self.client.operations
        if operations.journal.path is not None:
            return None
        if not operations.remembers_keys:
            self.ping()  # a response says whether the service remembers keys
        if not operations.remembers_keys:
            raise ConfigError(
                "on_duplicate='return' needs a journal file: without one, the record of payments"
                " ends with this process, and this service does not remember keys; create the"
                " client with Client(journal=PATH), or set CROWDFLOWER_JOURNAL"
            )
        return shared_key(operations, Launch.name, key)

    def _plan_launch(
        self,
        units_count: int | None,
        channels: Iterable[str] | None,
        pattern: PaymentPattern,
        shared_key: str | None,
    ) -> Launch | None:
        """Return a launch, with what the caller left open; ``None`` if there is nothing to order.

        :param pattern: Which earlier payments with the same key are this one.
        :param shared_key: What every process calls it; then every process must send the same
            request, whatever is left to order by then.
        """
        expected = None
        if units_count is None:
            ordered = count_ordered(self.client.operations.journal, self.id)
            units = UnorderedUnits(self.client, self.id, ordered)
            units.wait_for_upload()
            expected = units.count()
            if units.unconverted:
                warn(
                    f"rows that say _golden, but are not test questions: {units.unconverted}. They"
                    " are ordered and paid for like others; call convert_test_questions() first"
                )
            if not expected and not shared_key:
                return None
            units_count = 0 if shared_key else expected
            if channels is None and units.is_launched:
                channels = self._enabled_channels()
        channels = DEFAULT_CHANNELS if channels is None else channels
        launch = self._new_launch(units_count, channels, expected)
        launch.pattern, launch.idempotency_key = pattern, shared_key
        return launch

    def _new_launch(
        self, units_count: int, channels: Iterable[str], expected: int | None = None
    ) -> Launch:
        """Return a launch to pay for; it warns if the service has other units than seen here."""
        seen = None if self._is_expired else self._state.get("units_count")
        seen = seen if isinstance(seen, int) else None
        return Launch(self.id, units_count, channels, seen, expected_count=expected)

    def _check_unsent(self) -> None:
        """Warn of changes that were not sent; refuse those that the price depends on."""
        if problem := self._describe_unsent():
            if not self._pending().keys().isdisjoint(PRICE_FIELDS):
                raise InvalidInput(f"{problem}, or reload() to drop it; nothing was ordered")
            warn(problem)

    def _describe_unsent(self) -> str | None:
        unsent = self._pending()
        were = "was" if len(unsent) == 1 else "were"
        names = " and ".join(unsent)
        return f"{names} {were} assigned but not sent; call update()" if unsent else None

    def _preview(
        self, payment: Launch, key: str | None, max_cost_cents: int | None, on_duplicate: str
    ) -> DryRun:
        """Return what a launch would send and cost, and what would be wrong with it."""
        operations = self.client.operations
        duplicate = None
        if key is not None:
            try:
                operations.find_earlier(key, payment.pattern)
            except DuplicateOperation as error:
                if on_duplicate == "return" and error.operation is not None:
                    if error.operation.state == "applied":
                        return self._preview_earlier(payment, error.operation)
                    duplicate = (
                        f"the order with the key {key!r} may have been placed before (operation"
                        f" {error.operation.op_id}): launch() finds out first, and may return it"
                    )
                else:
                    duplicate = str(error)
            except InvalidInput as error:
                duplicate = str(error)
        job, counts = Job(self.client, id=self.id).reload(), self.ping()
        problems = [self._describe_unsent(), *find_obstacles(job.json), duplicate]
        if job.cml:
            with suppress(CMLError):  # one of the obstacles
                problems += map(str, job.check())
        balance = None
        with suppress(ApiError):
            balance = self.client.get_account().get("balance")
        funds = Funds(max_cost_cents, operations.left_to_spend, balance)
        dry_run = check_launch(payment, operations.preview(payment), {**job.json, **counts}, funds)
        return replace(dry_run, problems=(*filter(None, problems), *(dry_run.problems or ())))

    def _preview_earlier(self, payment: Launch, earlier: Operation) -> DryRun:
        """Return the preview of a launch that would return an order that was placed before."""
        order = self._absorb_order(earlier.result)
        uncovered = self._describe_uncovered(order, earlier.key)
        return replace(
            self.client.operations.preview(payment),
            earlier=earlier,
            problems=() if uncovered is None else (uncovered,),
        )

    def _enabled_channels(self) -> Sequence[str]:
        try:
            return self.channels or DEFAULT_CHANNELS
        except RefusedError:
            return DEFAULT_CHANNELS

    def _find_order(self, key: str, pattern: PaymentPattern, on_duplicate: str) -> Order | None:
        """Return the order that was placed under a key; ``None`` if the key is free."""
        earlier = self.client.operations.find_earlier(key, pattern, on_duplicate)
        return None if earlier is None else self._earlier_order(earlier.result, key)

    def _answer_refusal(
        self, error: ApiError, payment: Launch, key: str | None, on_duplicate: str
    ) -> Order | Missing | None:
        """Return the result of a launch that was not paid; ``MISSING`` if it is an error."""
        if on_duplicate == "raise" or key is None:
            return MISSING
        if isinstance(error, JournalError):  # another process was faster
            return self._find_order(key, payment.pattern, on_duplicate) or MISSING
        if IDEMPOTENCY_KEY in str(error):
            raise InvalidInput(
                f"the key {key!r} names another payment: the service remembers it with another"
                " count or other channels; nothing was ordered"
            ) from error
        if payment.units_count:
            return MISSING
        log.info("job %s: every unit is ordered, or a test question", self.id)
        return None

    def _earlier_order(self, answer: Mapping[str, Any] | None, key: str | None) -> Order:
        """Return an order that was placed before; warn of units that are not ordered.

        :param answer: What the service answered then, if that was recorded.
        """
        self.expire()
        order = self._absorb_order(answer)
        with suppress(ApiError):
            if order.id is not None:
                order.absorb({**order.json, **self.client.get_order(self, order.id).json})
        if uncovered := self._describe_uncovered(order, key):
            warn(uncovered)
        return order

    def _absorb_order(self, answer: Mapping[str, Any] | None) -> Order:
        return Order(self, self._client).absorb(answer or {"job_id": self.id, "type": "Debit"})

    def _describe_uncovered(self, order: Order, key: str | None) -> str | None:
        """Name the units that an order does not cover which was placed before."""
        placed = f"the order with the key {key!r} was placed before"
        try:
            ids = order.not_ordered
        except ApiError as error:
            return f"{placed}; whether units were added to job {self.id} cannot be read: {error}"
        if not ids:
            return None
        them = "it" if len(ids) == 1 else "them"
        return (
            f"job {self.id}: {describe_not_ordered(ids)}; {placed} and does not cover {them}:"
            " launch under another key"
        )

    def pause(self) -> None:
        """Stop handing out units; judgments already open may still arrive.

        Calls ``GET /jobs/{id}/pause``, then polls the job for up to 7 seconds until its state has
        changed.

        :raises ApplicationError: The job was never launched.

        >>> job.pause()
        >>> job.state
        'paused'
        """
        answer = self.client.request("GET", self._path("pause")).body
        self._refresh("paused", "paused", answer)

    def resume(self) -> None:
        """Resume a paused job, or a finished one that has units left.

        Calls ``GET /jobs/{id}/resume``, then polls the job as :meth:`pause` does.

        :raises ApplicationError: The job is neither paused nor finished.

        >>> job.pause()
        >>> job.resume()
        >>> job.state
        'running'
        """
        answer = self.client.request("GET", self._path("resume")).body
        self._refresh("resumed", "running", answer)

    def cancel(self) -> None:
        """End the job for good; ordered judgments that were not collected are refunded.

        Calls ``GET /jobs/{id}/cancel``, then polls the job as :meth:`pause` does.

        :raises ApplicationError: The job was never launched.

        >>> job.cancel()
        >>> job.state
        'canceled'
        """
        answer = self.client.request("GET", self._path("cancel")).body
        self._refresh("canceled", "canceled", answer)

    def ping(self) -> JSONObject:
        """Return counts: units ordered and done, judgments collected and still needed.

        Calls ``GET /jobs/{id}/ping``. Read it with ``.get()``: services of different ages send six
        to ten counts.

        >>> job.ping()["needed_judgments"]
        18
        """
        counts: JSONObject = self.client.request("GET", self._path("ping")).body
        self._counts = dict(counts) if isinstance(counts, dict) else {}
        return counts

    def wait(
        self,
        until: Until = "finished",
        *,
        timeout: float | timedelta | None = None,
        progress: ProgressOption = None,
        stall_after: float | timedelta | None = None,
        max_cost_cents: int | None = None,
        webhooks: EventSource | None = None,
        poll: float | timedelta | None = None,
    ) -> Counts:
        """Wait until the job is finished, or as far as ``until`` says; return its counts.

        Calls ``GET /jobs/{id}/ping`` and ``GET /jobs/{id}``, at once and then every 1 to 60
        seconds: often near the end, rarely while it is far or nothing moves. A failed read, such as
        a lost connection or a server error, is repeated until the time is up. While nothing moves,
        a :class:`~crowdflower.exceptions.StallWarning` says why; for that, calls ``GET /account``
        or ``GET /jobs/{id}/channels``.

        :param until: ``"finished"``: every ordered unit is finalized. An integer: so many units
            are. A fraction up to 1.0: that share of the ordered units is. A function: it returns
            true for the :class:`~crowdflower.models.waiting.counts.Counts`.
        :param timeout: Seconds, or a ``timedelta``, after which to raise; 0 to look once.
        :param progress: ``True`` draws a bar; a function is called with each
            :class:`~crowdflower.progress.Progress`, in finalized units.
        :param stall_after: Seconds, or a ``timedelta``, without a judgment after which to raise.
        :param max_cost_cents: Pause the job, and raise, once it has cost more than this in all its
            orders together, with the service's fee. It is compared at each poll, while this waits.
        :param webhooks: A :meth:`Client.webhook_server
            <crowdflower.client.Client.webhook_server>`, whose notifications end the pause between
            two polls. The job is then polled only once a minute besides.
        :param poll: Seconds, or a ``timedelta``, between two polls, instead of 1 to 60.
        :raises WaitTimeout: The time was up; ``error.counts`` and ``error.state`` are the last.
        :raises JobStalled: No judgment arrived for ``stall_after``; ``error.reason`` says why. It
            is a :class:`~crowdflower.exceptions.WaitTimeout`.
        :raises NothingToWaitFor: The job was never launched, or is canceled, or all that was
            ordered is done and ``until`` is not reached.
        :raises CostLimitReached: The job cost more than ``max_cost_cents``, and was paused.
        :raises InvalidInput: An argument cannot be used.

        >>> from datetime import timedelta
        >>> job.wait(until=2)
        <Counts running: 2 of 8 units, 12 judgments, 18 needed, $0.36>
        >>> contributors = box.crowd.add(12, profile="perfect")
        >>> summary = box.crowd.run(job)
        >>> job.wait(timeout=timedelta(hours=6), progress=print)
        8 of 8 units
        <Counts finished: 8 of 8 units, ... judgments, ...>
        """
        from crowdflower.models.waiting.wait import Limits, Wait  # noqa: PLC0415 - rarely used
        from crowdflower.payments.spending_limit import SpendingLimit  # noqa: PLC0415
        from crowdflower.payments.stall_reasons import find_reason  # noqa: PLC0415

        guard = None
        if max_cost_cents is not None:
            guard = SpendingLimit(self, max_cost_cents, self.pause).check
        return Wait(
            self,
            Goal.parse(until),
            Limits.parse(timeout=timeout, stall_after=stall_after, poll=poll),
            explain=partial(find_reason, self.client, self.id),
            guard=guard,
            fee_percent=pricing.FEE_PERCENT,
            ordered=count_ordered(self.client.operations.journal, self.id),
            webhooks=webhooks,
        ).run(progress)

    def legend(self) -> JSONObject:
        """Return the questions of the form: field to label to possible values.

        Calls ``GET /jobs/{id}/legend``. A service of 2011 maps field to label only.

        >>> job.legend()
        {'sentiment': {'What does the review say?': {'positive': 'Good', 'negative': 'Bad'}}}
        """
        legend: JSONObject = self.client.request("GET", self._path("legend")).body
        return legend

    def get_worker(self, worker_id: int) -> Worker:
        """Return a contributor by the ``worker_id`` of a judgment; sends nothing.

        >>> job.get_worker(judgment.worker_id).flag("Too fast")
        """
        return Worker(self, self._client, id=worker_id)

    # Results

    @property
    def judgment_aggregates(self) -> list[JudgmentAggregate]:
        """The units that have judgments, with aggregated answers; fetched once.

        Calls ``GET /jobs/{id}/judgments``, once per hundred units.

        >>> [aggregate.state for aggregate in job.judgment_aggregates]
        ['golden', 'golden', 'finalized', 'finalized']
        """
        if "_judgment_aggregates" not in self.__dict__:
            self._judgment_aggregates = list(self.client.get_judgmentaggregates(self))
        return self._judgment_aggregates

    def get_judgment(self, judgment_id: int) -> Judgment:
        """Fetch one judgment.

        Calls ``GET /jobs/{job_id}/judgments/{id}``.

        >>> job.get_judgment(judgment.id).data
        {'sentiment': 'positive'}
        """
        return self.client.get_judgment(self, judgment_id)

    def get_results_report(self) -> list[Unit]:
        """Return all units with their trusted judgments and aggregated answers.

        Calls ``GET /jobs/{id}.csv`` for the JSON report; :meth:`results` does so in bounded memory,
        and adds the judgments of contributors who lost trust.

        :raises ReportNotReady: The report was not built within half an hour.
        :raises ReportCorrupt: The archive is damaged.

        >>> len(job.get_results_report()) == job.units_count
        True
        """
        return self.client.get_report(self)

    def results(self, *, untrusted: bool = True, progress: ProgressOption = None) -> Results[Unit]:
        """Return all units with their judgments and aggregated answers, one at a time.

        The iterator has :meth:`to_pandas`, ``to_polars`` and ``to_arrow``, which return all of it
        as a table. Nothing is requested before the first unit is taken, or a table is made. Calls
        ``GET /jobs/{id}.csv`` for the JSON report, which is stored in a temporary file. The
        report leaves out the judgments of contributors who lost trust, though it counts them in
        :attr:`Unit.judgments_count` and in the agreement. For each unit that lacks some, calls
        ``GET /jobs/{job_id}/units/{id}/judgments`` and adds them.

        :param untrusted: Whether to add them. ``False`` yields the report as it is, with one
            request whatever the number of units. Tables of results do not need them.
        :param progress: Reports the bytes of the download; see :meth:`Client.download_report`.
        :raises ReportNotReady: The report was not built within half an hour.
        :raises ReportCorrupt: The archive is damaged.

        >>> for unit in job.results():
        ...     if unit.state == "finalized":
        ...         print(unit.data["review"], "-", unit.get_aggregate("sentiment"))
        Broke on the second day. - negative
        Exactly what I was looking for. - positive
        """
        items = partial(self._yield_results, untrusted=untrusted, progress=progress)
        source = partial(self._report_source, progress)
        return Results(f"results of job {self._state.get('id')}", items, source)

    def to_pandas(
        self, since: datetime | date | None = None, *, progress: ProgressOption = None
    ) -> pd.DataFrame:
        """Return the results as a pandas data frame, one row per unit.

        There is a column for each column of the rows, for each question, and for each confidence;
        :doc:`/pandas` lists all of them with their types. The JSON report is read as a stream, so
        that memory is needed for the data frame and little more. Calls ``GET /jobs/{id}.csv``; with
        ``since`` also ``POST /jobs/{id}/regenerate`` and ``GET /jobs/{id}``.

        :param since: Only units that were finalized later than this: a datetime with a time zone,
            or a date, which is its midnight in UTC. The latest ``finalized_at`` of one table,
            passed to the next call, gives a series of tables in which each finalized unit comes
            once. As long as a job changes, its results of the last five seconds are left to the
            next call. ``None`` is all units, finalized or not.
        :param progress: Reports the bytes of the download; see :meth:`Client.download_report`.
        :raises InvalidInput: ``since`` has no time zone, or is neither; nothing was sent.
        :raises ImportError: pandas is not installed.
        :raises ReportNotReady: The report was not built within half an hour.
        :raises ReportCorrupt: The archive is damaged.

        >>> frame = job.to_pandas()
        >>> frame.loc[frame["state"] == "finalized", ["review", "sentiment"]].values.tolist()
        [['Broke on the second day.', 'negative'], ['Exactly what I was looking for.', 'positive']]
        >>> len(job.to_pandas(since=frame["finalized_at"].max()))
        0
        """
        return self.results(progress=progress).to_pandas(since)

    def to_polars(
        self, since: datetime | date | None = None, *, progress: ProgressOption = None
    ) -> pl.DataFrame:
        """Return the results as a polars data frame; see :meth:`to_pandas`.

        Calls ``GET /jobs/{id}.csv``, as :meth:`to_pandas` does.

        :raises ImportError: polars is not installed; pandas, numpy and pyarrow are not needed.

        >>> job.to_polars().filter(state="finalized")["sentiment"].to_list()
        ['negative', 'positive']
        """
        return self.results(progress=progress).to_polars(since)

    def to_arrow(
        self, since: datetime | date | None = None, *, progress: ProgressOption = None
    ) -> pa.Table:
        """Return the results as an Arrow table; see :meth:`to_pandas`.

        Calls ``GET /jobs/{id}.csv``, as :meth:`to_pandas` does.

        :raises ImportError: pyarrow is not installed.

        >>> job.to_arrow().schema.field("finalized_at").type
        TimestampType(timestamp[us, tz=UTC])
        """
        return self.results(progress=progress).to_arrow(since)

    def _yield_results(self, *, untrusted: bool, progress: ProgressOption) -> Iterator[Unit]:
        rows = self._report_rows(untrusted=untrusted, progress=progress)
        return starmap(partial(Unit._of_report, self, self._client), rows)  # noqa: SLF001 - one family

    def _report_rows(
        self, *, untrusted: bool, progress: ProgressOption
    ) -> Iterator[tuple[JSONObject, bytes]]:
        """Yield the JSON of units with the line of the report, which is empty if it has less."""
        for row, line in self.client._report_units(self, progress, may_be_empty=True):  # noqa: SLF001 - one family
            every = self._all_judgments(row) if untrusted else None
            if every is None:
                yield row, line
            else:
                yield {**row, "results": {**row["results"], "judgments": every}}, b""

    def _all_judgments(self, row: JSONObject) -> list[JSONObject] | None:
        """Return all judgments of a unit if the report leaves some out; otherwise ``None``."""
        unit_id: Any = row.get("id")
        results = row.get("results")
        listed = judgments_in(unit_id, results)
        if results and "judgments" in results and lacks_judgments(row, listed):
            return [each.json for each in self.client.get_unit_judgments(self, unit_id)]
        return None

    def _report_source(self, progress: ProgressOption) -> ReportSource:
        """Return what tables are read from."""
        client = self.client
        return ReportSource(
            Questions.of(parsed_form(self), self.fields),
            units=lambda: (
                unit
                for unit, _ in client._report_units(self, progress, may_be_empty=True)  # noqa: SLF001
            ),
            regenerate=partial(client.regenerate_report, self),
            read_job=lambda: client.request("GET", self._path()).body,
            judgments_of=lambda unit: [each.json for each in client.get_unit_judgments(self, unit)],
            clock=client.clock,
            texts=lambda count: client._read_report(self, report_archive.texts, count, progress),  # noqa: SLF001
        )

    def votes(self, field: str | None = None) -> Iterator[tuple[int, int, Any]]:
        """Yield every answer that counts, as ``(unit id, worker id, answer)``.

        Judgments of contributors who lost trust are left out, and so are blank answers. The answer
        to a question with several answers is a list, which is empty if a contributor chose none;
        that of a single checkbox too. Aggregation methods, here and in other libraries, start from
        this table. Calls ``GET /jobs/{id}.csv``, as :meth:`results` does.

        :param field: The field of the form; optional if it has only one.
        :raises InvalidInput: The form has no such field; or ``field`` is missing, and the form has
            several fields or none. Nothing was sent.

        >>> next(job.votes("sentiment"))[2]
        'positive'
        """
        found = choose_field(self, field)
        rows = ((unit.id, unit.results) for unit in self.results(untrusted=False))
        answers = votes(rows, found.name, chose_none=found.chose_none)
        if not found.multiple:
            return answers
        return ((u, w, each if isinstance(each, list) else [each]) for u, w, each in answers)

    def aggregate(
        self, method: str = "hierarchical-dawid-skene", field: str | None = None, **settings: Any
    ) -> Consensus[int, int, Any]:
        """Aggregate the answers with a method other than the service's own.

        The page on aggregation helps to choose one. Calls ``GET /jobs/{id}.csv``, as
        :meth:`results` does.

        :param method: ``hierarchical-dawid-skene``, ``majority``, ``wawa``, ``one-coin`` or
            ``dawid-skene``.
        :param field: The field of the form; optional if it has only one.
        :param settings: Options of the method, such as ``known={unit_id: label}`` of
            :func:`~crowdflower.quality.hierarchical_dawid_skene`, which gets the ``options`` of the
            question by default.
        :returns: A label and probabilities per unit id, a skill per worker id. For a question with
            several answers the label is a list of options, as of
            :func:`~crowdflower.quality.multiple_choice`. If contributors gave too few votes each, a
            warning says so.
        :raises ValueError: The method does not exist, or the errors of :meth:`votes`; nothing was
            sent.

        >>> consensus = job.aggregate("majority")
        >>> consensus.labels[job.units[2].id]
        'negative'
        """
        from crowdflower import quality  # noqa: PLC0415 - rarely used

        consensus = self._find_consensus(method, choose_field(self, field), settings)
        if consensus.few_votes:
            default = quality.DEFAULT_METHOD
            so = "so all votes count nearly the same"
            warn(
                f"the median number of votes per contributor is {consensus.votes_per_worker:g}: "
                f"too few for {method} to learn how reliable each is"
                + (f", {so}" if method == default else f"; use {default} or majority")
            )
        return consensus

    def _find_consensus(
        self, method: str, question: JobField, settings: dict[str, Any]
    ) -> Consensus[int, int, Any]:
        from crowdflower import quality  # noqa: PLC0415 - rarely used

        quality.check_method(method)
        given = list(self.votes(question.name))
        if any(isinstance(answer, list) for *_, answer in given):
            each_a_list = ((u, w, a if isinstance(a, list) else [a]) for u, w, a in given)
            return quality.multiple_choice(each_a_list, method=method, **settings)
        if method == quality.DEFAULT_METHOD and question.options:
            every = dict.fromkeys([*question.options, *(answer for *_, answer in given)])
            settings.setdefault("options", every)
        return quality.run_method(method, given, **settings)

    def agreement(
        self,
        field: str | None = None,
        method: str = "krippendorff",
        *,
        level: str | None = None,
        workers: tuple[int, int] | None = None,
        resamples: int = 1000,
        seed: int = 0,
    ) -> Agreement:
        """Return how much contributors agree beyond chance, with a 95 % interval.

        :doc:`/agreement` helps to choose a method. The answers are those of :meth:`votes`, without
        test questions. Calls ``GET /jobs/{id}.csv``, as :meth:`results` does.

        :param field: The field of the form; optional if it has only one.
        :param method: ``krippendorff`` (alpha), ``fleiss`` or ``cohen`` (kappa), or ``percent``.
        :param level: For ``krippendorff``, how different two answers are, see
            :func:`~crowdflower.quality.krippendorff_alpha`. By default ``nominal`` for options,
            ``ordinal`` for ratings, ``interval`` for other numbers that are averaged, and
            ``jaccard`` for questions with several answers.
        :param workers: Only the answers of these two contributors, as ``cohen`` needs.
        :param resamples: Bootstrap samples for the interval; 0 for none.
        :param seed: Of the bootstrap: the same seed gives the same interval.
        :raises ValueError: The method or the level does not exist, or an answer does not fit it; or
            the errors of :meth:`votes`.

        >>> job.agreement("sentiment", resamples=0)
        <Agreement 1.000: krippendorff, nominal, 6 answers of 3 workers to 2 units>
        """
        from crowdflower import quality  # noqa: PLC0415 - rarely used

        quality.check_agreement_method(method, level)
        question = choose_field(self, field)
        settings: dict[str, Any] = {}
        if method == quality.DEFAULT_AGREEMENT:
            settings["level"] = level = level or self._level_of(question)
            if level == "ordinal" and not question.are_options_numbers:
                settings["order"] = question.options
        rows = (
            (row["id"], row.get("results"))
            for row in self._report_source(None).units()
            if row.get("state") not in GOLD_STATES
        )
        given: Iterable[tuple[int, int, Any]] = votes(
            rows, question.name, chose_none=question.chose_none
        )
        present: set[int] = set()
        if workers is not None:
            given = [vote for vote in given if vote[1] in workers]
            present = {worker for _, worker, _ in given}
        if question.multiple:
            given = ((u, w, a if isinstance(a, list) else [a]) for u, w, a in given)
        found = quality.measure_agreement(method, given, **settings, resamples=resamples, seed=seed)
        absent = [repr(each) for each in workers or () if each not in present]
        if absent and found.value is None:
            who = (
                f"workers {' and '.join(absent)} have" if absent[1:] else f"worker {absent[0]} has"
            )
            return replace(found, reason=f"{who} no answers to {question.name!r}")
        return found

    def _level_of(self, question: JobField) -> str:
        """Return the level of measurement of a question."""
        if question.multiple:
            return "jaccard"
        if question.question is not None and question.question.kind == "ratings":
            return "ordinal"
        return "interval" if (self.fields or {}).get(question.name) == "avg" else "nominal"

    def doubtful(
        self,
        field: str | None = None,
        limit: int = 100,
        *,
        method: str = "hierarchical-dawid-skene",
    ) -> UnitList[Unit]:
        """Return the finalized units whose answers are most likely wrong, the most doubtful first.

        The doubt about a unit is the probability that its label is wrong, by the consensus of a
        method; of units with the same, those whose probability is spread more evenly come first,
        then the order of the rows decides. For a question with several answers, the most doubtful
        option counts. Test questions are left out. :meth:`request_more_judgments` asks again.
        Calls ``GET /jobs/{id}.csv`` twice, as :meth:`results` does.

        :param field: The field of the form; optional if it has only one.
        :param limit: How many units at most.
        :param method: As of :meth:`aggregate`.
        :raises InvalidInput: The field has no options to choose from, or the errors of
            :meth:`votes`; nothing was sent.

        >>> [unit.data["review"] for unit in job.doubtful("sentiment", limit=1)]
        ['Broke on the second day.']
        """
        from crowdflower.quality import doubt  # noqa: PLC0415 - rarely used

        check_count("limit", limit)
        question = choose_field(self, field)
        if question.question is not None and not question.options:
            raise InvalidInput(
                f"the field {question.name!r} has no options to choose from, so its answers have no"
                " doubt; pass another field"
            )
        consensus = self._find_consensus(method, question, {})
        ranked = (
            (doubt(consensus, row["id"]), -place, row)
            for place, row in enumerate(self._report_source(None).units())
            if row.get("state") == "finalized" and row["id"] in consensus.labels
        )
        rows = nlargest(limit, ranked, key=itemgetter(0, 1))
        return UnitList(Unit(self, self._client).absorb(row) for *_, row in rows)

    @overload
    def request_more_judgments(
        self,
        units: Iterable[Unit | int],
        count: int,
        *,
        key: str,
        max_cost_cents: int,
        dry_run: Literal[False] = False,
    ) -> JudgmentRequests: ...
    @overload
    def request_more_judgments(
        self,
        units: Iterable[Unit | int],
        count: int,
        *,
        key: str,
        max_cost_cents: int,
        dry_run: Literal[True],
    ) -> tuple[DryRun, ...]: ...
    def request_more_judgments(
        self,
        units: Iterable[Unit | int],
        count: int,
        *,
        key: str,
        max_cost_cents: int,
        dry_run: bool = False,
    ) -> JudgmentRequests | tuple[DryRun, ...]:
        """Collect more judgments for several units, at most once each, under one limit of cost.

        Each unit is a payment of its own (see :meth:`Unit.request_more_judgments`), which a journal
        file remembers. After an error or a crash, the same call with the same key continues: it
        leaves out the units that were paid. If it is unknown whether a unit was paid, it is never
        paid again; the others are paid first. Calls ``GET /jobs/{id}``, and for each unit
        ``POST /jobs/{job_id}/units/{id}/request_more_judgments``.

        :param units: Units of this job, or their ids, for example those of :meth:`doubtful`.
        :param count: How many more for each unit, at least 1.
        :param key: Your name for all of these payments (an idempotency key).
        :param max_cost_cents: Refuse to request any if all of them together may cost more.
        :param dry_run: Return the requests and send nothing.
        :returns: Which units were requested now, and which by an earlier call with this key.
        :raises InvalidInput: An argument cannot be used, or a unit is of another job; nothing was
            sent.
        :raises OverBudget: The cost may be higher than allowed; nothing was sent.
        :raises OutcomeUnknown: The judgments of some units may have been requested; those of all
            others were.
        :raises RefusedError: The service refused a unit; a note of the error says how many were
            requested before it.

        >>> doubtful = job.doubtful("sentiment", limit=2)
        >>> done = job.request_more_judgments(doubtful, 1, key="doubtful may", max_cost_cents=50)
        >>> len(done.requested), done.at_most_cents
        (2, 24)
        >>> again = job.request_more_judgments(doubtful, 1, key="doubtful may", max_cost_cents=50)
        >>> len(again.requested), len(again.requested_before)
        (0, 2)
        """
        check_cents("max_cost_cents", max_cost_cents)
        ids = [self._id_of(unit) for unit in units]
        payments = UnitPayments(self.client.operations, self.id, ids, count, key)
        if dry_run:
            return payments.preview()
        shape = partial(shapes.json_object, kind="job")
        current = self.client.request("GET", self._path(), shape=shape).body
        self.expire()  # its state and counts change
        return payments.pay(current, max_cost_cents)

    def _id_of(self, unit: Unit | int) -> int:
        """Return the id of a unit, unless it is of another job."""
        if isinstance(unit, Unit):
            if unit.job.id != self.id:
                raise InvalidInput(f"unit {unit.id} is of job {unit.job.id}, not of job {self.id}")
            return unit.id
        return unit

    def judgments(
        self, *, untrusted: bool = True, progress: ProgressOption = None
    ) -> Judgments[Judgment]:
        """Return all judgments, one at a time, unit by unit.

        The iterator has ``to_pandas``, ``to_polars`` and ``to_arrow``, which return all of it as a
        table with one row per judgment; :doc:`/pandas` lists the columns. Calls
        ``GET /jobs/{id}.csv``, as :meth:`results` does. For a job with at most 20 units, one
        request per unit is faster: calls ``GET /jobs/{id}/units`` and
        ``GET /jobs/{id}/units/{id}/judgments``. Tables are always made from the report.

        :param untrusted: Whether to include the judgments of contributors who lost trust, which
            costs a request for each unit that has some. ``False`` yields those of the report.
        :param progress: Reports the bytes of the download; see :meth:`Client.download_report`.

        >>> len(list(job.judgments())) == job.judgments_count
        True
        >>> job.judgments().to_pandas().groupby("worker_id")["trust"].first().tolist()
        [1.0, 1.0, 1.0]
        """
        items = partial(self._yield_judgments, untrusted=untrusted, progress=progress)
        source = partial(self._report_source, progress)
        title = f"judgments of job {self._state.get('id')}"
        return Judgments(title, items, source, untrusted=untrusted)

    def _yield_judgments(self, *, untrusted: bool, progress: ProgressOption) -> Iterator[Judgment]:
        is_small = self.units_count is not None and self.units_count <= FEW_UNITS
        if is_small and untrusted:
            for promise in self.client.get_units(self):
                yield from promise.get_judgments()
        else:
            for row, _ in self._report_rows(untrusted=untrusted, progress=progress):
                for data in judgments_in(row.get("id"), row.get("results")):
                    yield Judgment._of(self, self._client, data)  # noqa: SLF001 - one family

    def download_report(
        self,
        type_: ReportType,
        path: str | PathLike[str],
        overwrite: bool = False,
        *,
        progress: ProgressOption = None,
        **how: Any,
    ) -> Path:
        """Download a report to a file. See :meth:`Client.download_report`.

        Calls ``GET /jobs/{id}.csv``.

        >>> job.download_report("aggregated", "answers.csv").name
        'answers.csv'
        """
        return self.client.download_report(self, type_, path, overwrite, progress=progress, **how)

    def regenerate(self, type_: ReportType = "json") -> None:
        """Have a report rebuilt; the next download waits for it.

        Calls ``POST /jobs/{id}/regenerate``.

        >>> job.regenerate("full")
        """
        self.client.regenerate_report(self, type_)

    def _read(self, key: str) -> Any:
        is_known = key == "id" or key in self._changes
        if self._is_expired and not is_known and self._client is not None:
            self._refresh("changed")
        return super()._read(key)

    def _learn(self, answer: Mapping[str, Any]) -> None:
        super()._learn(answer)
        self.__dict__["_is_expired"] = False
        self.__dict__.pop("_counts", None)

    def _summary(self) -> str:
        return summarize_job(self._state, self._counts, is_expired=self._is_expired)

    def _details(self) -> Iterable[tuple[str, object]]:
        state = {**self._state, **self._changes}
        return job_details(state, self._counts, self._pending())


def _need_key(resume: object, *, live: bool) -> None:
    """Refuse arguments that have an effect only with ``key``."""
    if resume is not None or live:
        raise InvalidInput("resume and live require key, the column that identifies a row")
