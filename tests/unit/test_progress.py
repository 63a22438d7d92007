"""Progress: functions, bars in terminals and notebooks, throttling, the time left."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from crowdflower import Progress
from crowdflower.progress import Reporter, report

if TYPE_CHECKING:
    from tests.unit.conftest import Clock

SCRIPT = """
from crowdflower.progress import report

with report(True, "rows", 3, label="Uploading [b]job[/b] 7") as reporter:
    for done in range(4):
        reporter.update(done)
"""


class Terminal(io.StringIO):
    """A stderr that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_function_gets_every_report_that_is_not_too_early(clock: Clock) -> None:
    seen: list[Progress] = []

    with report(seen.append, "rows", 100, clock=clock.monotonic) as reporter:
        for done in range(0, 100, 10):
            reporter.update(done)
            clock.sleep(1 / 16)

    assert [progress.done for progress in seen] == [0, 20, 40, 60, 80, 90]


def test_the_last_report_is_made_once_however_early_it_is(clock: Clock) -> None:
    seen: list[Progress] = []

    with report(seen.append, "rows", 2, clock=clock.monotonic) as reporter:
        for done in (0, 1, 2, 2):
            reporter.update(done)

    assert [progress.done for progress in seen] == [0, 2]


def test_without_a_total_the_last_count_is_reported(clock: Clock) -> None:
    seen: list[Progress] = []

    with report(seen.append, "bytes", clock=clock.monotonic) as reporter:
        for _ in range(5):
            reporter.advance(100)

    assert seen == [Progress(100, None, "bytes", None), Progress(500, None, "bytes", None)]


def test_a_total_that_becomes_known_later_is_kept(clock: Clock) -> None:
    seen: list[Progress] = []

    with report(seen.append, "bytes", clock=clock.monotonic) as reporter:
        reporter.update(0)
        clock.sleep(1)
        reporter.update(10, 40)
        clock.sleep(1)
        reporter.update(20)

    assert [(progress.done, progress.total) for progress in seen] == [(0, None), (10, 40), (20, 40)]


def test_the_time_left_follows_from_the_rate_since_the_first_count(clock: Clock) -> None:
    seen: list[Progress] = []

    with report(seen.append, "units", 1000, clock=clock.monotonic) as reporter:
        clock.sleep(100)
        reporter.update(700)  # what was done before is no evidence of speed
        clock.sleep(10)
        reporter.update(720)
        clock.sleep(10)
        reporter.update(1000)

    assert [progress.eta for progress in seen] == [None, timedelta(seconds=140), timedelta(0)]


def test_counting_up_starts_from_nothing_at_the_beginning(clock: Clock) -> None:
    seen: list[Progress] = []

    with report(seen.append, "rows", 100, clock=clock.monotonic) as reporter:
        clock.sleep(10)
        reporter.advance(20)

    assert seen == [Progress(20, 100, "rows", timedelta(seconds=40))]


@pytest.mark.parametrize(("done", "seconds"), [(5, 0), (5, -1), (0, 10), (1, 1e300)])
def test_a_rate_that_says_nothing_leaves_the_time_left_unknown(
    clock: Clock, done: int, seconds: float
) -> None:
    seen: list[Progress] = []

    with report(seen.append, "rows", 100, clock=clock.monotonic) as reporter:
        reporter.update(0)
        clock.sleep(seconds)
        reporter.update(done)

    assert seen[-1].eta is None


def test_an_exception_of_the_function_ends_the_call_and_is_raised_once() -> None:
    calls: list[Progress] = []

    def fail(progress: Progress) -> None:
        calls.append(progress)
        raise RuntimeError("enough")

    with (
        pytest.raises(RuntimeError, match="enough"),
        report(fail, "rows", 3) as reporter,
    ):
        reporter.update(1)

    assert len(calls) == 1


def test_a_failed_call_makes_no_last_report(clock: Clock) -> None:
    seen: list[Progress] = []

    def fail() -> None:
        with report(seen.append, "rows", 9, clock=clock.monotonic) as reporter:
            reporter.update(1)
            reporter.update(2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    assert [progress.done for progress in seen] == [1]


@pytest.mark.parametrize("option", [None, False])
def test_no_progress_is_the_default_and_shows_nothing(
    capfd: pytest.CaptureFixture[str], option: bool | None
) -> None:
    with report(option, "rows", 2) as reporter:
        reporter.update(1)
        reporter.advance()

    assert type(reporter) is Reporter
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("option", ["yes", 1, object()])
def test_another_value_is_refused(option: object) -> None:
    with pytest.raises(TypeError, match="progress must be True, False or a function"):
        report(cast("Any", option), "rows")


def test_true_shows_nothing_in_a_pipe(capfd: pytest.CaptureFixture[str]) -> None:
    with report(True, "rows", 2) as reporter:
        reporter.update(2)

    assert capfd.readouterr() == ("", "")


def test_true_shows_nothing_in_a_program_without_a_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)

    assert type(report(True, "rows", 2)) is Reporter


def test_true_draws_a_bar_in_a_terminal_on_stderr_only() -> None:
    pytest.importorskip("rich")
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    master, terminal = pty.openpty()
    process = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=terminal,
        check=True,
        timeout=60,
    )
    os.close(terminal)
    shown = b"".join(read_terminal(master)).decode()
    os.close(master)

    assert process.stdout == b""
    assert "Uploading [b]job[/b] 7" in shown
    assert "3 of 3 rows" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1  # the cursor is shown again


def read_terminal(master: int) -> Iterator[bytes]:
    """Yield what was written to a pseudo-terminal that nobody writes to any more."""
    while True:
        try:
            data = os.read(master, 4096)
        except OSError:  # so Linux reports the end
            return
        if not data:
            return
        yield data


def test_an_error_below_a_bar_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")

    def fail() -> None:
        with report(True, "bytes", 2_000_000) as reporter:
            reporter.update(1_500_000)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert "1.5 MB of 2.0 MB" in terminal.getvalue()
    assert terminal.getvalue().rstrip("\r\n").endswith("\x1b[?25h")


def test_without_rich_a_bar_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setitem(sys.modules, "rich.console", None)

    with pytest.raises(ImportError, match=r"pip install 'crowdflower-client\[cli\]'"):
        report(True, "rows", 2)


@pytest.fixture
def notebook() -> Iterator[list[dict[str, Any]]]:
    """What a notebook displays: IPython with a kernel."""
    pytest.importorskip("IPython")
    from IPython.core.displaypub import CapturingDisplayPublisher  # noqa: PLC0415 - optional
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415 - optional

    shell = InteractiveShell.instance()
    try:
        shell.kernel = object()
        shell.display_pub = CapturingDisplayPublisher()
        yield shell.display_pub.outputs
    finally:
        InteractiveShell.clear_instance()


def test_true_draws_one_bar_in_a_notebook_and_changes_it(
    notebook: list[dict[str, Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    with report(True, "rows", 20, label="<b>7</b>") as reporter:
        reporter.update(20)

    assert [output["update"] for output in notebook] == [False, True]
    assert len({output["transient"]["display_id"] for output in notebook}) == 1
    assert notebook[-1]["data"] == {
        "text/plain": "<b>7</b> 20 of 20 rows",
        "text/html": (
            '<div>&lt;b&gt;7&lt;/b&gt; <progress value="20" max="20"></progress>'
            " 20 of 20 rows</div>"
        ),
    }
    assert capfd.readouterr() == ("", "")


def test_a_bar_in_a_notebook_without_total_shows_no_share(notebook: list[dict[str, Any]]) -> None:
    with report(True, "bytes") as reporter:
        reporter.update(2048)

    assert notebook[-1]["data"]["text/html"] == "<div> <progress></progress> 2.0 kB</div>"


def test_progress_is_a_line_for_people() -> None:
    assert str(Progress(0, 12_000, "rows", None)) == "0 of 12,000 rows"
    assert str(Progress(3, 12, "units", timedelta(hours=2.5))) == "3 of 12 units, 2:30:00 left"
    assert str(Progress(12, 12, "units", timedelta(0))) == "12 of 12 units"
    assert str(Progress(999, 2_500_000, "bytes", None)) == "999 bytes of 2.5 MB"
