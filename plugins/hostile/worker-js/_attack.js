// In front of each program, which is bundled with it: what an attack is told, and how it tells what became of its attempts. The driver
// writes HOW before it. What it needs of the builtins it takes first, so that a program may break them.
const { parse, stringify } = JSON;
const { slice } = String.prototype;
const text = String;
const call = Function.prototype.call.bind(Function.prototype.call);

/** What came of an attempt: nothing, an error, or something that it should not have. */
function attempt(work) {
  try {
    const got = work();
    return got === undefined ? "nothing" : `GOT ${call(slice, text(got), 0, 80)}`;
  } catch (error) {
    return `refused: ${call(slice, text(error), 0, 80)}`;
  }
}

const answer = (content) => ({ payload: { kind: "text", content, encoding: "utf-8", metadata: {} } });

export async function handle(request, host) {
  const given = await attack(parse(request.payload.content), host, request);
  return typeof given === "string" ? answer(given) : (given.whole ?? answer(stringify(given)));
}
