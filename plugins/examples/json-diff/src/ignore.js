/** Members that do not count are taken out of both documents before they are compared. */

import { names } from "./pointer.js";

/** @typedef {import("@omega/plugin").JsonValue} JsonValue */
/** @typedef {readonly string[]} Pattern */

const ANY = "*";

/**
 * The names of a pattern; `undefined` where it names no member.
 * @param {string} pointer
 * @returns {Pattern | undefined}
 */
export function parsePattern(pointer) {
    const parts = names(pointer);
    return parts === undefined || parts.length === 0 ? undefined : parts;
}

/**
 * The value without the members of objects that the patterns name. Items of arrays stay: taking one out would move the
 * others.
 * @param {JsonValue} value
 * @param {readonly Pattern[]} patterns
 * @returns {JsonValue}
 */
export function without(value, patterns) {
    if (patterns.length === 0 || typeof value !== "object" || value === null) {
        return value;
    }
    /** @type {(name: string) => Pattern[]} */
    const inside = (name) => patterns.filter(([first]) => first === ANY || first === name).map(([, ...rest]) => rest);
    if (isArray(value)) {
        return value.map((item, index) => without(item, inside(String(index)).filter(isLonger)));
    }
    /** @type {[string, JsonValue][]} */
    const kept = [];
    for (const [name, member] of Object.entries(value)) {
        const rest = inside(name);
        if (rest.every(isLonger)) {
            kept.push([name, without(member, rest)]);
        }
    }
    // `fromEntries` makes a member of `__proto__`, which an assignment would not.
    return Object.fromEntries(kept);
}

/** @param {Pattern} pattern */
function isLonger(pattern) {
    return pattern.length > 0;
}

/**
 * @param {JsonValue} value
 * @returns {value is readonly JsonValue[]}
 */
export function isArray(value) {
    return Array.isArray(value);
}
