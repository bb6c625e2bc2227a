//! CG-08: outputs are data of the four kinds, and nothing else changed on the host.

use std::collections::{BTreeMap, BTreeSet};

use omega_contract::{ErrorCode, Status};

use crate::checks::count;
use crate::examples::{Bench, FirstRun};
use crate::sheet::Verdict;

type HostState = BTreeMap<String, String>;

/// Changes that one detail names.
const NAMED_MAX: usize = 5;

pub(crate) async fn check(bench: &Bench<'_>, runs: &[FirstRun], before: Result<HostState, String>) -> Verdict {
    let outputs = match outputs(bench, runs) {
        Ok(outputs) => outputs,
        Err(why) => return Verdict::fail(why),
    };
    let (before, after) = match (before, bench.trial.host_state().await) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(why), _) | (_, Err(why)) => return Verdict::fail(format!("the host could not be looked at: {why}")),
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed: Vec<&str> =
        names.into_iter().filter(|name| before.get(*name) != after.get(*name)).map(String::as_str).collect();
    if changed.is_empty() {
        return Verdict::pass(format!("{outputs}; {} of the host are as before", count(before.len(), "thing")));
    }
    let named = changed.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    Verdict::fail(format!("{} of the host changed while it ran: {named}", count(changed.len(), "thing")))
}

/// What the examples gave: a payload that the manifest lists, or a refusal of the plugin's own. Out of time is CG-07's.
fn outputs(bench: &Bench<'_>, runs: &[FirstRun]) -> Result<String, String> {
    if runs.is_empty() {
        return Err("not done: the package has no examples/*.json".to_owned());
    }
    let (mut given, mut late) = (0, 0);
    for run in runs {
        let path = bench.examples.list.get(run.index).map(|example| example.path.as_str()).unwrap_or_default();
        let called = &run.called;
        match (called.status, called.reason, &called.result) {
            (Status::Ok, _, Some(result)) => {
                if bench.manifest.io.outputs.iter().all(|output| output.kind != result.kind()) {
                    return Err(format!("{path}: gave {}, which the manifest does not list", result.kind()));
                }
                given += 1;
            }
            (Status::Rejected, Some(ErrorCode::PluginDeclined), None) => {}
            (Status::Timeout, ..) => late += 1,
            (status, reason, _) => {
                let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
                return Err(format!("{path}: {status}{reason} instead of an output: {}", called.notes));
            }
        }
    }
    if given + late == 0 {
        return Err("no example gives an output".to_owned());
    }
    Ok(format!("{} gave data of a listed kind", count(given, "example")))
}
