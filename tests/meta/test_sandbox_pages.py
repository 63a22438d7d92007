"""Every page and section that the sandbox refers to exists."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from crowdflower.sandbox.api.routes import ROUTES
from crowdflower.sandbox.api.unsupported import UNSUPPORTED

ROOT = Path(__file__).parents[2]

spec = importlib.util.spec_from_file_location("sandbox_table", ROOT / "docs/sandbox_table.py")
assert spec is not None
assert spec.loader is not None
table = importlib.util.module_from_spec(spec)
spec.loader.exec_module(table)


def sections() -> set[str]:
    """Return the anchors of the sections on the page of limits."""
    text = (ROOT / "docs/sandbox-limits.rst").read_text(encoding="utf-8")
    headings = re.findall(r"^(.+)\n-+$", text, re.MULTILINE)
    return {heading.lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "see",
    [
        *sorted({each.see for each in UNSUPPORTED}),
        "aggregation",
        "ampcrowd",
        "channels",
        "gold",
        "validates",
        "dynamic-judgments",
        "upload",
    ],
)
def test_every_501_refers_to_an_existing_section(see: str) -> None:
    assert see in sections()


def test_the_page_has_a_line_for_every_endpoint() -> None:
    lines = "\n".join(table.lines())

    assert all(f"``{table.endpoint(route)}``" in lines for route in ROUTES)
    assert lines.count("- not done") == len(UNSUPPORTED)
    assert "``PUT /jobs/{job}/units/{unit}``" in lines
    assert "``/v2/{rest}``" in lines
