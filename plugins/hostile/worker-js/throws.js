// Throws what is no error, or one that does not like to be looked at.
const ways = {
  nothing() { throw undefined; },
  symbol() { throw Symbol("thrown"); },
  "big integer"() { throw 10n; },
  proxy() { throw new Proxy(new Error("inner"), { get() { throw new Error("again"); } }); },
  revoked() { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy; },
  "getter that throws"() { throw { get name() { throw 1; }, get message() { throw 2; }, get stack() { throw 3; } }; },
  "getter that spins"() { throw { get name() { for (;;); } }; },
  "getter that nests"() { throw { get name() { return this.name; } }; },
  "long"() { throw Object.assign(new Error("m".repeat(1 << 20)), { name: "n".repeat(1 << 20), stack: "s\n".repeat(1 << 20) }); },
  "lone surrogates"() { throw Object.assign(new Error("\ud800"), { name: "\udc00" }); },
  "control characters"() { throw new Error("\0\x1b[2J\r\n{\"type\":\"result\"}"); },
  "stack that is prepared"() { Error.prepareStackTrace = () => { throw new Error("prepared"); }; throw new Error("outer"); },
  "stack that is prepared for ever"() { Error.prepareStackTrace = () => { for (;;); }; throw new Error("outer"); },
  "stack that is prepared by errors"() { Error.prepareStackTrace = () => new Error("again").stack; throw new Error("outer"); },
  "stack that is an object"() { Error.prepareStackTrace = (error, frames) => frames; throw new Error("outer"); },
  "stack without limit"() { Error.stackTraceLimit = Infinity; const again = () => again(); again(); },
  "error that is none"() { throw Object.create(Error.prototype); },
  "aggregate of many"() { throw new AggregateError(new Array(100_000).fill(new Error("one")), "many"); },
  async "rejections without end"() { for (let at = 0; at < 100_000; at += 1) Promise.reject(at); return "went on"; },
  async "rejections that are handled late"() { const late = Promise.reject(new Error("late")); await null; late.catch(() => {}); return "handled"; },
  async "a rejection beside the answer"() { Promise.reject(new Error("beside")); return "answered"; },
  "pretends to be out of memory"() { throw Object.assign(new Error("none"), { name: "MemoryError" }); },
};

async function attack() {
  return ways[HOW]();
}
