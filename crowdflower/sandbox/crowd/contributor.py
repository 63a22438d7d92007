"""What a crowd is made of: people who take pages, and what they do with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.cml import Form
    from crowdflower.sandbox.clock import Clock
    from crowdflower.sandbox.crowd.profiles import Profile
    from crowdflower.sandbox.rules.work.handout import PageUnit

Units: TypeAlias = "Callable[[str], Mapping[str, Collection[int]]]"
"""From a column of a job to its units: value, as text, to the numbers of the units that have it."""


class Contributor(ABC):
    """Somebody who works on pages.

    All they do is a function of the clock's seed, their number, and what it is done to: whoever
    asks, and when, and in which order, it comes out the same.

    :param number: Their place in the crowd, from 1.
    :param worker: Their row among the workers.
    :param profile: How fast they are, and how they go about pages.
    :param name: What they are called in messages; by default as their profile.
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
        """Job to how many of its pages they have handed in."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.number}: {self.name}>"

    def reach(self, units: Units) -> Collection[int] | None:  # noqa: ARG002 - for those who do
        """Name the units they would work on; ``None`` for any."""
        return None

    @property
    def questions(self) -> Collection[str]:
        """Name the questions that somebody said something about for them."""
        return ()

    @abstractmethod
    def fill(self, form: Form, unit: PageUnit, pages: int) -> dict[str, Any] | None:
        """Answer the questions about one unit.

        :param pages: How many pages of the job they have handed in before.
        :returns: Question to answer; ``None`` when they cannot say, and give up the page.
        """

    def seconds(self, unit: PageUnit) -> float:
        """Say how long they take over one unit."""
        return self.profile.seconds(self.clock.chance("pace", self.number, unit.id))

    def abandons(self, page: int) -> bool:
        """Tell whether they will leave a page open."""
        leaves = self.profile.abandons
        return leaves > 0 and self.clock.chance("leave", self.number, page).random() < leaves
