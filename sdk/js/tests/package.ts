/** Packages that the tests write: a folder with a manifest and a bundled entry file. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildSync } from "esbuild";

/** A descriptor of the manifest's `io`. */
export interface Descriptor {
    readonly kind: string;
    readonly schema_ref: string;
}

/** A folder that is gone when the test ends. */
export class Folder implements Disposable {
    readonly path = mkdtempSync(join(tmpdir(), "omega-sdk-js-"));

    write(name: string, content: string): void {
        const file = join(this.path, name);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, content);
    }

    [Symbol.dispose](): void {
        rmSync(this.path, { recursive: true, force: true });
    }
}

/** The manifest of a plugin with these inputs and outputs. */
export function manifest(id: string, inputs: readonly Descriptor[], outputs: readonly Descriptor[]): string {
    const limited = (descriptor: Descriptor): object => ({ ...descriptor, limits: { max_bytes: 4_000_000 } });
    return JSON.stringify({
        plugin_id: id,
        name: id,
        vendor: "tests",
        description: "",
        version: "1.0.0",
        api_version: "1.0.0",
        supported_omega_api_versions: "^1.0.0",
        capabilities: ["write_suggestion", ...new Set(inputs.map(({ kind }) => `read_${kind}`))],
        io: { inputs: inputs.map(limited), outputs: outputs.map(limited) },
        limits: { max_bytes: 4_000_000, max_ms: 60_000, max_concurrency: 1 },
        determinism: { mode: "probabilistic", notes: "Tells what it is given." },
        evidence: { log_level: "full", redactions: [] },
        entrypoint: { type: "worker", file: "plugin.js", export: "handle" },
    });
}

/** The program as `esbuild` bundles it for a plugin, with the SDK of this checkout. */
export function bundle(source: string, format: "esm" | "iife" = "esm"): string {
    const made = buildSync({
        stdin: { contents: source, loader: "ts", resolveDir: process.cwd() },
        bundle: true,
        format,
        globalName: "plugin",
        target: "es2023",
        write: false,
    });
    return made.outputFiles.map((file) => file.text).join("");
}
