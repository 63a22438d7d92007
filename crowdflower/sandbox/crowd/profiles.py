"""Kinds of people: how good, how fast, and with which bad habits.

========================= ===================================== ==================== ==============
profile                   what they answer                      accuracy             seconds a row
========================= ===================================== ==================== ==============
``perfect``               the truth                             1                    6
``expert``                the truth, mostly                     Beta(30, 2), ~0.94   8
``normal``                the truth, mostly                     Beta(17, 3), ~0.85   7
``sloppy``                the truth, often; with typos          Beta(6, 4), ~0.60    4
``random_spammer``        anything                              chance               1.5
``constant_spammer``      one and the same option, always       chance               1
``contrary``              something else than the truth, always 0                    6
``drifter``               as normal, and worse with every page  falls                7
``quitter``               as normal; leaves 15 % of pages open  Beta(17, 3)          7
``double_clicker``        as normal; hands every page in twice  Beta(17, 3)          7
:func:`confusion`         what a table says they mistake        given                7
========================= ===================================== ==================== ==============

The seconds are medians of a log-normal distribution. Accuracy is drawn once for each contributor.

The numbers are this project's own. A fifth experts, half normal, the rest sloppy or spammers, with
three judgments of three options: without quality control, 90 % of the rows come out right; with a
quiz and a limit of 70 %, 97 %.
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
"""What somebody goes by when choosing an answer."""


@dataclass(frozen=True, eq=False)
class Profile:
    """A kind of contributor."""

    name: str

    habit: Habit = "truthful"

    skill: tuple[float, float] | None = None
    """Parameters of the Beta distribution that accuracy is drawn from; ``None`` for always 1."""

    pace: tuple[float, float] = (7.0, 0.5)
    """Median seconds on a row, and the standard deviation of their logarithm."""

    typos: float = 0.0
    """Probability of a slip in a text that is right."""

    fades: float = 0.0
    """Accuracy lost with every page, down to chance."""

    abandons: float = 0.0
    """Probability of taking a page and never handing it in."""

    hands_in: int = 1
    """How often each page is handed in."""

    confuses: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """For the habit ``confused``: truth to answer to probability."""

    def accuracy(self, chance: Random) -> float:
        """Draw how often one contributor is right: a fraction in [0, 1]."""
        return chance.betavariate(*self.skill) if self.skill else 1.0

    def seconds(self, chance: Random) -> float:
        """Draw how long one row takes."""
        median, spread = self.pace
        return chance.lognormvariate(log(median), spread)


def confusion(matrix: Mapping[str, Mapping[str, float]]) -> Profile:
    """Make a profile of people who mistake one answer for another in a known way.

    :param matrix: ``{truth: {answer: probability}}``; each row sums to 1. A truth without a row
        is answered as it is.
    :raises ValueError: A row does not sum to 1, or has a probability below 0.

    >>> profile = confusion({"neutral": {"neutral": 0.7, "positive": 0.2, "negative": 0.1}})
    >>> profile.name
    'confusion'
    """
    for truth, row in matrix.items():
        if min(row.values(), default=0) < 0 or not isclose(fsum(row.values()), 1, abs_tol=1e-6):
            raise ValueError(
                f"What {truth!r} is taken for has probabilities {dict(row)!r}: they are to be "
                f"0 or more and to sum to 1, not to {fsum(row.values()):g}."
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
"""The profiles that have a name, by it."""


Mix: TypeAlias = "Mapping[str, float] | Mapping[Profile, float] | Mapping[str | Profile, float]"
"""Profiles, or their names, with their weights, which need not sum to 1."""


def find_profile(profile: str | Profile) -> Profile:
    """Find a profile; blanks and hyphens will do for underscores.

    :raises ValueError: There is none of this name.

    >>> find_profile("double clicker").hands_in
    2
    """
    if isinstance(profile, Profile):
        return profile
    try:
        return PROFILES[profile.replace(" ", "_").replace("-", "_")]
    except KeyError:
        known = ", ".join(PROFILES)
        hint = " A confusion needs its table: pass confusion({…})." * (profile == "confusion")
        raise ValueError(f"No profile {profile!r}; there are {known}.{hint}") from None


def share_out(count: int, mix: Mix) -> list[Profile]:
    """Divide a number of people among profiles; who is left over goes to the largest remainders.

    :raises ValueError: No weight is above 0, one is below, or a profile is not known.

    >>> [profile.name for profile in share_out(4, {"normal": 0.6, "sloppy": 0.4})]
    ['normal', 'normal', 'sloppy', 'sloppy']
    """
    weights: dict[Profile, float] = {}
    for profile, weight in mix.items():
        weights[find_profile(profile)] = weight
    total = fsum(weights.values())
    if min(weights.values(), default=0) < 0 or total <= 0:
        raise ValueError(f"A mix is profiles with weights from 0 up, one above 0; not {mix!r}.")
    exact = {profile: count * weight / total for profile, weight in weights.items()}
    heads = {profile: int(part) for profile, part in exact.items()}
    by_remainder = sorted(exact, key=lambda profile: heads[profile] - exact[profile])
    for profile in by_remainder[: count - sum(heads.values())]:
        heads[profile] += 1
    return [profile for profile, number in heads.items() for _ in range(number)]
