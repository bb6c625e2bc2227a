/** `omega-plugin schemas DIR [--check]`: the plugin's schemas from its author's types. */

import { AssertionError, deepStrictEqual } from "node:assert";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { isObject } from "../src/json_value.js";
import type { JsonSchema } from "../src/standard.js";
import { type Described, SchemaError, schemasOf } from "./schemas.js";

const USAGE = `Usage: omega-plugin schemas DIR [--check]

Writes the schemas that the manifest in DIR names, from the types of the built plugin.
  --check   write nothing; fail where a file differs
`;

/** Runs a command; gives the status to end with. */
export async function main(words: readonly string[]): Promise<number> {
    try {
        const { values, positionals } = parseArgs({
            args: [...words],
            options: { check: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
            allowPositionals: true,
        });
        const [command, folder] = positionals;
        if (values.help) {
            process.stdout.write(USAGE);
            return 0;
        }
        if (command !== "schemas" || folder === undefined || positionals.length > 2) {
            process.stderr.write(USAGE);
            return 2;
        }
        return await schemas(folder, values.check);
    } catch (error) {
        process.stderr.write(`error: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}\n`);
        return 1;
    }
}

async function schemas(folder: string, isCheck: boolean): Promise<number> {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, "PLUGIN_MANIFEST.json"), "utf8"));
    if (!isObject(manifest)) {
        throw new SchemaError("PLUGIN_MANIFEST.json is not an object");
    }
    const wanted = schemasOf(await load(folder, manifest), manifest);
    const differing = [...wanted].filter(([name, schema]) => difference(join(folder, name), schema) !== "");
    for (const [name, schema] of differing) {
        const file = join(folder, name);
        if (isCheck) {
            process.stdout.write(`${name}: + there, - from the types\n${difference(file, schema)}\n`);
        } else {
            mkdirSync(dirname(file), { recursive: true });
            writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
            process.stdout.write(`written: ${name}\n`);
        }
    }
    if (isCheck && differing.length > 0) {
        const names = differing.map(([name]) => name).join(", ");
        process.stderr.write(`error: ${names}: not what the plugin's types say; write them anew\n`);
        return 1;
    }
    process.stdout.write(`${wanted.size} schemas, ${differing.length} of them changed\n`);
    return 0;
}

/** The plugin of a package's folder: its entry file, as it was built, is imported. */
async function load(folder: string, manifest: JsonSchema): Promise<Described> {
    const entrypoint = manifest["entrypoint"];
    const { file, export: name } = isObject(entrypoint) ? entrypoint : {};
    if (typeof file !== "string" || typeof name !== "string") {
        throw new SchemaError("the manifest has no entrypoint.file and entrypoint.export");
    }
    const module: unknown = await import(pathToFileURL(resolve(folder, file)).href);
    const plugin = typeof module === "object" && module !== null ? (module as JsonSchema)[name] : undefined;
    if (typeof plugin !== "function" || !("inputs" in plugin) || !("outputs" in plugin)) {
        throw new SchemaError(
            `\`${name}\` of ${file} is no plugin: write \`export const ${name} = plugin(…)\`, and build`,
        );
    }
    return plugin as unknown as Described;
}

/** How a file differs from a schema, for people; empty where it does not. */
function difference(file: string, schema: JsonSchema): string {
    let there: unknown = null;
    try {
        there = JSON.parse(readFileSync(file, "utf8"));
    } catch {
        // Not there, or no JSON: it differs.
    }
    try {
        // Of a schema only what JSON says of it counts.
        deepStrictEqual(there, JSON.parse(JSON.stringify(schema)));
        return "";
    } catch (error) {
        return error instanceof AssertionError ? error.message : String(error);
    }
}
