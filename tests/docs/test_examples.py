"""Every example of the package and its documentation runs in a new sandbox as shown.

Each docstring and each page of the documentation is one test. The names that an example uses
without defining them come from the ``World`` of conftest.py.
"""

from __future__ import annotations

import ast
import doctest
import pkgutil
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import crowdflower

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import World

ROOT = Path(__file__).parents[2]
OPTIONAL = {
    "import pandas": "pandas",
    "import pyarrow": "pyarrow",
    "plan_partitions(": "pyarrow",
    "to_pandas(": "pandas",
    "to_polars(": "polars",
    "to_arrow(": "pyarrow",
}
"""What an example contains, and the package without which it is skipped."""

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


UNAVAILABLE: dict[str, str] = {}
"""The modules that could not be imported, with the package that is missing."""


def docstrings() -> Iterator[doctest.DocTest]:
    """Yield the docstrings with examples, module by module.

    For a module that needs NumPy or PySpark where that is not installed, yield one without
    examples.
    """
    finder = doctest.DocTestFinder()
    names = [module.name for module in pkgutil.walk_packages(crowdflower.__path__, "crowdflower.")]
    for name in ["crowdflower", *names]:
        if not name.endswith("__main__"):
            try:
                found = finder.find(import_module(name), name)
            except ImportError as missing:
                if missing.name not in {"numpy", "pyspark"}:
                    raise
                UNAVAILABLE[name] = missing.name
                yield doctest.DocTest([], {}, name, None, None, None)
            else:
                yield from sorted(test for test in found if test.examples)


def pages() -> Iterator[doctest.DocTest]:
    """Yield the pages with examples."""
    parser = doctest.DocTestParser()
    for path in [ROOT / "README.rst", *sorted((ROOT / "docs").rglob("*.rst"))]:
        name = path.relative_to(ROOT).as_posix()
        test = parser.get_doctest(path.read_text(encoding="utf-8"), {}, name, str(path), 0)
        if test.examples:
            yield test


def undefined_names(test: doctest.DocTest) -> set[str]:
    """Return the names that the examples use and do not define."""
    used: set[str] = set()
    defined: set[str] = set()
    for example in test.examples:
        nodes = list(ast.walk(ast.parse(example.source)))
        loops = [node.target for node in nodes if isinstance(node, ast.For | ast.comprehension)]
        withs = [node.optional_vars for node in nodes if isinstance(node, ast.withitem)]
        inside = {
            name.id
            for target in [*loops, *filter(None, withs)]
            for name in ast.walk(target)
            if isinstance(name, ast.Name)
        }
        names = [node for node in nodes if isinstance(node, ast.Name)]
        used |= {name.id for name in names if isinstance(name.ctx, ast.Load)} - defined - inside
        defined |= {name.id for name in names if isinstance(name.ctx, ast.Store)}
    return used


def endpoints(docstring: str) -> list[re.Pattern[str]]:
    """Return a pattern of requests for each endpoint in a docstring."""
    found = re.findall(r"``(GET|POST|PUT|DELETE) (/(?:jobs|account)[^`\s]*)``", docstring)
    return [
        re.compile(rf"{verb} (/v1)?{re.sub('{[^}]*}', '[^/]+', path)}(.json)?")
        for verb, path in found
    ]


@pytest.mark.parametrize("test", [*docstrings(), *pages()], ids=lambda test: test.name)
def test_the_example_runs_as_shown(test: doctest.DocTest, world: World) -> None:
    if test.name in UNAVAILABLE:
        pytest.skip(f"{test.name} needs {UNAVAILABLE[test.name]}")
    for words, package in OPTIONAL.items():
        if any(words in example.source for example in test.examples):
            pytest.importorskip(package)
    test.globs.update(world.namespace(undefined_names(test) - test.globs.keys()))
    if any("from_env(" in example.source for example in test.examples):
        world.set_environment()
    expected = endpoints(test.docstring or "")
    if expected:
        world.box.forget_requests()
    output: list[str] = []

    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=output.append)

    assert not output, "".join(output)
    if expected:
        sent = [f"{request.verb} {request.path}" for request in world.box.requests]
        assert any(endpoint.fullmatch(line) for endpoint in expected for line in sent), sent


def test_an_example_with_wrong_output_fails() -> None:
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    output: list[str] = []

    doctest.DocTestRunner(optionflags=FLAGS).run(wrong, out=output.append)

    assert "Expected:\n    3\nGot:\n    2\n" in "".join(output)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (">>> job.pause()", {"job"}),
        (">>> job = client.get_job(7)\n>>> job.pause()", {"client"}),
        (">>> [unit.id for unit in job.units]", {"job"}),
        (">>> with Sandbox() as box:\n...     box.client()", {"Sandbox"}),
    ],
)
def test_undefined_names_of_an_example_are_found(source: str, names: set[str]) -> None:
    test = doctest.DocTestParser().get_doctest(f"{source}\n", {}, "example", None, 0)

    assert undefined_names(test) == names
