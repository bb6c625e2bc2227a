/** Requests for tests: of each kind, built in code or read from a package's `examples/`. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { isObject } from "../src/json_value.js";
import {
    BinaryRef,
    type BrokerError,
    type Call,
    DatasetSlice,
    Json,
    type JsonObject,
    type Payload,
    type PluginRequest,
    type Strings,
    Text,
    type WirePayload,
} from "../src/index.js";
import { fromWire } from "../src/payload.js";

/** A row of a dataset. */
export type Row = Readonly<Record<string, unknown>>;

/** What a test says about a request beside its payload. */
interface Around {
    readonly call?: Partial<Call>;
    readonly heldBytes?: Uint8Array;
    readonly heldRows?: readonly Row[];
    readonly key?: string;
    readonly brokerError?: BrokerError;
}

const FIELDS = ["context", "payload", "request_id", "run_id", "timestamp"];

/**
 * One request to run a plugin with.
 *
 * Its ids are blank, its timestamp constant and its context empty where nothing else is said, which is what a deterministic
 * plugin sees.
 */
export class Request {
    /** What the plugin is to read. */
    readonly payload: Payload;
    /** The call's circumstances. */
    readonly call: Call;
    /** What OMEGA holds under the name in a `binary_ref`. */
    readonly heldBytes: Uint8Array | undefined;
    /** The rows of a `dataset_slice`. */
    readonly heldRows: readonly Row[] | undefined;
    /** The field whose value is a row's key; a gateway needs one. */
    readonly key: string | undefined;
    /** What the brokers answer to every question. */
    readonly brokerError: BrokerError | undefined;
    readonly #around: Around;

    constructor(payload: Payload, around: Around = {}) {
        this.payload = payload;
        this.call = {
            request_id: "",
            run_id: "",
            timestamp: "1970-01-01T00:00:00.000000Z",
            context: {},
            ...around.call,
        };
        this.heldBytes = around.heldBytes;
        this.heldRows = around.heldRows;
        this.key = around.key;
        this.brokerError = around.brokerError;
        this.#around = around;
    }

    /** The request itself, or one of nothing but a payload. */
    static of(request: Request | Payload): Request {
        return request instanceof Request ? request : new Request(request);
    }

    /** A `text` request. */
    static text(content: string, metadata: Strings = {}): Request {
        return new Request(new Text(content, metadata));
    }

    /** A `json` request. */
    static json(data: object, schemaRef: string): Request {
        return new Request(new Json(data as JsonObject, schemaRef));
    }

    /** A `binary_ref` request that names these bytes by their true hash; text is its UTF-8. */
    static artifact(content: Uint8Array | string, mimeType = "application/octet-stream"): Request {
        const bytes = bytesOf(content);
        const digest = sha256(bytes);
        return new Request(new BinaryRef(digest, digest, mimeType), { heldBytes: bytes });
    }

    /** A `dataset_slice` request that names these rows: by a field of theirs, or as `row-0`, `row-1` and so on. */
    static rows(rows: readonly Row[], key?: string): Request {
        const ids = rows.map((row, number) => (key === undefined ? `row-${number}` : String(row[key])));
        return new Request(new DatasetSlice(ids, "dataset-under-test"), {
            heldRows: rows,
            ...(key !== undefined && { key }),
        });
    }

    /** A request of the contract, such as a file of `examples/`; a path from the folder where the tests run. */
    static fromFile(file: string | URL): Request {
        const written: unknown = JSON.parse(readFileSync(file, "utf8"));
        if (!isRequest(written)) {
            throw new Error(`${String(file)} is not a request of the contract`);
        }
        const { payload, ...call } = written;
        return new Request(fromWire(payload), { call });
    }

    /** The same request, where OMEGA holds these bytes under the name in the payload. */
    withBytes(content: Uint8Array | string): Request {
        return this.#with({ heldBytes: bytesOf(content) });
    }

    /** The same request, where the slice has these rows. */
    withRows(rows: readonly Row[], key?: string): Request {
        return this.#with({ heldRows: rows, ...(key !== undefined && { key }) });
    }

    /** The same request, where the brokers answer every question with this. */
    withBrokerError(error: BrokerError): Request {
        return this.#with({ brokerError: error });
    }

    /** The same request with more in its context. */
    withContext(context: Strings): Request {
        return this.#with({ call: { ...this.call, context: { ...this.call.context, ...context } } });
    }

    /** The request as the contract writes it. */
    toWire(): PluginRequest {
        return plain({ ...this.call, payload: this.payload.toWire() });
    }

    #with(around: Around): Request {
        return new Request(this.payload, { ...this.#around, ...around });
    }
}

function isRequest(written: unknown): written is PluginRequest & { readonly payload: WirePayload } {
    if (!isObject(written)) {
        return false;
    }
    const fields = Object.keys(written).filter((field) => field !== "policy");
    return fields.sort().join() === FIELDS.join() && isObject(written["payload"]);
}

function bytesOf(content: Uint8Array | string): Uint8Array {
    return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

/** Lower-case hex SHA-256. */
export function sha256(bytes: Uint8Array): string {
    return createHash("sha256").update(bytes).digest("hex");
}

/** The value as it comes out of the gateway: written as JSON and read again. */
export function plain<T>(value: T): T {
    return JSON.parse(JSON.stringify(value)) as T;
}
