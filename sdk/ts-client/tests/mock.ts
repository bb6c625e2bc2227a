/** A server that answers as a test says, for what the real one does not do on demand. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type GatewayOptions, PluginGateway, type Retry } from "@omega/gateway-client";

export interface Seen {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingMessage["headers"];
    readonly body: string;
}

export type Answer = (response: ServerResponse, seen: Seen) => void;

export interface Mock {
    readonly url: string;
    readonly port: number;
    /** What was asked, in order. */
    readonly seen: Seen[];
    /** What was told before something was asked again. */
    readonly retries: Retry[];
    readonly gateway: PluginGateway;
    close(): Promise<void>;
}

/** Answers the first request with the first answer, and so on; the last one again and again. */
export async function mock(answers: readonly Answer[], options: Partial<GatewayOptions> = {}, port = 0): Promise<Mock> {
    const seen: Seen[] = [];
    const retries: Retry[] = [];
    const server = createServer((request, response) => {
        const parts: Buffer[] = [];
        request.on("data", (part: Buffer) => parts.push(part));
        request.on("end", () => {
            const { method = "", url = "", headers } = request;
            const one = { method, url, headers, body: Buffer.concat(parts).toString() };
            const answer = answers[Math.min(seen.length, answers.length - 1)];
            seen.push(one);
            answer?.(response, one);
        });
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    const address = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${address.port}`;
    const onRetry = (retry: Retry): void => {
        retries.push(retry);
        options.onRetry?.(retry);
    };
    return {
        url,
        port: address.port,
        seen,
        retries,
        gateway: new PluginGateway({ url, token: TOKEN, ...options, onRetry }),
        close: () => {
            const closed = new Promise<void>((resolve) => {
                server.close(() => resolve());
            });
            server.closeAllConnections();
            return closed;
        },
    };
}

export const TOKEN = "omega_a-token-that-is-never-shown";

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Answer {
    return (response) => {
        response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
    };
}

export function problem(status: number, code: string, more: object = {}, headers: Record<string, string> = {}): Answer {
    const body = { type: `urn:omega:error:${code}`, title: "T.", status, detail: "D", code, hint: "H.", ...more };
    return json(body, status, { "content-type": "application/problem+json", ...headers });
}

/** Ends the connection without a word. */
export const hangUp: Answer = (response) => {
    response.destroy();
};

/** Never answers. */
export const silence: Answer = () => undefined;

/** The beginning of an event stream, which ends there. */
export function stream(text: string): Answer {
    return (response) => {
        response.writeHead(200, { "content-type": "text/event-stream" }).end(text);
    };
}

export const HASH = "b22f230e39accd0dd1c69a828f56ff37cb72542dc07dc195dc1b4054b4330f28";

export const ANSWER = {
    request_id: "q",
    run_id: "r",
    plugin_id: "hello",
    status: "ok",
    result: { kind: "text", content: "Hello, Ada!", encoding: "utf-8", metadata: {} },
    evidence_hashes: { input_hash: HASH, output_hash: HASH },
    duration_ms: 1,
    notes: "",
    reason: null,
    event_index: 4,
    event_hash: HASH,
};

/** A promise, and who keeps it. (`Promise.withResolvers` came with Node 22.) */
export function later<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
    let resolve: (value: T) => void = () => undefined;
    const promise = new Promise<T>((keep) => {
        resolve = keep;
    });
    return { promise, resolve };
}
