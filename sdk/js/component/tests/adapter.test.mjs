/**
 * The adapter with bindings that are written by hand. That what it becomes part of runs in the gateway, and answers as a
 * worker does, is shown in the gateway's tests.
 */

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "omega-adapter-"));
const ownConsole = { ...console };
const ownRandom = Math.random;
after(() => {
    Object.assign(console, ownConsole);
    Math.random = ownRandom;
    rmSync(scratch, { recursive: true });
});

const LOG = "globalThis.lines = []; export const write = (level, message) => globalThis.lines.push(`${level}: ${message}`);";
const BROKERS = `
const refuse = (tag, val) => { throw Object.assign(new Error(), { payload: { tag, val } }); };
export const artifacts = {
    size: (id) => (id === "known" ? 25n : refuse("hash-mismatch", "other bytes")),
    read: (id, offset, length) => Uint8Array.from([1, 2, 3]).slice(Number(offset), Number(offset) + length),
};
export const datasets = {
    count: () => 3n,
    read: (first, rows) => (typeof first === "bigint" ? [first, rows].map(String) : refuse("failed", "no bigint")),
};`;

/** The adapter over these brokers. */
async function adapter(name, brokers) {
    const source = readFileSync(join(HERE, "../adapter.js"), "utf8");
    writeFileSync(join(scratch, "package.json"), '{"type":"module"}');
    writeFileSync(join(scratch, "log.js"), LOG);
    writeFileSync(join(scratch, `${name}-brokers.js`), brokers);
    const file = join(scratch, `${name}.js`);
    writeFileSync(file, source.replace("omega:plugin/log@1.0.0", "./log.js").replace("./brokers.js", `./${name}-brokers.js`));
    return (await import(pathToFileURL(file))).answer;
}

const answer = await adapter("all", BROKERS);
const answerOfPayload = await adapter("none", "export const artifacts = undefined, datasets = undefined;");

const of = (payload) => ({ requestId: "q", runId: "r", timestamp: "t", payload, context: [["a", "b"]] });
const text = (content) => of({ tag: "text", val: { content, encoding: "utf-8", metadata: [] } });

/** What the answer is: an outcome, what is thrown as a refusal, or that it traps; and the lines of the log. */
function run(handle, request, using = answer) {
    globalThis.lines.length = 0;
    let given;
    try {
        given = using(handle, request);
    } catch (error) {
        given = error instanceof Error ? { trap: error.message } : { declined: error };
    }
    return { given, lines: [...globalThis.lines] };
}

test("each kind of payload goes in and out", () => {
    const payloads = [
        [
            { tag: "text", val: { content: "a é 😀", encoding: "utf-8", metadata: [["k", "v"]] } },
            { kind: "text", content: "a é 😀", encoding: "utf-8", metadata: { k: "v" } },
        ],
        [
            { tag: "json", val: { data: '{"n":1.5,"__proto__":[null]}', schemaRef: "s" } },
            { kind: "json", data: JSON.parse('{"n":1.5,"__proto__":[null]}'), schema_ref: "s" },
        ],
        [
            { tag: "binary-ref", val: { artifactId: "i", artifactHash: "h", mimeType: "m" } },
            { kind: "binary_ref", artifact_id: "i", artifact_hash: "h", mime_type: "m" },
        ],
        [
            { tag: "dataset-slice", val: { sliceIds: ["1"], source: "s", filters: [["f", "g"]] } },
            { kind: "dataset_slice", slice_ids: ["1"], source: "s", filters: { f: "g" } },
        ],
    ];
    for (const [wit, payload] of payloads) {
        let seen;
        const { given } = run((request) => ((seen = request), { payload: request.payload, notes: "n" }), of(wit));
        assert.deepEqual(seen, { request_id: "q", run_id: "r", timestamp: "t", payload, context: { a: "b" } });
        assert.deepEqual(given, { payload: wit, notes: "n" });
    }
});

test("a refusal is thrown as the bindings want it", () => {
    const { given, lines } = run(() => ({ refusal: { code: "no_words", message: "none" } }), text(""));
    assert.deepEqual({ given, lines }, { given: { declined: { code: "no_words", message: "none" } }, lines: [] });
});

test("a fault traps, and its reason is the last line", () => {
    const ok = { kind: "text", content: "x" };
    const faults = [
        [() => { throw new TypeError("no good"); }, "no good"],
        [() => { throw "a string"; }, "a string"],
        [() => undefined, "neither a payload"],
        [() => ({ payload: { kind: "image" } }), "neither a payload"],
        [async () => ({ payload: ok }), "returned a promise"],
        [() => ({ payload: { ...ok, content: "\ud800" } }), "lone surrogate"],
        [() => ({ payload: ok, notes: "\udfff" }), "lone surrogate"],
        [() => ({ payload: ok, notes: 1 }), "notes is no string"],
        [() => ({ payload: { kind: "json", schema_ref: "s" } }), "data is no string"],
        [() => ({ refusal: { code: 1, message: "" } }), "refusal.code is no string"],
        [undefined, "no function of the name"],
    ];
    for (const [handle, said] of faults) {
        const { given, lines } = run(handle, text(""));
        assert.ok(given.trap?.includes(said), `${said}: ${JSON.stringify(given)}`);
        assert.ok(lines.length === 1 && lines[0].startsWith("error: ") && lines[0].includes(said), `${said}: ${lines}`);
    }
});

test("brokers answer with numbers and bytes", () => {
    const { given } = run((_, host) => {
        const bytes = [...host.artifactRead("known", 1, 5)];
        const values = [host.artifactSize("known"), bytes, host.datasetCount(), host.datasetRead(2, 7)];
        return { payload: { kind: "json", data: { values }, schema_ref: "s" } };
    }, text(""));
    assert.equal(given.payload.val.data, '{"values":[25,[2,3],3,["2","7"]]}');
});

test("a broker that says no declines the call, where the plugin does not catch it", () => {
    const asks = (_, host) => host.artifactSize("other");
    assert.deepEqual(run(asks, text("")).given.declined, { code: "broker_hash_mismatch", message: "other bytes" });
    const denied = run(asks, text(""), answerOfPayload).given.declined;
    assert.deepEqual([denied.code, denied.message.includes("capability")], ["broker_denied", true]);
    const catches = (request, host) => {
        try {
            host.artifactSize("other");
        } catch (error) {
            return { refusal: { code: error.kind, message: error.name } };
        }
    };
    assert.deepEqual(run(catches, text("")).given.declined, { code: "hash_mismatch", message: "BrokerError" });
});

test("what is printed becomes lines of the log", () => {
    const { lines } = run((request, host) => {
        console.log("a", 1);
        console.error("b");
        host.log("debug", "c\ud800");
        host.progress(0.5, "half");
        return { payload: request.payload };
    }, text("x"));
    assert.deepEqual(lines, ["info: a 1", "error: b", "debug: c\ufffd"]);
});

test("chance is the host's", () => {
    const drawn = [];
    run((request) => (drawn.push(Math.random(), Math.random()), request), text("x"));
    assert.ok(drawn.every((value) => value >= 0 && value < 1) && drawn[0] !== drawn[1]);
});

test("the WIT is the contract's", () => {
    const ours = readFileSync(join(HERE, "../wit/deps/omega-plugin/plugin.wit"), "utf8");
    assert.equal(ours, readFileSync(join(HERE, "../../../../crates/contract/wit/plugin.wit"), "utf8"));
    const worlds = readFileSync(join(HERE, "../wit/worlds.wit"), "utf8");
    const theirs = readFileSync(join(HERE, "../../../python/src/omega_plugin/component/wit/worlds.wit"), "utf8");
    assert.equal(worlds, theirs);
});
