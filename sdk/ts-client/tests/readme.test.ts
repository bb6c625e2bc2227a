/** What the README says is compiled and run, with the package as it is handed out. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { withGateway } from "@omega/gateway-client/testing";

const PACKAGE = fileURLToPath(new URL("../../", import.meta.url));
const GUESTS = join(PACKAGE, "../../target/guests/packages/examples");
const ADDRESS = "http://127.0.0.1:7077";
const COMPILER_OPTIONS = {
    target: "ES2022",
    module: "nodenext",
    strict: true,
    skipLibCheck: false,
    exactOptionalPropertyTypes: true,
    types: ["node"],
};

const run = promisify(execFile);

/** The blocks of TypeScript, each with the texts that it prints, in order. */
async function blocks(): Promise<{ readonly code: string; readonly prints: string[] }[]> {
    const readme = await readFile(join(PACKAGE, "README.md"), "utf8");
    return [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => ({
        code,
        prints: [...code.matchAll(/^\s*\/\/=> (.*)$/gm)].map(([, text = ""]) => text),
    }));
}

/** A project that has the package from its archive, and no other. */
async function project(folder: string): Promise<void> {
    const packed = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], {
        cwd: PACKAGE,
    });
    const [archive] = JSON.parse(packed.stdout) as {
        readonly filename: string;
        readonly files: { readonly path: string }[];
    }[];
    assert.ok(archive !== undefined && archive.files.some(({ path }) => path === "dist/index.d.ts"));
    assert.deepEqual(
        archive.files
            .map(({ path }) => path)
            .filter((path) => !/^(dist\/.*\.(d\.ts|js)|package\.json|README\.md)$/.test(path)),
        [],
    );
    const into = join(folder, "node_modules/@omega/gateway-client");
    await mkdir(into, { recursive: true });
    await run("tar", ["-xzf", join(folder, archive.filename), "--strip-components=1", "-C", into]);
    // The types of Node are what a user's own project has.
    await symlink(join(PACKAGE, "node_modules/@types"), join(folder, "node_modules/@types"));
    await symlink(join(PACKAGE, "node_modules/undici-types"), join(folder, "node_modules/undici-types"));
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }));
}

test("the README's programs compile, run, and print what they say", async () => {
    const folder = await mkdtemp(join(tmpdir(), "omega-readme-"));
    try {
        await project(folder);
        const programs = await blocks();
        assert.ok(programs.length >= 4);
        await withGateway(async (gateway, server) => {
            for (const name of ["hello", "text-stats"]) {
                const { plugin_id } = await gateway.registerPlugin(await server.signedPackage(join(GUESTS, name)));
                await gateway.enablePlugin(plugin_id);
            }
            for (const [number, { code }] of programs.entries()) {
                await writeFile(join(folder, `block${number}.ts`), code.replaceAll(ADDRESS, server.url));
            }
            const tsc = join(PACKAGE, "node_modules/typescript/bin/tsc");
            await run(process.execPath, [tsc, "-p", folder]).catch((error: unknown) =>
                assert.fail((error as { readonly stdout: string }).stdout),
            );
            for (const [number, { code, prints }] of programs.entries()) {
                const env = { ...process.env, OMEGA_TOKEN: server.token };
                const { stdout } = await run(process.execPath, [join(folder, `block${number}.js`)], { env });
                const lines = stdout.trimEnd().split("\n");
                assert.equal(lines.length, prints.length, `${code}\n${stdout}`);
                for (const [at, text] of prints.entries()) {
                    assert.ok(lines[at]?.startsWith(text), `\`${text}\`: ${stdout}`);
                }
            }
        });
    } finally {
        await rm(folder, { recursive: true, force: true });
    }
});
