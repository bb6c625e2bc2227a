/**
 * The ledger's events as they happen.
 *
 * What never happens here: an event that comes twice or is left out, however often the connection ends in between.
 */

import { GatewayError } from "./errors.js";
import { backoff } from "./retry.js";
import { type Message, MessageReader } from "./server_sent_events.js";
import { asGatewayError, expectType, pause, TimeLimit, type Transport } from "./transport.js";
import type { FollowQuery, GatewayEvent, PlacedEvent } from "./types.js";

/** Which events are to be followed, and how. */
export type FollowOptions = FollowQuery & {
    /** Ends it. */
    readonly signal?: AbortSignal | undefined;
    /** How often in a row a connection may fail before that is said. Default: 10. */
    readonly reconnects?: number;
    /** Milliseconds without a byte after which the connection counts as lost. Default: 45,000: three heartbeats. */
    readonly idleMs?: number;
};

const RECONNECTS_DEFAULT = 10;
const IDLE_MS_DEFAULT = 45_000;

/** Every event from `from` on, for as long as it is asked for more. */
export async function* follow(
    transport: Transport,
    from: number,
    options: FollowOptions,
): AsyncGenerator<PlacedEvent, never, void> {
    const { signal, reconnects = RECONNECTS_DEFAULT, idleMs = IDLE_MS_DEFAULT, ...query } = options;
    let next = from;
    let failures = 0;
    let pauseMs: number | undefined;
    for (;;) {
        signal?.throwIfAborted();
        const limit = new TimeLimit(signal, idleMs);
        const reader = new MessageReader();
        try {
            const position = next === from ? {} : { "last-event-id": String(next - 1) };
            const response = await transport.open(
                {
                    method: "GET",
                    path: "/v1/events",
                    repeatable: "harmless",
                    query: { ...query, from },
                    headers: position,
                    accept: "text/event-stream",
                },
                limit.signal,
            );
            expectType(response, "text/event-stream");
            failures = 0;
            for await (const bytes of chunks(response, limit, idleMs)) {
                for (const message of reader.push(bytes)) {
                    const placed = placedEvent(message);
                    if (placed.index >= next) {
                        next = placed.index + 1;
                        yield placed;
                    }
                }
                pauseMs = reader.retryMs ?? pauseMs;
            }
            // The server is stopping: it ends the stream and takes up where it ended.
            failures += 1;
        } catch (thrown) {
            signal?.throwIfAborted();
            const error = passing(thrown, limit.isOver);
            failures += 1;
            if (failures > reconnects) {
                throw error;
            }
            pauseMs = error.retryAfterMs ?? pauseMs;
        } finally {
            limit.end();
        }
        await pause(Math.max(pauseMs ?? 0, backoff(failures)), signal);
    }
}

/** What comes, in pieces. The time runs only while the server is waited for, not while the reader of the events is. */
async function* chunks(response: Response, limit: TimeLimit, idleMs: number): AsyncGenerator<Uint8Array, void, void> {
    const reader = response.body?.getReader();
    if (reader === undefined) {
        return;
    }
    try {
        for (;;) {
            limit.restart(idleMs);
            const { done, value } = await reader.read();
            limit.hold();
            if (done) {
                return;
            }
            yield value;
        }
    } finally {
        // Whoever goes away in the middle leaves no connection behind.
        if (!limit.signal.aborted) {
            await reader.cancel().catch(() => undefined);
        }
    }
}

/** The error, if another connection may help; thrown, if none will. */
function passing(thrown: unknown, idle: boolean): GatewayError {
    if (idle) {
        return new GatewayError("connection_lost", "nothing was heard of the server", { cause: thrown });
    }
    const error = asGatewayError(thrown);
    const forNow = error.status !== undefined && [429, 502, 503, 504].includes(error.status);
    if (!forNow && !error.is("connection_refused", "connection_lost")) {
        throw error;
    }
    return error;
}

function placedEvent({ id, data }: Message): PlacedEvent {
    const index = id !== undefined && /^\d{1,16}$/.test(id) ? Number(id) : Number.NaN;
    if (!Number.isSafeInteger(index)) {
        throw new GatewayError("answer_unexpected", "an event without its index");
    }
    try {
        return { index, event: JSON.parse(data) as GatewayEvent };
    } catch (cause) {
        throw new GatewayError("answer_unexpected", "an event that is not JSON", { cause });
    }
}
