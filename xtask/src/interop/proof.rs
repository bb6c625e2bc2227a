//! A proof that the demo's home exports, checked by what others wrote, and by our verifier as a wasm module in Node.
//!
//! Each check is also given a proof that is changed where it looks, and must object to it: by its name, not by accident.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use omega_proof::tree::MemoryTree;
use serde_json::{Value, json};

use crate::places::Places;
use crate::{binary, process, tools};

/// Where a page would run the verifier.
const TARGET: &str = "wasm32-unknown-unknown";

/// A check of `check_proof.py` and what is changed so that it must object.
struct Change {
    check: &'static str,
    edit: fn(&mut Value, &mut Value) -> Result<()>,
}

const CHANGES: [Change; 8] = [
    Change { check: "lines", edit: |proof, _| replace(&mut proof["events"][0]["run_id"], "another-run") },
    Change { check: "checkpoint", edit: |proof, _| larger_tree(&mut proof["checkpoint"]) },
    Change { check: "inclusion", edit: |proof, _| other_digit(&mut proof["inclusion"][0]["proof"][0]) },
    Change { check: "consistency", edit: |_, consistency| other_digit(&mut consistency["proof"][0]) },
    Change {
        check: "envelope",
        edit: |proof, _| other_payload(&mut proof["attestation"], |it| it["predicate"] = json!({"a": 1})),
    },
    Change {
        check: "statement",
        edit: |proof, _| other_payload(&mut proof["attestation"], |it| it["subject"] = json!([])),
    },
    Change { check: "openssl_checkpoint", edit: |proof, _| larger_tree(&mut proof["checkpoint"]) },
    Change {
        check: "openssl_envelope",
        edit: |proof, _| other_payload(&mut proof["attestation"], |it| it["predicateType"] = json!("x")),
    },
];

/// Exports a proof of the demo's run and has it checked, sound and changed.
pub(super) fn run(places: &Places, omega: &Path, home: &Path, segments: &[PathBuf], work: &Path) -> Result<()> {
    let bundle = export(omega, home, work)?;
    let vkey = home.join("keys/log.vkey");
    let consistency = work.join("consistency.json");
    let sound: Value = serde_json::from_slice(&fs::read(&bundle)?)?;
    let case = consistency_case(segments, &sound)?;
    fs::write(&consistency, case.to_string())?;

    let check = |bundle: &Path, consistency: &Path| {
        let mut python =
            process::program(places, &tools::python_folder(places).join("bin/python").display().to_string());
        python.arg(places.root.join("tests/interop/check_proof.py")).arg(bundle).arg(&vkey).arg(consistency);
        python
    };
    process::run(&mut check(&bundle, &consistency))?;
    let (changed_bundle, changed_consistency) = (work.join("changed.json"), work.join("changed-consistency.json"));
    for Change { check: name, edit } in &CHANGES {
        let (mut proof, mut other) = (sound.clone(), case.clone());
        edit(&mut proof, &mut other)?;
        fs::write(&changed_bundle, proof.to_string())?;
        fs::write(&changed_consistency, other.to_string())?;
        let verdict = check(&changed_bundle, &changed_consistency).output()?;
        let printed = String::from_utf8_lossy(&verdict.stdout);
        if verdict.status.code() != Some(1) || !printed.contains(&format!("{name}: OBJECTS")) {
            bail!("`{name}` did not notice that its proof was changed ({}): {printed}", verdict.status);
        }
    }
    println!("{} checks of others agree, and each objects to a change", CHANGES.len());

    let module = build_module(places)?;
    let mut changed = sound;
    other_digit(&mut changed["inclusion"][0]["proof"][0])?;
    fs::write(&changed_bundle, changed.to_string())?;
    let mut node = process::program(places, "node");
    node.arg(places.root.join("tests/interop/check_wasm.mjs")).arg(module).args([&bundle, &vkey, &changed_bundle]);
    process::run(&mut node)
}

/// The proof of the run with the most events.
fn export(omega: &Path, home: &Path, work: &Path) -> Result<PathBuf> {
    let on_home = |words: &[&str]| {
        let mut command = Command::new(omega);
        command.arg("--home").arg(home).args(words);
        command
    };
    let runs: Value = serde_json::from_str(&process::capture(&mut on_home(&["runs", "list", "--json"]))?)?;
    let runs = runs.as_array().context("a list of runs")?.iter().filter(|run| run["run_id"] != "system");
    let run = runs.max_by_key(|run| run["events"].as_u64()).context("the demo left no run")?;
    let bundle = work.join("proof.json");
    let run_id = run["run_id"].as_str().context("a run id")?;
    process::run(on_home(&["proof", "export", run_id, "-o"]).arg(&bundle))?;
    process::run(on_home(&["proof", "verify"]).arg(&bundle).arg("--vkey").arg(home.join("keys/log.vkey")))?;
    Ok(bundle)
}

/// An older tree of the log and the proof that the checkpoint's extends it. The hashes are the first of each line.
fn consistency_case(segments: &[PathBuf], bundle: &Value) -> Result<Value> {
    let mut tree = MemoryTree::default();
    for segment in segments {
        for line in fs::read_to_string(segment)?.lines() {
            let digits = line.get(15..79).context("a line of the ledger")?;
            tree.append(&serde_json::from_value(json!(digits))?);
        }
    }
    let note = bundle["checkpoint"].as_str().context("a checkpoint")?;
    let size: u64 = note.lines().nth(1).context("a size")?.parse()?;
    // An odd size has the longest proofs; not the whole, for that needs none.
    let old = tree.head_at((size / 2) | 1)?;
    let proof = tree.consistency_proof(old.size, size)?;
    Ok(json!({"size": old.size, "root": old.root, "proof": proof}))
}

fn build_module(places: &Places) -> Result<PathBuf> {
    tools::install_target(places, TARGET)?;
    let words = ["build", "--locked", "--package", "omega-proof", "--example", "browser", "--target", TARGET];
    process::run(process::cargo(places).args(words))?;
    Ok(binary::target_directory(places)?.join(TARGET).join("debug/examples/browser.wasm"))
}

fn replace(value: &mut Value, text: &str) -> Result<()> {
    value.as_str().context("there is something to change")?;
    *value = json!(text);
    Ok(())
}

/// Another last hex digit.
fn other_digit(value: &mut Value) -> Result<()> {
    let text = value.as_str().context("there is a hash to change")?;
    let other = if text.ends_with('0') { '1' } else { '0' };
    let changed = format!("{}{other}", &text[..text.len() - 1]);
    replace(value, &changed)
}

/// A checkpoint that speaks of one event more.
fn larger_tree(value: &mut Value) -> Result<()> {
    let text = value.as_str().context("there is a checkpoint")?;
    let size: u64 = text.lines().nth(1).context("a size")?.parse()?;
    let changed = text.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size + 1), 1);
    replace(value, &changed)
}

/// Another statement under the same signature.
fn other_payload(attestation: &mut Value, edit: fn(&mut Value)) -> Result<()> {
    let payload = attestation["payload"].as_str().context("there is a payload")?;
    let mut statement: Value = serde_json::from_slice(&STANDARD.decode(payload)?)?;
    edit(&mut statement);
    replace(&mut attestation["payload"], &STANDARD.encode(statement.to_string()))
}
