"""What the service has and this server lacks, in words."""

from __future__ import annotations

from typing import Final

from crowdflower.sandbox.pages.row.error_texts import N_
from crowdflower.sandbox.pages.translations import gettext

FEATURES: Final = {
    "pay advice": N_("Advice on the pay"),
    "undeleting a job": N_("Undeleting a job"),
    "archiving": N_("Archiving a job"),
    "taxonomies": N_("Taxonomies"),
    "ontologies": N_("Ontologies"),
    "rejecting a judgment": N_("Rejecting one judgment"),
    "approving": N_("Approving a contributor"),
    "banning": N_("Banning a contributor"),
    "teams": N_("Teams"),
    "the second version of the API": N_("The second version of the API"),
    "job templates": N_("Templates of jobs"),
    "feeds": N_("Rows from an address"),
    "variable_judgments_mode:external": N_("Asking a server how many judgments a row needs"),
    "ampcrowd:retainer": N_("Paying people to wait for work"),
}
"""Name of a feature in a response of status 501 to its words."""


def feature_name(feature: str) -> str:
    """Return the name of a feature for people; a part of a form, such as ``cml:shapes``, is one."""
    return gettext(FEATURES[feature]) if feature in FEATURES else feature
