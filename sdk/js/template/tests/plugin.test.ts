/** `npm test` runs the plugin's function here, without a sandbox and without a gateway; and the gate through a real one. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { conformance, Request, run } from "@omega/plugin/testing";
import { handle } from "../src/plugin.js";

test("counts words", () => {
    const report = run(handle, Request.text("one three two")).json();
    assert.deepEqual(report, { words: 3, longest_word: "three" });
});

test("declines a text without words", () => {
    assert.equal(run(handle, Request.text(" \n")).refusal().code, "no_words");
});

test("answers its example", () => {
    assert.equal(run(handle, Request.fromFile("examples/sentence.json")).json()["words"], 9);
});

// The ten checks of `omega plugins certify`: needs `omega` on PATH, or in $OMEGA_BIN.
conformance(".");
