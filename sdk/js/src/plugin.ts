/** From a request to an answer: take the payload as the declared type, call the function, write down what it gives. */

import { during, type Host } from "./host.js";
import { requireJson } from "./json_value.js";
import {
    BinaryRef,
    DatasetSlice,
    fromWire,
    Json,
    JsonType,
    type Payload,
    type PayloadKind,
    type Strings,
    Text,
    type WirePayload,
} from "./payload.js";
import { BrokerError, Refusal } from "./refusal.js";

/**
 * The call's circumstances: the function's optional second argument.
 *
 * A plugin declared `deterministic` sees blank ids, a constant timestamp and an empty context, because what influences the
 * result belongs in the payload.
 */
export interface Call {
    /** The id of this one request. */
    readonly request_id: string;
    /** The id of the run that the request is part of. */
    readonly run_id: string;
    /** When the request was made, RFC 3339. */
    readonly timestamp: string;
    /** What the caller says beside the payload. Data, never secrets. */
    readonly context: Strings;
}

/** A request as the gateway hands it over. */
export interface PluginRequest extends Call {
    readonly payload: WirePayload;
}

/** An answer as the gateway takes it. */
export type PluginAnswer =
    | { readonly payload: WirePayload; readonly notes?: string }
    | { readonly refusal: { readonly code: string; readonly message: string } };

/** A result together with notes for people. */
export class Reply<T extends object> {
    /** The result: a payload. */
    readonly result: T;
    /** A sentence for people. */
    readonly notes: string;

    constructor(result: T, notes = "") {
        this.result = result;
        this.notes = notes;
    }
}

/** A type of payload: what a plugin declares. `Json` alone is JSON of any type. */
export type PayloadType = typeof Text | typeof Json | typeof BinaryRef | typeof DatasetSlice | JsonType;

/** One type, or several. */
export type Declared = PayloadType | readonly PayloadType[];

/** What a plugin takes and gives. */
export interface Types<I extends Declared = Declared, O extends Declared = Declared> {
    /** What it takes: a type of payload, or several. Anything else is declined before the function is called. */
    readonly input: I;
    /** What it gives. */
    readonly output: O;
}

type Each<D extends Declared> = D extends readonly (infer One)[] ? One : D;

/** The payload of a declared type. */
export type PayloadOf<D> =
    D extends JsonType<infer T, infer R>
        ? Json<T, R>
        : D extends typeof Text
          ? Text
          : D extends typeof BinaryRef
            ? BinaryRef
            : D extends typeof DatasetSlice
              ? DatasetSlice
              : D extends typeof Json
                ? Json
                : never;

/** An output need not say what its schema is called. */
type Unnamed<P> = P extends Json<infer T> ? Json<T> : P;

/** What a plugin's function may return for its declared output. */
export type Returned<O extends Declared> = Unnamed<PayloadOf<Each<O>>> | Reply<Unnamed<PayloadOf<Each<O>>>>;

/** What a plugin's module exports: a function from a request to an answer, or to the promise of one. */
export interface Plugin<A extends PluginAnswer | Promise<PluginAnswer> = PluginAnswer | Promise<PluginAnswer>> {
    (request: PluginRequest, host: Host): A;
    /** The types of payload that it takes. */
    readonly inputs: readonly PayloadType[];
    /** The types of payload that it gives. */
    readonly outputs: readonly PayloadType[];
}

/** Makes a function a plugin: from a payload, or a payload and a `Call`, to a payload or a `Reply`. */
export function plugin<
    const I extends Declared,
    const O extends Declared,
    R extends Returned<O> | Promise<Returned<O>>,
>(
    types: Types<I, O>,
    work: (payload: PayloadOf<Each<I>>, call: Call) => R,
): Plugin<R extends Promise<unknown> ? Promise<PluginAnswer> : PluginAnswer>;
export function plugin(
    types: Types,
    work: (payload: never, call: Call) => Returned<Declared> | Promise<Returned<Declared>>,
): Plugin {
    const inputs = each(types.input);
    const outputs = each(types.output);
    const read = readerOf(inputs);
    const schemaRefs = new Set(
        outputs.map((type) => (type instanceof JsonType ? type.schema_ref : "")).filter(Boolean),
    );
    const outputRef = schemaRefs.size === 1 ? [...schemaRefs].join("") : "";
    const answer = (given: unknown): PluginAnswer => answerOf(given, outputRef);

    const handle = (request: PluginRequest, host: Host): PluginAnswer | Promise<PluginAnswer> => {
        const { payload, request_id, run_id, timestamp, context } = request;
        return during(host, () => {
            try {
                const given = work(read(fromWire(payload)) as never, { request_id, run_id, timestamp, context });
                return given instanceof Promise ? given.then(answer).catch(refusalOf) : answer(given);
            } catch (error) {
                return refusalOf(error);
            }
        });
    };
    return Object.assign(handle, { inputs, outputs });
}

function each(types: Declared): readonly PayloadType[] {
    const all = Array.isArray(types) ? (types as readonly PayloadType[]) : [types as PayloadType];
    const kinds: readonly unknown[] = [Text, Json, BinaryRef, DatasetSlice];
    const stranger = all.find((type) => !(type instanceof JsonType) && !kinds.includes(type));
    if (stranger !== undefined || all.length === 0) {
        throw new TypeError(
            "a plugin takes and gives Text, Json, Json.of(…), a jsonPayload, BinaryRef, DatasetSlice, or several",
        );
    }
    return all;
}

/** Takes a payload as one of the types; throws a refusal where it is none of them. */
function readerOf(types: readonly PayloadType[]): (payload: Payload) => object {
    const kinds = new Set<PayloadKind>(types.map((type) => type.kind));
    const ofJson = types.filter((type) => type instanceof JsonType);
    const byRef = new Map(ofJson.map((type) => [type.schema_ref, type]));
    const isAnyJson = ofJson.length < types.filter((type) => type.kind === "json").length;
    if (isAnyJson ? ofJson.length > 0 : byRef.size < ofJson.length || (byRef.has("") && byRef.size > 1)) {
        throw new TypeError("several types of Json are told apart by their schema: make each by jsonPayload");
    }
    return (payload) => {
        if (!kinds.has(payload.kind)) {
            throw new Refusal(
                Refusal.WRONG_PAYLOAD_KIND,
                `this plugin reads ${[...kinds].join(" or ")}, not ${payload.kind}`,
            );
        }
        if (payload.kind !== "json" || isAnyJson) {
            return payload;
        }
        const type = ofJson.length === 1 ? ofJson[0] : byRef.get(payload.schema_ref);
        if (type === undefined) {
            throw new Refusal(Refusal.INVALID_JSON, `this plugin reads no JSON of the schema ${payload.schema_ref}`);
        }
        return type.read(payload);
    };
}

function answerOf(given: unknown, outputRef: string): PluginAnswer {
    const reply = given instanceof Reply ? given : new Reply(given as Payload);
    const notes: unknown = reply.notes;
    if (typeof notes !== "string") {
        throw new TypeError(`the plugin returned notes that are a ${typeof notes}, not a string`);
    }
    let result: unknown = reply.result;
    if (result instanceof Json && result.schema_ref === "") {
        result = new Json(result.data, outputRef);
    }
    if (!(
        result instanceof Text ||
        result instanceof Json ||
        result instanceof BinaryRef ||
        result instanceof DatasetSlice
    )) {
        throw new TypeError("a plugin returns Text, Json, BinaryRef or DatasetSlice, or a Reply of one of these");
    }
    const payload = result.toWire();
    requireJson(payload.kind === "json" ? payload.data : payload, payload.kind === "json" ? "data" : "the result");
    return { payload, notes };
}

function refusalOf(error: unknown): PluginAnswer {
    const refusal = BrokerError.from(error)?.toRefusal() ?? error;
    if (!(refusal instanceof Refusal)) {
        throw error;
    }
    return { refusal: { code: refusal.code, message: refusal.message } };
}
