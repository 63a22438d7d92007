"""Compares a folder with its job: what a push would change, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final

from crowdflower._types import MISSING, JSONObject
from crowdflower.cml import CMLError, parse
from crowdflower.exceptions import NotFound
from crowdflower.job_files.change_text import name_of
from crowdflower.job_files.comparison import (
    QUESTIONS,
    QuestionChange,
    SettingChange,
    absent_settings,
    changed_questions,
    changed_settings,
    digest,
    questions_digest,
)
from crowdflower.job_files.content import JobContent
from crowdflower.job_files.folder import JobFolder
from crowdflower.job_files.pull_record import PullRecord, read_record
from crowdflower.job_files.setting_names import NOT_SENT, ONLY_ON_CREATION, TEXT_FILES
from crowdflower.rows.job_folders.job_changes import JobChanges
from crowdflower.rows.job_folders.job_reader import JobReader

REQUIRED: Final = ("title", "instructions", "cml")
"""Settings without which the service reports a change as a success, and keeps nothing."""

DELETABLE_STATES: Final = ("unordered", "paused")
"""States of a job in which test questions can be deleted."""

MAX_NAMES: Final = 6
"""How many settings a note lists."""

MAX_ROWS: Final = 10_000
"""Rows whose columns are compared with those that the form prints."""


@dataclass(frozen=True)
class FolderComparison:
    """Compares a folder with its job.

    :param reader: Reads jobs of the account.
    :param folder: The folder.
    :param job: Id or alias of the job; by default the job of the last pull or push, otherwise the
        one with the alias in the folder.
    :param create: Whether a job that does not exist is to be created.
    :param delete: Whether test questions that the folder lacks are to be deleted.
    :param rows: Whether the rows are to be uploaded.
    """

    reader: JobReader
    folder: JobFolder
    job: int | str | None = None
    create: bool = False
    delete: bool = False
    rows: bool = False

    def changes(self, content: JobContent) -> JobChanges:
        """Return what a push would change; sends only reads.

        :param content: What the folder has.
        :raises JobFileError: The rows in the folder cannot be read.
        :raises NotFound: The job does not exist, and is not to be created.
        """
        return self.changes_of(content, self._find(content))

    def changes_of(self, content: JobContent, job: JSONObject | None) -> JobChanges:
        """Return what a push would change in a job, or in one that does not exist yet."""
        there = JobContent() if job is None else self.reader.content(job)
        record = None if job is None else self.record(job)
        settings = tuple(_unsynced(changed_settings(content, there), record))
        questions = tuple(changed_questions(content, there))
        if record and record.is_same(QUESTIONS, questions_digest(content), questions_digest(there)):
            questions = tuple(each for each in questions if each.after is None)
        names = {each.name for each in settings} | ({QUESTIONS} if questions else set())
        problems, is_usable = self._form_problems(content, job)
        return JobChanges(
            job or {},
            tuple(each for each in settings if each.name not in NOT_SENT),
            questions,
            tuple(sorted(record.changed_there(there) & names)) if record else (),
            tuple(_notes(content, there, settings, questions, deletes=self.delete)),
            problems,
            tuple(self._refusals(content, there, job, settings, questions)),
            form_is_usable=is_usable,
            deletes=self.delete,
        )

    def record(self, job: Mapping[str, Any]) -> PullRecord | None:
        """Return what the folder knows of a job."""
        record = read_record(self.folder, self.reader.base_url)
        return record if record is not None and record.is_of(job) else None

    def _find(self, content: JobContent) -> JSONObject | None:
        """Return the job to compare with; ``None`` if it is to be created."""
        if self.job is not None:
            job = self.reader.find(self.job)
            if job is None:
                raise NotFound(f"this account has no job {self.job!r:.80}")
            return job
        record = read_record(self.folder, self.reader.base_url)
        if record is not None:
            job = self.reader.find(record.job_id)
            if job is not None and record.is_of(job):
                return job
        alias = content.settings.get("alias")
        job = self.reader.find(alias) if isinstance(alias, str) and alias else None
        if job is None and not self.create:
            known = f"no job with the alias {alias!r:.80}" if alias else "no job of this folder"
            raise NotFound(
                f"{self.folder.path}: this account has {known}; name its job, or create it"
            )
        return job

    def _form_problems(
        self, content: JobContent, job: JSONObject | None
    ) -> tuple[tuple[str, ...], bool]:
        """Return the probable mistakes in the form, and whether it can be used."""
        file = TEXT_FILES["cml"]
        cml = content.settings.get("cml")
        if not isinstance(cml, str) or not cml:
            return (), True
        try:
            form = parse(cml)
        except CMLError as error:
            return tuple(f"{file}:{each}" for each in error.problems), False
        columns: dict[str, None] = {}
        for row in self._rows_with_columns(content, job) if form.columns else ():
            columns.update(dict.fromkeys(row))
            if form.columns.keys() <= columns.keys():
                break
        found = [*form.warnings, *(form.missing_columns(columns) if columns else ())]
        return tuple(f"{file}:{each}" for each in found), True

    def _rows_with_columns(
        self, content: JobContent, job: JSONObject | None
    ) -> Iterator[JSONObject]:
        units = (data for _, data in self.reader.list_units(job["id"])) if job else ()
        questions = (each.data for each in content.test_questions or ())
        return chain(questions, islice(self.folder.rows(), MAX_ROWS), islice(units, MAX_ROWS))

    def _refusals(
        self,
        content: JobContent,
        there: JobContent,
        job: JSONObject | None,
        settings: tuple[SettingChange, ...],
        questions: tuple[QuestionChange, ...],
    ) -> Iterator[str]:
        """Yield why the service would refuse a change, or would keep none."""
        have = {**there.settings, **content.settings}
        missing = [name_of(name) for name in REQUIRED if not have.get(name)]
        if missing and (settings or job is None):
            yield (
                f"{' and '.join(missing)} must not be empty: without title, instructions and form"
                " the API keeps no change"
            )
        if job is not None:
            for each in settings:
                if each.name in ONLY_ON_CREATION:
                    yield f"{each.name} can only be set when the job is created"
            if self.delete:
                yield from _undeletable(job, questions)
        if self.rows:
            yield from self._refused_rows(content, job)

    def _refused_rows(self, content: JobContent, job: JSONObject | None) -> Iterator[str]:
        if not self.folder.has_rows:
            yield f"{self.folder.path} has no rows to upload"
        if content.settings.get("auto_order") is True or (job or {}).get("auto_order") is True:
            yield (
                "auto_order is on: rows would be ordered as they are uploaded, which spends money;"
                " upload them with job.upload()"
            )
        count = rows_count(job)
        if count and count != sum(1 for _ in self.folder.rows()):
            yield f"the job has {count} rows already; upload more with job.upload()"


def _is_line(name: str) -> bool:
    """Return whether a setting is a line or a table of the settings file: files come first."""
    return name_of(name) == name


def rows_count(job: Mapping[str, Any] | None) -> int:
    """Return how many rows a job has, test questions not counted."""
    job = job or {}
    return int(job.get("units_count") or 0) - int(job.get("golds_count") or 0)


def _unsynced(
    changes: Iterator[SettingChange], record: PullRecord | None
) -> Iterator[SettingChange]:
    """Yield the changes that are not merely how the service shows what it was sent."""
    for each in changes:
        there = "" if each.before is MISSING else digest(each.name, each.before)
        if not (record and record.is_same(each.name, digest(each.name, each.after), there)):
            yield each


def _undeletable(job: Mapping[str, Any], questions: tuple[QuestionChange, ...]) -> Iterator[str]:
    gone = [each.before for each in questions if each.before and each.after is None]
    if gone and job.get("state") not in DELETABLE_STATES:
        yield f"the job is {job.get('state')}: pause it to delete test questions"
    judged = sum(1 for each in gone if each.judgments_count)
    if judged:
        yield (
            f"{judged} of the test questions to delete have judgments, and cannot be deleted; keep"
            " them in the file, with the state hidden_gold if they should count less"
        )


def _notes(
    content: JobContent,
    there: JobContent,
    settings: tuple[SettingChange, ...],
    questions: tuple[QuestionChange, ...],
    *,
    deletes: bool,
) -> Iterator[str]:
    """Yield what a push leaves as it is."""
    absent = absent_settings(content, there)
    if absent:
        names = [name_of(each) for each in sorted(absent, key=_is_line)]
        more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
        listed = ", ".join(names[:MAX_NAMES])
        yield f"not in the folder, and left as it is in the job: {listed}{more}"
    gone = sum(1 for each in questions if each.after is None)
    if gone and not deletes:
        yield f"test questions that are not in the folder, and stay in the job: {gone}"
    if any(each.name in NOT_SENT for each in settings):
        yield (
            "the columns of accepted answers in [gold] differ, and no push sets them: call"
            " job.mark_test_questions(check, with_)"
        )
