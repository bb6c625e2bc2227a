"""The API's types by name.

Generated from docs/openapi.json by scripts/generate_types.py: not to be changed by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Optional, TypeAlias, TypedDict, Union

if TYPE_CHECKING:
    from typing_extensions import NotRequired


class Artifact(TypedDict):
    """
    What is known of an artifact.
    """

    sha256: str
    """
    The SHA-256 of its bytes: what a `binary_ref` payload names.
    """
    size_bytes: int
    """
    How many bytes.
    """


class BinaryRefPayload(TypedDict):
    artifact_hash: str
    artifact_id: str
    kind: Literal['binary_ref']
    mime_type: str


class Mounts(TypedDict):
    dataset: NotRequired[str]
    out: NotRequired[str]
    work: NotRequired[str]


class ContainerEntrypoint(TypedDict):
    command: list[str]
    image: str
    mounts: Mounts
    type: Literal['container']


class DatasetEntrypoint(TypedDict):
    callable: str
    """
    pkg.mod:func.
    """
    type: Literal['dataset']


class DatasetSlicePayload(TypedDict):
    filters: dict[str, str]
    kind: Literal['dataset_slice']
    slice_ids: list[str]
    source: str


DeterminismMode: TypeAlias = Literal['deterministic', 'probabilistic']
"""
Whether the same input gives the same output.
"""


ErrorCode: TypeAlias = Literal['manifest_invalid', 'package_invalid', 'schema_invalid', 'lock_invalid', 'environment_missing', 'environment_unbuildable', 'environment_changed', 'signature_missing', 'signature_invalid', 'key_untrusted', 'package_digest_mismatch', 'api_version_incompatible', 'capability_forbidden', 'capability_denied', 'plugin_unknown', 'plugin_not_enabled', 'plugin_rejected', 'request_invalid', 'payload_kind_refused', 'payload_schema_mismatch', 'payload_too_large', 'duplicate_request', 'determinism_required', 'pipeline_invalid', 'overloaded', 'circuit_open', 'timeout', 'memory_limit', 'cpu_limit', 'plugin_trap', 'plugin_crash', 'plugin_error', 'plugin_declined', 'nondeterministic', 'conformance_missing', 'conformance_invalid', 'interrupted', 'version_conflict', 'import_forbidden', 'component_invalid', 'program_invalid', 'artifact_unknown', 'artifact_hash_mismatch', 'dataset_invalid', 'run_unknown', 'proof_invalid', 'events_archived', 'witness_unknown', 'witness_unavailable', 'disclosure_invalid', 'evidence_forgotten', 'key_invalid', 'home_missing', 'home_locked', 'home_invalid', 'config_invalid', 'output_not_json', 'output_schema_mismatch', 'output_too_large', 'lane_unavailable', 'ledger_unavailable', 'ledger_corrupt', 'token_missing', 'token_invalid', 'token_unknown', 'scope_denied', 'host_refused', 'origin_refused', 'listen_unsafe', 'server_stopping', 'server_mismatch', 'server_unreachable', 'not_found', 'io']
"""
A stable code. More may come: treat one that you do not know by the HTTP status.
"""


class GatewayEvent(TypedDict):
    """
    One line of the ledger. What does not apply is the empty string.
    """

    event_hash: str
    event_id: str
    input_hash: str
    kind: Literal['REGISTER', 'ENABLE', 'DISABLE', 'INVOKE', 'RESULT', 'REJECT', 'ERROR', 'PROOF_EXPORT', 'POLICY', 'BROKER', 'RECOVERY']
    """
    POLICY, BROKER and RECOVERY since API 1.1.
    """
    meta: dict[str, str]
    output_hash: str
    plugin_id: str
    prev_hash: str
    request_id: str
    run_id: str
    ts: str
    """
    RFC 3339, without leap seconds.
    """


class Grant(TypedDict):
    """
    What the operator decided on one capability of one plugin.
    """

    capability: str
    """
    Which capability.
    """
    decided_at: str
    """
    When.
    """
    granted: bool
    """
    Whether it was granted, or taken.
    """
    major_version: int
    """
    Of which major version.
    """


class Health(TypedDict):
    """
    Whether the server is there.
    """

    status: str
    """
    `ok`.
    """


class EvidenceHashes(TypedDict):
    input_hash: str
    output_hash: str


class Policy(TypedDict):
    deterministic_only: bool
    max_retries: int
    timeout_ms: int


class Limits(TypedDict):
    max_bytes: int


class IoDescriptor(TypedDict):
    kind: Literal['text', 'json', 'binary_ref', 'dataset_slice']
    limits: Limits
    schema_ref: str
    """
    omega:<plugin_id>:<input|output>:<name>:v<x.y.z>, or a package-relative path.
    """


class JsonResult(TypedDict):
    data: dict[str, Any]
    kind: Literal['json']
    schema_ref: str


LaneKind: TypeAlias = Literal['wasm', 'worker', 'container']
"""
The kinds of isolated places where plugins run.
"""


PipelineStrategy: TypeAlias = Literal['sequential', 'fan_out', 'chain']
"""
How the steps of a pipeline follow each other.
"""


class PlacedEvent(TypedDict):
    """
    An event and where it stands.
    """

    event: GatewayEvent
    """
    The event.
    """
    index: int
    """
    Its index in the ledger, from 0.
    """


PluginId: TypeAlias = str
"""
A plugin's stable name.
"""


class Determinism(TypedDict):
    mode: Literal['deterministic', 'probabilistic']
    notes: str


class Evidence(TypedDict):
    log_level: Literal['full', 'summary', 'minimal']
    redactions: list[str]
    """
    JSON Pointers (RFC 6901) into the payload or the result.
    """


class Io(TypedDict):
    inputs: list[IoDescriptor]
    outputs: list[IoDescriptor]


class Limits1(TypedDict):
    max_bytes: int
    max_concurrency: int
    max_ms: int


PluginStatus: TypeAlias = Literal['registered', 'enabled', 'disabled', 'rejected']
"""
Where a plugin stands.
"""


class PluginVersion(TypedDict):
    """
    One version of a plugin.
    """

    status: PluginStatus
    """
    Where it stands.
    """
    version: str
    """
    The version.
    """


class ProofBundle(TypedDict):
    """
    A proof bundle (omega.proof/v1): to be kept as it is, and verified offline with `omega proof verify`.
    """

    checkpoint: str
    """
    The log's checkpoint: a C2SP signed note.
    """
    created_at: str
    events: list[GatewayEvent]
    format: Literal['omega.proof/v1']
    head_event_hash: str
    origin: str
    proof_id: str
    run_id: str


class Rejection(TypedDict):
    """
    Why a package was rejected.
    """

    message: str
    """
    For people.
    """
    reason: ErrorCode
    """
    The stable code.
    """


SemVer: TypeAlias = str
"""
SemVer 2.0.0.
"""


Severity: TypeAlias = Literal['error', 'warning']
"""
Whether an issue forbids registration.
"""


Status: TypeAlias = Literal['ok', 'rejected', 'timeout', 'error']
"""
How a call ended, best first.
"""


class TextPayload(TypedDict):
    content: str
    encoding: Literal['utf-8']
    kind: Literal['text']
    metadata: dict[str, str]


class WorkerEntrypoint(TypedDict):
    export: str
    file: str
    """
    Package-relative; the ending chooses the lane.
    """
    type: Literal['worker']


class EventPage(TypedDict):
    """
    A part of the ledger's events.
    """

    events: list[PlacedEvent]
    """
    The events. There may be fewer than were asked for though more follow.
    """
    next: str | None
    """
    What to send as `cursor` for the next page, beside the same filters; null after the last.
    """


class Issue(TypedDict):
    """
    One thing that was found.
    """

    field: str
    """
    The field's path, such as `io.inputs[0].limits.max_bytes`; `""` for the whole.
    """
    message: str
    """
    What is wrong and what would be right.
    """
    severity: Severity
    """
    Whether it forbids registration.
    """


class PipelinePolicy(TypedDict):
    """
    Which plugins run on one request, and how.
    """

    plugin_ids: list[PluginId]
    """
    The plugins, one step each.
    """
    stop_on_failure: bool
    """
    End at the first step that is not `ok`. A `chain` always does.
    """
    strategy: PipelineStrategy
    """
    How the steps follow each other.
    """
    timeout_ms: int
    """
    Bounds the whole pipeline, in milliseconds.
    """


class PluginInfo(TypedDict):
    """
    One registered version of a plugin, or one rejected package.
    """

    capabilities: list[str]
    """
    What the manifest asks for, as written there.
    """
    determinism: DeterminismMode | None
    key_id: str | None
    """
    The key that signed it: SHA-256 of its SPKI DER.
    """
    lane: LaneKind | None
    name: str
    """
    The manifest's name.
    """
    package_digest: str
    """
    `hash({path: sha256})` over every file of the package but the signature.
    """
    plugin_id: str
    """
    The plugin's id. A rejected package may claim an id that it does not reserve.
    """
    registered_at: str
    """
    When it was registered or rejected.
    """
    signature_valid: bool
    """
    Whether a trusted key's signature over exactly these files was verified.
    """
    status: PluginStatus
    """
    Where it stands.
    """
    version: str
    """
    The manifest's version.
    """


class PluginManifest(TypedDict):
    """
    PLUGIN_MANIFEST.json of a package whose api_version is 1.1.0 or later. Rules between fields are the validator's.
    """

    api_version: SemVer
    authors: NotRequired[list[str]]
    capabilities: list[Literal['read_text', 'read_json', 'read_binary_ref', 'read_dataset_slice', 'write_suggestion', 'write_report', 'http_fetch', 'fs_read', 'fs_write', 'process_run', 'system_info', 'tasks', 'llm', 'read_dataset', 'write_outputs']]
    config_schema: NotRequired[dict[str, Any] | bool]
    """
    A JSON Schema of the operator's configuration of this plugin.
    """
    description: str
    determinism: Determinism
    entrypoint: WorkerEntrypoint | ContainerEntrypoint | DatasetEntrypoint
    evidence: Evidence
    homepage: NotRequired[str]
    io: Io
    license: NotRequired[str]
    """
    An SPDX licence expression.
    """
    limits: Limits1
    name: str
    plugin_id: str
    """
    Stable name.
    """
    publisher: NotRequired[str]
    supported_omega_api_versions: str
    """
    A SemVer range in npm grammar, such as ^1.0.0.
    """
    vendor: str
    version: SemVer


class PluginPage(TypedDict):
    """
    A part of the list of plugins, by id, then version.
    """

    next: str | None
    """
    What to send as `cursor` for the next page; null after the last.
    """
    plugins: list[PluginInfo]
    """
    The plugins. There may be fewer than were asked for though more follow.
    """


Result: TypeAlias = TextPayload | JsonResult | BinaryRefPayload | DatasetSlicePayload


class ValidationReport(TypedDict):
    """
    The result of a validation: every issue at once.
    """

    checked_at: str
    """
    When.
    """
    issues: list[Issue]
    """
    Everything that was found.
    """
    manifest_hash: str
    """
    `hash(manifest)`, or `""` where the bytes are not JSON that the contract takes.
    """
    valid: bool
    """
    True where no issue is an error.
    """


class InvokeAnswer(TypedDict):
    """
    A PluginResponse, and where its evidence stands in the ledger.
    """

    duration_ms: int
    event_hash: str
    """
    That event's hash.
    """
    event_index: int
    """
    The index of the outcome's event in the ledger.
    """
    evidence_hashes: EvidenceHashes
    notes: str
    plugin_id: str
    reason: ErrorCode | None
    """
    The stable code where status is not ok.
    """
    request_id: str
    result: Result | None
    run_id: str
    """
    The run that the call belongs to.
    """
    status: Literal['ok', 'rejected', 'error', 'timeout']


class PluginDetails(TypedDict):
    """
    All that is known of one plugin.
    """

    effective_capabilities: list[str]
    """
    What a call would hold now: asked for, granted, and below the gateway's ceiling.
    """
    grants: list[Grant]
    """
    What the operator decided on the id, all major versions. The bounds of a grant are not shown.
    """
    manifest: PluginManifest | None
    manifest_hash: str
    """
    `hash(manifest)`, or `""` where the manifest was not readable.
    """
    plugin: PluginInfo
    """
    The version that was asked for, else the enabled one, else the highest; or the newest rejection.
    """
    rejection: Rejection | None
    versions: list[PluginVersion]
    """
    Every admitted version, oldest first.
    """


class PluginResponse(TypedDict):
    """
    What the caller gets. result is null unless status is ok.
    """

    duration_ms: int
    evidence_hashes: EvidenceHashes
    notes: str
    plugin_id: str
    request_id: str
    result: Result | None
    status: Literal['ok', 'rejected', 'error', 'timeout']


class Problem(TypedDict):
    """
    Why a request was refused, or could not be served (RFC 9457).
    """

    code: ErrorCode
    """
    The stable code, for programs.
    """
    detail: str
    """
    What and where, for people.
    """
    event_index: NotRequired[int]
    """
    The index of the ledger's event that records it, where one does.
    """
    hint: str
    """
    What a person can do about it, in one sentence.
    """
    report: NotRequired[ValidationReport]
    """
    What validation found, where a package or manifest was refused.
    """
    response: NotRequired[InvokeAnswer]
    """
    The whole answer, where the request was a call and has an outcome.
    """
    status: int
    """
    The HTTP status.
    """
    title: str
    """
    What the code means, in one sentence.
    """
    type: str
    """
    `urn:omega:error:` and the code.
    """


class PipelineStep(TypedDict):
    """
    One step of a pipeline, and where its evidence stands.
    """

    event_hash: str
    """
    That event's hash.
    """
    event_index: int
    """
    The index of its outcome's event in the ledger.
    """
    plugin_id: str
    """
    The plugin of this step.
    """
    reason: ErrorCode | None
    response: PluginResponse
    """
    What it gave.
    """
    step_index: int
    """
    Its place, from 0.
    """


class PipelineAnswer(TypedDict):
    """
    What a pipeline gave.
    """

    overall_status: Status
    """
    The worst of the steps.
    """
    run_id: str
    """
    The run that all steps belong to.
    """
    steps: list[PipelineStep]
    """
    One for each plugin, in the order of the policy; fewer where it was stopped early.
    """
    strategy: PipelineStrategy
    """
    How the steps followed each other.
    """
    total_duration_ms: int
    """
    Wall-clock time of the whole, in milliseconds.
    """


class InvokeRequest(TypedDict):
    """
    A PluginRequest of which all but the payload may be left out: request_id and run_id are then ULIDs of the gateway's, timestamp is now, context is empty. Left out, policy is {deterministic_only: false, timeout_ms: the plugin's max_ms, max_retries: 0}.
    """

    context: NotRequired[dict[str, str]]
    """
    Data for the plugin, never secrets.
    """
    payload: Payload
    policy: NotRequired[Policy]
    request_id: NotRequired[str]
    run_id: NotRequired[str]
    timestamp: NotRequired[str]
    """
    RFC 3339, without leap seconds.
    """


JsonObject: TypeAlias = dict[str, "JsonValue"]


class JsonPayload(TypedDict):
    data: JsonObject
    kind: Literal['json']
    schema_ref: str


JsonValue: TypeAlias = Optional[Union[bool, float, str, list["JsonValue"], JsonObject]]
"""
A JSON value. Whole numbers are within ±(2^53-1): every reader keeps those.
"""


Payload: TypeAlias = TextPayload | JsonPayload | BinaryRefPayload | DatasetSlicePayload


class PipelineRequest(TypedDict):
    """
    What is to run, on what.
    """

    policy: PipelinePolicy
    """
    Which plugins, and how they follow each other.
    """
    request: InvokeRequest
    """
    What they are called with.
    """


class PluginRequest(TypedDict):
    """
    One call to one plugin. Left out, policy is {deterministic_only: false, timeout_ms: the plugin's max_ms, max_retries: 0}.
    """

    context: dict[str, str]
    """
    Data for the plugin, never secrets.
    """
    payload: Payload
    policy: NotRequired[Policy]
    request_id: str
    run_id: str
    timestamp: str
    """
    RFC 3339, without leap seconds.
    """


EventKind: TypeAlias = Literal['REGISTER', 'ENABLE', 'DISABLE', 'INVOKE', 'RESULT', 'REJECT', 'ERROR', 'PROOF_EXPORT', 'POLICY', 'BROKER', 'RECOVERY']
"""
What an event of the ledger is about.
"""
