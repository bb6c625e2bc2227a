/** The whole way with a real `omega serve`: what OMEGA does with a gateway, and what a gateway refuses it. */

import assert from "node:assert/strict";
import { openAsBlob } from "node:fs";
import { access, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
    binaryRefPayload,
    GatewayError,
    type PlacedEvent,
    PluginGateway,
    type PluginManifest,
    resultOf,
    textPayload,
} from "@omega/gateway-client";
import { type PrivateServer, startServer, withGateway } from "@omega/gateway-client/testing";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const GUESTS = join(ROOT, "target/guests/packages");
const ADA = textPayload("Ada");
/** Spins until it is stopped; signed here with more time than any test takes. */
const PATIENT = (manifest: PluginManifest): PluginManifest => ({
    ...manifest,
    limits: { ...manifest.limits, max_ms: 60_000 },
});

let server: PrivateServer;

before(async () => {
    server = await startServer();
    await install(server, "examples/hello", "examples/text-stats", "examples/csv-profile", "hostile/trap");
    await server.gateway.registerPlugin(await server.signedPackage(join(GUESTS, "hostile/spin"), PATIENT));
    await server.gateway.enablePlugin("hostile-spin");
});

after(() => server.remove());

async function install(into: PrivateServer, ...packages: readonly string[]): Promise<void> {
    for (const name of packages) {
        const { plugin_id } = await into.gateway.registerPlugin(await into.signedPackage(join(GUESTS, name)));
        await into.gateway.enablePlugin(plugin_id);
    }
}

async function failure(work: Promise<unknown>): Promise<GatewayError> {
    const error: unknown = await work.then(
        () => assert.fail("it went well"),
        (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof GatewayError, String(error));
    return error;
}

/** The first event of a run that is of one of these kinds. */
async function eventOf(gateway: PluginGateway, run: string, ...kind: PlacedEvent["event"]["kind"][]) {
    for await (const placed of gateway.events({ from: 0, run, kind })) {
        return placed;
    }
    return assert.fail("the stream ended");
}

test("OMEGA's sample flow: register, enable, invoke, pipeline, export proof, verify", async () => {
    await withGateway(async (gateway, own) => {
        const folder = join(GUESTS, "examples/hello");
        const archive = await own.signedPackage(folder);
        const manifest = await openAsBlob(join(folder, "PLUGIN_MANIFEST.json"));
        const report = await gateway.validateManifest(await manifest.text());
        assert.deepEqual([report.valid, report.issues], [true, []]);
        assert.equal((await gateway.validateManifest("{")).valid, false);

        const registered = await gateway.registerPlugin(new Blob([archive as BlobPart]));
        assert.deepEqual(
            [registered.plugin_id, registered.status, registered.signature_valid],
            ["hello", "registered", true],
        );
        assert.deepEqual(await gateway.registerPlugin(archive), registered);
        const enabled = await gateway.enablePlugin("hello", { version: "1.0.0" });
        assert.equal(enabled.status, "enabled");
        await install(own, "examples/text-stats");
        assert.deepEqual(
            (await gateway.listPlugins({ status: "enabled" })).plugins.map(({ plugin_id }) => plugin_id),
            ["hello", "text-stats"],
        );
        assert.equal((await gateway.getPlugin("hello")).manifest?.vendor, "OMEGA examples");

        const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        const answer = await gateway.invoke("hello", { payload: ADA, run_id: "sample" }, { traceparent: trace });
        const greeting = resultOf(answer);
        assert.equal(greeting?.kind === "text" ? greeting.content : greeting, "Hello, Ada!");
        assert.deepEqual([answer.run_id, answer.status, answer.reason], ["sample", "ok", null]);

        const pipeline = await gateway.invokePipeline(
            { strategy: "sequential", plugin_ids: ["hello", "text-stats"], timeout_ms: 10_000, stop_on_failure: true },
            { payload: ADA, run_id: "sample" },
        );
        assert.deepEqual([pipeline.overall_status, pipeline.steps.length], ["ok", 2]);

        const { events } = await gateway.getRun("sample");
        assert.deepEqual(
            events.map(({ event }) => event.kind),
            ["INVOKE", "RESULT", "INVOKE", "RESULT", "INVOKE", "RESULT"],
        );
        assert.deepEqual([events[1]?.index, events[1]?.event.event_hash], [answer.event_index, answer.event_hash]);
        assert.deepEqual(
            [events[0]?.event.meta.actor, events[0]?.event.meta.traceparent?.slice(0, 35)],
            ["tests", trace.slice(0, 35)],
        );

        const proof = await gateway.exportProof("sample");
        assert.equal(proof.events.length, 7);
        const file = join(own.home, "proof.json");
        await writeFile(file, JSON.stringify(proof));
        await own.omega("proof", "verify", file, "--vkey", own.vkeyFile);
        // A check that cannot say no is none.
        await writeFile(file, JSON.stringify(proof).replace("sample", "simple"));
        await assert.rejects(own.omega("proof", "verify", file, "--vkey", own.vkeyFile));

        assert.match(await gateway.getCheckpoint(), /\n— /);
        assert.equal((await gateway.disablePlugin("hello")).status, "disabled");
        const refused = await failure(gateway.invoke("hello", ADA));
        assert.ok(refused.is("plugin_not_enabled"));
        assert.deepEqual([refused.status, refused.response?.status], [422, "rejected"]);
        const { events: rejected } = await gateway.queryEvents({ from: refused.eventIndex ?? 0, limit: 1 });
        assert.deepEqual([rejected[0]?.event.kind, rejected[0]?.event.run_id], ["REJECT", refused.runId]);
        await own.stop();
        await own.omega("ledger", "verify", "--strict");
    });
});

test("a token that is none, and one that may not", async () => {
    const wrong = new PluginGateway({ url: server.url, token: "omega_nobody" });
    assert.ok((await failure(wrong.listPlugins())).is("token_invalid"));
    const readOnly = new PluginGateway({ url: server.url, token: await server.createToken("reader", ["read"]) });
    await readOnly.listPlugins();
    const denied = await failure(readOnly.invoke("hello", ADA));
    assert.ok(denied.is("scope_denied"), denied.message);
    assert.deepEqual([denied.status, denied.attempts], [403, 1]);
    assert.ok((await failure(readOnly.registerPlugin(new Uint8Array(1024)))).is("scope_denied"));
    const narrow = new PluginGateway({
        url: server.url,
        token: await server.createToken("narrow", ["invoke"], ["text-*"]),
    });
    assert.ok((await failure(narrow.invoke("hello", ADA))).is("scope_denied"));
    assert.equal((await narrow.invoke("text-stats", ADA)).status, "ok");
});

test("a package that nobody signed is refused, with what was found", async () => {
    const archive = await openAsBlob(join(GUESTS, "examples/headline.tar"));
    const error = await failure(server.gateway.registerPlugin(archive));
    assert.ok(error.is("signature_missing"), error.message);
    assert.equal(error.status, 422);
    assert.match(error.hint, /omega plugins sign/);
    const invalid = await server.signedPackage(join(GUESTS, "examples/headline"), (manifest) => ({
        ...manifest,
        limits: { ...manifest.limits, max_ms: 1 },
    }));
    const refused = await failure(server.gateway.registerPlugin(invalid));
    assert.ok(refused.is("manifest_invalid"), refused.message);
    assert.ok(
        refused.report?.issues.some(({ field }) => field === "limits.max_ms"),
        JSON.stringify(refused.report),
    );
    assert.equal(typeof refused.eventIndex, "number");
});

test("a request that was run is not run again", async () => {
    const request = { payload: ADA, run_id: "once", request_id: "the-one" };
    await server.gateway.invoke("hello", request);
    const error = await failure(server.gateway.invoke("hello", request));
    assert.ok(error.is("duplicate_request"), error.message);
    assert.deepEqual([error.status, error.runId, error.requestId], [409, "once", "the-one"]);
    const { events } = await server.gateway.getRun("once");
    assert.deepEqual(
        events.map(({ event }) => event.kind),
        ["INVOKE", "RESULT", "REJECT"],
    );
    assert.equal(events[2]?.index, error.eventIndex);
});

test("what a plugin makes of it is an answer, whatever it is", async () => {
    const answer = await server.gateway.invoke("hostile-trap", ADA);
    assert.deepEqual([answer.status, answer.reason, resultOf(answer)], ["error", "plugin_trap", undefined]);
});

test("a call that is called off ends in the gateway, and the ledger says so", async () => {
    const caller = new AbortController();
    const reason = new Error("not any more");
    const call = server.gateway.invoke("hostile-spin", { payload: ADA, run_id: "aborted" }, { signal: caller.signal });
    await eventOf(server.gateway, "aborted", "INVOKE");
    caller.abort(reason);
    await assert.rejects(call, reason);
    const { event } = await eventOf(server.gateway, "aborted", "RESULT", "REJECT", "ERROR");
    assert.deepEqual([event.kind, event.meta.reason], ["ERROR", "interrupted"]);
});

test("a call that takes too long for its caller ends likewise", async () => {
    const error = await failure(server.gateway.invoke("hostile-spin", ADA, { timeoutMs: 500 }));
    assert.ok(error.is("client_timeout"), error.message);
    const { event } = await eventOf(server.gateway, error.runId ?? "", "RESULT", "REJECT", "ERROR");
    assert.deepEqual([event.kind, event.meta.reason], ["ERROR", "interrupted"]);
});

test("a call that takes too long for the gateway is its timeout", async () => {
    const policy = { deterministic_only: false, timeout_ms: 100, max_retries: 0 };
    const error = await failure(server.gateway.invoke("hostile-spin", { payload: ADA, policy }));
    assert.ok(error.is("timeout"), error.message);
    assert.deepEqual([error.status, error.attempts, error.response?.status], [504, 1, "timeout"]);
});

test("what finds no place is sent again, and runs once", async () => {
    const crowded = (toml: string): string =>
        toml.replace("# calls_max = 256", "calls_max = 1").replace("# queue_max = 1024", "queue_max = 0");
    await withGateway(
        async (gateway, own) => {
            await install(own, "examples/hello");
            await gateway.registerPlugin(await own.signedPackage(join(GUESTS, "hostile/spin"), PATIENT));
            await gateway.enablePlugin("hostile-spin");
            const caller = new AbortController();
            const spins = gateway.invoke("hostile-spin", { payload: ADA, run_id: "holds" }, { signal: caller.signal });
            const held = assert.rejects(spins, { name: "AbortError" });
            await eventOf(gateway, "holds", "INVOKE");
            const codes: string[] = [];
            const patient = new PluginGateway({
                url: own.url,
                token: own.token,
                retries: 5,
                onRetry: ({ error }) => {
                    codes.push(error.code);
                    caller.abort();
                },
            });
            const answer = await patient.invoke("hello", { payload: ADA, run_id: "waits" });
            assert.equal(answer.status, "ok");
            assert.ok(codes.length > 0 && codes.every((code) => code === "overloaded"), codes.join());
            await held;
            const { events } = await gateway.getRun("waits");
            const kinds = events.map(({ event }) => event.kind);
            assert.deepEqual(kinds, [...codes.map(() => "REJECT"), "INVOKE", "RESULT"]);
            assert.equal(new Set(events.map(({ event }) => event.request_id)).size, 1);
        },
        { config: crowded },
    );
});

test("a server that goes away, and comes back", async () => {
    await withGateway(async (gateway, own) => {
        await install(own, "examples/hello");
        await gateway.registerPlugin(await own.signedPackage(join(GUESTS, "hostile/spin"), PATIENT));
        await gateway.enablePlugin("hostile-spin");
        const call = failure(gateway.invoke("hostile-spin", { payload: ADA, run_id: "cut" }));
        const following = gateway.events({ from: 0, run: "cut" });
        assert.equal((await following.next()).value.event.kind, "INVOKE");
        await own.stop("SIGKILL");
        const lost = await call;
        assert.ok(lost.is("connection_lost"), lost.message);
        assert.deepEqual([lost.attempts, lost.runId], [1, "cut"]);
        const gone = await failure(gateway.enablePlugin("hello"));
        assert.ok(gone.is("connection_refused"), gone.message);
        await own.start();
        // The stream was never told: it goes on where it was.
        const next = (await following.next()).value;
        assert.deepEqual([next.event.kind, next.event.meta.reason], ["ERROR", "interrupted"]);
        assert.equal((await gateway.invoke("hello", ADA)).status, "ok");
    });
});

test("bytes are kept under their hash, and a plugin reads them", async () => {
    const bytes = new TextEncoder().encode("region,amount\nnorth,1\nsouth,2\n");
    const artifact = await server.gateway.putArtifact(bytes);
    assert.deepEqual(await server.gateway.putArtifact(new Blob([bytes])), artifact);
    assert.equal(artifact.size_bytes, bytes.length);
    assert.ok(await server.gateway.hasArtifact(artifact.sha256));
    assert.ok(!(await server.gateway.hasArtifact("0".repeat(64))));
    assert.deepEqual(await server.gateway.getArtifact(artifact.sha256), bytes);
    const answer = await server.gateway.invoke("csv-profile", binaryRefPayload(artifact, "text/csv"));
    assert.equal(resultOf(answer)?.kind, "json");
    assert.ok((await failure(server.gateway.getArtifact("0".repeat(64)))).is("artifact_unknown"));
    const other = await failure(server.gateway.putArtifact(bytes, { sha256: "0".repeat(64) }));
    assert.ok(other.is("artifact_hash_mismatch"), other.message);
});

test("a private server leaves nothing behind", async () => {
    let home = "";
    let url = "";
    await assert.rejects(
        withGateway((_gateway, own) => {
            ({ home, url } = own);
            throw new Error("the test's own");
        }),
        /the test's own/,
    );
    await assert.rejects(access(dirname(home)), { code: "ENOENT" });
    const gone = await failure(new PluginGateway({ url, token: "omega_x", retries: 0 }).listPlugins());
    assert.ok(gone.is("connection_refused"));
});

test("without the binary a private server says what is missing", async () => {
    await assert.rejects(
        withGateway(() => undefined, { omega: "/nowhere/omega" }),
        /nowhere/,
    );
});
