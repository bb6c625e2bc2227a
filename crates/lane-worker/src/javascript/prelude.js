// Run once in the warm parent, before anything of a plugin is there: the few globals beside the language's own, and what the loop needs
// later. What is needed of the builtins is taken here, so that a plugin that replaces them breaks itself and nothing of ours.
(native) => {
  "use strict";
  const { construct, defineProperty } = Reflect;
  const { freeze } = Object;
  const { stringify } = JSON;
  const RealError = Error;
  const RealDate = Date;
  const RealRangeError = RangeError;
  const RealTypeError = TypeError;
  const RealUint8Array = Uint8Array;
  const toText = String;
  const isView = ArrayBuffer.isView;
  const uncurried = Function.prototype.bind.bind(Function.prototype.call);
  const getter = (object, name) => uncurried(Object.getOwnPropertyDescriptor(object, name).get);
  const typedArray = Object.getPrototypeOf(RealUint8Array.prototype);
  const lengthOf = getter(typedArray, "length");
  const put = uncurried(typedArray.set);
  const part = uncurried(typedArray.subarray);
  const views = [typedArray, DataView.prototype].map((kind) => ({
    buffer: getter(kind, "buffer"),
    offset: getter(kind, "byteOffset"),
    length: getter(kind, "byteLength"),
  }));
  const wellFormed = uncurried(String.prototype.toWellFormed);
  const lowerCase = uncurried(String.prototype.toLowerCase);
  const trim = uncurried(String.prototype.trim);
  const sliced = uncurried(String.prototype.slice);
  const codeAt = uncurried(String.prototype.charCodeAt);
  const dateText = uncurried(RealDate.prototype.toString);

  const define = (object, name, value) =>
    defineProperty(object, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });

  // Of a host, and not of the language.
  delete globalThis.queueMicrotask;

  // As much of a line as is sent: what is longer is not even coded.
  const LINE_UNITS_MAX = 8192;
  const start = (line) => (typeof line === "string" ? sliced(line, 0, LINE_UNITS_MAX) : line);
  const shown = (value) => {
    if (typeof value === "string") return value;
    try {
      if (typeof value === "object" && value !== null) {
        if (value instanceof RealError) return `${value.name}: ${value.message}\n${value.stack}`;
        const text = stringify(value);
        if (typeof text === "string") return text;
      }
      return toText(value);
    } catch {
      return "(a value that cannot be shown)";
    }
  };
  const say = (level, values) => {
    let line = "";
    for (let place = 0; place < values.length; place += 1) line += (place === 0 ? "" : " ") + shown(values[place]);
    native.log(level, start(line));
  };
  define(globalThis, "console", {
    debug(...values) { say("debug", values); },
    info(...values) { say("info", values); },
    log(...values) { say("info", values); },
    warn(...values) { say("warn", values); },
    error(...values) { say("error", values); },
  });

  // The bytes of a buffer or of a view of one.
  const bytesOf = (input) => {
    if (input === undefined) return new RealUint8Array(0);
    if (!isView(input)) return new RealUint8Array(input);
    try {
      const kind = views[0];
      return new RealUint8Array(kind.buffer(input), kind.offset(input), kind.length(input));
    } catch {
      const kind = views[1];
      return new RealUint8Array(kind.buffer(input), kind.offset(input), kind.length(input));
    }
  };

  class TextEncoder {
    get encoding() { return "utf-8"; }
    encode(input = "") { return native.encode(wellFormed(`${input}`)); }
    encodeInto(source, destination) {
      const text = wellFormed(`${source}`);
      const room = lengthOf(destination);
      const [bytes, read] = native.encodeInto(text, room);
      put(destination, bytes);
      return { read, written: lengthOf(bytes) };
    }
  }

  class TextDecoder {
    #fatal;
    #keepsMark;
    #rest = new RealUint8Array(0);
    #isBegun = false;
    constructor(label = "utf-8", options = {}) {
      const name = lowerCase(trim(`${label}`));
      if (name !== "utf-8" && name !== "utf8" && name !== "unicode-1-1-utf-8") {
        throw new RealRangeError(`there is no encoding ${name} here, only utf-8`);
      }
      this.#fatal = !!options?.fatal;
      this.#keepsMark = !!options?.ignoreBOM;
    }
    get encoding() { return "utf-8"; }
    get fatal() { return this.#fatal; }
    get ignoreBOM() { return this.#keepsMark; }
    decode(input, options = {}) {
      const isLast = !options?.stream;
      let bytes = bytesOf(input);
      const before = lengthOf(this.#rest);
      if (before > 0) {
        const whole = new RealUint8Array(before + lengthOf(bytes));
        put(whole, this.#rest);
        put(whole, bytes, before);
        bytes = whole;
      }
      this.#rest = new RealUint8Array(0);
      const isFirst = !this.#isBegun;
      this.#isBegun = false;
      const [text, used] = native.decode(bytes, this.#fatal, isLast);
      if (!isLast) {
        this.#rest = new RealUint8Array(part(bytes, used));
        this.#isBegun = !isFirst || text !== "";
      }
      return isFirst && !this.#keepsMark && codeAt(text, 0) === 0xfeff ? sliced(text, 1) : text;
    }
  }
  define(globalThis, "TextEncoder", TextEncoder);
  define(globalThis, "TextDecoder", TextDecoder);
  define(Math, "random", native.random);

  // The clock stands at zero, for whatever asks for the time.
  const standStill = () => {
    define(RealDate, "now", { now() { return 0; } }.now);
    const standing = new Proxy(RealDate, {
      __proto__: null,
      construct: (date, values, target) => construct(date, values.length === 0 ? [0] : values, target),
      apply: () => dateText(new RealDate(0)),
    });
    define(RealDate.prototype, "constructor", standing);
    define(globalThis, "Date", standing);
  };

  const brokerError = (kind, message) => {
    const error = new RealError(message);
    define(error, "name", "BrokerError");
    define(error, "kind", kind);
    return error;
  };

  // For JSON, which has no such numbers and would say `null`.
  const finite = (key, value) => {
    if (typeof value === "number" && value - value !== 0) {
      throw new RealTypeError(`the result holds ${value} at ${stringify(key)}, which JSON does not have`);
    }
    return value;
  };

  const host = freeze({
    __proto__: null,
    log: freeze((level, message) => native.log(level, start(message))),
    progress: freeze((done, message = "") => native.progress(done, start(message))),
    artifactSize: freeze((id) => native.artifactSize(id)),
    artifactRead: freeze((id, offset, length) => native.artifactRead(id, offset, length)),
    datasetCount: freeze(() => native.datasetCount()),
    datasetRead: freeze((first, rowsMax) => native.datasetRead(first, rowsMax)),
  });
  return { host, standStill, brokerError, finite };
}
