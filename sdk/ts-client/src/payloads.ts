/** The four payloads, made short. Nothing is checked here: the gateway does, by the plugin's own schema. */

import type {
    Artifact,
    BinaryRefPayload,
    DatasetSlicePayload,
    InvokeAnswer,
    InvokeRequest,
    JsonObject,
    JsonPayload,
    Payload,
    TextPayload,
} from "./types.js";

/** Text. */
export function textPayload(content: string, metadata: Readonly<Record<string, string>> = {}): TextPayload {
    return { kind: "text", content, encoding: "utf-8", metadata };
}

/** A JSON object, and the `schema_ref` of the plugin's input that it claims to meet. */
export function jsonPayload(data: JsonObject, schemaRef: string): JsonPayload {
    return { kind: "json", data, schema_ref: schemaRef };
}

/** Bytes that the gateway holds: what `putArtifact` gave. */
export function binaryRefPayload(artifact: Pick<Artifact, "sha256">, mimeType: string): BinaryRefPayload {
    return { kind: "binary_ref", artifact_id: artifact.sha256, artifact_hash: artifact.sha256, mime_type: mimeType };
}

/** Rows of a dataset that the gateway holds. */
export function datasetSlicePayload(
    source: string,
    sliceIds: DatasetSlicePayload["slice_ids"],
    filters: Readonly<Record<string, string>> = {},
): DatasetSlicePayload {
    return { kind: "dataset_slice", source, slice_ids: sliceIds, filters };
}

/** The payload of an answer that went well; `undefined` where `status` is not `ok`. */
export function resultOf(answer: Pick<InvokeAnswer, "status" | "result">): InvokeAnswer["result"] | undefined {
    return answer.status === "ok" ? answer.result : undefined;
}

/** A request of nothing but a payload, or the request itself. */
export function requestOf(request: InvokeRequest | Payload): InvokeRequest {
    return "kind" in request ? { payload: request } : request;
}
