/** Plugins as authors write them, run in this process. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
    BinaryRef,
    BrokerError,
    DatasetSlice,
    Json,
    jsonPayload,
    type PayloadType,
    plugin,
    Refusal,
    Text,
} from "@omega/plugin";
import { Request, run } from "@omega/plugin/testing";
import * as Type from "@omega/plugin/type";
import { anyData, bySchema, dearest, describe, giving, later, ORDER_REF, POINT_REF, takeOrder } from "./models.js";

const ITEM = { sku: "a-1", count: 2 };
const order = (changes: object = {}): Request =>
    Request.json({ customer: "Ada", items: [ITEM], ...changes }, ORDER_REF);

test("data is the author's type, and back", () => {
    const items = [ITEM, { sku: "b", count: 1, colour: "red", size: [1, 2.5], parts: [ITEM] }, { ...ITEM, size: null }];
    assert.deepEqual(run(takeOrder, order({ items, labels: { a: "b" } })).json(), { count: 5, way: "post" });
    assert.deepEqual(run(takeOrder, order({ way: "ship", express: true })).json(), { count: 2, way: "ship" });
});

const MISFITS: readonly [object, string][] = [
    [{ customer: 7 }, "customer: a string is wanted, not an integer"],
    [{ customer: null }, "customer: a string is wanted, not null"],
    [{ express: 1 }, "express: true or false is wanted, not an integer"],
    [{ items: {} }, "items: an array is wanted, not an object"],
    [{ items: [ITEM, { sku: "b" }] }, "items[1]: 'count' is missing"],
    [{ items: [{ ...ITEM, count: true }] }, "items[0].count: an integer is wanted, not true or false"],
    [{ items: [{ ...ITEM, count: 1.5 }] }, "items[0].count: an integer is wanted, not a number"],
    [{ items: [{ ...ITEM, size: [1] }] }, "items[0].size: an array of 2 is wanted; nor: null is wanted"],
    [{ items: [{ ...ITEM, parts: [{ sku: 1, count: 1 }] }] }, "items[0].parts[0].sku: a string is wanted"],
    [{ items: [{ ...ITEM, colour: "green" }] }, "one of these is wanted: 'red', 'blue'"],
    [{ way: "air" }, "way: one of these is wanted: 'post', 'ship'"],
    [{ way: [] }, "way: one of these is wanted: 'post', 'ship'"],
    [{ labels: { a: 1 } }, "labels.a: a string is wanted"],
    [{ labels: [] }, "labels: an object is wanted, not an array"],
    [{ extra: 1 }, "'extra' is not known"],
    // Names that every object of JavaScript has.
    [{ toString: 1 }, "'toString' is not known"],
    [{ constructor: 1 }, "'constructor' is not known"],
    [JSON.parse('{"__proto__": 1}') as object, "'__proto__' is not known"],
];

test("data that does not fit is declined and says where", () => {
    for (const [changes, message] of MISFITS) {
        // Not by spreading alone: `__proto__` is to be a member as any other.
        const data: object = JSON.parse(
            JSON.stringify({ customer: "Ada", items: [ITEM], ...changes }).replace(
                /}$/,
                Object.hasOwn(changes, "__proto__") ? ',"__proto__":1}' : "}",
            ),
        ) as object;
        const refusal = run(takeOrder, Request.json(data, ORDER_REF)).refusal();
        assert.equal(refusal.code, Refusal.INVALID_JSON);
        assert.match(refusal.message, /^the input's data is not what this plugin reads: /);
        assert.ok(refusal.message.includes(message), `${refusal.message} says nothing of: ${message}`);
    }
    assert.equal(run(takeOrder, order({ items: [] })).refusal().message, "an order without items");
});

test("a member that every object has is missing all the same", () => {
    const Named = Json.of(Type.Object({ constructor: Type.String() }));
    const named = plugin({ input: Named, output: Text }, ({ data }) => new Text(data.constructor));
    assert.match(run(named, Request.json({}, "any")).refusal().message, /'constructor' is missing$/);
    assert.equal(run(named, Request.json({ constructor: "a" }, "any")).text(), "a");
});

test("a whole number may be written as a fraction", () => {
    assert.equal(run(takeOrder, order({ items: [{ ...ITEM, count: 2.0 }] })).json()["count"], 2);
});

test("a plugin of all kinds narrows them by their kind", () => {
    const text = run(describe, new Text("hello"));
    assert.deepEqual([text.text(), text.notes()], ["hello", "a text"]);
    assert.deepEqual(text.logs, [{ level: "info", message: "a text" }]);
    assert.deepEqual(text.progress, [{ done: 0.5, message: "halfway" }]);
    assert.equal(run(describe, Request.json({ a: 1 }, "any")).text(), '{"a":1}');
    assert.equal(run(describe, Request.artifact("ärger")).text(), "ärger");
    assert.equal(run(describe, Request.rows([{ a: 1 }])).text(), '1 [{"a":1}]');
});

test("several types of JSON are told apart by their schema", () => {
    assert.equal(run(bySchema, order()).text(), "Ada");
    assert.equal(run(bySchema, Request.json({ x: 1.5, why: 1 }, POINT_REF)).text(), "x 1.5");
    const refusal = run(bySchema, Request.json({}, "omega:other:input:other:v1.0.0")).refusal();
    assert.equal(refusal.message, "this plugin reads no JSON of the schema omega:other:input:other:v1.0.0");
    assert.equal(run(bySchema, new Text("x")).refusal().message, "this plugin reads json, not text");
    assert.throws(
        () => plugin({ input: [Json, Json.of(Type.Object({}))], output: Text }, () => new Text("")),
        TypeError,
    );
});

test("rows are read as the author's type", () => {
    assert.equal(run(dearest, Request.rows([{ price: 1 }, { price: 2.5 }])).text(), "2.5");
    assert.equal(run(dearest, Request.rows([])).refusal().code, "no_rows");
    const many = Array.from({ length: 600 }, (_, price) => ({ price }));
    assert.equal(run(dearest, Request.rows(many)).text(), "599");
    const refusal = run(dearest, Request.rows([...many, { price: "2" }])).refusal();
    assert.equal(refusal.code, Refusal.INVALID_ROW);
    assert.match(refusal.message, /^row 600 of the slice is not what this plugin reads: price: a number is wanted/);
});

test("the harness answers by the gateway's rules", () => {
    const named = Request.artifact("abc");
    assert.equal(run(describe, named.withBytes("other")).refusal().code, "broker_hash_mismatch");
    assert.equal(run(describe, named.payload).refusal().code, "broker_unknown");
    const refused = run(describe, named.withBrokerError(new BrokerError("denied", "not granted"))).refusal();
    assert.deepEqual([refused.code, refused.message], ["broker_denied", "the broker denied it: not granted"]);
    const nosy = plugin(
        { input: BinaryRef, output: Text },
        (artifact) => new Text(new BinaryRef("other", artifact.artifact_hash, "text/plain").readText(10)),
    );
    assert.equal(run(nosy, named).refusal().code, "broker_denied");
    const asks = plugin({ input: Text, output: Text }, () => new Text(String(new DatasetSlice(["a"], "b").count())));
    assert.equal(run(asks, new Text("")).refusal().code, "broker_denied");
});

test("a broker's error is the SDK's own, whoever threw it, and can be caught", () => {
    const careful = plugin({ input: BinaryRef, output: Text }, (artifact) => {
        try {
            return new Text(String(artifact.size()));
        } catch (error) {
            return new Text(error instanceof BrokerError ? error.kind : "a stranger");
        }
    });
    const foreign = Object.assign(new Error("used up"), { name: "BrokerError", kind: "limit_exceeded" });
    const request = Request.artifact("abc");
    const host = {
        log() {},
        progress() {},
        artifactSize: () => {
            throw foreign;
        },
        artifactRead: () => new Uint8Array(),
        datasetCount: () => 0,
        datasetRead: () => [],
    };
    const answer = careful(request.toWire(), host);
    assert.ok("payload" in answer && answer.payload.kind === "text");
    assert.equal(answer.payload.content, "limit_exceeded");
    assert.deepEqual(describe(request.toWire(), host), {
        refusal: { code: "broker_limit_exceeded", message: "a broker limit is used up: used up" },
    });
});

test("bytes are read in pieces", () => {
    const content = new Uint8Array(700_000).map((_, index) => index % 251);
    const digest = plugin({ input: BinaryRef, output: Text }, (artifact) => {
        const hash = createHash("sha256");
        for (const chunk of artifact.chunks()) {
            assert.ok(chunk.length <= 256 * 1024);
            hash.update(chunk);
        }
        assert.equal(artifact.readAt(content.length, 10).length, 0);
        assert.deepEqual([...artifact.readAt(1, 2)], [1, 2]);
        assert.deepEqual(artifact.readAll(700_000), content);
        artifact.readAll(699_999);
        return new Text(hash.digest("hex"));
    });
    const refusal = run(digest, Request.artifact(content)).refusal();
    assert.deepEqual(
        [refusal.code, refusal.message],
        ["artifact_too_large", "the artifact has 700000 bytes, this plugin reads at most 699999"],
    );
});

test("a host may give less than was asked for", () => {
    const content = new TextEncoder().encode("0123456789".repeat(100));
    const host = {
        log() {},
        progress() {},
        artifactSize: () => content.length,
        artifactRead: (_: string, offset: number, length: number) =>
            content.slice(offset, offset + Math.min(length, 7)),
        datasetCount: () => 3,
        datasetRead: (first: number) => (first < 3 ? [JSON.stringify({ price: first })] : []),
    };
    const whole = describe(Request.artifact(content).toWire(), host);
    assert.ok("payload" in whole && whole.payload.kind === "text");
    assert.equal(whole.payload.content, "0123456789".repeat(100));
    const most = dearest(Request.rows([{}]).toWire(), host);
    assert.ok("payload" in most && most.payload.kind === "text");
    assert.equal(most.payload.content, "2");
});

test("lines are read whatever their ends and wherever pieces end", () => {
    const lines = plugin(
        { input: BinaryRef, output: Text },
        (artifact) => new Text(JSON.stringify([...artifact.lines(400_000)])),
    );
    const of = (content: string): unknown => JSON.parse(run(lines, Request.artifact(content)).text());
    assert.deepEqual(of(""), []);
    assert.deepEqual(of("\n"), [""]);
    assert.deepEqual(of("a\r\nb\rc\n\nd\r"), ["a", "b\rc", "", "d\r"]);
    const long = "ä".repeat(150_000);
    assert.deepEqual(of(`${long}\n${long}`), [long, long]);
    const refusal = run(lines, Request.artifact(`x\n${"y".repeat(400_001)}\n`)).refusal();
    assert.equal(refusal.message, "the line at byte 2 is longer than the 400000 bytes that this plugin reads");
    const invalid = run(lines, Request.artifact(new Uint8Array([0x61, 0x0a, 0x62, 0xff, 0x0a]))).refusal();
    assert.equal(invalid.message, "the artifact is not UTF-8 text at byte 3");
});

test("text that is none is declined, and says where", () => {
    for (const [bytes, at] of [
        [[0x61, 0x62, 0xff], 2],
        [[0xc0, 0x80], 0],
        [[0x61, 0xed, 0xa0, 0x80], 1],
        [[0xe0, 0x80, 0x80], 0],
        [[0xf4, 0x90, 0x80, 0x80], 0],
        [[0xf0, 0x8f, 0x80, 0x80], 0],
        [[0xef, 0xbf, 0xbd, 0xe2, 0x82], 3],
    ] as const) {
        const refusal = run(describe, Request.artifact(new Uint8Array(bytes))).refusal();
        assert.deepEqual(
            [refusal.code, refusal.message],
            ["unreadable", `the artifact is not UTF-8 text at byte ${at}`],
        );
    }
    // A character that decoders put in for others may be there itself; and a mark at the start is a part of the text.
    assert.equal(run(describe, Request.artifact("\ufeffa\ufffd\u{10ffff}")).text(), "\ufeffa\ufffd\u{10ffff}");
});

test("a request of the package is read", () => {
    const folder = mkdtempSync(join(tmpdir(), "omega-sdk-js-"));
    try {
        const file = join(folder, "request.json");
        const written = {
            request_id: "a",
            run_id: "b",
            timestamp: "2026-01-01T00:00:00Z",
            payload: new Text("hello").toWire(),
            context: { tone: "dry" },
        };
        writeFileSync(file, JSON.stringify(written));
        const request = Request.fromFile(file);
        assert.equal(request.call.request_id, "a");
        assert.deepEqual(run(describe, request).outcome().payload, new Text("hello", { tone: "dry" }));
        assert.equal(request.withContext({ mood: "odd" }).call.context["mood"], "odd");
        writeFileSync(file, JSON.stringify({ ...written, more: 1 }));
        assert.throws(() => Request.fromFile(file), /not a request of the contract/);
    } finally {
        rmSync(folder, { recursive: true });
    }
});

test("faults come out as they are", () => {
    const broken = plugin({ input: Text, output: Text }, (text) => {
        throw new RangeError(text.content);
    });
    assert.throws(() => run(broken, new Text("told to")), new RangeError("told to"));
    // The host is put away each time.
    assert.equal(run(describe, new Text("next")).text(), "next");
    const nested = plugin({ input: Text, output: Text }, (text) => new Text(run(describe, text).text()));
    assert.throws(() => run(nested, new Text("a")), /cannot run within a plugin/);
});

test("what JSON cannot say is a fault, not something else", () => {
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = cyclic;
    const sparse: unknown[] = [];
    sparse[2] = 3;
    const cases: readonly [unknown, RegExp][] = [
        [{ a: [0, Number.NaN] }, /data\.a\[1\] is NaN/],
        [{ a: Number.POSITIVE_INFINITY }, /data\.a is Infinity/],
        [{ a: new Map([["b", 1]]) }, /data\.a is a Map/],
        [{ a: new Date(0) }, /data\.a is a Date/],
        [{ a: () => 1 }, /data\.a is a function/],
        [{ a: 1n }, /data\.a is a bigint/],
        [{ a: [undefined] }, /data\.a\[0\] is undefined/],
        [{ a: sparse }, /data\.a\[0\] is undefined/],
        [{ a: "\ud800" }, /data\.a is not text/],
        [{ "\udc00": 1 }, /a name in data is not text/],
        [cyclic, /nested deeper than 64/],
    ];
    for (const [data, message] of cases) {
        assert.throws(
            () =>
                run(
                    giving(() => anyData(data)),
                    new Text(""),
                ),
            message,
        );
    }
    const fine = { a: undefined, b: null, c: [-0, 1e300], d: Object.create(null) as object, e: "\u{1f600}" };
    assert.deepEqual(
        run(
            giving(() => anyData(fine)),
            new Text(""),
        ).json(),
        { b: null, c: [0, 1e300], d: {}, e: "😀" },
    );
});

test("an answer that is none is a fault", () => {
    assert.throws(
        () =>
            run(
                giving(() => ({ kind: "text" })),
                new Text(""),
            ),
        /a plugin returns Text, Json/,
    );
    assert.throws(
        () =>
            run(
                giving(() => undefined),
                new Text(""),
            ),
        /a plugin returns Text, Json/,
    );
    assert.throws(
        () =>
            run(
                giving(() => new Json({ a: 1 })),
                new Text(""),
            ),
        /has no schema_ref/,
    );
});

test("a promise is waited for", async () => {
    const done = await run(later, new Text("hello"));
    assert.deepEqual([done.text(), done.logs.length], ["HELLO", 1]);
    assert.equal((await run(later, new Text(""))).refusal().code, "empty");
    const broken = plugin({ input: Text, output: Text }, () => Promise.reject<Text>(new Error("told to")));
    await assert.rejects(run(broken, new Text("")), /told to/);
    // One call at a time: what the first has logged is not the second's.
    const first = run(later, new Text("a"));
    assert.throws(() => run(describe, new Text("b")), /cannot run within a plugin/);
    assert.equal((await first).text(), "A");
    assert.equal(run(describe, new Text("b")).text(), "b");
});

test("types that JSON does not have, or that are not checked, are named when the plugin is loaded", () => {
    const cases: readonly [Type.TSchema, RegExp][] = [
        [Type.Object({ a: Type.BigInt() }), /"bigint" has no JSON/],
        [Type.Object({ a: Type.Array(Type.Undefined()) }), /"undefined" has no JSON/],
        [Type.Object({ a: Type.Function([], Type.Null()) }), /"function" has no JSON/],
        [Type.Intersect([Type.Object({ a: Type.Null() }), Type.Object({})]), /write Type\.Evaluate/],
        [Type.Object({ a: Type.Never() }), /`not` is not checked/],
        [Type.Object({ a: Type.Ref("Nobody") }), /no type is called Nobody/],
        [Type.Record(Type.TemplateLiteral("a${string}"), Type.Null()), /the names of a Record/],
        [Type.Unsafe({ oneOf: [] }), /`oneOf` is not checked/],
    ];
    for (const [type, message] of cases) {
        assert.throws(() => jsonPayload("omega:a:input:b:v1.0.0", type), message);
    }
    const strange = ["text" as unknown as PayloadType];
    assert.throws(() => plugin({ input: strange, output: Text }, () => new Text("")), /a plugin takes and gives/);
    assert.throws(() => plugin({ input: [], output: Text }, () => new Text("")), /a plugin takes and gives/);
});

test("types that hold themselves, and types put together", () => {
    const Tree = Type.Cyclic({ Node: Type.Object({ kids: Type.Array(Type.Ref("Node")) }) }, "Node");
    const Both = Type.Evaluate(Type.Intersect([Type.Object({ a: Type.Null() }), Type.Object({ tree: Tree })]));
    const depth = plugin({ input: Json.of(Both), output: Text }, ({ data }) => new Text(JSON.stringify(data.tree)));
    const data = { a: null, tree: { kids: [{ kids: [] }, { kids: [{ kids: [] }] }] } };
    assert.equal(run(depth, Request.json(data, "any")).text(), JSON.stringify(data.tree));
    const wrong = { a: null, tree: { kids: [{ kids: [] }, { kids: [{ kids: 1 }] }] } };
    assert.match(
        run(depth, Request.json(wrong, "any")).refusal().message,
        /tree\.kids\[1\]\.kids\[0\]\.kids: an array is wanted, not an integer$/,
    );
});

test("data is read as another type where a plugin looks at its schema first", () => {
    const Version = Type.Object({ version: Type.Integer() });
    const careful = plugin({ input: Json, output: Text }, (any) => new Text(`${any.parse(Version).data.version}`));
    assert.equal(run(careful, Request.json({ version: 3 }, "any")).text(), "3");
    assert.equal(run(careful, Request.json({ version: "3" }, "any")).refusal().code, Refusal.INVALID_JSON);
});

test("payloads travel as the contract writes them", () => {
    const wire = new Text("Hello OMEGA", { source: "test" }).toWire();
    const canonical = JSON.stringify(wire, ["content", "encoding", "kind", "metadata", "source"]);
    // The golden value of spec page 2.
    const golden = "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28";
    assert.equal(createHash("sha256").update(canonical).digest("hex"), golden);
    assert.deepEqual(new DatasetSlice(["a"], "b").toWire(), {
        kind: "dataset_slice",
        slice_ids: ["a"],
        source: "b",
        filters: {},
    });
});
