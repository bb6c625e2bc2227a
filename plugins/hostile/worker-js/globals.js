// Looks for a host in the globals, and for ways to one through whatever makes code.
const hosts = [
  "process", "require", "module", "exports", "global", "Buffer", "std", "os", "bjson", "Worker", "fetch", "XMLHttpRequest", "WebSocket",
  "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "performance", "navigator", "location", "document", "window", "self",
  "Deno", "Bun", "print", "load", "loadScript", "read", "readFile", "write", "quit", "exit", "gc", "scriptArgs", "__loadScript", "navigator",
  "WebAssembly", "ShadowRealm", "structuredClone", "atob", "btoa", "crypto", "DOMException", "MessageChannel", "importScripts",
];

async function attack() {
  const attempts = {};
  const makers = {
    eval: (code) => (0, eval)(code),
    function: (code) => Function(`return ${code}`)(),
    "a generator": (code) => (function* () {}).constructor(`yield ${code}`)().next().value,
    "this of a function": (code) => Function(`return this.${code}`)(),
  };
  for (const name of hosts) {
    attempts[name] = attempt(() => globalThis[name]);
    for (const [how, make] of Object.entries(makers)) {
      const found = attempt(() => (how === "this of a function" ? make(name) : make(`typeof ${name} === "undefined" ? undefined : 1`)));
      if (found !== "nothing") attempts[`${name} by ${how}`] = found;
    }
  }
  const made = (async () => {}).constructor("return typeof process")();
  attempts["an async function"] = attempt(() => (made instanceof Promise ? undefined : made));
  attempts["import.meta"] = attempt(() => (Reflect.ownKeys(import.meta).length === 0 ? undefined : Reflect.ownKeys(import.meta)));
  attempts.arguments = attempt(() => attack.arguments ?? undefined);
  attempts.caller = attempt(() => attack.caller ?? undefined);
  attempts["the stack's files"] = attempt(() => {
    const files = new Error("here").stack.match(/\(([^:)]+)/g) ?? [];
    return files.every((file) => file === "(program.js" || file === "(omega" || file === "(native") ? undefined : files;
  });
  return attempts;
}
