//! CG-06: what the plugin must not take is `rejected`; what its schema lets in gives a result or a refusal, and never a crash.

use omega_contract::Status;
use serde_json::json;

use crate::cases::Case;
use crate::checks::count;
use crate::examples::Bench;
use crate::sheet::Verdict;

/// After so many failures no more cases are tried: each may cost the plugin's whole time.
const FAILURES_MAX: usize = 5;

pub(crate) async fn check(bench: &Bench<'_>, cases: &[Case]) -> Verdict {
    let mut failures = Vec::new();
    let mut refused = 0;
    for case in cases {
        let called = match bench.call_payload("cg-06", case.payload.clone(), json!({})).await {
            Ok(called) => called,
            Err(why) => return Verdict::fail(format!("{}: the gateway failed: {why}", case.name)),
        };
        let is_closed = match called.status {
            Status::Rejected => true,
            Status::Ok => !case.must_be_refused,
            Status::Error | Status::Timeout => false,
        };
        refused += usize::from(called.status == Status::Rejected);
        if !is_closed {
            let reason = called.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            failures
                .push(format!("{} gave {}{reason} {}", case.name, called.status, called.notes).trim_end().to_owned());
        }
        if failures.len() >= FAILURES_MAX {
            break;
        }
    }
    if failures.is_empty() {
        let taken = cases.len() - refused;
        return Verdict::pass(format!(
            "of {} empty, wrong and mutated, {refused} were refused; {taken} are inputs by the plugin's own schema, and ended well",
            count(cases.len(), "input")
        ));
    }
    Verdict::fail(failures.join("; "))
}
