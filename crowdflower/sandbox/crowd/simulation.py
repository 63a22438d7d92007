"""Contributors who make up their answers, each true to a profile."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from crowdflower.sandbox.crowd.answers import REMARKS, Respondent, answer
from crowdflower.sandbox.crowd.contributor import Contributor
from crowdflower.sandbox.crowd.truth import Truth

if TYPE_CHECKING:
    from sqlalchemy import Row

    from crowdflower.cml import Form
    from crowdflower.sandbox.clock import Clock
    from crowdflower.sandbox.crowd.profiles import Profile
    from crowdflower.sandbox.rules.work.handout import PageUnit

Difficulty: TypeAlias = "str | Callable[[Mapping[str, Any]], float] | None"
"""How hard a row is, from 0 to 1: a column of the rows, a function of the row, or all are easy."""

NOT_ASKED = frozenset({"hidden", "meta"})
"""Kinds of questions that the page answers, not its contributor."""


@dataclass(frozen=True)
class SimulationSettings:
    """What the simulated contributors of one group share.

    :param truth: What is right.
    :param texts: Question to what people write where the truth is not known.
    :param difficulty: How hard each row is.
    """

    truth: Truth
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    difficulty: Difficulty = None

    def difficulty_of(self, unit: PageUnit) -> float:
        """Look up how hard a unit is.

        :raises ValueError: It is no number from 0 to 1, or the column is not there.
        """
        if self.difficulty is None:
            return 0.0
        found = (
            self.difficulty(unit.data)
            if callable(self.difficulty)
            else (unit.data.get(self.difficulty))
        )
        try:
            hardness = float(found)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            hardness = -1.0
        if not 0 <= hardness <= 1:
            raise ValueError(
                f"The difficulty of unit {unit.id} is {found!r}: give a number from 0 to 1."
            )
        return hardness


class SimulatedContributor(Contributor):
    """Somebody who is right as often as their profile says.

    Accuracy is drawn once, from the profile and the number.
    """

    def __init__(
        self,
        number: int,
        worker: Row[Any],
        clock: Clock,
        profile: Profile,
        world: SimulationSettings,
    ) -> None:
        super().__init__(number, worker, clock, profile)
        self.world = world
        accuracy = profile.accuracy(clock.chance("accuracy", number))
        self.character = Respondent(profile, accuracy, self._preference)

    @property
    def questions(self) -> Collection[str]:
        """Name the questions with a truth or texts of their own."""
        return {*self.world.truth.given, *self.world.texts}

    def fill(self, form: Form, unit: PageUnit, pages: int) -> dict[str, Any]:
        """Answer every question that is asked, and leave it to the form which are shown."""
        who = self.character
        if self.profile.fades:
            who = replace(who, fatigue=self.profile.fades * pages)
        hardness = self.world.difficulty_of(unit)
        answers = {}
        for question in form.fields:
            if question.kind in NOT_ASKED:
                continue
            given = answer(
                question,
                self.world.truth.answers_to(question, unit.id, unit.data),
                who,
                self.clock.chance("answer", self.number, unit.id, question.name),
                difficulty=hardness,
                remarks=self.world.texts.get(question.name, REMARKS),
            )
            if given is not None:
                answers[question.name] = given
        return answers

    def _preference(self, question: str) -> int:
        return self.clock.chance("preference", self.number, question).getrandbits(32)
