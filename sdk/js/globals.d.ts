// What a plugin finds beside ECMAScript's own globals: nothing else is there, and nothing else type-checks.
// Name it in a tsconfig.json: "lib": ["ES2023"], "types": ["@omega/plugin/globals"].

/** Lines for the gateway's log, as `log` of `@omega/plugin` writes them. */
declare const console: {
    debug(...words: readonly unknown[]): void;
    log(...words: readonly unknown[]): void;
    info(...words: readonly unknown[]): void;
    warn(...words: readonly unknown[]): void;
    error(...words: readonly unknown[]): void;
};

/** Text to UTF-8. */
declare class TextEncoder {
    readonly encoding: "utf-8";
    encode(text?: string): Uint8Array;
}

/** UTF-8 to text; no other encoding is there. */
declare class TextDecoder {
    constructor(label?: "utf-8" | "utf8", options?: { readonly fatal?: boolean; readonly ignoreBOM?: boolean });
    readonly encoding: "utf-8";
    readonly fatal: boolean;
    readonly ignoreBOM: boolean;
    decode(bytes?: ArrayBuffer | ArrayBufferView): string;
}
