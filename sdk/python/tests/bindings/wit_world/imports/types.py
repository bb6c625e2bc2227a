"""`omega:plugin/types`."""

from dataclasses import dataclass
from typing import Any

Pairs = list[tuple[str, str]]


@dataclass
class Text:
    content: str
    encoding: str
    metadata: Pairs


@dataclass
class Json:
    data: str
    schema_ref: str


@dataclass
class BinaryRef:
    artifact_id: str
    artifact_hash: str
    mime_type: str


@dataclass
class DatasetSlice:
    slice_ids: list[str]
    source: str
    filters: Pairs


@dataclass
class Payload_Text:  # noqa: N801 - as it is there
    value: Text


@dataclass
class Payload_Json:  # noqa: N801
    value: Json


@dataclass
class Payload_BinaryRef:  # noqa: N801
    value: BinaryRef


@dataclass
class Payload_DatasetSlice:  # noqa: N801
    value: DatasetSlice


@dataclass
class Request:
    request_id: str
    run_id: str
    timestamp: str
    payload: Any
    context: Pairs


@dataclass
class Outcome:
    payload: Any
    notes: str


@dataclass
class Refusal:
    code: str
    message: str
