//! Holds answers against the OpenAPI document: what it does not name must not happen.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use axum::http::Method;
use serde_json::{Value, json};

use crate::harness::Answered;

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(omega_server::http::openapi_document()).unwrap());

type Validators = Mutex<HashMap<String, std::sync::Arc<jsonschema::Validator>>>;
static VALIDATORS: LazyLock<Validators> = LazyLock::new(Mutex::default);

/// A validator of a schema that may refer to components.
pub fn validator(schema: &Value) -> std::sync::Arc<jsonschema::Validator> {
    let mut validators = VALIDATORS.lock().unwrap();
    let made = validators.entry(schema.to_string()).or_insert_with(|| {
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "allOf": [schema],
            "components": DOCUMENT["components"],
        });
        std::sync::Arc::new(jsonschema::validator_for(&whole).unwrap())
    });
    std::sync::Arc::clone(made)
}

/// The templates of the document, each with what has its form, without an idea of its own of what a parameter may be.
static TEMPLATES: LazyLock<Vec<(String, jsonschema::Validator)>> = LazyLock::new(|| {
    let pattern = |template: &str| {
        template.split('{').fold(String::from("^"), |pattern, part| {
            let Some((name, rest)) = part.split_once('}') else { return pattern + &escaped(part) };
            let value = if name == "index" { "(x[0-9]{3}/)*[0-9]{3}" } else { "[^/:]+" };
            pattern + value + &escaped(rest)
        }) + "$"
    };
    let paths = DOCUMENT["paths"].as_object().unwrap().keys();
    paths.map(|path| (path.clone(), jsonschema::validator_for(&json!({ "pattern": pattern(path) })).unwrap())).collect()
});

fn template(path: &str) -> Option<&'static str> {
    TEMPLATES.iter().find(|(_, form)| form.is_valid(&json!(path))).map(|(template, _)| template.as_str())
}

fn escaped(literal: &str) -> String {
    literal.replace('.', "\\.")
}

fn resolved(value: &Value) -> &Value {
    value["$ref"].as_str().map_or(value, |reference| DOCUMENT.pointer(&reference[1..]).unwrap())
}

/// Fails where the document does not name this answer.
#[track_caller]
pub fn check(method: &Method, path: &str, answered: &Answered) {
    // What every answer says to a browser.
    assert_eq!(answered.header("x-content-type-options"), "nosniff");
    assert!(answered.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(answered.headers.contains_key("cache-control"));
    assert!(!answered.headers.contains_key("set-cookie"));
    let text = String::from_utf8_lossy(&answered.bytes);
    if answered.status.is_client_error() || answered.status.is_server_error() {
        assert!(*method == Method::HEAD || answered.header("content-type") == "application/problem+json", "{text}");
        let temporary = std::env::temp_dir();
        assert!(!text.contains(temporary.to_str().unwrap()), "a path of the host: {text}");
    }
    let operation = template(path).map(|template| &DOCUMENT["paths"][template][method.as_str().to_ascii_lowercase()]);
    let Some(operation) = operation.filter(|operation| operation.is_object()) else {
        assert!(matches!(answered.status.as_u16(), 204 | 400 | 403..=405 | 414 | 431), "{method} {path}: {answered:?}");
        return;
    };
    let documented = resolved(&operation["responses"][answered.status.as_str()]);
    assert!(documented.is_object(), "{method} {path} is not documented to answer {}: {text}", answered.status);
    for (name, header) in documented["headers"].as_object().into_iter().flatten() {
        assert!(answered.headers.contains_key(name), "{method} {path}: no {name}");
        let value = answered.header(name);
        let value = value.parse::<u64>().map_or_else(|_| json!(value), |number| json!(number));
        assert!(validator(&header["schema"]).is_valid(&value), "{name}: {value}");
    }
    let Some(content) = documented["content"].as_object() else {
        assert!(answered.bytes.is_empty(), "{method} {path}: a body");
        return;
    };
    let media_type = answered.header("content-type").split(';').next().unwrap();
    let content = content.get(media_type).unwrap_or_else(|| panic!("{method} {path} answers {media_type}"));
    if media_type.ends_with("json") {
        let (body, schema) = (answered.json(), &content["schema"]);
        if let Err(error) = validator(schema).validate(&body) {
            panic!("{method} {path} {}: {error} at {}: {body}", answered.status, error.instance_path());
        }
    }
}
