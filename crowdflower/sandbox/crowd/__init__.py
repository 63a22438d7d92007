"""Simulated contributors, and contributors who replay recorded answers.

.. code-block:: text

    crowd         Crowd: adds contributors and lets them work on a job
    run           one run over one job: arrivals, pages, submissions
    plan          when a run stops, and its summary
    contributor   the base class of contributors
    simulation    contributors who answer according to a profile
    replay        contributors who repeat recorded answers
    profiles      skill, speed and habits
    truth         the right answers
    answers       one answer to one question

Nothing here writes to a table: contributors take and submit pages through the same rules as people.
"""

from crowdflower.sandbox.crowd.crowd import Crowd
from crowdflower.sandbox.crowd.plan import Summary
from crowdflower.sandbox.crowd.profiles import PROFILES, Profile, confusion

__all__ = ["PROFILES", "Crowd", "Profile", "Summary", "confusion"]
