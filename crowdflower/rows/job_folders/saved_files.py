"""Pull: writes a job to its folder, and loses no edit that was made there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crowdflower.exceptions import EditConflict
from crowdflower.job_files.change_text import name_of, setting_lines
from crowdflower.job_files.comparison import changed_settings
from crowdflower.job_files.content import JobContent
from crowdflower.job_files.folder import JobFolder
from crowdflower.job_files.merge import Merged, merge
from crowdflower.job_files.pull_record import PullRecord, read_record, write_record
from crowdflower.job_files.setting_names import ROWS_FILE
from crowdflower.rows.job_folders.job_reader import JobReader


def save_files(
    reader: JobReader, job: Mapping[str, Any], folder: JobFolder, *, rows: bool, force: bool
) -> list[Path]:
    """Write a job to a folder; return the files that were replaced.

    :param job: Its JSON, as the service has it now.
    :param rows: Also write its rows.
    :param force: Replace edits that the job does not have.
    :raises JobFileError: A file cannot be read or replaced.
    :raises EditConflict: Edits would be lost, or the folder belongs to another job.
    """
    record = read_record(folder, reader.base_url)
    if record is not None and not record.is_of(job):
        if not force and record.job_id != job["id"]:
            raise EditConflict(
                f"{folder.path} has job {record.job_id}, not {job['id']}: pull into another folder,"
                " or replace it with force"
            )
        record = None
    here = JobContent() if force else folder.read_partly()  # which may be unreadable
    there = reader.content(job)
    merged = merge(here, there, record)
    if merged.lost and not force:
        raise EditConflict(_describe_lost(merged, here, there, folder))
    if rows and not force:
        _refuse_to_replace_rows(folder, record)
    content = JobContent(there.settings, there.test_questions) if force else merged.content
    paths = folder.write(content, reader.rows(job, there) if rows else None)
    now = record or PullRecord(job["id"], str(job.get("created_at") or ""))
    now.learn(folder.read_partly(), there, frozenset() if force else merged.kept)
    if rows:
        now.rows = folder.digest(ROWS_FILE)
    write_record(folder, reader.base_url, now)
    return paths


def _describe_lost(merged: Merged, here: JobContent, there: JobContent, folder: JobFolder) -> str:
    """Return which edits would be lost, and for settings of one line also their values."""
    names = ", ".join(map(name_of, merged.lost))
    changes = [each for each in changed_settings(here, there) if each.name in merged.lost]
    lines = [line.strip() for line in setting_lines(changes) if " -> " in line]
    values = f" ({'; '.join(lines)})" if lines else ""
    return (
        f"edits in {folder.path} would be lost: {names}{values}; push them, or replace them with"
        " force"
    )


def _refuse_to_replace_rows(folder: JobFolder, record: PullRecord | None) -> None:
    now = folder.digest(ROWS_FILE)
    if now and now != (record.rows if record else ""):
        raise EditConflict(
            f"{folder.path / ROWS_FILE} was not written by the last pull, or was edited since: move"
            " it away, or replace it with force"
        )
