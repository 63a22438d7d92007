"""The base class of the contributors in a crowd."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.cml import Form
    from crowdflower.sandbox.clock import Clock
    from crowdflower.sandbox.crowd.profiles import Profile
    from crowdflower.sandbox.rules.work.handout import PageUnit

UnitsByValue: TypeAlias = "Callable[[str], Mapping[str, Collection[int]]]"
"""Maps a column of a job to its index: value, as a string, to the ids of the units with it."""


class Contributor(ABC):
    """A contributor who works on pages.

    What a contributor does depends only on the clock's seed, their number and the unit or page, so
    that a run can be repeated in any order with the same result.

    :param number: Position in the crowd, from 1.
    :param worker: Their row of the table ``worker``.
    :param profile: Their skill, speed and habits.
    :param name: Their name in messages; by default that of the profile.
    """

    def __init__(
        self, number: int, worker: Row[Any], clock: Clock, profile: Profile, name: str = ""
    ) -> None:
        self.number = number
        self.worker = worker
        self.clock = clock
        self.profile = profile
        self.name = name or profile.name
        self.pages_submitted: Counter[int] = Counter()
        """Job id to the number of its pages that they have submitted."""
        self.any_channel = self.any_country = False
        """Whether they may join another channel, or move to another country, for a job."""
        self.elsewhere: dict[tuple[str, str | None], Contributor] = {}
        """The same contributor in other channels and countries."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.number}: {self.name}>"

    def move_to(self, worker: Row[Any]) -> Contributor:
        """Return the same contributor as another row of the table ``worker``."""
        moved = copy(self)
        moved.worker = worker
        moved.pages_submitted = Counter()
        return moved

    def units_to_answer(self, units: UnitsByValue) -> Collection[int] | None:  # noqa: ARG002 - for subclasses
        """Return the ids of the units that they can answer; ``None`` for all."""
        return None

    @property
    def configured_questions(self) -> Collection[str]:
        """Names of the questions that were given a truth, texts or recorded answers."""
        return ()

    @abstractmethod
    def fill(self, form: Form, unit: PageUnit, pages: int) -> dict[str, Any] | None:
        """Answer the questions about one unit.

        :param pages: How many pages of the job they submitted before.
        :returns: Question to answer; ``None`` without an answer, which abandons the page.
        """

    def seconds(self, unit: PageUnit) -> float:
        """Return how many seconds they need for one unit."""
        return self.profile.seconds(self.clock.random("pace", self.number, unit.id))

    def abandons(self, page: int) -> bool:
        """Return whether they will never submit this page."""
        probability = self.profile.abandons
        return (
            probability > 0 and self.clock.random("leave", self.number, page).random() < probability
        )
