"""dlt: jobs as a source of Arrow tables, and as a destination of rows.

.. code-block:: text

    dlt_source        tables of jobs: each run moves what is new
    row_digests       which rows differ from those of an earlier run
    job_visit         one job while one of its tables is read
    dlt_destination   rows of a pipeline as units, each exactly once

Needs `dlt <https://dlthub.com>`_: ``pip install 'crowdflower-client[dlt]'``. :doc:`/dlt` shows how
to use it.
"""

from crowdflower.dlt.dlt_destination import crowdflower_destination
from crowdflower.dlt.dlt_source import crowdflower_source
from crowdflower.dlt.job_visit import PRIMARY_KEYS

__all__ = ["PRIMARY_KEYS", "crowdflower_destination", "crowdflower_source"]
