/** The conformance gate as tests: one for each check of `omega plugins certify`, for Node's test runner. */

import { AssertionError } from "node:assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isObject } from "../src/json_value.js";
import { binaryOf, start } from "./omega.js";

/** What one check of the gate found (spec page 10). */
export interface Check {
    /** `CG-01` to `CG-10`. */
    readonly id: string;
    readonly name: string;
    readonly law: string;
    readonly passed: boolean;
    readonly detail: string;
}

/** How many checks the gate has; a report with fewer is none. */
const CHECKS = 10;

/**
 * Runs the gate on a package's folder, as it was built: a test for each check. Write it at the top of a test file.
 *
 * It needs the `omega` binary, as `Gateway` does. The folder is left as it is.
 */
export function conformance(folder: string, { omega }: { readonly omega?: string } = {}): void {
    const checks = certify(folder, omega);
    describe(`conformance of ${folder}`, () => {
        for (const { id, name, law, passed, detail } of checks) {
            it(`${id} ${name} (${law})`, () => {
                if (!passed) {
                    throw new AssertionError({ message: `${id} ${name}: ${detail}` });
                }
            });
        }
    });
}

/** Runs the gate and gives its checks, passed or not. */
export function certify(folder: string, omega?: string): readonly Check[] {
    const place = mkdtempSync(join(tmpdir(), "omega-conformance-"));
    try {
        const words = ["plugins", "certify", folder, "--json", "--output", join(place, "CONFORMANCE.json")];
        const { code, stdout, stderr } = start(binaryOf(omega), words);
        const checks = code === 0 || code === 1 ? checksOf(stdout) : [];
        const isWhole = new Set(checks.map((check) => check.id)).size === CHECKS;
        if (!isWhole || checks.every((check) => check.passed) !== (code === 0)) {
            throw new Error(
                `\`omega plugins certify\` ended with ${String(code)} and no whole report: ${stderr.trim()}`,
            );
        }
        return checks;
    } finally {
        rmSync(place, { recursive: true, force: true });
    }
}

function checksOf(report: string): readonly Check[] {
    let read: unknown;
    try {
        read = JSON.parse(report);
    } catch {
        return [];
    }
    const listed: unknown = isObject(read) ? read["checks"] : [];
    return (Array.isArray(listed) ? listed : []).filter(isObject).map((check) => ({
        id: String(check["id"]),
        name: String(check["name"]),
        law: String(check["law"]),
        passed: check["passed"] === true,
        detail: String(check["detail"]),
    }));
}
