/**
 * Writes the JSON Schemas of a plugin from its author's types: the whole payload object, as the manifest's `schema_ref`s name
 * it. What never happens here: work in a worker; this module is for the author's machine.
 */

import type { PayloadType } from "../src/index.js";
import { isObject } from "../src/json_value.js";
import type { JsonType } from "../src/payload.js";
import { type JsonSchema, standardOf } from "../src/standard.js";

/** The manifest and the plugin's types do not fit together. */
export class SchemaError extends Error {
    override readonly name: string = "SchemaError";
}

const DIALECT = "https://json-schema.org/draft/2020-12/schema";
const STRINGS = { type: "object", additionalProperties: { type: "string" } };
/** What the contract says of the payloads that have no data of the author's. */
const CONTRACT: Readonly<Record<"text" | "binary_ref" | "dataset_slice", JsonSchema>> = {
    text: {
        kind: { const: "text" },
        content: { type: "string" },
        encoding: { const: "utf-8" },
        metadata: STRINGS,
    },
    binary_ref: {
        kind: { const: "binary_ref" },
        artifact_id: { type: "string" },
        artifact_hash: { type: "string", pattern: "^[0-9a-f]{64}$" },
        mime_type: { type: "string" },
    },
    dataset_slice: {
        kind: { const: "dataset_slice" },
        slice_ids: { type: "array", items: { type: "string" }, minItems: 1 },
        source: { type: "string" },
        filters: STRINGS,
    },
};

/** What the command needs of a plugin: its declared types. */
export interface Described {
    readonly inputs: readonly PayloadType[];
    readonly outputs: readonly PayloadType[];
}

/** Each schema that the manifest names, by its path in the package. */
export function schemasOf(plugin: Described, manifest: JsonSchema): ReadonlyMap<string, JsonSchema> {
    const schemas = new Map<string, JsonSchema>();
    for (const direction of ["inputs", "outputs"] as const) {
        const types = plugin[direction];
        const described = new Set<PayloadType>();
        for (const { kind, schemaRef } of descriptors(manifest, direction)) {
            const type = chosen(types, kind, schemaRef, `io.${direction}`);
            described.add(type);
            schemas.set(pathOf(schemaRef), schemaOf(type, schemaRef));
        }
        const left = types.find((type) => !described.has(type));
        if (left !== undefined) {
            const name = typed(left)?.schema_ref || left.kind;
            throw new SchemaError(`io.${direction} has no descriptor of the plugin's ${name}`);
        }
    }
    return schemas;
}

function descriptors(manifest: JsonSchema, direction: string): readonly { kind: string; schemaRef: string }[] {
    const io = manifest["io"];
    const listed = isObject(io) ? io[direction] : undefined;
    if (!Array.isArray(listed)) {
        throw new SchemaError(`the manifest has no io.${direction}`);
    }
    return listed.map((descriptor: unknown) => {
        const { kind, schema_ref: schemaRef } = isObject(descriptor) ? descriptor : {};
        if (typeof kind !== "string" || typeof schemaRef !== "string") {
            throw new SchemaError(`io.${direction} has a descriptor without kind and schema_ref`);
        }
        return { kind, schemaRef };
    });
}

function chosen(types: readonly PayloadType[], kind: string, schemaRef: string, where: string): PayloadType {
    const fitting = types.filter((type) => type.kind === kind);
    const saidBy = (type: PayloadType): string => typed(type)?.schema_ref || schemaRef;
    const [type] = fitting.length > 1 ? fitting.filter((one) => saidBy(one) === schemaRef) : fitting;
    if (type === undefined) {
        throw new SchemaError(`${where} names ${schemaRef}, of which the plugin has no type (${kind})`);
    }
    if (saidBy(type) !== schemaRef) {
        throw new SchemaError(`${where} names ${schemaRef}, the plugin's type says ${saidBy(type)}`);
    }
    return type;
}

/** Known by what it holds: the plugin's bundle has an SDK of its own. */
function typed(type: PayloadType): JsonType | undefined {
    return "schema_ref" in type ? type : undefined;
}

const NAMED = /^omega:[^:]+:(input|output):([^:]+):v[^:]+$/;

function pathOf(schemaRef: string): string {
    const [, direction, name] = NAMED.exec(schemaRef) ?? [];
    return direction !== undefined && name !== undefined ? `schemas/${direction}s/${name}.schema.json` : schemaRef;
}

/** The schema of a whole payload. */
function schemaOf(type: PayloadType, schemaRef: string): JsonSchema {
    if (type.kind !== "json") {
        return payload(type.kind, CONTRACT[type.kind]);
    }
    const { schema, definitions } = standardOf(typed(type)?.type ?? { type: "object" });
    const isObjectOfJson = schema["type"] === "object" || schema["$ref"] !== undefined || schema["anyOf"] !== undefined;
    if (!isObjectOfJson) {
        throw new SchemaError(`the data of ${schemaRef} is not an object of JSON, which a json payload's data is`);
    }
    const title = typeof schema["title"] === "string" ? schema["title"] : (NAMED.exec(schemaRef)?.[2] ?? "data");
    const whole = payload(title, { kind: { const: "json" }, schema_ref: { const: schemaRef }, data: schema });
    const $defs = Object.fromEntries([...definitions].sort(([a], [b]) => (a < b ? -1 : 1)));
    return definitions.size > 0 ? { ...whole, $defs } : whole;
}

function payload(title: string, members: JsonSchema): JsonSchema {
    return {
        $schema: DIALECT,
        title,
        type: "object",
        required: Object.keys(members),
        additionalProperties: false,
        properties: members,
    };
}
