// Leaves work to the collector: callbacks, weak references, cycles of all of them.
async function attack() {
  let late = 0;
  const registry = new FinalizationRegistry(() => {
    late += 1;
    registry.register({}, late);
    throw new Error("in a finalizer");
  });
  for (let at = 0; at < 5_000; at += 1) {
    const ring = { weak: null, map: new WeakMap(), set: new WeakSet() };
    ring.weak = new WeakRef(ring);
    ring.map.set(ring, ring);
    ring.set.add(ring);
    registry.register(ring, at, ring);
    if (at % 1000 === 0) await null;
  }
  return "collected";
}
