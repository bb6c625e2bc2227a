//! Each layer left out in turn: the attestation or the canary refuses the lane, and where they are left out, too, it is seen what the
//! layer alone held (spec page 4; the table in `docs/SECURITY.md`).
//!
//! Built with `RUSTFLAGS="--cfg omega_layer_switches"` alone: no other build can leave a layer out.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![cfg(omega_layer_switches)]

#[path = "../outside/mod.rs"]
mod outside;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use omega_contract::ports::{GuestLogLevel, GuestPayload, Host as Brokers, LaneEnding};
use omega_contract::{Lane, Payload};
use omega_lane_worker::{CgroupChoice, WorkerLane, WorkerLaneOptions};
use outside::host::Host;
use outside::programs;
use serde_json::{Value, json};

// The bits of `plan::stage`.
const NAMESPACES: u32 = 1 << 0;
const TMP: u32 = 1 << 1;
const SESSION: u32 = 1 << 3;
const DESCRIPTORS: u32 = 1 << 4;
const LIMITS: u32 = 1 << 5;
const CAPABILITIES: u32 = 1 << 6;
const NO_NEW_PRIVILEGES: u32 = 1 << 7;
const DUMPABLE: u32 = 1 << 8;
const LANDLOCK: u32 = 1 << 9;
const SECCOMP: u32 = 1 << 10;
const ATTESTATION: u32 = 1 << 16;
const CANARY: u32 = 1 << 17;
const PRIVATE_ROOT: u32 = 1 << 18;
const READ_ONLY: u32 = 1 << 19;
const NETWORK: u32 = 1 << 20;
const UNSEEN: u32 = ATTESTATION | CANARY;

const BYSTANDER: &str = "
from omega_plugin import Text, plugin

@plugin
def handle(text: Text) -> Text:
    return text
";

/// Runs a program, and nothing else that could go wrong without a filter.
const SPAWN: &str = r#"
import os
from _attack import attack, attempt

@attack
def handle(host):
    return {"spawn": attempt(os.posix_spawn, "/python/bin/python3", ["python3", "-c", ""], {})}
"#;

fn options(layers_off: u32) -> WorkerLaneOptions {
    WorkerLaneOptions { layers_off, ..outside::options() }
}

/// The lane is refused, and the refusal has this word: by both languages' canaries, and by JavaScript's alone.
fn refused(layers_off: u32, word: &str) {
    let javascript = WorkerLaneOptions { python: Some("/nowhere/python3".into()), ..options(layers_off) };
    for options in [options(layers_off), javascript] {
        refused_with(&options, word);
    }
}

fn refused_with(options: &WorkerLaneOptions, word: &str) {
    let layers_off = options.layers_off;
    match WorkerLane::new(options) {
        Ok(_) => panic!("without {layers_off:#x} the lane starts"),
        Err(refusal) => {
            println!("off {layers_off:#x}: {}", refusal.detail);
            assert!(refusal.detail.contains(word), "{layers_off:#x}: {} does not name {word}", refusal.detail);
        }
    }
}

/// What became of an attack, one word an attempt.
fn attack(options: &WorkerLaneOptions, program: &str, how: &str) -> Result<BTreeMap<String, String>, String> {
    let lane = WorkerLane::new(options).map_err(|refusal| refusal.detail)?;
    let files = BTreeMap::from([("program.py".to_owned(), Arc::from(BYSTANDER.as_bytes()))]);
    let _bystander = lane.prepare(&programs::program(files)).map_err(|refusal| refusal.detail)?;
    let host = Host::new(&lane);
    let hostile =
        if program.contains('\n') { programs::inline(program) } else { programs::hostile(program, how, false) };
    let ready = lane.prepare(&hostile).map_err(|refusal| refusal.detail)?;
    let input = json!({"how": how, "profile": "pure", "threads_max": 40, "call": "sethostname", "arguments": [0, 0]});
    let call = outside::call(Payload::text(host.facts(&input)), Duration::from_secs(20), Arc::new(Nothing));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(ready.run(call)).ending {
        LaneEnding::Finished(output) => match output.payload {
            GuestPayload::Text { content, .. } => {
                let answer: BTreeMap<String, Value> =
                    serde_json::from_str(&content).map_err(|error| error.to_string())?;
                Ok(answer.into_iter().map(|(name, how)| (name, how.to_string())).collect())
            }
            other => Err(format!("{other:?}")),
        },
        other => Err(format!("{other:?}")),
    }
}

/// Without these layers, unseen, the attempts that begin so go through.
fn goes_through(layers_off: u32, program: &str, attempt: &str) {
    goes_through_with(&options(layers_off | UNSEEN), program, attempt);
}

fn goes_through_with(options: &WorkerLaneOptions, program: &str, attempt: &str) {
    let found = attack(options, program, "").unwrap_or_else(|why| panic!("{program} {:#x}: {why}", options.layers_off));
    let through = found.iter().any(|(name, how)| name.starts_with(attempt) && how.contains("GOT"));
    assert!(through, "{program} without {:#x}: {attempt} is held: {found:?}", options.layers_off);
    println!("off {:#x}: {program}: {attempt} goes through", options.layers_off);
}

/// Without these layers, unseen, the attempts that begin so are held all the same, by others.
fn is_held(layers_off: u32, program: &str, attempt: &str) {
    let found = match attack(&options(layers_off | UNSEEN), program, "") {
        Ok(found) => found,
        Err(why) => return println!("off {layers_off:#x}: {program}: ended: {why}"),
    };
    let tried: BTreeMap<_, _> = found.iter().filter(|(name, _)| name.starts_with(attempt)).collect();
    assert!(!tried.is_empty(), "{program}: there is no {attempt}");
    assert!(!tried.values().any(|how| how.contains("GOT")), "{program} without {layers_off:#x}: {tried:?}");
    println!("off {layers_off:#x}: {program}: {attempt} is held: {tried:?}");
}

#[test]
fn with_all_layers_the_lane_starts() {
    assert!(WorkerLane::new(&options(0)).is_ok());
}

#[test]
fn namespaces_of_a_call() {
    refused(NAMESPACES, "namespace");
}

#[test]
fn a_network_of_its_own_is_a_second_line_behind_seccomp_and_before_landlock() {
    refused(NETWORK, "net namespace");
    is_held(NETWORK, "sockets", "tcp");
    is_held(NETWORK | SECCOMP, "sockets", "tcp");
    is_held(SECCOMP | LANDLOCK, "sockets", "tcp");
    goes_through(NETWORK | SECCOMP | LANDLOCK, "sockets", "tcp");
    goes_through(NETWORK | SECCOMP | LANDLOCK, "sockets", "abstract");
}

#[test]
fn a_private_root() {
    refused(PRIVATE_ROOT, "canary");
    // Landlock lets everything below the root be read: the root is what hides.
    goes_through(PRIVATE_ROOT, "host-files", "root");
}

#[test]
fn mounts_that_are_read_only() {
    // Landlock knows nothing of modes and times: marks that the next call would find.
    refused(READ_ONLY, "canary");
    goes_through(READ_ONLY, "writes", "/");
    is_held(LANDLOCK, "writes", "/");
}

#[test]
fn a_private_tmp() {
    refused(TMP, "canary");
}

#[test]
fn a_session_of_its_own() {
    refused(SESSION, "session");
}

#[test]
fn inherited_descriptors() {
    refused(DESCRIPTORS, "descriptors");
    goes_through(DESCRIPTORS, "descriptors", "");
}

#[test]
fn resource_limits() {
    refused(LIMITS, "resource limits");
    let unbounded = WorkerLaneOptions { cgroups: CgroupChoice::None, ..options(LIMITS | UNSEEN) };
    goes_through_with(&unbounded, "threads", "threads");
}

#[test]
fn control_groups() {
    // Threads are bounded by them alone as far as one worker goes.
    let unbounded = WorkerLaneOptions { cgroups: CgroupChoice::None, ..options(0) };
    goes_through_with(&unbounded, "threads", "threads");
}

#[test]
fn capabilities_are_a_second_line_behind_seccomp() {
    refused(CAPABILITIES, "capabilities");
    is_held(CAPABILITIES, "raw-call", "sethostname");
    is_held(SECCOMP, "raw-call", "sethostname");
    goes_through(CAPABILITIES | SECCOMP, "raw-call", "sethostname");
}

#[test]
fn no_new_privileges_are_denied_to_the_zygote_already() {
    assert!(WorkerLane::new(&options(NO_NEW_PRIVILEGES)).is_ok());
}

#[test]
fn not_dumpable() {
    // An init shares its zygote's memory and makes that not dumpable: only a zygote's first workers could be looked into. So not by
    // JavaScript's canary alone, whose second worker may be the first that is ready.
    refused_with(&options(DUMPABLE), "not dumpable");
}

#[test]
fn landlock() {
    refused(LANDLOCK, "symbolic link");
    goes_through(LANDLOCK, "links", "symbolic link");
    // For what else it denies it is a second line.
    is_held(LANDLOCK, "processes", "spawn");
    is_held(SECCOMP, SPAWN, "spawn");
    goes_through(SECCOMP | LANDLOCK, SPAWN, "spawn");
}

#[test]
fn seccomp() {
    refused(SECCOMP, "seccomp");
    goes_through(SECCOMP, "machine-code", "anonymous");
    goes_through(SECCOMP, "shared-memory", "memfd");
}

/// Offers nothing.
struct Nothing;

impl Brokers for Nothing {
    fn log(&self, _: GuestLogLevel, _: &str) {}
}
