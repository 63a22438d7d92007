"""The test files shown in the documentation pass, run with pytest in a new process."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from importlib.metadata import entry_points
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
FILES = re.compile(
    r"^\.\. code-block:: python\n   :caption: (\S+)\n\n((?:   .*\n|\n)+)", re.MULTILINE
)


def test_the_tests_of_the_testing_page_pass(tmp_path: Path) -> None:
    page = (DOCS / "testing.rst").read_text(encoding="utf-8")
    for name, text in FILES.findall(page):
        (tmp_path / name).write_text(textwrap.dedent(text), encoding="utf-8")

    installed = {each.value for each in entry_points(group="pytest11")}
    plugin = [] if "crowdflower.testing" in installed else ["-p", "crowdflower.testing"]

    process = subprocess.run(  # noqa: S603 - our own Python
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            tmp_path,
            *plugin,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.returncode == 0, process.stdout
    assert "10 passed" in process.stdout
