/** The client in a browser: a page of an origin that the gateway lists may use it, one of another may not. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { isGatewayError } from "@omega/gateway-client";
import { type PrivateServer, withGateway } from "@omega/gateway-client/testing";
import { later } from "./mock.js";

const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));
const HELLO = join(PACKAGE, "../../target/guests/packages/examples/hello");
/** How long a browser may take, in milliseconds. */
const PATIENCE_MS = 120_000;

interface Site {
    readonly origin: string;
    /** What the page is told to use. */
    setting: { readonly url: string; readonly token: string; readonly run: string };
    /** What the page tells of its attempts. */
    readonly told: Promise<Record<string, unknown>>;
    close(): void;
}

/** A web site of the page and the client's own modules, as they are handed out. */
async function site(): Promise<Site> {
    const { promise, resolve } = later<Record<string, unknown>>();
    const answer: (...of: Parameters<RequestListener>) => Promise<void> = async (request, response) => {
        const path = request.url ?? "";
        if (path === "/told") {
            const parts: Buffer[] = [];
            for await (const part of request) {
                parts.push(part as Buffer);
            }
            resolve(JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>);
            response.end();
        } else if (path === "/setting") {
            response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(own.setting));
        } else if (path === "/") {
            response
                .writeHead(200, { "content-type": "text/html" })
                .end(await readFile(join(PACKAGE, "tests/page.html")));
        } else if (/^\/dist\/\w+\.js$/.test(path)) {
            response.writeHead(200, { "content-type": "text/javascript" }).end(await readFile(join(PACKAGE, path)));
        } else {
            response.writeHead(404).end();
        }
    };
    const server = createServer((request, response) => void answer(request, response));
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const own: Site = {
        origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        setting: { url: "", token: "", run: "" },
        told: promise,
        close: () => {
            server.closeAllConnections();
            server.close();
        },
    };
    return own;
}

/** Has a headless Chromium look at the site until its page has told. */
async function visit(place: Site, server: PrivateServer, run: string): Promise<Record<string, unknown>> {
    place.setting = { url: server.url, token: server.token, run };
    const profile = await mkdtemp(join(tmpdir(), "omega-browser-"));
    // Nobody but the superuser of a container has no sandbox of Chromium's.
    const asRoot = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
    const words = ["--headless", "--disable-gpu", "--no-first-run", "--no-proxy-server", `--user-data-dir=${profile}`];
    const browser = spawn("chromium", [...words, ...asRoot, "--remote-debugging-port=0", `${place.origin}/`], {
        stdio: ["ignore", "ignore", "pipe"],
    });
    let complaint = "";
    browser.stderr.setEncoding("utf8").on("data", (text: string) => {
        complaint = (complaint + text).slice(-4_096);
    });
    const ended = once(browser, "exit");
    const timer = setTimeout(() => browser.kill("SIGKILL"), PATIENCE_MS);
    const fails = ended.then(() => assert.fail(`the browser ended before its page had told: ${complaint}`));
    try {
        return await Promise.race([place.told, fails]);
    } finally {
        clearTimeout(timer);
        fails.catch(() => undefined);
        browser.kill("SIGKILL");
        await ended;
        await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    }
}

test("a page of a listed origin uses the gateway, and one of another origin does not", async () => {
    const listed = await site();
    const foreign = await site();
    const config = (toml: string): string => toml.replace("# origins = []", `origins = ["${listed.origin}"]`);
    try {
        await withGateway(
            async (gateway, server) => {
                await gateway.registerPlugin(await server.signedPackage(HELLO));
                await gateway.enablePlugin("hello");
                assert.deepEqual(await visit(listed, server, "listed"), {
                    list: ["hello"],
                    invoke: "Hello, Ada!",
                    again: "GatewayError duplicate_request",
                    stream: "INVOKE",
                    bytes: [true, "of a page"],
                    proof: "omega.proof/v1",
                    // Not even that there was an answer.
                    form: "TypeError undefined",
                });

                const { events } = await gateway.queryEvents({ order: "desc", limit: 1 });
                const told = await visit(foreign, server, "foreign");
                const { form, ...attempts } = told;
                assert.equal(form, "TypeError undefined");
                assert.equal(Object.keys(attempts).length, 6);
                for (const [attempt, outcome] of Object.entries(attempts)) {
                    assert.equal(outcome, "GatewayError connection_lost", attempt);
                }
                // What counts is what the gateway did: nothing.
                const after = await gateway.queryEvents({ order: "desc", limit: 1 });
                assert.equal(after.events[0]?.index, events[0]?.index);
                for (const run of ["foreign", "foreign-form", "listed-form"]) {
                    await assert.rejects(gateway.getRun(run), (error) => isGatewayError(error, "run_unknown"));
                }
            },
            { config },
        );
    } finally {
        listed.close();
        foreign.close();
    }
});
