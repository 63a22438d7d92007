"""Those who do the work: a batch goes to one of them, and their answers come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, select

from crowdflower.sandbox.ampcrowd import groups
from crowdflower.sandbox.ampcrowd.task_forms import KINDS
from crowdflower.sandbox.errors import BadRequest, Invalid, NotFound
from crowdflower.sandbox.rules.jobs import jobs
from crowdflower.sandbox.rules.work import workers
from crowdflower.sandbox.rules.work.handout import NoPageAvailable, take_page
from crowdflower.sandbox.rules.work.submission import submit
from crowdflower.sandbox.store.ampcrowd_tables import amp_point
from crowdflower.sandbox.store.engines import locks
from crowdflower.sandbox.store.fast import page_queries
from crowdflower.sandbox.store.json_text import decode
from crowdflower.sandbox.store.tables import worker as workers_table
from crowdflower.states import INTERNAL

if TYPE_CHECKING:
    from crowdflower._types import JSON
    from crowdflower.sandbox.store import Transaction


@dataclass(frozen=True)
class Assignment:
    """A batch in the hands of one contributor."""

    id: str
    """The number of the page and its secret, since whoever knows it may answer."""

    task_id: str
    job: Row[Any]

    points: tuple[str, ...]
    """Their identifiers, in the order of the page."""


def assign(
    tx: Transaction,
    crowd: str,
    worker: Row[Any],
    *,
    task_type: str | None = None,
    task_id: str | None = None,
) -> Assignment | None:
    """Hand out a batch: the one that is asked for, else the oldest that is open to this person.

    :returns: ``None`` when there is nothing for them.
    :raises NotFound: There is no such batch.
    """
    only = None
    if task_id is None:
        candidates = groups.running(tx, crowd, task_type)
    else:
        candidates = [groups.task(tx, crowd, task_id).job_id]
        only = groups.points(tx, task_id).values()
    for number in candidates:
        job = jobs.load(tx, number)
        try:
            page = take_page(tx, job, worker, only=only)
        except NoPageAvailable:
            continue
        first = tx.one(select(amp_point).where(amp_point.c.unit_id == page.units[0].id))
        if first is None:
            continue  # a row that came over the other API is no point of the group
        secret = f"{page.assignment_id}-{page.token}"
        names = {unit_id: name for name, unit_id in groups.points(tx, first.task_id).items()}
        points = tuple(names[unit.id] for unit in page.units if unit.id in names)
        return Assignment(secret, first.task_id, job, points)
    return None


def respond(
    tx: Transaction, crowd: str, assignment_id: str, task_id: str, worker_id: str, answers: str
) -> str:
    """Take the answers to a batch.

    :param assignment_id: As :func:`assign` gave it.
    :param answers: JSON: identifier to value.
    :returns: ``ok``, or ``Duplicate!`` when they came before.
    :raises BadRequest: The answers are no object of JSON.
    :raises NotFound: There is no such assignment, batch or contributor.
    :raises Invalid: An answer is missing, or none that the form takes.
    """
    number, _, token = assignment_id.partition("-")
    task = groups.task(tx, crowd, task_id)
    worker = _find(tx, worker_id)
    if worker is None or not number.isdecimal() or len(number) > 18:  # noqa: PLR2004 - digits
        raise NotFound
    page = page_queries.find_page(tx.driver, int(number))
    if page is None or page.worker_id != worker.id or page.job_id != task.job_id:
        raise NotFound
    given = _decoded(answers)
    points = groups.points(tx, task_id)
    strangers = given.keys() - points.keys()
    if strangers:
        raise Invalid(f"Task {task_id} has no point {min(strangers)}.")
    question = KINDS[task.task_type].question
    filled = {points[name]: {question: _option(value)} for name, value in given.items()}
    submit(tx, worker, page.id, token, filled)
    return "ok" if page.receipt is None else "Duplicate!"


def _decoded(text: str) -> Mapping[str, JSON]:
    try:
        given = decode(text)
    except JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise BadRequest("answers is JSON: an object from identifier to value.")
    return given


def _option(value: JSON) -> str:
    """Write a value as the form has it: whole numbers come as floats.

    >>> _option(1.0), _option("4.0"), _option(True)
    ('1', '4', '1')
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return str(int(number)) if number.is_integer() else str(value)


def _find(tx: Transaction, worker_id: str) -> Row[Any] | None:
    is_it = (workers_table.c.external_id == worker_id, workers_table.c.channel == INTERNAL)
    found: list[Row[Any]] = tx.all(select(workers_table).where(*is_it).limit(1))
    return found[0] if found else None


def known(tx: Transaction, worker_id: str) -> Row[Any]:
    """Find a contributor by what the crowd calls them; who is new joins."""
    locks.lock_name(tx, f"contributor {worker_id}")
    found = _find(tx, worker_id)
    if found is None:
        found = workers.join(
            tx, channel=INTERNAL, external_id=worker_id, display_name=f"AMPCrowd {worker_id}"
        )
    return found
