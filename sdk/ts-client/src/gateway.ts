/** The gateway's operations, each under its name in the contract. What never happens here: a decision. */

import { GatewayError, isGatewayError } from "./errors.js";
import { type FollowOptions, follow } from "./events.js";
import { hexOf, randomId } from "./ids.js";
import { requestOf } from "./payloads.js";
import { type Call, type CallOptions, type GatewayOptions, json, segment, Transport, text } from "./transport.js";
import type {
    Artifact,
    Bytes,
    EventPage,
    EventQuery,
    InvokeAnswer,
    InvokeRequest,
    Payload,
    PipelineAnswer,
    PipelinePolicy,
    PlacedEvent,
    PluginDetails,
    PluginInfo,
    PluginManifest,
    PluginPage,
    PluginQuery,
    ProofBundle,
    RunQuery,
    ValidationReport,
} from "./types.js";

/** What a call's own time gets on top before this client gives up, so that the gateway's answer comes first. */
const TIMEOUT_MARGIN_MS = 5_000;
const JSON_TYPE = "application/json";

/** A gateway that `omega serve` serves. One is enough for a whole program; it holds no connection of its own. */
export class PluginGateway {
    readonly #transport: Transport;

    constructor(options: GatewayOptions) {
        this.#transport = new Transport(options);
    }

    /** Checks a manifest: every issue at once. Its bytes are checked as they are; an object is written as JSON first. */
    async validateManifest(
        manifest: PluginManifest | string | Uint8Array,
        options: CallOptions = {},
    ): Promise<ValidationReport> {
        const body =
            typeof manifest === "string" || manifest instanceof Uint8Array
                ? bodyOf(manifest)
                : JSON.stringify(manifest);
        const call = {
            method: "POST",
            path: "/v1/manifests:validate",
            repeatable: "harmless",
            type: JSON_TYPE,
        } as const;
        return await this.#transport.send({ ...call, body }, options, json<ValidationReport>);
    }

    /** Admits a signed package: a tar archive, not compressed. The same again changes nothing. Scope `publish`. */
    async registerPlugin(packageTar: Bytes, options: CallOptions = {}): Promise<PluginInfo> {
        const call = { method: "POST", path: "/v1/plugins", repeatable: "once", type: "application/x-tar" } as const;
        return await this.#transport.send({ ...call, body: bodyOf(packageTar) }, options, json<PluginInfo>);
    }

    /** Lets a version take calls, the highest where none is named. Idempotent. Scope `publish`. */
    async enablePlugin(
        pluginId: string,
        options: CallOptions & { readonly version?: string } = {},
    ): Promise<PluginInfo> {
        const { version } = options;
        const body = JSON.stringify(version === undefined ? {} : { version });
        const path = `/v1/plugins/${segment(pluginId)}:enable`;
        const call = { method: "POST", path, repeatable: "once", type: JSON_TYPE } as const;
        return await this.#transport.send({ ...call, body }, options, json<PluginInfo>);
    }

    /** Lets a plugin take no more calls; those in flight finish. Idempotent. Scope `publish`. */
    async disablePlugin(pluginId: string, options: CallOptions = {}): Promise<PluginInfo> {
        const path = `/v1/plugins/${segment(pluginId)}:disable`;
        return await this.#transport.send({ method: "POST", path, repeatable: "once" }, options, json<PluginInfo>);
    }

    /** One page of the plugins, by id, then version. Scope `read`. */
    async listPlugins(query: PluginQuery = {}, options: CallOptions = {}): Promise<PluginPage> {
        const call = { method: "GET", path: "/v1/plugins", repeatable: "harmless", query } as const;
        return await this.#transport.send(call, options, json<PluginPage>);
    }

    /** Every plugin, page by page. */
    async *plugins(
        query: Omit<PluginQuery, "cursor"> = {},
        options: CallOptions = {},
    ): AsyncGenerator<PluginInfo, void, void> {
        let cursor: string | undefined;
        do {
            const page = await this.listPlugins(cursor === undefined ? query : { ...query, cursor }, options);
            yield* page.plugins;
            cursor = page.next ?? undefined;
        } while (cursor !== undefined);
    }

    /** All that is known of a plugin: the version named, else the enabled one, else the highest. Scope `read`. */
    async getPlugin(
        pluginId: string,
        options: CallOptions & { readonly version?: string } = {},
    ): Promise<PluginDetails> {
        const path = `/v1/plugins/${segment(pluginId)}`;
        const query = { version: options.version };
        return await this.#transport.send(
            { method: "GET", path, repeatable: "harmless", query },
            options,
            json<PluginDetails>,
        );
    }

    /**
     * Calls a plugin. What the plugin itself made of it, an error too, is an answer with its `status`; where the gateway
     * refuses the call, a {@link GatewayError} is thrown. Ids that are left out are drawn here. Scope `invoke`.
     */
    async invoke(pluginId: string, request: InvokeRequest | Payload, options: CallOptions = {}): Promise<InvokeAnswer> {
        const named = withIds(requestOf(request));
        const path = `/v1/plugins/${segment(pluginId)}:invoke`;
        return await this.#call<InvokeAnswer>(path, named, named, named.policy?.timeout_ms, options);
    }

    /** Calls several plugins. What each step came to stands in it. Scope `invoke`. */
    async invokePipeline(
        policy: PipelinePolicy,
        request: InvokeRequest | Payload,
        options: CallOptions = {},
    ): Promise<PipelineAnswer> {
        const named = withIds(requestOf(request));
        const body = { policy, request: named };
        return await this.#call<PipelineAnswer>("/v1/pipelines:invoke", named, body, policy.timeout_ms, options);
    }

    /** The proof of a run, which anybody can verify offline with the log's key. It is an event of the run. Scope `read`. */
    async exportProof(runId: string, options: CallOptions = {}): Promise<ProofBundle> {
        const path = `/v1/runs/${segment(runId)}:export-proof`;
        return await this.#transport.send({ method: "POST", path, repeatable: "once" }, options, json<ProofBundle>);
    }

    /** The events of a run, oldest first. Scope `read`. */
    async getRun(runId: string, query: RunQuery = {}, options: CallOptions = {}): Promise<EventPage> {
        const call = { method: "GET", path: `/v1/runs/${segment(runId)}`, repeatable: "harmless", query } as const;
        return await this.#transport.send(call, options, json<EventPage>);
    }

    /** One page of the ledger. Scope `read`. */
    async queryEvents(query: EventQuery = {}, options: CallOptions = {}): Promise<EventPage> {
        const call = { method: "GET", path: "/v1/ledger/events", repeatable: "harmless", query } as const;
        return await this.#transport.send(call, options, json<EventPage>);
    }

    /**
     * The ledger's events as they happen, from any index on; without `from`, from now on. Connections that end are made
     * again, and no event is left out or comes twice. It ends with the `signal`, which it throws, or when the loop is left.
     */
    async *events(options: FollowOptions = {}): AsyncGenerator<PlacedEvent, never, void> {
        const from = options.from ?? (await this.#end(options.signal));
        return yield* follow(this.#transport, from, options);
    }

    /** The newest checkpoint of the ledger: a C2SP signed note. Scope `read`. */
    async getCheckpoint(options: CallOptions = {}): Promise<string> {
        const call = {
            method: "GET",
            path: "/v1/ledger/checkpoint",
            repeatable: "harmless",
            accept: "text/plain",
        } as const;
        return await this.#transport.send(call, options, text);
    }

    /** Stores bytes, which `binaryRefPayload` then names. They are in memory while they are hashed, unless `sha256` is given. */
    async putArtifact(bytes: Bytes, options: CallOptions & { readonly sha256?: string } = {}): Promise<Artifact> {
        const sha256 = options.sha256 ?? (await sha256Of(bytes));
        const path = `/v1/artifacts/${segment(sha256)}`;
        const call = { method: "PUT", path, repeatable: "harmless", type: "application/octet-stream" } as const;
        return await this.#transport.send({ ...call, body: bodyOf(bytes) }, options, json<Artifact>);
    }

    /** Bytes that the gateway holds, compared with their hash. Scope `read`, of a token for every plugin. */
    async getArtifact(sha256: string, options: CallOptions = {}): Promise<Uint8Array> {
        const path = `/v1/artifacts/${segment(sha256)}`;
        const call = { method: "GET", path, repeatable: "harmless", accept: "application/octet-stream" } as const;
        return await this.#transport.send(call, options, async (response) => {
            const bytes = new Uint8Array(await response.arrayBuffer());
            if ((await sha256Of(bytes)) !== sha256) {
                throw new GatewayError("artifact_hash_mismatch", "what came does not have this hash", {
                    status: response.status,
                });
            }
            return bytes;
        });
    }

    /** Whether the gateway holds these bytes. Scope `read`, of a token for every plugin. */
    async hasArtifact(sha256: string, options: CallOptions = {}): Promise<boolean> {
        const call = { method: "HEAD", path: `/v1/artifacts/${segment(sha256)}`, repeatable: "harmless" } as const;
        try {
            return await this.#transport.send(call, options, () => Promise.resolve(true));
        } catch (error) {
            // A HEAD's answer has no body, so no code: its status has to do.
            if (isGatewayError(error) && error.status === 404) {
                return false;
            }
            throw error;
        }
    }

    async #call<Answer>(
        path: string,
        named: NamedRequest,
        body: object,
        policyTimeoutMs: number | undefined,
        options: CallOptions,
    ): Promise<Answer> {
        const call: Call = { method: "POST", path, repeatable: "claimed", type: JSON_TYPE, body: JSON.stringify(body) };
        // Who gives the call more time waits for it that long.
        const needed = policyTimeoutMs === undefined ? 0 : policyTimeoutMs + TIMEOUT_MARGIN_MS;
        const timeoutMs = options.timeoutMs ?? Math.max(this.#transport.timeoutMs, needed);
        try {
            return await this.#transport.send(call, { ...options, timeoutMs }, json<Answer>);
        } catch (error) {
            if (isGatewayError(error)) {
                error.runId = named.run_id;
                error.requestId = named.request_id;
            }
            throw error;
        }
    }

    /** Where the ledger ends now. A stream that began without an index would not know where to go on if it broke early. */
    async #end(signal: AbortSignal | undefined): Promise<number> {
        const { events } = await this.queryEvents({ order: "desc", limit: 1 }, { signal });
        return events.reduce((end, { index }) => Math.max(end, index + 1), 0);
    }
}

type NamedRequest = InvokeRequest & { readonly request_id: string; readonly run_id: string };

/** With ids of its own a request that is sent again is one that the gateway knows. */
function withIds(request: InvokeRequest): NamedRequest {
    return { ...request, request_id: request.request_id ?? randomId(), run_id: request.run_id ?? randomId() };
}

function bodyOf(bytes: Bytes | string): BodyInit {
    // Shared memory is the only one that fetch does not take, and it says so.
    return bytes as BodyInit;
}

async function sha256Of(bytes: Bytes): Promise<string> {
    const hashing = globalThis.crypto as { readonly subtle?: SubtleCrypto };
    if (hashing.subtle === undefined) {
        throw new GatewayError("insecure_context", "this page cannot hash, as it is not served over https");
    }
    const data = bytes instanceof Blob ? await bytes.arrayBuffer() : (bytes as BufferSource);
    return hexOf(new Uint8Array(await hashing.subtle.digest("SHA-256", data)));
}
