/** The package through a real gateway: its answers are those of the harness, and it keeps to the whole gate. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { conformance, Gateway, Request, run } from "@omega/plugin/testing";
import { handle } from "../../src/plugin.js";

test("a real gateway's answers are those of the harness", () => {
    const gateway = new Gateway();
    try {
        // Enabled: it gave the same answer twice to each of its examples.
        const id = gateway.install(".");
        for (const name of ["config", "same"]) {
            const request = Request.fromFile(`examples/${name}.json`);
            assert.deepEqual(gateway.run(id, request).answer, run(handle, request).answer);
        }
        const wrong = Request.json({ before: 1, after: 2, ignore: ["x"] }, "omega:json-diff:input:documents:v1.0.0");
        assert.deepEqual(gateway.run(id, wrong).refusal(), run(handle, wrong).refusal());
    } finally {
        gateway.close();
    }
});

conformance(".");
