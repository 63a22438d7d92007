"""The job that rows are uploaded to: whether a row that arrives twice would cost money."""

from __future__ import annotations

from functools import partial
from typing import Final

from crowdflower._types import JSONObject
from crowdflower.exceptions import InvalidInput
from crowdflower.http.base_client import BaseClient
from crowdflower.http.encoding import segment
from crowdflower.models.shapes import json_object

_A_JOB: Final = partial(json_object, kind="job")


class UploadTarget:
    """A job, as it was when it was last checked.

    :param live: Whether rows are uploaded even if a duplicate would be ordered, or none can be.
    :ivar is_launched: Whether units cannot be deleted.
    :ivar orders_rows: Whether new rows are ordered as they arrive.
    """

    def __init__(self, client: BaseClient, job_id: int, *, live: bool) -> None:
        self._client = client
        self._live = live
        self.id = job_id
        self.path = f"jobs/{segment(job_id)}"
        self.is_launched = False
        self.orders_rows = False

    def check(self) -> JSONObject:
        """Read the job, and check that a row that arrives twice would cost nothing.

        :raises InvalidInput: The job orders rows by itself, or is canceled, and ``live`` is false.
        """
        job: JSONObject = self._client.request("GET", f"{self.path}.json", shape=_A_JOB).body
        self.is_launched = job.get("state") not in {None, "unordered"}
        self.orders_rows = bool(job.get("auto_order"))
        if self.orders_rows and not self._live:
            raise InvalidInput(
                f"job {self.id} orders rows as they arrive: a duplicate row would be paid for;"
                " switch auto_order off, or pass live=True"
            )
        if job.get("state") == "canceled" and not self._live:
            raise InvalidInput(
                f"job {self.id} is canceled: its rows cannot be ordered; copy the job, or pass"
                " live=True to upload anyway"
            )
        return job
