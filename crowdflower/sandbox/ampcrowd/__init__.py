"""AMPCrowd's API, a second API for the same jobs and contributors.

.. code-block:: text

    service        AMPCrowdService: what a sandbox does for AMPCrowd; AccessPolicy: its access rules
    routes         the views: paths, authorization
    payload        parses and checks the request for a group
    groups         groups of points, each of which is a job
    task_forms     the form for each type of task
    batches        gives batches to contributors, takes their answers
    batch_results  aggregates the answers of complete batches
    callbacks      posts the results to the requester

A group is an ordinary job, which the list of jobs shows only if asked for: contributors, pages,
quality control and reports work as for every job. What people see in a browser is rendered by
``crowdflower.sandbox.pages``.
"""

from crowdflower.sandbox.ampcrowd.callbacks import Delivery
from crowdflower.sandbox.ampcrowd.service import AccessPolicy, AMPCrowdService

__all__ = ["AMPCrowdService", "AccessPolicy", "Delivery"]
