/**
 * Finds the headings among a document's blocks, by the rules of CommonMark 0.31: what looks like a heading in code, HTML,
 * lists and quotes is none of the document's.
 *
 * What never happens here: a look at the text within a line, or a regular expression that goes back and forth over one.
 */

/**
 * A heading as it is written.
 * @typedef {{ level: number, source: string, line: number }} RawHeading
 */

/** A code block's first line: the marks, and what may follow them. */
const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})/;
const ATX = /^ {0,3}(#{1,6})(?=[ \t]|$)/;
const SETEXT = /^ {0,3}(=+|-+)[ \t]*$/;
const THEMATIC_BREAK = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const QUOTE = /^ {0,3}>/;
const LIST_ITEM = /^( {0,3}(?:[-+*]|(\d{1,9})[.)]))(?:( {1,4})(?=[^ \t])|[ \t]|$)/;

/** HTML blocks that end at a mark, wherever it is: what begins them and what ends them. */
const HTML_UNTIL_MARK = [
    { begin: /^ {0,3}<(?:script|pre|style|textarea)(?=[\s>]|$)/i, end: /<\/(?:script|pre|style|textarea)>/i },
    { begin: /^ {0,3}<!--/, end: /-->/ },
    { begin: /^ {0,3}<\?/, end: /\?>/ },
    { begin: /^ {0,3}<!\[CDATA\[/, end: /\]\]>/ },
    { begin: /^ {0,3}<![A-Za-z]/, end: />/ },
];
/** HTML blocks that end at an empty line. */
const HTML_UNTIL_BLANK =
    /^ {0,3}<\/?(?:address|article|aside|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track|ul)(?=[\s>]|\/>|$)/i;

/**
 * The headings in their order, and the line of a code block that nothing closes.
 * @param {string} text
 * @returns {{ headings: RawHeading[], openFence: number | undefined }}
 */
export function readHeadings(text) {
    const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
    const reader = new Reader();
    const start = frontMatterLines(lines);
    for (const [index, line] of lines.entries()) {
        if (index >= start) {
            reader.read(line, index + 1);
        }
    }
    return { headings: reader.headings, openFence: reader.openFence };
}

/**
 * How many lines of front matter (YAML) there are.
 * @param {readonly string[]} lines
 */
function frontMatterLines(lines) {
    if (lines[0]?.trimEnd() !== "---") {
        return 0;
    }
    const end = lines.findIndex((line, index) => index > 0 && /^(?:---|\.\.\.)[ \t]*$/.test(line));
    // A document may begin with a line of its own: then there is no end, or nothing that looks like data.
    return end > 0 && lines.slice(1, end).some((line) => /^[\w"'-]+[ \t]*:/.test(line)) ? end + 1 : 0;
}

class Reader {
    /** @type {RawHeading[]} */
    headings = [];
    /** The code block that is open. @type {{ mark: string, length: number, line: number } | undefined} */
    #fence;
    /** What ends the HTML block that is open. @type {RegExp | undefined} */
    #htmlEnd;
    /** The lines of the paragraph that is open. @type {string[]} */
    #paragraph = [];
    #paragraphLine = 0;
    /** How far the text of the list's last item is indented; 0 outside of lists. */
    #listIndent = 0;
    /** Whether text would belong to a list's or a quote's paragraph without a mark of its own. */
    #isLazy = false;

    get openFence() {
        return this.#fence?.line;
    }

    /**
     * @param {string} line
     * @param {number} number
     */
    read(line, number) {
        const isBlank = line.trim() === "";
        if (this.#fence !== undefined) {
            this.#closeFence(line);
        } else if (this.#htmlEnd !== undefined) {
            this.#htmlEnd = this.#htmlEnd.test(line) ? undefined : this.#htmlEnd;
        } else if (isBlank) {
            this.#paragraph = [];
            this.#isLazy = false;
        } else if (this.#listIndent > 0 && indentOf(line) >= this.#listIndent) {
            // In the list.
            this.#isLazy = true;
        } else {
            this.#readBlock(line, number);
        }
    }

    /**
     * @param {string} line
     * @param {number} number
     */
    #readBlock(line, number) {
        const isParagraphOpen = this.#paragraph.length > 0;
        const setext = isParagraphOpen ? SETEXT.exec(line)?.[1] : undefined;
        if (setext !== undefined) {
            const source = this.#paragraph.map((part) => part.trim()).join(" ");
            this.headings.push({ level: setext.startsWith("=") ? 1 : 2, source, line: this.#paragraphLine });
            this.#startBlock();
            return;
        }
        if (indentOf(line) >= 4) {
            // Code, or more of a paragraph.
            if (isParagraphOpen) {
                this.#paragraph.push(line);
            }
            return;
        }
        const [, marks] = ATX.exec(line) ?? [];
        const [, fence] = FENCE.exec(line) ?? [];
        const html = HTML_UNTIL_MARK.find(({ begin }) => begin.test(line));
        const item = THEMATIC_BREAK.test(line) ? null : LIST_ITEM.exec(line);
        if (marks !== undefined) {
            this.#startBlock();
            this.headings.push({ level: marks.length, source: atxSource(line), line: number });
        } else if (fence !== undefined) {
            this.#startBlock();
            this.#fence = { mark: fence.charAt(0), length: fence.length, line: number };
        } else if (html !== undefined) {
            this.#startBlock();
            // A comment may end where it begins.
            this.#htmlEnd = html.end.test(line.replace(html.begin, "")) ? undefined : html.end;
        } else if (HTML_UNTIL_BLANK.test(line)) {
            this.#startBlock();
            this.#htmlEnd = /^\s*$/;
        } else if (THEMATIC_BREAK.test(line)) {
            this.#startBlock();
        } else if (QUOTE.test(line)) {
            this.#startBlock();
            this.#isLazy = true;
        } else if (item !== null && !(isParagraphOpen && isNoInterruption(line, item))) {
            this.#startBlock();
            const [, marker = "", , spaces = " "] = item;
            this.#listIndent = marker.length + spaces.length;
            this.#isLazy = true;
        } else if (!this.#isLazy) {
            if (!isParagraphOpen) {
                this.#startBlock();
                this.#paragraphLine = number;
            }
            this.#paragraph.push(line);
        }
    }

    #startBlock() {
        this.#paragraph = [];
        this.#listIndent = 0;
        this.#isLazy = false;
    }

    /** @param {string} line */
    #closeFence(line) {
        const { mark = "", length = 0 } = this.#fence ?? {};
        const marks = line.trim();
        const isEnd = indentOf(line) < 4 && marks.length >= length && marks === mark.repeat(marks.length);
        this.#fence = isEnd ? undefined : this.#fence;
    }
}

/**
 * A list interrupts a paragraph only where it begins with text, and with 1.
 * @param {string} line
 * @param {RegExpExecArray} item
 */
function isNoInterruption(line, item) {
    const [whole, , number] = item;
    return line.slice(whole.length).trim() === "" || (number !== undefined && number !== "1");
}

/** @param {string} line */
function indentOf(line) {
    let columns = 0;
    for (const character of line) {
        if (character === "\t") {
            columns += 4 - (columns % 4);
        } else if (character === " ") {
            columns += 1;
        } else {
            break;
        }
    }
    return columns;
}

/**
 * The text of a heading that begins with `#`, without the marks that may close it.
 * @param {string} line
 */
function atxSource(line) {
    const text = line.trim().replace(/^#+/, "").trim();
    let end = text.length;
    while (text.charAt(end - 1) === "#") {
        end -= 1;
    }
    const isClosed = end === 0 || /[ \t]/.test(text.charAt(end - 1));
    return isClosed ? text.slice(0, end).trimEnd() : text;
}
