"""The people who answer."""

from __future__ import annotations

from typing import Final, Literal, overload

from crowdflower.exceptions import InvalidInput
from crowdflower.models.paths import PathFactory, number, segment
from crowdflower.models.resource import JobResource
from crowdflower.payments import pricing
from crowdflower.payments.kinds import DryRun, Payment, acknowledged

MOST_BONUS_CENTS: Final = 2000
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
        if isinstance(amount, bool) or not isinstance(amount, int) or amount <= 0:
            raise InvalidInput(
                f"a bonus is a whole number of US cents above zero, not {amount!r};"
                " 1.50 dollars is 150"
            )
        if amount > MOST_BONUS_CENTS:
            raise InvalidInput(
                f"a bonus of {amount!r:.80} cents is more than the service pays at a time, which is"
                f" {MOST_BONUS_CENTS}; nothing was paid"
            )
        parameters: dict[str, object] = {"amount": amount}
        if reason is not None:
            parameters["reason"] = reason
        payment = Payment(
            "bonus",
            f"jobs/{segment(self.job.id)}/workers/{number(self.id)}/bonus.json",
            parameters,
            lambda _: pricing.bonus_cents(amount),
        )
        operations = self.client.operations
        if dry_run:
            return operations.preview(payment)
        return operations.pay(payment, acknowledged, key=key)

    def notify(self, message: str) -> None:
        """Write to the contributor.

        Calls ``POST /jobs/{job_id}/workers/{id}/notify``, once.

        :raises NotFound: The contributor gave no judgment in this job.
        :raises OutcomeUnknown: The message may have been sent.

        >>> worker.notify("The instructions have changed: please read them once more.")
        """
        self._path.notify(data={"message": message}, method="post")

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
        self._path(data=parameters, method="put")

    def deflag(self, deflag: str) -> None:
        """Take a flag back.

        Calls ``PUT /jobs/{job_id}/workers/{id}``.

        :param deflag: The reason, kept for the record.

        >>> worker.deflag("It was a test account of ours")
        """
        self._path(data={"unflag": deflag}, method="put")

    def reject(self, reason: str = "Rejected by the owner of the job") -> None:
        """Throw away all judgments of the contributor in this job; their units open again.

        There is no way back. The service takes up to ten minutes; on a finished job the units are
        left short. Calls ``PUT /jobs/{job_id}/workers/{id}/reject``.

        >>> worker.reject("A program, not a person")
        """
        self._path.reject(data={"reason": reason, "manual": True}, method="put")

    @property
    def _path(self) -> PathFactory:
        return self.client.jobs[self.job.id].workers[number(self.id)]
