/** Client of the OMEGA Plugin Gateway, for Node and browsers. See {@link PluginGateway}. */

export {
    type ClientErrorCode,
    GatewayError,
    type GatewayErrorCode,
    type GatewayErrorDetails,
    isGatewayError,
} from "./errors.js";
export type { FollowOptions } from "./events.js";
export { PluginGateway } from "./gateway.js";
export { binaryRefPayload, datasetSlicePayload, jsonPayload, resultOf, textPayload } from "./payloads.js";
export type { CallOptions, GatewayOptions, Retry } from "./transport.js";
export type * from "./types.js";
