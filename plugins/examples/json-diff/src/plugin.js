/** `json-diff`: what makes one JSON document of another, as a JSON Patch (RFC 6902), and how much that is. */

import { Json, jsonPayload, plugin, Reply, Refusal } from "@omega/plugin";
import * as Type from "@omega/plugin/type";
import { Differ } from "./diff.js";
import { parsePattern, without } from "./ignore.js";

const Documents = jsonPayload(
    "omega:json-diff:input:documents:v1.0.0",
    Type.Object(
        {
            before: Type.Unknown({ description: "Any value of JSON." }),
            after: Type.Unknown({ description: "Any value of JSON." }),
            arrays: Type.Optional(
                Type.Enum(["sequence", "index"], {
                    description:
                        "How items are matched: by what they are, so that one put in is one addition (the default), or by their place.",
                }),
            ),
            ignore: Type.Optional(
                Type.Array(Type.String(), {
                    maxItems: 100,
                    description: "JSON Pointers of members that do not count; `*` stands for any name or place.",
                }),
            ),
            tests: Type.Optional(
                Type.Boolean({
                    description: "Whether the patch says what must be there before it replaces or removes something.",
                }),
            ),
        },
        { title: "Documents", description: "Two documents to compare." },
    ),
);

const Operation = Type.Object(
    {
        op: Type.Enum(["add", "remove", "replace", "test"]),
        path: Type.String(),
        value: Type.Optional(Type.Unknown()),
    },
    { description: "An operation of RFC 6902." },
);

const Diff = jsonPayload(
    "omega:json-diff:output:diff:v1.0.0",
    Type.Object(
        {
            equal: Type.Boolean(),
            patch: Type.Array(Operation, { description: "Applied in order, it makes `after` of `before`." }),
            summary: Type.Object({
                added: Type.Integer({ minimum: 0 }),
                removed: Type.Integer({ minimum: 0 }),
                replaced: Type.Integer({ minimum: 0 }),
                paths: Type.Array(Type.String(), {
                    description: "The members at the top of the document in which something changed.",
                }),
            }),
        },
        { title: "Diff", description: "What makes one document of the other." },
    ),
);

/** @typedef {import("@omega/plugin").JsonValue} JsonValue */

export const handle = plugin({ input: Documents, output: Diff }, ({ data }) => {
    const patterns = (data.ignore ?? []).map((pointer) => {
        const pattern = parsePattern(pointer);
        if (pattern === undefined) {
            throw new Refusal("invalid_pointer", `ignore: ${pointer.slice(0, 200)} is not a JSON Pointer of a member`);
        }
        return pattern;
    });
    const before = without(/** @type {JsonValue} */ (data.before), patterns);
    const after = without(/** @type {JsonValue} */ (data.after), patterns);
    const differ = new Differ({ isSequence: data.arrays !== "index", hasTests: data.tests === true });
    differ.compare("", before, after);

    const count = (/** @type {string} */ op) => differ.patch.filter((operation) => operation.op === op).length;
    const tops = differ.patch.map(({ path }) => path.split("/", 2).join("/"));
    const diff = new Json({
        equal: differ.patch.length === 0,
        patch: differ.patch,
        summary: {
            added: count("add"),
            removed: count("remove"),
            replaced: count("replace"),
            paths: [...new Set(tops)].sort(),
        },
    });
    const notes = differ.isCoarse ? "Arrays too long to match item by item were compared by place." : "";
    return new Reply(diff, notes);
});
