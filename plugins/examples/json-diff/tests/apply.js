/** A JSON Patch applied, by the words of RFC 6902: what the tests hold the plugin's patches to. */

import { names } from "../src/pointer.js";

/** @typedef {import("@omega/plugin").JsonValue} JsonValue */

/** @typedef {unknown[] | Record<string, unknown>} Container */

/**
 * @param {JsonValue} document
 * @param {readonly { op: string, path: string, value?: unknown }[]} patch
 * @returns {unknown}
 */
export function apply(document, patch) {
    /** @type {Record<string, unknown>} */
    const root = { "": structuredClone(document) };
    for (const { op, path, value } of patch) {
        const parts = ["", ...(names(path) ?? [])];
        const last = parts.pop() ?? "";
        /** @type {Container} */
        const parent = parts.reduce(inside, root);
        if (op === "add") {
            add(parent, last, value);
        } else if (!Object.hasOwn(parent, last)) {
            throw new Error(`${op}: nothing is at ${path}`);
        } else if (op === "remove") {
            remove(parent, last);
        } else if (op === "replace") {
            set(parent, last, value);
        } else if (JSON.stringify(sorted(member(parent, last))) !== JSON.stringify(sorted(value))) {
            throw new Error(`test: something else is at ${path}`);
        }
    }
    return root[""];
}

/**
 * @param {Container} container
 * @param {string} name
 * @returns {unknown}
 */
function member(container, name) {
    return /** @type {Record<string, unknown>} */ (container)[name];
}

/**
 * @param {Container} container
 * @param {string} name
 * @returns {Container}
 */
function inside(container, name) {
    return /** @type {Container} */ (member(container, name));
}

/**
 * @param {Container} container
 * @param {string} name
 * @param {unknown} value
 */
function add(container, name, value) {
    if (!Array.isArray(container)) {
        set(container, name, value);
    } else if (/^(?:0|[1-9]\d*)$/.test(name) && Number(name) <= container.length) {
        container.splice(Number(name), 0, value);
    } else {
        throw new Error(`nothing can be put at ${name}`);
    }
}

/**
 * @param {Container} container
 * @param {string} name
 */
function remove(container, name) {
    if (Array.isArray(container)) {
        container.splice(Number(name), 1);
    } else {
        Reflect.deleteProperty(container, name);
    }
}

/**
 * @param {Container} container
 * @param {string} name
 * @param {unknown} value
 */
function set(container, name, value) {
    Object.defineProperty(container, name, { value, enumerable: true, configurable: true, writable: true });
}

/**
 * @param {unknown} value
 * @returns {unknown}
 */
function sorted(value) {
    if (Array.isArray(value)) {
        return value.map(sorted);
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
    return members.map(([name, member]) => [name, sorted(member)]);
}
