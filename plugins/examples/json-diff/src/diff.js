/** Compares two values of JSON and writes down a patch. The same values give the same patch, however they were written. */

import { isArray } from "./ignore.js";
import { matches } from "./match.js";
import { within } from "./pointer.js";

/** @typedef {import("@omega/plugin").JsonValue} JsonValue */
/** @typedef {import("@omega/plugin").JsonObject} JsonObject */
/** @typedef {{ op: "add" | "remove" | "replace" | "test", path: string, value?: JsonValue }} Operation */

export class Differ {
    /** @type {Operation[]} */
    patch = [];
    /** Whether an array was too long to be matched item by item. */
    isCoarse = false;
    #isSequence;
    #hasTests;

    /** @param {{ isSequence: boolean, hasTests: boolean }} options */
    constructor({ isSequence, hasTests }) {
        this.#isSequence = isSequence;
        this.#hasTests = hasTests;
    }

    /**
     * Writes down what makes `after` of `before`, which stands at `path` when the patch comes there.
     * @param {string} path
     * @param {JsonValue} before
     * @param {JsonValue} after
     */
    compare(path, before, after) {
        if (isArray(before) && isArray(after)) {
            this.#compareArrays(path, before, after);
        } else if (isObject(before) && isObject(after)) {
            this.#compareObjects(path, before, after);
        } else if (before !== after && keyOf(before) !== keyOf(after)) {
            this.#test(path, before);
            this.patch.push({ op: "replace", path, value: after });
        }
    }

    /**
     * @param {string} path
     * @param {JsonObject} before
     * @param {JsonObject} after
     */
    #compareObjects(path, before, after) {
        const all = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
        for (const name of all) {
            const member = within(path, name);
            const [was, is] = [own(before, name), own(after, name)];
            if (is === undefined) {
                this.#remove(member, was ?? null);
            } else if (was === undefined) {
                this.patch.push({ op: "add", path: member, value: is });
            } else {
                this.compare(member, was, is);
            }
        }
    }

    /**
     * @param {string} path
     * @param {readonly JsonValue[]} before
     * @param {readonly JsonValue[]} after
     */
    #compareArrays(path, before, after) {
        const matched = this.#isSequence ? matches(before.map(keyOf), after.map(keyOf)) : [];
        this.isCoarse ||= matched === undefined;
        // Where the next item stands: what was put in and taken out before it has moved it.
        let [place, from, to] = [0, 0, 0];
        /** @type {readonly [number, number][]} */
        const stays = [...(matched ?? []), [before.length, after.length]];
        for (const [left, right] of stays) {
            const [taken, put] = [before.slice(from, left), after.slice(to, right)];
            const changed = Math.min(taken.length, put.length);
            for (let index = 0; index < changed; index += 1) {
                this.compare(within(path, place + index), taken[index] ?? null, put[index] ?? null);
            }
            place += changed;
            for (const item of taken.slice(changed)) {
                this.#remove(within(path, place), item);
            }
            for (const item of put.slice(changed)) {
                this.patch.push({ op: "add", path: within(path, place), value: item });
                place += 1;
            }
            // The matched item itself stays.
            place += 1;
            [from, to] = [left + 1, right + 1];
        }
    }

    /**
     * @param {string} path
     * @param {JsonValue} was
     */
    #remove(path, was) {
        this.#test(path, was);
        this.patch.push({ op: "remove", path });
    }

    /**
     * @param {string} path
     * @param {JsonValue} was
     */
    #test(path, was) {
        if (this.#hasTests) {
            this.patch.push({ op: "test", path, value: was });
        }
    }
}

/**
 * @param {JsonValue} value
 * @returns {value is JsonObject}
 */
function isObject(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A member of its own, not one that every object has.
 * @param {JsonObject} object
 * @param {string} name
 */
function own(object, name) {
    return Object.hasOwn(object, name) ? object[name] : undefined;
}

/**
 * The same text for the same value, whatever the order of its members.
 * @param {JsonValue} value
 * @returns {string}
 */
export function keyOf(value) {
    if (isArray(value)) {
        return `[${value.map(keyOf).join()}]`;
    }
    if (isObject(value)) {
        const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
        return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${keyOf(member)}`).join()}}`;
    }
    return JSON.stringify(value);
}
