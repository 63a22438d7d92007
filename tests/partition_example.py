"""Reads the judgments of some jobs in four processes."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor

import pyarrow as pa

from crowdflower import Client
from crowdflower.tables.partitions import Partition, plan_partitions, read_partition


def read(partition: Partition) -> list[pa.RecordBatch]:
    """Read a partition, in a process of its own with a client of its own."""
    with Client.from_env() as client:
        return list(read_partition(client, partition))


def main(jobs: list[str]) -> None:
    """Count the answers to a question of some jobs."""
    plan = plan_partitions(Client.from_env(), "judgments", jobs, requests_per_second=20)
    with ProcessPoolExecutor(max_workers=4) as pool:
        batches = [batch for each in pool.map(read, plan.partitions) for batch in each]
    judgments = pa.Table.from_batches(batches, plan.schema)
    counts = judgments.group_by("mood").aggregate([("mood", "count")])
    print(dict(zip(*counts.to_pydict().values(), strict=True)))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
