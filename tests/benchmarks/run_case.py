"""Runs one case and prints its figures as JSON. The harness starts it, a process per measurement.

::

    python -m tests.benchmarks.run_case MODULE FUNCTION ARGUMENT…

A case measures all of its time, or, if it has a parameter ``watch``, what it does within the blocks
of this stopwatch. It may return more figures, as a dict. An argument is given as a ``Path`` if the
annotation of its parameter says so, else as a string.
"""

from __future__ import annotations

import importlib
import inspect
import json
import resource
import sys
from pathlib import Path

from tests.benchmarks.harness import Stopwatch


def peak_megabytes() -> float:
    """Return the peak of the memory of this process.

    Linux lets a child inherit ``ru_maxrss`` from its parent, but not ``VmHWM``.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main(module: str, function: str, *arguments: str) -> None:
    """Run the case."""
    case = getattr(importlib.import_module(module), function)
    parameters = inspect.signature(case).parameters
    values = [
        Path(text) if parameter.annotation == "Path" else text
        for text, parameter in zip(arguments, parameters.values(), strict=False)
    ]
    watch = Stopwatch()
    if "watch" in parameters:
        more = case(*values, watch=watch)
        assert watch.is_used, f"{function} measured nothing"
    else:
        with watch():
            more = case(*values)
    figures = {"seconds": watch.seconds, "busy": watch.busy, "megabytes": peak_megabytes()}
    print(f"\n{json.dumps(figures | (more or {}))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
