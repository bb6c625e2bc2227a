/** One run of a plugin, and what a test asks about it. */

import { AssertionError } from "node:assert";
import {
    BinaryRef,
    BrokerError,
    DatasetSlice,
    type Host,
    type JsonObject,
    type Level,
    type Payload,
    type Plugin,
    type PluginAnswer,
    type PluginRequest,
    Refusal,
} from "../src/index.js";
import { fromWire } from "../src/payload.js";
import { plain, Request, type Row, sha256 } from "./request.js";

/** A line that the plugin logged. */
export interface LogLine {
    readonly level: Level;
    readonly message: string;
}

/** How far the plugin said it was. */
export interface Progress {
    readonly done: number;
    readonly message: string;
}

/** What the gateway gets from a plugin that did its work. */
export interface Outcome {
    readonly payload: Payload;
    readonly notes: string;
}

/** What became of one request. */
export class Run {
    /** What the plugin answered. */
    readonly answer: Outcome | Refusal;
    /** What it logged, in order. */
    readonly logs: readonly LogLine[];
    /** How far it said it was, in order. */
    readonly progress: readonly Progress[];

    constructor(answer: Outcome | Refusal, logs: readonly LogLine[] = [], progress: readonly Progress[] = []) {
        this.answer = answer;
        this.logs = logs;
        this.progress = progress;
    }

    /** The outcome; an `AssertionError` where the plugin declined. */
    outcome(): Outcome {
        if (this.answer instanceof Refusal) {
            throw failure(`the plugin declined: ${this.answer.code}: ${this.answer.message}`);
        }
        return this.answer;
    }

    /** The refusal; an `AssertionError` where the plugin did not decline. */
    refusal(): Refusal {
        if (!(this.answer instanceof Refusal)) {
            throw failure(`the plugin did not decline: ${JSON.stringify(this.answer)}`);
        }
        return this.answer;
    }

    /** The content of a `text` result. */
    text(): string {
        const { payload } = this.outcome();
        if (payload.kind !== "text") {
            throw failure(`the result is ${payload.kind}, not text`);
        }
        return payload.content;
    }

    /** The data of a `json` result. */
    json(): JsonObject {
        const { payload } = this.outcome();
        if (payload.kind !== "json") {
            throw failure(`the result is ${payload.kind}, not json`);
        }
        return payload.data;
    }

    /** The notes beside the result. */
    notes(): string {
        return this.outcome().notes;
    }
}

function failure(message: string): AssertionError {
    return new AssertionError({ message });
}

/** What a package exports: a plugin, or a function by the same contract that was written without the SDK. */
export type Handle<A = unknown> = (request: PluginRequest, host: Host) => A;

/**
 * Calls the plugin with the request, as a worker would, here; what it throws comes out of here. Of a plugin that gives a
 * promise it is the promise of a run.
 */
export function run<A extends PluginAnswer | Promise<PluginAnswer>>(
    handle: Plugin<A> | Handle<A>,
    request: Request | Payload,
): A extends Promise<unknown> ? Promise<Run> : Run;
export function run(handle: Handle, request: Request | Payload): Run | Promise<Run> {
    const asked = Request.of(request);
    const memory = new Memory(asked);
    const given = handle(asked.toWire(), memory);
    const made = (answer: unknown): Run => new Run(readAnswer(answer as PluginAnswer), memory.logs, memory.said);
    return given instanceof Promise ? given.then(made) : made(given);
}

/** The answer as the gateway reads it. */
function readAnswer(answer: PluginAnswer): Outcome | Refusal {
    const written = plain(answer);
    if ("refusal" in written) {
        return new Refusal(written.refusal.code, written.refusal.message);
    }
    return { payload: fromWire(written.payload), notes: written.notes ?? "" };
}

/** Bytes that a broker hands over at once. */
const READ_BYTES_MAX = 1024 * 1024;

/** What stands for the brokers: what the request names, and nothing else. */
class Memory implements Host {
    readonly logs: LogLine[] = [];
    readonly said: Progress[] = [];
    readonly #request: Request;

    constructor(request: Request) {
        this.#request = request;
    }

    log(level: Level, message: string): void {
        this.logs.push({ level, message });
    }

    progress(done: number, message: string): void {
        this.said.push({ done, message });
    }

    artifactSize(id: string): number {
        return this.#artifact(id).length;
    }

    artifactRead(id: string, offset: number, length: number): Uint8Array {
        if (offset < 0 || length < 0) {
            throw new BrokerError("failed", "an offset and a length are not negative");
        }
        return this.#artifact(id).slice(offset, offset + Math.min(length, READ_BYTES_MAX));
    }

    datasetCount(): number {
        return this.#rows().length;
    }

    datasetRead(first: number, rowsMax: number): readonly string[] {
        const page = this.#rows().slice(first, first + rowsMax);
        return page.map((row) => JSON.stringify(row));
    }

    #artifact(id: string): Uint8Array {
        this.#refuseIfTold();
        const { payload, heldBytes } = this.#request;
        if (!(payload instanceof BinaryRef) || payload.artifact_id !== id) {
            throw new BrokerError("denied", `this request does not name the artifact ${id}`);
        }
        if (heldBytes === undefined) {
            throw new BrokerError("unknown", `the test gave no bytes for ${id}`);
        }
        if (sha256(heldBytes) !== payload.artifact_hash) {
            throw new BrokerError("hash_mismatch", id);
        }
        return heldBytes;
    }

    #rows(): readonly Row[] {
        this.#refuseIfTold();
        const { payload, heldRows } = this.#request;
        if (!(payload instanceof DatasetSlice)) {
            throw new BrokerError("denied", "this request names no rows");
        }
        if (heldRows === undefined) {
            throw new BrokerError("unknown", "the test gave no rows");
        }
        return heldRows;
    }

    #refuseIfTold(): void {
        if (this.#request.brokerError !== undefined) {
            throw this.#request.brokerError;
        }
    }
}
