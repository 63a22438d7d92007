"""The package ``http`` is independent of the API: its code mentions no job, unit or worker."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HTTP = Path(__file__).parents[2] / "crowdflower" / "http"
NOUN = re.compile(r"(?<![a-z])(job|unit|worker|judgment|contributor)s?(?![a-z])", re.IGNORECASE)


def words(tree: ast.Module) -> Iterator[str]:
    """Yield the names and strings of a module, docstrings excluded."""
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in docstrings:
                yield node.value
        else:
            yield from (
                value
                for field in ("id", "attr", "name", "arg")
                if isinstance(value := getattr(node, field, None), str)
            )


@pytest.mark.parametrize("path", sorted(HTTP.glob("*.py")), ids=lambda path: path.stem)
def test_the_code_of_http_mentions_no_noun_of_the_api(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert [word for word in words(tree) if NOUN.search(word)] == []


def test_the_check_finds_a_noun() -> None:
    tree = ast.parse('"""About jobs."""\ndef send(job_id): return f"jobs/{job_id}/units"')

    found = [word for word in words(tree) if NOUN.search(word)]

    assert sorted(found) == ["/units", "job_id", "job_id", "jobs/"]
