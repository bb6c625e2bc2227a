/**
 * From TypeBox's schemas to JSON Schema 2020-12 as the gateway takes it: what checks data and what is written to files.
 *
 * What never happens here: a word that decides what fits, and is passed over. Such a word is a `TypeError` when the plugin is
 * loaded.
 */

import { isObject } from "./json_value.js";

/** A JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A schema, and what it names by `#/$defs/…`. */
export interface Standard {
    readonly schema: JsonSchema;
    readonly definitions: ReadonlyMap<string, JsonSchema>;
}

const TYPES: ReadonlySet<unknown> = new Set(["string", "boolean", "integer", "number", "null", "array", "object"]);

/** Words about a value inside this one, or about another schema, that the SDK does not check. */
const NOT_CHECKED: ReadonlySet<string> = new Set([
    ...["oneOf", "not", "if", "then", "else", "contains", "propertyNames", "dependentSchemas"],
    ...["unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$dynamicAnchor", "$anchor"],
]);

/** What `Type.Record(Type.String(), …)` says of its names. */
const ANY_NAME = "^.*$";
const DEFINITIONS = "#/$defs/";

/** The schema as the gateway takes it; a `TypeError` where it is none that the SDK checks. */
export function standardOf(schema: object): Standard {
    const definitions = new Map<string, JsonSchema>();
    return { schema: standard(schema, definitions), definitions };
}

function standard(source: unknown, definitions: Map<string, JsonSchema>): JsonSchema {
    if (!isObject(source)) {
        throw new TypeError(`${JSON.stringify(source)} is no type: use the words of @omega/plugin/type`);
    }
    const { $id: _, $defs, $ref, allOf, anyOf, items, prefixItems = items, additionalItems: __, ...rest } = source;
    const { properties, required, patternProperties, additionalProperties, ...words } = rest;
    if (allOf !== undefined) {
        throw new TypeError("an Intersect is not checked: write Type.Evaluate(Type.Intersect([…])), or one Object");
    }
    refuseUnknown(words);
    define($defs, definitions);
    const part = (inner: unknown): JsonSchema => standard(inner, definitions);
    const written: Record<string, unknown> = words;
    if ($ref !== undefined) {
        written["$ref"] = reference($ref, definitions);
    }
    if (Array.isArray(anyOf)) {
        written["anyOf"] = anyOf.map(part);
    }
    if (Array.isArray(prefixItems)) {
        // TypeBox writes a tuple as older drafts did.
        written["prefixItems"] = prefixItems.map(part);
        written["minItems"] = written["maxItems"] = prefixItems.length;
    } else if (items !== undefined) {
        written["items"] = part(items);
    }
    if (words["type"] === "object") {
        if (isObject(properties)) {
            written["required"] = Array.isArray(required) ? required : [];
            written["properties"] = Object.fromEntries(
                Object.entries(properties).map(([name, of]) => [name, part(of)]),
            );
        }
        written["additionalProperties"] = others(patternProperties, additionalProperties, properties, part);
    }
    return written;
}

/** What members an object may have beside its own: none, where the author does not say otherwise. */
function others(
    patterns: unknown,
    additional: unknown,
    properties: unknown,
    part: (inner: unknown) => JsonSchema,
): unknown {
    const [pattern, ...more] = Object.entries(isObject(patterns) ? patterns : {});
    if (pattern !== undefined) {
        if (pattern[0] !== ANY_NAME || more.length > 0) {
            throw new TypeError("the names of a Record are not checked: write Type.Record(Type.String(), …)");
        }
        return part(pattern[1]);
    }
    if (additional === undefined) {
        return !isObject(properties);
    }
    return typeof additional === "boolean" ? additional : part(additional);
}

function refuseUnknown(words: JsonSchema): void {
    const unchecked = Object.keys(words).find((word) => NOT_CHECKED.has(word));
    if (unchecked !== undefined) {
        throw new TypeError(`\`${unchecked}\` is not checked: use other words of @omega/plugin/type`);
    }
    const { type = [] } = words;
    const types: unknown[] = Array.isArray(type) ? type : [type];
    const unknown = types.find((one) => !TYPES.has(one));
    if (unknown !== undefined) {
        throw new TypeError(
            `${JSON.stringify(unknown)} has no JSON: use strings, numbers, booleans, null, arrays and objects`,
        );
    }
}

/** `Type.Cyclic` names its parts, which may name each other. */
function define(parts: unknown, definitions: Map<string, JsonSchema>): void {
    const named = Object.entries(isObject(parts) ? parts : {});
    for (const [name] of named) {
        if (definitions.has(name)) {
            throw new TypeError(`two types are called ${name}`);
        }
        definitions.set(name, {});
    }
    for (const [name, part] of named) {
        definitions.set(name, standard(part, definitions));
    }
}

function reference(named: unknown, definitions: ReadonlyMap<string, JsonSchema>): string {
    const name = String(named).replace(DEFINITIONS, "");
    if (!definitions.has(name)) {
        throw new TypeError(`no type is called ${name}: name it in a Type.Cyclic`);
    }
    return DEFINITIONS + name;
}
