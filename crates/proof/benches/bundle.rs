//! What verifying (and sealing) the proof of a run costs, beside a raw SHA-256 of as many nodes.
//!
//! `cargo bench -p omega-proof`. Prints milliseconds: the median of rounds. The bar: a run of 1,000 events verifies within
//! 50 ms.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

#[path = "../tests/desk/mod.rs"]
mod desk;

use std::hint::black_box;
use std::time::{Duration, Instant};

use desk::Desk;
use omega_contract::{EventKind, Sha256Hex, canonical_bytes};
use omega_proof::bundle::verify_bundle;

/// Calls in the run: INVOKE, RESULT each, and the PROOF_EXPORT event at the end.
const CALLS: usize = 500;
/// Events of other runs in the log: its tree has the depth of the big ledger's.
const OTHERS: u32 = 1 << 17;

fn median(rounds: usize, mut operation: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            operation();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[rounds / 2]
}

fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let (calls, others, rounds) = if measured { (CALLS, OTHERS, 51) } else { (10, 100, 1) };
    let mut desk = Desk::new();
    for number in 0..others {
        desk.tree.append(&Sha256Hex::of(&number.to_be_bytes()));
    }
    for number in 0..calls {
        desk.call(&format!("request-{number}"), "1", EventKind::Result);
    }
    let parts = desk.parts();
    let export = desk.append_export(parts.export_draft(desk.size()).unwrap());
    let checkpoint = desk.checkpoint();
    let bundle = desk.seal(parts.clone(), export.clone(), &checkpoint).unwrap();
    let bytes = canonical_bytes(&bundle).unwrap();
    let keys = [Desk::vkey()];

    let nodes: usize = bundle.inclusion.iter().map(|inclusion| inclusion.proof.len() + 1).sum();
    let verify = median(rounds, || drop(black_box(verify_bundle(black_box(&bytes), &keys, &[])).unwrap()));
    let seal = median(rounds, || drop(black_box(desk.seal(parts.clone(), export.clone(), &checkpoint)).unwrap()));
    // An inner node of the tree is the hash of 65 bytes.
    let node = [1_u8; 65];
    let raw = median(rounds, || {
        (0..nodes).for_each(|_| {
            let _hash = black_box(Sha256Hex::of(black_box(&node)));
        });
    });
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!("bundle: {} events, {} bytes, {nodes} nodes", bundle.events.len(), bytes.len());
    println!("{:<24} {:>8.2} ms   {:>5.1} times the raw hashes", "verify", ms(verify), ms(verify) / ms(raw));
    println!("{:<24} {:>8.2} ms", "seal, proofs in memory", ms(seal));
    println!("{:<24} {:>8.2} ms", "raw SHA-256", ms(raw));
}
