"""What a template may cost: a budget that each part of a run draws on.

Liquid comes from strangers. The library's own limits are not enough for them: in its lenient mode
it swallows the error of a limit that is reached and goes on; and none of its limits knows of
filters, of which one can make a gigabyte out of two short texts. Here a limit that is reached ends
the run, and work is counted, not timed, so that the same template always ends the same way.
"""

from __future__ import annotations

from functools import partial
from io import StringIO
from math import prod
from typing import TYPE_CHECKING, Any, Final

from liquid.context import RenderContext
from liquid.exceptions import ResourceLimitError
from liquid.utils import ReadOnlyChainMap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

    from liquid import BoundTemplate
    from liquid.token import Token

MAX_LOOP_ITERATIONS: Final = 10_000
"""Turns of a loop times those of the loops around it; a whole run may take twice as many."""

MAX_OUTPUT: Final = 1_000_000
"""Characters that one run may print, captured ones among them."""

MAX_NAMESPACE: Final = 200_000
"""Characters that ``assign`` and ``capture`` may keep."""

MAX_CONTEXT_DEPTH: Final = 20
"""How deep scopes may nest."""

MAX_WORK: Final = 20_000_000
"""Characters that filters may read and write, and loops may pass over, in one run."""

MAX_WRITES: Final = 200_000
"""Pieces that one run may print, empty ones among them."""

MAX_NUMBER_BITS: Final = 4_096
"""Bits of a number that a filter is given."""

_MAX_DATE_LENGTH: Final = 100
_GROWTH: Final = 6
_QUADRATIC: Final = {"uniq", "where", "reject", "has", "find", "find_index"}


class Budget:
    """What is left for one run of a template."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._work = MAX_WORK
        self._turns = 2 * MAX_LOOP_ITERATIONS
        self._writes = MAX_WRITES
        self._output = MAX_OUTPUT

    def work(self, amount: int) -> None:
        """Draw characters that are read or written."""
        self._work -= amount
        if self._work < 0:
            raise ResourceLimitError("its filters do too much", token=None)

    def loop(self, turns: int) -> None:
        """Draw the turns of a loop; each may pass over the whole template."""
        self._turns -= turns
        if self._turns < 0:
            raise ResourceLimitError("its loops take too many turns", token=None)
        self._work -= turns * self.size
        if self._work < 0:
            raise ResourceLimitError("its loops are too long for a form of this size", token=None)

    def write(self, length: int) -> None:
        """Draw one piece that is printed."""
        self._writes -= 1
        self._output -= length
        if self._writes < 0 or self._output < 0:
            raise ResourceLimitError("it prints too much", token=None)


class BudgetBuffer(StringIO):
    """Where a run prints to, within its budget."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self._budget = budget

    def write(self, text: str, /) -> int:
        """Print a piece.

        :raises ResourceLimitError: It is one too many, or one too large.
        """
        self._budget.write(len(text))
        return super().write(text)


class BudgetContext(RenderContext):
    """The names that a run knows, and what it may still spend.

    Of the library's names ``now`` and ``today`` are left out: a form is the same whenever it is
    shown.
    """

    def __init__(self, template: BoundTemplate, row: Mapping[str, object], size: int) -> None:
        super().__init__(template, globals=row)
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)
        self.budget = Budget(size)
        self._kept = 0

    def assign(self, key: str, val: Any) -> None:
        """Keep a value, counting what it takes instead of measuring all values again."""
        self._kept += _size_of(val) - (_size_of(self.locals[key]) if key in self.locals else 0) + 1
        if self._kept > MAX_NAMESPACE:
            raise ResourceLimitError("it keeps too much in assign and capture", token=None)
        self.locals[key] = val

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Draw the turns of a loop that begins."""
        if prod((loop.length for loop in self.loops), start=length) > MAX_LOOP_ITERATIONS:
            raise ResourceLimitError(
                f"its loops take more than {MAX_LOOP_ITERATIONS:,} turns", token=None
            )
        self.budget.loop(length)

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:  # noqa: ARG002
        """Give a place to print to for a part of the run, within the same budget."""
        return BudgetBuffer(self.budget)

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        """Find a filter; it draws on the budget."""
        return partial(self._apply, name, super().filter(name, token))

    def _apply(
        self,
        name: str,
        filter_: Callable[..., object],
        value: object,
        *arguments: object,
        **named: object,
    ) -> object:
        weights = [_size_of(each) for each in (value, *arguments, *named.values())]
        self.budget.work(_cost(name, value, arguments, weights))
        if name == "date":
            _check_date(value, sum(weights))
        return filter_(value, *arguments, **named)


def _cost(name: str, value: object, arguments: tuple[object, ...], weights: list[int]) -> int:
    """Foretell what a filter reads and writes at most."""
    if name == "replace" and arguments and isinstance(value, str):
        other = weights[2] if len(weights) > 2 else 0  # noqa: PLR2004 - value, what, by what
        return weights[0] + (value.count(str(arguments[0])) + 1) * (other + 1)
    if name == "join":
        return weights[0] + weights[0] * (weights[1] if len(weights) > 1 else 1)
    if name in _QUADRATIC:
        return weights[0] ** 2 // 10 + sum(weights)
    return sum(weights) * _GROWTH + 10


def _size_of(value: object) -> int:
    """Count the characters of a value, and of what is in it; a number is small, or refused."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, range):
        if len(value) > MAX_LOOP_ITERATIONS:
            raise ResourceLimitError(
                f"a range has {MAX_LOOP_ITERATIONS:,} numbers at most", token=None
            )
        return len(value)
    if isinstance(value, list | tuple):
        return sum(len(each) if isinstance(each, str) else 8 for each in value) + len(value)
    if isinstance(value, int) and value.bit_length() > MAX_NUMBER_BITS:
        raise ResourceLimitError("a number is too large", token=None)
    return 8


def _check_date(value: object, weight: int) -> None:
    """Keep ``date`` from reading the clock, and from guessing for long what a text may mean."""
    if value in ("now", "today"):
        raise ResourceLimitError(
            'the date of "now" is not there: a form is the same whenever it is shown', token=None
        )
    if weight > _MAX_DATE_LENGTH:
        raise ResourceLimitError("a date and its format are short", token=None)
