/**
 * The way out of the sandbox: four questions to the gateway's brokers, the log and the progress.
 *
 * In a worker the loop answers them, in a test the harness. One host at a time.
 * What never happens here: a question that is answered by anything else.
 */

import { BrokerError } from "./refusal.js";

/** How much a log line matters. */
export type Level = "debug" | "info" | "warn" | "error";

/** Who answers: the second argument of a plugin's `handle`. A broker that says no throws a `BrokerError`. */
export interface Host {
    /** Keeps a line. */
    log(level: Level, message: string): void;
    /** Tells how far the call is: `done` from 0 to 1. */
    progress(done: number, message: string): void;
    /** How long an artifact is, in bytes. */
    artifactSize(id: string): number;
    /** Up to `length` bytes from `offset`. */
    artifactRead(id: string, offset: number, length: number): Uint8Array;
    /** How many rows the request's slice has. */
    datasetCount(): number;
    /** Up to `rowsMax` rows, each a JSON object as text. */
    datasetRead(first: number, rowsMax: number): readonly string[];
}

let current: Host | undefined;

/** Puts a host in place until `work` is done, also where `work` is a promise. */
export function during<T>(host: Host, work: () => T): T {
    if (current !== undefined) {
        throw new Error("a plugin cannot run within a plugin: wait for the first call's answer");
    }
    current = host;
    let isLater = false;
    try {
        const value = work();
        if (value instanceof Promise) {
            isLater = true;
            return value.finally(remove) as T;
        }
        return value;
    } finally {
        if (!isLater) {
            remove();
        }
    }
}

function remove(): void {
    current = undefined;
}

/** Writes a line; where no call is under way it is dropped. */
export function log(level: Level, message: string): void {
    current?.log(level, message);
}

/** Tells how far the call is: `done` from 0 to 1. */
export function progress(done: number, message = ""): void {
    current?.progress(done, message);
}

/** Asks a broker; what it says comes out as the SDK's own `BrokerError`. */
export function ask<T>(question: (host: Host) => T): T {
    if (current === undefined) {
        throw new BrokerError("failed", "there is no broker here: one answers during a call, or within a test's `run`");
    }
    try {
        return question(current);
    } catch (error) {
        throw BrokerError.from(error) ?? error;
    }
}
