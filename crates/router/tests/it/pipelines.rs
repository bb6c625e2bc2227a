//! Several plugins on one request.

use std::time::{Duration, Instant};

use omega_contract::{ErrorCode, EventKind, Payload, PipelinePolicy, PipelineStrategy, PluginRequest, Status};
use omega_router::{PipelineAnswer, PipelineError};

use crate::fake_services::{Bench, id, manifest, request};
use crate::fakes::{Act, Break, Tape};

const TRAP: Act = Act::Fail(ErrorCode::PluginTrap);

fn text(plugin_id: &str) -> serde_json::Value {
    manifest(plugin_id, "text", "text")
}

fn bench(plugins: &[(serde_json::Value, &[Act])]) -> Bench {
    Bench::of(Tape::new(Break::Never), plugins)
}

fn policy(strategy: PipelineStrategy, plugin_ids: &[&str], stop_on_failure: bool) -> PipelinePolicy {
    PipelinePolicy {
        strategy,
        plugin_ids: plugin_ids.iter().map(|text| id(text)).collect(),
        timeout_ms: 5_000,
        stop_on_failure,
    }
}

fn statuses(answer: &PipelineAnswer) -> Vec<Status> {
    answer.response.steps.iter().map(|step| step.response.status).collect()
}

async fn refused(bench: &Bench, policy: &PipelinePolicy, asked: PluginRequest) -> (ErrorCode, String) {
    match bench.router.pipeline(policy, asked).await {
        Err(PipelineError::Refused(refused)) => (refused.code, refused.message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn sequential_stops_where_it_is_told_to_and_goes_on_where_not() {
    let (ok, error) = (Status::Ok, Status::Error);
    for (stop, expect) in [(true, vec![ok, error]), (false, vec![ok, error, ok])] {
        let bench = bench(&[
            (text("plugin-a"), &[Act::Say("a")]),
            (text("plugin-b"), &[TRAP]),
            (text("plugin-c"), &[Act::Say("c")]),
        ]);
        let policy = policy(PipelineStrategy::Sequential, &["plugin-a", "plugin-b", "plugin-c"], stop);
        let answer = bench.router.pipeline(&policy, request("r", None)).await.unwrap();
        assert_eq!(statuses(&answer), expect);
        assert_eq!(answer.response.overall_status, error);
        assert_eq!(answer.steps[1].reason, Some(ErrorCode::PluginTrap));
    }
}

#[tokio::test]
async fn the_overall_status_is_the_worst_of_the_steps() {
    let bench = bench(&[
        (text("fine"), &[Act::Say("a")]),
        (text("declines"), &[Act::Decline]),
        (text("late"), &[Act::Fail(ErrorCode::Timeout)]),
        (text("traps"), &[TRAP]),
    ]);
    let cases: [(&[&str], Status); 4] = [
        (&["fine"], Status::Ok),
        (&["fine", "declines"], Status::Rejected),
        (&["late", "declines", "fine"], Status::Timeout),
        (&["traps", "late", "fine"], Status::Error),
    ];
    for (n, (plugins, expect)) in cases.into_iter().enumerate() {
        let policy = policy(PipelineStrategy::Sequential, plugins, false);
        let answer = bench.router.pipeline(&policy, request(&format!("r{n}"), None)).await.unwrap();
        assert_eq!(answer.response.overall_status, expect, "{plugins:?}");
    }
}

/// All at once, and in the order of the policy, whoever ends first.
#[tokio::test]
async fn fan_out_keeps_the_order_of_the_policy() {
    let slow = [Act::SayAfter(Duration::from_millis(200))];
    let bench = bench(&[(text("slow"), &slow), (text("other"), &slow), (text("quick"), &[Act::Say("q")])]);
    let policy = policy(PipelineStrategy::FanOut, &["slow", "other", "quick"], true);
    let answer = bench.router.pipeline(&policy, request("r", None)).await.unwrap();
    let ids: Vec<&str> = answer.response.steps.iter().map(|step| step.plugin_id.as_str()).collect();
    assert_eq!(ids, ["slow", "other", "quick"]);
    let began: Vec<Instant> = bench.scripts.iter().map(|script| script.calls.lock().unwrap()[0].1).collect();
    assert!(began.iter().max().unwrap().duration_since(*began.iter().min().unwrap()) < Duration::from_millis(200));
    let invokes = bench.tape.kinds().iter().take_while(|kind| **kind == EventKind::Invoke).count();
    assert!(invokes >= 2, "the slow two were under way together");
    assert!(answer.steps[2].event_index < answer.steps[0].event_index, "the quick one ended first");
}

#[tokio::test]
async fn a_chain_passes_each_result_on_and_ends_without_one() {
    let bench = bench(&[
        (text("plugin-a"), &[Act::Say("from a")]),
        (text("plugin-b"), &[Act::Decline]),
        (text("plugin-c"), &[Act::Say("c")]),
    ]);
    let policy = policy(PipelineStrategy::Chain, &["plugin-a", "plugin-b", "plugin-c"], false);
    let answer = bench.router.pipeline(&policy, request("r", None)).await.unwrap();
    assert_eq!(statuses(&answer), [Status::Ok, Status::Rejected], "nothing to pass on");
    let given = bench.scripts[1].calls.lock().unwrap()[0].0.request.payload.clone();
    assert_eq!(given, Payload::text("from a"));
    assert_eq!(bench.scripts[2].runs(), 0);
}

#[tokio::test]
async fn a_chain_whose_neighbours_do_not_fit_does_not_begin() {
    let bench =
        bench(&[(text("plugin-a"), &[Act::Say("a")]), (manifest("plugin-j", "json", "json"), &[Act::Say("never")])]);
    let (code, message) =
        refused(&bench, &policy(PipelineStrategy::Chain, &["plugin-a", "plugin-j"], true), request("r", None)).await;
    assert_eq!(code, ErrorCode::PipelineInvalid);
    assert!(message.contains("step 1, plugin-j"), "{message}");
    let (code, _) =
        refused(&bench, &policy(PipelineStrategy::Chain, &["plugin-a", "nobody"], true), request("r", None)).await;
    assert_eq!(code, ErrorCode::PluginUnknown);
    assert_eq!(bench.script().runs(), 0);
    assert_eq!(bench.tape.kinds(), []);
}

#[tokio::test]
async fn policies_hold_at_the_limit_and_one_past_it() {
    use omega_contract::limits::{PIPELINE_STEPS_MAX, TIMEOUT_MS_MAX, TIMEOUT_MS_MIN};
    let bench = bench(&[(text("plugin-a"), &[Act::Say("a")])]);
    let of = |steps: usize, timeout_ms: u64| PipelinePolicy {
        timeout_ms,
        ..policy(PipelineStrategy::Sequential, &vec!["plugin-a"; steps], true)
    };
    for (n, policy) in
        [of(1, TIMEOUT_MS_MIN), of(1, TIMEOUT_MS_MAX), of(PIPELINE_STEPS_MAX, 60_000)].into_iter().enumerate()
    {
        let answer = bench.router.pipeline(&policy, request(&format!("r{n}"), None)).await.unwrap();
        assert_eq!(answer.response.steps.len(), policy.plugin_ids.len());
    }
    let runs = bench.script().runs();
    for policy in
        [of(0, 1_000), of(PIPELINE_STEPS_MAX + 1, 1_000), of(1, TIMEOUT_MS_MIN - 1), of(1, TIMEOUT_MS_MAX + 1)]
    {
        assert_eq!(refused(&bench, &policy, request("x", None)).await.0, ErrorCode::PipelineInvalid);
    }
    assert_eq!(bench.script().runs(), runs);
}

/// Steps that did not begin because of the pipeline's time are `timeout`, each with its own evidence.
#[tokio::test]
async fn the_overall_timeout_bounds_all_steps() {
    let bench = bench(&[(text("hangs"), &[Act::Hang]), (text("plugin-b"), &[Act::Say("b")])]);
    let mut policy = policy(PipelineStrategy::Sequential, &["hangs", "plugin-b", "plugin-b"], false);
    policy.timeout_ms = 150;
    let answer = bench.router.pipeline(&policy, request("r", None)).await.unwrap();
    assert_eq!(statuses(&answer), [Status::Timeout; 3]);
    assert_eq!(bench.scripts[1].runs(), 0);
    let expect = [EventKind::Invoke, EventKind::Error, EventKind::Reject, EventKind::Reject];
    assert_eq!(bench.tape.kinds(), expect);
    assert_eq!(bench.tape.meta("reason"), ["-", "timeout", "timeout", "timeout"]);
    assert_eq!(bench.tape.meta("step"), ["0", "0", "1", "2"]);
}

/// (run, request, step) is unique: the same plugin twice in one pipeline is two steps, the same
/// pipeline twice is not.
#[tokio::test]
async fn steps_tell_the_calls_of_one_request_apart() {
    let bench = bench(&[(text("plugin-a"), &[Act::Say("a")])]);
    let policy = policy(PipelineStrategy::Sequential, &["plugin-a", "plugin-a"], false);
    let first = bench.router.pipeline(&policy, request("r", None)).await.unwrap();
    assert_eq!(statuses(&first), [Status::Ok; 2]);
    let second = bench.router.pipeline(&policy, request("r", None)).await.unwrap();
    assert!(second.steps.iter().all(|step| step.reason == Some(ErrorCode::DuplicateRequest)));
    assert_eq!(bench.script().runs(), 2);
}

/// A record that breaks in one step breaks the pipeline: no partial answer without evidence.
#[tokio::test]
async fn a_broken_record_gives_no_pipeline_answer() {
    for strategy in [PipelineStrategy::Sequential, PipelineStrategy::FanOut, PipelineStrategy::Chain] {
        let tape = Tape::new(Break::Waiting(EventKind::Result));
        let bench = Bench::of(tape, &[(text("plugin-a"), &[Act::Say("a")]), (text("plugin-b"), &[Act::Say("b")])]);
        let answer =
            bench.router.pipeline(&policy(strategy, &["plugin-a", "plugin-b"], true), request("r", None)).await;
        assert!(matches!(answer, Err(PipelineError::Recorder(_))), "{strategy:?}: {answer:?}");
    }
}
