"""A plugin as a WebAssembly component: between the function and the bindings that `componentize-py` makes.

:mod:`omega_plugin.component` compiles it into each component. It is imported when the component is built, and the
interpreter's memory as it is then is what every call starts from: what is imported is there, and
nothing can be imported later, because a component has no files.

The component imports nothing of WASI, so what the standard library would ask the system for is answered here: clocks stand
at the request's time, randomness follows from the request's ids (the same in every call for a plugin that is
``deterministic``, whose ids are blank), and what is printed becomes log lines. The rest, a file say, ends the call.
What never happens here: another answer than the worker's to the same payload, but for randomness, whose seed is another.
"""

from __future__ import annotations

import contextlib
import datetime
import gc
import hashlib
import io
import json
import sys
import time
from typing import Any, Final, NoReturn

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

_BLANK: Final = ("", "", "1970-01-01T00:00:00.000000Z")
_SEED: Final = bytes(32)
_KINDS: Final[dict[str, BrokerErrorKind]] = {
    "BrokerError_Denied": "denied",
    "BrokerError_Unknown": "unknown",
    "BrokerError_HashMismatch": "hash_mismatch",
    "BrokerError_LimitExceeded": "limit_exceeded",
    "BrokerError_Failed": "failed",
}


def world(plugin: Plugin[Any, Any]) -> type:
    """The class that componentize-py looks for under the name ``WitWorld``."""
    if not isinstance(plugin, Plugin):
        raise TypeError("that is no plugin: write `@plugin` above the function (from omega_plugin)")
    plugin.prepare()
    _determinism.apply(_SEED)
    time.sleep = _no_waiting  # type: ignore[assignment]
    install(_Gateway())
    sys.stdout, sys.stderr = _Lines("info"), _Lines("warn")
    gc.collect()
    # What is there now is garbage in no call: not looked at, its pages are not copied.
    gc.freeze()

    class WitWorld:
        """The exports of the world."""

        def handle(self, request: Any) -> Any:
            """Answer one call."""
            return _handle(plugin, request)

    return WitWorld


def _handle(plugin: Plugin[Any, Any], request: Any) -> Any:
    ids = (request.request_id, request.run_id, request.timestamp)
    if ids != _BLANK:
        _determinism.reseed(hashlib.sha256("\0".join(ids).encode()).digest())
        _determinism.stand_at(_nanoseconds(request.timestamp))
    try:
        payload, notes = plugin.answer(_request(request))
        outcome = _types.Outcome(_payload(payload), _text(notes))
    except (Refusal, BrokerError) as refusal:
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


def _no_waiting(_seconds: float) -> NoReturn:
    raise OSError("a component has no clock to wait by")


class _Lines(io.TextIOBase):
    """Standard output or error: whole lines become lines of the log."""

    def __init__(self, level: Level) -> None:
        self._level: Level = level
        self._begun = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            _write(self._level, line)
        return len(text)

    def flush(self) -> None:
        if self._begun:
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
