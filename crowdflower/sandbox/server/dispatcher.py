"""Gives requests to threads so that those that wait for each other leave some for the others.

SQLite has one writer at a time. If every thread had a request that waits for it, none could even
read. So only a few threads take requests that write, and others take files; further ones wait in a
queue, without a thread.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from waitress.task import ThreadedTaskDispatcher  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Callable

Kind: TypeAlias = Literal["read", "write", "file"]
"""What a request does: it only reads, it may write, or it brings a file of rows."""

MAX_RUNNING: Final[dict[Kind, int]] = {"write": 3, "file": 2}
"""Requests of a kind that have a thread at a time."""

THREADS: Final = 8
"""Threads of a server; requests that write leave three to those that read."""

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def kind_by_verb(verb: str, path: str) -> Kind:  # noqa: ARG001 - as any other classification
    """Return the kind of a request by its verb alone."""
    return "read" if verb in _READING else "write"


class Dispatcher(ThreadedTaskDispatcher):  # type: ignore[misc]
    """Worker threads, and one queue for each kind of request.

    :param kind_of: Returns the kind of a request by its verb and its path.
    """

    def __init__(self, kind_of: Callable[[str, str], Kind]) -> None:
        super().__init__()
        self._kind_of = kind_of
        self._admission = Lock()
        self._running: dict[Kind, int] = dict.fromkeys(MAX_RUNNING, 0)
        self._waiting: dict[Kind, deque[_Task]] = {kind: deque() for kind in MAX_RUNNING}
        self.set_thread_count(THREADS)

    def add_task(self, task: Any) -> None:
        """Give the next request of a connection to a thread, or let it wait without one."""
        request = task.requests[0]
        kind = "read" if request.error else self._kind_of(request.command, request.path)
        if kind not in MAX_RUNNING:
            super().add_task(task)
            return
        admitted = _Task(self, task, kind)
        with self._admission:
            if self._running[kind] >= MAX_RUNNING[kind]:
                self._waiting[kind].append(admitted)
                return
            self._running[kind] += 1
        super().add_task(admitted)

    def release(self, kind: Kind) -> None:
        """Let the next request of a kind follow one that is done."""
        with self._admission:
            if not self._waiting[kind]:
                self._running[kind] -= 1
                return
            following = self._waiting[kind].popleft()
        super().add_task(following)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        """Finish the running requests, and cancel those that wait."""
        with self._admission:
            waiting = [task for queue in self._waiting.values() for task in queue]
            for queue in self._waiting.values():
                queue.clear()
        for task in waiting:
            task.cancel()
        return bool(super().shutdown(cancel_pending, timeout))


class _Task:
    """A request that has a thread, or waits for one."""

    def __init__(self, dispatcher: Dispatcher, channel: Any, kind: Kind) -> None:
        self._dispatcher = dispatcher
        self._channel = channel
        self._kind = kind

    def service(self) -> None:
        """Respond to the request."""
        try:
            self._channel.service()
        finally:
            self._dispatcher.release(self._kind)

    def cancel(self) -> None:
        """Close the connection without a response."""
        self._channel.cancel()
