"""The gateway's operations as requests, for both clients alike. Nothing is sent here, and nothing is decided."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, cast

from ._wire import JSON_TYPE, Call, Content, Reply, read_json, read_text, segment
from .errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .types import (
        Artifact,
        EventKind,
        EventPage,
        InvokeAnswer,
        InvokeRequest,
        LaneKind,
        Payload,
        PipelineAnswer,
        PipelinePolicy,
        PluginDetails,
        PluginInfo,
        PluginManifest,
        PluginPage,
        PluginStatus,
        ProofBundle,
        ValidationReport,
    )

T = TypeVar("T")

#: What a call's own time gets on top before this client gives up, so that the gateway's answer comes first.
_TIMEOUT_MARGIN_S: Final = 5.0
_BYTES_TYPE: Final = "application/octet-stream"


def _query(**values: str | int | None) -> list[tuple[str, str]]:
    return [(name.rstrip("_"), str(value)) for name, value in values.items() if value is not None]


def _kinds(kinds: Sequence[EventKind]) -> list[tuple[str, str]]:
    return [("kind", kind) for kind in kinds]


def validate_manifest(manifest: PluginManifest | str | bytes) -> Call[ValidationReport]:
    if isinstance(manifest, bytes):
        content = manifest
    else:
        content = (manifest if isinstance(manifest, str) else json.dumps(manifest)).encode()
    read = cast("Callable[[Reply], ValidationReport]", read_json)
    return Call("POST", "/v1/manifests:validate", "harmless", read, content=content, type=JSON_TYPE)


def register_plugin(package_tar: Content) -> Call[PluginInfo]:
    read = cast("Callable[[Reply], PluginInfo]", read_json)
    return Call("POST", "/v1/plugins", "once", read, content=package_tar, type="application/x-tar")


def enable_plugin(plugin_id: str, version: str | None) -> Call[PluginInfo]:
    content = json.dumps({} if version is None else {"version": version}).encode()
    read = cast("Callable[[Reply], PluginInfo]", read_json)
    return Call("POST", f"/v1/plugins/{segment(plugin_id)}:enable", "once", read, content=content, type=JSON_TYPE)


def disable_plugin(plugin_id: str) -> Call[PluginInfo]:
    read = cast("Callable[[Reply], PluginInfo]", read_json)
    return Call("POST", f"/v1/plugins/{segment(plugin_id)}:disable", "once", read)


def list_plugins(
    plugin: str | None, status: PluginStatus | None, lane: LaneKind | None, limit: int | None, cursor: str | None
) -> Call[PluginPage]:
    query = _query(plugin=plugin, status=status, lane=lane, limit=limit, cursor=cursor)
    read = cast("Callable[[Reply], PluginPage]", read_json)
    return Call("GET", "/v1/plugins", "harmless", read, query=query)


def get_plugin(plugin_id: str, version: str | None) -> Call[PluginDetails]:
    read = cast("Callable[[Reply], PluginDetails]", read_json)
    return Call("GET", f"/v1/plugins/{segment(plugin_id)}", "harmless", read, query=_query(version=version))


def invoke(plugin_id: str, request: InvokeRequest | Payload) -> Call[InvokeAnswer]:
    named, ids = _with_ids(request)
    policy = named.get("policy")
    return Call(
        "POST",
        f"/v1/plugins/{segment(plugin_id)}:invoke",
        "claimed",
        cast("Callable[[Reply], InvokeAnswer]", read_json),
        content=json.dumps(named).encode(),
        type=JSON_TYPE,
        # Who gives the call more time waits for it that long.
        timeout_s_min=0.0 if policy is None else policy["timeout_ms"] / 1_000 + _TIMEOUT_MARGIN_S,
        ids=ids,
    )


def invoke_pipeline(policy: PipelinePolicy, request: InvokeRequest | Payload) -> Call[PipelineAnswer]:
    named, ids = _with_ids(request)
    return Call(
        "POST",
        "/v1/pipelines:invoke",
        "claimed",
        cast("Callable[[Reply], PipelineAnswer]", read_json),
        content=json.dumps({"policy": policy, "request": named}).encode(),
        type=JSON_TYPE,
        timeout_s_min=policy["timeout_ms"] / 1_000 + _TIMEOUT_MARGIN_S,
        ids=ids,
    )


def export_proof(run_id: str) -> Call[ProofBundle]:
    read = cast("Callable[[Reply], ProofBundle]", read_json)
    return Call("POST", f"/v1/runs/{segment(run_id)}:export-proof", "once", read)


def get_run(run_id: str, limit: int | None, cursor: str | None) -> Call[EventPage]:
    read = cast("Callable[[Reply], EventPage]", read_json)
    return Call("GET", f"/v1/runs/{segment(run_id)}", "harmless", read, query=_query(limit=limit, cursor=cursor))


def query_events(
    run: str | None = None,
    plugin: str | None = None,
    kinds: Sequence[EventKind] = (),
    from_: int | None = None,
    to: int | None = None,
    order: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[EventPage]:
    query = _query(run=run, plugin=plugin, from_=from_, to=to, order=order, limit=limit, cursor=cursor)
    read = cast("Callable[[Reply], EventPage]", read_json)
    return Call("GET", "/v1/ledger/events", "harmless", read, query=[*query, *_kinds(kinds)])


def newest_event() -> Call[int]:
    """Where the ledger ends. A stream that began without an index would not know where to go on if it broke early."""
    page = query_events(order="desc", limit=1)
    return Call("GET", page.path, "harmless", lambda reply: _end_of(page.read(reply)), query=page.query)


def _end_of(page: EventPage) -> int:
    return max((placed["index"] + 1 for placed in page["events"]), default=0)


def follow_query(run: str | None, plugin: str | None, kinds: Sequence[EventKind]) -> list[tuple[str, str]]:
    return [*_query(run=run, plugin=plugin), *_kinds(kinds)]


def get_checkpoint() -> Call[str]:
    return Call("GET", "/v1/ledger/checkpoint", "harmless", read_text, accept="text/plain")


def put_artifact(content: Content, sha256: str | None) -> Call[Artifact]:
    path = f"/v1/artifacts/{segment(sha256 if sha256 is not None else sha256_of(content))}"
    read = cast("Callable[[Reply], Artifact]", read_json)
    return Call("PUT", path, "harmless", read, content=content, type=_BYTES_TYPE)


def get_artifact(sha256: str) -> Call[bytes]:
    def read(reply: Reply) -> bytes:
        if hashlib.sha256(reply.body).hexdigest() != sha256:
            raise GatewayError("artifact_hash_mismatch", "what came does not have this hash", status=reply.status)
        return reply.body

    return Call("GET", f"/v1/artifacts/{segment(sha256)}", "harmless", read, accept=_BYTES_TYPE)


def has_artifact(sha256: str) -> Call[None]:
    return Call("HEAD", f"/v1/artifacts/{segment(sha256)}", "harmless", lambda _reply: None)


def is_absent(error: GatewayError) -> bool:
    """Whether a HEAD says that there is nothing. Its answer has no body, so no code: its status has to do."""
    return error.status == 404


def sha256_of(content: Content) -> str:
    """The SHA-256 of bytes or of a file, in hex."""
    if isinstance(content, os.PathLike):
        with Path(content).open("rb") as file:
            digest = hashlib.sha256()
            while piece := file.read(1 << 20):
                digest.update(piece)
            return digest.hexdigest()
    return hashlib.sha256(content).hexdigest()


def _with_ids(request: InvokeRequest | Payload) -> tuple[InvokeRequest, tuple[str, str]]:
    """With ids of its own a request that is sent again is one that the gateway knows."""
    named = cast("InvokeRequest", {"payload": request} if "kind" in request else {**request})
    ids = (named.setdefault("run_id", str(uuid.uuid4())), named.setdefault("request_id", str(uuid.uuid4())))
    return named, ids


def name_call(error: GatewayError, ids: tuple[str, str] | None) -> None:
    """Says of which call it is."""
    if ids is not None:
        error.run_id, error.request_id = ids


def headers_of(token: str) -> Mapping[str, str]:
    """What goes with every request."""
    return {"authorization": f"Bearer {token}"}
