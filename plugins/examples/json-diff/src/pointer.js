/** JSON Pointers (RFC 6901). */

/**
 * The pointer of a member.
 * @param {string} parent
 * @param {string | number} name
 */
export function within(parent, name) {
    return `${parent}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/**
 * The names that a pointer leads through; `undefined` where it is none.
 * @param {string} pointer
 * @returns {string[] | undefined}
 */
export function names(pointer) {
    if (pointer === "") {
        return [];
    }
    if (!pointer.startsWith("/") || /~(?![01])/.test(pointer)) {
        return undefined;
    }
    return pointer
        .slice(1)
        .split("/")
        .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
}
