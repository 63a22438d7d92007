"""How the documentation is built: ``tox -e docs``; every warning is an error."""  # noqa: INP001 - Sphinx finds it by its place

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import endpoint_table  # noqa: E402 - found by the line above
import sandbox_table  # noqa: E402 - found by the line above

from crowdflower import __version__  # noqa: E402 - found by the line above

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "crowdflower"
copyright = "the crowdflower authors"  # noqa: A001 - Sphinx's name for it
version = release = __version__

extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build", "changes"]
html_theme = "furo"
html_title = f"crowdflower {release}"
html_static_path = ["static"]
html_css_files = ["width.css"]

autodoc_class_signature = "mixed"
autodoc_default_options = {"members": True, "show-inheritance": True, "undoc-members": True}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"

# What lies outside of the package is not looked up, since the build needs no network; a type
# variable has no page of its own.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!crowdflower\.).*"),
    (r"py:.*", r"crowdflower\.[\w.]+\.(T|Items|Page|Task|Label)"),
    (r"py:.*", r"crowdflower\.quality\.consensus\.Worker"),
]

# Client and sandbox each have a Clock, and a type imported for checkers only shows its short name.
suppress_warnings = ["ref.python"]


def assemble_changes(_: Sphinx, page: str, source: list[str]) -> None:
    """Put the fragments of ``changes/`` under the heading of their release, newest first.

    A fragment is called ``RELEASE-topic.rst``, so that two changes never touch the same file.
    """
    if page != "changelog":
        return
    releases: dict[str, list[str]] = {}
    for path in sorted((HERE / "changes").glob("*.rst")):
        text = path.read_text(encoding="utf-8")
        releases.setdefault(path.name.partition("-")[0], []).append(text)
    newest_first = sorted(releases, key=lambda name: [*map(int, name.split("."))], reverse=True)
    for name in newest_first:
        source[0] += "\n".join(["", name, "-" * len(name), "", *releases[name]])


def tabulate_endpoints(_: Sphinx, page: str, source: list[str]) -> None:
    """Put the tables of endpoints below the words of their pages."""
    if page == "endpoints":
        source[0] += "\n".join(endpoint_table.lines())
    if page == "sandbox-endpoints":
        source[0] += "\n".join(sandbox_table.lines())


def setup(app: Sphinx) -> None:
    """Take part in the build."""
    app.connect("source-read", tabulate_endpoints)
    app.connect("source-read", assemble_changes)
