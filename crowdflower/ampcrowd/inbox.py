"""Answers as they come: a WSGI application, and those who wait for what it receives."""

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

LARGEST_BODY: Final = 16 << 20
"""Bytes of one callback."""

MOST_STRANGERS: Final = 10_000
"""Answers of unknown groups that are kept."""

LONGEST_STRANGER: Final = 1000
"""Characters in the names of an unknown group and its points."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """What the crowd says of one point."""

    group_id: str
    identifier: str

    value: Value
    """1 (very negative) to 5 (very positive) for ``sa``, yes or no for ``er`` and ``ft``."""


@dataclass(frozen=True)
class Group:
    """The points of one group, and what has come of them."""

    group_id: str
    task_type: str
    identifiers: tuple[str, ...]

    answers: Mapping[str, Value] = field(default_factory=dict)
    """Identifier to value, in the order in which they came."""

    started_at: datetime | None = None
    """When the group was begun, as the server says; ``None`` until it does."""

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


class _Expected:
    """A group that is waited for: it changes with every batch, and is shown as a :class:`Group`."""

    def __init__(self, task_type: str, identifiers: Iterable[str]) -> None:
        self.task_type = task_type
        self.identifiers = tuple(identifiers)
        self.missing = set(self.identifiers)
        self.answers: dict[str, Value] = {}
        self.started_at: datetime | None = None

    def seen(self, group_id: str) -> Group:
        """Return the group as it is now."""
        return Group(
            group_id, self.task_type, self.identifiers, dict(self.answers), self.started_at
        )


class GroupIncomplete(ApiError, TimeoutError):
    """The time is up, and some points of a group have no answer yet.

    :param group: What has come so far.
    """

    def __init__(self, message: str, *, group: Group) -> None:
        super().__init__(message)
        self.group = group


class _BadRequest(ValueError):
    """A callback that cannot be read; the server is told so with this status."""

    def __init__(self, problem: str, status: str = "400 Bad Request") -> None:
        super().__init__(problem)
        self.status = status


class Inbox:
    """Takes in callbacks: a WSGI application for any server, safe to share between threads.

    What was answered stays so: a server that did not hear our thanks sends a batch again, and the
    repetition changes nothing. Answers to groups that nobody announced are kept aside, and come
    into play with :meth:`expect`. A callback that makes no sense is answered 400.

    :param url: Where servers reach it.

    >>> inbox = Inbox("https://example.com/answers")
    >>> inbox.expect("GroupId1", "sa", ["t1", "t2"])
    True
    >>> inbox.receive({"group_id": "GroupId1", "answers": [{"identifier": "t1", "value": 4.0}]})
    >>> inbox.group("GroupId1").answers, inbox.group("GroupId1").missing
    ({'t1': 4}, ('t2',))
    """

    def __init__(self, url: str) -> None:
        self.url = url
        """To be given as ``callback_url``."""
        self.duplicates = 0
        """Answers that came once more, and were passed over."""
        self._groups: dict[str, _Expected] = {}
        self._incomplete: set[str] = set()
        self._strangers: dict[str, dict[str, object]] = {}
        self._received: list[Answer] = []
        self._changed = Condition()
        self._is_closed = False

    def __repr__(self) -> str:
        return f"<Inbox {self.url}>"

    def __iter__(self) -> Iterator[Answer]:
        return self.answers()

    # What is waited for

    def expect(self, group_id: str, task_type: str, identifiers: Iterable[str]) -> bool:
        """Announce a group; :meth:`AMPCrowdClient.create_tasks` does it by itself.

        :returns: Whether it is news.
        """
        with self._changed:
            if group_id in self._groups:
                return False
            expected = self._groups[group_id] = _Expected(task_type, identifiers)
            if expected.missing:
                self._incomplete.add(group_id)
            for name, value in self._strangers.pop(group_id, {}).items():
                self._take_from_aside(group_id, name, value)
            return True

    def forget(self, group_id: str) -> None:
        """Wait for a group no longer."""
        with self._changed:
            self._groups.pop(group_id, None)
            self._incomplete.discard(group_id)
            self._changed.notify_all()

    @property
    def groups(self) -> Mapping[str, Group]:
        """All groups that were announced, as they are now.

        >>> Inbox("https://example.com/answers").groups
        {}
        """
        with self._changed:
            return {name: expected.seen(name) for name, expected in self._groups.items()}

    @property
    def unknown(self) -> Mapping[str, Mapping[str, object]]:
        """Answers of groups that nobody announced: group, identifier, value as it came.

        >>> inbox = Inbox("https://example.com/answers")
        >>> inbox.receive({"group_id": "whose?", "answers": [{"identifier": "t1", "value": 1.0}]})
        >>> inbox.unknown
        {'whose?': {'t1': 1.0}}
        """
        with self._changed:
            return {name: dict(answers) for name, answers in self._strangers.items()}

    def group(self, group_id: str) -> Group:
        """Return a group as it is now.

        :raises InvalidInput: It was never announced.
        """
        with self._changed:
            return self._expected(group_id).seen(group_id)

    def wait(self, group_id: str, timeout: float | None = None) -> Group:
        """Wait until every point of a group has its answer.

        :param timeout: Seconds; ``None`` for as long as it takes.
        :raises GroupIncomplete: The time is up, or the inbox was closed; ``group`` has what came.
        :raises InvalidInput: The group was never announced.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_closed or not self._expected(group_id).missing, timeout
            )
            group = self.group(group_id)
        if not group.is_complete:
            raise GroupIncomplete(
                f"group {group_id!r}: {len(group.answers)} of {len(group.identifiers)} points"
                f" have an answer; the rest did not come {_in_time(timeout)}",
                group=group,
            )
        return group

    def answers(self, timeout: float | None = None) -> Iterator[Answer]:
        """Yield answers as they come, from the first, until every announced group is complete.

        A ``for`` over the inbox does the same and waits for as long as it takes.

        :param timeout: Seconds of silence to put up with.
        :raises TimeoutError: It was silent for longer.
        """
        seen = 0
        while True:
            with self._changed:
                happened = self._changed.wait_for(partial(self._has_news_after, seen), timeout)
                fresh = self._received[seen:]
            yield from fresh
            seen += len(fresh)
            if not happened:
                raise TimeoutError(f"no answer came {_in_time(timeout)}; {seen} came before")
            if not fresh:
                return

    def close(self) -> None:
        """Let nobody wait any longer; what has come stays."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    # What comes in

    def receive(self, data: object) -> None:
        """Take in what one callback says; all of it, or after any mistake nothing.

        :param data: Decoded: ``{"group_id": …, "answers": [{"identifier": …, "value": …}]}``.
        :raises ValueError: It cannot be.
        """
        if not isinstance(data, Mapping) or not isinstance(data.get("group_id"), str):
            raise _BadRequest("data is no object with a group_id")
        answers = data.get("answers")
        if not isinstance(answers, list) or not all(map(_is_answer, answers)):
            raise _BadRequest("answers is no list of identifiers and values")
        pairs = [(answer["identifier"], answer["value"]) for answer in answers]
        with self._changed:
            self._take(data["group_id"], pairs, _moment(data.get("group_start_time")))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request: 200 once it was taken in."""
        status, said = "200 OK", "ok"
        try:
            self.receive(_data(environ))
        except ValueError as error:
            status = error.status if isinstance(error, _BadRequest) else "400 Bad Request"
            said = str(error)
            log.warning("a callback was refused: %s", said)
        body = said.encode("utf-8", "replace")
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
        ]
        if status.startswith("405"):
            headers.append(("Allow", "POST"))
        start_response(status, headers)
        return [body]

    def _expected(self, group_id: str) -> _Expected:
        """Find a group that was announced.

        :raises InvalidInput: It never was.
        """
        if group_id not in self._groups:
            raise InvalidInput(
                f"nobody announced a group {group_id!r} here; create its tasks with"
                " callback_url=inbox.url, or call inbox.expect"
            )
        return self._groups[group_id]

    def _has_news_after(self, seen: int) -> bool:
        return self._is_closed or not self._incomplete or len(self._received) > seen

    def _take(
        self, group_id: str, pairs: list[tuple[str, Any]], started_at: datetime | None
    ) -> None:
        group = self._groups.get(group_id)
        if group is None:
            self._keep_aside(group_id, pairs)
            return
        for name, _ in pairs:
            if name not in group.missing and name not in group.answers:
                raise _BadRequest(f"group {group_id!r:.80} has no point {name!r:.80}")
        read = [(name, read_value(group.task_type, value)) for name, value in pairs]
        for name, value in read:
            if name in group.answers:
                self.duplicates += 1
                if group.answers[name] != value:
                    log.warning("%s of %s was %s, and came again as %s", name, group_id,
                                group.answers[name], value)  # fmt: skip
                continue
            group.answers[name] = value
            group.missing.discard(name)
            self._received.append(Answer(group_id, name, value))
        group.started_at = group.started_at or started_at
        if not group.missing:
            self._incomplete.discard(group_id)
        self._changed.notify_all()

    def _take_from_aside(self, group_id: str, name: str, value: object) -> None:
        try:
            self._take(group_id, [(name, value)], None)
        except ValueError as error:
            log.warning("an answer that had been kept aside was dropped: %s", error)

    def _keep_aside(self, group_id: str, pairs: list[tuple[str, Any]]) -> None:
        if not pairs:
            return
        if max(map(len, (group_id, *(name for name, _ in pairs)))) > LONGEST_STRANGER:
            raise _BadRequest(f"the names of an unknown group are longer than {LONGEST_STRANGER}")
        if sum(map(len, self._strangers.values())) + len(pairs) > MOST_STRANGERS:
            raise _BadRequest("too many answers of unknown groups", "503 Service Unavailable")
        kept = self._strangers.setdefault(group_id, {})
        for name, value in pairs:
            kept.setdefault(name, value)


def _is_answer(answer: object) -> bool:
    return (
        isinstance(answer, Mapping)
        and isinstance(answer.get("identifier"), str)
        and isinstance(answer.get("value"), (int, float))
    )


def _data(environ: WSGIEnvironment) -> object:
    """Read the one field of a callback's form."""
    if environ["REQUEST_METHOD"] != "POST":
        raise _BadRequest("callbacks are posted", "405 Method Not Allowed")
    length = environ.get("CONTENT_LENGTH") or ""
    if not length.isascii() or not length.isdecimal():
        raise _BadRequest("the request does not say how long it is", "411 Length Required")
    if int(length) > LARGEST_BODY:
        raise _BadRequest(f"more than {LARGEST_BODY} bytes", "413 Content Too Large")
    try:
        body = environ["wsgi.input"].read(int(length))
    except OSError as error:
        raise _BadRequest("the request ended early") from error
    if len(body) < int(length):
        raise _BadRequest("the request ended early")
    form = parse_qs(body.decode("utf-8"), errors="strict", max_num_fields=100)
    if len(form.get("data", [])) != 1:
        raise _BadRequest("the form has no field data, or several")
    return encoding.decode(form["data"][0].encode("utf-8"))


def _moment(text: object) -> datetime | None:
    """Read when a group was begun; nothing depends on it, so what cannot be read is passed over."""
    try:
        return encoding.timestamp(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _in_time(timeout: float | None) -> str:
    return "before the inbox was closed" if timeout is None else f"within {timeout:g} s"
