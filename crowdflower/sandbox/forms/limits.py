"""Resource limits of Liquid templates: a budget for each rendering.

Liquid is untrusted input, and the library's own limits are not enough: in lenient mode it ignores
the error of a reached limit and continues, and no limit covers filters, one of which can make a
gigabyte out of two short strings. Here, a reached limit ends the rendering. Work is counted, not
timed, so that the result is always the same.
"""

from __future__ import annotations

from functools import partial
from io import StringIO
from math import prod
from typing import TYPE_CHECKING, Any, Final

from liquid import Markup
from liquid.context import RenderContext
from liquid.exceptions import ResourceLimitError
from liquid.utils import ReadOnlyChainMap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TextIO

    from liquid import BoundTemplate
    from liquid.token import Token

MAX_LOOP_ITERATIONS: Final = 10_000
"""Iterations of a loop times those of the loops around it; all loops together may have twice as
many."""

MAX_OUTPUT: Final = 1_000_000
"""Characters of output, captured ones included."""

MAX_NAMESPACE: Final = 200_000
"""Characters that ``assign`` and ``capture`` may store."""

MAX_CONTEXT_DEPTH: Final = 20
"""Nested scopes."""

MAX_WORK: Final = 20_000_000
"""Characters that filters read and write, and that loops repeat."""

MAX_WRITES: Final = 200_000
"""Pieces of output, empty ones included."""

MAX_NUMBER_BITS: Final = 4_096
"""Bits of an integer that a filter takes."""

_MAX_DATE_LENGTH: Final = 100
_GROWTH: Final = 6
_SANITIZER_COST: Final = 500
_ESCAPING: Final = {"escape", "escape_once", "h"}
_KEEPING: Final = {"append", "lstrip", "prepend", "rstrip", "strip", "strip_newlines"}
"""Filters whose result is markup of the template if all they take is."""
_QUADRATIC: Final = {"uniq", "where", "reject", "has", "find", "find_index"}


class Budget:
    """The remaining budget of one rendering."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._work = MAX_WORK
        self._iterations = 2 * MAX_LOOP_ITERATIONS
        self._writes = MAX_WRITES
        self._output = MAX_OUTPUT

    def work(self, amount: int) -> None:
        """Spend characters that a filter reads or writes."""
        self._work -= amount
        if self._work < 0:
            raise ResourceLimitError("its filters process too much text", token=None)

    def sanitize(self, text: str) -> None:
        """Count the work of sanitizing a string that is printed between tags."""
        if "<" in text or "&" in text or ">" in text:
            self.work(_SANITIZER_COST + len(text))

    def loop(self, iterations: int) -> None:
        """Spend the iterations of a loop; each may repeat the whole template."""
        self._iterations -= iterations
        if self._iterations < 0:
            raise ResourceLimitError("its loops have too many iterations", token=None)
        self._work -= iterations * self.size
        if self._work < 0:
            raise ResourceLimitError("its loops are too long for a form of this size", token=None)

    def write(self, length: int) -> None:
        """Spend one piece of output."""
        self._writes -= 1
        self._output -= length
        if self._writes < 0 or self._output < 0:
            raise ResourceLimitError("its output is too long", token=None)


class BudgetBuffer(StringIO):
    """The output of a rendering, within its budget."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self._budget = budget

    def write(self, text: str, /) -> int:
        """Write a piece of output.

        :raises ResourceLimitError: The budget for output is spent.
        """
        self._budget.write(len(text))
        return super().write(text)


class BudgetContext(RenderContext):
    """The variables of a rendering, and its budget.

    The library's variables ``now`` and ``today`` are left out: a form must not depend on the time.
    """

    def __init__(self, template: BoundTemplate, row: Mapping[str, object], size: int) -> None:
        super().__init__(template, globals=row)
        self.scope = ReadOnlyChainMap(self.locals, self.globals, self.counters)
        self.autoescape = True  # marks literals and captured text as markup of the template
        self.budget = Budget(size)
        self._stored = 0

    def assign(self, key: str, val: Any) -> None:
        """Store a value, and update the total size instead of measuring all values again."""
        self._stored += (
            _size_of(val) - (_size_of(self.locals[key]) if key in self.locals else 0) + 1
        )
        if self._stored > MAX_NAMESPACE:
            raise ResourceLimitError("assign and capture store too much", token=None)
        self.locals[key] = val

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Spend the iterations of a loop that begins."""
        if prod((loop.length for loop in self.loops), start=length) > MAX_LOOP_ITERATIONS:
            raise ResourceLimitError(
                f"its loops have more than {MAX_LOOP_ITERATIONS:,} iterations", token=None
            )
        self.budget.loop(length)

    def get_buffer(self, buf: TextIO | None = None) -> StringIO:  # noqa: ARG002
        """Return a buffer for a part of the rendering, within the same budget."""
        return BudgetBuffer(self.budget)

    def filter(self, name: str, token: Token | None) -> Callable[..., object]:
        """Return a filter that spends the budget."""
        return partial(self._apply, name, super().filter(name, token))

    def _apply(
        self,
        name: str,
        filter_: Callable[..., object],
        value: object,
        *arguments: object,
        **named: object,
    ) -> object:
        is_markup = all(isinstance(each, Markup) for each in (value, *arguments, *named.values()))
        value, arguments = _plain(value), tuple(map(_plain, arguments))
        named = {key: _plain(each) for key, each in named.items()}
        sizes = [_size_of(each) for each in (value, *arguments, *named.values())]
        self.budget.work(_cost(name, value, arguments, sizes))
        if name == "date":
            _check_date(value, sum(sizes))
        result = filter_(value, *arguments, **named)
        if name in _ESCAPING or (is_markup and name in _KEEPING):
            return Markup(result)
        return result


def _plain(value: object) -> object:
    """Return markup as an ordinary string, so that filters do not escape what they add to it."""
    return str.__str__(value) if isinstance(value, Markup) else value


def _cost(name: str, value: object, arguments: Sequence[object], sizes: list[int]) -> int:
    """Return the most characters that a filter can read and write."""
    if name == "replace" and arguments and isinstance(value, str):
        other = sizes[2] if len(sizes) > 2 else 0  # noqa: PLR2004 - value, old, new
        return sizes[0] + (value.count(str(arguments[0])) + 1) * (other + 1)
    if name == "join":
        return sizes[0] + sizes[0] * (sizes[1] if len(sizes) > 1 else 1)
    if name in _QUADRATIC:
        return sizes[0] ** 2 // 10 + sum(sizes)
    return sum(sizes) * _GROWTH + 10


def _size_of(value: object) -> int:
    """Return the number of characters in a value; a huge number is refused."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, range):
        if len(value) > MAX_LOOP_ITERATIONS:
            raise ResourceLimitError(
                f"a range may have at most {MAX_LOOP_ITERATIONS:,} numbers", token=None
            )
        return len(value)
    if isinstance(value, list | tuple):
        return sum(len(each) if isinstance(each, str) else 8 for each in value) + len(value)
    if isinstance(value, int) and value.bit_length() > MAX_NUMBER_BITS:
        raise ResourceLimitError("a number is too large", token=None)
    return 8


def _check_date(value: object, size: int) -> None:
    """Keep ``date`` from reading the clock, and from parsing long strings."""
    if value in ("now", "today"):
        raise ResourceLimitError(
            'the date "now" is not supported: a form must not depend on the time', token=None
        )
    if size > _MAX_DATE_LENGTH:
        raise ResourceLimitError(
            f"a date and its format may have at most {_MAX_DATE_LENGTH} characters", token=None
        )
