//! SIGKILL at a random time, again and again: no destructor runs, no buffer is flushed.
//!
//! `cargo xtask crash [KILLS]` runs the same with more rounds. The seed is printed; it decides when each round is cut
//! off and nothing else, so that a failure comes again in about as many rounds, not in the same one.

use std::io::{BufRead as _, BufReader};
use std::time::{Duration, Instant};

use omega_gateway::Home;

use super::load::{self, Told};
use super::survey;
use crate::harness::Bench;

/// How often to kill; what CI can afford where it is not set.
const KILLS: &str = "OMEGA_TEST_KILLS";
/// Where the random times begin.
const SEED: &str = "OMEGA_TEST_SEED";
const KILLS_DEFAULT: u64 = 30;
/// Kills of one home, before a new one is begun with the other durability.
const KILLS_OF_A_HOME: u64 = 10;
/// Opening takes about this long, and is cut off too.
const OPENING_MS: u64 = 150;
/// How long a gateway that takes calls may live.
const LIFE_MS_MAX: u64 = 700;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Not a test of its own: what the process that is killed runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn child_under_load() {
    if let Some(home) = load::home_of_child() {
        load::run_until_killed(&home).await;
    }
}

#[derive(Debug, Default)]
struct Tally {
    kills: u64,
    while_opening: u64,
    answered: usize,
    decided: usize,
    artifacts: usize,
    quarantined: usize,
    interrupted: usize,
}

/// Whatever the moment, the home opens again, verifies, holds all that was answered, and closes what was cut off.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn kill_9_at_any_time_loses_nothing_that_was_answered() {
    let kills = number(KILLS).unwrap_or(KILLS_DEFAULT);
    let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap();
    let seed = number(SEED).unwrap_or(u64::from(since_1970.subsec_nanos()));
    println!("{SEED}={seed} {KILLS}={kills}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut tally = Tally::default();
    while tally.kills < kills {
        let durability = if (tally.kills / KILLS_OF_A_HOME).is_multiple_of(2) { "batch" } else { "relaxed" };
        let bench = Bench::with_config(&format!("durability = '{durability}'")).await;
        bench.install("examples/hello").await;
        bench.install_files(&load::keeper()).await;
        let (home, _folder) = bench.closed();
        // What an earlier process of this home told holds for ever.
        let mut told = Told::default();
        for _ in 0..KILLS_OF_A_HOME.min(kills - tally.kills) {
            run_and_kill(&home, &mut random, &mut told);
            tally.kills += 1;
            tally.while_opening += u64::from(!told.was_ready);
            let opening = survey::check(&home, &told).await;
            tally.quarantined += opening.quarantined.len();
            tally.interrupted += opening.interrupted.len();
        }
        tally.answered += told.answered.len();
        tally.decided += told.decided.len();
        tally.artifacts += told.artifacts.len();
        println!("{durability}: {tally:?}");
    }
    assert!(tally.answered > 0 && tally.decided > 0 && tally.artifacts > 0, "{tally:?}");
    assert!(tally.interrupted > 0, "no call was cut off: {tally:?}");
}

/// One life of a loaded gateway, cut off while it opens or while it works.
fn run_and_kill(home: &Home, random: &mut fastrand::Rng, told: &mut Told) {
    told.was_ready = false;
    let in_opening = random.u8(0..5) == 0;
    let wait = random.u64(0..if in_opening { OPENING_MS } else { LIFE_MS_MAX });
    let mut child = load::spawn("crash::kill::child_under_load", home.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let (ready, is_ready) = std::sync::mpsc::channel();
    let hearing = std::thread::spawn(move || {
        let mut heard = Vec::new();
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap() > 0 {
            if line == "ready\n" {
                // The one who waits for it may have killed already.
                let _ = ready.send(Instant::now());
            }
            // A line that was cut off was not told.
            heard.extend(line.strip_suffix('\n').map(str::to_owned));
            line.clear();
        }
        heard
    });
    if !in_opening {
        is_ready.recv_timeout(Duration::from_secs(60)).unwrap();
    }
    std::thread::sleep(Duration::from_millis(wait));
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert!(!status.success() && status.code().is_none(), "it ended by itself: {status}");
    for line in hearing.join().unwrap() {
        told.hear(&line);
    }
}
