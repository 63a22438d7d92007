"""Which settings of a job are files, lines and tables of its folder, and in which order.

A test compares the names with the fields of :class:`~crowdflower.job.Job` and with the attributes
that the sandbox accepts.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SETTINGS_FILE: Final = "job.toml"
QUESTIONS_FILE: Final = "test_questions.json"
ROWS_FILE: Final = "rows.jsonl"

TEXT_FILES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cml": "form.cml",
        "css": "style.css",
        "js": "script.js",
        "instructions": "instructions.html",
    }
)
"""Settings that are a file of their own."""

LINES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "": (
            "title",
            "alias",
            "language",
            "channels",
            "tags",
            "support_email",
            "project_number",
            "custom_key",
            "team_id",
        ),
        "How many judgments, and from which contributors": (
            "judgments_per_unit",
            "units_per_assignment",
            "pages_per_assignment",
            "gold_per_assignment",
            "max_judgments_per_worker",
            "max_judgments_per_ip",
            "max_work_per_network",
            "variable_judgments_mode",
            "confidence_fields",
            "min_unit_confidence",
            "max_judgments_per_unit",
            "expected_judgments_per_unit",
            "units_remain_finalized",
            "schedule_fifo",
            "included_countries",
            "excluded_countries",
            "minimum_account_age_seconds",
            "require_worker_login",
        ),
        "Pay, in US cents for a page, and time, in seconds": (
            "payment_cents",
            "fair_pay_enabled",
            "min_assignment_duration",
            "time_per_page",
        ),
        "Automatic orders, which spend money as rows are added": (
            "auto_order",
            "auto_order_threshold",
            "auto_order_timeout",
        ),
        "Length of the quiz": ("quiz_length", "quiz_length_configured"),
        "Notifications": ("webhook_uri", "send_judgments_webhook"),
        "Switches of the service": (
            "execution_mode",
            "worker_ui_remix",
            "public_data",
            "design_verified",
            "order_approved",
        ),
    }
)
"""The lines of the settings file, under the comment above each group."""

TABLES: Final = ("options", "minimum_requirements", "desired_requirements", "fields", "gold")
"""Settings that are a table of the settings file."""

COUNTRY_LISTS: Final = ("included_countries", "excluded_countries")
NAME_LISTS: Final = ("channels", "tags")
"""Lists whose order means nothing. They have endpoints of their own."""

ONLY_ON_CREATION: Final = frozenset({"team_id"})
"""Settings that the service takes only when a job is created."""

NOT_SENT: Final = frozenset({"gold"})
"""Settings that no request sets; a sandbox that is started from the folder has them."""

SETTING_NAMES: Final = (*(name for group in LINES.values() for name in group), *TABLES)
"""All settings in the settings file, in its order."""
