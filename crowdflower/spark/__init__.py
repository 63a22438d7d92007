"""Spark: tables of jobs as DataFrames, rows of DataFrames as units, and consensus on a cluster.

.. code-block:: text

    spark_source      the data source: reads tables, and writes rows
    spark_stream      a stream of new judgments
    spark_options     the options of both
    spark_conditions  one of them: which rows to read
    spark_consensus   the consensus of votes in a DataFrame

Needs PySpark 4.1 or newer: ``pip install 'crowdflower-client[spark]'``. :doc:`/spark` shows how to
use it.
"""

from crowdflower.tables.optional_packages import require

require("pyspark", "spark", "crowdflower.spark")

from crowdflower.spark.spark_consensus import MAX_VOTES, consensus  # noqa: E402 - after the check
from crowdflower.spark.spark_source import CrowdflowerSource, register  # noqa: E402 - the same

__all__ = ["MAX_VOTES", "CrowdflowerSource", "consensus", "register"]
