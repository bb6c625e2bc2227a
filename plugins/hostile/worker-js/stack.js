// Nests without end, in each place where the engine nests.
const deep = (depth, open, close) => open.repeat(depth) + close.repeat(depth);
const ways = {
  calls() { const again = () => again() + 1; return again(); },
  methods() { class Own { get own() { return this.own; } } return new Own().own; },
  parse() { return JSON.parse(deep(500_000, "[", "]")); },
  stringify() { let value = []; for (let at = 0; at < 200_000; at += 1) value = [value]; return JSON.stringify(value); },
  flat() { let value = []; for (let at = 0; at < 200_000; at += 1) value = [value]; return value.flat(Infinity); },
  program() { return eval(deep(1_000_000, "(", ")")); },
  arrows() { return eval("()=>".repeat(500_000)); },
  templates() { return eval(deep(200_000, "`${", "}`")); },
  expression() { return new RegExp(deep(1_000_000, "(", ")")); },
  "expression that matches"() { return new RegExp(deep(5_000, "(?:", ")*")).exec("a".repeat(10)); },
  proxies() { let value = {}; for (let at = 0; at < 200_000; at += 1) value = new Proxy(value, {}); return value.own; },
  prototypes() { let value = {}; for (let at = 0; at < 200_000; at += 1) value = Object.create(value); return value.own ?? ways.calls(); },
  bound() { let value = () => 1; for (let at = 0; at < 200_000; at += 1) value = value.bind(null); return value(); },
  spread() { return Math.max(...new Array(1_000_000).fill(1)); },
  sort() { const again = () => [2, 1].sort(again); return again(); },
  text() { const value = { toString: () => `${value}` }; return `${value}`; },
  primitive() { const value = { [Symbol.toPrimitive]: () => +value }; return +value; },
  replace() { const again = () => "a".replace(/a/, again); return again(); },
  iterate() { const value = { *[Symbol.iterator]() { yield* value; } }; return [...value]; },
  errors() { const again = (error) => again(new Error("deep", { cause: error })); return again(null); },
  result() { let value = {}; for (let at = 0; at < 200_000; at += 1) value = { value }; return { whole: { payload: { kind: "json", data: value, schema_ref: "s" } } }; },
  ropes() { let value = ""; for (let at = 0; at < 20_000; at += 1) value = at % 2 ? `a${value}` : `${value}b`; return value.charCodeAt(5) > 0 ? ways.calls() : 0; },
  lists() { let value = null; for (let at = 0; at < 400_000; at += 1) value = { value }; value = null; return ways.calls(); },
};

async function attack() {
  return ways[HOW]();
}
