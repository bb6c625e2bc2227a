// Leaves marks wherever it can, and tells those that it finds: the next call must find none.
let calls = 0;
const places = [globalThis, Object.prototype, Array.prototype, Function.prototype, JSON, Math, Reflect, Promise, Symbol, console, Date,
  RegExp.prototype, Error, Uint8Array.prototype, import.meta];
RegExp("left").test("left");
const shared = new Map();

async function attack(given, host, request) {
  calls += 1;
  const found = places.map((place) => (Object.hasOwn(place, "mark") ? "GOT a mark" : "nothing"));
  for (const place of places) place.mark = calls;
  shared.set("mark", calls);
  const registry = new FinalizationRegistry((left) => { globalThis.late = left; });
  registry.register({}, "late");
  const odd = [calls === 1 ? "nothing" : "GOT another call", shared.size === 1 ? "nothing" : "GOT a map", attempt(() => globalThis.late),
    Symbol.keyFor(Symbol.for("mark")) === "mark" ? "nothing" : "GOT a symbol", attempt(() => RegExp.lastMatch), attempt(() => (Object.hasOwn(request.context, "mark") ? 1 : undefined))];
  request.context.mark = "left";
  host.log("info", "marked");
  // After the answer, for nobody.
  (async () => { for (;;) { await null; globalThis.late = "late"; } })();
  return { found: found.join(), odd: odd.join() };
}
