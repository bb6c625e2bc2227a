//! What the document says of each operation.

use omega_gateway::contract::limits::MANIFEST_BYTES_MAX;
use serde_json::{Value, json};

use super::contract::reference;
use super::responses::{content, json_answer};
use super::{examples, parameters};
use crate::http::routes::Operation;

/// What is said of one operation.
pub(super) struct About {
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
    /// By status.
    pub(super) answers: Vec<(u16, Value)>,
    /// Problems beside those that many operations share.
    pub(super) problems: &'static [u16],
}

fn json_body(required: bool, schema: Value, examples: &[(&str, Value)]) -> Option<Value> {
    let named: serde_json::Map<String, Value> =
        examples.iter().map(|(name, value)| ((*name).to_owned(), json!({ "value": value }))).collect();
    let mut content = json!({ "schema": schema });
    if !named.is_empty() {
        content["examples"] = Value::Object(named);
    }
    Some(json!({ "required": required, "content": { "application/json": content } }))
}

fn bytes_body(media_type: &str, description: &str) -> Option<Value> {
    Some(json!({ "required": true, "description": description, "content": { media_type: { "schema": {} } } }))
}

const TEXT: &str = "text/plain";

pub(super) fn about(operation: Operation) -> About {
    match operation {
        Operation::ValidateManifest
        | Operation::RegisterPlugin
        | Operation::ListPlugins
        | Operation::GetPlugin
        | Operation::EnablePlugin
        | Operation::DisablePlugin => of_plugins(operation),
        Operation::InvokePlugin | Operation::InvokePipeline => of_calls(operation),
        Operation::GetRun
        | Operation::ExportProof
        | Operation::QueryEvents
        | Operation::StreamEvents
        | Operation::GetCheckpoint
        | Operation::GetTile
        | Operation::GetPartialTile => of_evidence(operation),
        Operation::PutArtifact | Operation::GetArtifact | Operation::HeadArtifact => of_artifacts(operation),
        Operation::GetMetrics | Operation::GetOpenApi | Operation::GetHealth | Operation::GetReadiness => {
            of_server(operation)
        }
    }
}

fn of_plugins(operation: Operation) -> About {
    let plain = About {
        tag: "plugins",
        summary: "",
        description: "",
        parameters: Vec::new(),
        body: None,
        answers: vec![(200, json_answer("The plugin.", "PluginInfo", examples::plugin()))],
        problems: &[],
    };
    match operation {
        Operation::ValidateManifest => About {
            summary: "Check a manifest",
            description: "Every issue at once. Any bytes are checked: what is no JSON is an issue. Nothing is recorded.",
            body: Some(json!({
                "required": true,
                "description": format!("PLUGIN_MANIFEST.json, at most {MANIFEST_BYTES_MAX} bytes."),
                "content": { "application/json": { "schema": {}, "example": { "plugin_id": "hello" } } },
            })),
            answers: vec![(200, json_answer("What was found.", "ValidationReport", examples::report()))],
            ..plain
        },
        Operation::RegisterPlugin => About {
            summary: "Register a package",
            description: "Signature, trust, manifest, schemas, version and imports are checked. The same package again \
                changes nothing. A package that is refused is journalled as rejected; the problem says where and why.",
            body: bytes_body(
                "application/x-tar",
                "The package: a tar archive (POSIX ustar or pax, not compressed) of plain files, the signature among them.",
            ),
            answers: vec![(200, json_answer("The package is registered.", "PluginInfo", examples::plugin()))],
            problems: &[409, 422],
            ..plain
        },
        Operation::ListPlugins => About {
            summary: "List plugins",
            description: "By id, then version; rejected packages among them. A token with plugin globs sees those only.",
            parameters: vec![
                parameters::plugin(),
                parameters::status(),
                parameters::lane(),
                parameters::limit(),
                parameters::plugin_cursor(),
            ],
            answers: vec![(200, json_answer("A page of them.", "PluginPage", examples::plugin_page()))],
            ..plain
        },
        Operation::GetPlugin => About {
            summary: "Show a plugin",
            description: "Its manifest, what it was granted, what a call would hold now, its versions.",
            parameters: vec![parameters::plugin_id(), parameters::version()],
            answers: vec![(200, content("All that is known of it.", "application/json", reference("PluginDetails")))],
            problems: &[404, 422],
            ..plain
        },
        Operation::EnablePlugin => About {
            summary: "Enable a plugin",
            description: "Lets a version take calls, within the grants that there are. Another enabled version of the id \
                stops taking new calls at the same moment. Idempotent.",
            parameters: vec![parameters::plugin_id()],
            body: json_body(
                false,
                json!({
                    "type": "object", "additionalProperties": false,
                    "properties": { "version": {
                        "description": "The version; left out, the highest.", "allOf": [reference("SemVer")],
                    } },
                }),
                &[("highest", json!({})), ("version", json!({ "version": "1.0.0" }))],
            ),
            problems: &[404, 422],
            ..plain
        },
        _ => About {
            summary: "Disable a plugin",
            description: "Stops it from taking calls; calls in flight finish. Idempotent.",
            parameters: vec![parameters::plugin_id()],
            body: json_body(false, json!({ "type": "object", "additionalProperties": false }), &[("only", json!({}))]),
            problems: &[404, 422],
            ..plain
        },
    }
}

fn of_calls(operation: Operation) -> About {
    let pipeline = operation == Operation::InvokePipeline;
    if pipeline {
        return About {
            tag: "plugins",
            summary: "Call several plugins",
            description: "Runs a pipeline. What its steps came to stands in them: the answer is 200 once the pipeline began.",
            parameters: Vec::new(),
            body: json_body(true, reference("PipelineRequest"), &[("sequential", examples::pipeline())]),
            answers: vec![(200, json_answer("What came of it.", "PipelineAnswer", examples::pipeline_answer()))],
            problems: &[404, 422],
        };
    }
    About {
        tag: "plugins",
        summary: "Call a plugin",
        description: "Calls it once and answers when the outcome is durable. An outcome of the plugin's own, an error \
            too, is 200 with its `status`; a refusal by the gateway is a problem, with the response in it.",
        parameters: vec![parameters::plugin_id()],
        body: json_body(
            true,
            reference("InvokeRequest"),
            &[("payload", examples::call()), ("whole", examples::whole_call())],
        ),
        answers: vec![(200, json_answer("What came of it.", "InvokeAnswer", examples::answer()))],
        problems: &[404, 409, 422, 504],
    }
}

fn of_evidence(operation: Operation) -> About {
    let events = || (200, json_answer("A page of them.", "EventPage", examples::event_page()));
    let plain = About {
        tag: "evidence",
        summary: "",
        description: "",
        parameters: Vec::new(),
        body: None,
        answers: vec![events()],
        problems: &[410],
    };
    match operation {
        Operation::GetRun => About {
            summary: "Show a run",
            description: "Its events, oldest first. A token with plugin globs sees those of its plugins only.",
            parameters: vec![parameters::run_id(), parameters::limit(), parameters::event_cursor()],
            problems: &[404, 410],
            ..plain
        },
        Operation::ExportProof => About {
            summary: "Export a run's proof",
            description: "Appends a PROOF_EXPORT event to the run and gives the bundle that shows all of it. A token with \
                plugin globs gets proofs of runs that hold events of its plugins only.",
            parameters: vec![parameters::run_id()],
            answers: vec![(200, content("The bundle.", "application/json", reference("ProofBundle")))],
            problems: &[404, 409, 410, 429],
            ..plain
        },
        Operation::QueryEvents => About {
            summary: "Query the ledger",
            description: "Events by run, plugin, kind and index. A token with plugin globs sees those of its plugins only.",
            parameters: vec![
                parameters::run(),
                parameters::plugin(),
                parameters::kind(),
                parameters::from(),
                parameters::to(),
                parameters::order(),
                parameters::limit(),
                parameters::event_cursor(),
            ],
            ..plain
        },
        Operation::StreamEvents => About {
            summary: "Follow the ledger",
            description: "Server-sent events, from any index on and for as long as the client stays. Each has `id: <index>`, \
                `event: <kind>` and `data: <the event's canonical JSON>`. Who comes back with `Last-Event-ID` misses none.",
            parameters: vec![
                parameters::from(),
                parameters::run(),
                parameters::plugin(),
                parameters::kind(),
                parameters::last_event_id(),
            ],
            answers: vec![(200, content("The stream.", "text/event-stream", json!({ "type": "string" })))],
            problems: &[410, 429],
            ..plain
        },
        Operation::GetCheckpoint => About {
            summary: "The newest checkpoint",
            description: "A C2SP signed note, at most a second behind the ledger.",
            answers: vec![(200, content("The note.", TEXT, json!({ "type": "string" })))],
            problems: &[],
            ..plain
        },
        _ => {
            let partial = operation == Operation::GetPartialTile;
            let mut parameters = vec![parameters::level(), parameters::tile_index()];
            if partial {
                parameters.push(parameters::tile_width());
            }
            About {
                summary: if partial { "A tile that is not full yet" } else { "A full tile" },
                description: "C2SP tlog-tiles: up to 256 hashes of the newest checkpoint's tree, or of its entries. A full \
                    tile never changes.",
                parameters,
                answers: vec![(200, content("The tile.", "application/octet-stream", json!({})))],
                problems: &[404, 410],
                ..plain
            }
        }
    }
}

fn of_artifacts(operation: Operation) -> About {
    let parameters = vec![parameters::sha256()];
    match operation {
        Operation::PutArtifact => About {
            tag: "artifacts",
            summary: "Store bytes",
            description: "They are kept if they have that SHA-256. A `binary_ref` payload then names them.",
            parameters,
            body: bytes_body("application/octet-stream", "The bytes."),
            answers: vec![
                (200, json_answer("They were there already.", "Artifact", examples::artifact())),
                (201, json_answer("They are stored.", "Artifact", examples::artifact())),
            ],
            problems: &[422],
        },
        Operation::GetArtifact => About {
            tag: "artifacts",
            summary: "Get bytes",
            description: "Checked against their hash on the way out. Only for tokens that cover every plugin: artifacts \
                belong to none.",
            parameters,
            body: None,
            answers: vec![(200, content("The bytes.", "application/octet-stream", json!({})))],
            problems: &[404, 422],
        },
        _ => About {
            tag: "artifacts",
            summary: "Whether bytes are stored",
            description: "As GET, without the bytes: `Content-Length` says how many.",
            parameters,
            body: None,
            answers: vec![(200, json!({ "description": "They are." }))],
            problems: &[404, 422],
        },
    }
}

fn of_server(operation: Operation) -> About {
    let plain = About {
        tag: "server",
        summary: "",
        description: "",
        parameters: Vec::new(),
        body: None,
        answers: vec![(200, json_answer("It is.", "Health", json!({ "status": "ok" })))],
        problems: &[],
    };
    match operation {
        Operation::GetMetrics => About {
            summary: "Metrics",
            description: "Figures for Prometheus, as OpenMetrics text.",
            answers: vec![(200, content("The figures.", "application/openmetrics-text", json!({ "type": "string" })))],
            ..plain
        },
        Operation::GetOpenApi => About {
            summary: "This document",
            description: "OpenAPI 3.1.",
            answers: vec![(200, content("The document.", "application/json", json!({ "type": "object" })))],
            ..plain
        },
        Operation::GetHealth => {
            About { summary: "Whether the process lives", description: "It does if it answers.", ..plain }
        }
        _ => About {
            summary: "Whether the server takes work",
            description: "Not before the home is open, not while it stops, and not with a ledger that cannot be written.",
            problems: &[503],
            ..plain
        },
    }
}
