/** What JSON can say, and what of a program's values it cannot. */

/** A value of JSON. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** An object of JSON. */
export interface JsonObject {
    readonly [name: string]: JsonValue;
}

/** How deep a payload may be nested (spec page 2); deeper, or a value that holds itself, is no answer. */
const DEPTH_MAX = 64;

/** True for an object that is neither an array nor null. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Throws a `TypeError` with the place where a value is nothing that JSON can say. `JSON.stringify` would write `null` for
 * NaN, `{}` for a Map, and leave a function out. A member that is `undefined` is one that is not there.
 */
export function requireJson(value: unknown, place: string, depth = 0): void {
    if (depth > DEPTH_MAX) {
        throw new TypeError(`${place.slice(0, 200)}… is nested deeper than ${DEPTH_MAX}, or holds itself`);
    }
    switch (typeof value) {
        case "boolean":
            return;
        case "string":
            if (/\p{Surrogate}/u.test(value)) {
                throw new TypeError(`${place} is not text: it holds half a character (a lone surrogate)`);
            }
            return;
        case "number":
            if (!Number.isFinite(value)) {
                throw new TypeError(`${place} is ${value}, which JSON cannot say`);
            }
            return;
        case "object":
            if (value === null) {
                return;
            }
            if (Array.isArray(value)) {
                // Not `forEach`, which leaves holes out.
                for (let index = 0; index < value.length; index += 1) {
                    requireJson(value[index], `${place}[${index}]`, depth + 1);
                }
                return;
            }
            requirePlain(value, place);
            for (const [name, member] of Object.entries(value)) {
                if (member !== undefined) {
                    requireJson(name, `a name in ${place}`);
                    requireJson(member, `${place}.${name}`, depth + 1);
                }
            }
            return;
        default:
            throw new TypeError(
                `${place} is ${typeof value === "undefined" ? "" : "a "}${typeof value}, which JSON cannot say`,
            );
    }
}

function requirePlain(value: object, place: string): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    // Of another realm's `Object`, too.
    const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
    if (!isPlain) {
        throw new TypeError(`${place} is a ${value.constructor.name}, which JSON cannot say: give a plain object`);
    }
}
