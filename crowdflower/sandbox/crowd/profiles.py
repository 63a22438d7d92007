"""The profiles of simulated contributors: skill, speed and bad habits.

========================= ===================================== ==================== ==============
profile                   what they answer                      accuracy             seconds a row
========================= ===================================== ==================== ==============
``perfect``               the truth                             1                    6
``expert``                the truth, mostly                     Beta(30, 2), ~0.94   8
``normal``                the truth, mostly                     Beta(17, 3), ~0.85   7
``sloppy``                the truth, often; with typos          Beta(6, 4), ~0.60    4
``random_spammer``        anything                              chance               1.5
``constant_spammer``      always the same option                chance               1
``contrary``              never the truth                       0                    6
``drifter``               as normal, and worse with every page  falls                7
``quitter``               as normal; abandons 15 % of pages     Beta(17, 3)          7
``double_clicker``        as normal; submits every page twice   Beta(17, 3)          7
:func:`confusion`         by a confusion matrix                 from the matrix      7
========================= ===================================== ==================== ==============

The seconds are medians of a log-normal distribution. Accuracy is drawn once per contributor.

The numbers are this project's own. With a fifth experts, half normal and the rest sloppy or
spammers, three judgments per row and three options, 90 % of the rows come out right without quality
control, and 97 % with a quiz and a minimum accuracy of 70 %.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import fsum, isclose, log
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

Habit: TypeAlias = Literal["truthful", "random", "constant", "contrary", "confused"]
"""How a contributor chooses answers."""


@dataclass(frozen=True, eq=False)
class Profile:
    """A kind of simulated contributor."""

    name: str
    """The name in mixes and messages."""

    habit: Habit = "truthful"
    """How they choose answers."""

    skill: tuple[float, float] | None = None
    """Parameters of the Beta distribution of accuracy; ``None`` for an accuracy of 1."""

    pace: tuple[float, float] = (7.0, 0.5)
    """Median of the seconds on a row, and the standard deviation of their logarithm."""

    typos: float = 0.0
    """Probability of a typo in a right text."""

    fades: float = 0.0
    """Accuracy lost with every page, down to guessing."""

    abandons: float = 0.0
    """Probability of never submitting a page."""

    hands_in: int = 1
    """How often each page is submitted."""

    confuses: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """The confusion matrix of the habit ``confused``: truth to answer to probability."""

    def accuracy(self, chance: Random) -> float:
        """Draw the accuracy of one contributor: a fraction in [0, 1]."""
        return chance.betavariate(*self.skill) if self.skill else 1.0

    def seconds(self, chance: Random) -> float:
        """Draw the seconds that one row takes."""
        median, spread = self.pace
        return chance.lognormvariate(log(median), spread)


def confusion(matrix: Mapping[str, Mapping[str, float]]) -> Profile:
    """Return a profile that answers by a confusion matrix.

    :param matrix: ``{truth: {answer: probability}}``; each row sums to 1. A truth without a row
        is always answered right.
    :raises ValueError: A row does not sum to 1, or a probability is negative.

    >>> profile = confusion({"neutral": {"neutral": 0.7, "positive": 0.2, "negative": 0.1}})
    >>> profile.name
    'confusion'
    """
    for truth, row in matrix.items():
        if min(row.values(), default=0) < 0 or not isclose(fsum(row.values()), 1, abs_tol=1e-6):
            raise ValueError(
                f"The probabilities for {truth!r} must be 0 or more and sum to 1, not to "
                f"{fsum(row.values()):g}: {dict(row)!r}."
            )
    return Profile("confusion", "confused", confuses=matrix)


_NORMAL: Final = (17.0, 3.0)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile("perfect", pace=(6.0, 0.3)),
            Profile("expert", skill=(30.0, 2.0), pace=(8.0, 0.4)),
            Profile("normal", skill=_NORMAL),
            Profile("sloppy", skill=(6.0, 4.0), pace=(4.0, 0.6), typos=0.1),
            Profile("random_spammer", "random", pace=(1.5, 0.3)),
            Profile("constant_spammer", "constant", pace=(1.0, 0.2)),
            Profile("contrary", "contrary", pace=(6.0, 0.4)),
            Profile("drifter", skill=_NORMAL, fades=0.05),
            Profile("quitter", skill=_NORMAL, abandons=0.15),
            Profile("double_clicker", skill=_NORMAL, hands_in=2),
        )
    }
)
"""The predefined profiles, by name."""


Mix: TypeAlias = "Mapping[str, float] | Mapping[Profile, float] | Mapping[str | Profile, float]"
"""Profiles or their names, with weights, which need not sum to 1."""


def find_profile(profile: str | Profile) -> Profile:
    """Find a profile by name; spaces and hyphens count as underscores.

    :raises ValueError: No profile has this name.

    >>> find_profile("double clicker").hands_in
    2
    """
    if isinstance(profile, Profile):
        return profile
    try:
        return PROFILES[profile.replace(" ", "_").replace("-", "_")]
    except KeyError:
        known = ", ".join(PROFILES)
        hint = " For a confusion matrix, pass confusion({…})." * (profile == "confusion")
        raise ValueError(f"Unknown profile {profile!r}; known are {known}.{hint}") from None


def assign_profiles(count: int, mix: Mix) -> list[Profile]:
    """Divide a number of people among profiles by weight (largest remainder method).

    :raises ValueError: No weight is above 0, a weight is negative, or a profile is unknown.

    >>> [profile.name for profile in assign_profiles(4, {"normal": 0.6, "sloppy": 0.4})]
    ['normal', 'normal', 'sloppy', 'sloppy']
    """
    weights: dict[Profile, float] = {}
    for profile, weight in mix.items():
        weights[find_profile(profile)] = weight
    total = fsum(weights.values())
    if min(weights.values(), default=0) < 0 or total <= 0:
        raise ValueError(
            f"A mix needs weights of 0 or more, at least one of them above 0, not {mix!r}."
        )
    shares = {profile: count * weight / total for profile, weight in weights.items()}
    numbers = {profile: int(share) for profile, share in shares.items()}
    by_remainder = sorted(shares, key=lambda profile: numbers[profile] - shares[profile])
    for profile in by_remainder[: count - sum(numbers.values())]:
        numbers[profile] += 1
    return [profile for profile, number in numbers.items() for _ in range(number)]
