"""Divides a table into partitions, and finds out its columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from crowdflower._types import JSONObject, describe_type
from crowdflower.exceptions import InvalidInput
from crowdflower.http.base_client import BaseClient
from crowdflower.http.encoding import segment
from crowdflower.models import shapes
from crowdflower.models.arguments import check_count, did_you_mean
from crowdflower.models.job_fields import JobFields
from crowdflower.models.job_form import parsed_form
from crowdflower.tables.answers import Questions
from crowdflower.tables.optional_packages import require
from crowdflower.tables.partitions import column_types
from crowdflower.tables.partitions.account_verbs import account
from crowdflower.tables.partitions.column_types import Sample, TypedPlan
from crowdflower.tables.partitions.condition import Condition, as_conditions, check_names
from crowdflower.tables.partitions.job_list import job_schema, plan_jobs
from crowdflower.tables.partitions.partition import (
    JobReport,
    Part,
    Partition,
    PartitionPlan,
    UnitPages,
    check_schema,
)
from crowdflower.tables.partitions.planned_column import JobColumns
from crowdflower.tables.partitions.schema_names import check_unknown, other_case
from crowdflower.tables.partitions.unit_pages import read_page

if TYPE_CHECKING:
    import pyarrow as pa


TABLES: Final = ("units", "judgments", "results", "jobs")
"""The tables that can be read in partitions."""

_COLUMNS_OF: Final = {
    "judgments": column_types.judgment_columns_of,
    "results": column_types.result_columns_of,
}


def plan_partitions(
    client: BaseClient,
    table: str,
    jobs: Iterable[Any] | Any = (),
    *,
    columns: Sequence[str] | None = None,
    conditions: Iterable[Condition] = (),
    partitions: int = 4,
    requests_per_second: float | None = None,
    schema: pa.Schema | None = None,
) -> PartitionPlan:
    """Divide a table into partitions, which other processes or machines can read.

    Units are divided by pages, judgments and results by jobs, since each job has one report. The
    schema is known before anything is read, and the same for all partitions. It is that of
    ``job.judgments().to_arrow()`` and ``job.results().to_arrow()``; units have ``unit_id`` and the
    columns of their rows. With several jobs, there is a column ``job_id``, and a row has nulls for
    columns of other jobs. :doc:`/partitions` explains how types are chosen.

    Calls ``GET /jobs/{id}``; for units and results ``GET /jobs/{id}/units``; for judgments and
    results ``GET /jobs/{id}/judgments``; for jobs ``GET /jobs``.

    :param table: ``units``, ``judgments``, ``results`` or ``jobs``.
    :param jobs: Jobs, or their ids. For the table ``jobs``, none means all of the account.
    :param columns: Names of the columns to read; all by default. Others are not built.
    :param conditions: Only rows that fulfil all of these; they are applied before batches are
        built. A condition on the state or the time of creation of jobs is left to the service.
    :param partitions: How many partitions at most. The service counts requests per account, so
        more of them are not faster once the account's rate is used up.
    :param requests_per_second: The rate of the account, of which each partition gets the same
        share; by default that of the client, if it has one.
    :param schema: Names and types to use in place of those that were found. A name may differ in
        its case from that of the only such column. A name that is not found is an error if all rows
        were looked at, or if it is similar to another; otherwise a warning.
    :raises InvalidInput: A table, a column or an operator does not exist, a value does not fit its
        column, or an argument has a wrong type.
    :raises NotFound: A job does not exist.
    :raises ImportError: pyarrow is not installed.

    >>> from crowdflower.tables.partitions import plan_partitions
    >>> plan = plan_partitions(client, "judgments", [job], columns=["unit_id", "sentiment"])
    >>> plan
    <PartitionPlan: 1 partition, 2 columns>
    >>> plan.schema.names
    ['unit_id', 'sentiment']
    """
    require("pyarrow", "arrow", "plan_partitions")
    if table not in TABLES:
        raise InvalidInput(
            f"no table {table!r:.80}{did_you_mean(str(table), TABLES)}; choose from:"
            f" {', '.join(TABLES)}"
        )
    check_count("partitions", partitions)
    wanted, found = _check_columns(columns), as_conditions(conditions)
    if schema is not None:
        check_schema(schema)
    rate = requests_per_second or account(client).max_requests_per_second
    limited = account(client).with_rate_limit(requests_per_second)
    ids = _job_ids(limited, jobs)
    if table == "jobs":
        known = job_schema()
        _check_found(table, known, found)
        parts: list[Part] = [*plan_jobs(limited, ids, found, partitions)]
        if schema is not None:
            aliases = other_case(schema.names, known.names)
            known = _with_aliases(known, aliases)
            check_names("schema", table, schema.names, known.names)
            parts = [_with_schema(each, schema, table, aliases) for each in parts]
    else:
        if not ids:
            raise InvalidInput(f"the table {table} needs at least one job: pass jobs=[job.id]")
        parts, known = _plan_table(limited, table, ids, partitions, schema)
        _check_found(table, known, found)
    whole = known if schema is None else schema
    if wanted is not None:
        check_names("columns", table, wanted, whole.names)
        whole = whole.empty_table().select(wanted).schema
    types = {each.column: _type_of(whole, known, each.column) for each in found}
    shared = _share_out(parts, partitions)
    template = Partition(
        table=table,
        parts=(),
        schema=whole,
        conditions=found,
        condition_types=tuple(types.items()),
        is_strict=wanted is None and schema is None,
        has_schema=schema is not None,
        requests_per_second=None if rate is None else rate / len(shared),
    )
    return PartitionPlan(whole, tuple(replace(template, parts=tuple(each)) for each in shared))


def _check_columns(columns: object) -> list[str] | None:
    if columns is None:
        return None
    if isinstance(columns, (str, Mapping)) or not isinstance(columns, Iterable):
        raise InvalidInput(f"columns must be a list of names, not {describe_type(columns)}")
    names = list(columns)
    if not names:
        raise InvalidInput("columns is empty: name at least one column, or pass None for all")
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(f"columns has {name!r:.80} twice")
    return names


def _check_found(table: str, known: pa.Schema, conditions: Iterable[Condition]) -> None:
    for each in conditions:
        check_names("conditions", table, [each.column], known.names)
        each.check(known.field(each.column).type)


def _type_of(schema: pa.Schema, known: pa.Schema, name: str) -> Any:
    """Return the type by which a condition compares: that of the table, whatever is asked for."""
    return known.field(name).type if name in known.names else schema.field(name).type


def _job_ids(client: BaseClient, jobs: Any) -> list[int]:
    """Return the ids of jobs, which may be given by their aliases."""
    if isinstance(jobs, (int, str, JobFields)):
        jobs = [jobs]
    if isinstance(jobs, Mapping) or not isinstance(jobs, Iterable):
        raise InvalidInput(f"jobs must be a list of jobs or ids, not {describe_type(jobs)}")
    return list(dict.fromkeys(_job_id(client, each) for each in jobs))


def _job_id(client: BaseClient, job: Any) -> int:
    if isinstance(job, JobFields):
        job = job.id
    if isinstance(job, str) and job.strip().isdecimal():
        job = int(job)
    if isinstance(job, str):
        return int(account(client).get_job(job).id)  # an alias
    return check_count("a job id", job)


# A table of some jobs


def _plan_table(
    client: BaseClient, table: str, ids: Sequence[int], partitions: int, schema: pa.Schema | None
) -> tuple[list[Part], pa.Schema]:
    several = len(ids) > 1
    jobs = [account(client).get_job(job_id) for job_id in ids]
    parts: list[Part] = []
    typed: list[list[TypedPlan]] = []
    samples: list[Sample] = []
    pages = _divide([_units_count(job) for job in jobs], partitions)
    for job, count in zip(jobs, pages, strict=True):
        if table == "units":
            anchored = _anchors(client, job, count)
            sample = Sample(units=[each for page in anchored.values() for each in page])
            columns, found = column_types.unit_columns(sample, several=several)
            parts += _unit_parts(job.id, columns, anchored, count)
        else:
            questions = Questions.of(parsed_form(job), job.fields)
            sample = _report_sample(client, table, job, questions)
            of_report = _COLUMNS_OF[table]
            columns, found = of_report(questions, sample, several=several)
            weight = job.json.get("judgments_count") or 0
            parts.append(JobReport(job.id, columns, weight + _units_count(job)))
        typed.append(found)
        samples.append(sample)
    if several:
        parts, typed = _with_shared_names(table, parts, typed)
    known = column_types.merge(typed)
    if schema is None:
        return parts, known
    aliases = other_case(schema.names, known.names)
    known = _with_aliases(known, aliases)
    unknown = [name for name in schema.names if name not in known.names]
    if any(each.units or each.results for each in samples):
        is_whole = all(
            len(sample.units) >= max(1, _units_count(job))
            for sample, job in zip(samples, jobs, strict=True)
        )
        check_unknown(table, unknown, known.names, schema.names, is_whole=is_whole)
    for name in unknown:
        known = known.append(schema.field(name))
    return [_with_schema(each, schema, table, aliases) for each in parts], known


def _with_shared_names(
    table: str, parts: Iterable[Part], typed: Sequence[Sequence[TypedPlan]]
) -> tuple[list[Part], list[list[TypedPlan]]]:
    """Return parts and columns of several jobs, in which a name is that of one kind of column."""
    names = column_types.shared_names(table, typed)
    lists = [
        [each._replace(column=column_types.renamed(each.column, names)) for each in found]
        for found in typed
    ]
    of_table = tuple({each.column.name: each.column for found in lists for each in found}.values())
    changed = []
    for part in parts:
        columns = tuple(column_types.renamed(each, names) for each in part.columns.columns)
        planned = replace(part.columns, columns=columns, of_table=of_table)
        changed.append(replace(part, columns=planned))
    return changed, lists


def _with_aliases(known: pa.Schema, aliases: Mapping[str, str]) -> pa.Schema:
    for name, same in aliases.items():
        known = known.append(known.field(same).with_name(name))
    return known


def _with_schema(part: Part, schema: pa.Schema, table: str, aliases: Mapping[str, str]) -> Part:
    columns = column_types.with_schema(part.columns, schema.names, table, aliases)
    return replace(part, columns=columns)


def _units_count(job: Any) -> int:
    count = job.json.get("units_count")
    return count if isinstance(count, int) else 0


def _report_sample(client: BaseClient, table: str, job: Any, questions: Questions) -> Sample:
    results: list[JSONObject] = []
    if job.json.get("judgments_count") != 0:
        path = f"jobs/{segment(job.id)}/judgments.json"
        page = client.request("GET", path, query={"page": 1}, shape=shapes.page_by_unit).body
        results = column_types.sample_of_aggregates(page, questions)
    if table == "judgments":
        return Sample(results=results)
    pages = _anchors(client, job, 1)
    return Sample([each for page in pages.values() for each in page], results)


def _anchors(client: BaseClient, job: Any, count: int) -> dict[int, list[JSONObject]]:
    """Return the first pages of some ranges, and the last page of all, each with its units."""
    found = {1: _units(read_page(client, job.id, 1))}
    size = len(found[1])
    if not size:
        return {}
    last = -(-_units_count(job) // size)
    places = {1 + number * last // count for number in range(1, count)} | {last}
    for place in sorted(places - {1, 0}):
        page = _units(read_page(client, job.id, place))
        if not page:
            break  # the job counts units that are not listed
        found[place] = page
    return found


def _units(page: Mapping[int, JSONObject]) -> list[JSONObject]:
    return [{"id": unit_id, "data": data} for unit_id, data in page.items()]


def _unit_parts(
    job_id: int, columns: JobColumns, anchored: Mapping[int, list[JSONObject]], count: int
) -> list[UnitPages]:
    """Return ranges of pages; the last one has no end."""
    if not anchored:
        return [UnitPages(job_id, columns)]
    places = list(anchored)
    last, size = places[-1], len(anchored[1])
    starts = [1 + number * last // count for number in range(count)]
    starts = sorted({start for start in starts if start in anchored})
    first = {place: page[0]["id"] for place, page in anchored.items()}
    parts = []
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        anchor = last if end is None else end
        parts.append(
            UnitPages(
                job_id,
                columns,
                first_page=start,
                last_page=None if end is None else end - 1,
                anchors=tuple({start: first[start], anchor: first[anchor]}.items()),
                size=size,
                weight=((end or last + 1) - start) * size,
            )
        )
    return parts


def _divide(counts: Sequence[int], partitions: int) -> list[int]:
    """Return into how many parts to divide each job.

    >>> _divide([5000, 100_000, 0], 6), _divide([5000, 100_000, 0], 2)
    ([1, 4, 1], [1, 1, 1])
    """
    parts = [1] * len(counts)
    while sum(parts) < partitions:
        sizes = [count / part for count, part in zip(counts, parts, strict=True)]
        parts[sizes.index(max(sizes))] += 1
    return parts


def _share_out(parts: Sequence[Part], partitions: int) -> list[list[Part]]:
    """Return the parts in at most so many groups of about the same size."""
    groups: list[list[Part]] = [[] for _ in range(min(partitions, len(parts)))]
    loads = [0] * len(groups)
    for part in sorted(parts, key=lambda part: -part.weight):
        smallest = loads.index(min(loads))
        groups[smallest].append(part)
        loads[smallest] += max(1, part.weight)
    places = {id(part): place for place, part in enumerate(parts)}
    groups = [sorted(group, key=lambda part: places[id(part)]) for group in groups]
    return sorted(groups, key=lambda group: places[id(group[0])])
