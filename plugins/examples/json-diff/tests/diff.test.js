/** Patches: what they say, and that they make one document of the other. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { Request, run } from "@omega/plugin/testing";
import { handle } from "../src/plugin.js";
import { apply } from "./apply.js";

/**
 * @typedef {import("@omega/plugin").JsonValue} JsonValue
 * @typedef {{ op: string, path: string, value?: unknown }} Operation
 * @typedef {{ equal: boolean, patch: Operation[], summary: { added: number, removed: number, replaced: number, paths: string[] } }} Diff
 */

const REF = "omega:json-diff:input:documents:v1.0.0";

/**
 * @param {unknown} before
 * @param {unknown} after
 * @param {object} [options]
 */
const asked = (before, after, options = {}) => run(handle, Request.json({ before, after, ...options }, REF));
/** @type {(before: unknown, after: unknown, options?: object) => Diff} */
const diff = (before, after, options) =>
    /** @type {Diff} */ (/** @type {unknown} */ (asked(before, after, options).json()));
/** @type {(before: unknown, after: unknown, options?: object) => string[]} */
const patch = (before, after, options) =>
    diff(before, after, options).patch.map(({ op, path, value }) =>
        value === undefined ? `${op} ${path}` : `${op} ${path} ${JSON.stringify(value)}`,
    );

test("members that are added, removed and replaced", () => {
    const made = diff({ a: 1, b: { c: [] }, d: null }, { a: 2, b: { e: true }, d: null });
    assert.deepEqual(made.patch, [
        { op: "replace", path: "/a", value: 2 },
        { op: "remove", path: "/b/c" },
        { op: "add", path: "/b/e", value: true },
    ]);
    assert.deepEqual(made.summary, { added: 1, removed: 1, replaced: 1, paths: ["/a", "/b"] });
    assert.equal(made.equal, false);
});

test("what is the same gives no patch, however it is written", () => {
    const same = [
        [
            { a: 1, b: [1, { c: 2, d: 3 }] },
            { b: [1.0, { d: 3, c: 2 }], a: 1 },
        ],
        [[], []],
        [null, null],
        ["", ""],
        [0, -0],
    ];
    for (const [before, after] of same) {
        const summary = { added: 0, removed: 0, replaced: 0, paths: [] };
        assert.deepEqual(diff(before, after), { equal: true, patch: [], summary });
    }
});

test("values of other types are replaced, and so is a whole document", () => {
    assert.deepEqual(patch({ a: [1] }, { a: { 0: 1 } }), ['replace /a {"0":1}']);
    assert.deepEqual(patch({ a: null }, { a: false }), ["replace /a false"]);
    assert.deepEqual(patch({ a: "1" }, { a: 1 }), ["replace /a 1"]);
    assert.deepEqual(patch([1], "x"), ['replace  "x"']);
    assert.deepEqual(patch({}, { a: null }), ["add /a null"]);
});

test("names are written as pointers, also those that JavaScript knows", () => {
    assert.deepEqual(patch({ "a/b": 1, "~": 1, "": 1 }, { "a/b": 2, "~": 2, "": 2 }), [
        ...["replace / 2", "replace /a~1b 2", "replace /~0 2"],
    ]);
    assert.deepEqual(patch({}, { constructor: 1, toString: 2 }), ["add /constructor 1", "add /toString 2"]);
    const proto = /** @type {unknown} */ (JSON.parse('{"__proto__": {"a": 1}}'));
    assert.deepEqual(patch({}, proto), ['add /__proto__ {"a":1}']);
    assert.deepEqual(patch(proto, {}), ["remove /__proto__"]);
});

test("an item put in is one addition, and one that changed is looked into", () => {
    assert.deepEqual(patch(["b", "c"], ["a", "b", "c"]), ['add /0 "a"']);
    assert.deepEqual(patch(["a", "b", "c"], ["a", "c"]), ["remove /1"]);
    assert.deepEqual(patch([{ id: 1, n: 1 }, { id: 2 }], [{ id: 1, n: 2 }, { id: 2 }]), ["replace /0/n 2"]);
    assert.deepEqual(patch([1, 2, 3, 4], [4, 1, 2, 3]), ["add /0 4", "remove /4"]);
    assert.deepEqual(patch(["a", "b", "c"], []), ["remove /0", "remove /0", "remove /0"]);
    // By place it is three replacements.
    assert.deepEqual(patch(["b", "c"], ["a", "b", "c"], { arrays: "index" }), [
        ...['replace /0 "a"', 'replace /1 "b"', 'add /2 "c"'],
    ]);
});

test("members that do not count are left out", () => {
    const before = {
        at: 1,
        items: [
            { id: 1, at: 1 },
            { id: 2, at: 1 },
        ],
        deep: { at: 1, x: { at: 1 } },
    };
    const after = {
        at: 2,
        items: [
            { id: 1, at: 2 },
            { id: 2, at: 2 },
        ],
        deep: { at: 2, x: { at: 2 } },
    };
    assert.deepEqual(patch(before, after, { ignore: ["/at", "/items/*/at", "/deep"] }), []);
    assert.deepEqual(patch(before, after, { ignore: ["/at", "/items/1/at", "/*/at", "/deep/x"] }), [
        "replace /items/0/at 2",
    ]);
    // An item stays where it is: taking it out would move the others.
    assert.deepEqual(patch([1, 2], [1, 3], { ignore: ["/1"] }), ["replace /1 3"]);
    assert.deepEqual(patch({ "a/b": 1, "*": 1 }, { "a/b": 2, "*": 1 }, { ignore: ["/a~1b"] }), []);
    for (const pointer of ["", "a", "/~2", "/a~"]) {
        assert.equal(asked(1, 2, { ignore: [pointer] }).refusal().code, "invalid_pointer", pointer);
    }
});

test("a patch with tests fails on another document", () => {
    const [before, after] = [
        { a: 1, b: [1, 2] },
        { a: 2, b: [2] },
    ];
    const { patch } = diff(before, after, { tests: true });
    assert.deepEqual(apply(before, patch), after);
    assert.throws(() => apply({ a: 3, b: [1, 2] }, patch), /test: something else is at \/a/);
    assert.deepEqual(patch[0], { op: "test", path: "/a", value: 1 });
});

test("input that is none is declined, and says where", () => {
    const declined = run(handle, Request.json({ before: 1 }, REF)).refusal();
    assert.match(declined.message, /'after' is missing/);
    assert.match(asked(1, 2, { arrays: "set" }).refusal().message, /arrays: one of these is wanted/);
    assert.match(asked(1, 2, { ignore: [1] }).refusal().message, /ignore\[0\]: a string is wanted/);
});

test("arrays too long to match are compared by place, and the notes say so", () => {
    const [before, after] = [
        Array.from({ length: 1500 }, (_, index) => index),
        Array.from({ length: 1500 }, (_, index) => -index - 1),
    ];
    const answer = asked(before, after);
    assert.match(answer.notes(), /compared by place/);
    assert.equal(asked(before, [...before, 1]).notes(), "");
});

test("a patch makes one document of the other, whatever they are", () => {
    const random = numbers(20_260_101);
    for (let round = 0; round < 1500; round += 1) {
        const before = document(random, 3);
        const after = round % 3 === 0 ? document(random, 3) : changed(before, random);
        for (const arrays of ["sequence", "index"]) {
            for (const tests of [false, true]) {
                const { patch, equal } = diff(before, after, { arrays, tests });
                assert.deepEqual(apply(before, patch), after);
                assert.equal(equal, isDeepStrictEqual(before, after));
            }
        }
    }
});

test("answers its examples", () => {
    const config = run(handle, Request.fromFile("examples/config.json")).json();
    assert.deepEqual(config["summary"], {
        added: 2,
        removed: 1,
        replaced: 2,
        paths: ["/features", "/limits", "/name"],
    });
    assert.equal(run(handle, Request.fromFile("examples/same.json")).json()["equal"], true);
});

/**
 * The same numbers on each run (mulberry32).
 * @param {number} seed
 * @returns {(below: number) => number}
 */
function numbers(seed) {
    let state = seed;
    return (below) => {
        state = (state + 0x6d2b79f5) | 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
    };
}

/**
 * @param {(below: number) => number} random
 * @param {number} depth
 * @returns {JsonValue}
 */
function document(random, depth) {
    const kind = random(depth > 0 ? 8 : 5);
    if (kind < 5) {
        return [null, true, random(4), "ab".slice(random(2)), random(3) / 2][kind] ?? null;
    }
    const size = random(6);
    const parts = Array.from({ length: size }, () => document(random, depth - 1));
    return kind < 7
        ? parts
        : Object.fromEntries(parts.map((part) => [["a", "b/", "~c", "", "0"][random(5)] ?? "", part]));
}

/**
 * The document with something else in it.
 * @param {JsonValue} value
 * @param {(below: number) => number} random
 * @returns {JsonValue}
 */
function changed(value, random) {
    if (typeof value !== "object" || value === null || random(5) === 0) {
        return random(2) === 0 ? value : document(random, 1);
    }
    if (Array.isArray(value)) {
        const items = /** @type {JsonValue[]} */ (value).map((item) =>
            random(3) === 0 ? changed(item, random) : item,
        );
        items.splice(random(items.length + 1), random(2), ...(random(2) === 0 ? [document(random, 1)] : []));
        return items;
    }
    const members = Object.entries(value).filter(() => random(5) > 0);
    return Object.fromEntries(
        members.map(([name, member]) => [name, changed(/** @type {JsonValue} */ (member), random)]),
    );
}
