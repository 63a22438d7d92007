"""The page about forms names whatever a form may be made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from crowdflower.cml.tags import ELEMENTS, PARENTS
from crowdflower.cml.validators import VALIDATORS

PAGE = (Path(__file__).parents[2] / "docs" / "forms.rst").read_text(encoding="utf-8")


@pytest.mark.parametrize("tag", [*ELEMENTS, *PARENTS, "group", "instructions", "gold"])
def test_each_tag_is_named(tag: str) -> None:
    assert f"``cml:{tag}``" in PAGE


@pytest.mark.parametrize("validator", VALIDATORS)
def test_each_validator_is_named(validator: str) -> None:
    assert f"``{validator}``" in PAGE or f"``{validator}:" in PAGE
