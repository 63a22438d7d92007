"""A job: rows, a form, and the settings for collecting judgments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal, Self, overload

from crowdflower._types import JSONObject, Rows
from crowdflower.exceptions import InvalidInput
from crowdflower.http.transport import Expected
from crowdflower.judgment import Judgment, JudgmentAggregate
from crowdflower.models import shapes
from crowdflower.models.arguments import channel_names, joined, names, whole
from crowdflower.models.job_fields import JobFields
from crowdflower.models.resource import Resource
from crowdflower.order import Order
from crowdflower.payments import pricing
from crowdflower.payments.kinds import Launch
from crowdflower.payments.records import DryRun
from crowdflower.rows import upload_source
from crowdflower.rows.votes import judgments_in, votes
from crowdflower.states import ON_DEMAND, ReportType
from crowdflower.unit import Unit, UnitPromise
from crowdflower.worker import Worker

if TYPE_CHECKING:
    from crowdflower.quality import Consensus
    from crowdflower.rows.exactly_once import Uploaded

NEEDED_TO_KEEP_ANYTHING: Final = ("title", "instructions", "cml")

FEW_UNITS: Final = 20
"""Units up to which a request each is cheaper than a report, which takes seconds to build."""

NO_BODY: Final = Expected(as_json=False, follow=True, redirects=True)


class Job(JobFields):
    """A job: rows, a form, and the settings for collecting judgments."""

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
        self.absorb(
            self.client.request(
                "GET", self._path(), shape=partial(shapes.json_object, kind="job")
            ).body
        )
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

    # Its rows

    @overload
    def upload(self, data: Rows, force: bool = False) -> None: ...
    @overload
    def upload(
        self,
        data: Rows,
        force: bool = False,
        *,
        key: str,
        resume: str | PathLike[str] | None = None,
        live: bool = False,
    ) -> Uploaded: ...
    def upload(
        self,
        data: Rows,
        force: bool = False,
        *,
        key: str | None = None,
        resume: str | PathLike[str] | None = None,
        live: bool = False,
    ) -> Uploaded | None:
        """Append rows; with a ``key``, each of them exactly once.

        Calls ``PUT /jobs/{id}/upload``. The rows are encoded to a temporary file as they are
        consumed, and sent once all of them are known to be good.

        Without ``key`` that is one request. When its answer is lost, nobody knows whether the rows
        are there: :class:`~crowdflower.exceptions.OutcomeUnknown`, and sending them again may make
        two of each.

        With ``key`` they go in chunks. When an answer is lost, the job is read, and only what is
        not there is sent again. In the end every row has been seen in the job, and what was there
        twice has been deleted. Rows that the job held before are not sent, so that the same call
        once more does no harm. This holds as long as nobody else adds rows with these keys.

        :param data: Any iterable of dicts from column to JSON value.
        :param force: Take rows whose columns differ from those of the first upload.
        :param key: The column by which rows are told apart: in each row, a text or a whole number,
            no two the same.
        :param resume: With ``key``, a file to keep the plan of the upload in. A process that was
            killed goes on by the same call with the same file.
        :param live: With ``key``, upload although the job is launched, or orders by itself. Rows
            cannot be deleted then, and one that might arrive twice stops the upload.
        :returns: With ``key``, what was done.
        :raises InvalidInput: A row cannot be sent; its ``row`` says which, and none was.
        :raises OutcomeUnknown: Without ``key``, the answer was lost.
        :raises UploadIncomplete: With ``key``, it had to stop; its ``resume`` says how to go on.
        :raises SourceChanged: These are not the rows that the upload in ``resume`` began with.
        :raises UploadLocked: Somebody else goes on with it just now.

        >>> job.upload([{"review": "Would buy again."}], force=True)
        >>> draft = client.create_job({"title": "Reviews"})
        >>> draft.upload([{"id": n, "review": "Fine."} for n in range(3)], key="id")
        Uploaded(rows=3, chunks=1, resends=0, duplicates_removed=0, found=0)
        """
        if key is None:
            _need_key(resume, live=live)
            self._learn_uploaded(self.client.upload_job(data, self.id, force))
            return None
        from crowdflower.rows import exactly_once, upload_keys  # noqa: PLC0415 - few need it, all import us

        source = upload_keys.of_rows(data, key, force=force)
        done = exactly_once.upload_exactly_once(
            self.client,
            self.id,
            source,
            self._unit_data,
            key=key,
            force=force,
            resume=resume,
            live=live,
        )
        self._refresh("uploaded")
        return done

    @overload
    def upload_file(
        self,
        file: str | PathLike[str] | IO[Any],
        type_: str | None = None,
        force: bool = False,
    ) -> None: ...
    @overload
    def upload_file(
        self,
        file: str | PathLike[str] | IO[Any],
        type_: str | None = None,
        force: bool = False,
        *,
        key: str,
        resume: str | PathLike[str] | None = None,
        live: bool = False,
    ) -> Uploaded: ...
    def upload_file(
        self,
        file: str | PathLike[str] | IO[Any],
        type_: str | None = None,
        force: bool = False,
        *,
        key: str | None = None,
        resume: str | PathLike[str] | None = None,
        live: bool = False,
    ) -> Uploaded | None:
        """Append the rows of a file; with a ``key``, each of them exactly once.

        Calls ``PUT /jobs/{id}/upload``. :meth:`upload` says what a ``key`` promises, and what
        its absence does not. With a ``key``, the file is a CSV or has a JSON object on each line.

        :param file: A path, or an open file of bytes or text.
        :param type_: ``csv``, ``json`` (an object a line), another format or a MIME type; guessed
            from the file's name by default.
        :param force: Take rows whose columns differ from those of the first upload.
        :param key: The column by which rows are told apart, as its header calls it.
        :param resume: As in :meth:`upload`.
        :param live: As in :meth:`upload`.
        :raises ValueError: The type cannot be guessed.
        :raises InvalidInput: It is not UTF-8, or a CSV without header; its ``row`` says where.

        >>> job.upload_file("more.csv", force=True)
        >>> draft = client.create_job({"title": "Reviews"})
        >>> draft.upload_file("more.csv", key="review").rows
        2
        """
        if key is None:
            _need_key(resume, live=live)
            self._learn_uploaded(self.client.upload_job_file(file, type_, self.id, force))
            return None
        from crowdflower.rows import exactly_once, upload_keys  # noqa: PLC0415 - few need it, all import us

        with upload_source.open_file(file, type_) as (body, content_type):
            source = upload_keys.of_file(body, content_type, key, force=force)
            done = exactly_once.upload_exactly_once(
                self.client,
                self.id,
                source,
                self._unit_data,
                key=key,
                force=force,
                resume=resume,
                live=live,
            )
        self._refresh("uploaded")
        return done

    def unit_ids(self, key: str) -> Iterator[tuple[str, int]]:
        """Yield what stands in a column, and the id of its unit, for all units.

        Calls ``GET /jobs/{id}/units``, a request for a thousand of them.

        >>> dict(job.unit_ids("review"))["Never again."] == job.units[-1].id
        True
        """
        from crowdflower.rows.exactly_once import keys_of_units  # noqa: PLC0415 - as above

        return keys_of_units(self._unit_data(), key)

    @property
    def units(self) -> list[UnitPromise]:
        """All units with their data, test questions included; fetched once.

        Calls ``GET /jobs/{id}/units``, a request for a thousand of them.

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

    def mark_test_questions(self, check: str, with_: str | None = None) -> JSONObject:
        """Turn the rows that have a known answer to one field into test questions.

        Calls ``PUT /jobs/{id}/gold``. The service refuses to make more than a third of the rows
        test questions.

        :param check: The field of the form.
        :param with_: The column with the right answers; ``{check}_gold`` by default.
        :returns: ``affected``, how many rows, and ``populated``, the answers found. A service that
            does it in the background says no more than that; one that answers with the rows is
            counted.
        :raises ValidationError: No row has an answer, or too many have one.

        >>> draft = client.upload_job(
        ...     {"text": "Fine!", "mood": "up" if n < 3 else None} for n in range(10)
        ... )
        >>> draft.mark_test_questions("feeling", "mood")
        {'affected': 3, 'populated': ['up']}
        """
        data = {"check": check, "with": with_ or f"{check}_gold", "convert_units": True}
        answer = self.client.request("PUT", self._path("gold"), data=data).body
        if isinstance(answer, list):
            return {"affected": len(answer)}
        return shapes.json_object(answer, "count")

    def reset_test_questions(self) -> None:
        """Turn all test questions back into plain rows.

        Calls ``PUT /jobs/{id}/gold``.

        >>> job.reset_test_questions()
        >>> job.reload().golds_count
        0
        """
        self.client.request("PUT", self._path("gold"), data={"reset": True})

    def get_test_questions(self) -> list[JSONObject]:
        """Return the test questions as the service shows them to their owner.

        Calls ``GET /jobs/{id}/test_questions``. What an item holds is not documented.

        >>> len(job.get_test_questions()) == job.golds_count
        True
        """
        shape = partial(shapes.object_list, kind="test question")
        path = self._path("test_questions", suffix="")
        questions: list[JSONObject] = self.client.request("GET", path, shape=shape).body
        return questions

    def fire_test_question_webhooks(self) -> None:
        """Let the service post ``unit_complete`` for every test question.

        Calls ``GET /jobs/{id}/golds/fire_webhooks``.

        >>> job.fire_test_question_webhooks()
        """
        self.client.request("GET", self._path("golds/fire_webhooks", suffix=""), NO_BODY)

    def get_unit(self, id: int) -> Unit:  # noqa: A002
        """Fetch one unit with its results.

        Calls ``GET /jobs/{job_id}/units/{id}``.

        >>> job.get_unit(unit.id).state
        'golden'
        """
        return self.client.get_unit(self, id)

    def add_unit(self, data: Mapping[str, Any], golden: bool = False) -> Unit:
        """Add one row.

        Calls ``POST /jobs/{job_id}/units``. Where the job orders by itself, this spends money.

        :param data: Column to JSON value.
        :param golden: Make it a test question; ``data`` then has its answers as ``{field}_gold``.

        >>> job.add_unit({"review": "It hums."}).state
        'new'
        """
        return self.client.add_unit(self, data, golden)

    def upload_progress(self) -> JSONObject:
        """Return how far the latest upload got: ``done`` and ``count``.

        Calls ``GET /jobs/{id}/units/ping``.

        :raises ApplicationError: The service could not read a row; the text says which.

        >>> job.upload_progress()
        {'done': True, 'count': 10}
        """
        progress: JSONObject = self.client.request("GET", self._path("units/ping")).body
        return progress

    def split_units(self, on: Sequence[str], with_: str = " ") -> None:
        """Split the text of some columns into lists, in every row.

        Calls ``GET /jobs/{id}/units/split``.

        :param on: The columns.
        :param with_: What stands between the parts.
        :raises InvalidInput: The columns are no list of names; nothing was sent.

        >>> draft = client.upload_job([{"colors": "red blue"}, {"colors": "green"}])
        >>> draft.split_units(["colors"])
        >>> [unit.data for unit in draft.units]
        [{'colors': ['red', 'blue']}, {'colors': ['green']}]
        """
        columns = joined("on", on)
        if not columns:
            raise InvalidInput("on is empty; name the columns to split")
        query = {"on": columns, "with": with_}
        self.client.request("GET", self._path("units/split", suffix=""), NO_BODY, query=query)

    def _unit_data(self) -> Iterator[tuple[int, JSONObject]]:
        """Yield id and data of all units, as the service has them now."""
        for unit in self.client.get_units(self.id):
            yield unit.id, unit.data

    def _learn_uploaded(self, job: Resource) -> None:
        """Take in a job as it was after an upload; one that could not be read is but an id."""
        if job.json.keys() - {"id"}:
            self._learn(job.json)

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
        path = self._path("disable_channel", suffix="")
        self.client.request("POST", path, data={"channel_name": name})

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
        self._refresh("launched", "running")
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
        answer = self.client.request("GET", self._path("pause")).body
        self._refresh("paused", "paused", answer)

    def resume(self) -> None:
        """Go on with a paused job, or with a finished one that has units left.

        Calls ``GET /jobs/{id}/resume``, and reads the job as :meth:`pause` does.

        :raises ApplicationError: The job is neither paused nor finished.

        >>> job.pause()
        >>> job.resume()
        >>> job.state
        'running'
        """
        answer = self.client.request("GET", self._path("resume")).body
        self._refresh("resumed", "running", answer)

    def cancel(self) -> None:
        """End the job for good; what was ordered and not answered is refunded.

        Calls ``GET /jobs/{id}/cancel``, and reads the job as :meth:`pause` does.

        :raises ApplicationError: The job was never launched.

        >>> job.cancel()
        >>> job.state
        'canceled'
        """
        answer = self.client.request("GET", self._path("cancel")).body
        self._refresh("canceled", "canceled", answer)

    def ping(self) -> JSONObject:
        """Return the counts: units ordered and done, judgments given and still needed.

        Calls ``GET /jobs/{id}/ping``. Read it with ``.get()``: services of different ages send six
        to ten of these.

        >>> job.ping()["needed_judgments"]
        18
        """
        counts: JSONObject = self.client.request("GET", self._path("ping")).body
        return counts

    def legend(self) -> JSONObject:
        """Return what the form asks: field to label to the values that may be chosen.

        Calls ``GET /jobs/{id}/legend``. A service of 2011 maps field to label, no more.

        >>> job.legend()
        {'sentiment': {'What does the review say?': {'positive': 'Good', 'negative': 'Bad'}}}
        """
        legend: JSONObject = self.client.request("GET", self._path("legend")).body
        return legend

    def get_worker(self, id: int) -> Worker:  # noqa: A002
        """Return a contributor by the ``worker_id`` of a judgment; sends nothing.

        >>> job.get_worker(judgment.worker_id).flag("Too fast")
        """
        return Worker(self, self._client, id=id)

    # Its results

    @property
    def judgment_aggregates(self) -> list[JudgmentAggregate]:
        """The units that have judgments, with the answers put together; fetched once.

        Calls ``GET /jobs/{id}/judgments``, a request for a hundred of them.

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

    def get_results_report(self) -> list[Unit]:
        """Return all units with their judgments and aggregated answers.

        Calls ``GET /jobs/{id}.csv`` for the JSON report; :meth:`results` does it without holding
        all of it.

        :raises ReportNotReady: It was not built within half an hour.
        :raises ReportCorrupt: The archive is damaged.

        >>> len(job.get_results_report()) == job.units_count
        True
        """
        return self.client.get_report(self)

    def results(self) -> Iterator[Unit]:
        """Yield all units with their judgments and aggregated answers, one at a time.

        Calls ``GET /jobs/{id}.csv`` for the JSON report, which is kept in a temporary file and read
        from there.

        :raises ReportNotReady: It was not built within half an hour.
        :raises ReportCorrupt: The archive is damaged.

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
        aggregation start from, here and in other libraries. Calls ``GET /jobs/{id}.csv``, as
        :meth:`results` does.

        :param field: The field of the form; may be left out where it has just one.
        :raises ValueError: It was left out, and the form has several or none.

        >>> next(job.votes("sentiment"))[2]
        'positive'
        """
        field = field if field is not None else self._only_field()
        yield from votes(((unit.id, unit.results) for unit in self.results()), field)

    def aggregate(
        self, method: str = "dawid-skene", field: str | None = None
    ) -> Consensus[int, int, str]:
        """Weigh the answers by another method than the service's own.

        Calls ``GET /jobs/{id}.csv``, as :meth:`results` does.

        :param method: ``majority``, ``wawa``, ``one-coin`` or ``dawid-skene``.
        :param field: The field of the form; may be left out where it has just one.
        :returns: A label and probabilities for each unit id, a skill for each worker id.
        :raises ValueError: There is no such method, or the field was left out of several.

        >>> consensus = job.aggregate("majority")
        >>> consensus.labels[job.units[2].id]
        'negative'
        """
        from crowdflower.quality import METHODS  # noqa: PLC0415 - few weigh, all import

        if method not in METHODS:
            raise ValueError(f"no method {method!r}; there are: {', '.join(METHODS)}")
        return METHODS[method](self.votes(field))

    def _only_field(self) -> str:
        fields = list(self.fields or ())
        if len(fields) != 1:
            raise ValueError(f"say which field of the form you mean: {', '.join(fields) or 'none'}")
        return fields[0]

    def judgments(self) -> Iterator[Judgment]:
        """Yield all judgments, one at a time, unit by unit.

        They are read from the JSON report, which is one download for all of them: calls
        ``GET /jobs/{id}.csv``. Of a job with at most 20 units they come sooner by a request a unit:
        calls ``GET /jobs/{id}/units`` and ``GET /jobs/{id}/units/{id}/judgments``.

        >>> len(list(job.judgments())) == job.judgments_count
        True
        """
        if self.units_count is not None and self.units_count <= FEW_UNITS:
            for promise in self.client.get_units(self):
                yield from promise.get_judgments()
        else:
            for unit in self.results():
                for data in judgments_in(unit.id, unit.results):
                    yield Judgment(unit.job, self._client).absorb(data)

    def download_report(
        self, type_: ReportType, path: str | PathLike[str], overwrite: bool = False, **how: Any
    ) -> Path:
        """Download a report to a file, which is there as a whole or not at all.

        Calls ``GET /jobs/{id}.csv``. The client's method of the same name says more, and takes
        more.

        >>> job.download_report("aggregated", "answers.csv").name
        'answers.csv'
        """
        return self.client.download_report(self, type_, path, overwrite, **how)

    def regenerate(self, type_: ReportType = "json") -> None:
        """Have a report built anew; the next download waits for it.

        Calls ``POST /jobs/{id}/regenerate``.

        >>> job.regenerate("full")
        """
        self.client.regenerate_report(self, type_)

    def _summary(self) -> tuple[object, ...]:
        state = self._state
        title = state.get("title")
        return (state.get("id"), *([repr(title)] if title else []), state.get("state", ""))


def _need_key(resume: object, *, live: bool) -> None:
    """Refuse what has a meaning only for rows that can be told apart."""
    if resume is not None or live:
        raise InvalidInput("resume and live need key, the column by which rows are told apart")
