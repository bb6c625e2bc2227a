/** Text from bytes. What is not UTF-8 is declined with its place: nothing is put in for it. */

import { Refusal } from "./refusal.js";

/** A part of the engine's; declared here, because a program's tests bring the declarations of Node. */
declare const TextDecoder: new (
    label: string,
    options: { readonly ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

const NEWLINE = 0x0a;
const RETURN = 0x0d;
/** What a decoder puts in for bytes that are not UTF-8, and what a text may hold itself. */
const REPLACEMENT = "\ufffd";

// A mark at the start is a part of the text, as in the other languages.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The text; a refusal `unreadable` where the bytes, which stand at `offset` of an artifact, are not UTF-8. */
export function decode(bytes: Uint8Array, offset: number): string {
    const text = decoder.decode(bytes);
    if (text.includes(REPLACEMENT)) {
        const at = firstInvalid(bytes);
        if (at !== undefined) {
            throw new Refusal(Refusal.UNREADABLE, `the artifact is not UTF-8 text at byte ${offset + at}`);
        }
    }
    return text;
}

/** Where the first character begins that is none (Unicode 16, table 3-7). */
function firstInvalid(bytes: Uint8Array): number | undefined {
    let at = 0;
    while (at < bytes.length) {
        const length = characterBytes(bytes, at);
        if (length === 0) {
            return at;
        }
        at += length;
    }
    return undefined;
}

function characterBytes(bytes: Uint8Array, at: number): number {
    const first = bytes[at] ?? 0;
    if (first < 0x80) {
        return 1;
    }
    const length =
        first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0;
    const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    for (let index = 1; index < length; index += 1) {
        const next = bytes[at + index] ?? 0;
        const isFirst = index === 1;
        if (next < (isFirst ? lowest : 0x80) || next > (isFirst ? highest : 0xbf)) {
            return 0;
        }
    }
    return length;
}

/** Lines out of pieces that begin and end anywhere. */
export class Lines {
    readonly #bytesMax: number;
    /** What stands before the next end of a line. */
    #held: Uint8Array[] = [];
    #heldBytes = 0;
    /** Where the held bytes begin. */
    #offset = 0;

    constructor(bytesMax: number) {
        this.#bytesMax = bytesMax;
    }

    *add(chunk: Uint8Array): Generator<string, void> {
        let start = 0;
        for (;;) {
            const end = chunk.indexOf(NEWLINE, start);
            this.#hold(chunk.subarray(start, end < 0 ? chunk.length : end));
            if (end < 0) {
                return;
            }
            yield this.#take(1);
            start = end + 1;
        }
    }

    *end(): Generator<string, void> {
        if (this.#heldBytes > 0) {
            yield this.#take(0);
        }
    }

    #hold(bytes: Uint8Array): void {
        this.#held.push(bytes);
        this.#heldBytes += bytes.length;
        if (this.#heldBytes > this.#bytesMax) {
            throw new Refusal(
                Refusal.ARTIFACT_TOO_LARGE,
                `the line at byte ${this.#offset} is longer than the ${this.#bytesMax} bytes that this plugin reads`,
            );
        }
    }

    #take(endBytes: number): string {
        const line = new Uint8Array(this.#heldBytes);
        let filled = 0;
        for (const piece of this.#held) {
            line.set(piece, filled);
            filled += piece.length;
        }
        const text = decode(line.at(-1) === RETURN && endBytes > 0 ? line.subarray(0, -1) : line, this.#offset);
        this.#offset += filled + endBytes;
        this.#held = [];
        this.#heldBytes = 0;
        return text;
    }
}
