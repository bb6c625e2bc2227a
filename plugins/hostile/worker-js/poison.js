// Replaces what the loop could lean on, before it makes its result of what this gives.
const bad = () => { throw new Error("poisoned"); };
const { defineProperty } = Object;
const names = [
  [JSON, "stringify"], [JSON, "parse"], [Object, "freeze"], [Object, "keys"], [Object, "entries"], [Object, "defineProperty"],
  [Object.prototype, "toString"], [Object.prototype, "hasOwnProperty"], [Array.prototype, "push"], [Array.prototype, "join"],
  [Array.prototype, Symbol.iterator], [Array, "isArray"], [String.prototype, "slice"], [String.prototype, "toWellFormed"],
  [String.prototype, "charCodeAt"], [Function.prototype, "call"], [Function.prototype, "apply"], [Function.prototype, "bind"],
  [Reflect, "construct"], [Reflect, "apply"], [Reflect, "ownKeys"], [Promise, "resolve"], [Promise.prototype, "then"],
  [Number, "isFinite"], [Math, "random"], [Date, "now"], [TextEncoder.prototype, "encode"], [TextDecoder.prototype, "decode"],
  [console, "log"],
];
const globals = [
  "JSON", "Object", "Array", "String", "Number", "Boolean", "Symbol", "Function", "Error", "TypeError", "Promise", "Reflect", "Proxy",
  "Map", "Set", "WeakMap", "Uint8Array", "ArrayBuffer", "Date", "RegExp", "Math", "TextEncoder", "TextDecoder", "console", "eval",
];
const traps = ["toJSON", "then", "get", "set", "value", "kind", "refusal", "notes", "length", "0", "name", "message", "stack"];

function poison() {
  // By numbers: what iterates is poisoned too.
  for (let at = 0; at < names.length; at += 1) names[at][0][names[at][1]] = bad;
  for (let at = 0; at < traps.length; at += 1) {
    defineProperty(Object.prototype, traps[at], { __proto__: null, get: bad, set() {}, configurable: true });
  }
  for (let at = 0; at < globals.length; at += 1) globalThis[globals[at]] = bad;
}

async function attack(given, host) {
  host.log("info", "before");
  // What it gives has what it needs as its own, so that it is whole whatever the prototypes say.
  const payload = { __proto__: null, kind: "text", content: "whole", encoding: "utf-8", metadata: { __proto__: null } };
  const whole = { __proto__: null, payload, refusal: undefined, notes: "n" };
  poison();
  host.log("info", "after");
  if (HOW === "throws") throw { __proto__: null, name: "Odd", message: "odd", stack: "" };
  if (HOW === "broker") {
    let kind = "none";
    try { host.artifactSize("a"); } catch (error) { kind = `${error.kind}`; }
    payload.content = kind;
  }
  return { __proto__: null, whole };
}
