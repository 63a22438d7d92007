"""Spark: tables of jobs as DataFrames, rows of DataFrames as units, and consensus on a cluster.

.. code-block:: text

    spark_consensus   the consensus of votes in a DataFrame

Needs PySpark 4.1 or newer: ``pip install 'crowdflower-client[spark]'``. :doc:`/spark` shows how to
use it.
"""

from crowdflower.tables.optional_packages import require

require("pyspark", "spark", "crowdflower.spark")

from crowdflower.spark.spark_consensus import MAX_VOTES, consensus  # noqa: E402 - after the check

__all__ = ["MAX_VOTES", "consensus"]
