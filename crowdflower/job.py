"""One task put before the crowd: what can be done with it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, Final

from crowdflower import envelopes, quality
from crowdflower._types import JSONObject, Rows
from crowdflower.exceptions import ApiError
from crowdflower.job_fields import JobFields
from crowdflower.judgment import Judgment, JudgmentAggregate
from crowdflower.states import ON_DEMAND
from crowdflower.unit import Unit, UnitPromise
from crowdflower.worker import Worker

if TYPE_CHECKING:
    from os import PathLike

    from typing_extensions import Self

    from crowdflower.order import Order
    from crowdflower.paths import PathFactory

NEEDED_TO_KEEP_ANYTHING: Final = ("title", "instructions", "cml")

METHODS: Final = {
    "majority": quality.majority_vote,
    "wawa": quality.wawa,
    "one-coin": quality.one_coin,
    "dawid-skene": quality.dawid_skene,
}
"""Ways to weigh answers that :meth:`Job.aggregate` knows."""


class Job(JobFields):
    """One task put before the crowd: rows, a form, and how they are to be answered."""

    # The job itself

    def update(self) -> None:
        """Send the changes assigned since the job was read, and take in the answer.

        Calls ``PUT /jobs/{id}``; without changes, nothing.

        :raises RuntimeError: Title, instructions or CML stands neither in the job nor in the
            changes: the service would answer that all is well, and keep nothing.
        :raises ApplicationError: The service refuses a value; it keeps none of them.

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

        >>> job.reload().state
        'running'
        """
        self.absorb(self._path())
        self.__dict__.pop("_units", None)
        self.__dict__.pop("_judgment_aggregates", None)
        return self

    def delete(self) -> None:
        """Delete the job; a running one must be canceled first.

        Calls ``DELETE /jobs/{id}``. It leaves the list of jobs and stays readable by id.

        >>> client.create_job({"title": "A draft"}).delete()
        """
        self.client.delete_job(self.id)

    def copy(self, all_units: bool = False, gold: bool = False) -> Job:
        """Make a new job with the same settings and form.

        Calls ``GET /jobs/{id}/copy``. The rows follow in the background.

        :param all_units: Copy all rows too.
        :param gold: Copy the test questions too.

        >>> job.copy(all_units=True).state
        'unordered'
        """
        return self.client.copy_job(self.id, all_units, gold)

    # Its rows

    def upload(self, data: Rows, force: bool = False) -> None:
        """Append rows.

        Calls ``PUT /jobs/{id}/upload``. The rows are encoded to a temporary file as they are
        consumed, and sent once all of them are known to be good.

        :param data: Any iterable of dicts from column to JSON value.
        :param force: Take rows whose columns differ from those of the first upload.
        :raises InvalidInput: A row cannot be sent; its ``row`` says which, and none was.

        >>> job.upload([{"review": "Would buy again."}], force=True)
        """
        self._learn(self.client.upload_job(data, self.id, force).json)

    def upload_file(
        self,
        file: str | PathLike[str] | IO[Any],
        type_: str | None = None,
        force: bool = False,
    ) -> None:
        """Append the rows of a file.

        Calls ``PUT /jobs/{id}/upload``.

        :param file: A path, or an open file of bytes or text.
        :param type_: ``csv``, ``json`` (an object a line), another format or a MIME type; guessed
            from the file's name by default.
        :param force: Take rows whose columns differ from those of the first upload.
        :raises ValueError: The type cannot be guessed.
        :raises InvalidInput: It is not UTF-8, or a CSV without header; its ``row`` says where.

        >>> job.upload_file("more.csv", force=True)
        """
        self._learn(self.client.upload_job_file(file, type_, self.id, force).json)

    @property
    def units(self) -> list[UnitPromise]:
        """All units with their data, test questions included; fetched once, a request a page.

        >>> job.units[0].data["review"]
        'Works as it should, every single day.'
        """
        if "_units" not in self.__dict__:
            self._units = list(self.client.get_units(self))
        return self._units

    def convert_test_questions(self) -> None:
        """Turn the rows whose ``_golden`` column is true into test questions.

        Calls ``PUT /jobs/{id}/gold``. The service does it in the background: ``golds_count`` grows
        shortly after.

        >>> job.convert_test_questions()
        """
        self.client.convert_job_test_questions(self.id)

    # Who may answer

    @property
    def channels(self) -> JSONObject:
        """``enabled_channels`` and ``available_channels``; assign a list of names to replace.

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

    @property
    def tags(self) -> list[str]:
        """Names under which the job is filed; assign a list to replace them.

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

    # Its life

    def launch(self, units_count: int, channels: Sequence[str] = (ON_DEMAND,)) -> Order:
        """Order units: from now on contributors are shown them, and paid.

        Calls ``POST /jobs/{id}/orders``.

        :param units_count: How many units to release, from 1 on; this caps what is spent.
        :param channels: Where contributors come from; replaces the enabled channels.
        :raises PaymentRequired: The balance does not cover it.
        :raises ValidationError: The job is not ready; the text says what it lacks.

        >>> draft = job.copy(all_units=True)
        >>> order = draft.launch(8, channels=["cf_internal"])
        >>> draft.state, order.nuggeted_units_count
        ('running', 8)
        """
        order = self.client.debit_order(self, units_count, channels)
        try:
            self._learn(self._path())
        except ApiError as error:
            # The order is placed and paid: it must not look as if it were not.
            warnings.warn(f"launched, but the job cannot be read again: {error}", stacklevel=2)
        return order

    def pause(self) -> None:
        """Stop handing out units; judgments already open may still arrive.

        Calls ``GET /jobs/{id}/pause``.

        >>> job.pause()
        >>> job.state
        'paused'
        """
        self._act(self._path.pause())

    def resume(self) -> None:
        """Go on with a paused job, or with a finished one that has units left.

        Calls ``GET /jobs/{id}/resume``.

        >>> job.pause()
        >>> job.resume()
        >>> job.state
        'running'
        """
        self._act(self._path.resume())

    def cancel(self) -> None:
        """End the job for good; what was ordered and not answered is refunded.

        Calls ``GET /jobs/{id}/cancel``.

        >>> job.cancel()
        >>> job.state
        'canceled'
        """
        self._act(self._path.cancel())

    def ping(self) -> JSONObject:
        """Return the counts: units ordered and done, judgments given and still needed.

        Calls ``GET /jobs/{id}/ping``. Read it with ``.get()``: services of different ages send six
        to ten of these.

        >>> job.ping()["needed_judgments"]
        24
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

    # What came out

    @property
    def judgment_aggregates(self) -> list[JudgmentAggregate]:
        """The units that have judgments, with the answers put together; fetched once.

        >>> [aggregate.state for aggregate in job.judgment_aggregates]
        ['golden', 'golden', 'finalized', 'finalized']
        """
        if "_judgment_aggregates" not in self.__dict__:
            self._judgment_aggregates = list(self.client.get_judgmentaggregates(self))
        return self._judgment_aggregates

    def get_judgment(self, id: int) -> Judgment:  # noqa: A002
        """Fetch one judgment.

        Calls ``GET /jobs/{job_id}/judgments/{id}``.

        >>> job.get_judgment(judgment.id).data
        {'sentiment': 'positive'}
        """
        return self.client.get_judgment(self, id)

    def get_worker(self, id: int) -> Worker:  # noqa: A002
        """Return a contributor by the ``worker_id`` of a judgment; sends nothing.

        >>> job.get_worker(judgment.worker_id).flag("Too fast")
        """
        return Worker(self, self._client, id=id)

    def get_results_report(self) -> list[Unit]:
        """Return all units with their judgments and aggregated answers.

        Downloads the JSON report; :meth:`results` does it without holding all of it.

        >>> len(job.get_results_report()) == job.units_count
        True
        """
        return self.client.get_report(self)

    def results(self) -> Iterator[Unit]:
        """Yield all units with their judgments and aggregated answers, one at a time.

        Downloads the JSON report to a temporary file and reads it from there.

        >>> for unit in job.results():
        ...     if unit.state == "finalized":
        ...         print(unit.data["review"], "-", unit.get_aggregate("sentiment"))
        Broke on the second day. - negative
        Exactly what I was looking for. - positive
        """
        return self.client.stream_report(self)

    def votes(self, field: str | None = None) -> Iterator[tuple[int, int, str]]:
        """Yield every answer that counts as ``(unit id, worker id, answer)``.

        Judgments of contributors who lost trust are left out. This is the table that methods of
        aggregation start from, here and in other libraries.

        :param field: The field of the form; may be left out where it has just one.

        >>> next(job.votes("sentiment"))[2]
        'positive'
        """
        field = field if field is not None else self._only_field()
        for unit in self.results():
            for judgment in unit.results.get("judgments", ()):
                answer = judgment["data"].get(field)
                if answer is not None and not judgment["tainted"] and not judgment.get("rejected"):
                    yield unit.id, judgment["worker_id"], answer

    def aggregate(
        self, method: str = "dawid-skene", field: str | None = None
    ) -> quality.Consensus[int, int, str]:
        """Weigh the answers by another method than the service's own.

        :param method: ``majority``, ``wawa``, ``one-coin`` or ``dawid-skene``.
        :param field: The field of the form; may be left out where it has just one.
        :returns: A label and probabilities for each unit id, a skill for each worker id.

        >>> consensus = job.aggregate("majority")
        >>> consensus.labels[job.units[2].id]
        'negative'
        """
        if method not in METHODS:
            raise ValueError(f"no method {method!r}; there are: {', '.join(METHODS)}")
        return METHODS[method](self.votes(field))

    def _only_field(self) -> str:
        fields = list(self.fields or ())
        if len(fields) != 1:
            raise ValueError(f"say which field of the form you mean: {', '.join(fields) or 'none'}")
        return fields[0]

    def _act(self, answer: Any) -> None:
        """Take in the answer to a verb: the job itself, or a message, behind which we look."""
        if isinstance(answer, dict) and "id" in answer and not envelopes.remarks(answer):
            self._learn(answer)
        else:
            self._learn(self._path())

    def _summary(self) -> tuple[object, ...]:
        state = self._state
        title = state.get("title")
        return (state.get("id"), *([repr(title)] if title else []), state.get("state", ""))

    @property
    def _path(self) -> PathFactory:
        return self.client.jobs[self.id]
