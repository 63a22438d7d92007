"""Every public name has a docstring, and every public method of a model an example."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from types import FunctionType, ModuleType

import pytest

import crowdflower

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(crowdflower.__path__, "crowdflower.")
    if not module.name.endswith("__main__")
)

MODELS = [
    "client.Client",
    "http.base_client.BaseClient",
    "job.Job",
    "unit.Unit",
    "unit.UnitPromise",
    "judgment.Judgment",
    "judgment.JudgmentAggregate",
    "worker.Worker",
    "order.Order",
    "webhook.Webhook",
]

WITHOUT_AN_EXAMPLE = {
    "BaseClient.request": "users call Client.call, which shows one",
    "BaseClient.close": "it has no visible effect",
}
"""``Class.method`` to the reason why it has no example."""


def public_members(module: ModuleType) -> list[tuple[str, object]]:
    """Return the public classes and functions that a module defines."""
    return [
        (name, member)
        for name, member in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(member) or inspect.isfunction(member))
        and member.__module__ == module.__name__
    ]


def methods(kind: type) -> list[tuple[str, FunctionType]]:
    """Return the public methods and properties that a class defines."""
    found = []
    for name, member in vars(kind).items():
        function = member.fget if isinstance(member, property) else member
        function = getattr(function, "__func__", function)
        if not name.startswith("_") and isinstance(function, FunctionType):
            found.append((name, function))
    return found


@pytest.mark.parametrize("name", ["crowdflower", *MODULES])
def test_every_public_name_has_a_docstring(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ImportError as missing:
        if missing.name not in {"numpy", "pyspark"}:
            raise
        pytest.skip(f"{name} needs {missing.name}")

    undocumented = [] if inspect.getdoc(module) else [name]
    for label, member in public_members(module):
        undocumented += [] if inspect.getdoc(member) else [f"{name}.{label}"]
        if inspect.isclass(member):
            undocumented += [
                f"{name}.{label}.{method}"
                for method, function in methods(member)
                if not inspect.getdoc(function) and not inspect.getdoc(getattr(member, method))
            ]

    assert undocumented == []


@pytest.mark.parametrize("package", ["crowdflower", "crowdflower.sandbox"])
def test_the_docstring_of_a_package_lists_its_modules(package: str) -> None:
    root = importlib.import_module(package)
    words = set(re.findall(r"\w+", inspect.getdoc(root) or ""))

    modules = {module.name for module in pkgutil.iter_modules(root.__path__)}

    private = {name for name in modules if name.startswith("_")}
    assert modules - private - words == set()


@pytest.mark.parametrize("path", MODELS)
def test_every_public_method_of_a_model_has_an_example(path: str) -> None:
    module, _, name = path.rpartition(".")
    kind = getattr(importlib.import_module(f"crowdflower.{module}"), name)

    without = {
        f"{name}.{method}"
        for method, function in methods(kind)
        if ">>>" not in (inspect.getdoc(function) or "")
    }

    expected = {label for label in WITHOUT_AN_EXAMPLE if label.startswith(f"{name}.")}
    assert without == expected
