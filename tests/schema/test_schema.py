"""Requests made from the description of the API: no answer differs from it, and none is a bug."""

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
"""The same requests every time, so that a run that fails can be had again."""

load_all_checks()
WHAT_IS_CHECKED = [
    CHECKS.get_one(name)
    for name in (
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    )
]
"""Status, type, headers and shape are those of the description. The other checks that there are ask
for what the API has never promised: that it refuses parameters that it does not know, or that a
wrong verb is 405."""

schema = schemathesis.openapi.from_dict(openapi.description())
schema.config.update(base_url=ORIGIN)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.close()


def test_the_description_is_one() -> None:
    schema.validate()


@schema.parametrize()
@BOUNDED
def test_an_answer_is_one_that_is_described(case: Case[Any], stage: Stage) -> None:
    made_up = dict(case.path_parameters)
    there = stage.named[crc32(repr((case.query, case.body)).encode()) % len(stage.named)]
    case.path_parameters = made_up | {name: there[name] for name in made_up.keys() & there.keys()}

    # A bug comes up here as what it is: the caller is in the same process.
    with stage.undone():
        answer = case.call(session=stage.session)

        case.validate_response(answer, checks=WHAT_IS_CHECKED)
