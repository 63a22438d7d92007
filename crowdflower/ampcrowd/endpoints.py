"""AMPCrowd's endpoints, with the retry rule of each."""

from __future__ import annotations

from typing import Final

from crowdflower.http.endpoints import Endpoint, EndpointTable
from crowdflower.http.retry import RetryRule, Safety

ENDPOINTS: Final = EndpointTable(
    Endpoint("POST", "crowds/{}/tasks/", RetryRule(Safety.CHANGE)),
    Endpoint("GET", "crowds/{}/purge_tasks/", RetryRule(Safety.IDEMPOTENT)),
    Endpoint("POST", "crowds/{}/retainer/finish", RetryRule(Safety.IDEMPOTENT)),
)
