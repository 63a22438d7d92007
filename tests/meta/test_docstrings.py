"""Every public name says what it does, and shows it."""

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
    "http.service.Service",
    "account.Account",
    "account_jobs.AccountJobs",
    "account_units.AccountUnits",
    "account_reports.AccountReports",
    "job.Job",
    "job_units.JobUnits",
    "job_results.JobResults",
    "unit.Unit",
    "unit.UnitPromise",
    "judgment.Judgment",
    "judgment.JudgmentAggregate",
    "worker.Worker",
    "order.Order",
    "webhook.Webhook",
]

WITHOUT_AN_EXAMPLE = {
    "Account.from_env": "the quick start shows it, with a key in the environment",
    "Service.close": "nothing of it can be seen",
}
"""``Class.method`` to the reason why an example of it would show nothing."""


def own(module: ModuleType) -> list[tuple[str, object]]:
    """Public classes and functions that this module defines itself."""
    return [
        (name, member)
        for name, member in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(member) or inspect.isfunction(member))
        and member.__module__ == module.__name__
    ]


def methods(kind: type) -> list[tuple[str, FunctionType]]:
    """Public methods and properties that this class defines itself."""
    found = []
    for name, member in vars(kind).items():
        function = member.fget if isinstance(member, property) else member
        function = getattr(function, "__func__", function)
        if not name.startswith("_") and isinstance(function, FunctionType):
            found.append((name, function))
    return found


@pytest.mark.parametrize("name", ["crowdflower", *MODULES])
def test_every_public_name_of_the_module_says_what_it_is(name: str) -> None:
    module = importlib.import_module(name)

    silent = [] if inspect.getdoc(module) else [name]
    for label, member in own(module):
        silent += [] if inspect.getdoc(member) else [f"{name}.{label}"]
        if inspect.isclass(member):
            silent += [
                f"{name}.{label}.{method}"
                for method, function in methods(member)
                if not inspect.getdoc(function) and not inspect.getdoc(getattr(member, method))
            ]

    assert silent == []


@pytest.mark.parametrize("package", ["crowdflower", "crowdflower.sandbox"])
def test_the_map_of_a_package_names_each_of_its_modules(package: str) -> None:
    there = importlib.import_module(package)
    drawn = set(re.findall(r"\w+", inspect.getdoc(there) or ""))

    modules = {module.name for module in pkgutil.iter_modules(there.__path__)}

    assert modules - drawn == set()


@pytest.mark.parametrize("path", MODELS)
def test_every_public_method_of_a_model_shows_itself(path: str) -> None:
    module, _, name = path.rpartition(".")
    kind = getattr(importlib.import_module(f"crowdflower.{module}"), name)

    without = {
        f"{name}.{method}"
        for method, function in methods(kind)
        if ">>>" not in (inspect.getdoc(function) or "")
    }

    excused = {label for label in WITHOUT_AN_EXAMPLE if label.startswith(f"{name}.")}
    assert without == excused
