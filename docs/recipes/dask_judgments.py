"""Count answers with Dask, and upload its partitions: dask_judgments.py QUESTION JOB …"""

import sys

import dask
import dask.dataframe
import pyarrow as pa

from crowdflower.client import Client
from crowdflower.tables.partitions import (
    commit_write,
    plan_partitions,
    read_partition,
    start_write,
    write_partition,
)


def load(partition):
    with Client.from_env() as client:  # each worker has a client of its own
        batches = read_partition(client, partition)
        return pa.Table.from_batches(batches, partition.schema).to_pandas()


def upload(frame, token, number):
    with Client.from_env() as client:
        return write_partition(client, frame, token, partition=number)


if __name__ == "__main__":
    question, *ids = sys.argv[1:]
    with Client.from_env() as client:
        jobs = [int(each) for each in ids]
        plan = plan_partitions(client, "judgments", jobs, columns=["unit_id", question])
        empty = plan.schema.empty_table().to_pandas()
        judgments = dask.dataframe.from_map(load, plan.partitions, meta=empty)
        counts = judgments.groupby(["unit_id", question], observed=True).size().compute()
        print(len(judgments), "judgments,", len(counts), "different answers")

        rows = counts.rename("answers").reset_index()[["unit_id", "answers"]]
        rows = rows.groupby("unit_id").sum().reset_index()
        parts = dask.dataframe.from_pandas(rows, npartitions=2).to_delayed()
        target = client.get_or_create_job(f"answers-of-{jobs[0]}", title="Check the answers")
        token = start_write(client, target.id, key="unit_id")
        tasks = [dask.delayed(upload)(part, token, number) for number, part in enumerate(parts)]
        print(commit_write(client, token, dask.compute(*tasks)).rows, "rows")
