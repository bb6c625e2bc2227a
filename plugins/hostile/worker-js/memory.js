// Takes memory until there is none, in each shape that the language has.
const shapes = {
  arrays(held) { held.push(new Array(1000).fill(held.length)); },
  objects(held) { held.push({ a: {}, b: [], c: () => held }); },
  strings(held) { held[0] = `${held[0] ?? "text"}${held[0] ?? "text"}`; held.push(held[0].toUpperCase()); },
  ropes(held) { held[0] = (held[0] ?? "") + "0123456789".repeat(10_000); },
  bytes(held) { held.push(new Uint8Array(1 << 20).fill(1)); },
  buffers(held) { held.push(new ArrayBuffer(1 << 16, { maxByteLength: 1 << 20 })); held.at(-1).resize(1 << 20); },
  maps(held) { const map = new Map(); for (let at = 0; at < 1000; at += 1) map.set({}, at); held.push(map); },
  integers(held) { held.push((held.at(-1) ?? 3n) ** 2n); },
  closures(held) { held.push((() => { const own = held.length; return () => own; })()); },
  promises(held) { held.push(new Promise(() => {}).then(() => held)); },
  symbols(held) { held.push(Symbol.for(`mark ${held.length}`)); },
  expressions(held) { held.push(new RegExp(`(a{1,${(held.length % 200) + 1}}b)+`.repeat(50))); },
  programs(held) { held.push(new Function(`return [${"1,".repeat(100_000)}]`)); },
  encoded(held) { held.push(new TextEncoder().encode("é".repeat(1 << 19))); },
};

async function attack() {
  const held = [];
  if (HOW === "in jobs") {
    for (;;) { await null; shapes.arrays(held); }
  }
  if (HOW === "goes on") {
    // Catches each refusal, and asks again for ever.
    for (;;) { try { shapes.bytes(held); } catch { held.length >>= 1; } }
  }
  if (HOW === "recovers") {
    try { for (;;) shapes.bytes(held); } catch { held.length = 0; }
    return "recovered";
  }
  if (HOW === "holds") {
    globalThis.held = held;
    try { for (;;) shapes.objects(held); } catch (error) { throw error; }
  }
  for (;;) shapes[HOW](held);
}
