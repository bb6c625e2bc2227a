//! CG-07: each example within the manifest's `max_ms`; and the gateway's stop works where the plugin runs.
//!
//! That a plugin was quick says nothing of the stop. So a program that never ends is run in the same lane, and must be ended.

use omega_contract::Status;

use crate::examples::{Bench, FirstRun};
use crate::sheet::Verdict;

/// Time that the program which never ends is given.
const ENDLESS_MS: u64 = 250;
/// Until when its caller must have been answered: the stop, and what a busy machine takes.
const ANSWERED_MS: u64 = ENDLESS_MS + 2_000;

pub(crate) async fn check(bench: &Bench<'_>, runs: &[FirstRun]) -> Verdict {
    let max_ms = bench.manifest.limits.max_ms;
    let path =
        |run: &FirstRun| bench.examples.list.get(run.index).map(|example| example.path.clone()).unwrap_or_default();
    let late = runs.iter().find(|run| run.called.status == Status::Timeout || run.called.duration_ms > max_ms);
    if let Some(late) = late {
        return Verdict::fail(format!("{}: not within its {max_ms} ms", path(late)));
    }
    let Some(longest_ms) = runs.iter().map(|run| run.called.duration_ms).max() else {
        return Verdict::fail("not done: the package has no examples/*.json");
    };
    match bench.trial.call_endless(ENDLESS_MS).await {
        Ok(stopped) if stopped.status == Status::Timeout && stopped.took_ms <= ANSWERED_MS => Verdict::pass(format!(
            "the longest example took {longest_ms} ms of its {max_ms} ms; in the same lane a program that never ends was stopped"
        )),
        Ok(stopped) => Verdict::fail(format!(
            "a program that never ends was given {ENDLESS_MS} ms and ended with {} after {} ms",
            stopped.status, stopped.took_ms
        )),
        Err(why) => Verdict::fail(format!("the stop could not be tried: {why}")),
    }
}
