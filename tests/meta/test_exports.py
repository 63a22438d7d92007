"""The published interface: import paths, arguments and members of existing clients."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

PUBLISHED_CLASSES = {
    "crowdflower.client": ["ApiError", "Client", "PathFactory"],
    "crowdflower.job": ["Job"],
    "crowdflower.unit": ["Unit", "UnitPromise"],
    "crowdflower.judgment": ["Judgment", "JudgmentAggregate"],
    "crowdflower.worker": ["Worker"],
    "crowdflower.order": ["Order"],
    "crowdflower.models.fields": ["Attribute", "ReadOnly", "WriteOnly"],
}

DESCRIPTORS = {"Attribute", "ReadOnly", "WriteOnly"}

SIGNATURES = {
    "client.Client.call": (
        "(self, path, data=None, headers={}, query={}, method='get', files=None, as_json=True)"
    ),
    "client.Client.paged_call": "(self, *args, page=1, limit=100, sentinel=None, **kwargs)",
    "client.Client.create_job": "(self, attrs)",
    "client.Client.update_job": "(self, job_id, attrs)",
    "client.Client.get_job": "(self, job_id)",
    "client.Client.get_jobs": "(self)",
    "client.Client.delete_job": "(self, job_id)",
    "client.Client.copy_job": "(self, job_id, all_units, gold)",
    "client.Client.upload_job": "(self, data, job_id=None, force=False)",
    "client.Client.upload_job_file": "(self, file, type_=None, job_id=None, force=False)",
    "client.Client.get_unit": "(self, job, unit_id)",
    "client.Client.get_units": "(self, job)",
    "client.Client.unit_from_json": "(self, data)",
    "client.Client.cancel_unit": "(self, job_id, unit_id)",
    "client.Client.get_judgmentaggregates": "(self, job)",
    "client.Client.get_judgment": "(self, job, judgment_id)",
    "client.Client.get_job_channels": "(self, job_id)",
    "client.Client.set_job_channels": "(self, job_id, channels)",
    "client.Client.get_job_tags": "(self, job_id)",
    "client.Client.add_job_tag": "(self, job_id, tag)",
    "client.Client.set_job_tags": "(self, job_id, tags)",
    "client.Client.debit_order": "(self, job, units_count, channels)",
    "client.Client.get_order": "(self, job, order_id)",
    "client.Client.get_report": "(self, job, type_='json')",
    "client.Client.convert_job_test_questions": "(self, job_id)",
    "client.PathFactory": "(client, name=())",
    "job.Job": "(client=None, **data)",
    "job.Job.update": "(self)",
    "job.Job.upload": "(self, data, force=False)",
    "job.Job.upload_file": "(self, file, type_=None, force=False)",
    "job.Job.delete": "(self)",
    "job.Job.copy": "(self, all_units=False, gold=False)",
    "job.Job.get_judgment": "(self, judgment_id)",
    "job.Job.get_worker": "(self, worker_id)",
    "job.Job.add_tag": "(self, tag)",
    "job.Job.launch": "(self, units_count=None, channels=('on_demand',))",
    "job.Job.pause": "(self)",
    "job.Job.resume": "(self)",
    "job.Job.cancel": "(self)",
    "job.Job.ping": "(self)",
    "job.Job.legend": "(self)",
    "job.Job.convert_test_questions": "(self)",
    "job.Job.get_results_report": "(self)",
    "unit.Unit": "(job, client=None, **data)",
    "unit.Unit.get_aggregate": "(self, key, default=None)",
    "unit.Unit.cancel": "(self)",
    "unit.UnitPromise": "(job, client=None, **data)",
    "judgment.Judgment": "(job, client=None, **data)",
    "judgment.JudgmentAggregate": "(job, client=None, **data)",
    "judgment.JudgmentAggregate.get_aggregate": "(self, field)",
    "judgment.JudgmentAggregate.get_results": "(self, field)",
    "judgment.JudgmentAggregate.get_fields": "(self)",
    "worker.Worker": "(job, client=None, **data)",
    "worker.Worker.bonus": "(self, amount, reason=None)",
    "worker.Worker.notify": "(self, message)",
    "worker.Worker.flag": "(self, flag, persist=False)",
    "worker.Worker.deflag": "(self, deflag)",
    "worker.Worker.reject": "(self)",
    "order.Order": "(job, client=None, **data)",
}

MEMBERS = {
    "job.Job": ["units", "judgment_aggregates", "channels", "tags"],
    "unit.Unit": ["results"],
    "unit.UnitPromise": ["id", "data"],
    "judgment.JudgmentAggregate": ["agreement", "ids", "state", "updated_at", "judgments"],
    "worker.Worker": ["id"],
}


Argument = tuple[str, str, object]


def resolve(path: str) -> object:
    """Return ``module.Class.method`` of the package."""
    module, *names = path.split(".")
    found: object = import_module(f"crowdflower.{module}")
    for name in names:
        found = getattr(found, name)
    return found


def arguments(call: object) -> list[Argument]:
    """Return name, kind and default of each argument; callers depend on them."""
    assert callable(call)
    parameters = inspect.signature(call).parameters.values()
    return [(each.name, each.kind.name, each.default) for each in parameters]


def parse_signature(signature: str) -> list[Argument]:
    """Parse a signature of the published interface."""
    namespace: dict[str, object] = {}
    exec(f"def call{signature}: ...", namespace)  # noqa: S102 - from SIGNATURES
    return arguments(namespace["call"])


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module, names in PUBLISHED_CLASSES.items() for name in names],
)
def test_each_published_class_keeps_its_import_path(module: str, name: str) -> None:
    assert inspect.isclass(getattr(import_module(module), name))


def positional(call: list[Argument]) -> list[Argument]:
    """Return the arguments that can be passed by position."""
    return [each for each in call if each[1] == "POSITIONAL_OR_KEYWORD"]


@pytest.mark.parametrize("path", SIGNATURES)
def test_arguments_keep_their_names_order_and_defaults(path: str) -> None:
    wanted = parse_signature(SIGNATURES[path])

    found = arguments(resolve(path))

    assert [each for each in found if each in wanted] == wanted
    assert positional(found)[: len(positional(wanted))] == positional(wanted)


@pytest.mark.parametrize("path", SIGNATURES)
def test_added_arguments_are_optional(path: str) -> None:
    wanted = parse_signature(SIGNATURES[path])

    added = [each for each in arguments(resolve(path)) if each not in wanted]

    assert [name for name, _, default in added if default is inspect.Parameter.empty] == []


def test_a_client_needs_only_its_key() -> None:
    key, *others = inspect.signature(resolve("client.Client")).parameters.values()  # type: ignore[arg-type]

    assert key.name == "key"
    assert all(each.default is not inspect.Parameter.empty for each in others)


@pytest.mark.parametrize(
    ("path", "member"),
    [(path, member) for path, members in MEMBERS.items() for member in members],
)
def test_each_published_member_is_declared_on_its_class(path: str, member: str) -> None:
    assert hasattr(resolve(path), member)


def test_api_error_can_be_imported_from_the_client_module() -> None:
    client = import_module("crowdflower.client")
    exceptions = import_module("crowdflower.exceptions")

    assert client.ApiError is exceptions.ApiError


def test_every_name_in_all_exists_once() -> None:
    package = import_module("crowdflower")

    assert sorted(package.__all__) == sorted(set(package.__all__))
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


def test_the_package_exports_every_noun_and_every_error() -> None:
    package = import_module("crowdflower")
    exceptions = import_module("crowdflower.exceptions")
    nouns = {name for path, names in PUBLISHED_CLASSES.items() for name in names} - DESCRIPTORS
    errors = {
        name
        for name, member in vars(exceptions).items()
        if inspect.isclass(member)
        and issubclass(member, Exception)
        and member.__module__ == "crowdflower.exceptions"
    }

    assert len(errors) > 30
    assert nouns | errors | {"Counts", "Progress", "Sandbox", "Webhook", "timestamp"} == set(
        package.__all__
    )


def test_dir_of_the_package_shows_what_it_exports_and_nothing_else() -> None:
    package = import_module("crowdflower")

    assert sorted(dir(package)) == sorted([*package.__all__, "__version__"])


def test_names_of_version_1_0_0_are_still_exported() -> None:
    package = import_module("crowdflower")
    before = {
        *("ApiError", "Client", "Job", "Judgment", "JudgmentAggregate", "Order", "PathFactory"),
        *("Sandbox", "Unit", "UnitPromise", "Worker", "timestamp"),
    }

    assert before <= set(package.__all__)
