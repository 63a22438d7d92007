"""Limits on the layout: modules per folder, lines per file, unique file names, type imports."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "crowdflower"

MAX_MODULES = {"sandbox/api": 22, "sandbox/desk": 20, "cml": 18, ".": 28}
DEFAULT_MAX_MODULES = 16
MAX_LINES = 400
LONG_FILES = {"client.py", "job.py", "exceptions.py", "sandbox/box.py"}
"""The class of a noun is one file with its whole reference; so is the tree of exceptions."""

REPEATED_NAMES = {"__init__", "__main__", "routes", "client", "endpoints"}
SANDBOX_NOUNS = {"channels", "gold", "jobs", "judgments", "orders", "reports", "tags", "units"}
SANDBOX_NOUNS |= {"uploads", "workers", "account"}
"""Nouns of the API, each a module of ``sandbox/api`` and of ``sandbox/rules``."""

NOUNS = {"client", "job", "unit", "judgment", "worker", "order", "webhook"}
ALLOWED_IN_EXCEPTIONS = {
    "crowdflower.payments.records",
    "crowdflower.models.waiting.counts",
    "crowdflower.models.events",
}
"""Higher modules whose types the annotations of ``exceptions`` may name."""


def modules(folder: Path = PACKAGE) -> list[Path]:
    """Return all modules below a folder."""
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def folders() -> list[Path]:
    """Return all folders with modules."""
    return sorted({path.parent for path in modules()})


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("folder", folders(), ids=relative)
def test_a_folder_has_few_modules(folder: Path) -> None:
    entries = [
        path for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    ]

    assert len(entries) <= MAX_MODULES.get(relative(folder), DEFAULT_MAX_MODULES)


@pytest.mark.parametrize("path", modules(), ids=relative)
def test_a_module_is_short_unless_it_is_a_noun(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()

    assert len(lines) <= MAX_LINES or relative(path) in LONG_FILES


@pytest.mark.parametrize("half", ["client", "sandbox"])
def test_a_file_name_occurs_once(half: str) -> None:
    sandbox = set(modules(PACKAGE / "sandbox"))
    files = sandbox if half == "sandbox" else set(modules()) - sandbox
    allowed = REPEATED_NAMES | (SANDBOX_NOUNS if half == "sandbox" else set())

    names = Counter(path.stem for path in files)

    assert {name for name, count in names.items() if count > 1} - allowed == set()


def type_imports(path: Path) -> Iterator[str]:
    """Yield what a module imports for annotations only."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            for statement in node.body:
                if isinstance(statement, ast.ImportFrom) and statement.module:
                    yield statement.module


def layers() -> dict[str, int]:
    """Return the layer of each entry of the package, counted from the top, as in tox.ini."""
    lines = (PACKAGE.parent / "tox.ini").read_text(encoding="utf-8")
    contract = lines.partition("[importlinter:contract:client]")[2].partition("layers =")[2]
    layer_of: dict[str, int] = {}
    for number, line in enumerate(contract.partition("\n\n")[0].strip().splitlines()):
        for name in (
            line.replace("|", " ").replace(":", " ").replace("(", "").replace(")", "").split()
        ):
            layer_of[name] = number
    return layer_of


@pytest.mark.parametrize("path", modules(), ids=relative)
def test_only_nouns_import_types_from_a_higher_layer(path: Path) -> None:
    levels = layers()
    entry = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if entry == "__init__":
        return
    assert entry in levels

    upward = [
        name
        for name in type_imports(path)
        if name.startswith("crowdflower.") and levels[name.split(".")[1]] < levels[entry]
    ]

    if entry == "exceptions":
        upward = [name for name in upward if name not in ALLOWED_IN_EXCEPTIONS]
    if entry in NOUNS or relative(path) == "models/resource.py":
        upward = [name for name in upward if name.split(".")[1] not in NOUNS]
    assert upward == []
