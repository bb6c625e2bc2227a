//! Checking the lines of a ledger on one core, against plain SHA-256 of the same bytes.
//!
//! `cargo bench -p omega-proof --bench chain` prints the least of some rounds of each, by turns: what the work takes where
//! nothing disturbs it. Nothing is asserted: figures of a busy machine prove nothing.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use omega_contract::Sha256Hex;
use omega_proof::chain::{Strictness, check_stretch};
use omega_proof::line::{Line, hash_after_prefix};
use sha2::{Digest, Sha256};

fn main() {
    // Without `--bench` (as `cargo test` runs it) a few lines show that it works.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let (events, rounds) = if is_bench { (20_000, 40) } else { (20, 1) };
    let bytes = lines(events);
    let (mut plain, mut standard) = (Duration::MAX, Duration::MAX);
    for _ in 0..rounds {
        let begin = Instant::now();
        black_box(Sha256::digest(&bytes));
        plain = plain.min(begin.elapsed());
        let begin = Instant::now();
        let take = |line: &Line<'_>, hash| _ = black_box((line.length(), hash));
        let (stretch, fault) = check_stretch(&bytes, Strictness::Standard, take);
        assert_eq!((stretch.map(|stretch| stretch.lines), fault), (Some(events), None));
        standard = standard.min(begin.elapsed());
    }
    println!(
        "lines checked, one core, in memory: {:.0} % of plain SHA-256, {:.0} ns a line of {} bytes",
        100.0 * plain.as_secs_f64() / standard.as_secs_f64(),
        standard.as_secs_f64() * 1e9 / events as f64,
        bytes.len() as u64 / events,
    );
}

/// A chain of RESULTs as the gateway writes them.
fn lines(events: u64) -> Vec<u8> {
    let digest = Sha256Hex::of(b"digest");
    let (mut bytes, mut previous) = (Vec::new(), String::new());
    for at in 0..events {
        let rest = format!(
            "\"event_id\":\"01KAGXYZ0123456789{at:08}\",\"input_hash\":\"{digest}\",\"kind\":\"RESULT\",\"meta\":{{\"attempt\":\"1\",\
             \"duration_us\":\"123\",\"lane\":\"wasm\",\"manifest_hash\":\"{digest}\",\"package_digest\":\"{digest}\",\"step\":\"0\"}},\
             \"output_hash\":\"{digest}\",\"plugin_id\":\"text-stats\",\"prev_hash\":\"{previous}\",\"request_id\":\"01KAGXYZ0123456789{at:08}\",\
             \"run_id\":\"01KAGXYZ0123456789ABCDEFGH\",\"ts\":\"2026-11-20T11:18:34.{at:06}Z\"}}"
        );
        previous = hash_after_prefix(rest.as_bytes()).to_string();
        bytes.extend_from_slice(format!("{{\"event_hash\":\"{previous}\",{rest}\n").as_bytes());
    }
    bytes
}
