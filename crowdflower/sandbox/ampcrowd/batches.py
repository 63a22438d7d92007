"""Batches: give them to contributors, and take their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, select

from crowdflower.sandbox.ampcrowd import groups
from crowdflower.sandbox.ampcrowd.task_forms import TASK_FORMS
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
    """A batch that is assigned to one contributor."""

    id: str
    """The page's number and token; anyone who knows it may answer."""

    task_id: str
    job: Row[Any]

    points: tuple[str, ...]
    """Identifiers of the points, in the order of the page."""


def assign(
    tx: Transaction,
    crowd: str,
    worker: Row[Any],
    *,
    task_type: str | None = None,
    task_id: str | None = None,
) -> Assignment | None:
    """Assign a batch to a contributor: the requested one, or the oldest one open to them.

    :returns: ``None`` if there is no batch for them.
    :raises NotFound: The crowd has no such batch.
    """
    only = None
    if task_id is None:
        job_ids = groups.running_job_ids(tx, crowd, task_type)
    else:
        job_ids = [groups.find_batch(tx, crowd, task_id).job_id]
        only = groups.read_points(tx, task_id).values()
    for job_id in job_ids:
        job = jobs.load(tx, job_id)
        try:
            page = take_page(tx, job, worker, only=only)
        except NoPageAvailable:
            continue
        point = tx.one(select(amp_point).where(amp_point.c.unit_id == page.units[0].id))
        if point is None:
            continue  # the row was uploaded through the other API
        assignment_id = f"{page.assignment_id}-{page.token}"
        names = {unit_id: name for name, unit_id in groups.read_points(tx, point.task_id).items()}
        points = tuple(names[unit.id] for unit in page.units if unit.id in names)
        return Assignment(assignment_id, point.task_id, job, points)
    return None


def respond(
    tx: Transaction, crowd: str, assignment_id: str, task_id: str, worker_id: str, answers: str
) -> str:
    """Submit the answers to a batch.

    :param assignment_id: From :func:`assign`.
    :param answers: JSON: identifier to value.
    :returns: ``ok``, or ``Duplicate!`` if the batch was submitted before.
    :raises BadRequest: The answers are not a JSON object.
    :raises NotFound: The assignment, batch or contributor does not exist.
    :raises Invalid: An answer is missing or not one of the form's options.
    """
    number, _, token = assignment_id.partition("-")
    task = groups.find_batch(tx, crowd, task_id)
    worker = _find_worker(tx, worker_id)
    if worker is None or not number.isdecimal() or len(number) > 18:  # noqa: PLR2004 - digits
        raise NotFound
    page = page_queries.find_page(tx.driver, int(number))
    if page is None or page.worker_id != worker.id or page.job_id != task.job_id:
        raise NotFound
    values = _parse_answers(answers)
    points = groups.read_points(tx, task_id)
    unknown = values.keys() - points.keys()
    if unknown:
        raise Invalid(f"Task {task_id} has no point {min(unknown)}.")
    question = TASK_FORMS[task.task_type].question
    data = {points[name]: {question: _option(value)} for name, value in values.items()}
    submit(tx, worker, page.id, token, data)
    return "ok" if page.receipt is None else "Duplicate!"


def _parse_answers(text: str) -> Mapping[str, JSON]:
    try:
        answers = decode(text)
    except JSONDecodeError:
        answers = None
    if not isinstance(answers, dict):
        raise BadRequest("answers has to be a JSON object: identifier to value.")
    return answers


def _option(value: JSON) -> str:
    """Return the option of the form that a value stands for; programs send 1 as ``1.0``.

    >>> _option(1.0), _option("4.0"), _option(True)
    ('1', '4', '1')
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return str(int(number)) if number.is_integer() else str(value)


def _find_worker(tx: Transaction, worker_id: str) -> Row[Any] | None:
    this_worker = (workers_table.c.external_id == worker_id, workers_table.c.channel == INTERNAL)
    found: list[Row[Any]] = tx.all(select(workers_table).where(*this_worker).limit(1))
    return found[0] if found else None


def find_or_create_worker(tx: Transaction, worker_id: str) -> Row[Any]:
    """Return the contributor with this id in the crowd, who is created if new."""
    locks.lock_name(tx, f"contributor {worker_id}")
    found = _find_worker(tx, worker_id)
    if found is None:
        found = workers.join(
            tx, channel=INTERNAL, external_id=worker_id, display_name=f"AMPCrowd {worker_id}"
        )
    return found
