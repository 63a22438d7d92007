"""Runs pytest inside pytest, with the plugin as an installed package has it."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest


@pytest.fixture
def plugin_arguments() -> list[str]:
    """Arguments of pytest that load the plugin, unless the installed package does."""
    installed = {each.value for each in entry_points(group="pytest11")}
    return [] if "crowdflower.testing" in installed else ["-p", "crowdflower.testing"]
