#!/usr/bin/env node
/**
 * Compiles a plugin to the WebAssembly component that its manifest names: `node build.mjs FOLDER [OUTPUT]`.
 *
 * `componentize-js` does it: SpiderMonkey is started in WebAssembly, imports the plugin, and its memory as it is then becomes
 * the component. `plugin.wasm` is made of `plugin.js`, one ES module that exports `handle(request, host)`.
 * What never happens here: a component that imports more than its manifest's capabilities open.
 */

import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { componentize } from "@bytecodealliance/componentize-js";

const HERE = dirname(fileURLToPath(import.meta.url));

/** The contract's interfaces that open only by a capability: its name, and what the adapter calls them. */
const BROKERS = [
    { capability: "read_binary_ref", name: "artifacts" },
    { capability: "read_dataset_slice", name: "datasets" },
];

/** The plugin in the folder as a component: its bytes, and the entry file that the manifest names. */
export async function build(folder) {
    const manifest = JSON.parse(readFileSync(join(folder, "PLUGIN_MANIFEST.json"), "utf8"));
    const entry = manifest.entrypoint.file;
    const source = join(folder, `${entry.slice(0, -extname(entry).length)}.js`);
    if (extname(entry) !== ".wasm" || !existsSync(source)) {
        throw new Error(`entrypoint.file is ${entry}: a component's is called plugin.wasm, say, and is made of plugin.js beside it`);
    }
    const held = BROKERS.filter(({ capability }) => manifest.capabilities.includes(capability)).map(({ name }) => name);
    const scratch = mkdtempSync(join(tmpdir(), "omega-component-"));
    try {
        copyFileSync(join(HERE, "adapter.js"), join(scratch, "adapter.js"));
        copyFileSync(source, join(scratch, "plugin.js"));
        writeFileSync(join(scratch, "brokers.js"), brokers(held));
        writeFileSync(join(scratch, "component.js"), component(manifest.entrypoint.export));
        const { component: bytes } = await componentize({
            sourcePath: join(scratch, "component.js"),
            witPath: join(HERE, "wit"),
            worldName: `reads-${held.join("-and-") || "payload"}`,
            // The gateway has inert WASI for the rest: clocks and randomness are the host's, what is printed is kept as text.
            disableFeatures: ["http", "fetch-event"],
        });
        return { bytes, entry };
    } finally {
        rmSync(scratch, { recursive: true });
    }
}

/** The module that the adapter imports brokers from: an interface that the world does not have cannot be imported. */
function brokers(held) {
    return BROKERS.map(({ name }) =>
        held.includes(name)
            ? `export * as ${name} from "omega:plugin/${name}@1.0.0";\n`
            : `export const ${name} = undefined;\n`,
    ).join("");
}

/** The module with the world's export. */
function component(exported) {
    return `import { answer } from "./adapter.js";
import * as plugin from "./plugin.js";

export const handle = (request) => answer(plugin[${JSON.stringify(exported)}], request);
`;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
    const [folder, output] = process.argv.slice(2);
    if (folder === undefined) {
        console.error("usage: node build.mjs FOLDER [OUTPUT]");
        process.exit(2);
    }
    const { bytes, entry } = await build(folder);
    const written = output ?? join(folder, entry);
    writeFileSync(written, bytes);
    console.log(`written: ${written}, ${bytes.length} bytes`);
}
