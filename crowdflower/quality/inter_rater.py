"""Agreement among contributors beyond one unit: Krippendorff's alpha and its relatives.

All coefficients are functions of sums over units, such as how often each answer was given. So an
interval takes new sums, not a new computation over all answers: see
:mod:`~crowdflower.quality.bootstrap`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import fsum
from typing import Any, Final

from crowdflower.quality.bootstrap import CONFIDENCE, Sums, percentile_interval
from crowdflower.quality.consensus import Votes, sort_values
from crowdflower.quality.distances import LEVELS, Distance, distance_for

RESAMPLES: Final = 1000
"""Bootstrap samples by default."""

DEFAULT_AGREEMENT: Final = "krippendorff"

TWO: Final = 2


@dataclass(frozen=True, repr=False)
class Agreement:
    """A coefficient of agreement with its interval.

    >>> votes = [(unit, who, unit % 2) for unit in range(9) for who in ("ann", "bob")]
    >>> krippendorff_alpha([*votes, (9, "ann", 0), (9, "bob", 1)])
    <Agreement 0.808, 95 % interval 0.374 to 1.000: krippendorff, nominal, 20 answers of 2 workers
    to 10 units>
    """

    method: str
    """``krippendorff``, ``fleiss``, ``cohen`` or ``percent``."""

    value: float | None
    """1 is perfect agreement, 0 is what chance gives (percent agreement: none); below is worse.
    ``None`` if the coefficient is undefined."""

    interval: tuple[float, float] | None
    """The 95 % interval: how much the value depends on which units were answered. ``None`` if it is
    undefined, or was not wanted."""

    units: int
    """How many units have at least two answers; only these count."""

    left_out: int
    """How many units have one answer, which nothing can agree with."""

    answers: int
    """How many answers these units have."""

    workers: int
    """How many contributors gave them."""

    level: str = "nominal"
    """How different two answers are: the level of measurement."""

    resamples: int = 0
    """How many bootstrap samples the interval is from."""

    reason: str = ""
    """Why the value is ``None``."""

    def __float__(self) -> float:
        """Return the value.

        :raises ValueError: It is undefined.
        """
        if self.value is None:
            raise ValueError(f"the agreement is undefined: {self.reason}")
        return self.value

    def __repr__(self) -> str:
        of = f"{self.answers} answers of {self.workers} workers to {self.units} units"
        if self.value is None:
            return f"<Agreement undefined, {self.reason}: {self.method}, {self.level}, {of}>"
        low_to_high = ""
        if self.interval is not None:
            low, high = self.interval
            low_to_high = f", {CONFIDENCE:.0%} interval {low:.3f} to {high:.3f}".replace("%", " %")
        return f"<Agreement {self.value:.3f}{low_to_high}: {self.method}, {self.level}, {of}>"


def krippendorff_alpha(
    votes: Iterable[tuple[Any, Any, Any]],
    level: str = "nominal",
    *,
    order: Sequence[Hashable] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Agreement:
    """Return Krippendorff's alpha: any number of contributors, missing answers, any kind of answer.

    :param votes: ``(unit, worker, answer)`` tuples, in any order. Units with one answer do not
        count.
    :param level: How different two answers are: ``nominal`` (equal or not), ``ordinal`` (ranks
        between them), ``interval`` (squared difference), ``ratio`` (squared relative difference);
        for answers that are several options ``jaccard`` (share of options that only one of them
        has) or ``masi`` (the same, and less if one contains the other).
    :param order: For ``ordinal``, the answers from lowest to highest; by default they are numbers.
    :param resamples: Bootstrap samples for the interval; 0 for none.
    :param seed: Of the bootstrap: the same seed gives the same interval.
    :raises ValueError: The level does not exist, or an answer does not fit it.

    >>> lines = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    >>> votes = [
    ...     (unit, observer, int(answer))
    ...     for observer, line in enumerate(lines)
    ...     for unit, answer in enumerate(line)
    ...     if answer != "."
    ... ]
    >>> (
    ...     round(krippendorff_alpha(votes).value, 3),
    ...     round(krippendorff_alpha(votes, "ratio").value, 3),
    ... )
    (0.743, 0.797)

    Source: Krippendorff, `Computing Krippendorff's Alpha-Reliability
    <https://repository.upenn.edu/handle/20.500.14332/2089>`_, 2011. MASI: Passonneau, `Measuring
    Agreement on Set-valued Items <https://aclanthology.org/L06-1392/>`_, LREC 2006.
    """
    ratings = _Ratings.read(votes, several=level in {"jaccard", "masi"})
    distance = distance_for(level, ratings.values, order)
    sums = ratings.sums(
        lambda counts: _alpha_parts(counts, distance), lambda totals: _alpha(totals, distance)
    )
    return ratings.measure("krippendorff", level, sums, resamples, seed)


def fleiss_kappa(
    votes: Iterable[tuple[Any, Any, Any]], *, resamples: int = RESAMPLES, seed: int = 0
) -> Agreement:
    """Return Fleiss' kappa: any contributors, usually the same number for each unit.

    If the numbers differ, each unit counts the same: with the share of its pairs of answers that
    agree, and with the shares of its answers.

    :param votes: As for :func:`krippendorff_alpha`, with the other parameters. Two answers that
        are several options agree if they are the same options.

    >>> votes = [(1, "ann", "a"), (1, "bob", "a"), (2, "ann", "b"), (2, "bob", "b")]
    >>> fleiss_kappa(votes).value
    1.0

    Source: Fleiss, `Measuring nominal scale agreement among many raters
    <https://doi.org/10.1037/h0031619>`_, 1971. With different numbers of answers it is that of
    Gwet, *Handbook of Inter-Rater Reliability*, 2014.
    """
    ratings = _Ratings.read(votes)
    sums = ratings.sums(_fleiss_parts, _fleiss)
    return ratings.measure("fleiss", "nominal", sums, resamples, seed)


def cohen_kappa(
    votes: Iterable[tuple[Any, Any, Any]], *, resamples: int = RESAMPLES, seed: int = 0
) -> Agreement:
    """Return Cohen's kappa of two contributors, on the units that both answered.

    :param votes: As for :func:`fleiss_kappa`, of exactly two contributors.
    :raises ValueError: They are of more or fewer contributors, or one answered a unit twice.

    >>> votes = [(1, "ann", "a"), (1, "bob", "a"), (2, "ann", "b"), (2, "bob", "b")]
    >>> cohen_kappa(votes).value
    1.0

    Source: Cohen, `A coefficient of agreement for nominal scales
    <https://doi.org/10.1177/001316446002000104>`_, 1960.
    """
    given = list(votes)
    workers = sort_values(dict.fromkeys(worker for _, worker, _ in given))
    if len(workers) > TWO:
        raise ValueError(
            f"cohen compares two workers, and these answers are of {len(workers)}: select two of"
            " them, in job.agreement with workers=(a, b), or use krippendorff or fleiss"
        )
    ratings = _Ratings.read(given)
    if any(len({worker for worker, _ in pairs}) < TWO for pairs in ratings.pairs):
        raise ValueError("a worker answered the same unit twice")
    cells = [
        tuple(code for _, code in sorted(pairs, key=lambda pair: pair[0] != workers[0]))
        for pairs in ratings.pairs
    ]
    places = {cell: place for place, cell in enumerate(dict.fromkeys(cells))}
    sums = Sums([{cell: 1.0} for cell in places], [places[cell] for cell in cells], _cohen)
    return ratings.measure("cohen", "nominal", sums, resamples, seed)


def percent_agreement(
    votes: Iterable[tuple[Any, Any, Any]], *, resamples: int = RESAMPLES, seed: int = 0
) -> Agreement:
    """Return the mean share of pairs of answers that agree; it is not corrected for chance.

    :param votes: As for :func:`fleiss_kappa`, with the other parameters.

    >>> votes = [(1, "ann", "a"), (1, "bob", "a"), (2, "ann", "a"), (2, "bob", "b")]
    >>> percent_agreement(votes).value
    0.5
    """
    ratings = _Ratings.read(votes)
    sums = ratings.sums(_fleiss_parts, _mean_agreement)
    return ratings.measure("percent", "nominal", sums, resamples, seed)


AGREEMENT_METHODS: Final[dict[str, Callable[..., Agreement]]] = {
    DEFAULT_AGREEMENT: krippendorff_alpha,
    "fleiss": fleiss_kappa,
    "cohen": cohen_kappa,
    "percent": percent_agreement,
}
"""The coefficients of agreement, by the names that ``job.agreement`` takes."""


def measure_agreement(
    method: str, votes: Iterable[tuple[Any, Any, Any]], **settings: Any
) -> Agreement:
    """Return a coefficient of agreement by its name.

    :raises ValueError: The method does not exist.

    >>> measure_agreement("percent", [(1, "ann", "a"), (1, "bob", "a")], resamples=0).value
    1.0
    """
    check_agreement_method(method)
    return AGREEMENT_METHODS[method](votes, **settings)


def check_agreement_method(method: str, level: str | None = None) -> None:
    """Refuse an unknown method, or a level that it does not have.

    :raises ValueError: The message lists those that exist.
    """
    if method not in AGREEMENT_METHODS:
        raise ValueError(f"no method {method!r}; choose from: {', '.join(AGREEMENT_METHODS)}")
    if level is not None and method != DEFAULT_AGREEMENT:
        raise ValueError(f"only {DEFAULT_AGREEMENT} has a level, not {method}")
    if level is not None and level not in LEVELS:
        raise ValueError(f"no level {level!r}; choose from: {', '.join(LEVELS)}")


@dataclass(frozen=True)
class _Ratings:
    """Answers as numbers, of the units that have at least two.

    :param values: The distinct answers, sorted.
    :param pairs: Worker and code of the answers to each unit.
    """

    values: list[Any]
    pairs: list[list[tuple[Any, int]]]
    left_out: int

    @classmethod
    def read(cls, votes: Iterable[tuple[Any, Any, Any]], *, several: bool = False) -> _Ratings:
        checked = Votes.read(
            (unit, worker, _as_set(answer, several=several)) for unit, worker, answer in votes
        )
        rated = {unit: given for unit, given in checked.by_task.items() if len(given) >= TWO}
        values = sort_values(
            dict.fromkeys(answer for given in rated.values() for _, answer in given)
        )
        codes = {value: code for code, value in enumerate(values)}
        pairs = [
            [(worker, codes[answer]) for worker, answer in rated[unit]]
            for unit in sort_values(rated)
        ]
        return cls(values, pairs, len(checked.by_task) - len(rated))

    def sums(
        self,
        parts: Callable[[Counter[int]], dict[Any, float]],
        evaluate: Callable[[dict[Any, float]], float | str],
    ) -> Sums:
        """Return sums of what each unit adds, given how often each answer was given for it."""
        answers = [tuple(sorted(code for _, code in pairs)) for pairs in self.pairs]
        places = {each: place for place, each in enumerate(dict.fromkeys(answers))}
        return Sums(
            [parts(Counter(each)) for each in places], [places[each] for each in answers], evaluate
        )

    def measure(self, method: str, level: str, sums: Sums, resamples: int, seed: int) -> Agreement:
        """Compute a coefficient from sums over units, and its interval."""
        result = sums.value() if self.pairs else "no unit has two answers"
        is_defined = isinstance(result, float)
        return Agreement(
            method,
            result if isinstance(result, float) else None,
            percentile_interval(sums, resamples, seed) if is_defined and resamples else None,
            len(self.pairs),
            self.left_out,
            sum(map(len, self.pairs)),
            len({worker for pairs in self.pairs for worker, _ in pairs}),
            level,
            resamples if is_defined else 0,
            "" if isinstance(result, float) else result,
        )


def _as_set(answer: Any, *, several: bool) -> Any:
    """Return several options as a set, whose order does not matter."""
    if isinstance(answer, (list, tuple, set, frozenset)):
        return frozenset(answer)
    return frozenset([answer]) if several else answer


# Each coefficient: what a unit adds to the sums, and the value by the sums. A string instead of a
# value is the reason why it is undefined.


def _alpha_parts(counts: Counter[int], distance: Distance) -> dict[Any, float]:
    """Return how often each answer was given, and the distances between the answers."""
    others = sum(counts.values()) - 1
    parts: dict[Any, float] = {code: float(count) for code, count in counts.items()}
    for one, two in combinations(sorted(counts), TWO):
        twice = 2 * counts[one] * counts[two] / others
        if distance.is_fixed:
            parts["distance"] = parts.get("distance", 0.0) + twice * distance.between(one, two)
        else:
            parts[one, two] = parts.get((one, two), 0.0) + twice
    return parts


def _alpha(totals: dict[Any, float], distance: Distance) -> float | str:
    counts = {code: count for code, count in totals.items() if isinstance(code, int) and count}
    observed = (
        totals.get("distance", 0.0)
        if distance.is_fixed
        else distance.observed(
            counts, {pair: count for pair, count in totals.items() if isinstance(pair, tuple)}
        )
    )
    expected = distance.expected(counts)
    if not expected:
        return f"all {sum(counts.values()):g} answers are the same"
    return 1 - (fsum(counts.values()) - 1) * observed / expected


def _fleiss_parts(counts: Counter[int]) -> dict[Any, float]:
    given = sum(counts.values())
    agreeing = sum(count * (count - 1) for count in counts.values())
    shares: dict[Any, float] = {code: count / given for code, count in counts.items()}
    return {**shares, "units": 1.0, "agreement": agreeing / (given * (given - 1))}


def _fleiss(totals: dict[Any, float]) -> float | str:
    units = totals["units"]
    shares = [share / units for code, share in totals.items() if isinstance(code, int)]
    by_chance = fsum(share * share for share in shares)
    if sum(map(bool, shares)) < TWO:
        return "all answers are the same"
    return (totals["agreement"] / units - by_chance) / (1 - by_chance)


def _mean_agreement(totals: dict[Any, float]) -> float | str:
    return totals["agreement"] / totals["units"]


def _cohen(totals: dict[Any, float]) -> float | str:
    units = fsum(totals.values())
    rows: Counter[int] = Counter()
    columns: Counter[int] = Counter()
    for (row, column), count in totals.items():
        rows[row] += count  # type: ignore[assignment] # counts of a resample are whole too
        columns[column] += count  # type: ignore[assignment]
    by_chance = fsum(rows[code] * columns[code] for code in rows) / units**2
    if by_chance >= 1:
        return "all answers are the same"
    agreed = fsum(count for (row, column), count in totals.items() if row == column) / units
    return (agreed - by_chance) / (1 - by_chance)
