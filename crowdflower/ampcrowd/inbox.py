"""Inbox: receives callbacks as a WSGI application, and lets callers wait for the answers."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Condition
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from crowdflower.ampcrowd.points import Value, read_value
from crowdflower.exceptions import ApiError, InvalidInput
from crowdflower.http import encoding

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_BODY: Final = 16 << 20
"""Bytes of a callback."""

MAX_UNKNOWN_ANSWERS: Final = 10_000
"""Answers to unknown groups that are kept in memory."""

MAX_UNKNOWN_NAME: Final = 1000
"""Characters in the id of an unknown group, or of one of its points."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """The crowd's answer for one point."""

    group_id: str
    identifier: str

    value: Value
    """1 (very negative) to 5 (very positive) for ``sa``, a boolean for ``er`` and ``ft``."""


@dataclass(frozen=True)
class Group:
    """The points of one group, and the answers received so far."""

    group_id: str
    task_type: str
    identifiers: tuple[str, ...]

    answers: Mapping[str, Value] = field(default_factory=dict)
    """Identifier to value, in the order of arrival."""

    started_at: datetime | None = None
    """When the group was created, according to the server; ``None`` before its first callback."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Identifiers without an answer.

        >>> Group("g", "sa", ("t1", "t2"), {"t2": 4}).missing
        ('t1',)
        """
        return tuple(name for name in self.identifiers if name not in self.answers)

    @property
    def is_complete(self) -> bool:
        """Whether every point has its answer.

        >>> Group("g", "sa", ("t1", "t2"), {"t1": 3, "t2": 4}).is_complete
        True
        """
        return not self.missing


class _GroupState:
    """The mutable state behind a :class:`Group`, updated with every batch."""

    def __init__(self, task_type: str, identifiers: Iterable[str]) -> None:
        self.task_type = task_type
        self.identifiers = tuple(identifiers)
        self.missing = set(self.identifiers)
        self.answers: dict[str, Value] = {}
        self.started_at: datetime | None = None

    def snapshot(self, group_id: str) -> Group:
        """Return the group with the answers so far."""
        return Group(
            group_id, self.task_type, self.identifiers, dict(self.answers), self.started_at
        )


class GroupIncomplete(ApiError, TimeoutError):
    """Waiting timed out, or the inbox was closed, before every point of a group had an answer.

    :param group: The group with the answers so far.
    """

    def __init__(self, message: str, *, group: Group) -> None:
        super().__init__(message)
        self.group = group


class _BadRequest(ValueError):
    """A callback that is refused with this status."""

    def __init__(self, problem: str, status: str = "400 Bad Request") -> None:
        super().__init__(problem)
        self.status = status


class Inbox:
    """Receives callbacks: a thread-safe WSGI application for any web server.

    Callbacks are idempotent: if the server does not get our response, it posts the batch again, and
    answers that are already known do not change. Answers to unknown groups are kept until
    :meth:`expect` registers the group. An invalid callback is answered with status 400.

    :param url: Where servers reach the inbox.

    >>> inbox = Inbox("https://example.com/answers")
    >>> inbox.expect("GroupId1", "sa", ["t1", "t2"])
    True
    >>> inbox.receive({"group_id": "GroupId1", "answers": [{"identifier": "t1", "value": 4.0}]})
    >>> inbox.group("GroupId1").answers, inbox.group("GroupId1").missing
    ({'t1': 4}, ('t2',))
    """

    def __init__(self, url: str) -> None:
        self.url = url
        """The ``callback_url`` of groups."""
        self.duplicates = 0
        """Answers that arrived again and were ignored."""
        self._groups: dict[str, _GroupState] = {}
        self._incomplete: set[str] = set()
        self._unknown: dict[str, dict[str, object]] = {}
        self._received: list[Answer] = []
        self._changed = Condition()
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<Inbox {self.url}>"

    def __iter__(self) -> Iterator[Answer]:
        return self.answers()

    # Groups and waiting

    def expect(self, group_id: str, task_type: str, identifiers: Iterable[str]) -> bool:
        """Register a group; :meth:`AMPCrowdClient.create_tasks` does this itself.

        :returns: Whether the group is new to this inbox.
        """
        with self._changed:
            if group_id in self._groups:
                return False
            group = self._groups[group_id] = _GroupState(task_type, identifiers)
            if group.missing:
                self._incomplete.add(group_id)
            for name, value in self._unknown.pop(group_id, {}).items():
                self._apply_kept(group_id, name, value)
            return True

    def forget(self, group_id: str) -> None:
        """Stop expecting a group."""
        with self._changed:
            self._groups.pop(group_id, None)
            self._incomplete.discard(group_id)
            self._changed.notify_all()

    @property
    def groups(self) -> Mapping[str, Group]:
        """All registered groups, with the answers so far.

        >>> Inbox("https://example.com/answers").groups
        {}
        """
        with self._changed:
            return {name: group.snapshot(name) for name, group in self._groups.items()}

    @property
    def unknown(self) -> Mapping[str, Mapping[str, object]]:
        """Answers to groups that are not registered: group id to identifier to value as received.

        >>> inbox = Inbox("https://example.com/answers")
        >>> inbox.receive({"group_id": "whose?", "answers": [{"identifier": "t1", "value": 1.0}]})
        >>> inbox.unknown
        {'whose?': {'t1': 1.0}}
        """
        with self._changed:
            return {name: dict(answers) for name, answers in self._unknown.items()}

    def group(self, group_id: str) -> Group:
        """Return a group with the answers so far.

        :raises InvalidInput: The group is not registered.
        """
        with self._changed:
            return self._find(group_id).snapshot(group_id)

    def wait(self, group_id: str, timeout: float | None = None) -> Group:
        """Wait until every point of a group has an answer.

        :param timeout: Seconds; ``None`` to wait without limit.
        :raises GroupIncomplete: The wait timed out, or the inbox was closed; ``group`` has the
            answers so far.
        :raises InvalidInput: The group is not registered.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_closed or not self._find(group_id).missing, timeout
            )
            group = self.group(group_id)
        if not group.is_complete:
            raise GroupIncomplete(
                f"group {group_id!r}: {len(group.answers)} of {len(group.identifiers)} points"
                f" have an answer; the others did not arrive {_in_time(timeout)}",
                group=group,
            )
        return group

    def answers(self, timeout: float | None = None) -> Iterator[Answer]:
        """Yield answers as they arrive, from the first, until every registered group is complete.

        A ``for`` loop over the inbox does the same without a timeout.

        :param timeout: Seconds to wait for the next answer.
        :raises TimeoutError: No answer arrived in that time.
        """
        count = 0
        while True:
            with self._changed:
                in_time = self._changed.wait_for(partial(self._has_more_than, count), timeout)
                new = self._received[count:]
            yield from new
            count += len(new)
            if not in_time:
                raise TimeoutError(f"no answer arrived {_in_time(timeout)}; {count} arrived before")
            if not new:
                return

    def close(self) -> None:
        """Wake all waiting callers; answers received so far stay available."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    # Receiving

    def receive(self, data: object) -> None:
        """Store the answers of a callback; if one is invalid, none is stored.

        :param data: ``{"group_id": …, "answers": [{"identifier": …, "value": …}]}``.
        :raises ValueError: The data or an answer is invalid.
        """
        if not isinstance(data, Mapping) or not isinstance(data.get("group_id"), str):
            raise _BadRequest("data must be an object with a group_id")
        answers = data.get("answers")
        if not isinstance(answers, list) or not all(map(_is_answer, answers)):
            raise _BadRequest("answers must be a list of objects with identifier and value")
        pairs = [(answer["identifier"], answer["value"]) for answer in answers]
        with self._changed:
            self._store(data["group_id"], pairs, _start_time(data.get("group_start_time")))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Respond to a callback: 200 after its answers were stored."""
        status, text = "200 OK", "ok"
        try:
            self.receive(_data(environ))
        except ValueError as error:
            status = error.status if isinstance(error, _BadRequest) else "400 Bad Request"
            text = str(error)
            log.warning("a callback was refused: %s", text)
        body = text.encode("utf-8", "replace")
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
        ]
        if status.startswith("405"):
            headers.append(("Allow", "POST"))
        start_response(status, headers)
        return [body]

    def _find(self, group_id: str) -> _GroupState:
        """Return the state of a group.

        :raises InvalidInput: The group is not registered.
        """
        if group_id not in self._groups:
            raise InvalidInput(
                f"this inbox does not know the group {group_id!r}; create its tasks with"
                " callback_url=inbox.url, or call inbox.expect"
            )
        return self._groups[group_id]

    def _has_more_than(self, count: int) -> bool:
        return self._is_closed or not self._incomplete or len(self._received) > count

    def _store(
        self, group_id: str, pairs: list[tuple[str, Any]], started_at: datetime | None
    ) -> None:
        group = self._groups.get(group_id)
        if group is None:
            self._keep_unknown(group_id, pairs)
            return
        for name, _ in pairs:
            if name not in group.missing and name not in group.answers:
                raise _BadRequest(f"group {group_id!r:.80} has no point {name!r:.80}")
        values = [(name, read_value(group.task_type, value)) for name, value in pairs]
        for name, value in values:
            if name in group.answers:
                self.duplicates += 1
                if group.answers[name] != value:
                    log.warning("%s of %s was %r, and arrived again as %r", name, group_id,
                                group.answers[name], value)  # fmt: skip
                continue
            group.answers[name] = value
            group.missing.discard(name)
            self._received.append(Answer(group_id, name, value))
        group.started_at = group.started_at or started_at
        if not group.missing:
            self._incomplete.discard(group_id)
        self._changed.notify_all()

    def _apply_kept(self, group_id: str, name: str, value: object) -> None:
        try:
            self._store(group_id, [(name, value)], None)
        except ValueError as error:
            log.warning("an answer that arrived before its group was dropped: %s", error)

    def _keep_unknown(self, group_id: str, pairs: list[tuple[str, Any]]) -> None:
        if not pairs:
            return
        if max(map(len, (group_id, *(name for name, _ in pairs)))) > MAX_UNKNOWN_NAME:
            raise _BadRequest(f"an unknown id has more than {MAX_UNKNOWN_NAME} characters")
        if sum(map(len, self._unknown.values())) + len(pairs) > MAX_UNKNOWN_ANSWERS:
            raise _BadRequest("too many answers to unknown groups", "503 Service Unavailable")
        kept = self._unknown.setdefault(group_id, {})
        for name, value in pairs:
            kept.setdefault(name, value)


def _is_answer(answer: object) -> bool:
    return (
        isinstance(answer, Mapping)
        and isinstance(answer.get("identifier"), str)
        and isinstance(answer.get("value"), (int, float))
    )


def _data(environ: WSGIEnvironment) -> object:
    """Parse the field ``data`` of a callback's form."""
    if environ["REQUEST_METHOD"] != "POST":
        raise _BadRequest("callbacks must use POST", "405 Method Not Allowed")
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isascii() or not length.isdecimal():
        raise _BadRequest("the request has no valid Content-Length", "411 Length Required")
    if int(length) > MAX_BODY:
        raise _BadRequest(f"the body is larger than {MAX_BODY} bytes", "413 Content Too Large")
    try:
        body = environ["wsgi.input"].read(int(length))
    except OSError as error:
        raise _BadRequest("the body is shorter than its Content-Length") from error
    if len(body) < int(length):
        raise _BadRequest("the body is shorter than its Content-Length")
    form = parse_qs(body.decode("utf-8"), errors="strict", max_num_fields=100)
    if len(form.get("data", [])) != 1:
        raise _BadRequest("the form must have exactly one field data")
    return encoding.decode_json(form["data"][0].encode("utf-8"))


def _start_time(text: object) -> datetime | None:
    """Parse the start time of a group; ``None`` if that fails, since nothing depends on it."""
    try:
        return encoding.timestamp(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _in_time(timeout: float | None) -> str:
    return "before the inbox was closed" if timeout is None else f"within {timeout:g} s"
