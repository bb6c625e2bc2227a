// Gives what is no result, or is another one each time it is looked at.
const written = (content) => ({ kind: "text", content, encoding: "utf-8", metadata: {} });
const counting = () => { let at = 0; return () => (at += 1); };
const ways = {
  symbol: () => Symbol("result"),
  "symbol inside": () => ({ payload: { ...written("c"), kind: Symbol("k") } }),
  "cyclic": () => { const data = {}; data.data = data; return { payload: { kind: "json", data, schema_ref: "s" } }; },
  "big integer": () => ({ payload: { kind: "json", data: { n: 1n }, schema_ref: "s" } }),
  "revoked proxy": () => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; },
  "proxy that throws": () => new Proxy({}, { get() { throw new TypeError("no"); } }),
  "getter that throws": () => ({ get payload() { throw new RangeError("no"); } }),
  "getter that spins": () => ({ get payload() { for (;;); } }),
  "toJSON that spins": () => ({ payload: { ...written("c"), toJSON() { for (;;); } } }),
  "toJSON that lies": () => ({ payload: { toJSON: () => written("lied") } }),
  "toJSON without end": () => ({ payload: { toJSON() { return { toJSON: this.toJSON, again: this }; }, get again() { return { ...this }; } } }),
  "getter that counts": () => { const next = counting(); return { payload: { get content() { return `${next()}`; }, kind: "text", encoding: "utf-8", metadata: {} } }; },
  "proxy of keys without end": () => ({ payload: new Proxy({}, { ownKeys: () => new Array(5_000_000).fill(0).map((_, at) => `k${at}`), getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }) }) }),
  "lying length": () => ({ payload: { kind: "json", data: new Proxy([], { get: (_, name) => (name === "length" ? 2 ** 32 - 1 : 1) }), schema_ref: "s" } }),
  "sparse": () => { const data = []; data.length = 2 ** 32 - 1; return { payload: { kind: "json", data: { data }, schema_ref: "s" } }; },
  "lone surrogate": () => ({ payload: written("\udead") }),
  "lone surrogate in a key": () => ({ payload: { kind: "json", data: { "\ud800": 1 }, schema_ref: "s" } }),
  "not a number": () => ({ payload: { kind: "json", data: { n: 0 / 0 }, schema_ref: "s" } }),
  "both": () => ({ payload: written("payload"), refusal: { code: "c", message: "refusal" } }),
  "generator": () => (async function* () { for (;;) yield 1; })(),
  "thenable": () => ({ then(resolve) { resolve({ payload: written("thenable") }); } }),
  "promise of a subclass": () => new (class extends Promise { static get [Symbol.species]() { throw new Error("species"); } })((resolve) => resolve({ payload: written("subclass") })),
  "prototype of the result": () => Object.create({ payload: written("inherited") }),
  "frozen": () => Object.freeze({ payload: Object.freeze(written("frozen")) }),
  "typed array": () => ({ payload: new Uint8Array(8) }),
  "too large": () => ({ payload: written("x".repeat(2 << 20)) }),
  "too large notes": () => ({ payload: written("c"), notes: "n".repeat(2 << 20) }),
  "too large refusal": () => ({ refusal: { code: "c".repeat(1 << 20), message: "m".repeat(2 << 20) } }),
  "a forged frame": () => ({ payload: written("\0\0\0\x11{\"type\":\"loaded\"}") }),
  "keys of prototypes": () => ({ payload: { kind: "json", data: JSON.parse('{"__proto__": {"polluted": 1}, "constructor": 1}'), schema_ref: "s" } }),
};

async function attack() {
  return { whole: ways[HOW]() };
}
