/** What is asked again, and what never is. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, PluginGateway, textPayload } from "@omega/gateway-client";
import { ANSWER, type Answer, hangUp, json, type Mock, mock, problem, TOKEN } from "./mock.js";

const ADA = textPayload("Ada");
const now = { "retry-after": "0" };

async function failure(work: Promise<unknown>): Promise<GatewayError> {
    const error: unknown = await work.then(
        () => assert.fail("it went well"),
        (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof GatewayError, String(error));
    return error;
}

/** What each way of failing means to each kind of operation: how often it is asked, where two repetitions are allowed. */
const TABLE: readonly [string, Answer, { reads: number; calls: number; changes: number }][] = [
    ["429 with Retry-After", problem(429, "overloaded", {}, now), { reads: 3, calls: 3, changes: 1 }],
    ["503 with Retry-After", problem(503, "server_stopping", {}, now), { reads: 3, calls: 3, changes: 1 }],
    ["429 without", problem(429, "overloaded"), { reads: 3, calls: 1, changes: 1 }],
    ["503 without", problem(503, "ledger_unavailable"), { reads: 3, calls: 1, changes: 1 }],
    ["a connection that is lost", hangUp, { reads: 3, calls: 1, changes: 1 }],
    ["504", problem(504, "timeout"), { reads: 1, calls: 1, changes: 1 }],
    ["500", problem(500, "io", {}, now), { reads: 1, calls: 1, changes: 1 }],
    ["422", problem(422, "payload_schema_mismatch", {}, now), { reads: 1, calls: 1, changes: 1 }],
];

const OPERATIONS: readonly [keyof (typeof TABLE)[number][2], string, (gateway: PluginGateway) => Promise<unknown>][] = [
    ["reads", "listPlugins", (gateway) => gateway.listPlugins()],
    ["reads", "validateManifest", (gateway) => gateway.validateManifest("{}")],
    ["reads", "getRun", (gateway) => gateway.getRun("r")],
    ["reads", "putArtifact", (gateway) => gateway.putArtifact(new Uint8Array([1]))],
    ["calls", "invoke", (gateway) => gateway.invoke("hello", ADA)],
    [
        "calls",
        "invokePipeline",
        (gateway) =>
            gateway.invokePipeline(
                { strategy: "sequential", plugin_ids: ["hello"], timeout_ms: 1000, stop_on_failure: true },
                ADA,
            ),
    ],
    ["changes", "registerPlugin", (gateway) => gateway.registerPlugin(new Uint8Array([1]))],
    ["changes", "enablePlugin", (gateway) => gateway.enablePlugin("hello")],
    ["changes", "disablePlugin", (gateway) => gateway.disablePlugin("hello")],
    ["changes", "exportProof", (gateway) => gateway.exportProof("r")],
];

for (const [way, answer, expected] of TABLE) {
    test(`${way}: what is asked again`, async () => {
        for (const [kind, name, operation] of OPERATIONS) {
            const server = await mock([answer]);
            const error = await failure(operation(server.gateway));
            assert.equal(server.seen.length, expected[kind], `${name}: ${error.message}`);
            assert.equal(error.attempts, expected[kind], name);
            await server.close();
        }
    });
}

test("a call that is sent again bears the same ids, so that it cannot run twice", async () => {
    const server = await mock([problem(429, "overloaded", {}, now), json(ANSWER)]);
    assert.equal((await server.gateway.invoke("hello", ADA)).status, "ok");
    const [first, second] = server.seen.map(({ body }) => JSON.parse(body) as Record<string, string>);
    assert.match(first?.request_id ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.notEqual(first?.request_id, first?.run_id);
    assert.deepEqual(second, first);
    await server.gateway.invoke("hello", ADA);
    assert.notEqual((JSON.parse(server.seen[2]?.body ?? "") as Record<string, string>).run_id, first?.run_id);
    await server.close();
});

test("ids of the caller's own are kept, also in the error", async () => {
    const server = await mock([problem(429, "overloaded", {}, now), problem(409, "duplicate_request")]);
    const error = await failure(
        server.gateway.invoke("hello", { payload: ADA, request_id: "mine", run_id: "our-run" }),
    );
    assert.ok(error.is("duplicate_request"));
    assert.deepEqual([error.attempts, error.requestId, error.runId], [2, "mine", "our-run"]);
    assert.ok(server.seen.every(({ body }) => body.includes('"mine"') && body.includes('"our-run"')));
    await server.close();
});

test("what nothing was sent of is sent again, whatever it is", async () => {
    const taken = await mock([json(ANSWER)]);
    await taken.close();
    let server: Promise<Mock> | undefined;
    const gateway = new PluginGateway({
        url: taken.url,
        token: TOKEN,
        onRetry: ({ error }) => {
            assert.ok(error.is("connection_refused"));
            server ??= mock([json({})], {}, taken.port);
        },
    });
    await gateway.registerPlugin(new Uint8Array([1]));
    assert.ok(server !== undefined);
    const up = await server;
    assert.equal(up.seen.length, 1);
    await up.close();
});

test("a server that is not there is said to be so, after the last try", async () => {
    const server = await mock([json({})], { retries: 1 });
    await server.close();
    const error = await failure(server.gateway.enablePlugin("hello"));
    assert.ok(error.is("connection_refused"));
    assert.deepEqual([error.attempts, error.status, server.retries.length], [2, undefined, 1]);
});

test("a name with several addresses was not reached if none of them was", async () => {
    const server = await mock([json({})]);
    await server.close();
    const gateway = new PluginGateway({ url: `http://localhost:${server.port}`, token: TOKEN, retries: 0 });
    assert.ok((await failure(gateway.disablePlugin("hello"))).is("connection_refused"));
});

test("nobody waits longer for another try than there is time", async () => {
    const server = await mock([problem(429, "circuit_open", {}, { "retry-after": "3600" })]);
    const error = await failure(server.gateway.invoke("hello", ADA));
    assert.ok(error.is("circuit_open"));
    assert.deepEqual([error.retryAfterMs, error.attempts, server.retries.length], [3_600_000, 1, 0]);
    await server.close();
});

test("a date in Retry-After is read", async () => {
    const server = await mock([
        problem(429, "overloaded", {}, { "retry-after": new Date(0).toUTCString() }),
        json(ANSWER),
    ]);
    await server.gateway.invoke("hello", ADA);
    assert.equal(server.seen.length, 2);
    await server.close();
});

test("without repetitions nothing is asked twice", async () => {
    const server = await mock([problem(429, "overloaded", {}, now)], { retries: 0 });
    await failure(server.gateway.listPlugins());
    assert.equal(server.seen.length, 1);
    await server.close();
});
