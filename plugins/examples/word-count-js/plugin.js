/**
 * `word-count`: text to a JSON report of its words. `word-count` in Rust and `word-count-python` give the same bytes.
 *
 * The manifest names a component, which is made of this file.
 */

/** How many words are listed as frequent. */
const FREQUENT_MAX = 5;

/** What stands between white space as Unicode has it: `\s` is not quite that, and not every engine knows `\p{White_Space}`. */
const WORD = /[^\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/gu;

/** Counts the words; declines a text without any. */
export function handle({ payload }) {
    const counts = new Map();
    for (const [word] of payload.content.matchAll(WORD)) {
        counts.set(word, (counts.get(word) ?? 0) + 1);
    }
    if (counts.size === 0) {
        return { refusal: { code: "no_words", message: "there are no words to count" } };
    }
    // Stable: equals stay in the order in which they came.
    const frequent = [...counts].sort(([, a], [, b]) => b - a).slice(0, FREQUENT_MAX);
    const data = {
        words: [...counts.values()].reduce((sum, count) => sum + count),
        distinct: counts.size,
        longest: [...counts.keys()].reduce((longest, word) => (length(word) > length(longest) ? word : longest)),
        frequent: frequent.map(([word, count]) => ({ word, count })),
    };
    return { payload: { kind: "json", data, schema_ref: "omega:word-count:output:report:v1.0.0" } };
}

/** Characters, not the halves that JavaScript counts. */
function length(word) {
    return [...word].length;
}
