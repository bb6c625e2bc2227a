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
        for (const name of ["guide", "problems"]) {
            const request = Request.fromFile(`examples/${name}.json`);
            assert.deepEqual(gateway.run(id, request).answer, run(handle, request).answer);
        }
        const many = Request.text("#\n".repeat(5001));
        assert.deepEqual(gateway.run(id, many).refusal(), run(handle, many).refusal());
    } finally {
        gateway.close();
    }
});

conformance(".");
