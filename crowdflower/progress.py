"""Progress of long calls: a bar in a terminal or a notebook, or calls of your own function."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from typing import Any, Final, Protocol, Self, TypeAlias

from crowdflower._types import describe_type, one_line

INTERVAL: Final = 0.1
"""Seconds between two reports at least."""

BYTES: Final = "bytes"
"""The unit that is shown in kB, MB, …"""


@dataclass(frozen=True)
class Progress:
    """How far a long call is.

    ``str`` of it is a line for people, so that ``progress=print`` prints such lines.

    >>> progress = Progress(1500, 6000, "rows", eta=timedelta(seconds=90))
    >>> print(progress)
    1,500 of 6,000 rows, 0:01:30 left
    >>> print(Progress(0, None, "bytes", eta=None))
    0 bytes
    """

    done: int
    """How many units are done."""

    total: int | None
    """How many there are in all; ``None`` if that is unknown."""

    unit: str
    """What is counted, in the plural: ``rows``, ``units``, ``bytes``."""

    eta: timedelta | None
    """The time left at the average rate so far; ``None`` if it is unknown."""

    @property
    def is_complete(self) -> bool:
        """Whether all is done.

        >>> Progress(7, 7, "rows", eta=timedelta(0)).is_complete
        True
        """
        return self.total is not None and self.done >= self.total

    def __str__(self) -> str:
        show = _format_bytes if self.unit == BYTES else _format_count
        of = "" if self.total is None else f" of {show(self.total)}"
        name = "" if self.unit == BYTES else f" {self.unit}"
        left = "" if self.eta is None or self.is_complete else f", {_whole_seconds(self.eta)} left"
        return f"{show(self.done)}{of}{name}{left}"


ProgressOption: TypeAlias = bool | Callable[[Progress], object] | None
"""``True`` draws a bar in a terminal or a notebook, and nothing elsewhere; a function is called
with each :class:`Progress`, at most ten times a second."""


class Reporter:
    """Receives the progress of a call. This one ignores it."""

    def update(self, done: int, total: int | None = None) -> None:
        """Set how many units are done; ``None`` keeps the total.

        The estimate of the time left is based on what happens after the first call.
        """

    def advance(self, count: int = 1) -> None:
        """Add to the units that are done."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def report(
    progress: ProgressOption,
    unit: str,
    total: int | None = None,
    *,
    label: str = "",
    clock: Callable[[], float] = time.monotonic,
) -> Reporter:
    """Return a context manager that reports the progress of what is done inside it.

    A report that is less than a tenth of a second after the one before is left out, unless it is
    the last. An exception of the caller's function leaves :meth:`Reporter.update`, and the function
    is not called again.

    :param progress: As the caller wants it.
    :param unit: What is counted, in the plural.
    :param total: How many units there are, if that is known.
    :param label: What a bar is named.
    :param clock: Returns seconds, for the time left and the throttling.
    :raises TypeError: ``progress`` is neither a bool nor a function.
    :raises ImportError: A bar in a terminal needs ``rich``, which is not installed.

    >>> with report(print, "rows", 3) as reporter:
    ...     reporter.update(0)
    ...     reporter.update(2)  # too early after the first
    ...     reporter.update(3)
    0 of 3 rows
    3 of 3 rows
    """
    if progress is None or progress is False:
        return Reporter()
    if progress is True:
        bar = _choose_bar(label)
        return _ThrottledReporter(bar, unit, total, clock) if bar else Reporter()
    if not callable(progress):
        raise TypeError(
            "progress must be True, False or a function of a Progress,"
            f" not {describe_type(progress)}"
        )
    return _ThrottledReporter(_Function(progress), unit, total, clock)


class _Display(Protocol):
    """Where progress is shown."""

    def start(self, progress: Progress) -> None: ...
    def show(self, progress: Progress) -> None: ...
    def stop(self) -> None: ...


class _ThrottledReporter(Reporter):
    """Counts, estimates the time left, and shows both at a limited rate."""

    def __init__(
        self, display: _Display, unit: str, total: int | None, clock: Callable[[], float]
    ) -> None:
        self._display = display
        self._unit = unit
        self._done, self._total = 0, total
        self._clock = clock
        self._first: tuple[float, int] | None = None
        """When counting began, and with how many units."""
        self._began = clock()
        self._shown_at: float | None = None
        self._shown: tuple[int, int | None] | None = None

    def __enter__(self) -> Self:
        self._began = self._clock()
        self._display.start(Progress(self._done, self._total, self._unit, None))
        return self

    def __exit__(self, *raised: object) -> None:
        try:
            if raised[0] is None and self._first and self._shown != (self._done, self._total):
                self._show(self._clock())
        finally:
            self._display.stop()

    def update(self, done: int, total: int | None = None) -> None:
        now = self._clock()
        self._first = self._first or (now, done)
        self._set(now, done, self._total if total is None else total)

    def advance(self, count: int = 1) -> None:
        self._first = self._first or (self._began, 0)
        self._set(self._clock(), self._done + count, self._total)

    def _set(self, now: float, done: int, total: int | None) -> None:
        self._done, self._total = done, total
        is_new_end = done == total and self._shown is not None and self._shown[0] != self._shown[1]
        if self._shown_at is None or is_new_end or now - self._shown_at >= INTERVAL:
            self._show(now)

    def _show(self, now: float) -> None:
        self._shown_at, self._shown = now, (self._done, self._total)
        self._display.show(Progress(self._done, self._total, self._unit, self._eta(now)))

    def _eta(self, now: float) -> timedelta | None:
        if self._total is None or self._first is None:
            return None
        began, first = self._first
        left, gained = self._total - self._done, self._done - first
        if left <= 0:
            return timedelta(0)
        with suppress(OverflowError):
            if gained > 0 and now > began:
                return timedelta(seconds=left * (now - began) / gained)
        return None


class _Function:
    """A function of the caller."""

    def __init__(self, function: Callable[[Progress], object]) -> None:
        self._function = function

    def start(self, progress: Progress) -> None:
        pass

    def show(self, progress: Progress) -> None:
        self._function(progress)

    def stop(self) -> None:
        pass


def _choose_bar(label: str) -> _Display | None:
    """Return a bar for the notebook or terminal that the caller sits at; ``None`` if at neither."""
    if _is_in_notebook():
        return _NotebookBar(label)
    # A program without console, such as pythonw, has no stderr.
    if sys.stderr is not None and sys.stderr.isatty():
        return _TerminalBar(label)
    return None


def _is_in_notebook() -> bool:
    """Return whether IPython runs, and behind a browser rather than in a terminal."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


class _TerminalBar:
    """A bar on stderr."""

    def __init__(self, label: str) -> None:
        try:
            from rich.console import Console  # noqa: PLC0415 - optional
            from rich.progress import BarColumn, TextColumn  # noqa: PLC0415 - optional
            from rich.progress import Progress as Bar  # noqa: PLC0415 - optional
        except ImportError as missing:
            raise ImportError(
                "progress=True needs rich to draw a bar, which is not installed:"
                " pip install 'crowdflower-client[cli]'; or pass progress=print"
            ) from missing
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=Console(stderr=True),
        )
        self._label = one_line(label)

    def start(self, progress: Progress) -> None:
        self._task = self._bar.add_task(self._label, total=progress.total, text=str(progress))
        self._bar.start()

    def show(self, progress: Progress) -> None:
        self._bar.update(
            self._task, completed=progress.done, total=progress.total, text=str(progress)
        )

    def stop(self) -> None:
        self._bar.stop()


class _NotebookBar:
    """A bar below the cell of a notebook."""

    def __init__(self, label: str) -> None:
        self._label = one_line(label)

    def start(self, progress: Progress) -> None:
        from IPython import display  # noqa: PLC0415 - only where IPython runs

        untyped: Any = display
        self._progress = progress
        self._handle = untyped.display(self, display_id=True)

    def show(self, progress: Progress) -> None:
        self._progress = progress
        self._handle.update(self)

    def stop(self) -> None:
        pass

    def _repr_html_(self) -> str:
        done, total = self._progress.done, self._progress.total
        share = "" if total is None else f' value="{done}" max="{max(total, 1)}"'
        return f"<div>{escape(self._label)} <progress{share}></progress> {self._progress}</div>"

    def __repr__(self) -> str:
        return f"{self._label} {self._progress}".strip()


def _format_count(count: int) -> str:
    return f"{count:,}"


def _format_bytes(count: int) -> str:
    """Return a size for people.

    >>> _format_bytes(999), _format_bytes(1_234_567)
    ('999 bytes', '1.2 MB')
    """
    size, names = float(count), iter(("bytes", "kB", "MB", "GB", "TB"))
    name = next(names)
    while size >= 1000 and name != "TB":  # noqa: PLR2004 - of decimal prefixes
        size, name = size / 1000, next(names)
    return f"{count} bytes" if name == "bytes" else f"{size:.1f} {name}"


def _whole_seconds(duration: timedelta) -> timedelta:
    return timedelta(seconds=round(duration.total_seconds()))
