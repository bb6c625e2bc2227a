// Generated from docs/openapi.json by `npm run generate`: not to be changed by hand.

import type { JsonValue } from "./json.js";
export interface paths {
    readonly "/healthz": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Whether the process lives
         * @description It does if it answers.
         */
        readonly get: operations["getHealth"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/metrics": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Metrics
         * @description Figures for Prometheus, as OpenMetrics text.
         */
        readonly get: operations["getMetrics"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/openapi.json": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * This document
         * @description OpenAPI 3.1.
         */
        readonly get: operations["getOpenApi"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/readyz": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Whether the server takes work
         * @description Not before the home is open, not while it stops, and not with a ledger that cannot be written.
         */
        readonly get: operations["getReadiness"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/artifacts/{sha256}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Get bytes
         * @description Checked against their hash on the way out. Only for tokens that cover every plugin: artifacts belong to none.
         */
        readonly get: operations["getArtifact"];
        /**
         * Store bytes
         * @description They are kept if they have that SHA-256. A `binary_ref` payload then names them.
         */
        readonly put: operations["putArtifact"];
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        /**
         * Whether bytes are stored
         * @description As GET, without the bytes: `Content-Length` says how many.
         */
        readonly head: operations["headArtifact"];
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/events": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Follow the ledger
         * @description Server-sent events, from any index on and for as long as the client stays. Each has `id: <index>`, `event: <kind>` and `data: <the event's canonical JSON>`. Who comes back with `Last-Event-ID` misses none.
         */
        readonly get: operations["streamEvents"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/ledger/checkpoint": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * The newest checkpoint
         * @description A C2SP signed note, at most a second behind the ledger.
         */
        readonly get: operations["getCheckpoint"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/ledger/events": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Query the ledger
         * @description Events by run, plugin, kind and index. A token with plugin globs sees those of its plugins only.
         */
        readonly get: operations["queryEvents"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/ledger/tile/{level}/{index}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * A full tile
         * @description C2SP tlog-tiles: up to 256 hashes of the newest checkpoint's tree, or of its entries. A full tile never changes.
         */
        readonly get: operations["getTile"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/ledger/tile/{level}/{index}.p/{width}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * A tile that is not full yet
         * @description C2SP tlog-tiles: up to 256 hashes of the newest checkpoint's tree, or of its entries. A full tile never changes.
         */
        readonly get: operations["getPartialTile"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/manifests:validate": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Check a manifest
         * @description Every issue at once. Any bytes are checked: what is no JSON is an issue. Nothing is recorded.
         */
        readonly post: operations["validateManifest"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/pipelines:invoke": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Call several plugins
         * @description Runs a pipeline. What its steps came to stands in them: the answer is 200 once the pipeline began.
         */
        readonly post: operations["invokePipeline"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/plugins": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * List plugins
         * @description By id, then version; rejected packages among them. A token with plugin globs sees those only.
         */
        readonly get: operations["listPlugins"];
        readonly put?: never;
        /**
         * Register a package
         * @description Signature, trust, manifest, schemas, version and imports are checked. The same package again changes nothing. A package that is refused is journalled as rejected; the problem says where and why.
         */
        readonly post: operations["registerPlugin"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/plugins/{plugin_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Show a plugin
         * @description Its manifest, what it was granted, what a call would hold now, its versions.
         */
        readonly get: operations["getPlugin"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/plugins/{plugin_id}:disable": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Disable a plugin
         * @description Stops it from taking calls; calls in flight finish. Idempotent.
         */
        readonly post: operations["disablePlugin"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/plugins/{plugin_id}:enable": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Enable a plugin
         * @description Lets a version take calls, within the grants that there are. Another enabled version of the id stops taking new calls at the same moment. Idempotent.
         */
        readonly post: operations["enablePlugin"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/plugins/{plugin_id}:invoke": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Call a plugin
         * @description Calls it once and answers when the outcome is durable. An outcome of the plugin's own, an error too, is 200 with its `status`; a refusal by the gateway is a problem, with the response in it.
         */
        readonly post: operations["invoke"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/runs/{run_id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Show a run
         * @description Its events, oldest first. A token with plugin globs sees those of its plugins only.
         */
        readonly get: operations["getRun"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/v1/runs/{run_id}:export-proof": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Export a run's proof
         * @description Appends a PROOF_EXPORT event to the run and gives the bundle that shows all of it. A token with plugin globs gets proofs of runs that hold events of its plugins only.
         */
        readonly post: operations["exportProof"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What is known of an artifact. */
        readonly Artifact: {
            /** @description The SHA-256 of its bytes: what a `binary_ref` payload names. */
            readonly sha256: string;
            /**
             * Format: int64
             * @description How many bytes.
             */
            readonly size_bytes: number;
        };
        readonly BinaryRefPayload: {
            readonly artifact_hash: string;
            readonly artifact_id: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            readonly kind: "binary_ref";
            readonly mime_type: string;
        };
        readonly ContainerEntrypoint: {
            readonly command: readonly string[];
            readonly image: string;
            readonly mounts: {
                readonly dataset?: string;
                readonly out?: string;
                readonly work?: string;
            };
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            readonly type: "container";
        };
        readonly DatasetEntrypoint: {
            /** @description pkg.mod:func. */
            readonly callable: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            readonly type: "dataset";
        };
        readonly DatasetSlicePayload: {
            readonly filters: {
                readonly [key: string]: string;
            };
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            readonly kind: "dataset_slice";
            readonly slice_ids: readonly string[];
            readonly source: string;
        };
        /**
         * @description Whether the same input gives the same output.
         * @enum {string}
         */
        readonly DeterminismMode: "deterministic" | "probabilistic";
        /**
         * @description A stable code. More may come: treat one that you do not know by the HTTP status.
         * @enum {string}
         */
        readonly ErrorCode: "manifest_invalid" | "package_invalid" | "schema_invalid" | "lock_invalid" | "environment_missing" | "environment_unbuildable" | "environment_changed" | "signature_missing" | "signature_invalid" | "key_untrusted" | "package_digest_mismatch" | "api_version_incompatible" | "capability_forbidden" | "capability_denied" | "plugin_unknown" | "plugin_not_enabled" | "plugin_rejected" | "request_invalid" | "payload_kind_refused" | "payload_schema_mismatch" | "payload_too_large" | "duplicate_request" | "determinism_required" | "pipeline_invalid" | "overloaded" | "circuit_open" | "timeout" | "memory_limit" | "cpu_limit" | "plugin_trap" | "plugin_crash" | "plugin_error" | "plugin_declined" | "nondeterministic" | "conformance_missing" | "conformance_invalid" | "interrupted" | "version_conflict" | "import_forbidden" | "component_invalid" | "program_invalid" | "artifact_unknown" | "artifact_hash_mismatch" | "dataset_invalid" | "run_unknown" | "proof_invalid" | "events_archived" | "witness_unknown" | "witness_unavailable" | "disclosure_invalid" | "evidence_forgotten" | "key_invalid" | "home_missing" | "home_locked" | "home_invalid" | "config_invalid" | "output_not_json" | "output_schema_mismatch" | "output_too_large" | "lane_unavailable" | "ledger_unavailable" | "ledger_corrupt" | "token_missing" | "token_invalid" | "token_unknown" | "scope_denied" | "host_refused" | "origin_refused" | "listen_unsafe" | "server_stopping" | "server_mismatch" | "server_unreachable" | "not_found" | "io";
        /** @description A part of the ledger's events. */
        readonly EventPage: {
            /** @description The events. There may be fewer than were asked for though more follow. */
            readonly events: readonly components["schemas"]["PlacedEvent"][];
            /** @description What to send as `cursor` for the next page, beside the same filters; null after the last. */
            readonly next: string | null;
        };
        /**
         * OMEGA gateway event
         * @description One line of the ledger. What does not apply is the empty string.
         */
        readonly GatewayEvent: {
            readonly event_hash: string;
            readonly event_id: string;
            readonly input_hash: string;
            /**
             * @description POLICY, BROKER and RECOVERY since API 1.1.
             * @enum {unknown}
             */
            readonly kind: "REGISTER" | "ENABLE" | "DISABLE" | "INVOKE" | "RESULT" | "REJECT" | "ERROR" | "PROOF_EXPORT" | "POLICY" | "BROKER" | "RECOVERY";
            readonly meta: {
                readonly [key: string]: string;
            };
            readonly output_hash: string;
            readonly plugin_id: string;
            readonly prev_hash: string;
            readonly request_id: string;
            readonly run_id: string;
            /**
             * Format: date-time
             * @description RFC 3339, without leap seconds.
             */
            readonly ts: string;
        };
        /** @description What the operator decided on one capability of one plugin. */
        readonly Grant: {
            /** @description Which capability. */
            readonly capability: string;
            /**
             * Format: date-time
             * @description When.
             */
            readonly decided_at: string;
            /** @description Whether it was granted, or taken. */
            readonly granted: boolean;
            /**
             * Format: int64
             * @description Of which major version.
             */
            readonly major_version: number;
        };
        /** @description Whether the server is there. */
        readonly Health: {
            /**
             * @description `ok`.
             * @example ok
             */
            readonly status: string;
        };
        /**
         * What came of a call
         * @description A PluginResponse, and where its evidence stands in the ledger.
         */
        readonly InvokeAnswer: {
            readonly duration_ms: number;
            /** @description That event's hash. */
            readonly event_hash: string;
            /** @description The index of the outcome's event in the ledger. */
            readonly event_index: number;
            readonly evidence_hashes: {
                readonly input_hash: string;
                readonly output_hash: string;
            };
            readonly notes: string;
            readonly plugin_id: string;
            /** @description The stable code where status is not ok. */
            readonly reason: components["schemas"]["ErrorCode"] | null;
            readonly request_id: string;
            readonly result: components["schemas"]["Result"] | null;
            /** @description The run that the call belongs to. */
            readonly run_id: string;
            /** @enum {unknown} */
            readonly status: "ok" | "rejected" | "error" | "timeout";
        };
        /**
         * A call
         * @description A PluginRequest of which all but the payload may be left out: request_id and run_id are then ULIDs of the gateway's, timestamp is now, context is empty. Left out, policy is {deterministic_only: false, timeout_ms: the plugin's max_ms, max_retries: 0}.
         */
        readonly InvokeRequest: {
            /** @description Data for the plugin, never secrets. */
            readonly context?: {
                readonly [key: string]: string;
            };
            readonly payload: components["schemas"]["Payload"];
            readonly policy?: {
                readonly deterministic_only: boolean;
                readonly max_retries: number;
                readonly timeout_ms: number;
            };
            readonly request_id?: string;
            readonly run_id?: string;
            /**
             * Format: date-time
             * @description RFC 3339, without leap seconds.
             */
            readonly timestamp?: string;
        };
        readonly IoDescriptor: {
            /** @enum {unknown} */
            readonly kind: "text" | "json" | "binary_ref" | "dataset_slice";
            readonly limits: {
                readonly max_bytes: number;
            };
            /** @description omega:<plugin_id>:<input|output>:<name>:v<x.y.z>, or a package-relative path. */
            readonly schema_ref: string;
        };
        /** @description One thing that was found. */
        readonly Issue: {
            /** @description The field's path, such as `io.inputs[0].limits.max_bytes`; `""` for the whole. */
            readonly field: string;
            /** @description What is wrong and what would be right. */
            readonly message: string;
            /** @description Whether it forbids registration. */
            readonly severity: components["schemas"]["Severity"];
        };
        readonly JsonObject: {
            readonly [key: string]: components["schemas"]["JsonValue"];
        };
        readonly JsonPayload: {
            readonly data: components["schemas"]["JsonObject"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            readonly kind: "json";
            readonly schema_ref: string;
        };
        readonly JsonResult: {
            readonly data: Record<string, never>;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            readonly kind: "json";
            readonly schema_ref: string;
        };
        /** @description A JSON value. Whole numbers are within ±(2^53-1): every reader keeps those. */
        readonly JsonValue: JsonValue;
        /**
         * @description The kinds of isolated places where plugins run.
         * @enum {string}
         */
        readonly LaneKind: "wasm" | "worker" | "container";
        readonly Payload: components["schemas"]["TextPayload"] | components["schemas"]["JsonPayload"] | components["schemas"]["BinaryRefPayload"] | components["schemas"]["DatasetSlicePayload"];
        /** @description What a pipeline gave. */
        readonly PipelineAnswer: {
            /** @description The worst of the steps. */
            readonly overall_status: components["schemas"]["Status"];
            /** @description The run that all steps belong to. */
            readonly run_id: string;
            /** @description One for each plugin, in the order of the policy; fewer where it was stopped early. */
            readonly steps: readonly components["schemas"]["PipelineStep"][];
            /** @description How the steps followed each other. */
            readonly strategy: components["schemas"]["PipelineStrategy"];
            /**
             * Format: int64
             * @description Wall-clock time of the whole, in milliseconds.
             */
            readonly total_duration_ms: number;
        };
        /** @description Which plugins run on one request, and how. */
        readonly PipelinePolicy: {
            /** @description The plugins, one step each. */
            readonly plugin_ids: readonly components["schemas"]["PluginId"][];
            /** @description End at the first step that is not `ok`. A `chain` always does. */
            readonly stop_on_failure: boolean;
            /** @description How the steps follow each other. */
            readonly strategy: components["schemas"]["PipelineStrategy"];
            /**
             * Format: int64
             * @description Bounds the whole pipeline, in milliseconds.
             */
            readonly timeout_ms: number;
        };
        /** @description What is to run, on what. */
        readonly PipelineRequest: {
            /** @description Which plugins, and how they follow each other. */
            readonly policy: components["schemas"]["PipelinePolicy"];
            /** @description What they are called with. */
            readonly request: components["schemas"]["InvokeRequest"];
        };
        /** @description One step of a pipeline, and where its evidence stands. */
        readonly PipelineStep: {
            /** @description That event's hash. */
            readonly event_hash: string;
            /**
             * Format: int64
             * @description The index of its outcome's event in the ledger.
             */
            readonly event_index: number;
            /** @description The plugin of this step. */
            readonly plugin_id: string;
            readonly reason: components["schemas"]["ErrorCode"] | null;
            /** @description What it gave. */
            readonly response: components["schemas"]["PluginResponse"];
            /**
             * Format: int32
             * @description Its place, from 0.
             */
            readonly step_index: number;
        };
        /**
         * @description How the steps of a pipeline follow each other.
         * @enum {string}
         */
        readonly PipelineStrategy: "sequential" | "fan_out" | "chain";
        /** @description An event and where it stands. */
        readonly PlacedEvent: {
            /** @description The event. */
            readonly event: components["schemas"]["GatewayEvent"];
            /**
             * Format: int64
             * @description Its index in the ledger, from 0.
             */
            readonly index: number;
        };
        /** @description All that is known of one plugin. */
        readonly PluginDetails: {
            /** @description What a call would hold now: asked for, granted, and below the gateway's ceiling. */
            readonly effective_capabilities: readonly string[];
            /** @description What the operator decided on the id, all major versions. The bounds of a grant are not shown. */
            readonly grants: readonly components["schemas"]["Grant"][];
            readonly manifest: components["schemas"]["PluginManifest"] | null;
            /** @description `hash(manifest)`, or `""` where the manifest was not readable. */
            readonly manifest_hash: string;
            /** @description The version that was asked for, else the enabled one, else the highest; or the newest rejection. */
            readonly plugin: components["schemas"]["PluginInfo"];
            readonly rejection: components["schemas"]["Rejection"] | null;
            /** @description Every admitted version, oldest first. */
            readonly versions: readonly components["schemas"]["PluginVersion"][];
        };
        /** @description A plugin's stable name. */
        readonly PluginId: string;
        /** @description One registered version of a plugin, or one rejected package. */
        readonly PluginInfo: {
            /** @description What the manifest asks for, as written there. */
            readonly capabilities: readonly string[];
            readonly determinism: components["schemas"]["DeterminismMode"] | null;
            /** @description The key that signed it: SHA-256 of its SPKI DER. */
            readonly key_id: string | null;
            readonly lane: components["schemas"]["LaneKind"] | null;
            /** @description The manifest's name. */
            readonly name: string;
            /** @description `hash({path: sha256})` over every file of the package but the signature. */
            readonly package_digest: string;
            /**
             * @description The plugin's id. A rejected package may claim an id that it does not reserve.
             * @example hello
             */
            readonly plugin_id: string;
            /**
             * Format: date-time
             * @description When it was registered or rejected.
             */
            readonly registered_at: string;
            /** @description Whether a trusted key's signature over exactly these files was verified. */
            readonly signature_valid: boolean;
            /** @description Where it stands. */
            readonly status: components["schemas"]["PluginStatus"];
            /**
             * @description The manifest's version.
             * @example 1.0.0
             */
            readonly version: string;
        };
        /**
         * OMEGA plugin manifest, API 1.1
         * @description PLUGIN_MANIFEST.json of a package whose api_version is 1.1.0 or later. Rules between fields are the validator's.
         */
        readonly PluginManifest: {
            readonly api_version: components["schemas"]["SemVer"];
            readonly authors?: readonly string[];
            readonly capabilities: readonly ("read_text" | "read_json" | "read_binary_ref" | "read_dataset_slice" | "write_suggestion" | "write_report" | "http_fetch" | "fs_read" | "fs_write" | "process_run" | "system_info" | "tasks" | "llm" | "read_dataset" | "write_outputs")[];
            /** @description A JSON Schema of the operator's configuration of this plugin. */
            readonly config_schema?: Record<string, never> | boolean;
            readonly description: string;
            readonly determinism: {
                /** @enum {unknown} */
                readonly mode: "deterministic" | "probabilistic";
                readonly notes: string;
            };
            readonly entrypoint: components["schemas"]["WorkerEntrypoint"] | components["schemas"]["ContainerEntrypoint"] | components["schemas"]["DatasetEntrypoint"];
            readonly evidence: {
                /** @enum {unknown} */
                readonly log_level: "full" | "summary" | "minimal";
                /** @description JSON Pointers (RFC 6901) into the payload or the result. */
                readonly redactions: readonly string[];
            };
            readonly homepage?: string;
            readonly io: {
                readonly inputs: readonly components["schemas"]["IoDescriptor"][];
                readonly outputs: readonly components["schemas"]["IoDescriptor"][];
            };
            /** @description An SPDX licence expression. */
            readonly license?: string;
            readonly limits: {
                readonly max_bytes: number;
                readonly max_concurrency: number;
                readonly max_ms: number;
            };
            readonly name: string;
            /** @description Stable name. */
            readonly plugin_id: string;
            readonly publisher?: string;
            /** @description A SemVer range in npm grammar, such as ^1.0.0. */
            readonly supported_omega_api_versions: string;
            readonly vendor: string;
            readonly version: components["schemas"]["SemVer"];
        };
        /** @description A part of the list of plugins, by id, then version. */
        readonly PluginPage: {
            /** @description What to send as `cursor` for the next page; null after the last. */
            readonly next: string | null;
            /** @description The plugins. There may be fewer than were asked for though more follow. */
            readonly plugins: readonly components["schemas"]["PluginInfo"][];
        };
        /**
         * OMEGA plugin request
         * @description One call to one plugin. Left out, policy is {deterministic_only: false, timeout_ms: the plugin's max_ms, max_retries: 0}.
         */
        readonly PluginRequest: {
            /** @description Data for the plugin, never secrets. */
            readonly context: {
                readonly [key: string]: string;
            };
            readonly payload: components["schemas"]["Payload"];
            readonly policy?: {
                readonly deterministic_only: boolean;
                readonly max_retries: number;
                readonly timeout_ms: number;
            };
            readonly request_id: string;
            readonly run_id: string;
            /**
             * Format: date-time
             * @description RFC 3339, without leap seconds.
             */
            readonly timestamp: string;
        };
        /**
         * OMEGA plugin response
         * @description What the caller gets. result is null unless status is ok.
         */
        readonly PluginResponse: {
            readonly duration_ms: number;
            readonly evidence_hashes: {
                readonly input_hash: string;
                readonly output_hash: string;
            };
            readonly notes: string;
            readonly plugin_id: string;
            readonly request_id: string;
            readonly result: components["schemas"]["Result"] | null;
            /** @enum {unknown} */
            readonly status: "ok" | "rejected" | "error" | "timeout";
        };
        /**
         * @description Where a plugin stands.
         * @enum {string}
         */
        readonly PluginStatus: "registered" | "enabled" | "disabled" | "rejected";
        /** @description One version of a plugin. */
        readonly PluginVersion: {
            /** @description Where it stands. */
            readonly status: components["schemas"]["PluginStatus"];
            /**
             * @description The version.
             * @example 1.0.0
             */
            readonly version: string;
        };
        /** @description Why a request was refused, or could not be served (RFC 9457). */
        readonly Problem: {
            /** @description The stable code, for programs. */
            readonly code: components["schemas"]["ErrorCode"];
            /**
             * @description What and where, for people.
             * @example hello is not registered
             */
            readonly detail: string;
            /**
             * Format: int64
             * @description The index of the ledger's event that records it, where one does.
             */
            readonly event_index?: number;
            /** @description What a person can do about it, in one sentence. */
            readonly hint: string;
            /** @description What validation found, where a package or manifest was refused. */
            readonly report?: components["schemas"]["ValidationReport"];
            /** @description The whole answer, where the request was a call and has an outcome. */
            readonly response?: components["schemas"]["InvokeAnswer"];
            /**
             * Format: int32
             * @description The HTTP status.
             * @example 404
             */
            readonly status: number;
            /**
             * @description What the code means, in one sentence.
             * @example No plugin of this id or version is registered.
             */
            readonly title: string;
            /**
             * @description `urn:omega:error:` and the code.
             * @example urn:omega:error:plugin_unknown
             */
            readonly type: string;
        };
        /** @description A proof bundle (omega.proof/v1): to be kept as it is, and verified offline with `omega proof verify`. */
        readonly ProofBundle: {
            /** @description The log's checkpoint: a C2SP signed note. */
            readonly checkpoint: string;
            /** Format: date-time */
            readonly created_at: string;
            readonly events: readonly components["schemas"]["GatewayEvent"][];
            /** @constant */
            readonly format: "omega.proof/v1";
            readonly head_event_hash: string;
            readonly origin: string;
            readonly proof_id: string;
            readonly run_id: string;
        } & {
            readonly [key: string]: unknown;
        };
        /** @description Why a package was rejected. */
        readonly Rejection: {
            /** @description For people. */
            readonly message: string;
            /** @description The stable code. */
            readonly reason: components["schemas"]["ErrorCode"];
        };
        readonly Result: components["schemas"]["TextPayload"] | components["schemas"]["JsonResult"] | components["schemas"]["BinaryRefPayload"] | components["schemas"]["DatasetSlicePayload"];
        /** @description SemVer 2.0.0. */
        readonly SemVer: string;
        /**
         * @description Whether an issue forbids registration.
         * @enum {string}
         */
        readonly Severity: "error" | "warning";
        /**
         * @description How a call ended, best first.
         * @enum {string}
         */
        readonly Status: "ok" | "rejected" | "timeout" | "error";
        readonly TextPayload: {
            readonly content: string;
            /** @constant */
            readonly encoding: "utf-8";
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            readonly kind: "text";
            readonly metadata: {
                readonly [key: string]: string;
            };
        };
        /** @description The result of a validation: every issue at once. */
        readonly ValidationReport: {
            /**
             * Format: date-time
             * @description When.
             */
            readonly checked_at: string;
            /** @description Everything that was found. */
            readonly issues: readonly components["schemas"]["Issue"][];
            /** @description `hash(manifest)`, or `""` where the bytes are not JSON that the contract takes. */
            readonly manifest_hash: string;
            /** @description True where no issue is an error. */
            readonly valid: boolean;
        };
        readonly WorkerEntrypoint: {
            readonly export: string;
            /** @description Package-relative; the ending chooses the lane. */
            readonly file: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            readonly type: "worker";
        };
    };
    responses: {
        /** @description All places are taken, or the plugin is being left alone for a while. */
        readonly Busy: {
            headers: {
                /** @description Seconds to wait. */
                readonly "Retry-After": number;
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description It was done before, exists with other content, or is still going on. */
        readonly Conflict: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description A fault of the server's own; the operator is told more. */
        readonly Fault: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The token does not permit it, or the host name or the web page's origin is refused. */
        readonly Forbidden: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description It was moved to an archive. */
        readonly Gone: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The headers are larger than is taken. */
        readonly HeadersTooLarge: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The request is malformed, or breaks the contract. */
        readonly Malformed: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body is of another media type than the operation takes. */
        readonly MediaType: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description What was named does not exist, or is not shown to this token. */
        readonly NotFound: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The path and query are longer than is taken. */
        readonly PathTooLong: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description A rule of the gateway refuses it. */
        readonly Refused: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The call did not end within its time. Its outcome is in the ledger. */
        readonly Timeout: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description More than is taken. */
        readonly TooLarge: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body came too slowly. */
        readonly TooSlow: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description There is no token, or it is unknown, expired or revoked. */
        readonly Unauthorized: {
            headers: {
                /** @description RFC 6750. */
                readonly "WWW-Authenticate": string;
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The ledger or the plugin's lane is unavailable, or the server is stopping: nothing ran. */
        readonly Unavailable: {
            headers: {
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    readonly getHealth: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description It is. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Health"];
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 431: components["responses"]["HeadersTooLarge"];
        };
    };
    readonly getMetrics: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The figures. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/openmetrics-text": string;
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly getOpenApi: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The document. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": Record<string, never>;
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 431: components["responses"]["HeadersTooLarge"];
        };
    };
    readonly getReadiness: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description It is. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Health"];
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly getArtifact: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /**
                 * @description The SHA-256 of the bytes, in lower-case hex.
                 * @example 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
                 */
                readonly sha256: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The bytes. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/octet-stream": unknown;
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 422: components["responses"]["Refused"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly putArtifact: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /**
                 * @description The SHA-256 of the bytes, in lower-case hex.
                 * @example 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
                 */
                readonly sha256: string;
            };
            readonly cookie?: never;
        };
        /** @description The bytes. */
        readonly requestBody: {
            readonly content: {
                readonly "application/octet-stream": unknown;
            };
        };
        readonly responses: {
            /** @description They were there already. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                     *       "size_bytes": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Artifact"];
                };
            };
            /** @description They are stored. */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
                     *       "size_bytes": 5
                     *     }
                     */
                    readonly "application/json": components["schemas"]["Artifact"];
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 408: components["responses"]["TooSlow"];
            readonly 413: components["responses"]["TooLarge"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 415: components["responses"]["MediaType"];
            readonly 422: components["responses"]["Refused"];
            readonly 429: components["responses"]["Busy"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly headArtifact: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /**
                 * @description The SHA-256 of the bytes, in lower-case hex.
                 * @example 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
                 */
                readonly sha256: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description They are. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Bad Request, as for GET, without a body. */
            readonly 400: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Unauthorized, as for GET, without a body. */
            readonly 401: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Forbidden, as for GET, without a body. */
            readonly 403: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Not Found, as for GET, without a body. */
            readonly 404: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description URI Too Long, as for GET, without a body. */
            readonly 414: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Unprocessable Entity, as for GET, without a body. */
            readonly 422: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Request Header Fields Too Large, as for GET, without a body. */
            readonly 431: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Internal Server Error, as for GET, without a body. */
            readonly 500: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Service Unavailable, as for GET, without a body. */
            readonly 503: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    readonly streamEvents: {
        readonly parameters: {
            readonly query?: {
                /** @description The first index that is meant. */
                readonly from?: number;
                /** @description Only of this kind. Stands once for each kind that is meant. */
                readonly kind?: readonly ("REGISTER" | "ENABLE" | "DISABLE" | "INVOKE" | "RESULT" | "REJECT" | "ERROR" | "PROOF_EXPORT" | "POLICY" | "BROKER" | "RECOVERY")[];
                /** @description Only of this plugin. */
                readonly plugin?: string;
                /** @description Only of this run. */
                readonly run?: string;
            };
            readonly header?: {
                /** @description The `id` of the last event that was received; the stream goes on behind it. */
                readonly "Last-Event-ID"?: number;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The stream. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "text/event-stream": string;
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 410: components["responses"]["Gone"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 429: components["responses"]["Busy"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly getCheckpoint: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The note. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "text/plain": string;
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly queryEvents: {
        readonly parameters: {
            readonly query?: {
                /** @description `next` of the page before, beside the same filters. */
                readonly cursor?: string;
                /** @description The first index that is meant. */
                readonly from?: number;
                /** @description Only of this kind. Stands once for each kind that is meant. */
                readonly kind?: readonly ("REGISTER" | "ENABLE" | "DISABLE" | "INVOKE" | "RESULT" | "REJECT" | "ERROR" | "PROOF_EXPORT" | "POLICY" | "BROKER" | "RECOVERY")[];
                /** @description At most so many. */
                readonly limit?: number;
                /** @description Whether the oldest or the newest comes first. */
                readonly order?: "asc" | "desc";
                /** @description Only of this plugin. */
                readonly plugin?: string;
                /** @description Only of this run. */
                readonly run?: string;
                /** @description The first index that is not meant any more. */
                readonly to?: number;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of them. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "events": [
                     *         {
                     *           "event": {
                     *             "event_hash": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *             "event_id": "01JD0000000000000000000002",
                     *             "input_hash": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *             "kind": "RESULT",
                     *             "meta": {
                     *               "actor": "ci",
                     *               "status": "ok"
                     *             },
                     *             "output_hash": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *             "plugin_id": "hello",
                     *             "prev_hash": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *             "request_id": "01JD0000000000000000000001",
                     *             "run_id": "01JD0000000000000000000000",
                     *             "ts": "2026-11-21T12:00:00.000000Z"
                     *           },
                     *           "index": 42
                     *         }
                     *       ],
                     *       "next": "43-999999999999999"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["EventPage"];
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 410: components["responses"]["Gone"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly getTile: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /**
                 * @description Which tile, in three digits. From 1,000 on, as C2SP tlog-tiles has it, in more segments: `x001/x234/067`.
                 * @example 000
                 */
                readonly index: string;
                /**
                 * @description The tree's level, 0 being its leaves; or `entries`: what the leaves are hashes of.
                 * @example 0
                 */
                readonly level: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The tile. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/octet-stream": unknown;
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 410: components["responses"]["Gone"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly getPartialTile: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /**
                 * @description Which tile, in three digits. From 1,000 on, as C2SP tlog-tiles has it, in more segments: `x001/x234/067`.
                 * @example 000
                 */
                readonly index: string;
                /**
                 * @description The tree's level, 0 being its leaves; or `entries`: what the leaves are hashes of.
                 * @example 0
                 */
                readonly level: string;
                /**
                 * @description How many hashes of the tile.
                 * @example 1
                 */
                readonly width: number;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The tile. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/octet-stream": unknown;
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 410: components["responses"]["Gone"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly validateManifest: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description PLUGIN_MANIFEST.json, at most 262144 bytes. */
        readonly requestBody: {
            readonly content: {
                /**
                 * @example {
                 *       "plugin_id": "hello"
                 *     }
                 */
                readonly "application/json": unknown;
            };
        };
        readonly responses: {
            /** @description What was found. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "checked_at": "2026-11-21T12:00:00.000000Z",
                     *       "issues": [
                     *         {
                     *           "field": "limits.max_ms",
                     *           "message": "at least 100",
                     *           "severity": "error"
                     *         }
                     *       ],
                     *       "manifest_hash": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *       "valid": false
                     *     }
                     */
                    readonly "application/json": components["schemas"]["ValidationReport"];
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 408: components["responses"]["TooSlow"];
            readonly 413: components["responses"]["TooLarge"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 415: components["responses"]["MediaType"];
            readonly 429: components["responses"]["Busy"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly invokePipeline: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["PipelineRequest"];
            };
        };
        readonly responses: {
            /** @description What came of it. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "overall_status": "ok",
                     *       "run_id": "01JD0000000000000000000000",
                     *       "steps": [
                     *         {
                     *           "event_hash": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *           "event_index": 42,
                     *           "plugin_id": "hello",
                     *           "reason": null,
                     *           "response": {
                     *             "duration_ms": 2,
                     *             "evidence_hashes": {
                     *               "input_hash": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *               "output_hash": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28"
                     *             },
                     *             "notes": "",
                     *             "plugin_id": "hello",
                     *             "request_id": "01JD0000000000000000000001",
                     *             "result": {
                     *               "content": "Hello, Ada!",
                     *               "encoding": "utf-8",
                     *               "kind": "text",
                     *               "metadata": {}
                     *             },
                     *             "status": "ok"
                     *           },
                     *           "step_index": 0
                     *         }
                     *       ],
                     *       "strategy": "sequential",
                     *       "total_duration_ms": 3
                     *     }
                     */
                    readonly "application/json": components["schemas"]["PipelineAnswer"];
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 408: components["responses"]["TooSlow"];
            readonly 413: components["responses"]["TooLarge"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 415: components["responses"]["MediaType"];
            readonly 422: components["responses"]["Refused"];
            readonly 429: components["responses"]["Busy"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly listPlugins: {
        readonly parameters: {
            readonly query?: {
                /** @description `next` of the page before. */
                readonly cursor?: string;
                /** @description Only of this lane. */
                readonly lane?: components["schemas"]["LaneKind"];
                /** @description At most so many. */
                readonly limit?: number;
                /** @description Only of this plugin. */
                readonly plugin?: string;
                /** @description Only of this status. */
                readonly status?: components["schemas"]["PluginStatus"];
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of them. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "next": null,
                     *       "plugins": [
                     *         {
                     *           "capabilities": [
                     *             "read_text",
                     *             "write_suggestion"
                     *           ],
                     *           "determinism": "deterministic",
                     *           "key_id": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *           "lane": "wasm",
                     *           "name": "Hello",
                     *           "package_digest": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *           "plugin_id": "hello",
                     *           "registered_at": "2026-11-21T12:00:00.000000Z",
                     *           "signature_valid": true,
                     *           "status": "enabled",
                     *           "version": "1.0.0"
                     *         }
                     *       ]
                     *     }
                     */
                    readonly "application/json": components["schemas"]["PluginPage"];
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly registerPlugin: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description The package: a tar archive (POSIX ustar or pax, not compressed) of plain files, the signature among them. */
        readonly requestBody: {
            readonly content: {
                readonly "application/x-tar": unknown;
            };
        };
        readonly responses: {
            /** @description The package is registered. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "capabilities": [
                     *         "read_text",
                     *         "write_suggestion"
                     *       ],
                     *       "determinism": "deterministic",
                     *       "key_id": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *       "lane": "wasm",
                     *       "name": "Hello",
                     *       "package_digest": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *       "plugin_id": "hello",
                     *       "registered_at": "2026-11-21T12:00:00.000000Z",
                     *       "signature_valid": true,
                     *       "status": "enabled",
                     *       "version": "1.0.0"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["PluginInfo"];
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 408: components["responses"]["TooSlow"];
            readonly 409: components["responses"]["Conflict"];
            readonly 413: components["responses"]["TooLarge"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 415: components["responses"]["MediaType"];
            readonly 422: components["responses"]["Refused"];
            readonly 429: components["responses"]["Busy"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly getPlugin: {
        readonly parameters: {
            readonly query?: {
                /** @description A version; else the enabled one, else the highest. */
                readonly version?: components["schemas"]["SemVer"];
            };
            readonly header?: never;
            readonly path: {
                /**
                 * @description The plugin.
                 * @example hello
                 */
                readonly plugin_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description All that is known of it. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["PluginDetails"];
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 422: components["responses"]["Refused"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly disablePlugin: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /**
                 * @description The plugin.
                 * @example hello
                 */
                readonly plugin_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: {
            readonly content: {
                readonly "application/json": Record<string, never>;
            };
        };
        readonly responses: {
            /** @description The plugin. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "capabilities": [
                     *         "read_text",
                     *         "write_suggestion"
                     *       ],
                     *       "determinism": "deterministic",
                     *       "key_id": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *       "lane": "wasm",
                     *       "name": "Hello",
                     *       "package_digest": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *       "plugin_id": "hello",
                     *       "registered_at": "2026-11-21T12:00:00.000000Z",
                     *       "signature_valid": true,
                     *       "status": "enabled",
                     *       "version": "1.0.0"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["PluginInfo"];
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 408: components["responses"]["TooSlow"];
            readonly 413: components["responses"]["TooLarge"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 415: components["responses"]["MediaType"];
            readonly 422: components["responses"]["Refused"];
            readonly 429: components["responses"]["Busy"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly enablePlugin: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /**
                 * @description The plugin.
                 * @example hello
                 */
                readonly plugin_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: {
            readonly content: {
                readonly "application/json": {
                    /** @description The version; left out, the highest. */
                    readonly version?: components["schemas"]["SemVer"];
                };
            };
        };
        readonly responses: {
            /** @description The plugin. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "capabilities": [
                     *         "read_text",
                     *         "write_suggestion"
                     *       ],
                     *       "determinism": "deterministic",
                     *       "key_id": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *       "lane": "wasm",
                     *       "name": "Hello",
                     *       "package_digest": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *       "plugin_id": "hello",
                     *       "registered_at": "2026-11-21T12:00:00.000000Z",
                     *       "signature_valid": true,
                     *       "status": "enabled",
                     *       "version": "1.0.0"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["PluginInfo"];
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 408: components["responses"]["TooSlow"];
            readonly 413: components["responses"]["TooLarge"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 415: components["responses"]["MediaType"];
            readonly 422: components["responses"]["Refused"];
            readonly 429: components["responses"]["Busy"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly invoke: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /**
                 * @description The plugin.
                 * @example hello
                 */
                readonly plugin_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["InvokeRequest"];
            };
        };
        readonly responses: {
            /** @description What came of it. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "duration_ms": 2,
                     *       "event_hash": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *       "event_index": 42,
                     *       "evidence_hashes": {
                     *         "input_hash": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *         "output_hash": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28"
                     *       },
                     *       "notes": "",
                     *       "plugin_id": "hello",
                     *       "reason": null,
                     *       "request_id": "01JD0000000000000000000001",
                     *       "result": {
                     *         "content": "Hello, Ada!",
                     *         "encoding": "utf-8",
                     *         "kind": "text",
                     *         "metadata": {}
                     *       },
                     *       "run_id": "01JD0000000000000000000000",
                     *       "status": "ok"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["InvokeAnswer"];
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 408: components["responses"]["TooSlow"];
            readonly 409: components["responses"]["Conflict"];
            readonly 413: components["responses"]["TooLarge"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 415: components["responses"]["MediaType"];
            readonly 422: components["responses"]["Refused"];
            readonly 429: components["responses"]["Busy"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
            readonly 504: components["responses"]["Timeout"];
        };
    };
    readonly getRun: {
        readonly parameters: {
            readonly query?: {
                /** @description `next` of the page before, beside the same filters. */
                readonly cursor?: string;
                /** @description At most so many. */
                readonly limit?: number;
            };
            readonly header?: never;
            readonly path: {
                /**
                 * @description The run. Every character but letters, digits and `-._~` is percent-encoded, `:` too.
                 * @example 01JD0000000000000000000000
                 */
                readonly run_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description A page of them. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "events": [
                     *         {
                     *           "event": {
                     *             "event_hash": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *             "event_id": "01JD0000000000000000000002",
                     *             "input_hash": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *             "kind": "RESULT",
                     *             "meta": {
                     *               "actor": "ci",
                     *               "status": "ok"
                     *             },
                     *             "output_hash": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *             "plugin_id": "hello",
                     *             "prev_hash": "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28",
                     *             "request_id": "01JD0000000000000000000001",
                     *             "run_id": "01JD0000000000000000000000",
                     *             "ts": "2026-11-21T12:00:00.000000Z"
                     *           },
                     *           "index": 42
                     *         }
                     *       ],
                     *       "next": "43-999999999999999"
                     *     }
                     */
                    readonly "application/json": components["schemas"]["EventPage"];
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 410: components["responses"]["Gone"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly exportProof: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                /**
                 * @description The run. Every character but letters, digits and `-._~` is percent-encoded, `:` too.
                 * @example 01JD0000000000000000000000
                 */
                readonly run_id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description The bundle. */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ProofBundle"];
                };
            };
            readonly 400: components["responses"]["Malformed"];
            readonly 401: components["responses"]["Unauthorized"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 409: components["responses"]["Conflict"];
            readonly 410: components["responses"]["Gone"];
            readonly 414: components["responses"]["PathTooLong"];
            readonly 429: components["responses"]["Busy"];
            readonly 431: components["responses"]["HeadersTooLarge"];
            readonly 500: components["responses"]["Fault"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
}
