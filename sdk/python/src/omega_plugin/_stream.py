"""The frames that a worker and its gateway exchange: four bytes of length, then so many bytes of JSON.

What never happens here: an allocation for a frame that is longer than the gateway may send.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import os
import threading
from typing import Any, Final

#: Bytes of a frame from the gateway: a request's bound (72 MiB), and what stands around it.
FRAME_BYTES_MAX: Final = 80 * 1024 * 1024
#: Bytes of what one frame's length is written in.
_HEADER_BYTES: Final = 4
#: Bytes that one reading asks for: what is asked for is allocated first.
_READ_BYTES_MAX: Final = 1024 * 1024

#: An object of JSON.
Frame = dict[str, Any]

_decode = json.JSONDecoder().decode


@functools.lru_cache(maxsize=256)
def _field_names(dataclass: Any) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(dataclass))


def _plain(value: object) -> object:
    """What the encoder cannot write, as something that it can."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in _field_names(type(value))}
    dump = getattr(type(value), "model_dump", None)
    if dump is not None:
        # A Pydantic model, without an import of Pydantic.
        return dump(value, mode="json", by_alias=True)
    if isinstance(value, enum.Enum):
        return value.value
    raise TypeError(f"a {type(value).__qualname__} cannot be written as JSON")


#: An author's value as JSON; raises what JSON's encoder raises.
to_json: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode


class ProtocolError(Exception):
    """What came from the gateway is not the protocol."""


def encode(frame: Frame) -> bytes:
    """The frame as it travels, its length included.

    Raises what JSON's encoder raises, and ``UnicodeEncodeError`` where a string holds a lone surrogate.
    """
    body = to_json(frame).encode()
    return len(body).to_bytes(_HEADER_BYTES, "big") + body


class Stream:
    """Both directions of the protocol's stream. Threads may send at the same time; one at a time receives."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._sending = threading.Lock()

    def receive(self) -> Frame | None:
        """The next frame; none where the gateway has closed the stream between two frames."""
        header = self._read(_HEADER_BYTES)
        if not header:
            return None
        length = int.from_bytes(header, "big")
        if len(header) < _HEADER_BYTES or not 0 < length <= FRAME_BYTES_MAX:
            raise ProtocolError(f"a frame cannot have the length {header.hex()}")
        body = self._read(length)
        if len(body) < length:
            raise ProtocolError("the stream ended within a frame")
        try:
            frame = _decode(body.decode())
        except (ValueError, RecursionError) as error:
            raise ProtocolError("a frame is not JSON") from error
        if not isinstance(frame, dict):
            raise ProtocolError("a frame is not an object")
        return frame

    def send(self, frame: bytes) -> None:
        """Send a frame that was encoded before."""
        with self._sending:
            self._write(frame)

    def send_last(self, frame: bytes) -> None:
        """Send a frame; whoever wants to send after it waits for ever, that is until the process ends."""
        self._sending.acquire()
        self._write(frame)

    def _write(self, frame: bytes) -> None:
        sent = os.write(self._descriptor, frame)
        if sent < len(frame):
            rest = memoryview(frame)[sent:]
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]

    def _read(self, length: int) -> bytes:
        """So many bytes; fewer at the end of the stream."""
        first = os.read(self._descriptor, min(length, _READ_BYTES_MAX))
        if len(first) == length or not first:
            return first
        # What does not come in one piece is collected as it comes, so that an announced length costs nothing by itself.
        collected = bytearray(first)
        while (missing := length - len(collected)) > 0:
            piece = os.read(self._descriptor, min(missing, _READ_BYTES_MAX))
            if not piece:
                break
            collected += piece
        return bytes(collected)
