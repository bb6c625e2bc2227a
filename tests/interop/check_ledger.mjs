// Recomputes every event hash of a ledger with fast-json-stable-stringify and Node's SHA-256. See README.md beside this.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [folder, ...files] = process.argv.slice(2);
if (!folder || files.length === 0) {
  console.error("usage: node check_ledger.mjs FOLDER_WITH_NODE_MODULES LEDGER.ndjson…");
  process.exit(2);
}
const stringify = createRequire(resolve(folder, "package.json"))("fast-json-stable-stringify");
const FAULTS_SHOWN_MAX = 5;

/** What is wrong with one line, or undefined. */
function faultOf(line, prevHash) {
  let event;
  try {
    event = JSON.parse(line);
  } catch (error) {
    return `not JSON: ${error.message}`;
  }
  if (event === null || typeof event !== "object" || Array.isArray(event)) return "not an object";
  if (stringify(event) !== line) return "the line is not the canonical JSON of its event";
  const { event_hash: stated, ...rest } = event;
  const computed = createHash("sha256").update(stringify(rest), "utf8").digest("hex");
  if (computed !== stated) return `event_hash is ${stated}, computed ${computed}`;
  if (event.prev_hash !== prevHash) return `prev_hash is ${event.prev_hash}, the line before has ${prevHash}`;
  return undefined;
}

let lines = 0;
let prevHash = "";
const faults = [];
for (const file of files) {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  const rows = text.split("\n");
  if (rows.pop() !== "") faults.push(`${file}: does not end with a newline`);
  rows.forEach((row, index) => {
    lines += 1;
    const fault = faultOf(row, prevHash);
    if (fault) faults.push(`${file}:${index + 1}: ${fault}`);
    prevHash = row.slice('{"event_hash":"'.length, '{"event_hash":"'.length + 64);
  });
}
if (lines === 0) faults.push("the ledger has no line");
for (const fault of faults.slice(0, FAULTS_SHOWN_MAX)) console.log(fault);
const agree = Math.max(0, lines - faults.length);
console.log(`fast-json-stable-stringify, Node ${process.version}: ${agree} of ${lines} lines agree`);
process.exit(faults.length === 0 ? 0 : 1);
