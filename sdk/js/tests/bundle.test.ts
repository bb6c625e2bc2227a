/** What an author's build makes of a plugin: one file that needs nothing of Node, no `eval`, and little room. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";
import { type Handle, Request, run } from "@omega/plugin/testing";
import type { PluginAnswer } from "@omega/plugin";
import { bundle } from "./package.js";

const SOURCE = `
    import { Json, jsonPayload, log, plugin, Text } from "@omega/plugin";
    import * as Type from "@omega/plugin/type";
    const Report = jsonPayload("omega:a:output:report:v1.0.0", Type.Object({
        words: Type.Integer({ minimum: 1 }),
        tags: Type.Optional(Type.Array(Type.Union([Type.Literal("a"), Type.Null()]))),
    }));
    export const handle = plugin({ input: [Text, Report], output: Report }, (payload) => {
        log.info(payload.kind);
        return new Json({ words: payload.kind === "text" ? payload.content.length : payload.data.words });
    });
`;

test("a bundle runs with ECMAScript's globals, TextDecoder and TextEncoder alone", () => {
    // Made of strings: no code. So a bundle that compiles its checks fails here as it would in the engine.
    const context = createContext({ TextDecoder, TextEncoder }, { codeGeneration: { strings: false, wasm: false } });
    const handle = runInContext(`${bundle(SOURCE, "iife")}; plugin.handle`, context) as Handle;
    assert.throws(() => runInContext(`new Function("return 1")()`, context), /Code generation from strings disallowed/);
    const answer = run(handle as Handle<PluginAnswer>, Request.text("abc"));
    assert.deepEqual(answer.json(), { words: 3 });
});

test("a bundle has no import and holds of TypeBox what is used", () => {
    const text = bundle(SOURCE);
    assert.doesNotMatch(text, /^\s*import[\s{*"(]/m);
    assert.ok(text.length < 48 * 1024, `${text.length} bytes`);
});
