"""Client of AMPCrowd, a small service that asks a crowd about points and posts the answers back.

.. code-block:: text

    client     AMPCrowdClient: creates groups of points
    endpoints  its endpoints, with their retry rules
    points     the types of points, checked before they are sent
    inbox      Inbox: receives the answers, as a WSGI application
    serving    serves an inbox on a port of this machine

A point is the smallest thing to be labeled: a piece of text (``sa``, its sentiment), two records
(``er``, whether they are the same thing), or a question about one record (``ft``). Points are sent
in groups and answered in batches; the server posts each batch of answers to a URL of yours.

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
