//! Inputs that a plugin should not be glad of: empty, wrong, too large, and mutated ones.
//!
//! They are made of the examples and of the manifest's inputs, always the same for the same package. Whether a plugin must
//! refuse one is not guessed: it is what the contract and the plugin's own input schema say ([`judge`]).

mod judge;
mod mutate;

use std::collections::BTreeSet;

use omega_contract::{Manifest, PayloadKind};
use omega_validator::PackageFiles;
use serde_json::{Map, Value, json};

use crate::examples::Examples;
use judge::Judge;

/// Cases that are sent at most.
const CASES_MAX: usize = 160;
/// Random mutations of each example, and of how many examples.
const MUTATIONS: usize = 24;
const MUTATED_EXAMPLES_MAX: usize = 4;
/// The seed of the random ones: the same package is always asked the same.
const SEED: u64 = 0x0006_2026;
/// Bytes of a payload that is made to be too large; one that may have more is not made.
const TOO_LARGE_MAX: u64 = 16 * 1024 * 1024;

/// One input.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// What was done to it.
    pub(crate) name: String,
    pub(crate) payload: Value,
    /// Whether the contract or the plugin's own schema forbids it.
    pub(crate) must_be_refused: bool,
}

/// All of them, in an order that is always the same.
pub(crate) fn all(manifest: &Manifest, files: &PackageFiles, examples: &Examples) -> Vec<Case> {
    let judge = Judge::new(manifest, files);
    let mut made = Made { judge: &judge, seen: BTreeSet::new(), cases: Vec::new() };
    for example in &examples.list {
        // Those are no cases.
        made.seen.insert(example.payload.to_string());
    }
    nothing(&mut made);
    for input in &manifest.io.inputs {
        empty(&mut made, input.kind, &input.schema_ref.0);
    }
    other_kinds(&mut made, manifest);
    let bases: Vec<Value> = if examples.list.is_empty() {
        manifest.io.inputs.iter().map(|input| smallest(input.kind, &input.schema_ref.0)).collect()
    } else {
        examples.list.iter().map(|example| example.payload.clone()).collect()
    };
    for base in bases.iter().take(MUTATED_EXAMPLES_MAX) {
        members(&mut made, base);
        data(&mut made, base);
    }
    too_large(&mut made, manifest, &bases);
    let mut random = fastrand::Rng::with_seed(SEED);
    for base in bases.iter().take(MUTATED_EXAMPLES_MAX) {
        for number in 0..MUTATIONS {
            made.add(format!("random mutation {number}"), mutate::one(base, &mut random));
        }
    }
    made.cases.truncate(CASES_MAX);
    made.cases
}

struct Made<'j> {
    judge: &'j Judge,
    seen: BTreeSet<String>,
    cases: Vec<Case>,
}

impl Made<'_> {
    fn add(&mut self, name: impl Into<String>, payload: Value) {
        if self.seen.insert(payload.to_string()) {
            let must_be_refused = !self.judge.takes(&payload);
            self.cases.push(Case { name: name.into(), payload, must_be_refused });
        }
    }
}

/// What is no payload at all.
fn nothing(made: &mut Made<'_>) {
    for (name, payload) in [
        ("no payload", Value::Null),
        ("an empty object", json!({})),
        ("an empty list", json!([])),
        ("a word", json!("text")),
        ("a payload of no kind", json!({"content": "", "encoding": "utf-8", "metadata": {}})),
        ("an unknown kind", json!({"kind": "program", "content": ""})),
    ] {
        made.add(name, payload);
    }
}

fn empty(made: &mut Made<'_>, kind: PayloadKind, schema_ref: &str) {
    made.add(format!("an empty {kind}"), smallest(kind, schema_ref));
}

/// The least that the contract takes of a kind.
fn smallest(kind: PayloadKind, schema_ref: &str) -> Value {
    let nobody = "0".repeat(64);
    match kind {
        PayloadKind::Text => json!({"kind": "text", "content": "", "encoding": "utf-8", "metadata": {}}),
        PayloadKind::Json => json!({"kind": "json", "data": {}, "schema_ref": schema_ref}),
        PayloadKind::BinaryRef => {
            json!({"kind": "binary_ref", "artifact_id": nobody, "artifact_hash": nobody, "mime_type": "text/plain"})
        }
        PayloadKind::DatasetSlice => {
            json!({"kind": "dataset_slice", "slice_ids": ["nobody"], "source": "nowhere", "filters": {}})
        }
    }
}

/// Kinds that the plugin does not take.
fn other_kinds(made: &mut Made<'_>, manifest: &Manifest) {
    for kind in PayloadKind::ALL {
        if manifest.io.inputs.iter().all(|input| input.kind != kind) {
            made.add(format!("a {kind}, which it does not take"), smallest(kind, "schemas/nobody.json"));
        }
    }
}

/// Each member left out, of another type, and one too many.
fn members(made: &mut Made<'_>, base: &Value) {
    let Some(object) = base.as_object() else { return };
    for name in object.keys() {
        let mut without = object.clone();
        without.remove(name);
        made.add(format!("without `{name}`"), Value::Object(without));
        for (word, value) in others_than(object.get(name)) {
            made.add(format!("`{name}` is {word}"), with(object, name, value));
        }
    }
    made.add("one member too many", with(object, "more", json!(1)));
}

/// The same inside a json payload's data, one level deep: what the plugin's own schema speaks of.
fn data(made: &mut Made<'_>, base: &Value) {
    let (Some(object), Some(data)) = (base.as_object(), base.get("data").and_then(Value::as_object)) else { return };
    let put = |data: Map<String, Value>| with(object, "data", Value::Object(data));
    for name in data.keys().take(16) {
        let mut without = data.clone();
        without.remove(name);
        made.add(format!("data without `{name}`"), put(without));
        for (word, value) in others_than(data.get(name)) {
            let mut changed = data.clone();
            changed.insert(name.clone(), value);
            made.add(format!("`data.{name}` is {word}"), put(changed));
        }
    }
    let mut more = data.clone();
    more.insert("more".to_owned(), json!({"more": [1, null, "x"]}));
    made.add("data with one member too many", put(more));
}

/// A payload over what the manifest lets in.
fn too_large(made: &mut Made<'_>, manifest: &Manifest, bases: &[Value]) {
    for input in &manifest.io.inputs {
        let bytes_max = input.limits.max_bytes.min(manifest.limits.max_bytes);
        let member = match input.kind {
            PayloadKind::Text => "content",
            PayloadKind::Json => "data",
            PayloadKind::BinaryRef | PayloadKind::DatasetSlice => continue,
        };
        if bytes_max > TOO_LARGE_MAX {
            continue;
        }
        let base = bases.iter().find(|base| base.get("kind").and_then(Value::as_str) == Some(input.kind.as_str()));
        let base = base.cloned().unwrap_or_else(|| smallest(input.kind, &input.schema_ref.0));
        let Some(object) = base.as_object() else { continue };
        let padding = Value::String("x".repeat(usize::try_from(bytes_max).unwrap_or_default() + 1));
        let padded = if member == "content" { padding } else { json!({"padding": padding}) };
        made.add(format!("a {} over its {bytes_max} bytes", input.kind), with(object, member, padded));
    }
}

/// Values of other types than this one's.
fn others_than(value: Option<&Value>) -> impl Iterator<Item = (&'static str, Value)> {
    let kind = value.map(std::mem::discriminant);
    [
        ("null", Value::Null),
        ("a number", json!(-1)),
        ("a word", json!("?")),
        ("a list", json!([])),
        ("an object", json!({})),
    ]
    .into_iter()
    .filter(move |(_, other)| Some(std::mem::discriminant(other)) != kind)
}

fn with(object: &Map<String, Value>, name: &str, value: Value) -> Value {
    let mut changed = object.clone();
    changed.insert(name.to_owned(), value);
    Value::Object(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::Example;
    use std::sync::Arc;

    fn made_of(schema: &str) -> Vec<Case> {
        let manifest: Manifest = serde_json::from_value(json!({
            "plugin_id": "words", "name": "w", "vendor": "v", "description": "", "version": "1.0.0",
            "api_version": "1.0.0", "supported_omega_api_versions": "^1.0.0", "capabilities": ["read_json", "write_report"],
            "io": {"inputs": [{"kind": "json", "schema_ref": "in.json", "limits": {"max_bytes": 500}}], "outputs": []},
            "limits": {"max_bytes": 1000, "max_ms": 100, "max_concurrency": 1},
            "determinism": {"mode": "deterministic", "notes": ""},
            "evidence": {"log_level": "summary", "redactions": []},
            "entrypoint": {"type": "worker", "file": "p.wasm", "export": "handle"},
        }))
        .unwrap();
        let files = PackageFiles::new([("in.json".to_owned(), Arc::from(schema.as_bytes()))]).unwrap();
        let payload = json!({"kind": "json", "data": {"words": ["a"]}, "schema_ref": "in.json"});
        let request = json!({
            "request_id": "r", "run_id": "u", "timestamp": "2026-01-01T00:00:00Z", "context": {}, "payload": payload,
        });
        let request = serde_json::from_value(request).unwrap();
        let examples = Examples { list: vec![Example { path: "e".into(), request, payload }], unreadable: Vec::new() };
        all(&manifest, &files, &examples)
    }

    #[test]
    fn what_must_be_refused_is_what_the_contract_and_the_schema_forbid() {
        let schema = r#"{"properties": {"data": {"required": ["words"], "properties": {"words": {"type": "array"}}}}}"#;
        let (strict, loose) = (made_of(schema), made_of("{}"));
        let check = |cases: &[Case], name: &str, expect: bool| {
            let case = cases.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("{name}: {cases:?}"));
            assert_eq!(case.must_be_refused, expect, "{case:?}");
        };
        for cases in [&strict, &loose] {
            for name in [
                "no payload",
                "an empty object",
                "an unknown kind",
                "a text, which it does not take",
                "without `data`",
                "`data` is a list",
                "`kind` is a number",
                "one member too many",
                "a json over its 500 bytes",
            ] {
                check(cases, name, true);
            }
        }
        for name in ["an empty json", "`data.words` is null"] {
            check(&strict, name, true);
            check(&loose, name, false);
        }
        check(&strict, "data with one member too many", false);
    }

    #[test]
    fn the_same_package_is_always_asked_the_same() {
        let asked = || made_of("{}").into_iter().map(|case| case.payload.to_string()).collect::<Vec<_>>();
        let first = asked();
        assert_eq!(first, asked());
        assert!(first.len() > 40 && first.len() <= CASES_MAX, "{}", first.len());
        assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), first.len(), "none twice");
        assert!(first.iter().filter(|text| text.contains("words")).count() > 10);
    }
}
