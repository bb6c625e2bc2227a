"""A plugin as a WebAssembly component: between the function and the bindings that `componentize-py` makes.

:mod:`omega_plugin.component` compiles it into each component. It is imported when the component is built, and the
interpreter's memory as it is then is what every call starts from: what is imported is there, and
nothing can be imported later, because a component has no files.

The component imports nothing of WASI, so what the standard library would ask the system for is answered here: clocks stand
at the request's time, randomness follows from the request's ids (the same in every call for a plugin that is
``deterministic``, whose ids are blank), what is printed becomes log lines, and there is no file. What is asked past all
that ends the call.
What never happens here: another answer than the worker's to the same payload, but for randomness, whose seed is another.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import functools
import gc
import hashlib
import importlib
import io
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final, NoReturn, TextIO

# Made by componentize-py, and there only where it runs.
import componentize_py_types as _abi
from wit_world.imports import log as _log
from wit_world.imports import types as _types

from .. import _determinism
from .._host import Level, install
from .._plugin import Plugin
from .._refusal import BrokerError, BrokerErrorKind, Refusal
from .._stream import to_json
from .._worker import LOG_BYTES_MAX, MESSAGE_BYTES_MAX, NAME_BYTES_MAX, READ_BYTES_MAX, cut, describe

# Only some of the worlds of `wit/worlds.wit` have them.
_artifacts: Any = None
_datasets: Any = None
with contextlib.suppress(ImportError):
    from wit_world.imports import artifacts as _artifacts
with contextlib.suppress(ImportError):
    from wit_world.imports import datasets as _datasets

#: Objects that stay to the end.
_kept: Final[list[object]] = []
#: Bytes of holes, from large to small: none holds more than two objects of the next size.
_HOLES: Final = (*(2**power for power in range(16, 9, -1)), 384, 256, 192, 128, 96, 64, 48, 32, 24, 16, 8, 1)
#: So many new objects one above the other, and above all before them, are at the end.
_OBJECTS_AT_THE_END: Final = 4
_OBJECTS_MAX: Final = 2_000
_ROOM_BYTES: Final = 512 * 1024
#: How often each example is answered when the component is built: as often as the interpreter looks before it specialises.
_WARM_UPS: Final = 20
#: What functions of the standard library import when they are called, and what many plugins import so themselves. Of the
#: rest, what a plugin needs it imports at its top.
_BUILT_IN: Final = (
    *(
        "_strptime",
        "base64",
        "binascii",
        "bisect",
        "calendar",
        "collections.abc",
        "copy",
        "csv",
        "dataclasses",
        "decimal",
    ),
    *("encodings.ascii", "encodings.cp1252", "encodings.latin_1", "encodings.utf_16", "enum", "fractions", "functools"),
    *("heapq", "itertools", "json", "math", "numbers", "operator", "re", "statistics", "string", "struct", "textwrap"),
    *("typing", "unicodedata", "urllib.parse", "uuid", "warnings", "zlib"),
)
_is_sealed = False
_BLANK: Final = ("", "", "1970-01-01T00:00:00.000000Z")
_SEED: Final = bytes(32)
_KINDS: Final[dict[str, BrokerErrorKind]] = {
    "BrokerError_Denied": "denied",
    "BrokerError_Unknown": "unknown",
    "BrokerError_HashMismatch": "hash_mismatch",
    "BrokerError_LimitExceeded": "limit_exceeded",
    "BrokerError_Failed": "failed",
}


def world(plugin: Plugin[Any, Any], examples: list[dict[str, Any]]) -> type:
    """The class that componentize-py looks for under the name ``WitWorld``.

    The examples are answered when the component is built, so that what the interpreter learns of a program by running it is
    known in every call. Nobody sees what they come to.
    """
    if not isinstance(plugin, Plugin):
        raise TypeError("that is no plugin: write `@plugin` above the function (from omega_plugin)")
    plugin.prepare()
    # Some functions of the standard library import what they need when they are called.
    for name in _BUILT_IN:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    _determinism.apply(_SEED)
    time.sleep = _no_waiting  # type: ignore[assignment]
    for example in examples * _WARM_UPS:
        with contextlib.suppress(Exception):
            _answer(plugin, _blank(example))
    _determinism.reseed(_SEED)
    install(_Gateway())
    _guard()
    # What is there now is garbage in no call: not looked at, its pages are not copied.
    gc.collect()
    gc.freeze()
    _fill_holes()

    class WitWorld:
        """The exports of the world."""

        def handle(self, request: Any) -> Any:
            """Answer one call."""
            return _handle(plugin, request)

    return WitWorld


def _handle(plugin: Plugin[Any, Any], request: Any) -> Any:
    _seal()
    ids = (request.request_id, request.run_id, request.timestamp)
    if ids != _BLANK:
        _determinism.reseed(hashlib.sha256("\0".join(ids).encode()).digest())
        _determinism.stand_at(_nanoseconds(request.timestamp))
    try:
        outcome = _answer(plugin, request)
    except Refusal as refusal:
        declined = _types.Refusal(cut(refusal.code, NAME_BYTES_MAX), cut(refusal.message, MESSAGE_BYTES_MAX))
        raise _abi.Err(declined) from None
    except BaseException as error:
        # The call ends in a trap, which says nothing: its reason is the last line.
        fault = describe(error)
        _log.write(_log.Level.ERROR, f"{fault['traceback']}{fault['kind']}: {fault['message']}")
        raise
    finally:
        for output in (sys.stdout, sys.stderr):
            output.flush()
    return outcome


def _answer(plugin: Plugin[Any, Any], request: Any) -> Any:
    payload, notes = plugin.answer(_request(request))
    return _types.Outcome(_payload(payload), _text(notes))


def _blank(example: dict[str, Any]) -> Any:
    """An example as the request of a deterministic plugin."""
    return _types.Request(*_BLANK, _payload(example["payload"]), [])


def _nanoseconds(timestamp: str) -> int:
    since = datetime.datetime.fromisoformat(timestamp) - datetime.datetime.fromtimestamp(0, datetime.timezone.utc)
    return since // datetime.timedelta(microseconds=1) * 1_000


def _request(request: Any) -> dict[str, Any]:
    value = request.payload.value
    payload: dict[str, Any]
    match request.payload:
        case _types.Payload_Text():
            payload = {"kind": "text", "content": value.content, "metadata": dict(value.metadata)}
        case _types.Payload_Json():
            payload = {"kind": "json", "data": json.loads(value.data), "schema_ref": value.schema_ref}
        case _types.Payload_BinaryRef():
            payload = {"kind": "binary_ref", **vars(value)}
        case _:
            payload = {"kind": "dataset_slice", **vars(value), "filters": dict(value.filters)}
    return {
        "request_id": request.request_id,
        "run_id": request.run_id,
        "timestamp": request.timestamp,
        "payload": payload,
        "context": dict(request.context),
    }


def _payload(payload: dict[str, Any]) -> Any:
    """A payload as the contract writes it, as the bindings have it."""
    match payload["kind"]:
        case "text":
            text = _types.Text(_text(payload["content"]), payload["encoding"], _pairs(payload["metadata"]))
            return _types.Payload_Text(text)
        case "json":
            return _types.Payload_Json(_types.Json(_text(to_json(payload["data"])), _text(payload["schema_ref"])))
        case "binary_ref":
            names = ("artifact_id", "artifact_hash", "mime_type")
            return _types.Payload_BinaryRef(_types.BinaryRef(*(_text(payload[name]) for name in names)))
        case _:
            ids = [_text(each) for each in payload["slice_ids"]]
            of = _types.DatasetSlice(ids, _text(payload["source"]), _pairs(payload["filters"]))
            return _types.Payload_DatasetSlice(of)


def _pairs(of: dict[str, str]) -> list[tuple[str, str]]:
    return [(_text(name), _text(value)) for name, value in of.items()]


def _text(value: str) -> str:
    """The text; raises where it is none, which the bindings would only trap on."""
    if not isinstance(value, str):
        raise TypeError(f"a str is wanted, not {type(value).__name__}")
    if not value.isascii():
        value.encode()
    return value


def _fill_holes() -> None:
    """Fill what importing has left free between objects, so that a call's new objects lie side by side.

    Otherwise each takes a hole on another page, and a page that is written to has to be copied: it was a third of a call.
    Holes are filled where new objects lie one above the other at the end of the memory.
    """
    highest = 0
    for size in _HOLES:
        at_the_end = 0
        # Bounded: elsewhere than in WebAssembly, memory may come from above.
        for _ in range(_OBJECTS_MAX):
            # Of zero bytes: they cost nothing in the package.
            _kept.append(bytes(size))
            at_the_end = at_the_end + 1 if id(_kept[-1]) > highest else 0
            highest = max(highest, id(_kept[-1]))
            if at_the_end == _OBJECTS_AT_THE_END:
                break
    # Room at the end, without asking for more memory.
    bytearray(_ROOM_BYTES)


def _guard() -> None:
    """Say no where a call would ask the system for files or sockets, and log what it prints: the system's answer is its end.

    What builds the component goes on importing and printing after it has imported this, so all of it waits for :func:`_seal`.
    """
    sys.stdout, sys.stderr = _Lines("info", sys.stdout), _Lines("warn", sys.stderr)
    posix = sys.modules["posix"]
    for name in ("stat", "lstat"):
        guarded = functools.partial(_no_file, getattr(os, name))
        setattr(os, name, guarded)
        setattr(posix, name, guarded)
    sys.addaudithook(_no_system)
    sys.meta_path.append(_NotBuiltIn())


def _seal() -> None:
    """The component is built, this is a call."""
    global _is_sealed
    _is_sealed = True
    # Kept: to tear down what was known of folders would take longer than all the rest of a call.
    _kept.append((sys.path, sys.path_importer_cache))
    sys.path, sys.path_importer_cache = [], {}


def _no_file(true: Callable[..., Any], path: Any, *more: Any, **named: Any) -> Any:
    if _is_sealed:
        raise FileNotFoundError(errno.ENOENT, "a component has no files", path)
    return true(path, *more, **named)


def _no_system(event: str, _arguments: Any) -> None:
    if _is_sealed and event.startswith(("open", "os.", "socket.", "subprocess.")):
        raise PermissionError(errno.EPERM, f"a component has no files, sockets or processes ({event})")


class _NotBuiltIn:
    """The last of the importers: says why a module is not there."""

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> None:
        if _is_sealed:
            message = (
                f"no module {name!r} in this component: import it at the top of the plugin, so that it is built in"
            )
            raise ModuleNotFoundError(message, name=name)


def _no_waiting(_seconds: float) -> NoReturn:
    raise OSError("a component has no clock to wait by")


class _Lines(io.TextIOBase):
    """Standard output or error: in a call, whole lines become lines of the log."""

    def __init__(self, level: Level, before: TextIO) -> None:
        self._level: Level = level
        self._before = before
        self._begun = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not _is_sealed:
            return self._before.write(text)
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            _write(self._level, line)
        return len(text)

    def flush(self) -> None:
        if not _is_sealed:
            self._before.flush()
        elif self._begun:
            _write(self._level, self._begun)
            self._begun = ""


def _write(level: Level, message: str) -> None:
    _log.write(_log.Level[level.upper()], cut(message, LOG_BYTES_MAX))


class _Gateway:
    """The host that asks through the component's imports."""

    def artifact_size(self, artifact_id: str) -> int:
        return int(_ask(_artifacts, "size", artifact_id))

    def artifact_read(self, artifact_id: str, offset: int, length: int) -> bytes:
        return bytes(_ask(_artifacts, "read", artifact_id, offset, min(length, READ_BYTES_MAX)))

    def dataset_count(self) -> int:
        return int(_ask(_datasets, "count"))

    def dataset_read(self, first: int, rows_max: int) -> list[str]:
        return list(_ask(_datasets, "read", first, rows_max))

    def log(self, level: Level, message: str) -> None:
        _write(level, message)

    def progress(self, done: float, message: str) -> None:
        """Drop it: the world has no place for it."""


def _ask(broker: Any, question: str, *arguments: Any) -> Any:
    if broker is None:
        raise BrokerError("denied", "the manifest does not ask for the capability to read it")
    try:
        return getattr(broker, question)(*arguments)
    except _abi.Err as error:
        raise BrokerError(_KINDS[type(error.value).__name__], error.value.value) from None
