"""What an author's type is, seen as JSON: the one place that knows dataclasses, TypedDicts and Pydantic models.

:mod:`._fit` reads data by it, :mod:`._schema` writes schemas from it. What never happens here: an import of Pydantic.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import types
import typing
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias, Union

#: The types that JSON has itself.
SCALARS: Final = (str, bool, int, float, type(None))

_MAPS: Final = frozenset((dict, collections.abc.Mapping, collections.abc.MutableMapping))
_LISTS: Final = frozenset((list, collections.abc.Sequence, collections.abc.Iterable))


@dataclass(frozen=True)
class Schema:
    """More words for a type's JSON Schema: ``Annotated[int, Schema(minimum=1)]``.

    The gateway holds data to the schema before and after each call; the SDK does not look at these words.
    """

    keywords: dict[str, Any]

    def __init__(self, **keywords: Any) -> None:
        object.__setattr__(self, "keywords", keywords)


@dataclass(frozen=True)
class Anything:
    """Any value."""


@dataclass(frozen=True)
class Scalar:
    """A string, a number, a truth value or null."""

    type: type


@dataclass(frozen=True)
class OneOf:
    """One of these values, and what each is in the author's program."""

    values: tuple[tuple[Any, Any], ...]
    name: str = ""


@dataclass(frozen=True)
class ListOf:
    """An array of like items; a tuple where the author's type is one."""

    item: Any
    is_tuple: bool = False


@dataclass(frozen=True)
class TupleOf:
    """An array of so many items, each of its own type."""

    items: tuple[Any, ...]


@dataclass(frozen=True)
class MapOf:
    """An object with any names."""

    value: Any


@dataclass(frozen=True)
class Member:
    """A member of an object."""

    name: str
    hint: Any
    is_required: bool


@dataclass(frozen=True)
class ObjectOf:
    """An object with these members; ``is_dict`` where it stays a dict."""

    type: Any
    members: tuple[Member, ...]
    is_dict: bool


@dataclass(frozen=True)
class Model:
    """A Pydantic model, which reads and describes itself."""

    type: Any


@dataclass(frozen=True)
class AnyOf:
    """One of several."""

    hints: tuple[Any, ...]


Shape: TypeAlias = "Anything | Scalar | OneOf | ListOf | TupleOf | MapOf | ObjectOf | Model | AnyOf"


def without_annotations(hint: Any) -> tuple[Any, dict[str, Any]]:
    """The type itself, and the words for its schema."""
    words: dict[str, Any] = {}
    while True:
        origin = typing.get_origin(hint)
        if origin is Annotated:
            for note in hint.__metadata__:
                if isinstance(note, Schema):
                    words = {**note.keywords, **words}
            hint = hint.__origin__
        elif getattr(origin, "_name", None) in {"Required", "NotRequired", "ReadOnly", "Final"}:
            hint = typing.get_args(hint)[0]
        elif hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        elif hasattr(hint, "__value__") and not isinstance(hint, type):
            # `type Name = ...`
            hint = hint.__value__
        else:
            return hint, words


def shape_of(hint: Any) -> Shape:
    """What the type is; a ``TypeError`` where it has no JSON."""
    hint, _ = without_annotations(hint)
    if hint is None or hint in SCALARS:
        return Scalar(type(None) if hint is None else hint)
    if hint is Any or hint is object:
        return Anything()
    origin, arguments = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin in {Union, types.UnionType}:
        return AnyOf(arguments)
    if origin is Literal:
        return OneOf(tuple((value, value) for value in arguments))
    if origin in _LISTS:
        return ListOf(arguments[0] if arguments else Any)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is ...:
            return ListOf(arguments[0], is_tuple=True)
        return TupleOf(arguments) if arguments else ListOf(Any, is_tuple=True)
    if origin in _MAPS:
        return _map_of(hint, arguments)
    if origin is hint and isinstance(hint, type):
        return _class_shape(hint)
    raise TypeError(
        f"{hint!r} has no JSON: use str, int, float, bool, None, list, dict, Literal, enums, dataclasses, …"
    )


def _map_of(hint: Any, arguments: tuple[Any, ...]) -> MapOf:
    key, value = arguments or (str, Any)
    if without_annotations(key)[0] is not str:
        raise TypeError(f"{hint!r} has no JSON: the names in an object are strings")
    return MapOf(value)


def _class_shape(cls: type) -> Shape:
    if hasattr(cls, "model_validate") and hasattr(cls, "model_json_schema"):
        return Model(cls)
    if dataclasses.is_dataclass(cls):
        hints = typing.get_type_hints(cls, include_extras=True)
        fields = [field for field in dataclasses.fields(cls) if field.init]
        is_required = [
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING for field in fields
        ]
        return ObjectOf(
            cls,
            tuple(Member(f.name, hints[f.name], needed) for f, needed in zip(fields, is_required, strict=True)),
            is_dict=False,
        )
    if issubclass(cls, dict) and hasattr(cls, "__required_keys__"):
        hints = typing.get_type_hints(cls, include_extras=True)
        return ObjectOf(cls, tuple(_dict_member(cls, name, hint) for name, hint in hints.items()), is_dict=True)
    if issubclass(cls, enum.Enum):
        return OneOf(tuple((member.value, member) for member in cls), cls.__name__)
    raise TypeError(f"{cls.__qualname__} has no JSON: make it a dataclass, a TypedDict or a Pydantic model")


def _dict_member(cls: Any, name: str, hint: Any) -> Member:
    # Said at the member, which Python itself overlooks under `from __future__ import annotations`; or by the class.
    said = getattr(typing.get_origin(hint), "_name", None)
    is_required = said != "NotRequired" if said in {"Required", "NotRequired"} else name in cls.__required_keys__
    return Member(name, hint, is_required)
