"""A dlt source: the tables of jobs, of which each run moves what is new."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from crowdflower.client import Client
from crowdflower.dlt.job_visit import (
    PRIMARY_KEYS,
    JobVisit,
    connection_settings,
    require_for_dlt,
)
from crowdflower.dlt.row_digests import changed_rows
from crowdflower.exceptions import InvalidInput
from crowdflower.job import Job
from crowdflower.models.arguments import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa


def crowdflower_source(
    jobs: int | str | Job | Sequence[int | str | Job] | None = None,
    *,
    tables: str | Sequence[str] = ("units", "judgments", "results", "jobs"),
    api_key: str | None = None,
    base_url: str | None = None,
    requests_per_second: float | None = None,
    batch_rows: int = 10_000,
    schemas: Mapping[str, pa.Schema] = MappingProxyType({}),
) -> Any:
    """Return a dlt source with the tables of some jobs; every run yields what is new, as Arrow.

    ``units`` and ``judgments`` are new by their ids. ``results`` are those that differ from the
    last run, for whatever reason, and dlt merges them by ``unit_id``; ``jobs`` likewise. What was
    moved is remembered in the state of the pipeline, per job: ids, counts and digests, no rows and
    no key. Each table has the column ``job_id``.

    Calls ``GET /jobs/{id}`` and what
    :func:`~crowdflower.tables.partitions.partition_reader.read_partition` calls; for judgments of a
    job that is completely loaded and has no new judgment, nothing else. The results are downloaded
    in each run.

    :param jobs: Jobs, their ids or aliases; otherwise ``sources.crowdflower.jobs`` of the
        configuration of dlt.
    :param tables: The tables to read, or the name of one.
    :param api_key: Better not here, but as ``sources.crowdflower.api_key`` in the secrets of dlt,
        such as the variable ``SOURCES__CROWDFLOWER__API_KEY``; ``CROWDFLOWER_API_KEY`` by default.
    :param base_url: The service; ``sources.crowdflower.base_url`` or ``CROWDFLOWER_API_URL`` by
        default.
    :param requests_per_second: The rate limit of the account.
    :param batch_rows: Rows of an Arrow batch at most.
    :param schemas: Names and types of the columns of a table, where those that are found do not
        fit; keep its key. See :doc:`/partitions`.
    :raises InvalidInput: There is no such table.
    :raises ImportError: dlt or pyarrow is not installed.
    """
    dlt, _ = require_for_dlt("dlt"), require_for_dlt("pyarrow")
    names = (tables,) if isinstance(tables, str) else tuple(tables)
    for table in (*names, *schemas):
        if table not in PRIMARY_KEYS:
            raise InvalidInput(
                f"no table {table!r:.80}{did_you_mean(str(table), PRIMARY_KEYS)}; choose from:"
                f" {', '.join(PRIMARY_KEYS)}"
            )

    def crowdflower(
        jobs: Any = dlt.config.value,
        api_key: Any = None,
        base_url: str | None = None,
    ) -> Any:
        settings = connection_settings(
            api_key, base_url, max_requests_per_second=requests_per_second
        )
        references = _references(jobs)
        for table in names:
            yield dlt.resource(
                _read_table,
                name=table,
                primary_key=PRIMARY_KEYS[table],
                write_disposition="merge",
            )(table, references, settings, batch_rows, schemas.get(table))

    crowdflower.__annotations__.update(
        jobs=Any, api_key=dlt.TSecretStrValue | None, base_url=str | None
    )
    source = dlt.source(crowdflower, name="crowdflower", section="crowdflower")
    given = {"jobs": jobs, "api_key": api_key, "base_url": base_url}
    return source(**{name: value for name, value in given.items() if value is not None})


def _read_units(visits: Iterable[JobVisit]) -> Iterator[pa.Table]:
    for visit in visits:
        yield from visit.read("units", "unit_id")


def _read_judgments(visits: Iterable[JobVisit]) -> Iterator[pa.Table]:
    for visit in visits:
        yield from visit.new_judgments()


def _read_results(visits: Iterable[JobVisit]) -> Iterator[pa.Table]:
    for visit in visits:
        yield from changed_rows(visit.read("results"), "unit_id", visit.state)


def _read_jobs(visits: Iterable[JobVisit]) -> Iterator[pa.Table]:
    for visit in visits:
        for batch in visit.read("jobs"):
            rows = json.dumps(batch.to_pylist(), default=str)
            digest = blake2b(rows.encode(), digest_size=16).hexdigest()
            if visit.state.get("row") != digest:
                visit.state["row"] = digest
                yield batch


_READERS: Final = {
    "units": _read_units,
    "judgments": _read_judgments,
    "results": _read_results,
    "jobs": _read_jobs,
}


def _read_table(
    table: str,
    references: Sequence[int | str],
    settings: Mapping[str, Any],
    batch_rows: int,
    schema: pa.Schema | None,
) -> Iterator[pa.Table]:
    """Yield what is new in a table of some jobs; a client lives as long as the loop."""
    remembered = require_for_dlt("dlt").current.resource_state()
    states, types = remembered.setdefault("jobs", {}), remembered.setdefault("types", {})

    def visits(client: Client) -> Iterator[JobVisit]:
        for reference in references:
            job = client.get_job(reference)
            state = states.get(str(job.id))
            created_at = job.json.get("created_at")
            if state is None or state["created_at"] != created_at:  # a sandbox uses ids again
                state = states[str(job.id)] = {"created_at": created_at}
            yield JobVisit(client, job, state, types, batch_rows, schema)

    with Client(**settings) as client:
        yield from _READERS[table](visits(client))


def _references(jobs: Any) -> list[int | str]:
    """Return ids and aliases; from the configuration they may come as one string."""
    if isinstance(jobs, str):
        jobs = [name.strip(" \"'") for name in jobs.strip("[]").split(",")]
    given = jobs if isinstance(jobs, (list, tuple, set, frozenset)) else [jobs]
    ids = [each.id if isinstance(each, Job) else each for each in given]
    return [int(each) if isinstance(each, str) and each.isdecimal() else each for each in ids]
