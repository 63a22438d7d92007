"""Reads a job from the service in the form in which its folder has it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from crowdflower._types import JSONObject
from crowdflower.exceptions import InvalidInput, NotFound, RefusedError, warn
from crowdflower.http.base_client import BaseClient
from crowdflower.http.encoding import ID, numeric_segment, segment
from crowdflower.job_files.comparison import GOLD_COLUMN
from crowdflower.job_files.content import GOLD_STATES, JobContent, TestQuestion, settings_of
from crowdflower.job_files.file_error import JobFileError
from crowdflower.models import shapes

ListUnits: TypeAlias = Callable[[int], Iterator[tuple[int, JSONObject]]]
"""Yields id and data of all units of a job."""


@contextmanager
def file_errors() -> Iterator[None]:
    """Raise what is wrong with a folder as an error of the client.

    :raises InvalidInput: A file cannot be read or replaced.
    """
    try:
        yield
    except JobFileError as error:
        problem = str(error)
    else:
        return
    raise InvalidInput(problem)


@dataclass(frozen=True)
class JobReader:
    """Reads jobs of one account.

    :param client: Sends the requests.
    :param list_units: Lists the units of a job.
    """

    client: BaseClient
    list_units: ListUnits

    @property
    def base_url(self) -> str:
        """The address of the service, by which a folder tells its jobs apart."""
        return str(self.client.transport.base_url)

    def find(self, reference: int | str) -> JSONObject | None:
        """Return the JSON of a job by id or alias; ``None`` if there is none."""
        try:
            answer = self.client.request(
                "GET", f"jobs/{segment(reference)}.json", shape=shapes.a_job
            )
        except NotFound:
            return None
        job: JSONObject = answer.body
        return job

    def content(self, job: Mapping[str, Any]) -> JobContent:
        """Return what a folder has of a job: settings, channels, tags and test questions."""
        path = f"jobs/{segment(job['id'])}"
        channels = self.client.request("GET", f"{path}/channels", shape=shapes.enabled_channels)
        tags = self.client.request("GET", f"{path}/tags", shape=shapes.tag_names)
        settings = settings_of(job, channels.body, tags.body)
        return JobContent(settings, tuple(self._test_questions(job)))

    def rows(self, job: Mapping[str, Any], content: JobContent) -> Iterator[JSONObject]:
        """Yield the rows of a job that are not test questions."""
        questions = {each.unit_id for each in content.test_questions or ()}
        for unit_id, data in self.list_units(job["id"]):
            if unit_id not in questions:
                yield data

    def _test_questions(self, job: Mapping[str, Any]) -> list[TestQuestion]:
        """Return the test questions of a job, in the order of their ids, with hidden ones.

        The list of test questions of the service is not documented. If it lacks something, units
        that look like test questions are read one by one.
        """
        count = job.get("golds_count") or 0
        if not count:
            return []
        shape = partial(shapes.object_list, kind="test question")
        path = f"jobs/{segment(job['id'])}"
        try:
            listed = self.client.request("GET", f"{path}/test_questions", shape=shape).body
        except RefusedError:
            listed = []
        if len(listed) < count or not all(map(_is_complete, listed)):
            candidates = [n for n, data in self.list_units(job["id"]) if _may_be_gold(job, data)]
            paths = (f"{path}/units/{numeric_segment(each)}.json" for each in candidates)
            listed = [self.client.request("GET", each, shape=shapes.a_unit).body for each in paths]
        found = [each for each in listed if each.get("state") in GOLD_STATES]
        if len(found) < count:
            warn(
                f"job {job['id']} has {count} test questions, and {len(found)} of them were found:"
                " the others have no column of accepted answers"
            )
        return [_test_question(each) for each in sorted(found, key=lambda each: int(each["id"]))]


def _is_complete(listed: JSONObject) -> bool:
    return (
        bool(_IS_ID(str(listed.get("id"))))
        and isinstance(listed.get("data"), dict)
        and listed.get("state") in GOLD_STATES
    )


_IS_ID: Final = re.compile(ID).fullmatch


def _may_be_gold(job: Mapping[str, Any], data: JSONObject) -> bool:
    """Return whether a row has an accepted answer or is marked as a test question."""
    columns = set((job.get("gold") or {}).values())
    return any(
        value not in (None, "", [], [""]) and (name in columns or GOLD_COLUMN.fullmatch(name))
        for name, value in data.items()
    )


def _test_question(unit: JSONObject) -> TestQuestion:
    return TestQuestion(
        unit["data"],
        unit["state"],
        unit.get("gold_pool") or None,
        unit_id=int(unit["id"]),
        judgments_count=int(unit.get("judgments_count") or 0),
    )
