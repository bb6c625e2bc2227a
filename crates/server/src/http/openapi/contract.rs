//! The contract's hand-written JSON Schemas as components of the document: the same text, moved.
//!
//! Code generators and test tools know `oneOf` with a discriminator better than `if` and `then`, which say the same in
//! the contract's files; and a component is referred to by another path. Nothing else changes on the way.

use omega_gateway::contract::limits::JSON_INTEGER_MAX;
use omega_gateway::contract::schemas::{
    ContractSchema, GATEWAY_EVENT, PLUGIN_MANIFEST_1_1, PLUGIN_REQUEST, PLUGIN_RESPONSE,
};
use serde_json::{Map, Value, json};

/// Where components stand.
pub(super) const COMPONENTS: &str = "#/components/schemas/";

/// What a definition inside a schema is called as a component.
const NAMES: [(&str, &str); 10] = [
    ("payload", "Payload"),
    ("text", "TextPayload"),
    ("json", "JsonPayload"),
    ("binary_ref", "BinaryRefPayload"),
    ("dataset_slice", "DatasetSlicePayload"),
    ("semver", "SemVer"),
    ("descriptor", "IoDescriptor"),
    ("worker_entrypoint", "WorkerEntrypoint"),
    ("container_entrypoint", "ContainerEntrypoint"),
    ("dataset_entrypoint", "DatasetEntrypoint"),
];

/// A reference to a component.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{COMPONENTS}{name}") })
}

/// Every schema of the contract, and what the API makes of them.
pub(super) fn components() -> Map<String, Value> {
    let mut components = Map::new();
    for (name, schema) in [
        ("PluginManifest", PLUGIN_MANIFEST_1_1),
        ("GatewayEvent", GATEWAY_EVENT),
        ("PluginResponse", PLUGIN_RESPONSE),
        ("PluginRequest", PLUGIN_REQUEST),
    ] {
        add(&mut components, name, schema);
    }
    give_results_a_name(&mut components);
    components.extend(json_values());
    point(&mut components, "JsonPayload", "data", reference("JsonObject"));
    let request = invoke_request(&components);
    components.insert("InvokeRequest".to_owned(), request);
    let answer = invoke_answer(&components);
    components.insert("InvokeAnswer".to_owned(), answer);
    components
}

fn add(components: &mut Map<String, Value>, name: &str, schema: ContractSchema) {
    // The contract's tests read each of them.
    let Ok(Value::Object(mut schema)) = serde_json::from_str::<Value>(schema.text) else { return };
    schema.remove("$schema");
    let definitions = schema.remove("$defs");
    components.insert(name.to_owned(), moved(Value::Object(schema)));
    let Some(Value::Object(definitions)) = definitions else { return };
    for (definition, schema) in definitions {
        if let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == definition) {
            let mut schema = moved(schema);
            // A branch of a choice stands alone as a component.
            if let Value::Object(schema) = &mut schema
                && schema.contains_key("properties")
            {
                schema.entry("type").or_insert_with(|| json!("object"));
            }
            components.insert((*name).to_owned(), schema);
        }
    }
}

/// A schema with its references to components and its choices as `oneOf`.
fn moved(schema: Value) -> Value {
    match schema {
        Value::Array(items) => Value::Array(items.into_iter().map(moved).collect()),
        Value::Object(schema) => {
            let mut schema: Map<String, Value> = schema.into_iter().map(|(key, value)| (key, moved(value))).collect();
            if let Some(name) = definition(&schema) {
                return reference(name);
            }
            if let Some(choice) = choice(&schema) {
                return choice;
            }
            if schema.get("if") == Some(&json!({ "type": "null" }))
                && let Some(otherwise) = schema.remove("else")
            {
                return json!({ "oneOf": [otherwise, { "type": "null" }] });
            }
            let says_rfc_3339 = |said: &Value| said.as_str().is_some_and(|said| said.starts_with("RFC 3339"));
            if schema.get("description").is_some_and(says_rfc_3339) {
                // The pattern knows no calendar; who makes requests from this document should not make the 31st of June.
                schema.remove("pattern");
                schema.insert("format".to_owned(), json!("date-time"));
            }
            Value::Object(schema)
        }
        other => other,
    }
}

/// The component that a reference into `$defs` means.
fn definition(schema: &Map<String, Value>) -> Option<&'static str> {
    let definition = schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?;
    NAMES.iter().find(|(known, _)| *known == definition).map(|(_, name)| *name)
}

/// `allOf` of `if` this tag `then` that schema, as `oneOf` with a discriminator.
fn choice(schema: &Map<String, Value>) -> Option<Value> {
    let (mut branches, mut mapping, mut property) = (Vec::new(), Map::new(), String::new());
    for branch in schema.get("allOf")?.as_array()? {
        let (tag, constant) = branch.get("if")?.get("properties")?.as_object()?.iter().next()?;
        let target = branch.get("then")?;
        let value = constant.get("const")?.as_str()?;
        mapping.insert(value.to_owned(), target.get("$ref")?.clone());
        branches.push(target.clone());
        property.clone_from(tag);
    }
    Some(json!({ "oneOf": branches, "discriminator": { "propertyName": property, "mapping": mapping } }))
}

/// A result is a payload whose numbers are whatever the plugin's double was; those of a request must interoperate, which
/// a schema can only say of what comes in.
fn give_results_a_name(components: &mut Map<String, Value>) {
    let (Some(payload), Some(json_payload)) = (components.get("Payload"), components.get("JsonPayload")) else {
        return;
    };
    let (mut result, json_result) = (payload.clone(), json_payload.clone());
    let from = format!("{COMPONENTS}JsonPayload");
    let to = format!("{COMPONENTS}JsonResult");
    replace_text(&mut result, &from, &to);
    components.insert("Result".to_owned(), result);
    components.insert("JsonResult".to_owned(), json_result);
    point(components, "PluginResponse", "result", json!({ "oneOf": [reference("Result"), { "type": "null" }] }));
}

fn replace_text(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text == from => to.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| replace_text(item, from, to)),
        Value::Object(members) => members.values_mut().for_each(|member| replace_text(member, from, to)),
        _ => {}
    }
}

/// Sets the schema of one property.
fn point(components: &mut Map<String, Value>, component: &str, property: &str, schema: Value) {
    if let Some(slot) =
        components.get_mut(component).and_then(|schema| schema.pointer_mut(&format!("/properties/{property}")))
    {
        *slot = schema;
    }
}

/// JSON as a request may have it: spec page 2's rule on numbers, as far as a schema can say it.
fn json_values() -> [(String, Value); 2] {
    let integer_max = JSON_INTEGER_MAX;
    [
        (
            "JsonValue".to_owned(),
            json!({
                "description": "A JSON value. Whole numbers are within ±(2^53-1): every reader keeps those.",
                "anyOf": [
                    { "type": "null" },
                    { "type": "boolean" },
                    { "type": "number", "minimum": -(i64::try_from(integer_max).unwrap_or_default()), "maximum": integer_max },
                    { "type": "string" },
                    { "type": "array", "items": reference("JsonValue") },
                    reference("JsonObject"),
                ],
            }),
        ),
        ("JsonObject".to_owned(), json!({ "type": "object", "additionalProperties": reference("JsonValue") })),
    ]
}

/// A request of which everything but the payload may be left out.
fn invoke_request(components: &Map<String, Value>) -> Value {
    let mut request = components.get("PluginRequest").cloned().unwrap_or_default();
    request["title"] = json!("A call");
    request["description"] = json!(
        "A PluginRequest of which all but the payload may be left out: request_id and run_id are then ULIDs of the \
         gateway's, timestamp is now, context is empty. Left out, policy is {deterministic_only: false, timeout_ms: the \
         plugin's max_ms, max_retries: 0}."
    );
    request["required"] = json!(["payload"]);
    request
}

/// A response and where its evidence stands.
fn invoke_answer(components: &Map<String, Value>) -> Value {
    let mut answer = components.get("PluginResponse").cloned().unwrap_or_default();
    answer["title"] = json!("What came of a call");
    answer["description"] = json!("A PluginResponse, and where its evidence stands in the ledger.");
    let added = [
        (
            "run_id",
            json!({ "description": "The run that the call belongs to.", "type": "string", "minLength": 1, "maxLength": 128 }),
        ),
        (
            "reason",
            json!({ "description": "The stable code where status is not ok.", "oneOf": [reference("ErrorCode"), { "type": "null" }] }),
        ),
        (
            "event_index",
            json!({ "description": "The index of the outcome's event in the ledger.", "type": "integer", "minimum": 0 }),
        ),
        ("event_hash", json!({ "description": "That event's hash.", "type": "string", "pattern": "^[0-9a-f]{64}$" })),
    ];
    for (name, schema) in added {
        answer["properties"][name] = schema;
        if let Some(required) = answer["required"].as_array_mut() {
            required.push(json!(name));
        }
    }
    answer
}
