"""A job's rows: uploading them, adding one, making test questions of some."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import IO, TYPE_CHECKING, Any, overload

from crowdflower._types import JSONObject, Rows
from crowdflower.exceptions import InvalidInput
from crowdflower.http.messages import an_object, objects
from crowdflower.models.job_fields import JobFields
from crowdflower.models.resource import Resource, joined
from crowdflower.rows import upload_source
from crowdflower.unit import Unit, UnitPromise

if TYPE_CHECKING:
    from os import PathLike

    from crowdflower.rows.exactly_once import Uploaded


class JobUnits(JobFields):
    """What a job does with its rows."""

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
            self.client._caller,  # noqa: SLF001
            self.id,
            source,
            self._data_of_units,
            key=key,
            force=force,
            resume=resume,
            live=live,
        )
        self._look("job", "uploaded", self._path)
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
                self.client._caller,  # noqa: SLF001
                self.id,
                source,
                self._data_of_units,
                key=key,
                force=force,
                resume=resume,
                live=live,
            )
        self._look("job", "uploaded", self._path)
        return done

    def unit_ids(self, key: str) -> Iterator[tuple[str, int]]:
        """Yield what stands in a column, and the id of its unit, for all units.

        Calls ``GET /jobs/{id}/units``, a request for a thousand of them.

        >>> dict(job.unit_ids("review"))["Never again."] == job.units[-1].id
        True
        """
        from crowdflower.rows.exactly_once import keys_of_units  # noqa: PLC0415 - as above

        return keys_of_units(self._data_of_units(), key)

    def _data_of_units(self) -> Iterator[tuple[int, JSONObject]]:
        """Yield id and data of all units, as the service has them now."""
        for unit in self.client.get_units(self.id):
            yield unit.id, unit.data

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
        answer = self._path.gold(
            data={"check": check, "with": with_ or f"{check}_gold", "convert_units": True},
            method="put",
        )
        return {"affected": len(answer)} if isinstance(answer, list) else an_object(answer, "count")

    def reset_test_questions(self) -> None:
        """Turn all test questions back into plain rows.

        Calls ``PUT /jobs/{id}/gold``.

        >>> job.reset_test_questions()
        >>> job.reload().golds_count
        0
        """
        self._path.gold(data={"reset": True}, method="put")

    def get_test_questions(self) -> list[JSONObject]:
        """Return the test questions as the service shows them to their owner.

        Calls ``GET /jobs/{id}/test_questions``. What an item holds is not documented.

        >>> len(job.get_test_questions()) == job.golds_count
        True
        """
        questions: list[JSONObject] = self._path.test_questions(
            _suffix=None, shape=partial(objects, kind="test question")
        )
        return questions

    def fire_test_question_webhooks(self) -> None:
        """Let the service post ``unit_complete`` for every test question.

        Calls ``GET /jobs/{id}/golds/fire_webhooks``.

        >>> job.fire_test_question_webhooks()
        """
        self._path.golds.fire_webhooks(_suffix=None, as_json=False)

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
        progress: JSONObject = self._path.units.ping()
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
        self._path.units.split(query={"on": columns, "with": with_}, _suffix=None, as_json=False)

    def _learn_uploaded(self, job: Resource) -> None:
        """Take in a job as it was after an upload; one that could not be read is but an id."""
        if job.json.keys() - {"id"}:
            self._learn(job.json)


def _need_key(resume: object, *, live: bool) -> None:
    """Refuse what has a meaning only for rows that can be told apart."""
    if resume is not None or live:
        raise InvalidInput("resume and live need key, the column by which rows are told apart")
