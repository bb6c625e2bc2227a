/** The gate's report becomes tests, and what is no report becomes no pass. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { certify } from "@omega/plugin/testing";
import { Folder } from "./package.js";

const CHECKS = Array.from({ length: 10 }, (_, index) => ({
    id: `CG-${String(index + 1).padStart(2, "0")}`,
    name: `Check ${index + 1}`,
    law: "L1",
    passed: true,
    detail: "as it should be",
    duration_ms: 1,
}));

/** A program in the place of `omega`: it prints this and ends so. */
function standIn(folder: Folder, report: string, code: number): string {
    const file = join(folder.path, "omega.mjs");
    const said = JSON.stringify(report);
    folder.write(
        "omega.mjs",
        `#!${process.execPath}
        import { writeFileSync } from "node:fs";
        writeFileSync(${JSON.stringify(join(folder.path, "words"))}, JSON.stringify(process.argv.slice(2)));
        process.stdout.write(${said}); console.error("told"); process.exitCode = ${code};`,
    );
    chmodSync(file, 0o755);
    return file;
}

test("a report is read, passed or not", () => {
    using folder = new Folder();
    const passed = certify("here", standIn(folder, JSON.stringify({ checks: CHECKS }), 0));
    assert.deepEqual([passed.length, passed.every((check) => check.passed)], [10, true]);
    const failing = CHECKS.with(4, { ...CHECKS[4], passed: false, detail: "it remembers" } as (typeof CHECKS)[number]);
    const failed = certify("here", standIn(folder, JSON.stringify({ checks: failing }), 1));
    assert.deepEqual(
        failed.filter((check) => !check.passed).map(({ id, detail }) => `${id} ${detail}`),
        ["CG-05 it remembers"],
    );
});

test("what is no whole report, or does not agree with how the gate ended, is no pass", () => {
    using folder = new Folder();
    for (const [report, code] of [
        ["", 0],
        ["no JSON", 0],
        ["{}", 0],
        [JSON.stringify({ checks: CHECKS.slice(1) }), 0],
        [JSON.stringify({ checks: [...CHECKS.slice(1), CHECKS[1]] }), 0],
        [JSON.stringify({ checks: CHECKS }), 1],
        [JSON.stringify({ checks: CHECKS }), 3],
        [JSON.stringify({ checks: CHECKS.map((check) => ({ ...check, passed: "yes" })) }), 0],
    ] as const) {
        assert.throws(() => certify("here", standIn(folder, report, code)), /no whole report: told/, report);
    }
    assert.throws(() => certify("here", join(folder.path, "nowhere")), /cannot be run .*; set OMEGA_BIN/);
});

test("each check is a test of its own", () => {
    using folder = new Folder();
    const failing = CHECKS.with(4, { ...CHECKS[4], passed: false, detail: "it remembers" } as (typeof CHECKS)[number]);
    const omega = standIn(folder, JSON.stringify({ checks: failing }), 1);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const done = spawnSync(process.execPath, ["--test", "--test-reporter=tap", "dist/fixtures/gate.js"], {
        encoding: "utf8",
        env: { ...env, OMEGA_BIN: omega },
    });
    assert.equal(done.status, 1);
    assert.match(done.stdout, /\n# pass 9\n# fail 1\n/);
    assert.match(done.stdout, /not ok 5 - CG-05 Check 5 \(L1\)[^]*it remembers/);
});
