"""What every model is made of: typed attributes over JSON that the server sent.

A model holds two dicts: the state as the server last told it, and the changes that were assigned
since. Only the second travels, when ``update()`` sends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Self

from crowdflower._types import JSON, JSONObject, a_type
from crowdflower.exceptions import ApiError, MalformedResponse, warn
from crowdflower.http.polling import poll
from crowdflower.http.responses import all_messages
from crowdflower.models.fields import Field, ReadOnly

if TYPE_CHECKING:
    from typing import Self

    from crowdflower.client import Client
    from crowdflower.job import Job


STATE_DELAYS: Final = (1, 2, 4)
"""Seconds between looks at an object whose state is about to change."""


class Resource:
    """Something that the server holds, as it was last seen.

    :param client: Where its actions go; without one it is data only.
    :param data: Its JSON.
    """

    id = ReadOnly[int]()
    """Given by the server on creation; never changes."""

    _kind = "object"
    _client: Client | None
    _state: JSONObject
    _changes: JSONObject

    def __init__(self, client: Client | None = None, **data: Any) -> None:
        # Past __setattr__, which would look each of them up.
        self.__dict__.update(_client=client, _state=data, _changes={})

    if not TYPE_CHECKING:
        # A type checker finds a wrong name by itself, and takes this to mean that any may be set.
        def __setattr__(self, name: str, value: object) -> None:
            """Set what the class declares; a name that it does not have would never travel.

            Classes that somebody derives may keep what they like.
            """
            kind = type(self)
            ours = name[:1] != "_" and kind.__module__.startswith("crowdflower.")
            if ours and not hasattr(kind, name) and name not in self.__dict__:
                raise AttributeError(_stranger(kind, name))
            object.__setattr__(self, name, value)

    @property
    def client(self) -> Client:
        """The account that this belongs to.

        :raises RuntimeError: It was built without one.
        """
        if self._client is None:
            kind = type(self).__name__
            raise RuntimeError(
                f"this {kind} has no client: it was built by hand, or it was unpickled; ask a"
                f" Client for it, or build it with one"
            )
        return self._client

    @property
    def json(self) -> JSONObject:
        """The JSON as the server last sent it, without the changes made since; a copy.

        >>> job.json["state"]
        'running'
        """
        return dict(self._state)

    def absorb(self, answer: Mapping[str, Any]) -> Self:
        """Take the server's word for everything: this JSON replaces the state and the changes.

        For JSON that came by another way, such as a webhook; sends nothing.

        :raises MalformedResponse: It is no JSON object.

        >>> Job(client).absorb({"id": 7, "state": "paused"})
        <Job 7 paused>
        """
        self._learn(answer)
        self.__dict__["_changes"] = {}
        return self

    # A model is no list and no dict. Python would take it for one that has items 0, 1, 2, ….
    __iter__ = None
    __contains__ = None

    def __getitem__(self, name: str) -> Any:
        """Read a field by name, declared or not."""
        if isinstance(getattr(type(self), name, None), Field):
            return getattr(self, name)
        value = self._read(name)
        if name not in self._state and name not in self._changes:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        """Change a field by name, declared or not; it waits for ``update()``."""
        if isinstance(getattr(type(self), name, None), Field):
            setattr(self, name, value)
        else:
            self._write(name, value)

    def __repr__(self) -> str:
        told = [type(self).__name__, *map(str, self._summary())]
        return f"<{' '.join(filter(None, told))}>"

    def __getstate__(self) -> JSONObject:
        """Leave the client behind: a pickled model is its data, and never holds the key."""
        return {**self.__dict__, "_client": None, "_changes": dict(self._changes)}

    def _summary(self) -> tuple[object, ...]:
        """Return what tells this one from its like at a prompt; never by asking the server."""
        return (self._state.get("id"),)

    def _learn(self, answer: Mapping[str, Any]) -> None:
        """Take the server's word for the state; changes that were not sent wait on."""
        if not isinstance(answer, Mapping):
            kind = type(self).__name__
            raise MalformedResponse(f"expected the JSON object of a {kind}, got {a_type(answer)}")
        self.__dict__["_state"] = dict(answer)  # not looked up, as above

    def _refresh(self, done: str, wanted: str | None = None, answer: JSON = None) -> None:
        """Read the state again after a change; a failure must not look as if the change failed.

        :param done: What was done, for the warning.
        :param wanted: The state to wait for: the service answers before the state has changed.
        :param answer: The answer to the change; if it is the object itself, nothing is read.
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

    def _write(self, key: str, value: object) -> None:
        self._changes[key] = value


def _stranger(kind: type[Resource], name: str) -> str:
    """Say that a model has no such attribute, and which one it has that is most like it."""
    from difflib import get_close_matches  # noqa: PLC0415 - only who mistypes needs it

    near = get_close_matches(name, [each for each in dir(kind) if each[:1] != "_"], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    what = kind.__name__.lower()
    return (
        f"{kind.__name__} has no attribute {name!r}{hint or '.'} A field that is not declared is"
        f" sent by {what}[{name!r}] = …"
    )


class JobResource(Resource):
    """Something that belongs to a job.

    :param job: The job; its client is used where none is given.
    """

    job: Job

    def __init__(self, job: Job, client: Client | None = None, **data: Any) -> None:
        # Not by way of the class above: of a list there are thousands.
        own = self.__dict__
        own["job"] = job  # no field of the JSON
        own["_client"] = client if client is not None else job._client  # noqa: SLF001
        own["_state"] = data
        own["_changes"] = {}
