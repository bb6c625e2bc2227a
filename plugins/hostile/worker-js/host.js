// Handles what it was given: changes it, borrows its functions, calls them with what they do not expect.
async function attack(given, host, request) {
  const native = Object.getOwnPropertyNames(host);
  const odd = [undefined, null, NaN, -1, 2 ** 53, 1.5, 1n, "", "x".repeat(1 << 20), Symbol("s"), {}, [], () => 1, new Proxy({}, {})];
  const attempts = {
    replaced: attempt(() => { host.log = () => 1; }),
    deleted: attempt(() => { delete host.log; }),
    "a member more": attempt(() => { host.more = 1; }),
    "another prototype": attempt(() => { Object.setPrototypeOf(host, { more: 1 }); }),
    "a function changed": attempt(() => { host.log.more = 1; }),
    "its prototype": attempt(() => Object.getPrototypeOf(host) ?? undefined),
    "what makes functions of it": attempt(() => { const own = host.log.constructor("return typeof process")(); return own === "undefined" ? undefined : own; }),
    "the caller": attempt(() => host.log.caller ?? undefined),
    "an artifact": attempt(() => host.artifactSize("/etc/passwd")),
    "an artifact by bytes": attempt(() => host.artifactRead("../secret", 0, 2 ** 32)),
    "rows": attempt(() => host.datasetRead(0, 2 ** 40)),
    "as a constructor": attempt(() => { new host.log("info", "m"); }),
  };
  for (const name of native) {
    for (const first of odd) {
      for (const second of odd.slice(0, 6)) {
        if (name === "progress" && typeof first === "number") continue;
        attempts[name] = attempt(() => { host[name].call(given, first, second, second); });
        if (attempts[name].startsWith("GOT")) return attempts;
      }
    }
  }
  attempts.names = native.join() === "log,progress,artifactSize,artifactRead,datasetCount,datasetRead" ? "held" : `GOT ${native}`;
  attempts.request = Object.keys(request).join() === "request_id,run_id,timestamp,payload,context" ? "held" : `GOT ${Object.keys(request)}`;
  return attempts;
}
