"""The hierarchical model of Dawid and Skene, fitted with NumPy; equal to ``list_fit``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import log

from crowdflower.quality.hierarchical.array_state import ArrayProblem, ArrayState
from crowdflower.quality.hierarchical.confusion_tables import ConfusionTables
from crowdflower.quality.hierarchical.label_slots import LabelSlots
from crowdflower.quality.hierarchical.model import WITHOUT_TABLES, choose_scale, softmax
from crowdflower.quality.vote_columns import Floats


@dataclass
class ArrayFit:
    """The fitted model. It has the methods of ``Fit``, and arrays of the softened probabilities.

    A *slot* is a pair of a task and a label that is considered for it on its own. The slots are
    sorted by task and label: with few labels these are all pairs, otherwise those given.
    """

    state: ArrayState
    passes: int
    converged: bool
    scale: float

    @property
    def frequencies(self) -> list[float]:
        """The frequency of each label."""
        found: list[float] = self.state.frequencies.tolist()
        return found

    @cached_property
    def probabilities(self) -> tuple[Floats, Floats]:
        """The softened probability of each slot, and of the rest of each task.

        Tasks with a known label have 0 and 1.
        """
        return self.state.soften(self.scale)

    def softened(self, task: int) -> tuple[list[float], float]:
        """Return the softened probabilities of the slots of a task, and of the rest."""
        state = self.state
        scores = state.scores[state.slots_of(task)].tolist()
        return softmax(scores, float(state.others[task]), self.scale)

    def score(self, task: int, label: int) -> float:
        """Return the logarithm of the belief in a label, up to a constant."""
        slot = self.state.find_slot(task, label)
        if slot is None:
            return log(self.state.frequencies[label])
        return float(self.state.scores[slot])

    def belief(self, task: int, label: int) -> float:
        """Return the probability of a label, not softened."""
        state = self.state
        slot = state.find_slot(task, label)
        if slot is not None:
            return float(state.beliefs[slot])
        return float(state.rests[task] * state.frequencies[label] / state.others[task])

    def likelihood(self, vote: int, label: int, given: int) -> float:
        """Return the probability of a vote if a label is the true one."""
        return self.state.likelihood(vote, label, given)


def fit(problem: ArrayProblem) -> ArrayFit:
    """Alternate estimates of workers and labels until no probability moves."""
    state = (ConfusionTables if problem.labels < WITHOUT_TABLES else LabelSlots)(problem)
    passes, converged = 0, False
    while not converged and passes < problem.passes:
        passes += 1
        state.estimate_frequencies()
        state.estimate_workers()
        converged = state.estimate_labels() <= problem.tolerance
    scale = 1.0
    if problem.labels > 1:
        scale = choose_scale(state.fits_of_scales().tolist(), problem.priors)
    return ArrayFit(state, passes, converged, scale)
