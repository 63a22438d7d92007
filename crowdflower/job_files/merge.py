"""Merges a job into its folder: what was edited in only one of them is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crowdflower._types import JSON
from crowdflower.job_files.comparison import QUESTIONS, digests, setting_items
from crowdflower.job_files.content import JobContent
from crowdflower.job_files.pull_record import PullRecord


@dataclass(frozen=True)
class Merged:
    """What the folder is to have.

    :param content: Its settings, and its test questions if they change.
    :param kept: Names of edits in the folder that the job does not have yet.
    :param lost: Names of edits in the folder that would be lost.
    """

    content: JobContent
    kept: frozenset[str]
    lost: tuple[str, ...]


def merge(here: JobContent, there: JobContent, record: PullRecord | None) -> Merged:
    """Merge a job into its folder.

    :param here: The folder.
    :param there: The job.
    :param record: What they had in common; without it, each difference counts as an edit.
    """
    mine, theirs = digests(here), digests(there)
    outcomes = {name: _outcome(name, mine, theirs, record) for name in {**mine, **theirs}}
    items, others = setting_items(here.settings), setting_items(there.settings)
    chosen = {
        name: items[name] if outcomes[name] in {"same", "kept"} else others[name]
        for name in {**items, **others}
        if outcomes[name] in {"same", "kept"} or name in others
    }
    settings = _settings(chosen, there)
    questions = there.test_questions if outcomes.get(QUESTIONS) in {"taken", "lost"} else None
    return Merged(
        JobContent(settings, questions),
        frozenset(name for name, each in outcomes.items() if each == "kept"),
        tuple(name for name, each in outcomes.items() if each == "lost"),
    )


def _outcome(
    name: str, mine: Mapping[str, str], theirs: Mapping[str, str], record: PullRecord | None
) -> str:
    here, there = mine.get(name, ""), theirs.get(name, "")
    before_here, before_there = record.same.get(name, ("", "")) if record else ("", "")
    if not here:
        return "taken"  # a pull completes the folder
    if here == there or (record and (here, there) == (before_here, before_there)):
        return "same"
    if not there and not before_there:
        return "kept"  # the service does not show it
    if record is None or (here != before_here and there != before_there):
        return "lost"
    return "taken" if here == before_here else "kept"


def _settings(items: Mapping[str, JSON], there: JobContent) -> dict[str, JSON]:
    """Put options back into one table."""
    settings: dict[str, JSON] = {}
    options: dict[str, JSON] = {}
    for name, value in items.items():
        kind, _, option = name.partition(".")
        if option:
            options[option] = value
        else:
            settings[kind] = value
    if options or isinstance(there.settings.get("options"), Mapping):
        settings["options"] = options
    return settings
