//! The OpenAPI 3.1 document: made of the route table, the types that are sent, and the contract's own schemas.
//!
//! What never happens here: a second truth. Paths and scopes come from [`routes`](super::routes), shapes from the types
//! that are serialised (`utoipa`) or from the contract's JSON Schemas.

mod contract;
mod examples;
mod operations;
mod parameters;
mod responses;

use std::borrow::Cow;
use std::sync::LazyLock;

use omega_gateway::contract::ErrorCode;
use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::routes::{Access, ROUTES, Route};
use super::{pipelines, problem, views};

/// The document as it is served.
pub fn document() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", build()));
    &TEXT
}

macro_rules! contract_types {
    ($($(#[$doc:meta])* $name:ident $component:literal;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                RefOr::Ref(Ref::from_schema_name($component))
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($component)
            }
        }
    )*};
}

contract_types! {
    /// A manifest; its schema is the contract's.
    PluginManifest "PluginManifest";
    /// An event; its schema is the contract's.
    GatewayEvent "GatewayEvent";
    /// A response; its schema is the contract's.
    PluginResponse "PluginResponse";
    /// A call's answer; its schema is made of the contract's.
    InvokeAnswerText "InvokeAnswer";
    /// A call; its schema is made of the contract's.
    InvokeRequestText "InvokeRequest";
}

/// An error code, as a list of all.
pub(super) struct ErrorCodeText;

impl PartialSchema for ErrorCodeText {
    fn schema() -> RefOr<Schema> {
        let codes = ErrorCode::ALL.iter().map(|code| code.as_str());
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A stable code. More may come: treat one that you do not know by the HTTP status."))
            .enum_values(Some(codes));
        object.into()
    }
}

impl ToSchema for ErrorCodeText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ErrorCode")
    }
}

fn build() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "OMEGA Plugin Gateway",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Signed plugins, sandboxed calls, evidence of each.",
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "http://127.0.0.1:7077", "description": "`omega serve`, as it listens by default" }],
        "security": [{ "token": [] }],
        "tags": [
            { "name": "plugins", "description": "Admission, state and calls of plugins." },
            { "name": "evidence", "description": "Runs, the ledger, its tree, and proofs." },
            { "name": "artifacts", "description": "Bytes that payloads name by their SHA-256." },
            { "name": "server", "description": "The server itself." },
        ],
        "paths": paths(),
        "components": {
            "schemas": schemas(),
            "responses": responses::problems(),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API token of `omega tokens create`: `Authorization: Bearer omega_…`. Needed on loopback too. \
                                    `x-omega-access` of an operation says which scope it takes.",
                },
            },
        },
    })
}

const ABOUT: &str = "What the gateway's host asks over HTTP. A token may read, invoke or publish; none can widen trust or \
    grants: that is decided by a person at the home.\n\n\
    Errors are problem details (RFC 9457) with a stable `code`. Bodies are read strictly: unknown fields, duplicate \
    names and unknown query parameters are errors. Lists are paged by `cursor`; a page may be short though more \
    follows. A `:` in a name that stands in a path is written `%3A`.\n\n\
    `traceparent` (W3C Trace Context) is taken on every request and stands in the events that come of it.\n\n\
    A client that goes away ends its call; the ledger then holds its outcome, `interrupted`.";

fn paths() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let item = paths.entry(route.path).or_insert_with(|| json!({}));
        item[route.method.as_str().to_ascii_lowercase()] = operation(route);
    }
    Value::Object(paths)
}

fn operation(route: &Route) -> Value {
    let about = operations::about(route.operation);
    let mut operation = json!({
        "operationId": route.id,
        "tags": [about.tag],
        "summary": about.summary,
        "description": about.description,
        "parameters": about.parameters,
        "responses": responses::all(route, about.answers, about.body.is_some(), about.problems),
        "x-omega-access": access(route.access),
    });
    if route.access == Access::Open {
        operation["security"] = json!([]);
    }
    if let Some(body) = about.body {
        operation["requestBody"] = body;
    }
    operation
}

fn access(access: Access) -> Value {
    match access {
        Access::Open => json!({ "token": false }),
        Access::Token => json!({ "token": true }),
        Access::Scope(scope) => json!({ "token": true, "scope": scope.as_str(), "all_plugins": false }),
        Access::WholeScope(scope) => json!({ "token": true, "scope": scope.as_str(), "all_plugins": true }),
    }
}

fn schemas() -> Value {
    let mut schemas = contract::components();
    add::<ErrorCodeText>(&mut schemas);
    add::<problem::Details>(&mut schemas);
    add::<views::Report>(&mut schemas);
    add::<views::PluginPage>(&mut schemas);
    add::<views::PluginDetails>(&mut schemas);
    add::<views::EventPage>(&mut schemas);
    add::<views::Artifact>(&mut schemas);
    add::<views::Health>(&mut schemas);
    add::<pipelines::PipelineRequestText>(&mut schemas);
    add::<pipelines::PipelineAnswer>(&mut schemas);
    schemas.insert("ProofBundle".to_owned(), responses::proof_bundle());
    // What comes in is closed; what goes out may get more fields.
    for name in ["PipelineRequest", "PipelinePolicy"] {
        if let Some(schema) = schemas.get_mut(name) {
            schema["additionalProperties"] = json!(false);
        }
    }
    Value::Object(schemas)
}

/// Adds a type's schema and those that it refers to, unless they are the contract's.
fn add<T: ToSchema>(schemas: &mut Map<String, Value>) {
    let mut found = Vec::new();
    T::schemas(&mut found);
    found.push((T::name().into_owned(), T::schema()));
    for (name, schema) in found {
        if !schemas.contains_key(&name) {
            schemas.insert(name, serde_json::to_value(schema).unwrap_or_default());
        }
    }
}
