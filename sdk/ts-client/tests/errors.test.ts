/** What is said when something goes wrong, and what never leaves this machine. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError, type GatewayErrorCode, isGatewayError, PluginGateway, textPayload } from "@omega/gateway-client";
import { ANSWER, HASH, json, mock, problem, TOKEN } from "./mock.js";

test("a problem is an error with all that it says", async () => {
    const report = { valid: false, issues: [], manifest_hash: HASH, checked_at: "2026-01-01T00:00:00Z" };
    const more = { event_index: 7, report, response: { ...ANSWER, status: "rejected" } };
    const server = await mock([problem(422, "payload_schema_mismatch", more)]);
    const error: unknown = await server.gateway.invoke("hello", textPayload("Ada")).catch((thrown: unknown) => thrown);
    assert.ok(isGatewayError(error, "payload_schema_mismatch", "payload_too_large"));
    // The type is known now: a code that is neither would not compile.
    const code: "payload_schema_mismatch" | "payload_too_large" = error.code;
    assert.equal(code, "payload_schema_mismatch");
    assert.deepEqual(
        [error.name, error.message, error.hint, error.status, error.eventIndex, error.response?.status],
        ["GatewayError", "payload_schema_mismatch: D", "H.", 422, 7, "rejected"],
    );
    assert.deepEqual(error.report, report);
    assert.ok(!isGatewayError(error, "timeout") && isGatewayError(error) && !isGatewayError(new Error("no")));
    await server.close();
});

test("what is not the gateway is said to be so", async () => {
    const html = { "content-type": "text/html" };
    for (const answer of [json("<p>no</p>", 502, html), json({}, 200, html), json({}, 404), json({ code: 7 }, 404)]) {
        const server = await mock([answer], { retries: 0 });
        const error: unknown = await server.gateway.getCheckpoint().catch((thrown: unknown) => thrown);
        assert.ok(isGatewayError(error, "answer_unexpected"), String(error));
        await server.close();
    }
});

test("an answer that is no JSON is no answer", async () => {
    const server = await mock([
        (response) => {
            response.writeHead(200, { "content-type": "application/json" }).end("{");
        },
    ]);
    const error: unknown = await server.gateway.listPlugins().catch((thrown: unknown) => thrown);
    assert.ok(isGatewayError(error, "answer_unexpected"));
    await server.close();
});

test("the token goes nowhere else", async () => {
    const elsewhere = await mock([json({ plugins: [], next: null })]);
    const server = await mock([json({}, 307, { location: `${elsewhere.url}/v1/plugins` })]);
    const error: unknown = await server.gateway.listPlugins().catch((thrown: unknown) => thrown);
    assert.ok(isGatewayError(error, "answer_unexpected"), String(error));
    assert.equal(elsewhere.seen.length, 0);
    assert.equal(server.seen[0]?.headers.authorization, `Bearer ${TOKEN}`);
    await server.close();
    await elsewhere.close();
});

test("no error shows the token", async () => {
    const server = await mock([problem(401, "token_invalid")]);
    const refused: unknown = await server.gateway.listPlugins().catch((thrown: unknown) => thrown);
    await server.close();
    const unreachable: unknown = await server.gateway.disablePlugin("hello").catch((thrown: unknown) => thrown);
    for (const error of [refused, unreachable]) {
        assert.ok(error instanceof GatewayError);
        assert.ok(!`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`.includes(TOKEN));
    }
});

test("a client that cannot work, or is not safe, is not made", () => {
    const make = (url: string, token = TOKEN): GatewayErrorCode | undefined => {
        try {
            new PluginGateway({ url, token });
            return undefined;
        } catch (error) {
            return isGatewayError(error) ? error.code : assert.fail(String(error));
        }
    };
    for (const url of [
        "http://127.0.0.1:7077",
        "http://localhost:7077/",
        "http://[::1]:7077",
        "https://gateway.example/omega/",
    ]) {
        assert.equal(make(url), undefined, url);
    }
    const refused = [
        "http://gateway.example",
        "http://127.0.0.1.example",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "127.0.0.1:7077",
    ];
    for (const url of [...refused, "https://user:pass@gateway.example", "https://gateway.example/?a=b", ""]) {
        assert.equal(make(url), "client_misuse", url);
    }
    assert.equal(make("https://gateway.example", ""), "client_misuse");
    assert.equal(make("https://gateway.example", "a\r\nb: c"), "client_misuse");
});

test("names are written so that they stay one segment", async () => {
    const server = await mock([json({ events: [], next: null })]);
    await server.gateway.getRun("a/b:export-proof?x#y é");
    await server.gateway.queryEvents({ run: "a b&c", kind: ["RESULT", "ERROR"], from: 3 });
    assert.deepEqual(
        server.seen.map(({ url }) => url),
        [
            "/v1/runs/a%2Fb%3Aexport-proof%3Fx%23y%20%C3%A9",
            "/v1/ledger/events?run=a+b%26c&kind=RESULT&kind=ERROR&from=3",
        ],
    );
    for (const name of ["", ".", ".."]) {
        await assert.rejects(server.gateway.getRun(name), { code: "client_misuse" });
    }
    assert.equal(server.seen.length, 2);
    await server.close();
});

test("a gateway below a path is reached there", async () => {
    const server = await mock([json({ plugins: [], next: null })]);
    const gateway = new PluginGateway({ url: `${server.url}/omega/`, token: TOKEN });
    await gateway.listPlugins({}, { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" });
    assert.equal(server.seen[0]?.url, "/omega/v1/plugins");
    assert.match(String(server.seen[0].headers.traceparent), /^00-/);
    await server.close();
});

test("bytes that do not have their hash are not handed out", async () => {
    const server = await mock([
        (response) => {
            response.writeHead(200, { "content-type": "application/octet-stream" }).end("other bytes");
        },
    ]);
    await assert.rejects(server.gateway.getArtifact(HASH), { code: "artifact_hash_mismatch" });
    await server.close();
});

test("pages follow each other until there are no more", async () => {
    const page = (names: readonly string[], next: string | null) =>
        json({ plugins: names.map((plugin_id) => ({ plugin_id })), next });
    const server = await mock([page(["a", "b"], "c1"), page([], "c2"), page(["c"], null)]);
    const found: string[] = [];
    for await (const { plugin_id } of server.gateway.plugins({ status: "enabled" })) {
        found.push(plugin_id);
    }
    assert.deepEqual(found, ["a", "b", "c"]);
    assert.deepEqual(
        server.seen.map(({ url }) => url),
        ["/v1/plugins?status=enabled", "/v1/plugins?status=enabled&cursor=c1", "/v1/plugins?status=enabled&cursor=c2"],
    );
    await server.close();
});
