// Goes on after its answer, and answers more than once.
async function attack(given, host) {
  const again = async () => {
    for (;;) {
      await null;
      host.log("info", "after the answer");
      host.progress(1, "after the answer");
    }
  };
  if (HOW === "before") {
    again();
    return "first";
  }
  return new Promise((resolve) => {
    resolve("first");
    resolve("second");
    queue(() => resolve("third"));
  });
}
const queue = (work) => Promise.resolve().then(work);
