/**
 * Checks JSON data against an author's type, strictly: no conversion of one type to another, no unknown members.
 *
 * A type is looked at once, when the plugin is loaded, and becomes a function. Words such as `minimum` are not looked at: the
 * gateway holds data to them before and after each call. What never happens here: `eval`, which the engine need not have.
 */

import { isObject } from "./json_value.js";
import { type JsonSchema, type Standard, standardOf } from "./standard.js";

/** Data that is not of the type, and where. */
export class Misfit {
    readonly #message: string;
    readonly #path: (string | number)[] = [];

    constructor(message: string) {
        this.#message = message;
    }

    /** The same, seen from the value around it. */
    within(name: string | number): this {
        this.#path.unshift(name);
        return this;
    }

    toString(): string {
        const parts = this.#path.map((part) => (typeof part === "number" ? `[${part}]` : `.${part.slice(0, 64)}`));
        const where = parts.join("").replace(/^\./, "");
        return where === "" ? this.#message : `${where}: ${this.#message}`;
    }
}

/** Says why a value does not fit; `undefined` where it does. */
export type Check = (value: unknown) => Misfit | undefined;

const NAMES: Readonly<Record<string, string>> = {
    string: "a string",
    boolean: "true or false",
    integer: "an integer",
    number: "a number",
    null: "null",
    object: "an object",
    array: "an array",
};

/** What checks data of this type; a `TypeError` where the type is none of JSON. */
export function checkOf(type: object): Check {
    return new Compiler(standardOf(type)).check;
}

class Compiler {
    readonly check: Check;
    readonly #named = new Map<string, Check>();

    constructor({ schema, definitions }: Standard) {
        for (const [name, definition] of definitions) {
            this.#named.set(`#/$defs/${name}`, this.#compile(definition));
        }
        this.check = this.#compile(schema);
    }

    #compile(schema: JsonSchema): Check {
        const { $ref: named, type, anyOf } = schema;
        if (typeof named === "string") {
            // Looked up when data is there: a type may hold itself.
            return (value) => this.#named.get(named)?.(value);
        }
        if (schema["const"] !== undefined || schema["enum"] !== undefined) {
            return oneOf("const" in schema ? [schema["const"]] : list(schema["enum"]));
        }
        if (anyOf !== undefined) {
            const members = list(anyOf).filter(isObject);
            const isConst = (member: JsonSchema): boolean => "const" in member;
            return members.every(isConst)
                ? oneOf(members.map((member) => member["const"]))
                : anyOfThese(members.map((member) => this.#compile(member)));
        }
        if (Array.isArray(type)) {
            return anyOfThese(type.map((one) => this.#compile({ ...schema, type: one })));
        }
        switch (type) {
            case "array":
                return this.#array(schema);
            case "object":
                return this.#object(schema);
            case undefined:
                return () => undefined;
            default:
                return scalar(String(type));
        }
    }

    #array({ items, prefixItems }: JsonSchema): Check {
        if (prefixItems !== undefined) {
            const each = list(prefixItems)
                .filter(isObject)
                .map((item) => this.#compile(item));
            return (value) =>
                Array.isArray(value) && value.length === each.length
                    ? firstOf(each, (check, index) => check(value[index])?.within(index))
                    : new Misfit(`an array of ${each.length} is wanted`);
        }
        const check = isObject(items) ? this.#compile(items) : undefined;
        return (value) =>
            Array.isArray(value)
                ? check && firstOf(value, (item: unknown, index) => check(item)?.within(index))
                : wanted("array", value);
    }

    #object({ properties, required, additionalProperties }: JsonSchema): Check {
        const own = Object.entries(isObject(properties) ? properties : {});
        const members = new Map(own.map(([name, of]) => [name, this.#compile(isObject(of) ? of : {})]));
        const needed = list(required).map(String);
        const other = isObject(additionalProperties) ? this.#compile(additionalProperties) : additionalProperties;
        return (value) => {
            if (!isObject(value)) {
                return wanted("object", value);
            }
            const missing = needed.find((name) => !Object.hasOwn(value, name));
            if (missing !== undefined) {
                return new Misfit(`'${missing}' is missing`);
            }
            return firstOf(Object.entries(value), ([name, member]) => {
                const check = members.get(name) ?? other;
                if (check === false) {
                    return new Misfit(`'${name.slice(0, 64)}' is not known`);
                }
                return typeof check === "function" ? (check as Check)(member)?.within(name) : undefined;
            });
        };
    }
}

function list(value: unknown): readonly unknown[] {
    return Array.isArray(value) ? value : [];
}

function firstOf<T>(items: readonly T[], check: (item: T, index: number) => Misfit | undefined): Misfit | undefined {
    for (const [index, item] of items.entries()) {
        const misfit = check(item, index);
        if (misfit !== undefined) {
            return misfit;
        }
    }
    return undefined;
}

function typeOf(value: unknown): string {
    if (value === null) {
        return "null";
    }
    if (typeof value === "number") {
        return Number.isInteger(value) ? "integer" : "number";
    }
    return Array.isArray(value) ? "array" : typeof value;
}

function wanted(type: string, value: unknown): Misfit {
    const found = typeOf(value);
    return new Misfit(`${NAMES[type] ?? type} is wanted, not ${NAMES[found] ?? found}`);
}

function scalar(type: string): Check {
    return (value) => {
        const found = typeOf(value);
        return found === type || (type === "number" && found === "integer") ? undefined : wanted(type, value);
    };
}

function oneOf(values: readonly unknown[]): Check {
    const shown = values.map((value) => (typeof value === "string" ? `'${value}'` : JSON.stringify(value))).join(", ");
    return (value) => (values.includes(value) ? undefined : new Misfit(`one of these is wanted: ${shown}`));
}

function anyOfThese(checks: readonly Check[]): Check {
    return (value) => {
        const misfits: Misfit[] = [];
        for (const check of checks) {
            const misfit = check(value);
            if (misfit === undefined) {
                return undefined;
            }
            misfits.push(misfit);
        }
        return new Misfit(misfits.map(String).join("; nor: "));
    };
}
