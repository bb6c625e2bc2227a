/**
 * What may be asked again, and when.
 *
 * What never happens here: a call that runs twice. A call carries its run and request id, by which the gateway refuses
 * a repetition (`duplicate_request`); what has no such id is repeated only where it is known that nothing was sent.
 */

import type { GatewayError } from "./errors.js";

/** What it would mean to do the same again. */
export type Repeatable =
    /** Nothing: it reads, or stores bytes under their hash. */
    | "harmless"
    /** The gateway refuses it if it ran: it bears a run id and a request id. */
    | "claimed"
    /** It might be done twice. */
    | "once";

/** The first pause where the server names none, in milliseconds; it doubles from try to try. */
const PAUSE_MS_MIN = 200;
/** The longest such pause. */
const PAUSE_MS_MAX = 5_000;

/** How long to wait before the same may be asked again; `undefined` where it must not be. */
export function pauseBeforeRepeat(error: GatewayError, repeatable: Repeatable, attempt: number): number | undefined {
    if (error.is("connection_refused")) {
        return backoff(attempt);
    }
    if (error.is("connection_lost")) {
        return repeatable === "harmless" ? backoff(attempt) : undefined;
    }
    const refusedForNow = error.status === 429 || error.status === 503;
    if (!refusedForNow || repeatable === "once") {
        return undefined;
    }
    if (error.retryAfterMs !== undefined) {
        // Those who were told the same number do not all come back in the same moment.
        return error.retryAfterMs * (1 + Math.random() / 4);
    }
    return repeatable === "harmless" ? backoff(attempt) : undefined;
}

/** Between half and all of a pause that doubles from try to try. */
export function backoff(attempt: number): number {
    const pause = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** (attempt - 1));
    return pause * (0.5 + Math.random() / 2);
}

/** What `Retry-After` says (RFC 9110, section 10.2.3), in milliseconds from now. */
export function retryAfterMs(header: string | null): number | undefined {
    if (header === null) {
        return undefined;
    }
    if (/^\d{1,9}$/.test(header)) {
        return Number(header) * 1_000;
    }
    const date = Date.parse(header);
    return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

/** What Node's fetch says where no connection came about. Browsers do not tell: there, nothing is known. */
const NEVER_CONNECTED = new Set([
    "ECONNREFUSED",
    "ENOTFOUND",
    "EAI_AGAIN",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "UND_ERR_CONNECT_TIMEOUT",
]);

/** Whether nothing was sent, as far as that can be known. */
export function neverConnected(error: unknown): boolean {
    if (!(error instanceof Error)) {
        return false;
    }
    if (error instanceof AggregateError) {
        // One for each address of the name.
        return error.errors.length > 0 && error.errors.every(neverConnected);
    }
    if ("code" in error && typeof error.code === "string" && NEVER_CONNECTED.has(error.code)) {
        return true;
    }
    return error.cause !== undefined && neverConnected(error.cause);
}
