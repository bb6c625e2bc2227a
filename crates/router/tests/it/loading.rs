//! A plugin that has to be loaded first.

use std::time::Duration;

use omega_contract::{ErrorCode, EventKind, PipelinePolicy, PipelineStrategy, Status};

use crate::fake_services::{Bench, id, key, policy, request};
use crate::fakes::{Act, Break, Tape};

/// Longer than the plugin's own time (1,000 ms).
const LOAD: Duration = Duration::from_millis(1_500);

fn bench() -> Bench {
    let bench = Bench::new(Tape::new(Break::Never), &[Act::Say("out")]);
    *bench.shelf.load.lock().unwrap() = LOAD;
    bench
}

/// It takes of the caller's time: who has less is told so, and may come again.
#[tokio::test(start_paused = true)]
async fn who_has_less_time_than_the_load_takes_is_told_that_it_is_being_loaded() {
    let bench = bench();
    let answer = bench.router.call(&id("scripted"), request("r", Some(policy(100, 3)))).await.unwrap();
    assert_eq!((answer.response.status, answer.reason), (Status::Rejected, Some(ErrorCode::Overloaded)));
    assert!(answer.response.notes.contains("is being loaded"), "{}", answer.response.notes);
    assert_eq!((bench.script().runs(), bench.tape.kinds()), (0, vec![EventKind::Reject]));
    assert!(!bench.tape.holds(&key("r", 0)));

    *bench.shelf.load.lock().unwrap() = Duration::ZERO;
    let answer = bench.router.call(&id("scripted"), request("r", Some(policy(10_000, 3)))).await.unwrap();
    assert_eq!(answer.response.status, Status::Ok);
}

/// Who names no time has the plugin's own, all of it, once it is there. In real time: deadlines are instants
/// of the system.
#[tokio::test]
async fn a_load_takes_nothing_of_the_plugins_own_time() {
    let bench = bench();
    let answer = bench.router.call(&id("scripted"), request("r", None)).await.unwrap();
    assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
    let limits: Vec<u64> = bench.tape.meta("limit_ms").iter().filter_map(|text| text.parse().ok()).collect();
    assert!(limits[0] > 900, "{limits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_does_not_wait_for_a_load_past_its_own_end() {
    for strategy in [PipelineStrategy::Sequential, PipelineStrategy::FanOut, PipelineStrategy::Chain] {
        let bench = bench();
        let policy =
            PipelinePolicy { strategy, plugin_ids: vec![id("scripted")], timeout_ms: 200, stop_on_failure: true };
        let started = tokio::time::Instant::now();
        match bench.router.pipeline(&policy, request("r", None)).await {
            Ok(answer) => assert_eq!(answer.steps[0].reason, Some(ErrorCode::Overloaded)),
            Err(error) => assert!(error.to_string().contains("is being loaded"), "{error}"),
        }
        assert!(started.elapsed() < LOAD, "{strategy:?}");
        assert_eq!(bench.script().runs(), 0);
    }
}
