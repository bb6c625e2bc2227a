"""The loop inside the sandbox: reads a program's name, imports it, answers one call, ends.

`docs/worker-protocol.md` is what it speaks. It is imported once, in the warm parent that workers are forked from; what it
does here it does in every worker, so it does little.

What never happens here: a second call; a decision about what the plugin may do, which is the gateway's alone.
"""

from __future__ import annotations

import binascii
import importlib
import importlib.util
import io
import math
import os
import random
import sys
import threading
import traceback
from types import ModuleType
from typing import Any, Final, NoReturn

from . import _determinism
from ._host import Level, install
from ._plugin import Plugin
from ._refusal import BrokerError, Refusal
from ._stream import Frame, ProtocolError, Stream, encode

#: Where a worker finds things.
PLUGIN_FOLDER: Final = "/plugin"
ENVIRONMENT_FOLDER: Final = "/env"
SDK_FOLDER: Final = "/omega"

#: How the process ends: with a last frame, or as the gateway closed the stream before the call.
EXIT_DONE: Final = 0
#: What came from the gateway is not the protocol.
EXIT_PROTOCOL: Final = 96
#: The stream broke.
EXIT_STREAM: Final = 97
#: A fault of this loop.
EXIT_LOOP: Final = 98

LOG_BYTES_MAX: Final = 8 * 1024
MESSAGE_BYTES_MAX: Final = 2 * 1024
TRACEBACK_BYTES_MAX: Final = 16 * 1024
NAME_BYTES_MAX: Final = 256
PROGRESS_BYTES_MAX: Final = 1024
#: Bytes that one question about an artifact may ask for.
READ_BYTES_MAX: Final = 1024 * 1024
#: Modules of a plugin's folder that are made ahead of workers.
_MADE_MAX: Final = 16

_LOAD_FIELDS: Final = frozenset(
    (
        *("type", "plugin_id", "package_digest", "entry", "export", "determinism", "capabilities"),
        *("has_environment", "limits", "seed"),
    )
)
_CALL_FIELDS: Final = frozenset(("type", "request", "seed", "time_left_ms"))
_REQUEST_FIELDS: Final = frozenset(("request_id", "run_id", "timestamp", "payload", "context"))
_ANSWER_FIELDS: Final = frozenset(("type", "id", "value"))
_REFUSAL_FIELDS: Final = frozenset(("type", "id", "kind", "message"))

_LOADED: Final = encode({"type": "loaded"})
#: Sent where there is no memory left to say more.
_OUT_OF_MEMORY: Final = {
    kind: encode({"type": kind, "error": {"kind": "MemoryError", "message": "out of memory", "traceback": ""}})
    for kind in ("load_failed", "failed")
}

_exit = os._exit
#: Address space that is given back where the plugin has used up all of it: enough to say so. Never touched, so never real.
_reserve: bytes | None = bytes(4 * 1024 * 1024)


def main(
    stream_fd: int = 3,
    *,
    plugin_folder: str = PLUGIN_FOLDER,
    environment: str = ENVIRONMENT_FOLDER,
    sdk: str = SDK_FOLDER,
) -> NoReturn:
    """Serve one call on the stream, and end the process. The folders are other ones in tests only."""
    status = EXIT_LOOP
    try:
        status = serve(Stream(stream_fd), plugin_folder, environment, sdk)
    except ProtocolError:
        status = EXIT_PROTOCOL
    except OSError:
        status = EXIT_STREAM
    finally:
        # Whatever was raised: nothing of the plugin's runs after its call, no handler and no thread.
        _exit(status)


def serve(stream: Stream, plugin_folder: str, environment: str, sdk: str) -> int:
    """Serve one call; gives the status to end with. Raises `ProtocolError` and `OSError` as the stream does."""
    load = stream.receive()
    if load is None:
        return EXIT_DONE
    _check(load, "load", _LOAD_FIELDS)
    is_deterministic = load["determinism"] == "deterministic"
    if is_deterministic:
        _determinism.apply(bytes.fromhex(load["seed"]))
    else:
        # Every worker is a copy of one parent: without this all would draw the same numbers.
        random.seed()
    try:
        set_paths(plugin_folder, environment if load["has_environment"] else None, sdk)
        plugin = _load(plugin_folder, load["entry"], load["export"])
    except BaseException as error:  # noqa: BLE001 - whatever the program raises
        last = _failure("load_failed", error)
    else:
        stream.send(_LOADED)
        call = stream.receive()
        if call is None:
            return EXIT_DONE
        _check(call, "call", _CALL_FIELDS)
        _check(call["request"], None, _REQUEST_FIELDS)
        if is_deterministic:
            _determinism.reseed(bytes.fromhex(call["seed"]))
        install(_Gateway(stream))
        last = _answer(plugin, call["request"])
    _flush()
    stream.send_last(last)
    return EXIT_DONE


def _check(frame: object, kind: str | None, fields: frozenset[str]) -> None:
    if not isinstance(frame, dict) or frame.keys() != fields or (kind is not None and frame["type"] != kind):
        raise ProtocolError(f"that is no {kind or 'request'}")


def set_paths(plugin_folder: str, environment: str | None, sdk: str) -> None:
    """Where modules are looked for from now on: the plugin, the standard library, the SDK, the plugin's environment."""
    ours = (plugin_folder, environment, sdk)
    standard = [path for path in sys.path if path and path not in ours]
    # As for any program: a dependency never stands in the place of a module of the standard library.
    wanted = [plugin_folder, *standard, sdk, *([environment] if environment else ())]
    # In a worker the warm parent has done it.
    if sys.path != wanted:
        sys.path[:] = wanted
    # The folders are read-only.
    sys.dont_write_bytecode = True


def _load(folder: str, entry: str, export: str) -> Plugin[Any, Any]:
    """Import the program and find its export."""
    found = getattr(_import(folder, entry), export, None)
    if isinstance(found, Plugin):
        found.prepare()
        return found
    if found is None:
        raise AttributeError(f"{entry} has no {export!r}, which the manifest's `entrypoint.export` names")
    raise TypeError(f"{export!r} in {entry} is no plugin: write `@plugin` above the function (from omega_plugin)")


#: Modules of the plugin's folder that the warm parent made, without anything in them.
_made: dict[str, ModuleType] = {}


def make_modules(folder: str | None) -> None:
    """Make the modules that may be a plugin's entry, so that no worker has to find them.

    Their names alone are known by then: nothing of the files is read, let alone run.
    """
    _made.clear()
    for file in sorted(os.listdir(folder)) if folder else ():
        name, dot, ending = file.partition(".")
        if dot + ending == ".py" and _is_free(name) and len(_made) < _MADE_MAX:
            spec = importlib.util.spec_from_file_location(name, f"{folder}/{file}")
            if spec is not None:
                _made[name] = importlib.util.module_from_spec(spec)


def _is_free(name: str) -> bool:
    parts = name.split(".")
    return all(map(str.isidentifier, parts)) and parts[0] not in sys.modules and parts[0] not in sys.stdlib_module_names


def _import(folder: str, entry: str) -> object:
    file = f"{folder}/{entry}"
    name = entry.removesuffix(".py").replace("/", ".")
    sys.argv = [file]
    made = _made.get(name)
    if made is not None and made.__file__ == file:
        # As the import system does it, without what it does for modules that may lie elsewhere, or compiled.
        sys.modules[name] = made
        with io.FileIO(file) as source:
            code = compile(source.readall(), file, "exec", dont_inherit=True)
        exec(code, made.__dict__)  # noqa: S102 - the plugin, in its sandbox
        # What a module puts in its own place counts, as in an import.
        return sys.modules[name]
    # By its name, so that the program's other modules can import it and it can import its siblings; not where the name is
    # taken, in the parent or in the standard library.
    if _is_free(name):
        return importlib.import_module(name)
    spec = importlib.util.spec_from_file_location("_omega_entry", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{entry} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["_omega_entry"] = module
    spec.loader.exec_module(module)
    return module


def _answer(plugin: Plugin[Any, Any], request: Frame) -> bytes:
    """Run the plugin; gives the frame that ends the call."""
    try:
        payload, notes = plugin.answer(request)
        return encode({"type": "result", "payload": payload, "notes": notes})
    except Refusal as refusal:
        return _declined(refusal)
    except BaseException as error:  # noqa: BLE001 - whatever the program raises
        return _failure("failed", error)


def _declined(refusal: Refusal) -> bytes:
    try:
        code, message = cut(refusal.code, NAME_BYTES_MAX), cut(refusal.message, MESSAGE_BYTES_MAX)
    except BaseException as error:  # noqa: BLE001 - attributes that are no strings, or are not there
        return _failure("failed", error)
    return encode({"type": "declined", "code": code, "message": message})


def _failure(kind: str, error: BaseException) -> bytes:
    """The frame that tells of what a program raised. Never raises, whatever the exception is like."""
    global _reserve
    try:
        if isinstance(error, MemoryError):
            _reserve = None
        return encode({"type": kind, "error": describe(error)})
    except MemoryError:
        return _OUT_OF_MEMORY[kind]
    except BaseException:  # noqa: BLE001 - a class that is none that Python knows how to name
        return encode(
            {"type": kind, "error": {"kind": "Exception", "message": "it cannot be described", "traceback": ""}}
        )


def describe(error: BaseException) -> dict[str, str]:
    """What a program raised, bounded, in words that are text."""
    name = type(error).__qualname__
    module = type(error).__module__
    return {
        "kind": cut(name if module in {"builtins", "__main__"} else f"{module}.{name}", NAME_BYTES_MAX),
        "message": cut(_message(error), MESSAGE_BYTES_MAX),
        "traceback": cut_front(_traceback(error), TRACEBACK_BYTES_MAX),
    }


def _message(error: BaseException) -> str:
    try:
        if isinstance(error, SystemExit):
            return f"the plugin ended the interpreter with code {error.code!r}"
        if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
            return f"the answer is not text: it holds the lone surrogate {error.object[error.start]!a}"
        return str(error)
    except BaseException as again:  # noqa: BLE001 - the exception's own `__str__`
        return f"its message cannot be shown: {type(again).__name__}"


def _traceback(error: BaseException) -> str:
    ours = os.path.dirname(__file__) + os.sep
    at = error.__traceback__
    # The author's part: without the loop and the SDK above it.
    while at is not None and at.tb_next is not None and at.tb_frame.f_code.co_filename.startswith((ours, "<frozen ")):
        at = at.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, at, limit=-32))
    except BaseException as again:  # noqa: BLE001 - the exception's own methods
        return f"the traceback cannot be shown: {type(again).__name__}"


def cut(text: str, bytes_max: int) -> str:
    """The start of a text, as text that can be sent."""
    if not isinstance(text, str):
        raise TypeError(f"a str is wanted, not {type(text).__name__}")
    if len(text) <= bytes_max and text.isascii():
        return text
    return _bounded(text[:bytes_max].encode("utf-8", "backslashreplace")[:bytes_max])


def cut_front(text: str, bytes_max: int) -> str:
    """The end of a text, as text that can be sent: a traceback's last lines say most."""
    return _bounded(text[-bytes_max:].encode("utf-8", "backslashreplace")[-bytes_max:])


def _bounded(part: bytes) -> str:
    return part.decode("utf-8", "ignore")


def _flush() -> None:
    for output in (sys.stdout, sys.stderr, sys.__stdout__):
        try:
            if output is not None:
                output.flush()
        except BaseException:  # noqa: BLE001, S110 - may be the plugin's own
            pass


class _Gateway:
    """The host that asks over the stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._asking = threading.Lock()
        self._asked = 0

    def artifact_size(self, artifact_id: str) -> int:
        return int(self._ask({"op": "artifact_size", "artifact_id": artifact_id}))

    def artifact_read(self, artifact_id: str, offset: int, length: int) -> bytes:
        length = min(length, READ_BYTES_MAX)
        answer = self._ask({"op": "artifact_read", "artifact_id": artifact_id, "offset": offset, "length": length})
        return binascii.a2b_base64(answer)

    def dataset_count(self) -> int:
        return int(self._ask({"op": "dataset_count"}))

    def dataset_read(self, first: int, rows_max: int) -> list[str]:
        rows: list[str] = self._ask({"op": "dataset_read", "first": first, "rows_max": rows_max})
        return rows

    def log(self, level: Level, message: str) -> None:
        self._say({"type": "log", "level": level, "message": cut(message, LOG_BYTES_MAX)})

    def progress(self, done: float, message: str) -> None:
        done = min(max(float(done), 0.0), 1.0) if math.isfinite(done) else 0.0
        self._say({"type": "progress", "done": done, "message": cut(message, PROGRESS_BYTES_MAX)})

    def _say(self, frame: Frame) -> None:
        self._send(encode(frame))

    def _send(self, frame: bytes) -> None:
        try:
            self._stream.send(frame)
        except OSError:
            # The gateway is gone. No exception: the plugin might go on for nobody.
            _exit(EXIT_STREAM)

    def _ask(self, question: Frame) -> Any:
        with self._asking:
            self._asked += 1
            self._send(encode({"type": "ask", "id": self._asked, **question}))
            try:
                return self._answer_to(self._asked)
            except ProtocolError:
                _exit(EXIT_PROTOCOL)
            except OSError:
                _exit(EXIT_STREAM)

    def _answer_to(self, number: int) -> Any:
        frame = self._stream.receive()
        if frame is None:
            _exit(EXIT_STREAM)
        if frame.get("id") != number:
            raise ProtocolError("that answers another question")
        if frame.get("type") == "refusal":
            _check(frame, "refusal", _REFUSAL_FIELDS)
            raise BrokerError(frame["kind"], frame["message"])
        _check(frame, "answer", _ANSWER_FIELDS)
        return frame["value"]
