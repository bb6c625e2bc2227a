/**
 * Between a plugin's `handle(request, host)` and the export of the WIT world.
 *
 * It becomes part of the component. The request, the host and the answer are those of a worker (docs/worker-protocol.md), so
 * one file runs in both lanes.
 * What never happens here: another answer than a worker's to the same payload, but for randomness, whose seed is another.
 */

import { write } from "omega:plugin/log@1.0.0";

import { artifacts, datasets } from "./brokers.js";

/** A broker said no. Where the plugin does not catch it, the call is declined with its code. */
class BrokerError extends Error {
    name = "BrokerError";

    constructor(kind, message) {
        super(message);
        this.kind = kind;
    }
}

/** Answers one call, as the bindings want it: an outcome, or a refusal thrown. */
export function answer(handle, request) {
    replaceConsole();
    replaceRandom();
    let given;
    try {
        if (typeof handle !== "function") {
            throw new TypeError("the plugin has no function of the name that the manifest's entrypoint.export says");
        }
        given = handle(fromWit(request), host);
        if (typeof given?.then === "function") {
            throw new TypeError("handle returned a promise: a component answers at once");
        }
        if (given?.refusal === undefined) {
            return { payload: toWit(given?.payload), notes: text(given?.notes ?? "", "notes") };
        }
        given = { code: text(given.refusal.code, "refusal.code"), message: text(given.refusal.message, "refusal.message") };
    } catch (error) {
        if (!(error instanceof BrokerError)) {
            // The call ends in a trap, which says nothing: its reason is the last line.
            write("error", `${error?.stack ?? ""}\n${error}`.trim());
            throw error instanceof Error ? error : new Error(String(error));
        }
        given = { code: `broker_${error.kind}`, message: error.message };
    }
    // No Error: the bindings take it for the refusal.
    throw given;
}

function fromWit({ requestId, runId, timestamp, payload, context }) {
    return {
        request_id: requestId,
        run_id: runId,
        timestamp,
        payload: payloadFromWit(payload),
        context: Object.fromEntries(context),
    };
}

function payloadFromWit({ tag, val }) {
    switch (tag) {
        case "text":
            return { kind: "text", content: val.content, encoding: val.encoding, metadata: Object.fromEntries(val.metadata) };
        case "json":
            return { kind: "json", data: JSON.parse(val.data), schema_ref: val.schemaRef };
        case "binary-ref":
            return {
                kind: "binary_ref",
                artifact_id: val.artifactId,
                artifact_hash: val.artifactHash,
                mime_type: val.mimeType,
            };
        default:
            return {
                kind: "dataset_slice",
                slice_ids: val.sliceIds,
                source: val.source,
                filters: Object.fromEntries(val.filters),
            };
    }
}

function toWit(payload) {
    switch (payload?.kind) {
        case "text": {
            const { content, encoding = "utf-8", metadata = {} } = payload;
            return {
                tag: "text",
                val: { content: text(content, "content"), encoding: text(encoding, "encoding"), metadata: pairs(metadata) },
            };
        }
        case "json":
            return {
                tag: "json",
                val: { data: text(JSON.stringify(payload.data), "data"), schemaRef: text(payload.schema_ref, "schema_ref") },
            };
        case "binary_ref":
            return {
                tag: "binary-ref",
                val: {
                    artifactId: text(payload.artifact_id, "artifact_id"),
                    artifactHash: text(payload.artifact_hash, "artifact_hash"),
                    mimeType: text(payload.mime_type, "mime_type"),
                },
            };
        case "dataset_slice":
            return {
                tag: "dataset-slice",
                val: {
                    sliceIds: payload.slice_ids.map((id) => text(id, "slice_ids")),
                    source: text(payload.source, "source"),
                    filters: pairs(payload.filters ?? {}),
                },
            };
        default:
            throw new TypeError("the plugin returned neither a payload of a known kind nor a refusal");
    }
}

function pairs(of) {
    return Object.entries(of).map(([name, value]) => [text(name, "a name"), text(value, name)]);
}

/** The text; throws where it is none, which the bindings would mend in silence. */
function text(value, place) {
    if (typeof value !== "string") {
        throw new TypeError(`${place} is no string`);
    }
    if (!value.isWellFormed()) {
        throw new TypeError(`${place} is not text: it holds half a character (a lone surrogate)`);
    }
    return value;
}

/** The host that asks through the component's imports. */
const host = {
    log: (level, message) => write(level, String(message).toWellFormed()),
    progress: () => {
        // Dropped: the world has no place for it.
    },
    artifactSize: (id) => Number(ask(artifacts, (broker) => broker.size(id))),
    artifactRead: (id, offset, length) => ask(artifacts, (broker) => broker.read(id, BigInt(offset), length)),
    datasetCount: () => Number(ask(datasets, (broker) => broker.count())),
    datasetRead: (first, rowsMax) => ask(datasets, (broker) => broker.read(BigInt(first), rowsMax)),
};

function ask(broker, question) {
    if (broker === undefined) {
        throw new BrokerError("denied", "the manifest does not ask for the capability to read it");
    }
    try {
        return question(broker);
    } catch (error) {
        const { tag, val } = error?.payload ?? {};
        throw tag === undefined ? error : new BrokerError(tag.replaceAll("-", "_"), val);
    }
}

function replaceConsole() {
    const line = (level) => (...words) => host.log(level, words.map(String).join(" "));
    const levels = { debug: "debug", log: "info", info: "info", warn: "warn", error: "error" };
    for (const [name, level] of Object.entries(levels)) {
        globalThis.console[name] = line(level);
    }
}

/** The engine drew its seed when the component was built; the host's is another in each call, or that of the request. */
function replaceRandom() {
    const drawn = new Uint32Array(2);
    Math.random = () => {
        crypto.getRandomValues(drawn);
        return ((drawn[0] >>> 5) * 2 ** 26 + (drawn[1] >>> 6)) / 2 ** 53;
    };
}
