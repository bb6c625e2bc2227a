/**
 * What the gateway, or the way to it, can say instead of an answer.
 *
 * What never happens here: a token in a message.
 */

import type { ErrorCode, InvokeAnswer, ValidationReport } from "./types.js";

/** What this client finds out by itself; every other code is the gateway's. */
export type ClientErrorCode =
    /** No connection came about, so nothing was sent. */
    | "connection_refused"
    /** The connection ended before the answer did: what was asked for may have been done. */
    | "connection_lost"
    /** `timeoutMs` was over. A call that was under way is ended by the gateway and journalled as `interrupted`. */
    | "client_timeout"
    /** What answered does not speak as the gateway does: a proxy, say, or another server. */
    | "answer_unexpected"
    /** The browser hashes nothing here: pages that are not served over https have no `crypto.subtle`. */
    | "insecure_context"
    /** The client was set up in a way that cannot work or is not safe. */
    | "client_misuse";

/** Every code. A newer gateway may send others still: give a `switch` a default branch. */
export type GatewayErrorCode = ErrorCode | ClientErrorCode;

/** What is known of an error beside its code. */
export interface GatewayErrorDetails {
    readonly hint?: string | undefined;
    readonly status?: number | undefined;
    readonly eventIndex?: number | undefined;
    readonly report?: ValidationReport | undefined;
    readonly response?: InvokeAnswer | undefined;
    readonly retryAfterMs?: number | undefined;
    readonly cause?: unknown;
}

/** A refusal, or a failure. Test for what it is with `error.is("overloaded", …)` or {@link isGatewayError}. */
export class GatewayError<Code extends GatewayErrorCode = GatewayErrorCode> extends Error {
    /** The stable code. */
    readonly code: Code;
    /** What a person can do about it, in one sentence. */
    readonly hint: string;
    /** The HTTP status; none where there was no answer. */
    readonly status: number | undefined;
    /** The index of the ledger's event that records it, where one does. */
    readonly eventIndex: number | undefined;
    /** What validation found, where a package was refused. */
    readonly report: ValidationReport | undefined;
    /** The whole answer, where a call was refused and has an outcome in the ledger. */
    readonly response: InvokeAnswer | undefined;
    /** How long the server asks to be left alone, where it says so. */
    readonly retryAfterMs: number | undefined;
    /** How often it was tried. */
    attempts = 1;
    /** The run of the call, where it was one: `getRun(runId)` tells what became of it. */
    runId: string | undefined;
    /** The request id of the call, where it was one. */
    requestId: string | undefined;

    constructor(code: Code, message: string, details: GatewayErrorDetails = {}) {
        super(`${code}: ${message}`, details.cause === undefined ? {} : { cause: details.cause });
        this.name = "GatewayError";
        this.code = code;
        this.hint = details.hint ?? hintOf(code);
        this.status = details.status;
        this.eventIndex = details.eventIndex;
        this.report = details.report;
        this.response = details.response;
        this.retryAfterMs = details.retryAfterMs;
    }

    /** Whether it is one of these codes; TypeScript knows it then. */
    is<Wanted extends GatewayErrorCode>(...codes: readonly Wanted[]): this is GatewayError<Wanted> {
        return (codes as readonly GatewayErrorCode[]).includes(this.code);
    }
}

/** Whether something that was caught is a {@link GatewayError}, and one of these codes where some are given. */
export function isGatewayError<Wanted extends GatewayErrorCode = GatewayErrorCode>(
    error: unknown,
    ...codes: readonly Wanted[]
): error is GatewayError<Wanted> {
    return error instanceof GatewayError && (codes.length === 0 || error.is(...codes));
}

function hintOf(code: GatewayErrorCode): string {
    return code in CLIENT_HINTS ? CLIENT_HINTS[code as ClientErrorCode] : "";
}

const CLIENT_HINTS: Readonly<Record<ClientErrorCode, string>> = {
    connection_refused: "See that the server runs and that the address is right.",
    connection_lost: "Look at the run before sending it again: it may have been done.",
    client_timeout: "Give it more time with `timeoutMs`; of a call, the run tells what became of it.",
    answer_unexpected: "See that the address is that of `omega serve`, and what stands between.",
    insecure_context: "Serve the page over https.",
    client_misuse: "Read the message.",
};
