"""``.crowdflower.json``: what the folder and the job had in common when they were last the same.

It tells an edit in the folder from a change of the job by someone else. One folder may belong to
jobs of several services, such as a sandbox and the real one. The file has hashes and no content of
the job; it belongs into version control.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from crowdflower._types import JSONObject
from crowdflower.job_files.comparison import digests
from crowdflower.job_files.content import JobContent
from crowdflower.job_files.file_error import JobFileError
from crowdflower.job_files.folder import JobFolder

RECORD_FILE: Final = ".crowdflower.json"
VERSION: Final = 1


@dataclass
class PullRecord:
    """The job that a folder belongs to on one service.

    :param job_id: Its id.
    :param created_at: When it was created, since a sandbox that starts again has other jobs.
    :param same: Name of a setting to its hash in the folder and in the job; they may differ, since
        a service may change what it is sent, as in the case of a title.
    :param rows: Hash of the file of rows as it was written.
    """

    job_id: int
    created_at: str = ""
    same: dict[str, tuple[str, str]] = field(default_factory=dict)
    rows: str = ""

    def is_of(self, job: Mapping[str, Any]) -> bool:
        """Return whether this is the job that the folder belongs to."""
        return self.job_id == job["id"] and self.created_at == str(job.get("created_at") or "")

    def changed_there(self, content: JobContent) -> set[str]:
        """Return what was changed in the job since; what it did not show before is not known."""
        now = digests(content)
        return {name for name, (_, before) in self.same.items() if now.get(name, "") != before}

    def is_same(self, name: str, here: str, there: str) -> bool:
        """Return whether neither the folder nor the job has changed since."""
        return self.same.get(name) == (here, there)

    def learn(
        self, folder: JobContent, job: JobContent, kept: Collection[str] = frozenset()
    ) -> None:
        """Remember what both have now.

        :param kept: Names of edits in the folder that the job does not have yet.
        """
        here, there = digests(folder), digests(job)
        before = {name: each for name, each in self.same.items() if name in kept}
        now = {name: (here.get(name, ""), there.get(name, "")) for name in {**here, **there}}
        self.same = now | before


def read_record(folder: JobFolder, base_url: str) -> PullRecord | None:
    """Return what the folder knows of its job on a service; ``None`` if that is nothing.

    :raises JobFileError: The file cannot be used.
    """
    found = _jobs(folder).get(base_url)
    if found is None:
        return None
    try:
        same = {str(name): _pair(hashes) for name, hashes in found["same"].items()}
        rows = str(found.get("rows", ""))
        return PullRecord(int(found["job"]), str(found["created_at"]), same, rows)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise _unusable(folder) from None


def write_record(folder: JobFolder, base_url: str, record: PullRecord) -> None:
    """Store what the folder knows of its job on a service.

    :raises JobFileError: The file cannot be used, or not be written.
    """
    entry = {
        "job": record.job_id,
        "created_at": record.created_at,
        "rows": record.rows,
        "same": {
            name: here if here == there else [here, there]
            for name, (here, there) in record.same.items()
        },
    }
    jobs = {**_jobs(folder), base_url: entry}
    text = json.dumps({"version": VERSION, "jobs": jobs}, indent=1, sort_keys=True)
    data = f"{text}\n".encode()
    if folder.read_file(RECORD_FILE) != data:
        folder.replace(RECORD_FILE, [data])


def _pair(hashes: Any) -> tuple[str, str]:
    here, there = (hashes, hashes) if isinstance(hashes, str) else hashes
    return str(here), str(there)


def _jobs(folder: JobFolder) -> Mapping[str, Any]:
    content = folder.read_file(RECORD_FILE)
    if content is None:
        return {}
    try:
        found: JSONObject = json.loads(content)
        version, jobs = found["version"], dict(found["jobs"])
    except (KeyError, TypeError, ValueError):
        raise _unusable(folder) from None
    if version != VERSION:
        raise JobFileError(
            f"it has version {version!r:.20}, which a newer version of the library has written;"
            " update the library",
            folder.path / RECORD_FILE,
        )
    return jobs


def _unusable(folder: JobFolder) -> JobFileError:
    return JobFileError(
        "it cannot be read; restore it from version control, or delete it: then nothing shows"
        " whether the job was changed meanwhile",
        folder.path / RECORD_FILE,
    )
