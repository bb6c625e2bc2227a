// Imports while it is called: files, addresses, modules of engines, itself.
const wanted = [
  "std", "os", "qjs:std", "qjs:os", "bjson", "fs", "node:fs", "process", "child_process", "/etc/passwd", "../../etc/passwd", "./program.js",
  "program.js", "/plugin/program.js", "file:///etc/passwd", "http://127.0.0.1/", "data:text/javascript,export default 1", "omega", "",
  "\0", "\ud800", "x".repeat(1 << 20), "/proc/self/maps", "libc.so.6", "./program.so",
];

async function attack() {
  const attempts = {};
  for (const [at, name] of wanted.entries()) {
    for (const options of [undefined, { with: { type: "json" } }, { with: { type: "text" } }, { with: { type: "bytes" } }]) {
      let got;
      try { got = `GOT ${Object.keys(await import(name, options))}`; } catch (error) { got = `refused: ${error.name}`; }
      attempts[`${at} ${name.slice(0, 40).toWellFormed()} ${options?.with.type ?? ""}`] = got;
    }
  }
  return attempts;
}
