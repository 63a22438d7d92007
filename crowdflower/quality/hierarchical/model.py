"""The hierarchical model of Dawid and Skene: the problem, what is assumed, and the fitted model.

A task has a *slot* for each label that is considered for it on its own. With few labels these are
all labels, and every worker has a confusion matrix. From ``WITHOUT_TABLES`` labels on, they are the
labels given for the task; all other labels share one number, the *rest*, and workers have no
matrices, so that a pass takes the same time however many labels there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log
from typing import TYPE_CHECKING, Any, Final

from crowdflower.quality.indexed_votes import HALF_KNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crowdflower.quality.indexed_votes import IndexedVotes

WITHOUT_TABLES: Final = 6
"""Number of labels from which on workers have no confusion matrices."""

SCALES: Final = (1.0, 0.85, 0.7, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2)
"""Factors on log probabilities to choose from; the inverse of the temperature."""

SCORE_DIGITS: Final = 6
"""Decimal places to which the fit of two scales is compared; of equals, the larger wins."""


@dataclass(frozen=True)
class Priors:
    """What is assumed of workers before their votes are seen.

    The defaults were tuned on real votes, and small changes make little difference.

    :param half_known: Votes of a worker at which label frequencies count by about one half.
    :param copying: The probability that a worker copies the true label; otherwise the worker
        answers by habit. With two labels, 0.7 means an accuracy of 0.7 + 0.3 / 2 = 0.85.
    :param copying_votes: How many votes ``copying`` is worth.
    :param habit_votes: Weight, in votes, of the assumption that the habit prefers no label.
    :param table_votes: How many votes per true label these two numbers are worth, compared with the
        worker's confusion matrix.
    :param frequency_votes: How many tasks of each label are added to the frequencies.
    :param unsoftened: How many votes it takes to soften probabilities; they stay as they are for a
        handful of votes.
    """

    half_known: float = HALF_KNOWN
    copying: float = 0.7
    copying_votes: float = 8.0
    habit_votes: float = 2.0
    table_votes: float = 20.0
    frequency_votes: float = 1.0
    unsoftened: float = 10.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < (1 if name == "copying" else inf):
                limit = "between 0 and 1" if name == "copying" else "above 0 and finite"
                raise ValueError(f"{name} must be {limit}, not {value!r}")


@dataclass(frozen=True)
class Problem:
    """The votes, what is known about the answers, and when to stop."""

    votes: IndexedVotes[Any, Any, Any]

    known: list[int | None]
    """The true label of each task, where it is known."""

    frequencies: list[float] | None
    """The known frequency of each label."""

    priors: Priors
    passes: int
    tolerance: float


@dataclass(frozen=True)
class Fit:
    """The fitted model. A list per task has an item per slot; a list per vote is sorted by task."""

    slots: list[Sequence[int]]
    beliefs: list[list[float]]
    """The probabilities, not softened."""

    rests: list[float]
    """The probability of all labels of a task without a slot together."""

    others: list[float]
    """The frequency of all labels of a task without a slot together."""

    frequencies: list[float]
    scores: list[list[float]]
    """Logarithms of the beliefs, up to a constant; empty for a task with a known label."""

    likelihoods: list[list[float]]
    """For each vote, the probability of the given label for each true label: as logarithms with
    matrices, otherwise if it is the true one and if it is not."""

    passes: int
    converged: bool
    scale: float

    def softened(self, task: int) -> tuple[list[float], float]:
        """Return the softened probabilities of the slots of a task, and of the rest."""
        return softmax(self.scores[task], self.others[task], self.scale)

    def score(self, task: int, label: int) -> float:
        """Return the logarithm of the belief in a label, up to a constant."""
        slots = self.slots[task]
        if label in slots:
            return self.scores[task][slots.index(label)]
        return log(self.frequencies[label])

    def belief(self, task: int, label: int) -> float:
        """Return the probability of a label, not softened."""
        slots = self.slots[task]
        if label in slots:
            return self.beliefs[task][slots.index(label)]
        return self.rests[task] * self.frequencies[label] / self.others[task]

    def likelihood(self, vote: int, label: int, given: int) -> float:
        """Return the probability of a vote if a label is the true one."""
        likelihood = self.likelihoods[vote]
        if len(self.frequencies) < WITHOUT_TABLES:
            return exp(likelihood[label])
        return likelihood[label != given]


def choose_scale(fits: Sequence[float], priors: Priors) -> float:
    """Return the scale that predicts the votes best; a handful of votes keeps it at 1.

    :param fits: The log likelihood of the votes for each of :data:`SCALES`.
    """
    ranked = [
        (round(each + priors.unsoftened * log(scale), SCORE_DIGITS), scale)
        for each, scale in zip(fits, SCALES, strict=True)
    ]
    return max(ranked)[1]


def softmax(
    scores: Sequence[float], others: float, scale: float = 1.0
) -> tuple[list[float], float]:
    """Turn log odds into probabilities; ``others`` are the odds of the rest."""
    # Subtracting the maximum avoids overflow with hundreds of votes on one task.
    rest = log(others) if others > 0 else None
    top = max(scores) if rest is None else max(rest, *scores)
    odds = [exp(scale * (score - top)) for score in scores]
    odds_of_rest = exp(scale * (rest - top)) if rest is not None else 0.0
    total = sum(odds) + odds_of_rest
    return [each / total for each in odds], odds_of_rest / total
