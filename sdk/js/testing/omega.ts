/** The `omega` binary, started for a test. What never happens here: a look at the gateway that the user has. */

import { spawnSync } from "node:child_process";

/** So long a command may take, in milliseconds: a gateway has its own limits, which end a call long before. */
const PATIENCE_MS = 300_000;
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024;

/** How a command of `omega` ended. */
export interface Ended {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
}

/** The binary: the one named, `$OMEGA_BIN`, or `omega` on PATH. */
export function binaryOf(omega: string | undefined): string {
    return omega ?? process.env["OMEGA_BIN"] ?? "omega";
}

/** Runs it; throws where it cannot be started or does not end. */
export function start(binary: string, words: readonly string[]): Ended {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("OMEGA_")));
    const done = spawnSync(binary, words, {
        env,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
        maxBuffer: OUTPUT_BYTES_MAX,
        timeout: PATIENCE_MS,
    });
    if (done.error !== undefined) {
        throw new Error(`\`${binary}\` cannot be run (${done.error.message}); set OMEGA_BIN`, { cause: done.error });
    }
    return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}
