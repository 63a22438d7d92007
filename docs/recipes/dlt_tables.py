"""Load the tables of jobs into DuckDB: dlt_tables.py JOB …; run again, it moves what is new."""

import sys

import dlt

from crowdflower.dlt import crowdflower_source

pipeline = dlt.pipeline("labels", destination="duckdb", dataset_name="crowd")
pipeline.run(crowdflower_source(jobs=sys.argv[1:]))

with pipeline.sql_client() as database:
    for state, units in database.execute_sql("SELECT state, count(*) FROM results GROUP BY 1"):
        print(state, units)
