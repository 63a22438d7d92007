"""A job's rows: uploading them, adding one, making test questions of some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from crowdflower._types import JSONObject, Rows
from crowdflower.job_fields import JobFields
from crowdflower.unit import Unit, UnitPromise

if TYPE_CHECKING:
    from os import PathLike


class JobUnits(JobFields):
    """What a job does with its rows."""

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

    def mark_test_questions(self, check: str, with_: str | None = None) -> JSONObject:
        """Turn the rows that have a known answer to one field into test questions.

        Calls ``PUT /jobs/{id}/gold``. The service refuses to make more than a third of the rows
        test questions.

        :param check: The field of the form.
        :param with_: The column with the right answers; ``{check}_gold`` by default.
        :returns: ``affected``, how many rows, and ``populated``, the answers found.
        :raises ValidationError: No row has an answer, or too many have one.

        >>> draft = client.upload_job(
        ...     {"text": "Fine!", "mood": "up" if n < 3 else None} for n in range(10)
        ... )
        >>> draft.mark_test_questions("feeling", "mood")
        {'affected': 3, 'populated': ['up']}
        """
        answer: JSONObject = self._path.gold(
            data={"check": check, "with": with_ or f"{check}_gold", "convert_units": True},
            method="put",
        )
        return answer

    def reset_test_questions(self) -> None:
        """Make plain rows of all test questions.

        Calls ``PUT /jobs/{id}/gold``.

        >>> job.reset_test_questions()
        >>> job.reload().golds_count
        0
        """
        self._path.gold(data={"reset": True}, method="put")

    def get_test_questions(self) -> list[JSONObject]:
        """Return the test questions as the service shows them to their owner.

        Calls ``GET /jobs/{id}/test_questions``. What an item holds is not documented.
        """
        questions: list[JSONObject] = self._path.test_questions(_suffix=None)
        return questions

    def fire_test_question_webhooks(self) -> None:
        """Let the service post ``unit_complete`` for every test question.

        Calls ``GET /jobs/{id}/golds/fire_webhooks``.
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

        >>> draft = client.upload_job([{"colors": "red blue"}, {"colors": "green"}])
        >>> draft.split_units(["colors"])
        >>> [unit.data for unit in draft.units]
        [{'colors': ['red', 'blue']}, {'colors': ['green']}]
        """
        self._path.units.split(
            query={"on": ",".join(on), "with": with_}, _suffix=None, as_json=False
        )
