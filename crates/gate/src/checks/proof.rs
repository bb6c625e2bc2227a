//! CG-09: evidence hashes are there and right, and the proof of the run verifies.

use omega_contract::{Payload, Status};
use omega_proof::bundle::verify_bundle;

use crate::checks::count;
use crate::examples::{Bench, Example};
use crate::port::Called;
use crate::sheet::Verdict;

const RUN: &str = "cg-09";

pub(crate) async fn check(bench: &Bench<'_>) -> Verdict {
    if bench.examples.list.is_empty() {
        return Verdict::fail("not done: the package has no examples/*.json");
    }
    match evidence(bench).await {
        Ok(events) => Verdict::pass(format!(
            "the hashes of {} were computed anew and are right; the run's proof verifies, with {events} events",
            count(bench.examples.list.len(), "call")
        )),
        Err(why) => Verdict::fail(why),
    }
}

/// How many events the proof holds.
async fn evidence(bench: &Bench<'_>) -> Result<u64, String> {
    for example in &bench.examples.list {
        let called = bench.call(RUN, example).await?;
        hashes(example, &called).map_err(|why| format!("{}: {why}", example.path))?;
    }
    let run_id = RUN.parse().map_err(|_| "the run has no id".to_owned())?;
    let proof = bench.trial.proof(run_id).await?;
    let verdict = verify_bundle(&proof.bundle, std::slice::from_ref(&proof.key), &[])
        .map_err(|fault| format!("the run's proof does not verify: {fault}"))?;
    // Two of each call, or one where it was refused before it ran.
    if verdict.events < bench.examples.list.len() as u64 {
        return Err(format!("the run's proof holds only {} events", verdict.events));
    }
    Ok(verdict.events)
}

fn hashes(example: &Example, called: &Called) -> Result<(), String> {
    let hash = |payload: &Payload| payload.hash_and_length().0.to_string();
    if called.input_hash != hash(&example.request.payload) {
        return Err(format!("the input's hash is {:?}, which is wrong", called.input_hash));
    }
    let expected = called.result.as_ref().map(hash).unwrap_or_default();
    if called.output_hash != expected || (called.status == Status::Ok && expected.is_empty()) {
        return Err(format!("the output's hash is {:?}, which is wrong", called.output_hash));
    }
    Ok(())
}
