/**
 * Write a plugin for the OMEGA Plugin Gateway: one function from a typed payload to a typed payload.
 *
 *     import { Json, jsonPayload, plugin, Refusal, Text } from "@omega/plugin";
 *     import * as Type from "@omega/plugin/type";
 *
 *     const Report = jsonPayload("omega:word-count:output:report:v1.0.0", Type.Object({ words: Type.Integer() }));
 *
 *     export const handle = plugin({ input: Text, output: Report }, (text) => {
 *         const words = text.content.match(/\P{White_Space}+/gu) ?? [];
 *         if (words.length === 0) {
 *             throw new Refusal("empty", "there are no words to count");
 *         }
 *         return new Json({ words: words.length });
 *     });
 *
 * What the declared type does not take is declined before the function is called. A throw is a fault of the plugin, and the
 * gateway answers `error`; a `Refusal` declines the input, and it answers `rejected`.
 */

export { type Host, type Level, progress } from "./host.js";
export type { JsonObject, JsonValue } from "./json_value.js";
export * as log from "./log.js";
export {
    BinaryRef,
    type DataOf,
    DatasetSlice,
    Json,
    JsonType,
    jsonPayload,
    type Payload,
    type PayloadKind,
    type Strings,
    Text,
    type WirePayload,
} from "./payload.js";
export {
    type Call,
    type Declared,
    type PayloadOf,
    type PayloadType,
    type Plugin,
    plugin,
    type PluginAnswer,
    type PluginRequest,
    Reply,
    type Returned,
    type Types,
} from "./plugin.js";
export { BrokerError, type BrokerErrorKind, Refusal } from "./refusal.js";
