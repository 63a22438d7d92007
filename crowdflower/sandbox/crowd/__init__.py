"""Simulated contributors: a crowd of chosen skill and speed, and one that repeats a real one.

.. code-block:: text

    crowd         Crowd: who is in it, and letting it work
    running       one run over one job: coming, taking pages, handing in, going
    plan          when a run ends, and what came of it
    contributor   what anybody in the crowd does with a page
    simulated     ... who makes answers up, true to a profile
    replayed      ... who answers what a real person answered
    profiles      kinds of people
    truth         what is right
    answering     what one of them answers to one question

Nobody here writes a row: pages are taken and handed in through the rules, as people do it.
"""

from crowdflower.sandbox.crowd.crowd import Crowd
from crowdflower.sandbox.crowd.plan import Summary
from crowdflower.sandbox.crowd.profiles import PROFILES, Profile, confusion

__all__ = ["PROFILES", "Crowd", "Profile", "Summary", "confusion"]
