"""Requests for tests: of each kind, built in code or read from a package's ``examples/``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from .._payload import BinaryRef, DatasetSlice, Json, Text, from_wire
from .._plugin import Call
from .._refusal import BrokerError
from .._stream import encode

_FIELDS = {"request_id", "run_id", "timestamp", "payload", "context"}


@dataclass(frozen=True)
class Request:
    """One request to run a plugin with.

    Its ids are blank, its timestamp constant and its context empty where nothing else is said, which is what a
    deterministic plugin sees.
    """

    payload: Text | Json[Any] | BinaryRef | DatasetSlice
    call: Call = field(default_factory=Call)
    #: What OMEGA holds under the name in a ``binary_ref``.
    held_bytes: bytes | None = None
    #: The rows of a ``dataset_slice``.
    held_rows: tuple[Mapping[str, Any], ...] | None = None
    #: The field whose value is a row's key; a gateway needs one.
    key: str | None = None
    #: What the brokers answer to every question.
    broker_error: BrokerError | None = None

    @staticmethod
    def text(content: str, metadata: dict[str, str] | None = None) -> Request:
        """A ``text`` request."""
        return Request(Text(content, metadata or {}))

    @staticmethod
    def json(data: Any, schema_ref: str = "") -> Request:
        """A ``json`` request; data of a type that says its schema needs no ``schema_ref``."""
        return Request(Json(data, schema_ref))

    @staticmethod
    def artifact(content: bytes, mime_type: str = "application/octet-stream") -> Request:
        """A ``binary_ref`` request that names these bytes by their true hash."""
        digest = sha256(content).hexdigest()
        return Request(BinaryRef(digest, digest, mime_type), held_bytes=content)

    @staticmethod
    def rows(rows: Iterable[Mapping[str, Any]], key: str | None = None) -> Request:
        """A ``dataset_slice`` request that names these rows: by a field of theirs, or as ``row-0``, ``row-1`` and so on."""
        held = tuple(rows)
        ids = [f"row-{number}" if key is None else str(row[key]) for number, row in enumerate(held)]
        return Request(DatasetSlice(ids, "dataset-under-test"), held_rows=held, key=key)

    @staticmethod
    def from_file(file: str | Path) -> Request:
        """A request of the contract, such as a file of ``examples/``."""
        written = json.loads(Path(file).read_text(encoding="utf-8"))
        if not isinstance(written, dict) or written.keys() - {"policy"} != _FIELDS:
            raise ValueError(f"{file} is not a request of the contract")
        call = Call(written["request_id"], written["run_id"], written["timestamp"], written["context"])
        return Request(from_wire(written["payload"]), call)

    def with_bytes(self, content: bytes) -> Request:
        """The same request, where OMEGA holds these bytes under the name in the payload."""
        return replace(self, held_bytes=content)

    def with_rows(self, rows: Iterable[Mapping[str, Any]], key: str | None = None) -> Request:
        """The same request, where the slice has these rows."""
        return replace(self, held_rows=tuple(rows), key=key)

    def with_broker_error(self, error: BrokerError) -> Request:
        """The same request, where the brokers answer every question with this."""
        return replace(self, broker_error=error)

    def with_context(self, **context: str) -> Request:
        """The same request with more in its context."""
        return replace(self, call=replace(self.call, context={**self.call.context, **context}))

    def to_wire(self) -> dict[str, Any]:
        """The request as the contract writes it."""
        return plain(
            {
                "request_id": self.call.request_id,
                "run_id": self.call.run_id,
                "timestamp": self.call.timestamp,
                "payload": self.payload.to_wire(),
                "context": self.call.context,
            }
        )


def plain(value: dict[str, Any]) -> dict[str, Any]:
    """The value as it comes out of the gateway, which writes JSON in its canonical form: 1.0 is 1 there."""
    read: dict[str, Any] = json.loads(encode(value)[4:], parse_float=_number)
    return read


def _number(written: str) -> int | float:
    value = float(written)
    return int(value) if value.is_integer() and abs(value) < 1e21 else value  # from there on it is written as 1e+21
