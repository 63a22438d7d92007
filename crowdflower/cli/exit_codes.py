"""The exit codes of the command, and the errors that it ends with."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import click

from crowdflower._types import one_line
from crowdflower.exceptions import (
    ApiError,
    ConfigError,
    DuplicateOperation,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    OverBudget,
    ReportNotReady,
    WaitTimeout,
)
from crowdflower.payments.records import PENDING


class ExitCode(IntEnum):
    """How the command ended. The numbers are documented and do not change."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNKNOWN = 3
    NOT_FOUND = 4
    PROBLEMS = 5
    TIMEOUT = 6
    NOT_CONFIRMED = 7
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANINGS: Final = {
    ExitCode.OK: "It is done; with --dry-run, it was shown.",
    ExitCode.FAILED: "The service refused it or cannot be reached, or a file cannot be used.",
    ExitCode.USAGE: "The command line, a setting or a row is invalid; nothing was sent.",
    ExitCode.UNKNOWN: "A change was sent, and whether it was made is unknown; before you repeat a"
    " payment, see crowdflower pending.",
    ExitCode.NOT_FOUND: "The account has no such job, unit or report.",
    ExitCode.PROBLEMS: "A check found problems; they are listed.",
    ExitCode.TIMEOUT: "It did not happen within the time; the job goes on.",
    ExitCode.NOT_CONFIRMED: "It was not confirmed, or costs more than allowed; nothing was sent"
    " that costs. watch --max-cost has paused the job.",
    ExitCode.INTERRUPTED: "Ctrl-C.",
    ExitCode.BROKEN_PIPE: "The reader of the output has closed it, as head does.",
}
"""What each exit code means, for ``--help`` and for the documentation."""


class CommandError(click.ClickException):
    """Ends the command with one line on standard error and an exit code."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(one_line(message))
        self.exit_code = code  # type: ignore[misc]  # of the class in click


def as_command_error(error: ApiError | OSError) -> CommandError:
    """Return the line and the exit code for an error of the library or of a file.

    >>> error = as_command_error(NotFound("GET /jobs/7.json: 404 Not Found"))
    >>> error.message, error.exit_code
    ('GET /jobs/7.json: 404 Not Found', <ExitCode.NOT_FOUND: 4>)
    """
    return CommandError(_message(error), exit_code(error))


def exit_code(error: ApiError | OSError) -> ExitCode:
    """Return the exit code for an error of the library or of a file."""
    if isinstance(error, OutcomeUnknown):
        return ExitCode.UNKNOWN
    if isinstance(error, DuplicateOperation):
        earlier = error.operation
        is_open = earlier is not None and earlier.state in PENDING
        return ExitCode.UNKNOWN if is_open else ExitCode.FAILED
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return code
    return ExitCode.FAILED


_CODES: Final = {
    NotFound: ExitCode.NOT_FOUND,
    OverBudget: ExitCode.NOT_CONFIRMED,
    InvalidInput: ExitCode.USAGE,
    ConfigError: ExitCode.USAGE,
    ReportNotReady: ExitCode.TIMEOUT,
    WaitTimeout: ExitCode.TIMEOUT,
}
"""The first class that fits decides."""


def _message(error: ApiError | OSError) -> str:
    """Return what to print: what the library says, with advice for the command line."""
    if isinstance(error, OutcomeUnknown) and error.operation is not None:
        problem, _, _ = str(error).partition(". It may have been paid")
        return (
            f"{problem}. It may have been paid: `crowdflower pending` lists it, and"
            f" `crowdflower resolve {error.op_id}` looks for it, without paying again"
        )
    if isinstance(error, ApiError):
        return str(error)
    if error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__
