"""Descriptors that declare the fields of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Never, NoReturn, Self, TypeVar, overload

from crowdflower.models.json_values import MUTABLE

if TYPE_CHECKING:
    from crowdflower.models.resource import Resource

T = TypeVar("T")


class Field(Generic[T]):
    """One field of a model's JSON, named by the class attribute it is assigned to.

    :param key: Its name in the JSON, if that differs from the attribute's.
    """

    def __init__(self, key: str = "") -> None:
        self.key = key

    def __set_name__(self, owner: type[Resource], name: str) -> None:
        self.name = name
        self.key = self.key or name


class Readable(Field[T]):
    """A field that can be read; ``None`` if the server did not send it."""

    @overload
    def __get__(self, model: None, owner: type[Resource]) -> Self: ...
    @overload
    def __get__(self, model: Resource, owner: type[Resource]) -> T: ...
    def __get__(self, model: Resource | None, owner: type[Resource]) -> Self | T:
        return self if model is None else model._read(self.key)  # noqa: SLF001


class Attribute(Readable[T]):
    """A field that can be read and assigned; ``update()`` sends the assigned value.

    So it does if the value is a dict or a list that was changed in place.
    """

    @overload
    def __get__(self, model: None, owner: type[Resource]) -> Self: ...
    @overload
    def __get__(self, model: Resource, owner: type[Resource]) -> T: ...
    def __get__(self, model: Resource | None, owner: type[Resource]) -> Self | T:
        return self if model is None else model._read_writable(self.key)  # noqa: SLF001

    def __set__(self, model: Resource, value: T) -> None:
        model._write(self.key, value)  # noqa: SLF001


class ReadOnly(Readable[T]):
    """A field that only the server writes; a dict or a list is a copy, made each time."""

    @overload
    def __get__(self, model: None, owner: type[Resource]) -> Self: ...
    @overload
    def __get__(self, model: Resource, owner: type[Resource]) -> T: ...
    def __get__(self, model: Resource | None, owner: type[Resource]) -> Self | T:
        if model is None:
            return self
        value: T = model._read(self.key)  # noqa: SLF001
        return model._hand_out(self.key, value) if isinstance(value, MUTABLE) else value  # noqa: SLF001

    def __set__(self, model: Resource, value: Never) -> NoReturn:
        raise AttributeError(f"{type(model).__name__}.{self.name} is read-only: the server sets it")


class WriteOnly(Field[T]):
    """A field that the server accepts and never returns."""

    def __get__(self, model: Resource | None, owner: type[Resource]) -> Self:
        if model is None:
            return self
        raise AttributeError(
            f"{owner.__name__}.{self.name} is write-only: the server never returns it"
        )

    def __set__(self, model: Resource, value: T) -> None:
        model._write(self.key, value)  # noqa: SLF001
