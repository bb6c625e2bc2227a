/** Which items of two lists are the same: a longest common subsequence. */

/** Pairs of items that are compared at most; beyond it a list is matched by place. */
const PAIRS_MAX = 1_000_000;

/**
 * Places of the same item in both lists, in order; `undefined` where the lists are too long and too different to say.
 * @param {readonly string[]} before
 * @param {readonly string[]} after
 * @returns {[number, number][] | undefined}
 */
export function matches(before, after) {
    const shorter = Math.min(before.length, after.length);
    let start = 0;
    while (start < shorter && before[start] === after[start]) {
        start += 1;
    }
    let end = 0;
    while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) {
        end += 1;
    }
    const [left, right] = [before.slice(start, before.length - end), after.slice(start, after.length - end)];
    const middle = left.length * right.length > PAIRS_MAX ? undefined : subsequence(left, right);
    if (middle === undefined) {
        return undefined;
    }
    /** @type {[number, number][]} */
    const found = Array.from({ length: start }, (_, index) => [index, index]);
    found.push(.../** @type {[number, number][]} */ (middle.map(([one, other]) => [one + start, other + start])));
    for (let index = end; index > 0; index -= 1) {
        found.push([before.length - index, after.length - index]);
    }
    return found;
}

/**
 * @param {readonly string[]} left
 * @param {readonly string[]} right
 * @returns {[number, number][]}
 */
function subsequence(left, right) {
    const width = right.length + 1;
    /** How long the longest is from these two places on. */
    const lengths = new Uint32Array((left.length + 1) * width);
    const at = (/** @type {number} */ row, /** @type {number} */ column) => lengths[row * width + column] ?? 0;
    for (let row = left.length - 1; row >= 0; row -= 1) {
        for (let column = right.length - 1; column >= 0; column -= 1) {
            lengths[row * width + column] =
                left[row] === right[column]
                    ? at(row + 1, column + 1) + 1
                    : Math.max(at(row + 1, column), at(row, column + 1));
        }
    }
    /** @type {[number, number][]} */
    const found = [];
    let [row, column] = [0, 0];
    while (row < left.length && column < right.length) {
        if (left[row] === right[column]) {
            found.push([row, column]);
            row += 1;
            column += 1;
        } else if (at(row + 1, column) >= at(row, column + 1)) {
            row += 1;
        } else {
            column += 1;
        }
    }
    return found;
}
