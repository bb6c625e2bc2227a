// Looks for a clock and for chance: every call, of a plugin that is declared deterministic, must see the same.
async function attack() {
  const seen = [];
  const see = (work) => { try { seen.push(text(work())); } catch (error) { seen.push(error.name); } };
  const own = new (class extends Date {})();
  see(() => Date.now());
  see(() => new Date().toISOString());
  see(() => Date());
  see(() => own.getTime());
  see(() => Reflect.construct(Date, []).getTime());
  see(() => new Date.prototype.constructor().getTime());
  see(() => new (Object.getPrototypeOf(own.constructor))().getTime());
  see(() => eval("Date.now() + new Date().getTime()"));
  see(() => new (Function("return Date")())().getTime());
  see(() => Date.prototype.getTimezoneOffset.call(new Date(1e12)));
  see(() => new Date(1e12).toLocaleString());
  see(() => [Math.random(), Math.random()].join());
  see(() => [3, 1, 2, 5, 4].sort(() => Math.random() - 0.5).join());
  see(() => Object.keys({ b: 1, a: 2, 1: 3 }).join());
  see(() => new Error("here").stack);
  see(() => Symbol("s").toString() + [...new Map([[{}, 1], [() => 1, 2]]).values()]);
  see(() => { Date = class { static now() { return 7; } }; return Date.now(); });
  see(() => { Math.random = () => 0.5; return Math.random(); });
  see(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1));
  see(() => typeof performance);
  return { found: seen.join("; ") };
}
