/** JSON as a request may have it. */

/** A JSON value. Whole numbers are within ±(2^53-1): every reader keeps those. */
export type JsonValue =
    null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };
