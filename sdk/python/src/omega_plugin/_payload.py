"""The four kinds of payload, and how they travel.

What never happens here: a read of anything that the request does not name; the gateway's brokers would refuse it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal, TypeAlias, TypeVar, Union, overload

from . import _fit
from ._host import host
from ._refusal import Refusal

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

T = TypeVar("T")
C = TypeVar("C", bound=type)

#: The kind of a payload, as the contract spells it.
PayloadKind: TypeAlias = Literal["text", "json", "binary_ref", "dataset_slice"]

#: Bytes that one question to the artifacts broker asks for.
_READ_BYTES: Final = 256 * 1024
#: Rows that one question to the datasets broker asks for.
_READ_ROWS: Final = 256


@dataclass(frozen=True)
class Text:
    """A ``text`` payload, in or out. Its encoding is always UTF-8."""

    kind: ClassVar[PayloadKind] = "text"
    #: The text itself.
    content: str
    #: Names and values about the text; what they mean is the schema's business.
    metadata: dict[str, str] = field(default_factory=dict)

    def to_wire(self) -> dict[str, object]:
        """The payload as the contract writes it."""
        return {"kind": "text", "content": self.content, "encoding": "utf-8", "metadata": self.metadata}


@dataclass(frozen=True)
class Json(Generic[T]):
    """A ``json`` payload, in or out.

    ``T`` is one JSON object: a dataclass, a TypedDict, a Pydantic model or ``dict[str, Any]``. An output whose type says
    its schema by :func:`json_payload` needs no ``schema_ref``.
    """

    kind: ClassVar[PayloadKind] = "json"
    #: The data.
    data: T
    #: The schema that the data answers to; empty: the one of the data's type.
    schema_ref: str = ""

    def parse(self, to: type[C]) -> Json[C]:
        """The data as another type; a refusal ``invalid_json`` where it does not fit."""
        return Json(_read_data(_fit.reader(to), self.data), self.schema_ref)

    def to_wire(self) -> dict[str, object]:
        """The payload as the contract writes it."""
        schema_ref = self.schema_ref or getattr(type(self.data), "SCHEMA_REF", "")
        if not schema_ref:
            raise ValueError(
                f"a {type(self.data).__name__} has no schema_ref: write @json_payload above its class, or Json(data, schema_ref)"
            )
        return {"kind": "json", "data": self.data, "schema_ref": schema_ref}


@dataclass(frozen=True)
class BinaryRef:
    """A ``binary_ref`` payload, in or out: a name for bytes that OMEGA holds.

    Reading needs the capability ``read_binary_ref``, works only for what the request names, and raises ``BrokerError``.
    """

    kind: ClassVar[PayloadKind] = "binary_ref"
    #: The name of the bytes.
    artifact_id: str
    #: Lower-case hex SHA-256 of the bytes.
    artifact_hash: str
    #: What the bytes are, such as ``text/csv``.
    mime_type: str

    def size(self) -> int:
        """The length in bytes."""
        return host().artifact_size(self.artifact_id)

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``, at most 1 MiB; fewer at the end, none past it."""
        return host().artifact_read(self.artifact_id, offset, length)

    def read_all(self, bytes_max: int) -> bytes:
        """All the bytes; a refusal ``artifact_too_large`` before any is read where there are more."""
        size = self.size()
        if size > bytes_max:
            raise Refusal(
                Refusal.ARTIFACT_TOO_LARGE,
                f"the artifact has {size} bytes, this plugin reads at most {bytes_max}",
            )
        with self.reader() as reader:
            return reader.read()

    def read_text(self, bytes_max: int) -> str:
        """All the bytes as text; a refusal ``unreadable`` where they are not UTF-8."""
        try:
            return self.read_all(bytes_max).decode()
        except UnicodeDecodeError as error:
            raise Refusal(Refusal.UNREADABLE, f"the artifact is not UTF-8 text at byte {error.start}") from None

    def reader(self) -> io.BufferedReader:
        """The bytes as a file, from the start. It holds one chunk at a time, so it reads what does not fit in memory."""
        return io.BufferedReader(_ArtifactReader(self), _READ_BYTES)

    def to_wire(self) -> dict[str, object]:
        """The payload as the contract writes it."""
        return {
            "kind": "binary_ref",
            "artifact_id": self.artifact_id,
            "artifact_hash": self.artifact_hash,
            "mime_type": self.mime_type,
        }


class _ArtifactReader(io.RawIOBase):
    def __init__(self, artifact: BinaryRef) -> None:
        super().__init__()
        self._artifact = artifact
        self._offset = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        into = memoryview(buffer).cast("B")
        chunk = self._artifact.read_at(self._offset, min(len(into), _READ_BYTES))
        into[: len(chunk)] = chunk
        self._offset += len(chunk)
        return len(chunk)


@dataclass(frozen=True)
class DatasetSlice:
    """A ``dataset_slice`` payload, in or out: names for rows that OMEGA holds.

    Reading needs the capability ``read_dataset_slice``, works only for what the request names, and raises ``BrokerError``.
    """

    kind: ClassVar[PayloadKind] = "dataset_slice"
    #: The keys of the rows, at least one.
    slice_ids: list[str]
    #: The name of the dataset.
    source: str
    #: Equalities on string fields that a row must satisfy.
    filters: dict[str, str] = field(default_factory=dict)

    def count(self) -> int:
        """How many rows there are after the filters."""
        return host().dataset_count()

    @overload
    def rows(self) -> Iterator[dict[str, Any]]: ...
    @overload
    def rows(self, of: type[T]) -> Iterator[T]: ...
    def rows(self, of: Any = dict[str, Any]) -> Iterator[Any]:
        """The rows in the order of ``slice_ids``, each as a dict or as a type of yours; a few hundred are in memory."""
        read = _fit.reader(of)
        first = 0
        while page := host().dataset_read(first, _READ_ROWS):
            for number, text in enumerate(page, first):
                try:
                    yield read(json.loads(text))
                except (_fit.Misfit, ValueError) as error:
                    message = f"row {number} of the slice is not what this plugin reads: {error}"
                    raise Refusal(Refusal.INVALID_ROW, message) from None
            first += len(page)

    def to_wire(self) -> dict[str, object]:
        """The payload as the contract writes it."""
        return {
            "kind": "dataset_slice",
            "slice_ids": self.slice_ids,
            "source": self.source,
            "filters": self.filters,
        }


#: What goes in and out, of any kind. A plugin with inputs of several kinds takes this, or a union of some of them.
Payload: TypeAlias = Union[Text, Json[dict[str, Any]], BinaryRef, DatasetSlice]  # noqa: UP007 - looked at at run time, on 3.10

#: The class of each kind.
PAYLOADS: Final[dict[str, type[Any]]] = {of.kind: of for of in (Text, Json, BinaryRef, DatasetSlice)}


def json_payload(schema_ref: str) -> Callable[[C], C]:
    """Say which schema a type of input or output answers to: write it above the class.

    ``schema_ref`` is as the manifest's ``io`` writes it: ``omega:<plugin_id>:output:<name>:v<x.y.z>``.
    """

    def mark(cls: C) -> C:
        cls.SCHEMA_REF = schema_ref  # type: ignore[attr-defined]
        return cls

    return mark


def from_wire(payload: dict[str, Any]) -> Text | Json[dict[str, Any]] | BinaryRef | DatasetSlice:
    """A payload that the gateway has checked."""
    match payload["kind"]:
        case "text":
            return Text(payload["content"], payload["metadata"])
        case "json":
            return Json(payload["data"], payload["schema_ref"])
        case "binary_ref":
            return BinaryRef(payload["artifact_id"], payload["artifact_hash"], payload["mime_type"])
        case "dataset_slice":
            return DatasetSlice(payload["slice_ids"], payload["source"], payload["filters"])
        case other:
            raise ValueError(f"no payload has the kind {other!r}")


def _read_data(read: Callable[[Any], T], data: Any) -> T:
    try:
        return read(data)
    except _fit.Misfit as error:
        message = f"the input's data is not what this plugin reads: {error}"
        raise Refusal(Refusal.INVALID_JSON, message) from None


def json_as(payload: Json[Any], read: Callable[[Any], Any]) -> Json[Any]:
    """The payload with its data read as the author's type."""
    return Json(_read_data(read, payload.data), payload.schema_ref)
