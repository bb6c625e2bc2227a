//! Random schedules: what a process does, which step fails first and how, what a power cut takes, again and again.
//!
//! Held after each: every acknowledged event is there, the ledger opens and verifies, and no checkpoint that anybody
//! could have seen is contradicted.

use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;
use omega_contract::ports::Recorded;
use omega_contract::{ErrorCode, EventKind, Recorder, Sha256Hex};
use omega_proof::chain::Strictness;
use omega_proof::checkpoint::unverified_checkpoint;
use omega_proof::tree::TreeHead;

use super::disk::{Fault, FaultyDisk};
use super::{acknowledged, draft, options};
use crate::testing::log_signer;
use crate::{Ledger, verify};

/// How many schedules to try; `cargo xtask crash` tries 10,000.
const SCHEDULES: &str = "OMEGA_TEST_SCHEDULES";
const SCHEDULES_DEFAULT: u64 = 400;
/// Processes that crash one after the other in a schedule.
const CRASHES_MAX: usize = 4;
/// Steps within which the first failure comes. An opening takes some twenty.
const STEPS_MAX: usize = 140;

/// What was told to anybody.
#[derive(Default)]
struct Told {
    events: Vec<Recorded>,
    heads: Vec<TreeHead>,
}

impl Told {
    /// What lies there to be read, published or about to be.
    fn look(&mut self, dir: &Path) {
        let Ok(bytes) = std::fs::read(dir.join("checkpoint")) else { return };
        self.heads.push(unverified_checkpoint(&bytes).unwrap().head);
    }
}

#[test]
fn no_schedule_loses_what_was_told() {
    let schedules = std::env::var(SCHEDULES).map_or(SCHEDULES_DEFAULT, |text| text.parse().unwrap());
    let first = fastrand::u64(..);
    let next = std::sync::atomic::AtomicU64::new(0);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if number >= schedules {
                        return;
                    }
                    run(first.wrapping_add(number));
                }
            });
        }
    });
}

/// One schedule. Threads interleave as they like: a seed that failed may have to be tried more than once.
fn run(seed: u64) {
    let rng = &mut Rng::with_seed(seed);
    let dir = tempfile::tempdir().unwrap();
    let mut told = Told::default();
    let disk = Arc::new(FaultyDisk::good());
    for crash in 0..rng.usize(1..=CRASHES_MAX) {
        disk.fail_after(rng.usize(..STEPS_MAX), Fault::ALL[rng.usize(..Fault::ALL.len())]);
        match Ledger::open_on(disk.clone(), dir.path(), options()) {
            Ok(ledger) => work(&ledger, rng, dir.path(), crash as u64, &mut told),
            Err(error) => assert_eq!(error.code(), ErrorCode::LedgerUnavailable, "seed {seed}, crash {crash}: {error}"),
        }
        told.look(dir.path());
        // A process that was only killed leaves what it wrote in memory, for the next one to read and rely on.
        if rng.u8(..3) > 0 {
            disk.power_cut(rng.u64(..));
            if rng.bool() {
                check(dir.path(), &told, seed);
            }
        }
    }
    disk.power_cut(rng.u64(..));
    check(dir.path(), &told, seed);
}

/// Makes calls and asks for checkpoints until something fails or the work is done. Then the process ends, well or not.
fn work(ledger: &Ledger, rng: &mut Rng, dir: &Path, crash: u64, told: &mut Told) {
    for number in 0..rng.u64(1..16) {
        let number = 1_000 * crash + number;
        let Ok(invoke) = ledger.record(draft(EventKind::Invoke, number)) else { break };
        if rng.u8(..8) == 0 {
            continue;
        }
        let Ok(result) = ledger.record(draft(EventKind::Result, number)) else { break };
        if !acknowledged(ledger, result) {
            break;
        }
        told.events.extend([invoke, result]);
        if rng.u8(..3) == 0 {
            let Ok(signed) = ledger.checkpoint() else { break };
            told.heads.push(*signed.head());
        }
        told.look(dir);
    }
}

fn check(dir: &Path, told: &Told, seed: u64) {
    let failed = |what: &str| format!("seed {seed}: {what}");
    let ledger = Ledger::open_on(Arc::new(FaultyDisk::good()), dir, options());
    let ledger = ledger.unwrap_or_else(|error| panic!("{}: {error}", failed("it does not open")));
    let newest = ledger.checkpoint().unwrap();
    for head in &told.heads {
        let now = ledger.tree_at(head.size, newest.head()).ok();
        assert_eq!(now, Some(*head), "{}", failed("a checkpoint that was seen is contradicted"));
    }
    ledger.close().unwrap();
    let hashes = hashes(dir);
    for Recorded { index, event_hash } in &told.events {
        let found = hashes.get(usize::try_from(*index).unwrap());
        assert_eq!(found, Some(event_hash), "seed {seed}: event {index} was acknowledged");
    }
    let verdict = verify(dir, &log_signer().verifier_key(), Strictness::Strict, |_| ());
    let verdict = verdict.unwrap_or_else(|error| panic!("{}: {error}", failed("it does not verify")));
    assert_eq!((verdict.synced_events, verdict.unfinished_bytes), (verdict.events, 0), "seed {seed}");
    assert_eq!(verdict.tree.newest.map(|head| head.size), Some(verdict.events), "seed {seed}");
}

/// Of every event, in order, as the segments have them.
fn hashes(dir: &Path) -> Vec<Sha256Hex> {
    let mut hashes = Vec::new();
    crate::stream::stream_lines(dir, crate::segment::Spot::START, |_, line| {
        hashes.push(omega_proof::line::checked_event(line).unwrap().event_hash);
        Ok(std::ops::ControlFlow::Continue(()))
    })
    .unwrap();
    hashes
}

/// Each step of a process that does a bit of everything, once, in each way to fail: so that none is left to chance.
#[test]
fn whatever_step_fails_first_nothing_told_is_lost() {
    let steps = {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(FaultyDisk::good());
        let ledger = Ledger::open_on(disk.clone(), dir.path(), options()).unwrap();
        work(&ledger, &mut Rng::with_seed(1), dir.path(), 0, &mut Told::default());
        ledger.close().unwrap();
        disk.steps()
    };
    assert!(steps > 60, "{steps} steps: the work does not reach what is to be shown");
    for fault in Fault::ALL {
        for step in 0..steps {
            let dir = tempfile::tempdir().unwrap();
            let disk = Arc::new(FaultyDisk::failing(step, fault));
            let mut told = Told::default();
            if let Ok(ledger) = Ledger::open_on(disk.clone(), dir.path(), options()) {
                work(&ledger, &mut Rng::with_seed(1), dir.path(), 0, &mut told);
            }
            told.look(dir.path());
            disk.power_cut(step as u64);
            check(dir.path(), &told, step as u64);
        }
    }
}
