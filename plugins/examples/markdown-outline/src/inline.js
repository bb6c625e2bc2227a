/**
 * The text of a heading without its markup: what a table of contents shows, and what anchors are made of.
 *
 * What never happens here: work that grows with more than a line's length, whatever stands in it.
 */

/** Characters of a heading that are looked at: the rest of a longer one is taken as it stands. */
const CHARACTERS_MAX = 1000;

const NAMED = /** @type {Readonly<Record<string, string>>} */ ({
    amp: "&",
    apos: "'",
    copy: "©",
    gt: ">",
    hellip: "…",
    lt: "<",
    mdash: "—",
    nbsp: "\u00a0",
    ndash: "–",
    quot: '"',
    reg: "®",
    trade: "™",
});

/** Stands around the number of a piece that is text already. Markdown has no such character of its own. */
const HELD = "\0";

/**
 * @param {string} source
 * @returns {string}
 */
export function plainText(source) {
    const clean = source.replaceAll(HELD, "\ufffd");
    const short = Array.from(clean.slice(0, 2 * CHARACTERS_MAX))
        .slice(0, CHARACTERS_MAX)
        .join("");
    return removeMarkup(short) + clean.slice(short.length);
}

/** @param {string} source */
function removeMarkup(source) {
    /** @type {string[]} */
    const held = [];
    /** @param {string} text */
    const hold = (text) => `${HELD}${held.push(text) - 1}${HELD}`;

    const text = source
        // First what keeps its characters: code, and characters after a backslash.
        .replace(/\\([!-/:-@[-`{-~])|(?<!`)(`+)(?!`)(.+?)(?<!`)\2(?!`)/g, (whole, escaped, _marks, code) =>
            hold(typeof escaped === "string" ? escaped : codeText(String(code))),
        )
        .replace(/<((?:https?|mailto|ftp):[^\s<>]*)>/gi, (_, address) => hold(String(address)))
        .replace(/<\/?[A-Za-z][^<>]*>|<!--.*?-->/g, "")
        // Images before links: an image may be what is linked.
        .replace(/!\[([^[\]]*)\](?:\([^()]*\)|\[[^[\]]*\])/g, "$1")
        .replace(/\[([^[\]]*)\](?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^[\]]*\])/g, "$1")
        .replace(/\{#[\w-]+\}\s*$/, "")
        .replace(/(\*{1,3}|~~)(?=\S)((?:(?!\1).)*\S)\1/g, "$2")
        .replace(/(\*{1,2})(?=\S)((?:(?!\1).)*\S)\1/g, "$2")
        .replace(/(?<![\p{L}\p{N}])(_{1,3})(?=\S)((?:(?!\1).)*\S)\1(?![\p{L}\p{N}])/gu, "$2")
        .replace(/&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z]{2,8}));/g, (whole, decimal, hex, name) =>
            hold(entity(whole, decimal, hex, name)),
        );
    // What is held may hold what was held before it.
    let whole = text;
    for (let depth = 0; depth < 3 && whole.includes(HELD); depth += 1) {
        whole = whole.replace(/\0(\d+)\0/g, (_, index) => held[Number(index)] ?? "");
    }
    return whole.replace(/\s+/gu, " ").trim();
}

/**
 * One space around code is for marks at its edge.
 * @param {string} code
 */
function codeText(code) {
    return /^ .*[^ ].* $/.test(code) ? code.slice(1, -1) : code;
}

/**
 * @param {string} whole
 * @param {unknown} decimal
 * @param {unknown} hex
 * @param {unknown} name
 */
function entity(whole, decimal, hex, name) {
    if (typeof name === "string") {
        return Object.hasOwn(NAMED, name) ? (NAMED[name] ?? whole) : whole;
    }
    const code = typeof decimal === "string" ? Number.parseInt(decimal, 10) : Number.parseInt(String(hex), 16);
    const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
    return isCharacter ? String.fromCodePoint(code) : "\ufffd";
}
