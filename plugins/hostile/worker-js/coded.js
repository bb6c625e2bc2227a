// Changes the bytes under what reads them.
async function attack() {
  const attempts = {};
  const decoder = new TextDecoder();
  const buffer = new ArrayBuffer(64, { maxByteLength: 1 << 16 });
  const view = new Uint8Array(buffer).fill(97);
  attempts["shrinks meanwhile"] = attempt(() => {
    const text = decoder.decode(view, { get stream() { buffer.resize(1); return false; } });
    if (text.length > 1) return text;
  });
  attempts["goes meanwhile"] = attempt(() => {
    const gone = new Uint8Array(new ArrayBuffer(64));
    const text = decoder.decode(gone, { get stream() { gone.buffer.transfer(); return true; } });
    if (text.length > 0) return text;
  });
  attempts["is gone"] = attempt(() => { const own = new Uint8Array(8); own.buffer.transfer(); const text = decoder.decode(own); if (text) return text; });
  attempts["of another kind"] = attempt(() => { decoder.decode({ buffer: new ArrayBuffer(8), byteLength: 2 ** 40, byteOffset: -1 }); });
  attempts["a proxy"] = attempt(() => { decoder.decode(new Proxy(new Uint8Array(8), {})); });
  attempts["lying lengths"] = attempt(() => {
    class Lies extends Uint8Array { get length() { return 2 ** 40; } get byteLength() { return 2 ** 40; } get byteOffset() { return -8; } }
    const text = new TextDecoder().decode(new Lies(8).fill(98));
    if (text !== "bbbbbbbb") return text;
  });
  attempts["into one that lies"] = attempt(() => {
    class Lies extends Uint8Array { get length() { return 2 ** 30; } set() { throw new Error("set"); } }
    const into = new Lies(2);
    const { written } = new TextEncoder().encodeInto("abcdef", into);
    if (written !== 2) return written;
  });
  attempts["into what is none"] = attempt(() => { new TextEncoder().encodeInto("abc", { length: 2 ** 30 }); });
  attempts["a text that changes"] = attempt(() => { let at = 0; const bytes = new TextEncoder().encode({ toString: () => "x".repeat((at += 1)) }); if (bytes.length !== 1) return bytes; });
  attempts["another's decoder"] = attempt(() => { TextDecoder.prototype.decode.call({}, view); });
  attempts["lone surrogates"] = attempt(() => { const bytes = new TextEncoder().encode("\ud800"); if (bytes.join() !== "239,191,189") return bytes; });
  attempts["a resizable one"] = attempt(() => { const bytes = new Uint8Array(new ArrayBuffer(8, { maxByteLength: 16 })); bytes.buffer.resize(16); if (decoder.decode(bytes).length !== 16) return "another length"; });
  return attempts;
}
