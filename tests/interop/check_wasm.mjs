// Runs the verifier as a wasm module in Node: it has no imports, takes a sound proof, and refuses a changed one.
import { readFileSync } from "node:fs";

const [module, bundle, vkey, changed] = process.argv.slice(2);
if (!changed) {
  console.error("usage: node check_wasm.mjs MODULE.wasm BUNDLE VKEY_FILE CHANGED_BUNDLE");
  process.exit(2);
}
const compiled = new WebAssembly.Module(readFileSync(module));
const imports = WebAssembly.Module.imports(compiled);
if (imports.length > 0) {
  console.log(`the module imports ${JSON.stringify(imports)}`);
  process.exit(1);
}
const { exports } = new WebAssembly.Instance(compiled, {});

/** Writes a file into one of the module's buffers. */
function fill(number, file) {
  const bytes = readFileSync(file);
  const address = exports.buffer(number, bytes.length);
  new Uint8Array(exports.memory.buffer, address, bytes.length).set(bytes);
}

/** What the module says of a proof. */
function verdict(file) {
  fill(0, file);
  fill(1, vkey);
  const length = exports.verify();
  return new TextDecoder().decode(new Uint8Array(exports.memory.buffer, exports.verdict(), length));
}

const [sound, tampered] = [verdict(bundle), verdict(changed)];
console.log(`wasm, Node ${process.version}: sound: ${sound}; changed: ${tampered}`);
process.exit(sound.startsWith("+") && tampered.startsWith("-") ? 0 : 1);
