/** The event stream: none left out, none twice. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { isGatewayError, type PlacedEvent } from "@omega/gateway-client";
import { type Answer, hangUp, json, later, mock, problem, stream } from "./mock.js";

const LINES = ["id: 3", "event: INVOKE", 'data: {"kind":"INVOKE",', 'data: "run_id":"a\u2028b é"}', "", ""];

function event(index: number): string {
    return `id: ${index}\nevent: RESULT\ndata: {"kind":"RESULT"}\n\n`;
}

async function take(events: AsyncGenerator<PlacedEvent, unknown, void>, count: number): Promise<PlacedEvent[]> {
    const taken: PlacedEvent[] = [];
    for await (const placed of events) {
        taken.push(placed);
        if (taken.length === count) {
            break;
        }
    }
    return taken;
}

function indexes(placed: readonly PlacedEvent[]): number[] {
    return placed.map(({ index }) => index);
}

for (const [name, end] of [
    ["LF", "\n"],
    ["CRLF", "\r\n"],
    ["CR", "\r"],
] as const) {
    test(`an event is read in pieces of any size, with lines that end with ${name}`, async () => {
        const bytes = Buffer.from(`\uFEFF:\n\nretry: 0${end}${end}${LINES.join(end)}${event(4)}`);
        for (const size of [1, 2, 7, bytes.length]) {
            const server = await mock([
                (response) => {
                    response.writeHead(200, { "content-type": "text/event-stream" });
                    for (let at = 0; at < bytes.length; at += size) {
                        response.write(bytes.subarray(at, at + size));
                    }
                },
            ]);
            const [first, second] = await take(server.gateway.events({ from: 0 }), 2);
            assert.deepEqual(first, { index: 3, event: { kind: "INVOKE", run_id: "a\u2028b é" } });
            assert.equal(second?.index, 4);
            await server.close();
        }
    });
}

test("a stream that ends is taken up where it ended", async () => {
    const server = await mock([
        stream(`retry: 0\n\n${event(5)}${event(6)}`),
        // What a server that begins too early sends again is passed over; half an event is none.
        stream(`retry: 0\n\n${event(6)}${event(7)}id: 8\ndata: {`),
        hangUp,
        problem(503, "server_stopping", {}, { "retry-after": "0" }),
        stream(event(8)),
    ]);
    const filter = { from: 5, run: "r", plugin: "hello", kind: ["RESULT"] } as const;
    assert.deepEqual(indexes(await take(server.gateway.events(filter), 4)), [5, 6, 7, 8]);
    assert.deepEqual(
        server.seen.map(({ headers }) => headers["last-event-id"]),
        [undefined, "6", "7", "7", "7"],
    );
    assert.ok(server.seen.every(({ url }) => url === "/v1/events?from=5&run=r&plugin=hello&kind=RESULT"));
    await server.close();
});

test("without an index the stream begins where the ledger ends, also where it breaks before its first event", async () => {
    const newest = json({ events: [{ index: 41, event: {} }], next: null });
    const server = await mock([newest, stream("retry: 0\n\n"), stream(event(42))]);
    assert.deepEqual(indexes(await take(server.gateway.events(), 1)), [42]);
    assert.deepEqual(
        server.seen.map(({ url }) => url),
        ["/v1/ledger/events?order=desc&limit=1", "/v1/events?from=42", "/v1/events?from=42"],
    );
    await server.close();
});

test("whoever leaves the loop leaves no connection behind", async () => {
    const open = later<ServerResponse>();
    const server = await mock([
        (response) => {
            response.writeHead(200, { "content-type": "text/event-stream" }).write(event(0));
            open.resolve(response);
        },
    ]);
    await take(server.gateway.events({ from: 0 }), 1);
    await once(await open.promise, "close");
    await server.close();
});

const waits: Answer = (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write(event(0));
};

test("a signal ends it", async () => {
    const server = await mock([waits]);
    const reader = new AbortController();
    const reason = new Error("enough");
    const reading = (async () => {
        for await (const { index } of server.gateway.events({ from: 0, signal: reader.signal })) {
            assert.equal(index, 0);
            setImmediate(() => reader.abort(reason));
        }
    })();
    await assert.rejects(reading, reason);
    assert.equal(server.seen.length, 1);
    await server.close();
});

test("a server that says nothing for too long is left, and asked again", async () => {
    const server = await mock([waits, stream(event(1))]);
    assert.deepEqual(indexes(await take(server.gateway.events({ from: 0, idleMs: 50 }), 2)), [0, 1]);
    assert.equal(server.seen[1]?.headers["last-event-id"], "0");
    await server.close();
});

test("what no other connection will mend is said at once", async () => {
    for (const answer of [problem(403, "scope_denied"), problem(410, "events_archived"), json({})]) {
        const server = await mock([answer]);
        const error: unknown = await take(server.gateway.events({ from: 0 }), 1).catch((thrown: unknown) => thrown);
        assert.ok(isGatewayError(error, "scope_denied", "events_archived", "answer_unexpected"), String(error));
        assert.equal(server.seen.length, 1);
        await server.close();
    }
});

test("a server that does not come back is given up after so many tries", async () => {
    const server = await mock([hangUp]);
    const error: unknown = await take(server.gateway.events({ from: 0, reconnects: 2 }), 1).catch(
        (thrown: unknown) => thrown,
    );
    assert.ok(isGatewayError(error, "connection_lost"), String(error));
    assert.equal(server.seen.length, 3);
    await server.close();
});
