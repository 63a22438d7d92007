"""What every model is made of: typed attributes over JSON that the server sent.

A model holds two dicts: the state as the server last told it, and the changes that were assigned
since. Only the second travels, when ``update()`` sends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, overload

from crowdflower._types import JSON, JSONObject, a_type
from crowdflower.exceptions import ApiError, InvalidInput, MalformedResponse, warn

if TYPE_CHECKING:
    from typing_extensions import Self

    from crowdflower.client import Client
    from crowdflower.job import Job

T = TypeVar("T")


class Field(Generic[T]):
    """One field of a model's JSON, named by the class attribute it is assigned to.

    :param key: Its name in the JSON, where that differs from the attribute's.
    """

    def __init__(self, key: str = "") -> None:
        self.key = key

    def __set_name__(self, owner: type[Resource], name: str) -> None:
        self.name = name
        self.key = self.key or name


class Readable(Field[T]):
    """A field that may be read; ``None`` where the server did not send it."""

    @overload
    def __get__(self, model: None, owner: type[Resource]) -> Self: ...
    @overload
    def __get__(self, model: Resource, owner: type[Resource]) -> T: ...
    def __get__(self, model: Resource | None, owner: type[Resource]) -> Self | T:
        return self if model is None else model._read(self.key)  # noqa: SLF001


class Attribute(Readable[T]):
    """A field that may be read and written; a write waits for ``update()``."""

    def __set__(self, model: Resource, value: T) -> None:
        model._write(self.key, value)  # noqa: SLF001


class ReadOnly(Readable[T]):
    """A field that only the server writes."""

    def __set__(self, model: Resource, value: NoReturn) -> NoReturn:
        raise AttributeError(f"{type(model).__name__}.{self.name} is decided by the server")


class WriteOnly(Field[T]):
    """A field that the server takes and never shows."""

    def __get__(self, model: Resource | None, owner: type[Resource]) -> Self:
        if model is None:
            return self
        raise AttributeError(f"{owner.__name__}.{self.name} is never shown by the server")

    def __set__(self, model: Resource, value: T) -> None:
        model._write(self.key, value)  # noqa: SLF001


class Resource:
    """Something that the server holds, as it was last seen.

    :param client: Where its actions go; without one it is data only.
    :param data: Its JSON.
    """

    id = ReadOnly[int]()
    """Given by the server on creation; never changes."""

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

    def _look(self, kind: str, done: str, fetch: Callable[[], JSON]) -> bool:
        """Learn the state after a change was made; a failure must not look as if it was not.

        :returns: Whether that was possible.
        """
        try:
            self._learn(fetch())
        except ApiError as error:
            warn(f"{done}, but the {kind} cannot be read again: {error}")
            return False
        return True

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


def whole(what: str, value: object) -> int:
    """Return a count, if it is one: a whole number from 1 on.

    :raises InvalidInput: It is not; nothing was sent.

    >>> whole("units_count", 0)
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: units_count is a whole number from 1 on, not 0
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidInput(f"{what} is a whole number from 1 on, not {value!r}")
    return value


def names(what: str, value: Iterable[str]) -> list[str]:
    """Return names as a list; a single text is a mistake that would send its letters.

    :raises InvalidInput: It is one, or something in it is no name.

    >>> names("tags", ("spring", "reviews"))
    ['spring', 'reviews']
    """
    if isinstance(value, str):
        raise InvalidInput(f"{what} is a list of names; write [{value!r}]")
    found = list(value)
    for each in found:
        if not isinstance(each, str) or not each.strip():
            raise InvalidInput(f"{what} holds {each!r:.80}, which is no name")
    return found


def joined(what: str, value: Iterable[str]) -> str:
    """Return names as the one text, with commas between them, that a query takes.

    :raises InvalidInput: There is a comma in one, which would make two of it.

    >>> joined("on", ["colors", "sizes"])
    'colors,sizes'
    """
    found = names(what, value)
    for each in found:
        if "," in each:
            raise InvalidInput(f"{what} holds {each!r:.80}; a comma would make two names of it")
    return ",".join(found)


def channel_names(value: Iterable[str]) -> list[str]:
    """Return the names of channels, at least one.

    :raises InvalidInput: There is none.

    >>> channel_names(["on_demand"])
    ['on_demand']
    """
    channels = names("channels", value)
    if not channels:
        raise InvalidInput("channels is empty; without any, nobody would see the job")
    return channels


def a_row(data: object) -> JSONObject:
    """Return a row as a dict from column to value.

    :raises InvalidInput: It is none, or the name of a column is no text; nothing was sent.

    >>> a_row([1])
    Traceback (most recent call last):
      ...
    crowdflower.exceptions.InvalidInput: a row is a dict from column to value, not a list
    """
    if not isinstance(data, Mapping):
        raise InvalidInput(f"a row is a dict from column to value, not {a_type(data)}")
    for column in data:
        if not isinstance(column, str):
            raise InvalidInput(f"the column name {column!r:.80} is no text")
    return dict(data)


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


class Promise(Resource):
    """A resource of which a part is known; reading any other declared field fetches the rest.

    It does so once. Attributes that nobody declared never do: completion at a prompt, pickle and
    copy probe many of those. ``promise["field"]`` is no probe, and does.
    """

    _kept = False

    def _read(self, key: str) -> Any:
        if not self._kept and key not in self._state and key not in self._changes:
            self._learn(self._fetch())
        return super()._read(key)

    def _learn(self, answer: Mapping[str, Any]) -> None:
        super()._learn(answer)
        self._kept = True

    def _fetch(self) -> Mapping[str, Any]:
        """Ask the server for the whole of it."""
        raise NotImplementedError(type(self).__name__)
