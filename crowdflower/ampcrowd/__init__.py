"""AMPCrowd: a small service that puts points before a crowd and posts the answers back.

.. code-block:: text

    client   groups of points go out, under the name of a crowd
    points   what a point of each type looks like, checked before it is sent
    inbox    answers come in: a WSGI application, and who waits for it
    serving  the same on a port of this machine

A point is the smallest thing to be labeled: a text for its sentiment (``sa``), two records that may
be the same thing (``er``), a question about one record (``ft``). Points are sent in groups, worked
on in batches, and answered one batch at a time by a request of the server's to an address of yours.

Source: AMPLab, `AMPCrowd <https://amplab.github.io/ampcrowd/>`_.
"""

from crowdflower.ampcrowd.client import AMPCrowdClient
from crowdflower.ampcrowd.inbox import Answer, Group, GroupIncomplete, Inbox
from crowdflower.ampcrowd.points import Pair, Question, TaskType, Text

__all__ = [
    "AMPCrowdClient",
    "Answer",
    "Group",
    "GroupIncomplete",
    "Inbox",
    "Pair",
    "Question",
    "TaskType",
    "Text",
]
