/**
 * A gateway of one's own for tests, in Node: a new home, a server on a port that the system chooses, a token of every
 * scope; all of it is gone afterwards. It needs `omega` on PATH, or `OMEGA_BIN`.
 *
 * What never happens here: a look at the gateway that the user has; a home or a server that stays behind.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { type GatewayOptions, PluginGateway, type PluginManifest } from "@omega/gateway-client";

/** How the server is to be. */
export interface ServerOptions {
    /** The binary. Default: `OMEGA_BIN`, then `omega` on PATH. */
    readonly omega?: string;
    /** Changes `omega.toml` before the server starts. */
    readonly config?: (toml: string) => string;
    /** Given to the client. */
    readonly client?: Omit<GatewayOptions, "url" | "token">;
}

/** What a token may be used for. */
export type Scope = "read" | "invoke" | "publish";

/** A server of one's own. */
export interface PrivateServer {
    /** Where it listens. */
    readonly url: string;
    /** A token of every scope. */
    readonly token: string;
    /** Its home. */
    readonly home: string;
    /** The file with the key that verifies its proofs. */
    readonly vkeyFile: string;
    /** A client with that token. */
    readonly gateway: PluginGateway;
    /** Runs the command on the home and gives what it prints. */
    omega(...words: string[]): Promise<string>;
    /** Makes another token and gives its secret. */
    createToken(name: string, scopes: readonly Scope[], plugins?: readonly string[]): Promise<string>;
    /** A copy of a package's folder, signed by the home's operator, as a tar archive; `edit` may change its manifest. */
    signedPackage(folder: string, edit?: (manifest: PluginManifest) => PluginManifest): Promise<Uint8Array>;
    /** Starts a server on the same home again, at the same address. */
    start(): Promise<void>;
    /** Ends the server: in order, or at once. */
    stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
    /** Ends the server and removes the home. */
    remove(): Promise<void>;
}

const run = promisify(execFile);

/** How long the server may take to be ready, or to end, in milliseconds. */
const PATIENCE_MS = 30_000;
/** How long an operation may take: a test machine may be busy, and the runner has a limit of its own. */
const TIMEOUT_MS = 300_000;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** Does `work` with a gateway of its own, which is removed then. */
export async function withGateway<T>(
    work: (gateway: PluginGateway, server: PrivateServer) => Promise<T> | T,
    options: ServerOptions = {},
): Promise<T> {
    const server = await startServer(options);
    try {
        return await work(server.gateway, server);
    } finally {
        await server.remove();
    }
}

/** Starts a gateway of one's own. Whoever starts it calls `remove`. */
export async function startServer(options: ServerOptions = {}): Promise<PrivateServer> {
    const server = new Server(options, await mkdtemp(join(tmpdir(), "omega-test-")));
    try {
        await server.prepare(options);
        await server.start();
    } catch (error) {
        await server.remove();
        throw error;
    }
    return server;
}

class Server implements PrivateServer {
    readonly home: string;
    readonly vkeyFile: string;
    token = "";
    url = "";
    readonly #binary: string;
    readonly #folder: string;
    readonly #client: ServerOptions["client"];
    #gateway: PluginGateway | undefined;
    #process: ChildProcess | undefined;
    // Should the program end without a farewell.
    readonly #atExit = (): void => {
        this.#process?.kill("SIGKILL");
        rmSync(this.#folder, { recursive: true, force: true });
    };

    constructor(options: ServerOptions, folder: string) {
        this.#binary = options.omega ?? process.env.OMEGA_BIN ?? "omega";
        this.#folder = folder;
        this.#client = options.client;
        this.home = join(folder, "home");
        this.vkeyFile = join(folder, "log.vkey");
        process.once("exit", this.#atExit);
    }

    get gateway(): PluginGateway {
        if (this.#gateway === undefined) {
            throw new Error("the server has not been started");
        }
        return this.#gateway;
    }

    async prepare(options: ServerOptions): Promise<void> {
        await this.omega("init");
        if (options.config !== undefined) {
            const file = join(this.home, "omega.toml");
            await writeFile(file, options.config(await readFile(file, "utf8")));
        }
        await writeFile(this.vkeyFile, await this.omega("ledger", "key"));
        this.token = await this.createToken("tests", ["read", "invoke", "publish"]);
    }

    async omega(...words: string[]): Promise<string> {
        const options = { env: ownEnvironment(), maxBuffer: OUTPUT_BYTES_MAX };
        const found = await run(this.#binary, ["--home", this.home, ...words], options).catch((error: unknown) => {
            const missing = error instanceof Error && "syscall" in error;
            throw missing
                ? new Error(`${error.message}: no \`omega\` to start; set OMEGA_BIN`, { cause: error })
                : error;
        });
        return found.stdout;
    }

    async createToken(name: string, scopes: readonly Scope[], plugins: readonly string[] = []): Promise<string> {
        const words = ["tokens", "create", name, "--json"];
        words.push(...scopes.flatMap((scope) => ["--scope", scope]), ...plugins.flatMap((glob) => ["--plugins", glob]));
        const made: unknown = JSON.parse(await this.omega(...words));
        if (typeof made === "object" && made !== null && "secret" in made && typeof made.secret === "string") {
            return made.secret;
        }
        throw new Error("`omega tokens create` printed no secret");
    }

    async signedPackage(folder: string, edit?: (manifest: PluginManifest) => PluginManifest): Promise<Uint8Array> {
        const copy = await mkdtemp(join(this.#folder, "package-"));
        try {
            await cp(folder, copy, { recursive: true });
            if (edit !== undefined) {
                const file = join(copy, "PLUGIN_MANIFEST.json");
                const manifest = JSON.parse(await readFile(file, "utf8")) as PluginManifest;
                await writeFile(file, JSON.stringify(edit(manifest)));
            }
            await this.omega("plugins", "sign", copy);
            const archive = await run("tar", ["--format=ustar", "-cf", "-", "-C", copy, "."], {
                encoding: "buffer",
                maxBuffer: OUTPUT_BYTES_MAX,
                // Apple's tar would add files of its own.
                env: { ...process.env, COPYFILE_DISABLE: "1" },
            });
            return archive.stdout;
        } finally {
            await rm(copy, { recursive: true, force: true });
        }
    }

    async start(): Promise<void> {
        const listen = this.url === "" ? "127.0.0.1:0" : new URL(this.url).host;
        const server = spawn(this.#binary, ["--home", this.home, "serve", "--listen", listen, "--json"], {
            env: ownEnvironment(),
            stdio: ["ignore", "pipe", "pipe"],
        });
        this.#process = server;
        this.url = await listening(server);
        this.#gateway = new PluginGateway({ timeoutMs: TIMEOUT_MS, ...this.#client, url: this.url, token: this.token });
    }

    async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
        const server = this.#process;
        this.#process = undefined;
        if (server === undefined || server.exitCode !== null || server.signalCode !== null) {
            return;
        }
        const ended = new Promise<void>((resolve) => {
            server.once("exit", () => resolve());
        });
        server.kill(signal);
        const hurry = setTimeout(() => server.kill("SIGKILL"), PATIENCE_MS);
        await ended;
        clearTimeout(hurry);
    }

    async remove(): Promise<void> {
        await this.stop("SIGKILL");
        process.removeListener("exit", this.#atExit);
        await rm(this.#folder, { recursive: true, force: true });
    }
}

/** Where it listens, as soon as it does. */
async function listening(server: ChildProcess): Promise<string> {
    const { stdout, stderr } = server;
    if (stdout === null || stderr === null) {
        throw new Error("the server has no output");
    }
    let complaint = "";
    stderr.setEncoding("utf8").on("data", (text: string) => {
        complaint = (complaint + text).slice(-4_096);
    });
    return await new Promise((resolve, reject) => {
        const fail = (why: string): void => {
            clearTimeout(timer);
            server.kill("SIGKILL");
            reject(new Error(`${why}: ${complaint.trim()}`));
        };
        const timer = setTimeout(() => fail("the server was not ready in time"), PATIENCE_MS);
        server.once("error", (error) => fail(`\`omega\` cannot be started (${error.message}); set OMEGA_BIN`));
        server.once("exit", () => fail("the server ended"));
        // Read on to the end: a full pipe would hold the server up.
        createInterface({ input: stdout }).on("line", (line) => {
            const address = addressIn(line);
            if (address !== undefined) {
                clearTimeout(timer);
                resolve(address);
            }
        });
    });
}

function addressIn(line: string): string | undefined {
    try {
        const document: unknown = JSON.parse(line);
        const told = typeof document === "object" && document !== null && "listening" in document;
        return told && typeof document.listening === "string" ? document.listening : undefined;
    } catch {
        return undefined;
    }
}

/** The environment without what would lead to the user's own gateway. */
function ownEnvironment(): NodeJS.ProcessEnv {
    return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("OMEGA_")));
}
