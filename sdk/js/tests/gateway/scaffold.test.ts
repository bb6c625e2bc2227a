/** What `omega plugins new` writes, as an author goes on with it; and the same plugin in three languages. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Text } from "@omega/plugin";
import { Gateway, type Response } from "@omega/plugin/testing";
import { Folder } from "../package.js";

/** A test runner started by a test would report to it, and print nothing. */
const { NODE_TEST_CONTEXT: _, ...env } = process.env;

function inFolder(folder: string, program: string, ...words: readonly string[]): string {
    const done = spawnSync(program, words, { cwd: folder, encoding: "utf8", env });
    assert.equal(done.status, 0, `${program} ${words.join(" ")}: ${done.stdout}${done.stderr}`);
    return done.stdout;
}

const omega = process.env["OMEGA_BIN"] ?? "omega";

test("a new plugin builds, tests itself and keeps its schemas, out of this repository", () => {
    using desk = new Folder();
    inFolder(desk.path, omega, "plugins", "new", "acme.tally-1", "--lang", "js", "--dir", "tally");
    const tally = join(desk.path, "tally");
    assert.match(inFolder(desk.path, omega, "plugins", "build", "tally"), /^Built: tally\/plugin\.js \(/);
    assert.match(inFolder(tally, "npm", "test"), /[#ℹ] pass 13\n[#ℹ] fail 0\n/);
    assert.match(inFolder(desk.path, omega, "plugins", "check", "tally"), /^valid: 0 errors, 0 warnings/);
    // Its lock file is the one that its dependencies give, and a second build installs nothing.
    const lock = readFileSync(join(tally, "package-lock.json"), "utf8");
    inFolder(tally, "npm", "install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts");
    assert.equal(readFileSync(join(tally, "package-lock.json"), "utf8"), lock);
    // A type that is changed is seen by the next test.
    const source = join(tally, "src/plugin.ts");
    writeFileSync(source, readFileSync(source, "utf8").replace("minimum: 1", "minimum: 2"));
    const failed = spawnSync("npm", ["test"], { cwd: tally, encoding: "utf8", env });
    assert.equal(failed.status, 1);
    assert.match(failed.stderr, /schemas\/outputs\/report\.schema\.json: not what the plugin's types say/);
    // What there is only in browsers and in Node is an error before it is one in the sandbox.
    writeFileSync(source, `${readFileSync(source, "utf8")}\nexport const page = fetch("https://example.org");\n`);
    assert.match(spawnSync("npm", ["test"], { cwd: tally, encoding: "utf8", env }).stdout, /Cannot find name 'fetch'/);
});

/** Texts on which languages could differ: what is white space, what is a character, which of equals is the longest. */
const TEXTS = [
    "three little words",
    "one two six",
    "abc def",
    "  leading and trailing \n",
    "a\tb\nc\rd\u000be\ff",
    "a\u0085b\u00a0c\u1680d\u2003e\u2028f\u2029g\u202fh\u205fi\u3000j",
    // Not white space, though one language or another has it so.
    "a\u001cb\u001db\u001eb\u001fb \ufeffc\u200bd\u180ee",
    // Four characters of four units each, or eight of JavaScript's, against five of one.
    "\u{1f600}\u{1f600}\u{1f600}\u{1f600} abcde",
    // A letter and its accent are two characters.
    "e\u0301e\u0301 abc abcd",
    "日本語 テキスト",
    "\u0000 \u007f",
    "x".repeat(5000) + " y",
];
const EMPTY = ["", " \n\t", "\u0085\u3000"];

test("the same input through the same plugin in three languages gives the same output and hash", () => {
    using desk = new Folder();
    // A gateway for each: their plugins have one id, so that their outputs name one schema.
    using rust = new Gateway();
    using python = new Gateway();
    using js = new Gateway();
    const gateways = Object.entries({ rust, python, js });
    for (const [lang, gateway] of gateways) {
        inFolder(desk.path, omega, "plugins", "new", "word-count", "--lang", lang, "--dir", lang);
        inFolder(desk.path, omega, "plugins", "build", lang);
        gateway.install(join(desk.path, lang));
    }
    const answers = (text: string): Response[] =>
        gateways.map(([, gateway]) => gateway.invoke("word-count", new Text(text)));
    for (const text of TEXTS) {
        const [first, ...others] = answers(text);
        assert.equal(first?.status, "ok", JSON.stringify(first));
        for (const { result, evidence_hashes } of others) {
            assert.deepEqual([result, evidence_hashes], [first.result, first.evidence_hashes], text);
        }
    }
    for (const text of EMPTY) {
        const said = answers(text).map(({ status, reason, notes }) => `${status} ${reason ?? ""} ${notes}`);
        const declined = "rejected plugin_declined no_words: there are no words to count";
        assert.deepEqual(said, [declined, declined, declined], JSON.stringify(text));
    }
});
