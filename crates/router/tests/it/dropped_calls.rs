//! A caller may go away at any moment: at each point where a call waits, its future is dropped there, and
//! what is left is looked at.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::join_all;
use omega_contract::{ErrorCode, EventKind, PipelinePolicy, PipelineStrategy, Status};
use proptest::prelude::*;
use serde_json::json;

use crate::fake_services::{Bench, COOLDOWN, QUEUE_MAX, id, key, manifest, policy, request};
use crate::fakes::{Act, Break, Tape};

/// No call waits at more points than these.
const POINTS_MAX: usize = 200;

/// Polls a future so often, and drops it at the last of these polls unless it ended before.
struct DropAt<F> {
    future: Option<Pin<Box<F>>>,
    polls_left: usize,
}

impl<F: Future> Future for DropAt<F> {
    /// Whether it ended.
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<bool> {
        let this = &mut *self;
        let Some(future) = &mut this.future else { return Poll::Ready(false) };
        if future.as_mut().poll(context).is_ready() {
            return Poll::Ready(true);
        }
        this.polls_left -= 1;
        if this.polls_left > 0 {
            return Poll::Pending;
        }
        this.future = None;
        Poll::Ready(false)
    }
}

/// A call, or a pipeline over the same plugin three times.
#[derive(Debug, Clone)]
struct Scenario {
    strategy: Option<PipelineStrategy>,
    acts: Vec<Act>,
    max_retries: u8,
    log_level: &'static str,
    redacts: bool,
    /// Another call holds the plugin's only place at first.
    busy: bool,
}

fn scenarios() -> impl Strategy<Value = Scenario> {
    let act = prop_oneof![
        Just(Act::Say("out")),
        Just(Act::SayWrong),
        Just(Act::Decline),
        Just(Act::Fail(ErrorCode::PluginTrap)),
        Just(Act::FailAfter(Duration::from_millis(5))),
        Just(Act::SayAfter(Duration::from_millis(5))),
        Just(Act::Hang),
    ];
    let strategy = prop_oneof![
        3 => Just(None),
        1 => Just(Some(PipelineStrategy::Sequential)),
        1 => Just(Some(PipelineStrategy::FanOut)),
        1 => Just(Some(PipelineStrategy::Chain)),
    ];
    let log_level = prop_oneof![Just("full"), Just("summary"), Just("minimal")];
    let acts = prop::collection::vec(act, 1..4);
    (strategy, acts, 0_u8..3, log_level, any::<bool>(), any::<bool>()).prop_map(
        |(strategy, acts, max_retries, log_level, redacts, busy)| Scenario {
            strategy,
            acts,
            max_retries,
            log_level,
            redacts,
            busy,
        },
    )
}

impl Scenario {
    fn bench(&self) -> Bench {
        let mut manifest = manifest("scripted", "text", "text");
        let redactions = if self.redacts { json!(["/content"]) } else { json!([]) };
        manifest["evidence"] = json!({"log_level": self.log_level, "redactions": redactions});
        Bench::of(Tape::new(Break::Never), &[(manifest, self.acts.as_slice())])
    }

    /// Runs it up to its nth point of waiting, drops it there and looks; `true` where it ended before.
    async fn dropped_at(&self, polls_left: usize) -> bool {
        let bench = self.bench();
        let other = if self.busy {
            let router = Arc::clone(&bench.router);
            let call = tokio::spawn(async move { router.call(&id("scripted"), request("other", None)).await });
            bench.script().begun(1).await;
            Some(call)
        } else {
            None
        };
        let asked = request("r", Some(policy(10_000, self.max_retries)));
        let ended = match self.strategy {
            None => {
                let plugin = id("scripted");
                let call = bench.router.call(&plugin, asked);
                DropAt { future: Some(Box::pin(call)), polls_left }.await
            }
            Some(strategy) => {
                let plugin_ids = vec![id("scripted"); 3];
                let policy = PipelinePolicy { strategy, plugin_ids, timeout_ms: 60_000, stop_on_failure: false };
                let pipeline = bench.router.pipeline(&policy, asked);
                DropAt { future: Some(Box::pin(pipeline)), polls_left }.await
            }
        };
        if let Some(other) = other {
            other.await.unwrap().unwrap();
        }
        assert_evidence_whole(&bench.tape);
        assert_nothing_is_held(&bench).await;
        ended
    }
}

/// One outcome for each INVOKE, and a key held just where there is an INVOKE.
fn assert_evidence_whole(tape: &Tape) {
    let mut open: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    let mut invoked: BTreeMap<(String, u32), bool> = BTreeMap::new();
    for event in &*tape.events.lock().unwrap() {
        let part = |key: &str| event.meta.get(key).cloned().unwrap_or_default();
        let request_id = event.request_id.as_ref().unwrap().to_string();
        let attempt = (request_id.clone(), part("step"), part("attempt"));
        let invoked = invoked.entry((request_id, part("step").parse().unwrap())).or_default();
        match event.kind {
            EventKind::Invoke => {
                *invoked = true;
                assert_eq!(open.insert(attempt, 0), None, "two INVOKEs");
            }
            EventKind::Reject if attempt.2.is_empty() => {}
            EventKind::Result | EventKind::Reject | EventKind::Error => {
                *open.get_mut(&attempt).expect("an outcome without an INVOKE") += 1;
            }
            kind => panic!("{kind}"),
        }
    }
    assert!(open.values().all(|outcomes| *outcomes == 1), "{open:?}");
    for ((request_id, step), invoked) in invoked {
        assert_eq!(tape.holds(&key(&request_id, step)), invoked, "the key of {request_id}, step {step}");
    }
    let invokes = tape.kinds().iter().filter(|kind| **kind == EventKind::Invoke).count();
    assert!(invokes > 0 || !(0..3).any(|step| tape.holds(&key("r", step))), "a key is held and nothing ran");
}

/// As many calls as fit, inside and in line, all run: no place, no place in line and no trial is lost.
async fn assert_nothing_is_held(bench: &Bench) {
    bench.script().calm();
    bench.clock.advance(COOLDOWN);
    let plugin = id("scripted");
    let names: Vec<String> = (0..=QUEUE_MAX).map(|n| format!("after{n}")).collect();
    let calls = names.iter().map(|name| bench.router.call(&plugin, request(name, Some(policy(10_000, 0)))));
    for answer in join_all(calls).await {
        let answer = answer.unwrap();
        assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_call_dropped_anywhere_leaves_its_evidence_and_nothing_else(scenario in scenarios()) {
        // Time stands still but for waiting, so that a hanging plugin costs none.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            for polls in 1..POINTS_MAX {
                if scenario.dropped_at(polls).await {
                    return;
                }
            }
            panic!("it never ends");
        });
    }
}
