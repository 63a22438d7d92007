"""One task put before the crowd: what can be done with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, overload

from crowdflower._types import JSONObject
from crowdflower.exceptions import InvalidInput
from crowdflower.http import messages
from crowdflower.http.messages import an_object
from crowdflower.job_results import JobResults
from crowdflower.job_units import JobUnits
from crowdflower.models.resource import channel_names, names, whole
from crowdflower.order import Order
from crowdflower.payments import pricing
from crowdflower.payments.kinds import Launch
from crowdflower.payments.records import DryRun
from crowdflower.states import ON_DEMAND
from crowdflower.worker import Worker

if TYPE_CHECKING:
    from typing_extensions import Self

NEEDED_TO_KEEP_ANYTHING: Final = ("title", "instructions", "cml")

SETTLING: Final = (0, 1, 2, 4)
"""Seconds between looks at a job that is on its way to another state."""


class Job(JobUnits, JobResults):
    """One task put before the crowd: rows, a form, and how they are to be answered."""

    # The job itself

    def update(self) -> None:
        """Send the changes assigned since the job was read, and take in the answer.

        Calls ``PUT /jobs/{id}``; without changes, nothing.

        :raises RuntimeError: Title, instructions or CML stands neither in the job nor in the
            changes: the service would answer that all is well, and keep nothing.
        :raises RefusedError: The service refuses a value; it keeps none of them. Mostly this is an
            :class:`~crowdflower.exceptions.ApplicationError` with all reasons, for countries a
            :class:`~crowdflower.exceptions.ValidationError`.

        >>> job.payment_cents = 12
        >>> job.update()
        >>> job.payment_cents
        12
        """
        if not self._changes:
            return
        missing = [name for name in NEEDED_TO_KEEP_ANYTHING if not self[name]]
        if missing:
            raise RuntimeError(
                f"nothing was sent: the API keeps no change of a job without title, instructions"
                f" and cml, and this one has no {' and no '.join(missing)}"
            )
        self.absorb(self.client.update_job(self.id, self._changes))

    def reload(self) -> Self:
        """Fetch the job anew; changes that were not sent are dropped.

        Calls ``GET /jobs/{id}``.

        >>> job.reload().state
        'running'
        """
        self.absorb(self._path(shape=partial(an_object, kind="job")))
        self.__dict__.pop("_units", None)
        self.__dict__.pop("_judgment_aggregates", None)
        return self

    def delete(self) -> None:
        """Delete the job; a running one must be canceled first.

        Calls ``DELETE /jobs/{id}``. It leaves the list of jobs and stays readable by id.

        :raises RefusedError: It is neither unordered nor canceled.

        >>> client.create_job({"title": "A draft"}).delete()
        """
        self.client.delete_job(self.id)

    def copy(
        self, all_units: bool = False, gold: bool = False, *, only_new_and_judgable: bool = False
    ) -> Job:
        """Make a new job with the same settings and form.

        Calls ``GET /jobs/{id}/copy``. The rows follow in the background.

        :param all_units: Copy all rows too.
        :param gold: Copy the test questions too.
        :param only_new_and_judgable: Also copy the rows that are not finalized yet.
        :raises OutcomeUnknown: The answer was lost: there may be a copy.

        >>> job.copy(all_units=True).state
        'unordered'
        """
        return self.client.copy_job(
            self.id, all_units, gold, only_new_and_judgable=only_new_and_judgable
        )

    # How it is to be answered

    def set_options(self, **options: Any) -> None:
        """Change some of the ``options``, and leave the others as they are.

        Calls ``PUT /jobs/{id}``.

        >>> job.set_options(reject_at=80)
        >>> job.options["reject_at"]
        80
        """
        self._learn(self.client.update_job(self.id, {"options": options}))

    def collect_dynamically(
        self, fields: Sequence[str], min_confidence: float, max_judgments: int
    ) -> None:
        """Collect more judgments of those units whose answers are not clear yet.

        A unit starts with ``judgments_per_unit`` judgments, and gets one more at a time until the
        answer to each of the fields is sure enough, or there are as many as it may have. Calls
        ``PUT /jobs/{id}``.

        :param fields: The fields to watch.
        :param min_confidence: Sure enough, from 0 to 1.
        :param max_judgments: The ceiling for one unit.
        :raises InvalidInput: These cannot be meant; nothing was sent, and nothing changed.

        >>> job.collect_dynamically(["sentiment"], min_confidence=0.7, max_judgments=5)
        >>> job.variable_judgments_mode
        'auto_confidence'
        """
        watched = names("fields", fields)
        if not watched:
            raise InvalidInput("fields is empty; which answers are to be sure?")
        is_number = isinstance(min_confidence, (int, float))
        if not is_number or not 0 <= min_confidence <= 1:
            raise InvalidInput(f"a confidence lies between 0 and 1; got {min_confidence!r}")
        self.max_judgments_per_unit = whole("max_judgments", max_judgments)
        self.variable_judgments_mode = "auto_confidence"
        self.confidence_fields = watched
        self.min_unit_confidence = min_confidence
        self.update()

    def order_automatically(self, threshold: int | None = None, timeout: int | None = None) -> None:
        """Order units as they are added; this spends money without a further word.

        Calls ``PUT /jobs/{id}``; ``job.auto_order = False`` and ``job.update()`` end it.

        :param threshold: How many must wait before they are ordered.
        :param timeout: Seconds after which they are ordered even if they are fewer.
        :raises InvalidInput: These are no such numbers; nothing was sent, and nothing changed.

        >>> job.order_automatically(threshold=10)
        >>> job.auto_order
        True
        """
        limits = {"auto_order_threshold": threshold, "auto_order_timeout": timeout}
        given = {name: whole(name, limit) for name, limit in limits.items() if limit is not None}
        for name, value in {**given, "auto_order": True}.items():
            self[name] = value
        self.update()

    # Who may answer

    @property
    def channels(self) -> JSONObject:
        """``enabled_channels`` and ``available_channels``; assign a list of names to replace.

        Calls ``GET /jobs/{id}/channels``, each time; assigned to, ``PUT /jobs/{id}/channels``.

        :raises ApplicationError: The account has no such channel; none is changed.

        >>> job.channels["enabled_channels"]
        ['cf_internal', 'on_demand']
        >>> job.channels = ["cf_internal"]
        >>> job.channels["enabled_channels"]
        ['cf_internal']
        """
        return self.client.get_job_channels(self.id)

    @channels.setter
    def channels(self, channels: Iterable[str]) -> None:
        self.client.set_job_channels(self.id, channels)

    def add_channels(self, channels: Iterable[str]) -> None:
        """Let contributors come from more channels.

        Calls ``POST /jobs/{id}/channels``.

        :raises ApplicationError: The account has no such channel; none is changed.

        >>> job.add_channels(["clixsense"])
        >>> job.channels["enabled_channels"]
        ['cf_internal', 'clixsense', 'on_demand']
        """
        self.client.add_job_channels(self.id, channels)

    def disable_channel(self, channel: str) -> None:
        """Let no contributors come from a channel any more.

        Calls ``POST /jobs/{id}/disable_channel``.

        :raises ApplicationError: The account has no such channel; none is changed.

        >>> job.disable_channel("on_demand")
        >>> job.channels["enabled_channels"]
        ['cf_internal']
        """
        (name,) = channel_names([channel])
        self._path.disable_channel(data={"channel_name": name}, method="post", _suffix=None)

    @property
    def tags(self) -> list[str]:
        """Names under which the job is filed; assign a list to replace them.

        Calls ``GET /jobs/{id}/tags``, each time; assigned to, ``PUT /jobs/{id}/tags``.

        >>> job.tags = ["reviews", "spring"]
        >>> job.tags
        ['reviews', 'spring']
        """
        return self.client.get_job_tags(self.id)

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self.client.set_job_tags(self.id, tags)

    def add_tag(self, tag: str) -> None:
        """File the job under one more name.

        Calls ``POST /jobs/{id}/tags``.

        >>> job.add_tag("reviews")
        """
        self.client.add_job_tag(self.id, tag)

    def remove_tags(self, tags: Iterable[str]) -> None:
        """Take the job out of some of the names under which it is filed.

        Calls ``DELETE /jobs/{id}/tags``.

        >>> job.tags = ["reviews", "spring"]
        >>> job.remove_tags(["spring"])
        >>> job.tags
        ['reviews']
        """
        self.client.remove_job_tags(self.id, tags)

    # Its life

    def estimate(self, units_count: int, *, fee_percent: float = pricing.FEE_PERCENT) -> int:
        """Estimate what an order of units will cost, in US cents; sends nothing.

        It goes by the job as it is here, changes included that were not sent yet. With dynamic
        judgments it is the most that the units may need; one's own contributors cost nothing.

        :param units_count: How many units, test questions not counted.
        :param fee_percent: What the service adds to what contributors are paid.
        :raises InvalidInput: The job does not say what the estimate needs.

        >>> job.payment_cents, job.judgments_per_unit, job.units_per_assignment
        (10, 3, 4)
        >>> job.estimate(8)
        144

        Source: CrowdFlower, `Job Costs
        <https://success.crowdflower.com/hc/en-us/articles/202703165>`_.
        """
        whole("units_count", units_count)
        fields = {name: self[name] for name in pricing.FIELDS}
        return pricing.launch_cents(fields, units_count, fee_percent)

    @overload
    def launch(
        self,
        units_count: int,
        channels: Sequence[str] = (ON_DEMAND,),
        *,
        key: str | None = None,
        max_cost_cents: int | None = None,
        dry_run: Literal[False] = False,
    ) -> Order: ...
    @overload
    def launch(
        self,
        units_count: int,
        channels: Sequence[str] = (ON_DEMAND,),
        *,
        key: str | None = None,
        max_cost_cents: int | None = None,
        dry_run: Literal[True],
    ) -> DryRun: ...
    def launch(
        self,
        units_count: int,
        channels: Sequence[str] = (ON_DEMAND,),
        *,
        key: str | None = None,
        max_cost_cents: int | None = None,
        dry_run: bool = False,
    ) -> Order | DryRun:
        """Order units: from now on contributors are shown them, and paid.

        Calls ``POST /jobs/{id}/orders``, once, and reads the job until it runs, for some seconds at
        most.

        :param units_count: How many units to release, from 1 on; this caps what is spent.
        :param channels: Where contributors come from; replaces the enabled channels.
        :param key: Your name for this payment; there is never a second one of it.
        :param max_cost_cents: Refuse to order if :meth:`estimate`, by the job as the service has
            it, is more.
        :param dry_run: Return the request, and send nothing.
        :raises OverBudget: It may cost more; nothing was sent.
        :raises PaymentRequired: The balance does not cover it.
        :raises ValidationError: The job is not ready; the text says what it lacks.
        :raises DuplicateOperation: A payment of this name was begun before.
        :raises OutcomeUnknown: It may have been placed; ``reconcile()`` of the error looks.

        >>> draft = job.copy(all_units=True)
        >>> order = draft.launch(8, channels=["cf_internal"], max_cost_cents=200)
        >>> draft.state, order.nuggeted_units_count
        ('running', 8)
        """
        payment = Launch(self.id, units_count, channels)
        operations = self.client.operations
        if dry_run:
            return operations.preview(payment)
        order = operations.pay(payment, key=key, max_cost_cents=max_cost_cents)
        self._watch("launched", "running")
        return Order(self, self._client).absorb(order)

    def pause(self) -> None:
        """Stop handing out units; judgments already open may still arrive.

        Calls ``GET /jobs/{id}/pause``, and reads the job until its state has changed, for some
        seconds at most.

        :raises ApplicationError: The job was never launched.

        >>> job.pause()
        >>> job.state
        'paused'
        """
        self._act("paused", "paused", self._path.pause())

    def resume(self) -> None:
        """Go on with a paused job, or with a finished one that has units left.

        Calls ``GET /jobs/{id}/resume``, and reads the job as :meth:`pause` does.

        :raises ApplicationError: The job is neither paused nor finished.

        >>> job.pause()
        >>> job.resume()
        >>> job.state
        'running'
        """
        self._act("resumed", "running", self._path.resume())

    def cancel(self) -> None:
        """End the job for good; what was ordered and not answered is refunded.

        Calls ``GET /jobs/{id}/cancel``, and reads the job as :meth:`pause` does.

        :raises ApplicationError: The job was never launched.

        >>> job.cancel()
        >>> job.state
        'canceled'
        """
        self._act("canceled", "canceled", self._path.cancel())

    def ping(self) -> JSONObject:
        """Return the counts: units ordered and done, judgments given and still needed.

        Calls ``GET /jobs/{id}/ping``. Read it with ``.get()``: services of different ages send six
        to ten of these.

        >>> job.ping()["needed_judgments"]
        18
        """
        counts: JSONObject = self._path.ping()
        return counts

    def legend(self) -> JSONObject:
        """Return what the form asks: field to label to the values that may be chosen.

        Calls ``GET /jobs/{id}/legend``. A service of 2011 maps field to label, no more.

        >>> job.legend()
        {'sentiment': {'What does the review say?': {'positive': 'Good', 'negative': 'Bad'}}}
        """
        legend: JSONObject = self._path.legend()
        return legend

    def get_worker(self, id: int) -> Worker:  # noqa: A002
        """Return a contributor by the ``worker_id`` of a judgment; sends nothing.

        >>> job.get_worker(judgment.worker_id).flag("Too fast")
        """
        return Worker(self, self._client, id=id)

    def _act(self, done: str, wanted: str, answer: Any) -> None:
        """Take in the answer to a verb: the job itself, or a message, behind which we look."""
        if isinstance(answer, dict) and "id" in answer and not messages.remarks(answer):
            self._learn(answer)
        else:
            self._watch(done, wanted)

    def _watch(self, done: str, wanted: str) -> None:
        """Look at the job until its state changes: the service answers before it has done it."""
        unchanged = {self._state.get("state")} - {None, wanted}
        for pause in SETTLING:
            self.client.clock.sleep(pause)
            seen = self._look("job", done, self._path)
            if not seen or self._state.get("state") not in unchanged:
                return

    def _summary(self) -> tuple[object, ...]:
        state = self._state
        title = state.get("title")
        return (state.get("id"), *([repr(title)] if title else []), state.get("state", ""))
