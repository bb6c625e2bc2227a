/**
 * One request, until there is an answer or none to be had: address, token, time, repetition, and what went wrong.
 *
 * What never happens here: a token that is sent in the clear to another machine, or after a redirect; a request that
 * outlives its time or its `AbortSignal`.
 */

import { GatewayError, type GatewayErrorCode, isGatewayError } from "./errors.js";
import { neverConnected, pauseBeforeRepeat, type Repeatable, retryAfterMs } from "./retry.js";
import type { Problem } from "./types.js";

/** How to reach a gateway. */
export interface GatewayOptions {
    /** Where it listens, such as `http://127.0.0.1:7077`. https, but for loopback addresses. */
    readonly url: string | URL;
    /** An API token of `omega tokens create`. */
    readonly token: string;
    /** Milliseconds for each operation, repetitions included. Default: 60,000. */
    readonly timeoutMs?: number;
    /** How often something is tried again at most, where that is safe. Default: 2. */
    readonly retries?: number;
    /** Told before something is tried again. */
    readonly onRetry?: (retry: Retry) => void;
    /** Used instead of the global `fetch`. */
    readonly fetch?: typeof globalThis.fetch;
}

/** Something that is going to be tried again. */
export interface Retry {
    /** Why. */
    readonly error: GatewayError;
    /** How often it was tried. */
    readonly attempt: number;
    /** In how many milliseconds it is tried again. */
    readonly pauseMs: number;
}

/** What each operation takes. */
export interface CallOptions {
    /** Ends it. A call that is under way ends in the gateway too, and is journalled as `interrupted`. */
    readonly signal?: AbortSignal | undefined;
    /** Milliseconds, repetitions included. */
    readonly timeoutMs?: number | undefined;
    /** W3C Trace Context, which stands in the events that come of it. */
    readonly traceparent?: string | undefined;
}

/** One request. */
export interface Call {
    readonly method: "GET" | "HEAD" | "POST" | "PUT";
    readonly path: string;
    readonly repeatable: Repeatable;
    readonly query?: Query | undefined;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: BodyInit | undefined;
    /** The media type of the body. */
    readonly type?: string;
    /** The media type of the answer. */
    readonly accept?: string;
}

/** Parameters of a query string; a list stands once for each of its values. */
export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

const TIMEOUT_MS_DEFAULT = 60_000;
const RETRIES_DEFAULT = 2;
/** The longest pause that a timer of JavaScript's can wait. */
const TIMER_MS_MAX = 2 ** 31 - 1;
const JSON_TYPE = "application/json";

export class Transport {
    readonly #base: string;
    readonly #token: string;
    readonly #timeoutMs: number;
    readonly #retries: number;
    readonly #onRetry: ((retry: Retry) => void) | undefined;
    readonly #fetch: typeof globalThis.fetch;

    constructor(options: GatewayOptions) {
        this.#base = baseOf(options.url);
        if (!/^[\x21-\x7e]+$/.test(options.token)) {
            throw new GatewayError("client_misuse", "the token is empty, or has characters that no token has");
        }
        this.#token = options.token;
        this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS_DEFAULT;
        this.#retries = options.retries ?? RETRIES_DEFAULT;
        this.#onRetry = options.onRetry;
        this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    }

    /** How long an operation may take where it is not said. */
    get timeoutMs(): number {
        return this.#timeoutMs;
    }

    /** Sends it, again where that is safe, and has the answer read by `read` within the same time. */
    async send<T>(call: Call, options: CallOptions, read: (response: Response) => Promise<T>): Promise<T> {
        const timeoutMs = options.timeoutMs ?? this.#timeoutMs;
        const until = performance.now() + timeoutMs;
        for (let attempt = 1; ; attempt += 1) {
            const limit = new TimeLimit(options.signal, until - performance.now());
            try {
                const response = await this.#answer(call, options, limit.signal);
                return await read(response);
            } catch (thrown) {
                // Whoever called it off knows why.
                options.signal?.throwIfAborted();
                const error = limit.isOver ? timedOut(timeoutMs, thrown) : asGatewayError(thrown);
                error.attempts = attempt;
                const pauseMs =
                    attempt > this.#retries ? undefined : pauseBeforeRepeat(error, call.repeatable, attempt);
                if (pauseMs === undefined || performance.now() + pauseMs >= until) {
                    throw error;
                }
                this.#onRetry?.({ error, attempt, pauseMs });
                await pause(pauseMs, options.signal);
            } finally {
                limit.lift();
            }
        }
    }

    /** Sends it once and gives the answer as soon as it begins. */
    open(call: Call, signal: AbortSignal): Promise<Response> {
        return this.#answer(call, {}, signal);
    }

    async #answer(call: Call, options: CallOptions, signal: AbortSignal): Promise<Response> {
        const headers: Record<string, string> = {
            accept: call.accept ?? JSON_TYPE,
            authorization: `Bearer ${this.#token}`,
            ...(call.type === undefined ? {} : { "content-type": call.type }),
            ...(options.traceparent === undefined ? {} : { traceparent: options.traceparent }),
            ...call.headers,
        };
        const response = await this.#fetch(this.#base + call.path + queryText(call.query), {
            method: call.method,
            headers,
            signal,
            body: call.body ?? null,
            // The token goes to this server alone; nothing of the browser's goes with it, nothing stays behind.
            redirect: "manual",
            credentials: "omit",
            referrerPolicy: "no-referrer",
            cache: "no-store",
        });
        if (!response.ok) {
            throw await refusal(response);
        }
        return response;
    }
}

/** Reads a JSON answer. Its shape is the document's: what answers is the gateway, with which this client shares it. */
export async function json<T>(response: Response): Promise<T> {
    expectType(response, JSON_TYPE);
    const text = await response.text();
    try {
        return JSON.parse(text) as T;
    } catch (cause) {
        throw new GatewayError("answer_unexpected", "the answer is not JSON", { status: response.status, cause });
    }
}

/** Reads an answer of plain text. */
export async function text(response: Response): Promise<string> {
    expectType(response, "text/plain");
    return await response.text();
}

/** Refuses an answer of another media type. */
export function expectType(response: Response, expected: string): void {
    const type = mediaType(response);
    if (type !== expected) {
        const message = `the answer is ${type === "" ? "of no type" : type}, not ${expected}`;
        throw new GatewayError("answer_unexpected", message, { status: response.status });
    }
}

/** What an answer says that is no success. */
async function refusal(response: Response): Promise<GatewayError> {
    const { status } = response;
    const details = { status, retryAfterMs: retryAfterMs(response.headers.get("retry-after")) };
    const body = await response.text();
    const problem = mediaType(response) === "application/problem+json" ? problemOf(body) : undefined;
    if (problem === undefined) {
        const shown = response.headers.get("content-type") ?? "no content";
        return new GatewayError("answer_unexpected", `status ${status} without problem details (${shown})`, details);
    }
    return new GatewayError<GatewayErrorCode>(problem.code, problem.detail || problem.title, {
        ...details,
        hint: problem.hint,
        eventIndex: problem.event_index,
        report: problem.report,
        response: problem.response,
    });
}

function problemOf(body: string): Problem | undefined {
    try {
        const problem: unknown = JSON.parse(body);
        const isProblem = typeof problem === "object" && problem !== null && "code" in problem;
        return isProblem && typeof problem.code === "string" ? (problem as Problem) : undefined;
    } catch {
        return undefined;
    }
}

function mediaType(response: Response): string {
    return (response.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** What went wrong on the way to an answer. */
export function asGatewayError(thrown: unknown): GatewayError {
    if (isGatewayError(thrown)) {
        return thrown;
    }
    if (neverConnected(thrown)) {
        return new GatewayError("connection_refused", "no connection to the server", { cause: thrown });
    }
    // fetch has one error for all of these; what else is thrown is a fault of the program's.
    if (thrown instanceof TypeError || (thrown instanceof DOMException && thrown.name === "NetworkError")) {
        return new GatewayError("connection_lost", "the connection ended before the answer did", { cause: thrown });
    }
    throw thrown;
}

function timedOut(timeoutMs: number, cause: unknown): GatewayError {
    return new GatewayError("client_timeout", `no answer within ${timeoutMs} ms`, { cause });
}

function baseOf(address: string | URL): string {
    let url: URL;
    try {
        url = new URL(address);
    } catch (cause) {
        throw new GatewayError("client_misuse", `\`${address}\` is no URL`, { cause });
    }
    const loopback = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
    if (url.protocol !== "https:" && !(url.protocol === "http:" && loopback)) {
        const message = `${url.protocol}//${url.host}: a token is sent over https, or over http to this machine alone`;
        throw new GatewayError("client_misuse", message);
    }
    if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
        throw new GatewayError("client_misuse", "the address has a user, a query or a fragment");
    }
    return url.origin + url.pathname.replace(/\/+$/, "");
}

function queryText(query: Query | undefined): string {
    const pairs = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {})) {
        for (const one of Array.isArray(value) ? value : [value]) {
            if (one !== undefined) {
                pairs.append(name, String(one));
            }
        }
    }
    return pairs.size === 0 ? "" : `?${pairs}`;
}

/** A name as one segment of a path; a `:` in it is `%3A`, since behind one stands what is to be done. */
export function segment(name: string): string {
    if (name === "" || name === "." || name === "..") {
        throw new GatewayError("client_misuse", `\`${name}\` cannot stand in a path`);
    }
    return encodeURIComponent(name);
}

/** A signal that is raised when the caller's is, or when the time is over. */
export class TimeLimit {
    readonly #controller = new AbortController();
    readonly #caller: AbortSignal | undefined;
    #timer: ReturnType<typeof setTimeout> | undefined;
    #isOver = false;
    readonly #abort = (): void => this.#controller.abort(this.#caller?.reason);

    constructor(caller: AbortSignal | undefined, ms: number) {
        this.#caller = caller;
        if (caller?.aborted) {
            this.#abort();
            return;
        }
        caller?.addEventListener("abort", this.#abort, { once: true });
        this.restart(ms);
    }

    get signal(): AbortSignal {
        return this.#controller.signal;
    }

    /** Whether the time was over before anything else happened. */
    get isOver(): boolean {
        return this.#isOver;
    }

    /** Gives it so much time from now on. */
    restart(ms: number): void {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(
            () => {
                this.#isOver = true;
                this.#controller.abort(new DOMException("the time is over", "TimeoutError"));
            },
            Math.max(0, Math.min(ms, TIMER_MS_MAX)),
        );
    }

    /** Stops its clock. */
    hold(): void {
        clearTimeout(this.#timer);
    }

    /** Nothing is waited for any more. */
    lift(): void {
        this.hold();
        this.#caller?.removeEventListener("abort", this.#abort);
    }

    /** Ends what is under its signal. */
    end(): void {
        this.lift();
        this.#controller.abort();
    }
}

/** Waits, unless the signal is raised. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
        const called = (): void => {
            clearTimeout(timer);
            // Whatever the caller gave as the reason is thrown as it is.
            // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
            reject(signal?.reason);
        };
        const timer = setTimeout(() => {
            signal?.removeEventListener("abort", called);
            resolve();
        }, ms);
        signal?.addEventListener("abort", called, { once: true });
        if (signal?.aborted) {
            called();
        }
    });
}
