"""Which keys the tasks of a write send: recorded on the service before they are sent.

A task that is killed returns nothing, and what it has staged must be found nevertheless: to be
taken back, and not to be taken for rows of others. So a write has a small job of its own, beside
the job that it writes to. Each attempt of a task adds the hashes of its keys to that job before it
sends rows, about 11 bytes for each. The job is never launched, costs nothing, and is deleted at the
end of the write. Its tags say what it is, and whether the write still takes rows.

Other writes to the same job record there too what they leave to this write, or take from it: see
``staged_rows``.
"""

from __future__ import annotations

import json
import struct
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

from crowdflower._types import JSONObject
from crowdflower.exceptions import InvalidInput, NotFound, OutcomeUnknown
from crowdflower.http.base_client import BaseClient
from crowdflower.http.encoding import encode_json, segment
from crowdflower.rows.recovery.row_count import RowCount
from crowdflower.rows.recovery.upload_journal import key_hash
from crowdflower.tables.partitions.account_verbs import account

KEYS_PER_ROW: Final = 2000
"""Hashes in one cell: 21 kB of text."""

MAX_SENDS: Final = 3

TAG: Final = "crowdflower-write"
CLOSED: Final = f"{TAG}-closed"
COMMITTED: Final = f"{TAG}-committed"
ABORTED: Final = f"{TAG}-aborted"
REMOVED: Final = f"{TAG}-removed"
REMOVING: Final = f"{TAG}-removing"
"""Tags of the job: what it is, how far the write is, and whether it is removing rows. The service
may still show those of a deleted job."""

SENT: Final = "sent"
FOUND: Final = "found"
TAKEN: Final = "taken"
FREED: Final = "freed"
"""Kinds of claims: rows that an attempt was about to send, or found in the job; rows that the
commit of another write has taken over; and that this other write was aborted after all."""


_TITLE: Final = "Claims of a write to job"
_OVER: Final = "this write was committed or aborted, or is about to be"


class Claim(NamedTuple):
    """Keys of one attempt of a task, by their hashes.

    :param attempt: Its name. Of keys that another write has taken over or freed, this is
        the number of its own claims, and what follows a colon is of no interest.
    :param kind: Such as :data:`SENT`.
    """

    attempt: str
    kind: str
    hashes: tuple[int, ...]

    @property
    def writer(self) -> int:
        """The claims of the write that has taken these keys over, or freed them."""
        return int(self.attempt.partition(":")[0])


class WriteClaims:
    """The job with the claims of a write.

    :param job_id: Its id, not that of the job that is written to.
    """

    def __init__(self, client: BaseClient, job_id: int) -> None:
        self._client = client
        self.job_id = job_id

    @classmethod
    def create(cls, client: BaseClient, target: int, about: JSONObject) -> WriteClaims:
        """Create the job.

        :param target: The job that is written to.
        :param about: What is needed to continue the write, for :meth:`find`.
        """
        verbs = account(client)
        job = verbs.create_job({"title": f"{_TITLE} {target}"})
        job.tags = [TAG, f"{TAG}-{target}"]
        text = encode_json(about).decode()
        verbs.upload_job([{"attempt": "", "kind": "about", "block": 0, "keys": text}], job.id)
        return cls(client, job.id)

    @classmethod
    def find(cls, client: BaseClient, target: int) -> Iterator[tuple[WriteClaims, JSONObject]]:
        """Yield the claims of all writes to a job that did not end, with what was said about them.

        :param target: The job that is written to.
        """
        for claims in cls.of_job(client, target):
            for row in claims.rows():
                if row["kind"] == "about":
                    yield claims, json.loads(row["keys"])
                    break

    @classmethod
    def of_job(cls, client: BaseClient, target: int) -> Iterator[WriteClaims]:
        """Yield the claims of all writes to a job that did not end."""
        title = f"{_TITLE} {target}".lower()
        for job in account(client).get_jobs(tags=[f"{TAG}-{target}"]):
            if str(job.title).lower() == title:  # today's service capitalizes every word
                yield cls(client, job.id)

    def check_open(self) -> None:
        """Check that the write takes rows.

        :raises InvalidInput: The write was committed or aborted.
        """
        if CLOSED in self._tags():
            raise InvalidInput(f"{_OVER}: it takes no more rows")

    def close(self, tag: str = "") -> None:
        """Have the write take no more rows; repeated calls do no harm.

        :param tag: A further tag, such as :data:`ABORTED`.
        :raises InvalidInput: The write was committed or aborted, and its job is gone.
        """
        for each in {CLOSED, tag or CLOSED} - self._tags():
            account(self._client).add_job_tag(self.job_id, each)

    def has(self, tag: str) -> bool:
        """Return whether the job has a tag.

        :raises InvalidInput: The write was committed or aborted, and its job is gone.
        """
        return tag in self._tags()

    def reopen(self) -> None:
        """Have the write take rows again."""
        self.remove_tags({CLOSED, REMOVING} & self._tags())

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Remove tags of the job."""
        account(self._client).remove_job_tags(self.job_id, tags)

    def delete(self) -> None:
        """Delete the job; repeated calls do no harm."""
        try:
            account(self._client).delete_job(self.job_id)
        except NotFound:
            return

    def _tags(self) -> set[str]:
        try:
            return set(account(self._client).get_job_tags(self.job_id))
        except NotFound:
            raise InvalidInput(_OVER) from None

    def claim(self, attempt: str, *, sent: Iterable[str], found: Iterable[str]) -> None:
        """Record the keys of an attempt; when this returns, its rows may be sent.

        :param attempt: Its name.
        :param sent: Keys of rows to be sent.
        :param found: Keys of rows that are in the job.
        """
        hashed = ((SENT, map(key_hash, sent)), (FOUND, map(key_hash, found)))
        self._send([row for kind, hashes in hashed for row in _rows(attempt, kind, hashes)])

    def record(self, attempt: str, kind: str, hashes: Iterable[int] | None = None) -> bool:
        """Record what another write leaves or takes; return whether the write is still open.

        :param attempt: A name that no other attempt has.
        :param hashes: Without them, the whole attempt is meant.
        """
        rows = list(_rows(attempt, kind, hashes or ()))
        if hashes is None:
            rows = [{"attempt": attempt, "kind": kind, "block": 0, "keys": ""}]
        try:
            if rows:
                self._send(rows)
        except InvalidInput:
            return False
        return True

    def _send(self, rows: list[dict[str, Any]]) -> None:
        problem: NotFound | None = None
        for number in range(MAX_SENDS):
            try:
                account(self._client).upload_job(rows, self.job_id)
            except OutcomeUnknown:  # twice the same claims are like one
                if number == MAX_SENDS - 1:
                    raise
            except NotFound as error:
                problem = error
                break
            else:
                return
        raise InvalidInput(_OVER) from problem

    def read(self) -> Iterator[Claim]:
        """Yield the claims of all attempts, each once."""
        seen: set[tuple[Any, ...]] = set()
        for row in self.rows():
            name = row["attempt"], row["kind"], row["block"]
            if name not in seen and row["kind"] != "about":
                seen.add(name)
                packed = b64decode(row["keys"])
                hashes = struct.unpack(f"<{len(packed) // 8}q", packed)
                yield Claim(row["attempt"], row["kind"], hashes)

    def rows(self) -> Iterator[JSONObject]:
        """Yield the rows of the job."""
        RowCount(self._client, f"jobs/{segment(self.job_id)}").wait_until_processed()
        for unit in account(self._client).get_units(self.job_id):
            yield unit.data


def is_claims_job(client: BaseClient, job: JSONObject) -> bool:
    """Return whether a job holds the claims of a write."""
    if not str(job.get("title")).lower().startswith(f"{_TITLE} ".lower()):
        return False
    try:
        return TAG in account(client).get_job_tags(job["id"])
    except NotFound:
        return True  # the write has ended


def _rows(attempt: str, kind: str, hashes: Iterable[int]) -> Iterator[dict[str, Any]]:
    iterator, number = iter(hashes), 0
    while block := list(islice(iterator, KEYS_PER_ROW)):
        packed = b64encode(struct.pack(f"<{len(block)}q", *block)).decode()
        yield {"attempt": attempt, "kind": kind, "block": number, "keys": packed}
        number += 1
