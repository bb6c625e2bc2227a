// Shares memory with whoever might be there, and waits on it.
async function attack() {
  const room = attempt(() => { new SharedArrayBuffer(1 << 10); });
  const attempts = { "without end": attempt(() => { new SharedArrayBuffer(2 ** 40); return "that much"; }) };
  if (room === "nothing") {
    const cells = new Int32Array(new SharedArrayBuffer(64));
    attempts.wait = attempt(() => Atomics.wait(cells, 0, 0, 60_000));
    attempts["wait for ever"] = attempt(() => Atomics.wait(cells, 0, 0));
    attempts.notify = attempt(() => { if (Atomics.notify(cells, 0) > 0) return "somebody"; });
  } else {
    attempts.room = room;
    attempts.wait = attempt(() => Atomics.wait(new Int32Array(4), 0, 0, 60_000));
  }
  attempts["wait later"] = attempt(() => { Atomics.waitAsync?.(new Int32Array(4), 0, 0, 60_000); });
  return attempts;
}
