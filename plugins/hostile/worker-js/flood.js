// Says more than anybody wants to hear.
const ways = {
  log(host) { for (;;) host.log("info", "m".repeat(1000)); },
  console() { for (;;) console.error({ a: "m".repeat(1000) }); },
  progress(host) { for (let at = 0; ; at += 1) host.progress((at % 100) / 100, "m".repeat(1000)); },
  "long lines"(host) { for (let at = 0; at < 8; at += 1) host.log("warn", "é\ud800\n".repeat(1 << 18)); },
  questions(host) { for (;;) try { host.artifactSize("a"); } catch { /* again */ } },
  "large questions"(host) { for (;;) try { host.artifactSize("a".repeat(1 << 20)); } catch { /* again */ } },
};

async function attack(given, host) {
  ways[HOW](host);
  return "said";
}
