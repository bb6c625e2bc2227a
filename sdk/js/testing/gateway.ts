/**
 * A real gateway for tests: a home of its own, made by the `omega` binary, and gone afterwards.
 *
 * What never happens here: a look at the gateway that the user has; a home that stays behind.
 */

import { randomUUID } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { isObject } from "../src/json_value.js";
import { BinaryRef, DatasetSlice, type Payload, Refusal, type WirePayload } from "../src/index.js";
import { fromWire } from "../src/payload.js";
import { binaryOf, type Ended, start } from "./omega.js";
import { Request } from "./request.js";
import { Run } from "./run.js";

/** What a plugin's folder holds beside the package. */
const LEFT_BEHIND = ["__pycache__", "dist", "node_modules", "omega-plugin-sdk", "target"];

/** A gateway's whole response, as the contract writes it. */
export interface Response {
    readonly status: "ok" | "rejected" | "error" | "timeout";
    readonly result: WirePayload | null;
    readonly notes: string;
    readonly evidence_hashes: { readonly input_hash: string; readonly output_hash: string };
    /** The gateway's code for what went wrong, such as `plugin_error` or `output_invalid`. */
    readonly reason?: string;
    readonly [more: string]: unknown;
}

/** The gateway did not do what the test asked for, or a call ended with neither a result nor a refusal of the plugin's. */
export class GatewayError extends Error {
    override readonly name: string = "GatewayError";
    /** The call's whole response, where there is one. */
    readonly response: Response | undefined;

    constructor(message: string, response?: Response) {
        super(message);
        this.response = response;
    }

    /** The gateway's code for what went wrong. */
    get reason(): string {
        return this.response?.reason ?? "";
    }
}

/**
 * A gateway in a temporary home: `using gateway = new Gateway()`, or `gateway.close()` at the end.
 *
 * It needs the `omega` binary: the one named, by `OMEGA_BIN`, or on PATH.
 */
export class Gateway implements Disposable {
    readonly #binary: string;
    readonly #folder: string;
    readonly #datasets = new Map<string, string>();
    readonly #atExit = (): void => {
        rmSync(this.#folder, { recursive: true, force: true });
    };
    #copies = 0;

    constructor(omega?: string) {
        this.#binary = binaryOf(omega);
        this.#folder = mkdtempSync(join(tmpdir(), "omega-plugin-test-"));
        // Should the test end without a farewell.
        process.once("exit", this.#atExit);
        try {
            this.omega("init");
        } catch (error) {
            this.close();
            throw error;
        }
    }

    /** Removes the home. */
    close(): void {
        process.off("exit", this.#atExit);
        this.#atExit();
    }

    [Symbol.dispose](): void {
        this.close();
    }

    /** The gateway's home. */
    get home(): string {
        return join(this.#folder, "home");
    }

    /** Runs a command of `omega` on the home; gives what it prints. */
    omega(...words: readonly string[]): string {
        const done = this.#run(words);
        if (done.code !== 0) {
            throw new GatewayError(`\`omega ${words.join(" ")}\` ended with ${done.code}: ${done.stderr.trim()}`);
        }
        return done.stdout;
    }

    /**
     * Signs a copy of the package, installs and enables it; gives the plugin's id. The folder itself is left as it is.
     */
    install(folder: string, { enable = true }: { readonly enable?: boolean } = {}): string {
        this.#copies += 1;
        const copy = join(this.#folder, `package-${this.#copies}`);
        cpSync(folder, copy, { recursive: true, filter: (file) => file === folder || isOfPackage(folder, file) });
        this.omega("plugins", "sign", copy);
        this.omega("plugins", "install", copy, ...(enable ? ["--enable"] : []));
        const manifest: unknown = JSON.parse(readFileSync(join(copy, "PLUGIN_MANIFEST.json"), "utf8"));
        return isObject(manifest) ? String(manifest["plugin_id"]) : "";
    }

    /**
     * Calls the plugin; the same answer as the in-process `run` gives. A `GatewayError` where it failed.
     *
     * The artifact or the rows that the request holds are put into the home first. What was logged is in the ledger's
     * keeping, and not here.
     */
    run(pluginId: string, request: Request | Payload): Run {
        const response = this.invoke(pluginId, request);
        if (response.status === "ok" && response.result !== null) {
            return new Run({ payload: fromWire(response.result), notes: response.notes });
        }
        if (response.reason === "plugin_declined") {
            const [code = "", ...message] = response.notes.split(": ");
            return new Run(new Refusal(code, message.join(": ")));
        }
        const said = `${response.status}, ${response.reason ?? ""}: ${response.notes}`;
        throw new GatewayError(`the call ended without an answer: ${said}`, response);
    }

    /** Calls the plugin; gives the gateway's response, whatever its status. */
    invoke(pluginId: string, request: Request | Payload): Response {
        const written = this.#held(Request.of(request)).toWire();
        // A gateway takes each id once, and none that is blank.
        const [request_id, run_id] = [written.request_id || randomUUID(), written.run_id || randomUUID()];
        const file = this.#file("request.json", JSON.stringify({ ...written, request_id, run_id }));
        const done = this.#run(["invoke", pluginId, "--request", file, "--json"]);
        const response = read(done.stdout);
        if (!isObject(response) || typeof response["status"] !== "string") {
            throw new GatewayError(`\`omega invoke\` ended with ${done.code}: ${done.stderr.trim()}`);
        }
        return response as Response;
    }

    /** Puts what the request holds into the home; gives the request by the names that it has there. */
    #held(request: Request): Request {
        const { payload, heldBytes, heldRows, key, call } = request;
        if (payload instanceof BinaryRef && heldBytes !== undefined) {
            const file = this.#file("artifact", heldBytes);
            const put = read(this.omega("artifacts", "put", file, "--media-type", payload.mime_type, "--json"));
            const id = isObject(put) ? String(put["digest"]) : "";
            return new Request(new BinaryRef(id, payload.artifact_hash, payload.mime_type), { call });
        }
        if (payload instanceof DatasetSlice && heldRows !== undefined) {
            if (key === undefined) {
                throw new GatewayError("name the field that identifies a row: Request.rows(rows, key)");
            }
            const lines = heldRows.map((row) => `${JSON.stringify(row)}\n`).join("");
            if (this.#datasets.get(payload.source) !== key + lines) {
                const file = this.#file("rows.ndjson", lines);
                this.omega("artifacts", "dataset", "add", payload.source, file, "--key", key);
                this.#datasets.set(payload.source, key + lines);
            }
        }
        return request;
    }

    #file(name: string, content: string | Uint8Array): string {
        const file = join(this.#folder, name);
        writeFileSync(file, content);
        return file;
    }

    #run(words: readonly string[]): Ended {
        return start(this.#binary, ["--home", this.home, ...words]);
    }
}

function isOfPackage(folder: string, file: string): boolean {
    const isTop = !/[/\\]/.test(relative(folder, file));
    const name = basename(file);
    return !name.startsWith(".") && !(isTop && LEFT_BEHIND.includes(name));
}

function read(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}
