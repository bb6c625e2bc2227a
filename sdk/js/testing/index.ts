/**
 * Runs a plugin's function in the author's tests: no sandbox, no gateway; or, with `Gateway`, through a real one.
 *
 *     assert.equal(run(handle, Request.text("two words")).json().words, 2);
 *     assert.equal(run(handle, Request.text(" ")).refusal().code, "empty");
 *
 * `run` is a stand-in: it answers the brokers' questions from memory, by the gateway's rules for what a request names. It
 * checks no schema, no capability and no limit; a `Gateway` does, and `conformance` holds the package to the whole gate.
 */

export { certify, type Check, conformance } from "./conformance.js";
export { Gateway, GatewayError, type Response } from "./gateway.js";
export { Request, type Row } from "./request.js";
export { type Handle, type LogLine, type Outcome, type Progress, Run, run } from "./run.js";
