"""A dlt destination: the rows of a pipeline as units of a job, each exactly once."""

from __future__ import annotations

from typing import Any, Final

from crowdflower.client import Client
from crowdflower.dlt.job_visit import connection_settings, require_for_dlt
from crowdflower.exceptions import (
    ConfigError,
    InvalidInput,
    OutcomeUnknown,
    RateLimited,
    RefusedError,
    ServerError,
)

OWN_PREFIX: Final = "_dlt_"
"""How the names of the columns begin that dlt adds."""


def crowdflower_destination(
    job: int | str | None = None,
    key: str | None = None,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    journal: str | None = None,
    force: bool = False,
    max_jobs: int = 1,
) -> Any:
    """Return a dlt destination that uploads rows to a job, each exactly once by its key.

    Each file that dlt loads is one :meth:`Client.upload_many
    <crowdflower.client.Client.upload_many>`: rows that the job holds are not sent, so a load that
    failed or was killed can be repeated. Rows that the service refuses stop the load at once;
    anything else is tried again by dlt. Nothing is launched.

    :param job: The job, its id or its alias; otherwise ``destination.crowdflower.job`` of the
        configuration of dlt.
    :param key: The column that identifies a row; otherwise ``destination.crowdflower.key``.
    :param api_key: As in :func:`crowdflower_source`, as ``destination.crowdflower.api_key``.
    :param base_url: The service, as in :func:`crowdflower_source`.
    :param journal: A journal file, which lets an upload that was killed know what it had sent.
    :param force: Accept rows whose columns differ from those of the first upload.
    :param max_jobs: How many jobs the rows may take; with more than 1, rows that the job has no
        room for go to copies of it.
    :raises ImportError: dlt or pyarrow is not installed.
    """
    dlt, _ = require_for_dlt("dlt"), require_for_dlt("pyarrow")

    def crowdflower(
        items: Any,
        table: Any,
        job: Any = dlt.config.value,
        key: str = dlt.config.value,
        api_key: Any = None,
        base_url: str | None = None,
        journal: str | None = None,
    ) -> None:
        settings = connection_settings(api_key, base_url, journal=journal)
        try:
            with Client(**settings) as client:
                client.upload_many(
                    _without_own_columns(items), job=job, key=key, force=force, max_jobs=max_jobs
                )
        except _REPEATABLE:
            raise
        except (RefusedError, InvalidInput, ConfigError) as error:
            problem = f"table {table['name']}: {error}"
        else:
            return
        exceptions = require_for_dlt("dlt.common.destination.exceptions")
        raise exceptions.DestinationTerminalException(problem)

    crowdflower.__annotations__.update(
        items=Any, table=Any, job=Any, key=str, api_key=dlt.TSecretStrValue | None,
        base_url=str | None, journal=str | None,
    )  # fmt: skip
    destination = dlt.destination(
        crowdflower,
        name="crowdflower",
        loader_file_format="parquet",
        batch_size=0,  # a whole file at a time: each upload reads the job first
        max_parallel_load_jobs=1,
        naming_convention="direct",
    )
    given = {"job": job, "key": key, "api_key": api_key, "base_url": base_url, "journal": journal}
    return destination(**{name: value for name, value in given.items() if value is not None})


_REPEATABLE: Final = (OutcomeUnknown, RateLimited, ServerError)
"""Errors after which dlt tries again, as after those that are not refusals."""


def _without_own_columns(path: str) -> Any:
    """Return the rows of a file without the columns that dlt adds."""
    pyarrow, parquet = (
        require_for_dlt("pyarrow"),
        require_for_dlt("pyarrow.parquet").ParquetFile(path),
    )
    names = [name for name in parquet.schema_arrow.names if not name.startswith(OWN_PREFIX)]
    schema = pyarrow.schema([parquet.schema_arrow.field(name) for name in names])
    return pyarrow.RecordBatchReader.from_batches(schema, parquet.iter_batches(columns=names))
