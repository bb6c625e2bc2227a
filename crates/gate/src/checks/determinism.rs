//! CG-04: two runs of each example, with other ids and times, give the same output.

use omega_contract::DeterminismMode;

use crate::examples::{Bench, FirstRun, Seen};
use crate::sheet::Verdict;

/// The verdict, and what each example gave. `refusal` is what the gateway said where it found the plugin out at its enabling.
pub(crate) async fn check(bench: &Bench<'_>, refusal: Option<String>) -> (Verdict, Vec<FirstRun>) {
    let is_declared = bench.manifest.determinism.mode == DeterminismMode::Deterministic;
    let mut runs = Vec::new();
    let mut differing = None;
    for (index, example) in bench.examples.list.iter().enumerate() {
        let path = &example.path;
        let (first, second) = (bench.call("cg-04", example).await, bench.call("cg-04", example).await);
        let (first, second) = match (first, second) {
            (Ok(first), Ok(second)) => (first, second),
            (Err(why), _) | (_, Err(why)) => {
                return (Verdict::fail(format!("{path}: the gateway failed: {why}")), runs);
            }
        };
        let (seen, again) = (Seen::of(&first), Seen::of(&second));
        if seen != again && differing.is_none() {
            differing = Some(format!("{path}: one run gave {seen}, another {again}"));
        }
        runs.push(FirstRun { index, called: first, is_stable: seen == again });
    }
    (verdict(bench, refusal, is_declared, differing), runs)
}

fn verdict(bench: &Bench<'_>, refusal: Option<String>, is_declared: bool, differing: Option<String>) -> Verdict {
    if let Some((path, why)) = bench.examples.unreadable.first() {
        return Verdict::fail(format!("{path} is no request: {why}"));
    }
    match (refusal, differing) {
        (Some(refusal), _) => Verdict::fail(refusal),
        (None, _) if !is_declared => Verdict::pass("declared probabilistic: outputs may differ"),
        (None, Some(differing)) => Verdict::fail(differing),
        (None, None) if bench.examples.list.is_empty() => {
            Verdict::fail("declared deterministic, and the package has no examples/*.json to show it with")
        }
        (None, None) => Verdict::pass(format!(
            "two runs of {} gave the same",
            crate::checks::count(bench.examples.list.len(), "example")
        )),
    }
}
