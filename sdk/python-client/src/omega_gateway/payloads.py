"""The four payloads, made short. Nothing is checked here: the gateway does, by the plugin's own schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .types import (
        Artifact,
        BinaryRefPayload,
        DatasetSlicePayload,
        InvokeAnswer,
        JsonObject,
        JsonPayload,
        PluginResponse,
        Result,
        TextPayload,
    )


def text_payload(content: str, metadata: Mapping[str, str] | None = None) -> TextPayload:
    """Text."""
    return {"kind": "text", "content": content, "encoding": "utf-8", "metadata": dict(metadata or {})}


def json_payload(data: JsonObject, schema_ref: str) -> JsonPayload:
    """A JSON object, and the ``schema_ref`` of the plugin's input that it claims to meet."""
    return {"kind": "json", "data": data, "schema_ref": schema_ref}


def binary_ref_payload(artifact: Artifact, mime_type: str) -> BinaryRefPayload:
    """Bytes that the gateway holds: what ``put_artifact`` gave."""
    sha256 = artifact["sha256"]
    return {"kind": "binary_ref", "artifact_id": sha256, "artifact_hash": sha256, "mime_type": mime_type}


def dataset_slice_payload(
    source: str, slice_ids: Sequence[str], filters: Mapping[str, str] | None = None
) -> DatasetSlicePayload:
    """Rows of a dataset that the gateway holds."""
    return {"kind": "dataset_slice", "source": source, "slice_ids": list(slice_ids), "filters": dict(filters or {})}


def result_of(answer: InvokeAnswer | PluginResponse) -> Result | None:
    """The payload of an answer that went well; none where ``status`` is not ``ok``."""
    return answer["result"] if answer["status"] == "ok" else None
