"""Push: sends to a job what its folder has otherwise, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

from crowdflower._types import JSONObject, Rows
from crowdflower.exceptions import ApiError, NotFound, warn
from crowdflower.http.encoding import encode_json, numeric_segment, segment
from crowdflower.job_files.change_text import name_of
from crowdflower.job_files.comparison import QUESTIONS, QuestionChange, changed_settings
from crowdflower.job_files.content import GOLDEN, JobContent, derived_from
from crowdflower.job_files.file_error import JobFileError
from crowdflower.job_files.pull_record import PullRecord, write_record
from crowdflower.job_files.setting_names import NAME_LISTS, NOT_SENT
from crowdflower.models import shapes
from crowdflower.models.job_fields import normalize_attributes
from crowdflower.rows.job_folders.folder_comparison import FolderComparison, rows_count
from crowdflower.rows.job_folders.job_changes import BLANK, JobChanges

AFTER_QUESTIONS: Final = "gold_per_assignment"
"""A setting that the service accepts when the job has test questions."""

a_job: Final = partial(shapes.json_object, kind="job")

Confirm: TypeAlias = Callable[[JobChanges], bool]
"""Called with the differences; if it returns false, nothing is sent."""


@dataclass
class FolderPush:
    """One push.

    :param comparison: Compares the folder with its job.
    :param create_job: Creates a job from its attributes, and returns its JSON.
    :param upload: Uploads rows to a job.
    """

    comparison: FolderComparison
    create_job: Callable[[JSONObject], JSONObject]
    upload: Callable[[int, Rows], object]
    _done: list[str] = field(default_factory=list)

    def send(self, *, force: bool, confirm: Confirm | None) -> JSONObject | None:
        """Send the changes; return the JSON of the job, or ``None`` if it was not confirmed.

        :param force: Overwrite what was changed in the job since the last pull, and send a form
            with mistakes.
        :raises JobFileError: The folder cannot be read.
        :raises InvalidInput: The service would refuse a change; nothing was sent.
        :raises EditConflict: The job was changed since the last pull; nothing was sent.
        """
        content = self.comparison.folder.read()
        changes = self.comparison.changes(content)
        if confirm is not None and not confirm(changes):
            return None
        changes.check(force=force)
        try:
            job = dict(changes.job)
            if not job:
                job = self._create(content, changes)
                changes = self.comparison.changes_of(content, job)
            self._send_settings(job, content, changes)
            self._send_lists(job, changes)
            if self.comparison.rows and not rows_count(job):
                self.upload(job["id"], self.comparison.folder.rows())
        except ApiError as error:
            if self._done:
                error.args = (f"{error}; sent before: {', '.join(self._done)}; push again",)
            raise
        return self._finish(job["id"], content)

    def _create(self, content: JobContent, changes: JobChanges) -> JSONObject:
        """Create a job, and remember it: the rest may fail, and a second one must not be made."""
        early = {
            name: value
            for name, value in changes.attributes.items()
            if name not in {*NAME_LISTS, *NOT_SENT, AFTER_QUESTIONS} and value not in (None, *BLANK)
        }
        job = self.create_job(_sendable(early, content))
        self._write_record(PullRecord(job["id"], str(job.get("created_at") or "")))
        self._done.append(f"the new job {job['id']}")
        return job

    def _send_settings(self, job: JSONObject, content: JobContent, changes: JobChanges) -> None:
        """Send settings, then test questions, whose columns depend on the form."""
        attributes = {
            name: each for name, each in changes.attributes.items() if name not in NAME_LISTS
        }
        late: JSONObject = {}
        is_first = not job.get("golds_count") and any(each.after for each in changes.questions)
        if is_first:
            attributes.pop(AFTER_QUESTIONS, None)
            wanted = content.settings.get(AFTER_QUESTIONS)
            late = {} if wanted in (None, "") else {AFTER_QUESTIONS: wanted}
        self._update(job, _sendable(attributes, content), "settings")
        self._forget_questions(job, changes)
        for number, each in enumerate(changes.questions, 1):
            if self._send_question(job, each):
                done = f"{number} of {len(changes.questions)} test questions"
                self._done[:] = [*(x for x in self._done if "test questions" not in x), done]
        self._update(job, late, AFTER_QUESTIONS)

    def _forget_questions(self, job: JSONObject, changes: JobChanges) -> None:
        """Forget what the test questions were: if only some are sent, the change is our own."""
        record = self.comparison.record(job)
        if changes.questions and record is not None and QUESTIONS in record.same:
            del record.same[QUESTIONS]
            self._write_record(record)

    def _update(self, job: JSONObject, attributes: JSONObject, name: str) -> None:
        if attributes:
            data = {"job": normalize_attributes(attributes)}
            self._request("PUT", job, ".json", data=data, shape=a_job)
            self._done.append(name)

    def _send_question(self, job: JSONObject, change: QuestionChange) -> bool:
        """Add, change or delete a test question; return whether anything was sent."""
        before, after = change.before, change.after
        if after is None:
            if before is None or not self.comparison.delete:
                return False
            self._request("DELETE", job, _unit_path(before.unit_id))
            return True
        unit: JSONObject = {"data": after.data}
        if before is None:
            body = encode_json({"unit": {**unit, "golden": True}})
            path = "/units.json"
            added = self._request("POST", job, path, data=body, shape=shapes.a_unit)
            unit_id, unit, state, pool = added["id"], {}, GOLDEN, added.get("gold_pool") or None
        else:
            unit_id, state, pool = before.unit_id, before.state, before.gold_pool
        if after.state != state:
            unit["state"] = after.state
        if after.gold_pool != pool:
            unit["gold_pool"] = after.gold_pool or ""
        if unit:
            body = encode_json({"unit": unit})
            self._request("PUT", job, _unit_path(unit_id), data=body, shape=shapes.a_unit)
        return True

    def _send_lists(self, job: JSONObject, changes: JobChanges) -> None:
        """Replace channels and tags, which have endpoints of their own."""
        for each in changes.settings:
            if each.name == "channels" and not each.after:
                for name in each.before if isinstance(each.before, list) else ():
                    data = {"channel_name": name}
                    self._request("POST", job, "/disable_channel", data=data)
            elif each.name in NAME_LISTS:
                self._request("PUT", job, f"/{each.name}", data={each.name: each.after})
            else:
                continue
            self._done.append(each.name)

    def _request(self, method: str, job: JSONObject, path: str, **how: Any) -> Any:
        client = self.comparison.reader.client
        return client.request(method, f"jobs/{segment(job['id'])}{path}", **how).body

    def _finish(self, job_id: int, content: JobContent) -> JSONObject:
        """Read the job again, warn of values that it has not adopted, and remember the others."""
        reader = self.comparison.reader
        job = reader.find(job_id)
        if job is None:
            raise NotFound(f"job {job_id} was deleted during the push")
        there = reader.content(job)
        different = [
            name_of(each.name)
            for each in changed_settings(content, there)
            if each.name not in NOT_SENT
        ]
        if different:
            warn(f"sent, but the service shows another value of {', '.join(different)}")
        record = self.comparison.record(job) or PullRecord(job_id, str(job.get("created_at") or ""))
        record.learn(content, there)
        self._write_record(record)
        return job

    def _write_record(self, record: PullRecord) -> None:
        try:
            write_record(self.comparison.folder, self.comparison.reader.base_url, record)
        except JobFileError as error:  # the folder may be read-only, as in CI
            warn(f"pushed, but the next push cannot know that: {error}")


def _sendable(attributes: JSONObject, content: JobContent) -> JSONObject:
    """Return attributes with the aggregation of every field, if one of them is to be sent."""
    if isinstance(attributes.get("fields"), Mapping):
        every = derived_from(content.settings.get("cml"))[0]
        return {**attributes, "fields": {**every, **attributes["fields"]}}
    return attributes


def _unit_path(unit_id: int | None) -> str:
    return f"/units/{numeric_segment(unit_id or 0)}.json"
