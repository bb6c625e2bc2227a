"""Reads JSON data as an author's type, strictly: no conversion of one type to another, no unknown members.

A type is looked at once, ahead of the call, and becomes a function. What never happens here: data that does not fit and
passes; the gateway's schemas say the same and more.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from . import _shape
from ._shape import AnyOf, Anything, ListOf, MapOf, Model, ObjectOf, OneOf, Scalar, TupleOf

#: Reads a value; raises `Misfit`.
Reader: TypeAlias = Callable[[Any], Any]

_NAMES: Final[dict[type, str]] = {
    str: "a string",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    type(None): "null",
    dict: "an object",
    list: "an array",
}
#: How many of a model's complaints are passed on.
_COMPLAINTS_MAX: Final = 5


class Misfit(Exception):  # noqa: N818 - no error of the program
    """Data that is not of the type, and where."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.path: list[str | int] = []

    def __str__(self) -> str:
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part:.64}" for part in self.path[::-1])
        return f"{where.lstrip('.')}: {self.message}" if where else self.message


@functools.lru_cache(maxsize=256)
def reader(hint: Any) -> Reader:
    """What reads data as this type; a ``TypeError`` where it has no JSON."""
    return _Compiler().reader(hint)


class _Compiler:
    def __init__(self) -> None:
        # A type may hold itself: the second time round it is found here.
        self._objects: dict[Any, list[Reader]] = {}

    def reader(self, hint: Any) -> Reader:
        match _shape.shape_of(hint):
            case Anything():
                return _anything
            case Scalar(kind):
                return _number if kind is float else functools.partial(_scalar, kind)
            case OneOf(values):
                return functools.partial(_one_of, {(type(value), value): member for value, member in values})
            case ListOf(item, is_tuple):
                items = functools.partial(_items, self.reader(item))
                return (lambda value: tuple(items(value))) if is_tuple else items
            case TupleOf(hints):
                return functools.partial(_tuple, [self.reader(each) for each in hints])
            case MapOf(value):
                return functools.partial(_map, self.reader(value))
            case AnyOf(hints):
                return functools.partial(_any_of, [self.reader(each) for each in hints])
            case Model(cls):
                return functools.partial(_model, cls)
            case ObjectOf() as shape:
                return self._object(shape)

    def _object(self, shape: ObjectOf) -> Reader:
        known = self._objects.get(shape.type)
        if known is None:
            known = self._objects[shape.type] = []
            members = {member.name: self.reader(member.hint) for member in shape.members}
            required = [member.name for member in shape.members if member.is_required]
            make = dict if shape.is_dict else shape.type
            known.append(functools.partial(_object, make, members, required))
        # The list: at this moment it may still be empty.
        return lambda value: known[0](value)


def _wanted(what: str, value: object) -> Misfit:
    shown = _NAMES.get(type(value), type(value).__name__)
    return Misfit(f"{what} is wanted, not {shown}")


def _anything(value: Any) -> Any:
    return value


def _scalar(kind: type, value: Any) -> Any:
    # By identity: `True` is an `int` to Python, not to JSON.
    if type(value) is kind:
        return value
    if kind is int and type(value) is float and value.is_integer():
        # JSON does not tell 1.0 from 1.
        return int(value)
    raise _wanted(_NAMES[kind], value)


def _number(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    raise _wanted(_NAMES[float], value)


def _one_of(members: dict[tuple[type, Any], Any], value: Any) -> Any:
    if not isinstance(value, dict | list) and (type(value), value) in members:
        return members[type(value), value]
    raise Misfit("one of these is wanted: " + ", ".join(repr(known) for _, known in members))


def _items(item: Reader, value: Any) -> list[Any]:
    if type(value) is not list:
        raise _wanted("an array", value)
    return [_within(number, item, each) for number, each in enumerate(value)]


def _tuple(items: list[Reader], value: Any) -> tuple[Any, ...]:
    if type(value) is not list or len(value) != len(items):
        raise Misfit(f"an array of {len(items)} is wanted")
    return tuple(_within(number, read, each) for number, (read, each) in enumerate(zip(items, value, strict=True)))


def _map(read: Reader, value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise _wanted("an object", value)
    return {name: _within(name, read, each) for name, each in value.items()}


def _object(make: Callable[..., Any], members: dict[str, Reader], required: list[str], value: Any) -> Any:
    if type(value) is not dict:
        raise _wanted("an object", value)
    for name in required:
        if name not in value:
            raise Misfit(f"{name!r} is missing")
    read = {}
    for name, each in value.items():
        if name not in members:
            raise Misfit(f"{name[:64]!r} is not known")
        read[name] = _within(name, members[name], each)
    try:
        return make(**read)
    except ValueError as error:
        # A dataclass that checks itself when it is made.
        raise Misfit(str(error)) from None


def _any_of(readers: list[Reader], value: Any) -> Any:
    misfits = []
    for read in readers:
        try:
            return read(value)
        except Misfit as error:
            misfits.append(error)
    raise Misfit("; nor: ".join(map(str, misfits)))


def _model(cls: Any, value: Any) -> Any:
    try:
        return cls.model_validate(value)
    except ValueError as error:
        complaints = getattr(error, "errors", None)
        if complaints is None:
            raise Misfit(str(error)) from None
        said = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in complaints()]
        more = [f"and {len(said) - _COMPLAINTS_MAX} more"] if len(said) > _COMPLAINTS_MAX else []
        raise Misfit("; ".join(said[:_COMPLAINTS_MAX] + more)) from None


def _within(name: str | int, read: Reader, value: Any) -> Any:
    try:
        return read(value)
    except Misfit as misfit:
        misfit.path.append(name)
        raise
