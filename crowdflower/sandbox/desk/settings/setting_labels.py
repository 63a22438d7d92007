"""What the settings of a job are called on the desk, by their names in the API."""

from __future__ import annotations

from crowdflower.sandbox.pages.translations import gettext


def setting_labels() -> dict[str, str]:
    """Return the labels of the settings, in the language of the request."""
    return {
        "title": gettext("Title"),
        "language": gettext("Language of the form"),
        "alias": gettext("Alias"),
        "tags": gettext("Tags"),
        "judgments_per_unit": gettext("Judgments for each row"),
        "variable_judgments_mode": gettext("Ask more people where they disagree"),
        "max_judgments_per_unit": gettext("At most, where people disagree"),
        "min_unit_confidence": gettext("Agreement that is enough"),
        "units_per_assignment": gettext("Rows on a page"),
        "payment_cents": gettext("Pay for a page"),
        "req_ttl_in_seconds": gettext("Time for a page"),
        "max_judgments_per_worker": gettext("At most for one person"),
        "gold_per_assignment": gettext("Test questions on a page"),
        "reject_at": gettext("Accuracy needed"),
        "after_gold": gettext("Checked after"),
        "front_load": gettext("Begin with a quiz"),
        "gold_always": gettext("Ask test questions even if there are few"),
        "hide_correct_answers": gettext("Do not show the correct answers"),
        "channels": gettext("Channels"),
        "which_countries": gettext("Countries"),
        "countries": gettext("Codes of these countries"),
        "webhook_uri": gettext("Send webhooks to"),
    }
