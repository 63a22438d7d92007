"""Ends a write: verifies it and removes doubled rows, or takes all of it back."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from crowdflower._types import describe_type
from crowdflower.exceptions import ApiError, ConfigError, InvalidInput, UploadIncomplete
from crowdflower.http.base_client import BaseClient
from crowdflower.models.arguments import check_cents
from crowdflower.tables.partitions.account_verbs import account
from crowdflower.tables.partitions.partition_writer import WriteReceipt, WriteToken, check_token
from crowdflower.tables.partitions.staged_rows import StagedRows
from crowdflower.tables.partitions.write_claims import (
    ABORTED,
    COMMITTED,
    REMOVED,
    WriteClaims,
)

LAUNCH_AGAIN: Final = (
    "; to launch it, call commit_write again with the same arguments, or Job.launch"
)
"""The end of a note for callers of commit_write; an engine that aborts by itself replaces it."""


@dataclass(frozen=True)
class CommittedWrite:
    """The result of a write; each of its rows is in the job, once."""

    rows: int
    """All rows of the receipts."""

    found: int
    """Rows that the job had before the write, and that were not sent."""

    duplicates_removed: int
    """Units that were removed because a row had arrived twice."""

    leftovers_removed: int
    """Units that were removed because no receipt has their row: a task that was killed had staged
    them, and another attempt had other rows."""

    order: Any = None
    """The :class:`~crowdflower.order.Order`, if the job was launched and anything was left."""


def commit_write(
    client: BaseClient,
    token: WriteToken,
    receipts: Iterable[WriteReceipt],
    *,
    launch_key: str | None = None,
    max_cost_cents: int | None = None,
) -> CommittedWrite:
    """Verify that the job holds each row of a write once, and launch it if asked for.

    Reads all units of the job, removes units that repeat a row, and rows that no receipt has. From
    then on the write takes no more rows. Nothing is launched unless every row is there. The call
    may be repeated after a crash. Calls ``GET /jobs`` for other writes, ``GET /jobs/{id}/units``,
    ``DELETE /jobs/{id}/units/{id}`` for what is to be removed, and for a launch what
    :meth:`Job.launch <crowdflower.job.Job.launch>` calls.

    :param receipts: One of each partition.
    :param launch_key: Launch the job under this idempotency key, all units that are not ordered
        yet. A repeated call returns the same order, if the client has a journal file or the service
        remembers keys.
    :param max_cost_cents: Do not launch if it may cost more.
    :raises InvalidInput: A receipt is of another write, or two partitions have the same key, which
        the message names. Everything stays staged.
    :raises UploadIncomplete: Rows are missing, or another write to the job that has sent some of
        the rows is removing its own. Everything stays staged, and nothing is launched: repeat the
        tasks and call again, or abort.
    :raises OverBudget: The launch may cost more. A note says that the rows are committed, as it
        does for any other error of the launch.

    >>> from crowdflower.tables.partitions import commit_write, start_write, write_partition
    >>> draft = account(client).create_job({"title": "Reviews"})
    >>> token = start_write(client, draft.id, key="id")
    >>> receipts = [
    ...     write_partition(client, [{"id": number, "review": "Fine."}], token) for number in (1, 2)
    ... ]
    >>> commit_write(client, token, receipts)
    CommittedWrite(rows=2, found=0, duplicates_removed=0, leftovers_removed=0, order=None)
    """
    check_token(token)
    chosen = _check_receipts(receipts)
    if launch_key is None and max_cost_cents is not None:
        raise InvalidInput("max_cost_cents needs launch_key, your name for the launch")
    if max_cost_cents is not None:
        check_cents("max_cost_cents", max_cost_cents)
    claims = WriteClaims(client, token.claims_job)
    with _opened(client, token, claims) as staged:
        if claims.has(ABORTED):
            raise InvalidInput("this write was aborted: begin another one with start_write")
        claims.close()
        try:
            staged.load([each.attempt for each in chosen])
            staged.check_claims(chosen)
            staged.is_over = claims.has(COMMITTED)
            may_be_late = staged.has_other_attempts(chosen)
            has_others = staged.has_other_writes()
            staged.settle(may_be_late=may_be_late)
            if has_others:
                staged.take_over()
                staged.settle(may_be_late=may_be_late)
        except (InvalidInput, UploadIncomplete):
            claims.reopen()
            raise
        found = staged.count_found()
        counts = sum(each.rows for each in chosen), found, staged.duplicates, staged.leftovers
    order = None
    if launch_key is not None:
        try:
            order = _launch(client, token.job_id, launch_key, max_cost_cents)
        except ApiError as error:
            error.add_note(
                f"All {counts[0]} rows are in job {token.job_id}, once each{LAUNCH_AGAIN}"
            )
            raise
    claims.close(COMMITTED)
    claims.delete()
    return CommittedWrite(*counts, order=order)


def abort_write(
    client: BaseClient, token: WriteToken, receipts: Iterable[WriteReceipt] = ()
) -> int:
    """Remove what a write has staged, and nothing else.

    That includes the rows of tasks that returned no receipt. Rows that the job had before stay, and
    so do those that another write has committed, or that the tasks of an open one have sent or
    found: they belong to that one from then on. Units that were ordered meanwhile stay too, with a
    warning. The call may be repeated. Reads all units of the job. Calls ``GET /jobs/{id}/units``,
    ``GET /jobs``, and ``DELETE /jobs/{id}/units/{id}`` for each unit to remove.

    :param receipts: Those that are known. Without them, the call waits longer for rows that may
        still arrive.
    :returns: How many units were removed.
    :raises InvalidInput: The write was committed, or the job is another one.

    >>> from crowdflower.tables.partitions import abort_write, start_write, write_partition
    >>> draft = account(client).create_job({"title": "Reviews"})
    >>> token = start_write(client, draft.id, key="id")
    >>> receipt = write_partition(client, [{"id": 1, "review": "Fine."}], token)
    >>> abort_write(client, token)
    1
    """
    check_token(token)
    chosen = _check_receipts(receipts)
    claims = WriteClaims(client, token.claims_job)
    with _opened(client, token, claims) as staged:
        if claims.has(COMMITTED):
            raise InvalidInput("this write was committed: delete its units yourself")
        if claims.has(REMOVED):  # the same rows may have been written again
            claims.delete()
            return 0
        claims.close(ABORTED)
        staged.free()
        staged.load([])
        staged.settle(may_be_late=staged.has_other_attempts(chosen))
        removed = staged.leftovers
    claims.close(REMOVED)
    claims.delete()
    return removed


def _check_receipts(receipts: Iterable[WriteReceipt]) -> list[WriteReceipt]:
    """Return one receipt of each partition."""
    if isinstance(receipts, (str, WriteReceipt)) or not isinstance(receipts, Iterable):
        raise InvalidInput(f"receipts must be a list of them, not {describe_type(receipts)}")
    chosen: dict[Any, WriteReceipt] = {}
    for each in receipts:
        if not isinstance(each, WriteReceipt):
            raise InvalidInput(
                f"a receipt must be what write_partition returned, not {describe_type(each)}"
            )
        name = (each.attempt,) if each.partition is None else each.partition
        chosen.setdefault(name, each)
    return list(chosen.values())


def _launch(client: BaseClient, job_id: int, key: str, max_cost_cents: int | None) -> Any:
    """Launch a job; a repeated call returns the same order where that is possible."""
    job = account(client).get_job(job_id)
    try:
        return job.launch(key=key, max_cost_cents=max_cost_cents, on_duplicate="return")
    except ConfigError:  # neither a file nor the service remembers the key
        return job.launch(key=key, max_cost_cents=max_cost_cents)


def _opened(client: BaseClient, token: WriteToken, claims: WriteClaims) -> closing[StagedRows]:
    return closing(StagedRows(client, token, claims))
