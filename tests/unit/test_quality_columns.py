"""Votes in columns, and the model fitted with NumPy: the same results as with plain lists."""

from __future__ import annotations

import pickle
import random
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdflower.quality import Consensus, Priors, hierarchical_dawid_skene, majority_vote
from crowdflower.quality.hierarchical import method

numpy = pytest.importorskip("numpy")

from crowdflower.quality.vote_columns import VoteColumns  # noqa: E402 - needs NumPy

Vote = tuple[Any, Any, Any]

VOTES = [(1, "ann", "x"), (1, "bob", "y"), (2, "ann", "y"), (2, "cem", "y"), (3, "bob", "x")]


@pytest.fixture
def solve_both(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that solves a problem with lists and with NumPy."""

    def solve(votes: Any, **options: Any) -> tuple[Consensus[Any, Any, Any], ...]:
        results = []
        for many in (len(votes) + 1, 0):
            monkeypatch.setattr(method, "MANY_VOTES", many)
            results.append(hierarchical_dawid_skene(votes, **options))
        return tuple(results)

    return solve


def assert_same(first: Consensus[Any, Any, Any], second: Consensus[Any, Any, Any]) -> None:
    assert type(first.probabilities) is not type(second.probabilities), "both by the same code"
    assert first.labels == second.labels
    assert list(first.labels) == list(second.labels)
    assert (first.ties, first.doubted) == (second.ties, second.doubted)
    assert (first.passes, first.converged) == (second.passes, second.converged)
    assert first.temperature == second.temperature
    assert (first.votes_per_worker, first.few_votes) == (second.votes_per_worker, second.few_votes)
    assert first.skills == pytest.approx(second.skills, abs=1e-11)
    for task, row in first.probabilities.items():
        assert second.probabilities[task] == pytest.approx(row, abs=1e-11)
        assert second.interval(task) == pytest.approx(first.interval(task), abs=1e-9)


@pytest.mark.parametrize("labels", [1, 2, 3, 5, 6, 9])
@pytest.mark.parametrize("extra", ["plain", "weights", "known", "options", "frequencies"])
def test_numpy_and_lists_give_the_same(solve_both: Any, labels: int, extra: str) -> None:
    dice = random.Random(f"{labels} {extra}")  # noqa: S311 - no secret
    names = [f"label {number}" for number in range(labels)]
    votes = [
        (task, f"w{dice.randrange(9)}", names[task % labels] if dice.random() < 0.6 else label)
        for task in range(40)
        for label in dice.choices(names, k=dice.randint(1, 6))
    ]
    dice.shuffle(votes)
    options: dict[str, Any] = {
        "plain": {},
        "weights": {"weights": [dice.choice([0, 0.5, 1, 2.5]) for _ in votes]},
        "known": {"known": dict.fromkeys(range(0, 50, 3), names[-1])},
        "options": {"options": [*names, "another", "one more"]},
        "frequencies": {"frequencies": dict.fromkeys(names, Fraction(1, labels))},
    }[extra]

    assert_same(*solve_both(votes, **options))


@settings(deadline=None, max_examples=60)
@given(
    votes=st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from("abcde"), st.sampled_from("xyz")), min_size=1
    ),
    known=st.dictionaries(st.integers(0, 8), st.sampled_from("xyz"), max_size=3),
)
def test_small_problems_are_the_same_with_numpy(votes: list[Vote], known: dict[int, str]) -> None:
    with_lists = hierarchical_dawid_skene(votes, known=known)

    assert_same(with_lists, hierarchical_dawid_skene(columns_of(votes), known=known))


def columns_of(votes: list[Vote]) -> VoteColumns:
    return VoteColumns.of(*zip(*votes, strict=True))


def test_the_order_of_the_votes_makes_no_difference() -> None:
    dice = random.Random(3)  # noqa: S311 - no secret
    votes = [(task, dice.randrange(30), dice.choice("xyz")) for task in range(900) for _ in "123"]
    shuffled = dice.sample(votes, len(votes))

    first, second = map(hierarchical_dawid_skene, (votes, shuffled))

    assert first == second
    assert len(votes) >= method.MANY_VOTES, "solved with lists"


def test_other_priors_and_few_passes_are_the_same(solve_both: Any) -> None:
    dice = random.Random(4)  # noqa: S311 - no secret
    votes = [(task, dice.randrange(7), dice.choice("xy")) for task in range(30) for _ in "1234"]
    priors = Priors(half_known=2, copying=0.6, table_votes=5, unsoftened=1)

    assert_same(*solve_both(votes, priors=priors, passes=2))


def test_thousands_of_votes_on_one_task_do_not_overflow(solve_both: Any) -> None:
    votes = [(1, worker, "x" if worker % 3 else "y") for worker in range(5000)]

    assert_same(*solve_both(votes))


def test_columns_can_be_lists_arrays_or_frames_of_any_kind() -> None:
    tasks, workers, labels = (list(column) for column in zip(*VOTES, strict=True))
    expected = hierarchical_dawid_skene(VOTES)
    found = [
        VoteColumns.of(tasks, workers, labels),
        VoteColumns.of(*(numpy.array(column) for column in (tasks, workers, labels))),
        VoteColumns.of(numpy.array(tasks) * 10**12 // 10**12, iter(workers), tuple(labels)),
    ]

    assert [list(each) for each in found] == [list(found[0])] * 3
    assert sorted(found[0]) == sorted(VOTES)
    for columns in found:
        outcome = hierarchical_dawid_skene(columns)
        assert outcome.labels == expected.labels
        assert type(next(iter(outcome.labels))) is int


@pytest.mark.parametrize("kind", ["arrow", "chunks", "dictionary", "pandas", "polars"])
def test_votes_come_from_tables(kind: str) -> None:
    pa = pytest.importorskip("pyarrow")
    names = ("unit", "worker", "answer")
    columns = dict(zip(names, map(list, zip(*VOTES, strict=True)), strict=True))
    table: Any = pa.table(columns)
    if kind == "chunks":
        table = pa.concat_tables([table.slice(0, 2), table.slice(2)])
    elif kind == "dictionary":
        table = table.set_column(2, "answer", table["answer"].dictionary_encode())
    elif kind == "pandas":
        table = pytest.importorskip("pandas").DataFrame(columns)
    elif kind == "polars":
        table = pytest.importorskip("polars").DataFrame(columns)

    votes = VoteColumns.from_arrow(table, *names)

    assert sorted(votes) == sorted(VOTES)
    with pytest.raises(ValueError, match="no column 'task'; its columns are: unit, worker, answer"):
        VoteColumns.from_arrow(table)


def test_a_null_in_a_table_is_refused_with_the_number_of_the_vote() -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"task": [1, 2], "worker": ["ann", None], "label": ["x", "y"]})

    with pytest.raises(
        ValueError, match=r"^vote 2 has a null: leave out votes with a missing part"
    ):
        VoteColumns.from_arrow(table)


@pytest.mark.parametrize(
    ("votes", "weights", "message"),
    [
        ([(1, "a", "x"), (1, "b")], None, r"vote 2 is \(1, 'b'\): each vote must be"),
        ([(1, "a", "x"), 7], None, "vote 2 is 7: each vote must be"),
        ([(1, "a", "x"), (1, None, "x")], None, "vote 2 is .*: leave out votes without a worker"),
        ([(1, "a", float("nan"))], None, "vote 1 is .*: leave out votes without a label"),
        ([(1, "a", "x")], [-1], "the weight of vote 1 is -1"),
        ([(1, "a", "x")], [], "the weight of vote 1 is None"),
        ([(1, "a", "x")], [1, 2], "more weights than votes"),
    ],
)
def test_invalid_votes_are_refused_as_with_lists(
    monkeypatch: pytest.MonkeyPatch, votes: list[Any], weights: list[float] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as with_lists:
        hierarchical_dawid_skene(votes, weights=weights)
    monkeypatch.setattr(method, "MANY_VOTES", 0)

    with pytest.raises(ValueError, match=message) as with_numpy:
        hierarchical_dawid_skene(votes, weights=weights)

    assert str(with_numpy.value) == str(with_lists.value)


def test_a_list_as_label_is_refused_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method, "MANY_VOTES", 0)

    with pytest.raises(TypeError, match=r"vote 2 is \(1, 'b', \['x'\]\), unhashable type"):
        hierarchical_dawid_skene([(1, "a", "x"), (1, "b", ["x"])])


def test_an_error_of_the_votes_themselves_is_not_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method, "MANY_VOTES", 0)

    def votes() -> Any:
        yield (1, "a", "x")
        raise ValueError("the file ends here")

    with pytest.raises(ValueError, match=r"^the file ends here$"):
        hierarchical_dawid_skene(votes())


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="there are 2 tasks, 1 workers, 2 labels"):
        VoteColumns.of([1, 2], ["a"], ["x", "y"])


def test_weights_belong_to_the_columns() -> None:
    weighted = VoteColumns.of([1, 1, 2], "abc", "xyz", weights=[1, 3, 0])

    assert hierarchical_dawid_skene(weighted).labels == {1: "y"}
    with pytest.raises(ValueError, match=r"to VoteColumns\.of"):
        hierarchical_dawid_skene(weighted, weights=[1, 1])


def test_no_votes_are_an_empty_consensus() -> None:
    assert not hierarchical_dawid_skene(VoteColumns.of([], [], [])).labels


def test_every_method_takes_columns() -> None:
    assert majority_vote(columns_of(VOTES)).labels == majority_vote(VOTES).labels


def test_a_consensus_from_columns_can_be_pickled() -> None:
    outcome = hierarchical_dawid_skene(columns_of(VOTES))

    copied = pickle.loads(pickle.dumps(outcome))  # noqa: S301 - our own

    assert copied == outcome
    assert copied.interval(2) == outcome.interval(2)
