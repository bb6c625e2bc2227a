"""One run of a plugin, and what a test asks about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar

from .._host import Level, Nobody, host, install
from .._payload import BinaryRef, DatasetSlice, Json, Text, from_wire
from .._plugin import Outcome, Plugin
from .._refusal import BrokerError, Refusal
from ._request import Request, plain

T = TypeVar("T")


@dataclass(frozen=True)
class LogLine:
    """A line that the plugin logged."""

    level: Level
    message: str


@dataclass(frozen=True)
class Progress:
    """How far the plugin said it was."""

    done: float
    message: str


@dataclass(frozen=True)
class Run:
    """What became of one request."""

    #: What the plugin answered.
    answer: Outcome | Refusal
    #: What it logged, in order.
    logs: list[LogLine] = field(default_factory=list)
    #: How far it said it was, in order.
    progress: list[Progress] = field(default_factory=list)

    def outcome(self) -> Outcome:
        """The outcome; an ``AssertionError`` where the plugin declined."""
        if isinstance(self.answer, Refusal):
            raise AssertionError(f"the plugin declined: {self.answer}")
        return self.answer

    def refusal(self) -> Refusal:
        """The refusal; an ``AssertionError`` where the plugin did not decline."""
        if isinstance(self.answer, Outcome):
            raise AssertionError(f"the plugin did not decline: {self.answer}")
        return self.answer

    def text(self) -> str:
        """The content of a ``text`` result."""
        return self._result(Text).content

    def json(self) -> dict[str, Any]:
        """The data of a ``json`` result, as JSON."""
        data: dict[str, Any] = self._result(Json).data
        return data

    def notes(self) -> str:
        """The notes beside the result."""
        return self.outcome().notes

    def _result(self, kind: type[T]) -> T:
        payload = self.outcome().payload
        if not isinstance(payload, kind):
            raise AssertionError(f"the result is {payload.kind}, not {kind.__name__}")
        return payload


def run(plugin: Plugin[..., Any], request: Request | Text | Json[Any] | BinaryRef | DatasetSlice) -> Run:
    """Call the plugin with the request, as a worker would, here; what it raises comes out of here.

    The request and the answer are written as JSON and read again, as on their way through the gateway.
    """
    asked = request if isinstance(request, Request) else Request(request)
    memory = _Memory(asked)
    if not isinstance(host(), Nobody):
        raise RuntimeError("a plugin cannot run within a plugin")
    before = install(memory)
    try:
        payload, notes = plugin.answer(asked.to_wire())
        written = plain({"payload": payload, "notes": notes})
        answer: Outcome | Refusal = Outcome(from_wire(written["payload"]), written["notes"])
    except Refusal as refusal:
        answer = refusal
    finally:
        install(before)
    return Run(answer, memory.logs, memory.said)


class _Memory:
    """What stands for the brokers: what the request names, and nothing else."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.logs: list[LogLine] = []
        self.said: list[Progress] = []

    def artifact_size(self, artifact_id: str) -> int:
        return self._artifact(artifact_id, len)

    def artifact_read(self, artifact_id: str, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0:
            raise BrokerError("failed", "an offset and a length are not negative")
        return self._artifact(artifact_id, lambda content: content[offset : offset + min(length, 1 << 20)])

    def _artifact(self, artifact_id: str, read: Callable[[bytes], T]) -> T:
        self._refuse_if_told()
        payload, held = self._request.payload, self._request.held_bytes
        if not isinstance(payload, BinaryRef) or payload.artifact_id != artifact_id:
            raise BrokerError("denied", f"this request does not name the artifact {artifact_id}")
        if held is None:
            raise BrokerError("unknown", f"the test gave no bytes for {artifact_id}")
        if sha256(held).hexdigest() != payload.artifact_hash:
            raise BrokerError("hash_mismatch", artifact_id)
        return read(held)

    def dataset_count(self) -> int:
        return len(self._rows())

    def dataset_read(self, first: int, rows_max: int) -> list[str]:
        return [json.dumps(plain(row), ensure_ascii=False) for row in self._rows()[first : first + rows_max]]

    def _rows(self) -> tuple[Any, ...]:
        self._refuse_if_told()
        if not isinstance(self._request.payload, DatasetSlice):
            raise BrokerError("denied", "this request names no rows")
        if self._request.held_rows is None:
            raise BrokerError("unknown", "the test gave no rows")
        return self._request.held_rows

    def _refuse_if_told(self) -> None:
        if self._request.broker_error is not None:
            raise self._request.broker_error

    def log(self, level: Level, message: str) -> None:
        self.logs.append(LogLine(level, message))

    def progress(self, done: float, message: str) -> None:
        self.said.append(Progress(done, message))
