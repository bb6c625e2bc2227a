// Works for ever, in each place where work can be done.
const ways = {
  spin() { for (;;); },
  "spin and catch"() { for (;;) { try { for (;;); } catch { /* again */ } finally { for (;;); } } },
  expression() { return /^(a+)+$/.test(`${"a".repeat(60)}b`); },
  "expression of many"() { return "a".repeat(100_000).replace(/(?:a|a|aa)+?(?=b)/g, ""); },
  "looks behind"() { return /(?<=^x(?:a|aa|aaa)+c)b/.test(`${"a".repeat(80)}cb`); },
  async microtasks() { for (;;) await null; },
  async promises() { const again = () => Promise.resolve().then(again); await again(); },
  async generator() { for await (const _ of (async function* () { for (;;) yield 1; })()); },
  async "thenable that goes on"() { await { then(resolve) { resolve(this); } }; },
  sort() { [3, 2, 1].sort(() => { for (;;); }); },
  iterator() { new Set({ [Symbol.iterator]: () => ({ next: () => ({ value: 1, done: false }) }) }); },
  join() { return new Array(2 ** 32 - 1).join("").length; },
  integers() { let number = 3n; for (;;) number = (number ** 2n) % (2n ** 4096n); },
};

async function attack() {
  await ways[HOW]?.();
  return "it ended";
}
