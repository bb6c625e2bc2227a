/** What is called off ends, and what takes too long does. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { isGatewayError, textPayload } from "@omega/gateway-client";
import { type Answer, json, later, mock, problem, silence } from "./mock.js";

const ADA = textPayload("Ada");

test("what was called off before is not sent", async () => {
    const server = await mock([json({})]);
    const reason = new Error("not any more");
    await assert.rejects(server.gateway.invoke("hello", ADA, { signal: AbortSignal.abort(reason) }), reason);
    assert.equal(server.seen.length, 0);
    await server.close();
});

test("what is called off on the way ends, in the server too", async () => {
    const arrived = later<ServerResponse>();
    const server = await mock([(response) => arrived.resolve(response)]);
    const caller = new AbortController();
    const call = server.gateway.invoke("hello", ADA, { signal: caller.signal });
    const response = await arrived.promise;
    const reason = new Error("not any more");
    caller.abort(reason);
    await assert.rejects(call, reason);
    await once(response, "close");
    assert.equal(server.seen.length, 1);
    await server.close();
});

test("what is called off between two tries is not tried again", async () => {
    const caller = new AbortController();
    const reason = new Error("not any more");
    const server = await mock([problem(429, "overloaded", {}, { "retry-after": "3" })], {
        onRetry: () => queueMicrotask(() => caller.abort(reason)),
    });
    await assert.rejects(server.gateway.invoke("hello", ADA, { signal: caller.signal }), reason);
    assert.equal(server.seen.length, 1);
    await server.close();
});

const stalls: Answer = (response) => {
    response.writeHead(200, { "content-type": "application/json" }).write('{"plugins":');
};

for (const [name, answer] of [
    ["no answer", silence],
    ["half an answer", stalls],
] as const) {
    test(`${name} is waited for no longer than said`, async () => {
        const server = await mock([answer], { timeoutMs: 50 });
        const error: unknown = await server.gateway.listPlugins().catch((thrown: unknown) => thrown);
        assert.ok(isGatewayError(error, "client_timeout"), String(error));
        assert.deepEqual([error.attempts, server.seen.length], [1, 1]);
        await server.close();
    });
}

test("a call with more time than the client has gets that time", async () => {
    const server = await mock([(response, seen) => setTimeout(() => json({ status: "ok" })(response, seen), 100)], {
        timeoutMs: 20,
    });
    const policy = { deterministic_only: false, timeout_ms: 30_000, max_retries: 0 };
    assert.equal((await server.gateway.invoke("hello", { payload: ADA, policy })).status, "ok");
    await assert.rejects(server.gateway.invoke("hello", { payload: ADA, policy }, { timeoutMs: 20 }), {
        code: "client_timeout",
    });
    await server.close();
});
