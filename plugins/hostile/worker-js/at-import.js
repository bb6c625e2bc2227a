// Misbehaves while it is imported, before anybody called it.
const ways = {
  throws() { throw new Error("at import"); },
  memory() { const held = []; for (;;) held.push(new Array(1000).fill(0)); },
  nests() { const again = () => again() + 1; again(); },
  flood() { for (;;) console.log("flood"); },
  poisons() { for (const name of ["JSON", "Promise", "Object", "Error", "Reflect"]) globalThis[name] = null; },
  "throws what is none"() { throw { get stack() { throw 1; } }; },
};
await (HOW === "never settles" ? new Promise(() => {}) : ways[HOW]?.());

async function attack() {
  return "poisoned and went on";
}
