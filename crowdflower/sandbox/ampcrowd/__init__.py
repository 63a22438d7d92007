"""AMPCrowd's API as a second door onto the same store.

.. code-block:: text

    door        paths: who may use them, what they ask    asked      a group, read and checked
    groups      made, found, ended: each of them a job    forms      a form for each type of task
    people      batches to contributors, answers back
    gathering   several answers become one                callbacks  … and are posted back

A group is an ordinary job, off the list of jobs unless it is asked for: contributors, pages,
quality and reports are those of every job. What people see in a browser is drawn by
``crowdflower.sandbox.pages``.
"""

from crowdflower.sandbox.ampcrowd.callbacks import Delivery
from crowdflower.sandbox.ampcrowd.routes import Access, Door

__all__ = ["Access", "Delivery", "Door"]
