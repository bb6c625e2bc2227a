/** Log lines, which the gateway keeps beside the call's evidence up to a bound and drops beyond it. */

import { log } from "./host.js";

export type { Level } from "./host.js";

/** Writes a line for whoever works on the plugin. */
export function debug(message: unknown): void {
    log("debug", String(message));
}

/** Writes a line about what happened. */
export function info(message: unknown): void {
    log("info", String(message));
}

/** Writes a line that a person may want to look at. */
export function warn(message: unknown): void {
    log("warn", String(message));
}

/** Writes a line about what went wrong. */
export function error(message: unknown): void {
    log("error", String(message));
}
