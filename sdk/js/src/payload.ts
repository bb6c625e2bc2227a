/**
 * The four kinds of payload, and how they travel. What the contract names is spelled as the contract spells it.
 *
 * What never happens here: a read of anything that the request does not name; the gateway's brokers would refuse it.
 */

import type { Static, TSchema } from "typebox";
import { type Check, checkOf } from "./fit.js";
import { ask } from "./host.js";
import { isObject, type JsonObject, type JsonValue } from "./json_value.js";
import { Refusal } from "./refusal.js";
import { decode, Lines } from "./utf8.js";

/** The kind of a payload, as the contract spells it. */
export type PayloadKind = "text" | "json" | "binary_ref" | "dataset_slice";

/** Names and values, all of them text. */
export type Strings = Readonly<Record<string, string>>;

/** A payload as the contract writes it. */
export type WirePayload =
    | { readonly kind: "text"; readonly content: string; readonly encoding: "utf-8"; readonly metadata: Strings }
    | { readonly kind: "json"; readonly data: object; readonly schema_ref: string }
    | {
          readonly kind: "binary_ref";
          readonly artifact_id: string;
          readonly artifact_hash: string;
          readonly mime_type: string;
      }
    | {
          readonly kind: "dataset_slice";
          readonly slice_ids: readonly string[];
          readonly source: string;
          readonly filters: Strings;
      };

/** Bytes that one question to the artifacts broker asks for. */
const READ_BYTES = 256 * 1024;
/** Rows that one question to the datasets broker asks for. */
const READ_ROWS = 256;
/** Bytes of a line of an artifact, where nothing else is said. */
const LINE_BYTES_MAX = 1024 * 1024;

/** A `text` payload, in or out. Its encoding is always UTF-8. */
export class Text {
    static readonly kind = "text";
    readonly kind = "text";
    /** The text itself. */
    readonly content: string;
    /** Names and values about the text; what they mean is the schema's business. */
    readonly metadata: Strings;

    constructor(content: string, metadata: Strings = {}) {
        this.content = content;
        this.metadata = metadata;
    }

    /** The payload as the contract writes it. */
    toWire(): WirePayload {
        return { kind: "text", content: this.content, encoding: "utf-8", metadata: this.metadata };
    }
}

/**
 * A `json` payload, in or out. An output needs no `schema_ref` where the plugin has one type of JSON to give: it is that
 * type's.
 */
export class Json<T extends object = JsonObject, R extends string = string> {
    static readonly kind = "json";
    readonly kind = "json";
    /** The data: one JSON object. */
    readonly data: T;
    /** The schema that the data answers to; empty: the one of the plugin's output. */
    readonly schema_ref: R;

    constructor(data: T, schemaRef: R = "" as R) {
        this.data = data;
        this.schema_ref = schemaRef;
    }

    /** A type of payload: JSON of this type, whatever its schema is called. */
    static of<S extends TSchema>(type: S): JsonType<DataOf<S>> {
        return new JsonType("", type);
    }

    /** The data as another type; a refusal `invalid_json` where it does not fit. */
    parse<S extends TSchema>(type: S): Json<DataOf<S>> {
        return readJson(this, checkOf(type)) as Json<DataOf<S>>;
    }

    /** The payload as the contract writes it. */
    toWire(): WirePayload {
        if (this.schema_ref === "") {
            throw new TypeError(
                "a Json has no schema_ref: write new Json(data, schemaRef), or declare one jsonPayload as output",
            );
        }
        return { kind: "json", data: this.data, schema_ref: this.schema_ref };
    }
}

/** What data of a TypeBox type, or of a `jsonPayload`, is in a program. */
export type DataOf<S> =
    S extends JsonType<infer T> ? T : S extends TSchema ? (Static<S> extends object ? Static<S> : never) : never;

/** A type of JSON payload: made by `jsonPayload`, or by `Json.of`. */
export class JsonType<T extends object = object, R extends string = string> {
    readonly kind = "json";
    /** The schema's name in the manifest; empty where the type is for any. */
    readonly schema_ref: R | "";
    /** What the data is: TypeBox's words. */
    readonly type: object;
    /** What `T` is there for: to tell one type from another. */
    declare readonly data?: T;
    readonly #check: Check;

    constructor(schemaRef: R | "", type: object) {
        this.schema_ref = schemaRef;
        this.type = type;
        this.#check = checkOf(type);
    }

    /** The payload, where its data is of this type; a refusal `invalid_json` where it is not. */
    read(payload: Json): Json<object> {
        return readJson(payload, this.#check);
    }
}

/**
 * A type of JSON payload with the name of its schema, as the manifest's `io` writes it:
 * `omega:<plugin_id>:<input|output>:<name>:v<x.y.z>`.
 */
export function jsonPayload<const R extends string, S extends TSchema>(schemaRef: R, type: S): JsonType<DataOf<S>, R> {
    return new JsonType(schemaRef, type);
}

function readJson(payload: Json<object>, check: Check): Json<object> {
    const misfit = check(payload.data);
    if (misfit !== undefined) {
        throw new Refusal(Refusal.INVALID_JSON, `the input's data is not what this plugin reads: ${misfit.toString()}`);
    }
    return payload;
}

/**
 * A `binary_ref` payload, in or out: a name for bytes that OMEGA holds.
 *
 * Reading needs the capability `read_binary_ref`, works only for what the request names, and throws `BrokerError`.
 */
export class BinaryRef {
    static readonly kind = "binary_ref";
    readonly kind = "binary_ref";
    /** The name of the bytes. */
    readonly artifact_id: string;
    /** Lower-case hex SHA-256 of the bytes. */
    readonly artifact_hash: string;
    /** What the bytes are, such as `text/csv`. */
    readonly mime_type: string;

    constructor(artifactId: string, artifactHash: string, mimeType: string) {
        this.artifact_id = artifactId;
        this.artifact_hash = artifactHash;
        this.mime_type = mimeType;
    }

    /** The length in bytes. */
    size(): number {
        return ask((host) => host.artifactSize(this.artifact_id));
    }

    /** Up to `length` bytes from `offset`, at most 1 MiB; fewer at the end, none past it. */
    readAt(offset: number, length: number): Uint8Array {
        return ask((host) => host.artifactRead(this.artifact_id, offset, length));
    }

    /** All the bytes; a refusal `artifact_too_large` before any is read where there are more. */
    readAll(bytesMax: number): Uint8Array {
        const size = this.size();
        if (size > bytesMax) {
            throw new Refusal(
                Refusal.ARTIFACT_TOO_LARGE,
                `the artifact has ${size} bytes, this plugin reads at most ${bytesMax}`,
            );
        }
        const bytes = new Uint8Array(size);
        let filled = 0;
        for (const chunk of this.chunks()) {
            bytes.set(chunk, filled);
            filled += chunk.length;
        }
        return bytes.subarray(0, filled);
    }

    /** All the bytes as text; a refusal `unreadable` where they are not UTF-8. */
    readText(bytesMax: number): string {
        return decode(this.readAll(bytesMax), 0);
    }

    /** The bytes in pieces, from the start. One is in memory at a time, so it reads what does not fit there. */
    *chunks(): Generator<Uint8Array, void> {
        let offset = 0;
        for (;;) {
            const chunk = this.readAt(offset, READ_BYTES);
            if (chunk.length === 0) {
                return;
            }
            offset += chunk.length;
            yield chunk;
        }
    }

    /**
     * The lines without their ends (`\n` or `\r\n`), read piece by piece; a refusal `unreadable` where one is not UTF-8,
     * `artifact_too_large` where one is longer than `lineBytesMax`.
     */
    *lines(lineBytesMax: number = LINE_BYTES_MAX): Generator<string, void> {
        const lines = new Lines(lineBytesMax);
        for (const chunk of this.chunks()) {
            yield* lines.add(chunk);
        }
        yield* lines.end();
    }

    /** The payload as the contract writes it. */
    toWire(): WirePayload {
        const { kind, artifact_id, artifact_hash, mime_type } = this;
        return { kind, artifact_id, artifact_hash, mime_type };
    }
}

/** A `dataset_slice` payload, in or out: names for rows that OMEGA holds. Reading needs `read_dataset_slice`. */
export class DatasetSlice {
    static readonly kind = "dataset_slice";
    readonly kind = "dataset_slice";
    /** The keys of the rows, at least one. */
    readonly slice_ids: readonly string[];
    /** The name of the dataset. */
    readonly source: string;
    /** Equalities on string fields that a row must satisfy. */
    readonly filters: Strings;

    constructor(sliceIds: readonly string[], source: string, filters: Strings = {}) {
        this.slice_ids = sliceIds;
        this.source = source;
        this.filters = filters;
    }

    /** How many rows there are after the filters. */
    count(): number {
        return ask((host) => host.datasetCount());
    }

    /** The rows in the order of `slice_ids`, as they are or as a type of yours; a few hundred are in memory. */
    rows(): Generator<JsonObject, void>;
    rows<S extends TSchema>(type: S): Generator<DataOf<S>, void>;
    *rows(type?: TSchema): Generator<object, void> {
        const check = type === undefined ? isAnObject : checkOf(type);
        let first = 0;
        for (;;) {
            const from = first;
            const page = ask((host) => host.datasetRead(from, READ_ROWS));
            if (page.length === 0) {
                return;
            }
            for (const [index, text] of page.entries()) {
                const row: unknown = JSON.parse(text);
                const misfit = check(row);
                if (misfit !== undefined) {
                    throw new Refusal(
                        Refusal.INVALID_ROW,
                        `row ${first + index} of the slice is not what this plugin reads: ${misfit.toString()}`,
                    );
                }
                yield row as object;
            }
            first += page.length;
        }
    }

    /** The payload as the contract writes it. */
    toWire(): WirePayload {
        const { kind, slice_ids, source, filters } = this;
        return { kind, slice_ids, source, filters };
    }
}

const isAnObject: Check = checkOf({ type: "object" });

/** What goes in and out, of any kind. */
export type Payload = Text | Json | BinaryRef | DatasetSlice;

/** Any value of JSON, for what is written without a type. */
export type { JsonObject, JsonValue };

/** A payload that the gateway has checked. */
export function fromWire(payload: WirePayload): Payload {
    switch (payload.kind) {
        case "text":
            return new Text(payload.content, payload.metadata);
        case "json":
            if (!isObject(payload.data)) {
                throw new TypeError("a json payload's data is an object");
            }
            return new Json(payload.data as JsonObject, payload.schema_ref);
        case "binary_ref":
            return new BinaryRef(payload.artifact_id, payload.artifact_hash, payload.mime_type);
        case "dataset_slice":
            return new DatasetSlice(payload.slice_ids, payload.source, payload.filters);
    }
}
