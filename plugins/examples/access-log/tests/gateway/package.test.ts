/** The package through a real gateway: its answers are those of the harness, and it keeps to the whole gate. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { conformance, Gateway, Request, run } from "@omega/plugin/testing";
import { handle } from "../../src/plugin.js";

test("a real gateway's answers are those of the harness", () => {
    using gateway = new Gateway();
    // Enabled: it gave the same answer twice to each of its examples.
    const id = gateway.install(".");
    const example = Request.fromFile("examples/day.json");
    const text = example.payload.kind === "text" ? example.payload.content : "";
    // More than one question's worth.
    for (const request of [example, Request.artifact(text.repeat(2000), "text/plain"), Request.text("no log")]) {
        assert.deepEqual(gateway.run(id, request).answer, run(handle, request).answer);
    }
});

conformance(".");
