"""Read the judgments of jobs with Ray: ray_judgments.py QUESTION JOB …"""

import sys

import pyarrow as pa
import ray

from crowdflower.client import Client
from crowdflower.tables.partitions import plan_partitions, read_partition


@ray.remote(num_cpus=1, max_retries=3)
def load(partition):
    with Client.from_env() as client:  # each worker has a client of its own
        return pa.Table.from_batches(read_partition(client, partition), partition.schema)


if __name__ == "__main__":
    question, *ids = sys.argv[1:]
    with Client.from_env() as client:
        jobs = [int(each) for each in ids]
        plan = plan_partitions(client, "judgments", jobs, columns=["unit_id", question])
    ray.init(num_cpus=2)
    judgments = ray.data.from_arrow_refs([load.remote(each) for each in plan.partitions])
    print(judgments.count(), "judgments")
    print(judgments.groupby(question, num_partitions=2).count().to_pandas().sort_values(question))
