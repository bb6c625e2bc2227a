/** The API's types by name, from the generated `openapi.ts`. */

import type { components, operations } from "./openapi.js";

type Schemas = components["schemas"];

export type Artifact = Schemas["Artifact"];
export type ErrorCode = Schemas["ErrorCode"];
export type EventPage = Schemas["EventPage"];
export type GatewayEvent = Schemas["GatewayEvent"];
export type Health = Schemas["Health"];
export type InvokeAnswer = Schemas["InvokeAnswer"];
export type InvokeRequest = Schemas["InvokeRequest"];
export type LaneKind = Schemas["LaneKind"];
export type Payload = Schemas["Payload"];
export type PipelineAnswer = Schemas["PipelineAnswer"];
export type PipelinePolicy = Schemas["PipelineRequest"]["policy"];
export type PipelineRequest = Schemas["PipelineRequest"];
export type PlacedEvent = Schemas["PlacedEvent"];
export type PluginDetails = Schemas["PluginDetails"];
export type PluginInfo = Schemas["PluginInfo"];
export type PluginManifest = Schemas["PluginManifest"];
export type PluginPage = Schemas["PluginPage"];
export type PluginStatus = Schemas["PluginStatus"];
export type Problem = Schemas["Problem"];
export type ProofBundle = Schemas["ProofBundle"];
export type ValidationReport = Schemas["ValidationReport"];

export type TextPayload = Schemas["TextPayload"];
export type JsonPayload = Schemas["JsonPayload"];
export type BinaryRefPayload = Schemas["BinaryRefPayload"];
export type DatasetSlicePayload = Schemas["DatasetSlicePayload"];
export type JsonObject = Schemas["JsonObject"];

/** What an event of the ledger is about. */
export type EventKind = GatewayEvent["kind"];

type QueryOf<Operation extends keyof operations> = Exclude<operations[Operation]["parameters"]["query"], undefined>;

/** Which plugins are meant. */
export type PluginQuery = QueryOf<"listPlugins">;
/** Which events of a run are meant. */
export type RunQuery = QueryOf<"getRun">;
/** Which events are meant. */
export type EventQuery = QueryOf<"queryEvents">;
/** Which events are to be followed, and from where on. */
export type FollowQuery = QueryOf<"streamEvents">;

/** Bytes, or a file (`fs.openAsBlob`, an `<input type="file">`), which is sent without being read into memory. */
export type Bytes = Uint8Array | ArrayBuffer | Blob;
