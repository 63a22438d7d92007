"""Contributors who answer according to a profile."""

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
"""How hard a row is, from 0 to 1: a column of the rows, a function of the row, or ``None`` for 0.
"""

AUTOMATIC_FIELDS = frozenset({"hidden", "meta"})
"""Kinds of fields that the page fills in itself."""


@dataclass(frozen=True)
class SimulationSettings:
    """What the contributors of one call of ``Crowd.add`` share.

    :param truth: The right answers.
    :param texts: Question to texts for open questions without a known answer.
    :param difficulty: How hard each row is.
    """

    truth: Truth
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    difficulty: Difficulty = None

    def difficulty_of(self, unit: PageUnit) -> float:
        """Return how hard a unit is.

        :raises ValueError: The value is not a number from 0 to 1, or the column is missing.
        """
        if self.difficulty is None:
            return 0.0
        if isinstance(self.difficulty, str) and self.difficulty not in unit.data:
            raise ValueError(
                f"Unit {unit.id} has no column {self.difficulty!r} with its difficulty; its columns"
                f" are: {', '.join(map(str, unit.data)) or 'none'}."
            )
        value = (
            self.difficulty(unit.data)
            if callable(self.difficulty)
            else (unit.data.get(self.difficulty))
        )
        try:
            difficulty = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            difficulty = -1.0
        if not 0 <= difficulty <= 1:
            raise ValueError(
                f"The difficulty of unit {unit.id} must be a number from 0 to 1, not {value!r}."
            )
        return difficulty


class SimulatedContributor(Contributor):
    """A contributor who is right as often as their profile says.

    Their accuracy is drawn once, from the profile's distribution.
    """

    def __init__(
        self,
        number: int,
        worker: Row[Any],
        clock: Clock,
        profile: Profile,
        settings: SimulationSettings,
    ) -> None:
        super().__init__(number, worker, clock, profile)
        self.settings = settings
        accuracy = profile.accuracy(clock.random("accuracy", number))
        self.respondent = Respondent(profile, accuracy, self._preference)

    @property
    def configured_questions(self) -> Collection[str]:
        """The questions that were given a truth or texts."""
        return {*self.settings.truth.sources, *self.settings.texts}

    def fill(self, form: Form, unit: PageUnit, pages: int) -> dict[str, Any]:
        """Answer every question; the form ignores answers to questions that are not shown."""
        respondent = self.respondent
        if self.profile.fades:
            respondent = replace(respondent, fatigue=self.profile.fades * pages)
        difficulty = self.settings.difficulty_of(unit)
        answers = {}
        for question in form.fields:
            if question.kind in AUTOMATIC_FIELDS:
                continue
            value = answer(
                question,
                self.settings.truth.answers_to(question, unit.id, unit.data),
                respondent,
                self.clock.random("answer", self.number, unit.id, question.name),
                difficulty=difficulty,
                remarks=self.settings.texts.get(question.name, REMARKS),
            )
            if value is not None:
                answers[question.name] = value
        return answers

    def _preference(self, question: str) -> int:
        return self.clock.random("preference", self.number, question).getrandbits(32)
