"""Pauses a job that has cost more than its owner allows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from crowdflower._types import describe_type
from crowdflower.exceptions import (
    ApiError,
    ApplicationError,
    Conflict,
    CostLimitReached,
    InvalidInput,
    NotFound,
    warn,
)
from crowdflower.http.json_problems import numpy_advice
from crowdflower.http.polling import poll
from crowdflower.models import shapes
from crowdflower.models.job_fields import JobFields
from crowdflower.models.waiting.counts import Counts

DELAYS: Final = (1, 2, 4, 8, 15, 30, 60, 60, 60)
"""Seconds between two attempts to pause the job: as long as it runs, it costs more."""

SPENDING: Final = frozenset({"running", "launching"})
"""States in which a job costs more and more."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SpendingLimit:
    """What a job may cost in all, in US cents, while a program waits for it.

    :param pause: Pauses the job.
    """

    job: JobFields
    max_cost_cents: int
    pause: Callable[[], object]

    def __post_init__(self) -> None:
        """Check the limit.

        :raises InvalidInput: It is not a whole number of cents.
        """
        cents = self.max_cost_cents
        if isinstance(cents, bool) or not isinstance(cents, int) or cents < 0:
            raise InvalidInput(
                f"max_cost_cents must be a whole number of US cents, not {cents!r:.80}, which is"
                f" {describe_type(cents)}{numpy_advice(cents)}"
            )

    def check(self, counts: Counts) -> None:
        """Pause the job if it has cost more, and spends on.

        :raises CostLimitReached: It has; the message says whether it was paused.
        :raises InvalidInput: The service does not show the cost.
        """
        cost, most, name = counts.cost_cents, self.max_cost_cents, f"job {self.job.id}"
        if cost is None:
            raise InvalidInput(
                f"max_cost_cents cannot be kept: the service does not show what {name} has cost"
                " (crowd_costs)"
            )
        if cost <= most:
            return
        text = f"{name} has cost {cost} cents, and max_cost_cents is {most}"
        if counts.is_complete:
            warn(f"{text}; every unit that was ordered is finalized")
            return
        error: ApiError | None = None
        if counts.state in SPENDING:
            error = self._stop()
            counts = replace(counts, state=self.job.state)
            text += (
                "; it was paused, and job.resume() continues it"
                if error is None
                else f"; it could not be paused, and goes on: call job.pause() ({error})"
            )
        else:
            text += f"; it is {counts.state}"
        log.info("%s", text)
        raise CostLimitReached(text, counts=counts, reason=text) from error

    def _stop(self) -> ApiError | None:
        """Pause the job; return the last error if it could not be paused."""
        problem: ApiError | None = None
        for _ in poll(self.job.client.clock, DELAYS):
            try:
                self.pause()
            except Warning:  # the state could not be read afterwards
                return None
            except ApiError as error:
                problem = error
                log.info("job %s: could not be paused: %s", self.job.id, error)
                if isinstance(error, (ApplicationError, Conflict, NotFound)) and self._is_still():
                    return None
            else:
                return None
        return problem

    def _is_still(self) -> bool:
        """Return whether the job does not run any more, by itself or because of another program."""
        try:
            state = self.job.client.request(
                "GET",
                self.job._path(),  # noqa: SLF001 - one family
                shape=shapes.a_job,
            ).body
        except ApiError:
            return False
        self.job._learn(state)  # noqa: SLF001 - one family
        return self.job.state not in SPENDING
