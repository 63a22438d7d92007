"""A contributor: bonus, message, flag, rejection."""

from __future__ import annotations

from typing import Final, Literal, overload

from crowdflower.http.encoding import numeric_segment
from crowdflower.models.display import summary
from crowdflower.models.resource import JobResource
from crowdflower.payments.kinds import MAX_BONUS_CENTS, Bonus
from crowdflower.payments.records import DryRun

MOST_BONUS_CENTS: Final = MAX_BONUS_CENTS
"""Largest bonus in one payment, in US cents."""


class Worker(JobResource):
    """A contributor in one job.

    The API does not list contributors: pass the ``worker_id`` of a judgment to
    :meth:`Job.get_worker() <crowdflower.job.Job.get_worker>`.
    """

    @overload
    def bonus(
        self,
        amount: int,
        reason: str | None = None,
        *,
        key: str | None = None,
        dry_run: Literal[False] = False,
    ) -> None: ...
    @overload
    def bonus(
        self,
        amount: int,
        reason: str | None = None,
        *,
        key: str | None = None,
        dry_run: Literal[True],
    ) -> DryRun: ...
    def bonus(
        self,
        amount: int,
        reason: str | None = None,
        *,
        key: str | None = None,
        dry_run: bool = False,
    ) -> DryRun | None:
        """Pay a bonus at most once; a second call pays again, unless it has the same ``key``.

        Calls ``POST /jobs/{job_id}/workers/{id}/bonus``.

        :param amount: US cents, an integer from 1 to :data:`MOST_BONUS_CENTS`.
        :param reason: Message to the contributor.
        :param key: Your name for this payment, which is made at most once (an idempotency key).
        :param dry_run: Return the request and send nothing.
        :raises InvalidInput: The amount is out of range, or the key belongs to another payment;
            nothing was sent.
        :raises NotFound: The contributor has no judgment in this job.
        :raises PaymentRequired: The balance does not cover the bonus.
        :raises DuplicateOperation: A payment with this key was started before.
        :raises OutcomeUnknown: The bonus may have been paid; ``error.reconcile()`` finds out.

        >>> worker.bonus(150, reason="Careful work, thank you.", key="spring bonus: 1")
        """
        payment = Bonus(self.job.id, self.id, amount, reason)
        operations = self.client.operations
        if dry_run:
            return operations.preview(payment)
        return operations.pay(payment, key=key)

    def notify(self, message: str) -> None:
        """Send the contributor a message; never retried.

        Calls ``POST /jobs/{job_id}/workers/{id}/notify``.

        :raises NotFound: The contributor has no judgment in this job.
        :raises OutcomeUnknown: The message may have been sent.

        >>> worker.notify("The instructions have changed: please read them once more.")
        """
        self.client.request("POST", self._path("/notify"), data={"message": message})

    def flag(self, flag: str, persist: bool = False) -> None:
        """Stop giving the contributor pages of this job; existing judgments stay.

        Calls ``PUT /jobs/{job_id}/workers/{id}``.

        :param flag: The reason, stored with the flag.
        :param persist: Flag in all jobs of the account.

        >>> worker.flag("Answers faster than one can read")
        """
        parameters: dict[str, object] = {"flag": flag}
        if persist:
            parameters["persist"] = True
        self.client.request("PUT", self._path(), data=parameters)

    def deflag(self, deflag: str) -> None:
        """Remove a flag.

        Calls ``PUT /jobs/{job_id}/workers/{id}``.

        :param deflag: The reason, stored with the removal.

        >>> worker.flag("Answers faster than one can read")
        >>> worker.deflag("It was a test account of ours")
        """
        self.client.request("PUT", self._path(), data={"unflag": deflag})

    def reject(self, reason: str = "Rejected by the owner of the job") -> None:
        """Discard all judgments of the contributor in this job, and reopen their units.

        This cannot be undone. The service takes up to ten minutes; on a finished job the units stay
        short of judgments. Calls ``PUT /jobs/{job_id}/workers/{id}/reject``.

        >>> worker.reject("A program, not a person")
        """
        data = {"reason": reason, "manual": True}
        self.client.request("PUT", self._path("/reject"), data=data)

    def _summary(self) -> str:
        job_id = self.job._state.get("id")  # noqa: SLF001 - one family
        return summary([self._state.get("id"), "of job", job_id])

    def _path(self, rest: str = "", suffix: str = ".json") -> str:
        return self.job._path(f"workers/{numeric_segment(self.id)}{rest}", suffix)  # noqa: SLF001 - one family
