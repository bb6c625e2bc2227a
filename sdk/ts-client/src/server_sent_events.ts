/**
 * Reads `text/event-stream` (WHATWG HTML, section 9.2.6) as it comes, in pieces of any size.
 *
 * `EventSource` would do, but it sends no `Authorization`. What never happens here: a line that ends anywhere but at CR,
 * LF or both (U+2028 is a letter as any other); a message that grows without bound.
 */

import { GatewayError } from "./errors.js";

/** One message. */
export interface Message {
    readonly id: string | undefined;
    readonly event: string;
    readonly data: string;
}

/** Characters of one message: far above what the gateway sends of one event. */
const MESSAGE_CHARS_MAX = 16 * 1024 * 1024;

export class MessageReader {
    readonly #decoder = new TextDecoder();
    #rest = "";
    #id: string | undefined;
    #event = "";
    #data: string[] = [];
    #length = 0;
    /** What the server asks for as the pause before the next connection, in milliseconds. */
    retryMs: number | undefined;

    /** Every message that is complete with these bytes. */
    push(bytes: Uint8Array): Message[] {
        const messages: Message[] = [];
        let text = this.#rest + this.#decoder.decode(bytes, { stream: true });
        for (;;) {
            const end = /\r\n|\r(?!$)|\n/.exec(text);
            if (end === null) {
                break;
            }
            this.#line(text.slice(0, end.index), messages);
            text = text.slice(end.index + end[0].length);
        }
        this.#rest = text;
        this.#bound(text.length);
        return messages;
    }

    #line(line: string, messages: Message[]): void {
        if (line === "") {
            if (this.#data.length > 0) {
                messages.push({ id: this.#id, event: this.#event || "message", data: this.#data.join("\n") });
            }
            this.#event = "";
            this.#data = [];
            this.#length = 0;
            return;
        }
        const colon = line.indexOf(":");
        const field = colon === -1 ? line : line.slice(0, colon);
        const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "data") {
            this.#data.push(value);
            this.#length += value.length;
            this.#bound(0);
        } else if (field === "event") {
            this.#event = value;
        } else if (field === "id" && !value.includes("\0")) {
            this.#id = value;
        } else if (field === "retry" && /^\d{1,9}$/.test(value)) {
            this.retryMs = Number(value);
        }
    }

    #bound(more: number): void {
        if (this.#length + more > MESSAGE_CHARS_MAX) {
            throw new GatewayError("answer_unexpected", `a message of more than ${MESSAGE_CHARS_MAX} characters`);
        }
    }
}
