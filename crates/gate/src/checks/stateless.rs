//! CG-05: the same outputs in another order, between other inputs, and side by side.

use futures_util::future::join_all;
use omega_contract::{DeterminismMode, Status};
use serde_json::json;

use crate::cases::Case;
use crate::checks::count;
use crate::examples::{Bench, Example, FirstRun, Seen};
use crate::sheet::Verdict;

const RUN: &str = "cg-05";
/// Other inputs that are sent between examples.
const BETWEEN_MAX: usize = 8;
/// Runs that tell whether a probabilistic plugin differs by itself.
const RUNS_ALONE: usize = 5;

pub(crate) async fn check(bench: &Bench<'_>, runs: &[FirstRun], cases: &[Case]) -> Verdict {
    if bench.examples.list.is_empty() {
        return Verdict::fail("not done: the package has no examples/*.json");
    }
    if runs.len() < bench.examples.list.len() {
        return Verdict::fail("not done: there is no first run of each example to compare with");
    }
    let comparable = |run: &&FirstRun| run.is_stable && run.called.status != Status::Timeout;
    let comparable: Vec<&FirstRun> = runs.iter().filter(comparable).collect();
    if comparable.is_empty() {
        return Verdict::pass("no example gives the same output twice in a row, so none can be compared");
    }
    match compare(bench, &comparable, cases).await {
        Ok(()) => Verdict::pass(format!(
            "{} gave the same in another order, between other inputs, and side by side",
            count(comparable.len(), "example")
        )),
        Err(why) => Verdict::fail(why),
    }
}

async fn compare(bench: &Bench<'_>, runs: &[&FirstRun], cases: &[Case]) -> Result<(), String> {
    for run in runs.iter().rev() {
        again(bench, run, "in another order").await?;
    }
    let mut others = cases.iter().take(BETWEEN_MAX).cycle();
    for run in runs {
        for case in others.by_ref().take(2) {
            let _whatever = bench.call_payload(RUN, case.payload.clone(), json!({})).await?;
        }
        again(bench, run, "after other inputs").await?;
    }
    let side_by_side = usize::try_from(bench.manifest.limits.max_concurrency).unwrap_or(1).clamp(1, 8);
    for together in runs.chunks(side_by_side) {
        let ended = join_all(together.iter().map(|run| again(bench, run, "side by side with others"))).await;
        ended.into_iter().collect::<Result<(), String>>()?;
    }
    Ok(())
}

async fn again(bench: &Bench<'_>, run: &FirstRun, how: &str) -> Result<(), String> {
    let Some(example) = bench.examples.list.get(run.index) else { return Ok(()) };
    let (seen, again) = (Seen::of(&run.called), Seen::of(&bench.call(RUN, example).await?));
    if seen == again || differs_by_itself(bench, example).await? {
        return Ok(());
    }
    Err(format!("{}: {how} it gave {again}, at first {seen}", example.path))
}

/// Whether a plugin that claims no determinism differs with nothing but itself before it: then a difference says nothing of
/// state.
async fn differs_by_itself(bench: &Bench<'_>, example: &Example) -> Result<bool, String> {
    if bench.manifest.determinism.mode == DeterminismMode::Deterministic {
        return Ok(false);
    }
    let mut first = None;
    for _ in 0..RUNS_ALONE {
        let seen = Seen::of(&bench.call(RUN, example).await?);
        if *first.get_or_insert_with(|| seen.clone()) != seen {
            return Ok(true);
        }
    }
    Ok(false)
}
