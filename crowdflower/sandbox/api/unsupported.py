"""What the service is known to do, or to have done once, and the sandbox does not."""

from __future__ import annotations

from typing import Final, NamedTuple, NoReturn

from crowdflower.sandbox.errors import Unsupported


class Absent(NamedTuple):
    """An endpoint that answers 501: where it is, what it is, and where to read on."""

    path: str
    feature: str
    see: str

    verbs: str = ""
    """Those that are missing, in case others are there; else all of them."""

    version: str = "v1"

    def answer(self, *_: object, **__: object) -> NoReturn:
        """Refuse, whatever is asked."""
        message = f"{self.feature[:1].upper()}{self.feature[1:]}: not available in the sandbox."
        raise Unsupported(self.feature, message, self.see)


ABSENT: Final = (
    Absent("/jobs/<job>/max_pay_for_crowd", "pay advice", "jobs"),
    Absent("/jobs/<job>/restore", "undeleting a job", "jobs"),
    Absent("/jobs/<job>/archive", "archiving", "jobs"),
    Absent("/jobs/<job>/taxonomy", "taxonomies", "cml-tools"),
    Absent("/jobs/<job>/ontology", "ontologies", "cml-tools"),
    Absent("/jobs/<job>/ontology.csv", "ontologies", "cml-tools"),
    Absent("/jobs/<job>/judgments/<int:judgment>/reject", "rejecting a judgment", "judgments"),
    Absent("/jobs/<job>/workers/<int:worker>/approve", "approving", "contributors"),
    Absent("/jobs/<job>/workers/<int:worker>/ban", "banning", "contributors"),
    Absent("/jobs/<job>/workers/<int:worker>/deban", "banning", "contributors"),
    Absent("/users/<path:rest>", "teams", "teams"),
    Absent("/<path:rest>", "the second version of the API", "workflows", version="v2"),
)
"""Endpoints that the service has or had, and that are not here."""
