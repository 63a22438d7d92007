"""Base classes of the models: typed attributes over JSON that the server sent.

A model holds two dicts: the state as the server last sent it, and the changes assigned since. Only
the changes are sent, by ``update()``. When a dict or a list is first read, it is replaced with a
copy, since others may hold it, and another copy is kept, with which ``update()`` compares it: so
changes in place count, and what is never read is never copied.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

from crowdflower._html import table
from crowdflower._types import JSON, JSONObject, describe_type
from crowdflower.exceptions import (
    ApiError,
    ApplicationError,
    MalformedResponse,
    RefusedError,
    UnknownAttribute,
    ValidationError,
    warn,
)
from crowdflower.http.polling import poll
from crowdflower.http.responses import all_messages
from crowdflower.models import display
from crowdflower.models.arguments import did_you_mean
from crowdflower.models.fields import Field, ReadOnly
from crowdflower.models.json_values import MUTABLE, changed_items, copy_json, is_same

if TYPE_CHECKING:
    from crowdflower.client import Client
    from crowdflower.job import Job

STATE_DELAYS: Final = (1, 2, 4)
"""Seconds between two polls of an object whose state is about to change."""

REFUSED_VALUES: Final = (ApplicationError, ValidationError)
"""Refusals of what was sent, of which the service keeps nothing."""


class Resource:
    """An object on the server, as it was last read.

    :param client: Sends its requests; without one the object is data only.
    :param data: Its JSON.
    """

    id = ReadOnly[int]()
    """Assigned by the server on creation; never changes."""

    _kind = "object"
    _client: Client | None
    _state: JSONObject
    _changes: JSONObject
    _originals: Mapping[str, Any] = MappingProxyType({})
    """Copies of the values that were read and may have been changed in place."""

    _merged: frozenset[str] = frozenset()
    """Fields of which the server keeps the items that are not sent."""

    def __init__(self, client: Client | None = None, **data: Any) -> None:
        # Bypasses __setattr__, which would look up each name.
        self.__dict__.update(_client=client, _state=data, _changes={})

    if not TYPE_CHECKING:
        # Hidden from type checkers, which would conclude that any name may be set.
        def __setattr__(self, name: str, value: object) -> None:
            """Set a declared attribute; an undeclared one would never be sent.

            Subclasses outside the package may set any attribute.
            """
            kind = type(self)
            is_ours = name[:1] != "_" and kind.__module__.startswith("crowdflower.")
            if is_ours and name not in self.__dict__:
                declared = getattr(kind, name, None)
                if declared is None:
                    raise UnknownAttribute(_describe_unknown(kind, name))
                if not hasattr(declared, "__set__"):
                    raise UnknownAttribute(f"{kind.__name__}.{name} cannot be assigned; call it")
            object.__setattr__(self, name, value)

    @property
    def client(self) -> Client:
        """The client that this object sends its requests with.

        :raises RuntimeError: The object has no client.
        """
        caller = sys._getframe(1)  # noqa: SLF001 - as the standard library does
        if caller.f_globals.get("__name__", "").startswith("crowdflower."):
            display.refuse_probes(caller)
        if self._client is None:
            kind = type(self).__name__
            raise RuntimeError(
                f"this {kind} has no client, since it was built without one or unpickled;"
                f" fetch it through a Client, or pass client= when you build it"
            )
        return self._client

    @property
    def json(self) -> JSONObject:
        """A copy of the JSON as the server last sent it, without unsent changes.

        >>> job.json["state"]
        'running'
        """
        sent = {key: copied for key, copied in self._originals.items() if key not in self._changes}
        state: JSONObject = copy_json({**self._whole_state(), **sent})
        return state

    def absorb(self, answer: Mapping[str, Any]) -> Self:
        """Replace the state with this JSON and drop unsent changes; sends nothing.

        For JSON that you received another way, such as a webhook.

        :raises MalformedResponse: The response is not a dict.

        >>> Job(client).absorb({"id": 7, "state": "paused"})
        <Job 7 paused>
        """
        self._learn(answer)
        self._drop_changes()
        return self

    # Otherwise __getitem__ would make Python treat a model as a sequence.
    __iter__ = None
    __contains__ = None

    def __getitem__(self, name: str) -> Any:
        """Read a field by name, declared or not."""
        if isinstance(getattr(type(self), name, None), Field):
            return getattr(self, name)
        value = self._read_writable(name)
        if name not in self._state and name not in self._changes:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        """Change a field by name, declared or not; ``update()`` sends it."""
        if isinstance(getattr(type(self), name, None), Field):
            setattr(self, name, value)
        else:
            self._write(name, value)

    def __repr__(self) -> str:
        return f"<{self._caption()}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows; like ``repr()``, this never sends a request."""
        return table(list(self._details()), caption=self._caption())

    def _ipython_key_completions_(self) -> list[str]:
        """Return the names that completion offers after ``job["``."""
        kinds = type(self).__mro__
        declared = {
            name for kind in kinds for name, each in vars(kind).items() if isinstance(each, Field)
        }
        known = {name for name in (*self._whole_state(), *self._changes) if isinstance(name, str)}
        return sorted(declared | known)

    def __getstate__(self) -> JSONObject:
        """Pickle the data without the client, and so without the key."""
        state = copy_json(self._whole_state())
        own = {"_client": None, "_state": state, "_changes": dict(self._changes)}
        return {**self.__dict__, **own, "_originals": dict(self._originals)}

    def _caption(self) -> str:
        return " ".join(filter(None, [type(self).__name__, self._summary()]))

    def _summary(self) -> str:
        """Return what ``repr()`` shows; never sends a request."""
        return display.summary([self._state.get("id")])

    def _details(self) -> Iterable[tuple[str, object]]:
        """Return name and value of what a notebook shows; never sends a request."""
        return display.details({**self._whole_state(), **self._changes})

    def _learn(self, answer: Mapping[str, Any]) -> None:
        """Replace the state and keep unsent changes."""
        if not isinstance(answer, Mapping):
            kind = type(self).__name__
            raise MalformedResponse(
                f"expected the JSON object of a {kind}, got {describe_type(answer)}"
            )
        if self._originals:
            for key in self._originals.keys() & self._pending().keys():
                self._changes.setdefault(key, self._state.get(key))
            kept = {key: copied for key, copied in self._originals.items() if key in self._changes}
            for key in self._merged & kept.keys():
                kept[key] = _rebase(kept[key], self._changes[key], answer.get(key))
            self.__dict__["_originals"] = kept
        self.__dict__["_state"] = dict(answer)  # bypasses __setattr__, as above

    def _refresh(self, done: str, wanted: str | None = None, answer: JSON = None) -> None:
        """Read the state again after a change; a failure must not look as if the change failed.

        :param done: What was done, for the warning.
        :param wanted: The state to wait for: the service answers before the state has changed.
        :param answer: The response to the change; if it is the object itself, nothing is read.
        """
        if isinstance(answer, dict) and "id" in answer and not all_messages(answer):
            self._learn(answer)
            return
        unchanged = {self._state.get("state")} - {None, wanted} if wanted else set()
        for _ in poll(self.client.clock, STATE_DELAYS):
            try:
                self._learn(self.client.request("GET", self._path()).body)
            except ApiError as error:
                warn(f"{done}, but the {self._kind} cannot be read again: {error}")
                return
            if self._state.get("state") not in unchanged:
                return

    def _path(self, rest: str = "", suffix: str = ".json") -> str:
        """Return the path of this object, or of something below it."""
        raise NotImplementedError(type(self).__name__)

    def _read(self, key: str) -> Any:
        return self._changes[key] if key in self._changes else self._state.get(key)

    def _whole_state(self) -> JSONObject:
        """Return the state with every field."""
        return self._state

    def _hand_out(self, key: str, value: Any) -> Any:  # noqa: ARG002 - a unit needs it
        """Return a copy of a read-only object or list."""
        return copy_json(value)

    def _read_writable(self, key: str) -> Any:
        """Return a value, and keep a copy if it can be changed in place."""
        value = self._read(key)
        if isinstance(value, MUTABLE) and key not in self._changes and key not in self._originals:
            self.__dict__.setdefault("_originals", {})[key] = copy_json(value)
            self._state[key] = value = copy_json(value)
        return value

    def _write(self, key: str, value: object) -> None:
        if key in self._originals:
            self._restore([key])
        self._changes[key] = value

    def _pending(self) -> JSONObject:
        """Return what ``update()`` has to send: assigned values, and those changed in place."""
        pending = dict(self._changes)
        for key, before in self._originals.items():
            now = pending.pop(key, self._state.get(key))
            if not is_same(before, now):
                is_merged = key in self._merged and isinstance(now, dict)
                pending[key] = changed_items(before, now) if is_merged else now
        return pending

    def _drop_changes(self) -> None:
        if self._originals:
            self._restore(self._originals)
        self.__dict__["_changes"] = {}

    def _restore(self, keys: Iterable[str]) -> None:
        """Undo changes in place."""
        kept = dict(self._originals)
        for key in list(keys):
            original = kept.pop(key)
            if key not in self._changes:
                self._state[key] = original
        self.__dict__["_originals"] = kept

    def _drop_refused(self, error: RefusedError, sent: Iterable[str]) -> None:
        """Drop changes that the server refused: the next update would be refused for them again."""
        self._drop_changes()
        names = ", ".join(sent)
        error.args = (f"{error}; nothing was changed, and {names} must be assigned again",)


def _rebase(before: Any, now: Any, latest: Any) -> Any:
    """Apply the changes made in place to what the server has sent since; return the new original.

    :param now: The changed object, which the user may hold; it is updated.
    """
    if not all(isinstance(each, dict) for each in (before, now, latest)):
        return before
    changed = changed_items(before, now)
    removed = before.keys() - now.keys()
    merged = {**copy_json(latest), **changed}
    now.clear()
    now.update({name: value for name, value in merged.items() if name not in removed})
    return copy_json(latest)


def _describe_unknown(kind: type[Resource], name: str) -> str:
    """Return an error message that suggests the most similar attribute."""
    hint = did_you_mean(name, [each for each in dir(kind) if each[:1] != "_"])
    what = kind.__name__.lower()
    return (
        f"{kind.__name__} has no attribute {name!r}{hint}"
        f" (send an undeclared field with {what}[{name!r}] = …)"
    )


class JobResource(Resource):
    """An object that belongs to a job.

    :param job: The job; its client is used if none is given.
    """

    job: Job

    def __init__(self, job: Job, client: Client | None = None, **data: Any) -> None:
        # Without super(), which costs time: lists create thousands.
        own = self.__dict__
        own["job"] = job  # not a field of the JSON
        own["_client"] = client if client is not None else job._client  # noqa: SLF001
        own["_state"] = data
        own["_changes"] = {}

    @classmethod
    def _of(cls, job: Job, client: Client | None, state: JSONObject) -> Self:
        """Return an object with a state that nothing else holds, which is not copied."""
        model = cls.__new__(cls)
        model.__dict__.update(job=job, _client=client, _state=state, _changes={})
        return model
