"""Endpoints that the service has, or once had, and the sandbox answers with 501."""

from __future__ import annotations

from typing import Final, NamedTuple, NoReturn

from crowdflower.sandbox.errors import Unsupported


class UnsupportedEndpoint(NamedTuple):
    """An endpoint that the sandbox lacks; its path, or verbs and path as in the table of routes."""

    endpoint: str
    feature: str

    see: str
    """Heading on the documentation's page about limits."""

    version: str = "v1"

    def refuse(self, *_: object, **__: object) -> NoReturn:
        """Handle every request to it.

        :raises Unsupported: Always.
        """
        message = f"{self.feature[:1].upper()}{self.feature[1:]}: not available in the sandbox."
        raise Unsupported(self.feature, message, self.see)


UNSUPPORTED: Final = (
    UnsupportedEndpoint("/jobs/<job>/max_pay_for_crowd", "pay advice", "jobs"),
    UnsupportedEndpoint("/jobs/<job>/restore", "undeleting a job", "jobs"),
    UnsupportedEndpoint("/jobs/<job>/archive", "archiving", "jobs"),
    UnsupportedEndpoint("/jobs/<job>/taxonomy", "taxonomies", "cml-tools"),
    UnsupportedEndpoint("/jobs/<job>/ontology", "ontologies", "cml-tools"),
    UnsupportedEndpoint("/jobs/<job>/ontology.csv", "ontologies", "cml-tools"),
    UnsupportedEndpoint(
        "/jobs/<job>/judgments/<int:judgment>/reject", "rejecting a judgment", "judgments"
    ),
    UnsupportedEndpoint("/jobs/<job>/workers/<int:worker>/approve", "approving", "contributors"),
    UnsupportedEndpoint("/jobs/<job>/workers/<int:worker>/ban", "banning", "contributors"),
    UnsupportedEndpoint("/jobs/<job>/workers/<int:worker>/deban", "banning", "contributors"),
    UnsupportedEndpoint("/users/<path:rest>", "teams", "teams"),
    UnsupportedEndpoint("/<path:rest>", "the second version of the API", "workflows", version="v2"),
)
