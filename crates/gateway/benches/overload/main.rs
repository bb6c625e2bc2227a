//! Overload: twice the capacity, and a good plugin beside a bad one.
//!
//! `cargo xtask guests && cargo bench -p omega-gateway --bench overload`. Without `--bench` (as `cargo test`
//! runs it) only moments are measured, to show that it works.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot go on fails")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

mod generator;
mod home;
mod neighbours;
mod surplus;
mod workers;

use std::time::Duration;

fn main() {
    omega_gateway::become_helper_if_asked();
    let measured = std::env::args().any(|argument| argument == "--bench");
    let seconds = |full: f64| if measured { full } else { 0.2 };
    let text = "The quick brown fox jumps over the lazy dog, twice.\n".repeat(80)[..4096].to_owned();
    let parts: [(&str, &dyn Fn()); 3] = [
        ("surplus", &|| surplus::measure(&text, seconds(8.0))),
        ("neighbours", &|| neighbours::measure(&text, seconds(7.5))),
        ("workers", &|| workers::measure(&text, seconds(90.0))),
    ];
    // `cargo bench -p omega-gateway --bench overload -- surplus` runs this one.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    for (name, part) in parts {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            part();
        }
    }
}

/// Times taken, for their quantiles: counts of steps of one per cent each, so that a hundred times as many take no more
/// memory, which is measured too.
struct Quantiles {
    counts: Vec<u64>,
}

/// Each step's share of the one before.
const STEP: f64 = 1.01;
/// From 1 µs up to more than a minute.
const STEPS: usize = 1_900;

fn step_of(took: Duration) -> usize {
    let steps = (took.as_secs_f64() * 1e6).max(1.0).ln() / STEP.ln();
    (steps as usize).min(STEPS - 1)
}

impl Default for Quantiles {
    fn default() -> Self {
        Self { counts: vec![0; STEPS] }
    }
}

impl Quantiles {
    fn add(&mut self, took: Duration) {
        self.counts[step_of(took)] += 1;
    }

    fn extend(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
    }

    /// The share that took no longer than this.
    fn share_within(&self, took: Duration) -> f64 {
        let all: u64 = self.counts.iter().sum();
        self.counts[..=step_of(took)].iter().sum::<u64>() as f64 / all as f64
    }

    /// p50 and p99, in microseconds; none: not a number.
    fn quantiles(&self) -> (f64, f64) {
        let all: u64 = self.counts.iter().sum();
        let at = |share: f64| {
            let mut before = 0;
            let step = self.counts.iter().position(|count| {
                before += count;
                before > 0 && before as f64 >= all as f64 * share
            });
            step.map_or(f64::NAN, |step| STEP.powf(step as f64 + 0.5))
        };
        (at(0.5), at(0.99))
    }
}

/// Resident memory of this process; not a number where the system does not say.
fn resident_bytes() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).map_or(f64::NAN, |pages| pages * 4096.0)
}
