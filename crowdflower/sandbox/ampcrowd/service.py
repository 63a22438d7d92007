"""What a sandbox does for AMPCrowd: finds the jobs of groups, and posts their results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crowdflower.sandbox.ampcrowd import callbacks, groups
from crowdflower.sandbox.webhooks import outbound

if TYPE_CHECKING:
    from collections.abc import Callable

    from crowdflower.sandbox.ampcrowd.callbacks import Delivery
    from crowdflower.sandbox.store import Database


@dataclass(frozen=True)
class AccessPolicy:
    """Access rules of AMPCrowd's API: allowed callers, and allowed addresses of callbacks."""

    token: str | None = None
    """Token that every caller must send; with ``None``, only this machine may call."""

    loopback: bool = True
    """Whether callbacks may go to this machine; turn it off if other machines can call."""

    timeout: float = outbound.TIMEOUT
    """Seconds until a callback times out."""

    def __repr__(self) -> str:
        return f"<AccessPolicy with {'no' if self.token is None else 'a'} token>"


@dataclass(frozen=True)
class AMPCrowdService:
    """AMPCrowd's part of a sandbox.

    :param database: The database of the sandbox.
    :param key: API key of the account that owns the groups' jobs.
    """

    database: Database
    key: str
    access: AccessPolicy

    def __repr__(self) -> str:
        return "<AMPCrowdService>"

    def job(self, group_id: str, crowd: str = "internal") -> int:
        """Return the id of a group's job.

        :raises LookupError: The crowd has no such group.
        """
        with self.database.snapshot() as tx:
            return groups.find_job_id(tx, crowd, group_id)

    def running_jobs(self) -> list[int]:
        """Return the ids of the running jobs of groups, oldest first."""
        with self.database.snapshot() as tx:
            return groups.running_job_ids(tx)

    def posted_results(self, group_id: str, crowd: str = "internal") -> list[dict[str, Any]]:
        """Return the results of a group that its receiver has taken, batch by batch.

        :raises LookupError: The crowd has no such group.
        """
        with self.database.snapshot() as tx:
            return callbacks.posted_results(tx, groups.find_job_id(tx, crowd, group_id))

    running = running_jobs
    delivered = posted_results
    """The names of :meth:`running_jobs` and :meth:`posted_results` in version 1.0.0."""

    def deliver(self, ended: Callable[[], bool] = lambda: False) -> list[Delivery]:
        """Post the results that are due; failed callbacks are retried in a later round.

        :param ended: Called before every attempt; if it returns ``True``, the rest is left for
            another round. A receiver that does not answer blocks until the timeout.
        :returns: All attempts of this round.
        """
        return callbacks.deliver(
            self.database,
            allow_loopback=self.access.loopback,
            timeout=self.access.timeout,
            should_stop=ended,
        )
