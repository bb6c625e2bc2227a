/** The schemas that the author's types give, and the command that writes them. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { bundle, type Descriptor, Folder, manifest } from "./package.js";
import { ORDER_REF, POINT_REF } from "./models.js";

const OUTPUT: Descriptor = { kind: "text", schema_ref: "omega:orders:output:text:v1.0.0" };
const INPUTS: readonly Descriptor[] = [ORDER_REF, POINT_REF].map((schema_ref) => ({ kind: "json", schema_ref }));

function orders(inputs: readonly Descriptor[] = INPUTS, outputs: readonly Descriptor[] = [OUTPUT]): Folder {
    const folder = new Folder();
    folder.write("plugin.js", bundle(`export { bySchema as handle } from "./tests/models.js";`));
    folder.write("PLUGIN_MANIFEST.json", manifest("orders", inputs, outputs));
    return folder;
}

function command(...words: readonly string[]) {
    const done = spawnSync(process.execPath, ["bin/omega-plugin.js", ...words], { encoding: "utf8" });
    return { code: done.status, out: done.stdout, err: done.stderr };
}

const readSchema = (folder: Folder, name: string): Record<string, unknown> =>
    JSON.parse(readFileSync(join(folder.path, `schemas/${name}.schema.json`), "utf8")) as Record<string, unknown>;

test("schemas are written from the types, and only where they differ", () => {
    using folder = orders();
    assert.deepEqual(command("schemas", folder.path, "--check").code, 1);
    const written = command("schemas", folder.path);
    assert.equal(written.err, "");
    assert.match(written.out, /^written: schemas\/inputs\/order[^]*3 schemas, 3 of them changed\n$/);
    assert.equal(command("schemas", folder.path).out, "3 schemas, 0 of them changed\n");
    assert.equal(command("schemas", folder.path, "--check").code, 0);

    const order = readSchema(folder, "inputs/order");
    assert.deepEqual(order["required"], ["kind", "schema_ref", "data"]);
    const { data } = order["properties"] as { data: { properties: Record<string, unknown> } };
    assert.deepEqual(data.properties["customer"], { type: "string", description: "Whom to send it to." });
    assert.deepEqual(data.properties["labels"], { type: "object", additionalProperties: { type: "string" } });
    const { items } = data.properties as { items: { items: { additionalProperties: boolean; properties: object } } };
    assert.equal(items.items.additionalProperties, false);
    assert.deepEqual((items.items.properties as Record<string, unknown>)["size"], {
        anyOf: [
            { type: "array", prefixItems: [{ type: "number" }, { type: "number" }], minItems: 2, maxItems: 2 },
            { type: "null" },
        ],
    });

    folder.write(
        "schemas/inputs/point.schema.json",
        JSON.stringify({ ...readSchema(folder, "inputs/point"), title: "x" }),
    );
    const checked = command("schemas", folder.path, "--check");
    assert.equal(checked.code, 1);
    assert.match(checked.err, /^error: schemas\/inputs\/point\.schema\.json: not what the plugin's types say/);
    assert.match(checked.out, /-\s+title: 'point'/);
    assert.equal(readSchema(folder, "inputs/point")["title"], "x");
});

test("a type that holds itself is written with its definitions", () => {
    using folder = new Folder();
    const schema_ref = "omega:tree:input:tree:v1.0.0";
    folder.write(
        "plugin.js",
        bundle(`
            import { jsonPayload, plugin, Text } from "@omega/plugin";
            import * as Type from "@omega/plugin/type";
            const Node = Type.Cyclic({ Node: Type.Object({ kids: Type.Array(Type.Ref("Node")) }) }, "Node");
            const Tree = jsonPayload("${schema_ref}", Node);
            export const handle = plugin({ input: Tree, output: Text }, (tree) => new Text(String(tree.data.kids.length)));
        `),
    );
    folder.write("PLUGIN_MANIFEST.json", manifest("tree", [{ kind: "json", schema_ref }], [OUTPUT]));
    assert.equal(command("schemas", folder.path).err, "");
    const { properties, $defs } = readSchema(folder, "inputs/tree");
    assert.deepEqual((properties as { data: object }).data, { $ref: "#/$defs/Node" });
    const kids = { type: "array", items: { $ref: "#/$defs/Node" } };
    assert.deepEqual($defs, {
        Node: { type: "object", required: ["kids"], properties: { kids }, additionalProperties: false },
    });
});

test("a manifest that names something else is refused, and says what", () => {
    const cases: readonly [readonly Descriptor[], readonly Descriptor[], RegExp][] = [
        [INPUTS.slice(0, 1), [OUTPUT], /io\.inputs has no descriptor of the plugin's omega:orders:input:point/],
        [[...INPUTS, { ...OUTPUT, kind: "binary_ref" }], [OUTPUT], /of which the plugin has no type \(binary_ref\)/],
        [
            INPUTS,
            [OUTPUT, OUTPUT].map((output) => ({ ...output, kind: "dataset_slice" })),
            /has no type \(dataset_slice\)/,
        ],
        [INPUTS, [{ ...OUTPUT, kind: "json" }], /io\.outputs names omega:orders:output:text:v1\.0\.0, of which/],
    ];
    for (const [inputs, outputs, message] of cases) {
        using folder = orders(inputs, outputs);
        const { code, err } = command("schemas", folder.path);
        assert.deepEqual([code, message.test(err)], [1, true], err);
    }
});

test("a manifest that gives a type another name is refused", () => {
    using folder = new Folder();
    folder.write("plugin.js", bundle(`export { takeOrder as handle } from "./tests/models.js";`));
    const output = { kind: "json", schema_ref: "omega:orders:output:other:v1.0.0" };
    folder.write("PLUGIN_MANIFEST.json", manifest("orders", INPUTS.slice(0, 1), [output]));
    const { code, err } = command("schemas", folder.path);
    assert.equal(code, 1);
    assert.match(err, /names omega:orders:output:other:v1\.0\.0, the plugin's type says omega:orders:output:summary/);
});

test("what is no plugin, and what is no command, is said", () => {
    using folder = orders();
    folder.write("plugin.js", "export const handle = () => 1;");
    const { code, err } = command("schemas", folder.path);
    assert.deepEqual([code, err.includes("`handle` of plugin.js is no plugin")], [1, true], err);
    assert.equal(command("schemas", join(folder.path, "nowhere")).code, 1);
    for (const words of [[], ["schemas"], ["other", "."], ["schemas", ".", "more"]]) {
        assert.equal(command(...words).code, 2);
    }
    assert.equal(command("schemas", ".", "--what").code, 1);
    assert.match(command("--help").out, /^Usage: omega-plugin schemas DIR/);
});
