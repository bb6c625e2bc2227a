//! The parameters of operations.

use omega_gateway::contract::EventKind;
use omega_gateway::contract::limits::{ID_CHARS_MAX, JSON_INTEGER_MAX};
use serde_json::{Value, json};

use super::contract::reference;
use crate::http::query::{PAGE_DEFAULT, PAGE_MAX};

fn of_path(name: &str, description: &str, schema: Value, example: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema, "example": example })
}

fn of_query(name: &str, description: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema })
}

fn plugin_id_schema() -> Value {
    json!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{2,63}$" })
}

fn id_schema() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": ID_CHARS_MAX })
}

fn index_schema() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": JSON_INTEGER_MAX })
}

pub(super) fn plugin_id() -> Value {
    of_path("plugin_id", "The plugin.", plugin_id_schema(), "hello")
}

pub(super) fn run_id() -> Value {
    let about = "The run. Every character but letters, digits and `-._~` is percent-encoded, `:` too.";
    of_path("run_id", about, id_schema(), "01JD0000000000000000000000")
}

pub(super) fn sha256() -> Value {
    let schema = json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" });
    let of_hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    of_path("sha256", "The SHA-256 of the bytes, in lower-case hex.", schema, of_hello)
}

pub(super) fn level() -> Value {
    let schema = json!({ "type": "string", "pattern": "^([0-7]|entries)$" });
    of_path("level", "The tree's level, 0 being its leaves; or `entries`: what the leaves are hashes of.", schema, "0")
}

pub(super) fn tile_index() -> Value {
    let about =
        "Which tile, in three digits. From 1,000 on, as C2SP tlog-tiles has it, in more segments: `x001/x234/067`.";
    of_path("index", about, json!({ "type": "string", "pattern": "^[0-9]{3}$" }), "000")
}

pub(super) fn tile_width() -> Value {
    let schema = json!({ "type": "integer", "minimum": 1, "maximum": 255 });
    of_path("width", "How many hashes of the tile.", schema, "1")
}

pub(super) fn version() -> Value {
    of_query("version", "A version; else the enabled one, else the highest.", reference("SemVer"))
}

pub(super) fn plugin() -> Value {
    of_query("plugin", "Only of this plugin.", plugin_id_schema())
}

pub(super) fn run() -> Value {
    of_query("run", "Only of this run.", id_schema())
}

pub(super) fn kind() -> Value {
    let kinds: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let schema = json!({ "type": "array", "items": { "type": "string", "enum": kinds }, "uniqueItems": true });
    let mut parameter = of_query("kind", "Only of this kind. Stands once for each kind that is meant.", schema);
    parameter["style"] = json!("form");
    parameter["explode"] = json!(true);
    parameter
}

pub(super) fn from() -> Value {
    of_query("from", "The first index that is meant.", index_schema())
}

pub(super) fn to() -> Value {
    of_query("to", "The first index that is not meant any more.", index_schema())
}

pub(super) fn order() -> Value {
    let schema = json!({ "type": "string", "enum": ["asc", "desc"], "default": "asc" });
    of_query("order", "Whether the oldest or the newest comes first.", schema)
}

pub(super) fn status() -> Value {
    of_query("status", "Only of this status.", reference("PluginStatus"))
}

pub(super) fn lane() -> Value {
    of_query("lane", "Only of this lane.", reference("LaneKind"))
}

pub(super) fn limit() -> Value {
    let schema = json!({ "type": "integer", "minimum": 1, "maximum": PAGE_MAX, "default": PAGE_DEFAULT });
    of_query("limit", "At most so many.", schema)
}

pub(super) fn plugin_cursor() -> Value {
    // The id, the version (SemVer, as the contract has it) and the digest of the last row that was given.
    let pattern = concat!(
        "^[a-z0-9][a-z0-9._-]{2,63}@(0|[1-9][0-9]{0,15})\\.(0|[1-9][0-9]{0,15})\\.(0|[1-9][0-9]{0,15})",
        "(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?",
        "(\\+[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?@[0-9a-f]{64}$"
    );
    of_query("cursor", "`next` of the page before.", json!({ "type": "string", "pattern": pattern, "maxLength": 512 }))
}

pub(super) fn event_cursor() -> Value {
    let schema = json!({ "type": "string", "pattern": "^[0-9]{1,15}-[0-9]{1,15}$" });
    of_query("cursor", "`next` of the page before, beside the same filters.", schema)
}

pub(super) fn last_event_id() -> Value {
    json!({
        "name": "Last-Event-ID", "in": "header", "required": false, "schema": index_schema(),
        "description": "The `id` of the last event that was received; the stream goes on behind it.",
    })
}
