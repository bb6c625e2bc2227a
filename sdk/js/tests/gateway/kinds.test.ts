/** A plugin of every kind through a real gateway: what the harness promises is what is there. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Gateway, GatewayError, Request, run } from "@omega/plugin/testing";
import { bundle, type Descriptor, Folder, manifest } from "../package.js";
import { describe } from "../models.js";

const KINDS = ["text", "json", "binary_ref", "dataset_slice"];

/** The same plugin, with what goes wrong in a worker. */
const SOURCE = `
    import { BinaryRef, DatasetSlice, Json, plugin, Refusal, Text } from "@omega/plugin";
    import { describe } from "./tests/models.js";
    const faulty = plugin({ input: [Text, Json, BinaryRef, DatasetSlice], output: Text }, (payload) => {
        if (payload.kind === "text" && payload.content === "fail") {
            throw new RangeError("told to");
        }
        if (payload.kind === "text" && payload.content === "no") {
            throw new Refusal("no", "told: not to");
        }
        return new Text(payload.kind === "text" && payload.content === "half" ? "\\ud800" : "");
    });
    export const handle = (request, host) =>
        ["fail", "no", "half"].includes(request.payload.content) ? faulty(request, host) : describe(request, host);
`;

function allKinds(): Folder {
    const folder = new Folder();
    const descriptor = (direction: string, kind: string): Descriptor => ({
        kind,
        schema_ref: `omega:all-kinds:${direction}:${kind}:v1.0.0`,
    });
    const inputs = KINDS.map((kind) => descriptor("input", kind));
    folder.write("plugin.js", bundle(SOURCE));
    folder.write("PLUGIN_MANIFEST.json", manifest("all-kinds", inputs, [descriptor("output", "text")]));
    for (const kind of KINDS) {
        folder.write(
            `schemas/inputs/${kind}.schema.json`,
            `{"type":"object","properties":{"kind":{"const":"${kind}"}}}`,
        );
    }
    folder.write("schemas/outputs/text.schema.json", `{"type":"object","properties":{"kind":{"const":"text"}}}`);
    return folder;
}

test("a real gateway's answers are those of the harness", () => {
    using folder = allKinds();
    using gateway = new Gateway();
    const id = gateway.install(folder.path);
    const asked = [
        Request.text("hello ä \u{1f600}").withContext({ tone: "dry" }),
        Request.json({ a: [1, 2.5, null], b: 1e300, c: -0 }, "omega:all-kinds:input:json:v1.0.0"),
        // More than one question's worth.
        Request.artifact("abc".repeat(300_000), "text/plain"),
        Request.artifact(new Uint8Array([0x61, 0xff]), "text/plain"),
        Request.artifact("x".repeat((1 << 20) + 1), "text/plain"),
        Request.rows(
            Array.from({ length: 300 }, (_, id) => ({ id: String(id), price: id / 2 })),
            "id",
        ),
    ];
    for (const request of asked) {
        assert.deepEqual(gateway.run(id, request).answer, run(describe, request).answer);
    }
    assert.throws(() => gateway.run(id, Request.rows([{ id: "a" }])), /name the field that identifies a row/);
});

test("what goes wrong is told apart", () => {
    using folder = allKinds();
    using gateway = new Gateway();
    const id = gateway.install(folder.path);
    const refusal = gateway.run(id, Request.text("no")).refusal();
    assert.deepEqual([refusal.code, refusal.message], ["no", "told: not to"]);
    for (const [text, message] of [
        ["fail", "RangeError: told to"],
        ["half", "lone surrogate"],
    ] as const) {
        assert.throws(
            () => gateway.run(id, Request.text(text)),
            (error) => {
                assert.ok(error instanceof GatewayError);
                assert.deepEqual([error.response?.status, error.reason], ["error", "plugin_error"]);
                assert.ok(error.message.includes(message), error.message);
                return true;
            },
        );
    }
    assert.throws(() => gateway.omega("no-such-verb"), /`omega no-such-verb` ended with 2/);
    assert.throws(() => new Gateway("/nowhere/omega"), /cannot be run .*; set OMEGA_BIN/);
});
