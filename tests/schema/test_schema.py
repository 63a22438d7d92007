"""Requests generated from the OpenAPI description: each response conforms to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zlib import crc32

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import CHECKS, load_all_checks
from stage import Stage

from crowdflower.sandbox.api import openapi
from crowdflower.sandbox.server.in_process import ORIGIN

BOUNDED = settings(
    derandomize=True,
    deadline=None,
    max_examples=15,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
"""The same requests in every run, so that a failure can be reproduced."""

load_all_checks()
ENABLED_CHECKS = [
    CHECKS.get_one(name)
    for name in (
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    )
]
"""Status, content type, headers and schema must conform. The other checks require what the API does
not promise: that it refuses unknown parameters, or answers a wrong verb with 405."""

schema = schemathesis.openapi.from_dict(openapi.description())
schema.config.update(base_url=ORIGIN)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


def test_the_description_is_valid_openapi() -> None:
    schema.validate()


@schema.parametrize()
@BOUNDED
def test_a_response_conforms_to_the_description(case: Case[Any], stage: Stage) -> None:
    generated = dict(case.path_parameters)
    choice = crc32(repr((case.query, case.body)).encode()) % len(stage.path_parameters)
    existing = stage.path_parameters[choice]
    case.path_parameters = generated | {
        name: existing[name] for name in generated.keys() & existing.keys()
    }

    # The sandbox runs in this process, so that a bug in it is raised here.
    with stage.rollback():
        response = case.call(session=stage.session)

        case.validate_response(response, checks=ENABLED_CHECKS)
