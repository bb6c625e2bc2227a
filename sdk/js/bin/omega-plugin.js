#!/usr/bin/env node
// Bundles `command/` as it is needed, into memory: the SDK is handed out as TypeScript, which Node 20 does not run.

import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const made = await build({
    entryPoints: [fileURLToPath(new URL("../command/main.ts", import.meta.url))],
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
});
const [program] = made.outputFiles;
if (program === undefined) {
    throw new Error("esbuild gave no program");
}
/** @type {unknown} */
const loaded = await import(`data:text/javascript;base64,${Buffer.from(program.contents).toString("base64")}`);
const { main } = /** @type {typeof import("../command/main.js")} */ (loaded);
process.exitCode = await main(process.argv.slice(2));
