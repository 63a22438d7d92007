"""The page about forms mentions every tag and every validator."""

from __future__ import annotations

from pathlib import Path

import pytest

from crowdflower.cml.tags import ELEMENTS, PARENTS
from crowdflower.cml.validators import VALIDATORS

PAGE = (Path(__file__).parents[2] / "docs" / "forms.rst").read_text(encoding="utf-8")


@pytest.mark.parametrize("tag", [*ELEMENTS, *PARENTS, "group", "instructions", "gold"])
def test_each_tag_is_mentioned(tag: str) -> None:
    assert f"``cml:{tag}``" in PAGE


@pytest.mark.parametrize("validator", VALIDATORS)
def test_each_validator_is_mentioned(validator: str) -> None:
    assert f"``{validator}``" in PAGE or f"``{validator}:" in PAGE
