"""The people who answer."""

from __future__ import annotations

from typing import Final, Literal, overload

from crowdflower.http.encoding import number
from crowdflower.models.resource import JobResource
from crowdflower.payments.kinds import MAX_BONUS_CENTS, Bonus
from crowdflower.payments.records import DryRun

MOST_BONUS_CENTS: Final = MAX_BONUS_CENTS
"""What the service pays at a time, in US cents."""


class Worker(JobResource):
    """One contributor, as far as a single job is concerned.

    The API does not list them: ``job.get_worker(id)`` takes the ``worker_id`` of a judgment.
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
        """Pay a bonus, once; a repeated call pays again, unless it has the same ``key``.

        Calls ``POST /jobs/{job_id}/workers/{id}/bonus``.

        :param amount: US cents, a whole number from 1 to :data:`MOST_BONUS_CENTS`.
        :param reason: What the contributor is told.
        :param key: Your name for this payment; there is never a second one of it.
        :param dry_run: Return the request, and send nothing.
        :raises InvalidInput: The amount is no such number, or the key names another payment;
            nothing was sent.
        :raises NotFound: The contributor gave no judgment in this job.
        :raises PaymentRequired: The balance does not cover it.
        :raises DuplicateOperation: A payment of this name was begun before.
        :raises OutcomeUnknown: It may have been paid; ``reconcile()`` of the error looks.

        >>> worker.bonus(150, reason="Careful work, thank you.", key="spring bonus: 1")
        """
        payment = Bonus(self.job.id, self.id, amount, reason)
        operations = self.client.operations
        if dry_run:
            return operations.preview(payment)
        return operations.pay(payment, key=key)

    def notify(self, message: str) -> None:
        """Write to the contributor.

        Calls ``POST /jobs/{job_id}/workers/{id}/notify``, once.

        :raises NotFound: The contributor gave no judgment in this job.
        :raises OutcomeUnknown: The message may have been sent.

        >>> worker.notify("The instructions have changed: please read them once more.")
        """
        self.client.request("POST", self._path("/notify"), data={"message": message})

    def flag(self, flag: str, persist: bool = False) -> None:
        """Let the contributor take no more pages of this job; what was answered stays.

        Calls ``PUT /jobs/{job_id}/workers/{id}``.

        :param flag: The reason, kept for the record.
        :param persist: Flag in all jobs of the account.

        >>> worker.flag("Answers faster than one can read")
        """
        parameters: dict[str, object] = {"flag": flag}
        if persist:
            parameters["persist"] = True
        self.client.request("PUT", self._path(), data=parameters)

    def deflag(self, deflag: str) -> None:
        """Take a flag back.

        Calls ``PUT /jobs/{job_id}/workers/{id}``.

        :param deflag: The reason, kept for the record.

        >>> worker.deflag("It was a test account of ours")
        """
        self.client.request("PUT", self._path(), data={"unflag": deflag})

    def reject(self, reason: str = "Rejected by the owner of the job") -> None:
        """Throw away all judgments of the contributor in this job; their units open again.

        There is no way back. The service takes up to ten minutes; on a finished job the units are
        left short. Calls ``PUT /jobs/{job_id}/workers/{id}/reject``.

        >>> worker.reject("A program, not a person")
        """
        data = {"reason": reason, "manual": True}
        self.client.request("PUT", self._path("/reject"), data=data)

    def _path(self, rest: str = "", suffix: str = ".json") -> str:
        return self.job._path(f"workers/{number(self.id)}{rest}", suffix)  # noqa: SLF001 - one family
