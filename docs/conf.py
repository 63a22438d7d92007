"""Sphinx configuration. Build with ``tox -e docs``; every warning is an error."""  # noqa: INP001 - Sphinx requires this place

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import command_table  # noqa: E402 - on the path set above
import endpoint_table  # noqa: E402 - on the path set above
import sandbox_table  # noqa: E402 - on the path set above

from crowdflower import __version__  # noqa: E402 - on the path set above

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
autodoc_mock_imports = ["pyspark"]
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"

# References outside the package are not resolved, so the build needs no network. Type variables
# and private names have no entry in the reference.
nitpick_ignore_regex = [
    (r"py:.*", r"(?!crowdflower\.).*"),
    (r"py:.*", r"crowdflower\.[\w.]+\.(T|J|Items|Page|Task|Label)"),
    (r"py:.*", r"crowdflower\.quality\.consensus\.Worker"),
    (r"py:.*", r"crowdflower\.[\w.]+\._\w+"),
]

# Client and sandbox each have a Clock; a type that is imported for type checkers only is rendered
# by its short name, which is then ambiguous.
suppress_warnings = ["ref.python"]


def release_key(release: str) -> list[int]:
    """Return the parts of a version as numbers, for sorting.

    >>> release_key("1.10.0") > release_key("1.9.2")
    True
    """
    return [int(part) for part in release.split(".")]


def assemble_changelog(_: Sphinx, page: str, source: list[str]) -> None:
    """Insert the fragments of ``changes/`` into the changelog, newest release first.

    A fragment is named ``RELEASE-topic.rst``, so that two changes never edit the same file.
    Fragments of a release above ``__version__`` are marked as unreleased.
    """
    if page != "changelog":
        return
    fragments: dict[str, list[str]] = {}
    for path in sorted((HERE / "changes").glob("*.rst")):
        text = path.read_text(encoding="utf-8")
        fragments.setdefault(path.name.partition("-")[0], []).append(text)
    for name in sorted(fragments, key=release_key, reverse=True):
        unreleased = release_key(name) > release_key(__version__)
        heading = f"{name} (unreleased)" if unreleased else name
        source[0] += "\n".join(["", heading, "-" * len(heading), "", *fragments[name]])


def insert_tables(_: Sphinx, page: str, source: list[str]) -> None:
    """Append the generated references of endpoints and of the command to their pages."""
    if page == "command":
        source[0] += "\n".join(command_table.lines())
    if page == "endpoints":
        source[0] += "\n".join(endpoint_table.lines())
    if page == "sandbox-endpoints":
        source[0] += "\n".join(sandbox_table.lines())


def setup(app: Sphinx) -> None:
    """Register the functions above with Sphinx."""
    app.connect("source-read", insert_tables)
    app.connect("source-read", assemble_changelog)
