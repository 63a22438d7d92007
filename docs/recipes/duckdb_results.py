"""Query results in DuckDB, and upload what a query finds: duckdb_results.py JOB"""

import sys

import duckdb
import pyarrow as pa

from crowdflower.client import Client
from crowdflower.tables.partitions import plan_partitions, read_partition

with Client.from_env() as client:
    job = client.get_job(int(sys.argv[1]))
    plan = plan_partitions(client, "results", [job])
    batches = (batch for each in plan.partitions for batch in read_partition(client, each))
    loaded = pa.RecordBatchReader.from_batches(plan.schema, batches)

    database = duckdb.connect("results.duckdb")
    database.execute("CREATE OR REPLACE TABLE results AS FROM loaded")
    doubtful = database.sql("SELECT sku, review FROM results WHERE agreement < 0.7 ORDER BY sku")

    again = client.get_or_create_job(f"doubtful-{job.id}", title="Doubtful reviews")
    if len(doubtful):
        again.upload(doubtful, key="sku")
    print(again.reload().units_count, "doubtful rows")
