"""From a request to an answer: take the payload as the function's type, call it, write down what it gives."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, ParamSpec, TypeAlias, TypeVar, Union

from . import _fit
from ._host import host
from ._payload import PAYLOADS, BinaryRef, DatasetSlice, Json, Text, from_wire, json_as
from ._refusal import BrokerError, Refusal

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")
Answer = TypeVar("Answer", bound="Text | Json[Any] | BinaryRef | DatasetSlice | Reply[Any]", covariant=True)

_TAKES: Final = "a plugin takes Text, Json[...], BinaryRef, DatasetSlice, Payload, or a union of these"
_GIVES: Final = "a plugin returns Text, Json, BinaryRef or DatasetSlice, or a Reply of one of these"


@dataclass(frozen=True)
class Call:
    """The call's circumstances: a plugin's optional second argument.

    A plugin declared ``deterministic`` sees blank ids, a constant timestamp and an empty context, because what influences
    the result belongs in the payload.
    """

    #: The id of this one request.
    request_id: str = ""
    #: The id of the run that the request is part of.
    run_id: str = ""
    #: When the request was made, RFC 3339.
    timestamp: str = "1970-01-01T00:00:00.000000Z"
    #: What the caller says beside the payload. Data, never secrets.
    context: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply(Generic[T]):
    """A result together with notes for people."""

    #: The result.
    result: T
    #: A sentence for people.
    notes: str = ""


@dataclass(frozen=True)
class Outcome:
    """What the gateway gets from a plugin that did its work."""

    #: The result.
    payload: Text | Json[Any] | BinaryRef | DatasetSlice
    #: A sentence for people; may be empty.
    notes: str = ""


#: Parameters beside those that have a position.
_TAKES_MORE: Final = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
#: Attributes of a function whose own parameters are not what it is called with.
_LOOKS_LIKE_ANOTHER: Final = frozenset(("__wrapped__", "__signature__", "_is_coroutine_mark"))

#: Reads one kind of payload as the function's type.
_Reader: TypeAlias = Callable[[Any], Any]


class Plugin(Generic[P, R_co]):
    """A function that is a plugin: made by :func:`plugin`. Called, it is the function."""

    def __init__(self, function: Callable[P, R_co]) -> None:
        names = _positional(function)
        if names is None or len(names) not in {1, 2}:
            raise TypeError(f"{function.__name__} has to take the payload, or the payload and a Call")
        self._function: Callable[..., R_co] = function
        self.__name__ = function.__name__
        self._takes_call = len(names) > 1
        self._input_name = names[0]
        self._types: dict[str, Any] | None = None
        self._readers: dict[str, _Reader] | None = None
        self._output_ref = ""
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        return self._function(*args, **kwargs)

    def prepare(self) -> None:
        """Look at the function's types, so that no call has to."""
        self._prepared()

    def inputs(self) -> list[Any]:
        """The types of payload that it takes."""
        hint = self._hints().get(self._input_name)
        if hint is None:
            raise TypeError(f"say what {self.__name__} takes: {_TAKES}")
        return [_a_payload(member, _TAKES) for member in _members(hint)]

    def outputs(self) -> list[Any]:
        """The types of payload that it gives; none where the function does not say."""
        hint = self._hints().get("return")
        members = [] if hint is None else _members(hint)
        unwrapped = [inner for member in members for inner in _without_reply(member)]
        return [_a_payload(member, _GIVES) for member in unwrapped]

    def answer(self, request: dict[str, Any]) -> tuple[dict[str, object], str]:
        """Answer a request of the gateway; gives the result as it travels, and the notes.

        Raises what the function raises, and a refusal where the payload is not what it takes, or a broker said no.
        """
        payload = from_wire(request["payload"])
        read = self._prepared().get(payload.kind)
        if read is None:
            wanted = " or ".join(self._prepared())
            raise Refusal(Refusal.WRONG_PAYLOAD_KIND, f"this plugin reads {wanted}, not {payload.kind}")
        arguments = [read(payload)]
        if self._takes_call:
            arguments.append(Call(request["request_id"], request["run_id"], request["timestamp"], request["context"]))
        try:
            given: object = self._function(*arguments)
        except BrokerError as error:
            raise error.to_refusal() from error
        notes = ""
        if isinstance(given, Reply):
            notes, given = given.notes, given.result
        if isinstance(given, Json):
            if not given.schema_ref and not hasattr(type(given.data), "SCHEMA_REF"):
                # A TypedDict's value is a plain dict: what the function says that it returns is all there is.
                given = Json(given.data, self._output_ref)
        elif not isinstance(given, Text | BinaryRef | DatasetSlice):
            raise TypeError(f"{self.__name__} returned a {type(given).__name__}; {_GIVES}")
        if not isinstance(notes, str):
            raise TypeError(f"{self.__name__} returned notes that are a {type(notes).__name__}, not a str")
        return given.to_wire(), notes

    def _hints(self) -> dict[str, Any]:
        # Once: names that the module defines below the function are known by now.
        if self._types is None:
            self._types = typing.get_type_hints(self._function, include_extras=True)
        return self._types

    def _prepared(self) -> dict[str, _Reader]:
        if self._readers is None:
            given = {getattr(data, "SCHEMA_REF", "") for data in map(data_of, self.outputs()) if data is not None}
            self._output_ref = given.pop() if len(given) == 1 else ""
            self._readers = _readers(self.inputs())
        return self._readers


def plugin(function: Callable[P, Answer]) -> Plugin[P, Answer]:
    """Make a function a plugin: from a payload, or a payload and a :class:`Call`, to a payload or a :class:`Reply`."""
    return Plugin(function)


def _positional(function: Callable[..., Any]) -> tuple[str, ...] | None:
    """The names of a function's parameters; none where some are not given by their position."""
    if isinstance(function, types.FunctionType) and not _LOOKS_LIKE_ANOTHER & function.__dict__.keys():
        # Every worker asks this, and asked of `inspect` it is an eighth of all that a worker does for a small plugin.
        code = function.__code__
        is_async = bool(code.co_flags & inspect.CO_COROUTINE)
        is_positional = not (code.co_flags & _TAKES_MORE or code.co_kwonlyargcount)
        names = code.co_varnames[: code.co_argcount]
    else:
        is_async = inspect.iscoroutinefunction(function)
        parameters = inspect.signature(function).parameters.values()
        is_positional = all(p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD} for p in parameters)
        names = tuple(p.name for p in parameters)
    if is_async:
        raise TypeError(f"{function.__name__} is async; a plugin is a plain function, which may use asyncio.run")
    return names if is_positional else None


def progress(done: float, message: str = "") -> None:
    """Tell how far the call is: ``done`` from 0 to 1."""
    host().progress(done, message)


def _members(hint: Any) -> list[Any]:
    if typing.get_origin(hint) in {Union, types.UnionType}:
        return [inner for member in typing.get_args(hint) for inner in _members(member)]
    return [hint]


def _without_reply(hint: Any) -> list[Any]:
    return _members(typing.get_args(hint)[0]) if typing.get_origin(hint) is Reply else [hint]


def _a_payload(hint: Any, rule: str) -> Any:
    if (typing.get_origin(hint) or hint) not in PAYLOADS.values():
        raise TypeError(f"{hint!r} is not a payload; {rule}")
    return hint


def data_of(hint: Any) -> Any:
    """The ``T`` of a ``Json[T]``; none of any other payload."""
    return (typing.get_args(hint) or (dict[str, Any],))[0] if (typing.get_origin(hint) or hint) is Json else None


def _readers(inputs: list[Any]) -> dict[str, _Reader]:
    readers: dict[str, _Reader] = {}
    of_json: list[tuple[str, _Reader]] = []
    for hint in inputs:
        data = data_of(hint)
        if data is None:
            readers[hint.kind] = _as_it_is
        else:
            of_json.append((getattr(data, "SCHEMA_REF", ""), functools.partial(json_as, read=_fit.reader(data))))
    if len(of_json) == 1:
        readers["json"] = of_json[0][1]
    elif of_json:
        readers["json"] = _chosen_by_schema(dict(of_json))
        if len(dict(of_json)) < len(of_json):
            raise TypeError(
                "several types of Json are told apart by their schema: write @json_payload above each class"
            )
    return readers


def _as_it_is(payload: Any) -> Any:
    return payload


def _chosen_by_schema(readers: dict[str, _Reader]) -> _Reader:
    def read(payload: Json[Any]) -> Any:
        chosen = readers.get(payload.schema_ref)
        if chosen is None:
            raise Refusal(Refusal.INVALID_JSON, f"this plugin reads no JSON of the schema {payload.schema_ref}")
        return chosen(payload)

    return read
