use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use omega_contract::ports::LaneEnding;

use super::*;

fn late() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

fn report() -> LaneReport {
    let ending = LaneEnding::Declined { code: String::new(), message: String::new() };
    LaneReport { ending, duration: Duration::ZERO, facts: BTreeMap::new(), output_text: String::new() }
}

/// A run that never waits, and holds the processor for so long.
fn busy(time: Duration) -> BoxFuture<'static, LaneReport> {
    Box::pin(async move {
        std::thread::sleep(time);
        report()
    })
}

/// Whether it is ready when it is first looked at.
async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Came,
    Ran,
}

#[tokio::test]
async fn who_comes_is_looked_at_before_who_was_let_in_runs() {
    let (turns, seen) = (Arc::new(Turns::of(1)), Arc::new(Mutex::new(Vec::new())));
    let calls: Vec<_> = (0..500)
        .map(|_| {
            let (turns, seen) = (Arc::clone(&turns), Arc::clone(&seen));
            tokio::spawn(async move {
                seen.lock().unwrap().push(Seen::Came);
                let pace = Pace::default();
                let turn = turns.begin(&pace, late()).await.unwrap();
                seen.lock().unwrap().push(Seen::Ran);
                turns.run(busy(Duration::ZERO), turn, &pace, late()).await;
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let seen = seen.lock().unwrap();
    let last_came = seen.iter().rposition(|seen| *seen == Seen::Came).unwrap();
    let ran_before = seen[..last_came].iter().filter(|seen| **seen == Seen::Ran).count();
    // Those that found all turns free ran at once, until one of them gave way.
    assert_eq!(u64::try_from(ran_before).unwrap(), LONE_CALLS - 1);
    assert_eq!(seen.len(), 1_000, "all came and all ran");
}

#[tokio::test]
async fn who_waits_for_something_has_no_turn() {
    let (turns, pace) = (Turns::of(1), Pace::default());
    let mut hung = Vec::new();
    for _ in 0..3 {
        let turn = at_once(turns.begin(&pace, late())).await.expect("all are free").unwrap();
        let mut run = Box::pin(turns.run(Box::pin(std::future::pending()), turn, &pace, late()));
        assert!(at_once(run.as_mut()).await.is_none());
        hung.push(run);
    }
    assert_eq!(turns.quick.available_permits(), turns.quick_max);
}

#[tokio::test]
async fn turns_that_nobody_polls_hold_nobody_up() {
    let (turns, pace) = (Turns::of(1), Pace::default());
    let held: Vec<_> = (0..turns.quick_max).map(|_| turns.quick.try_acquire().unwrap()).collect();
    let turn = turns.begin(&pace, late()).await.unwrap();
    drop(turn);
    assert_eq!(turns.quick.available_permits(), 0, "it went without");
    drop(held);
}

#[tokio::test]
async fn who_waits_is_refused_at_the_deadline() {
    let (turns, pace) = (Turns::of(1), Pace::default());
    let _held: Vec<_> = (0..turns.quick_max).map(|_| turns.quick.try_acquire().unwrap()).collect();
    let refused = turns.begin(&pace, Instant::now() + Duration::from_millis(1)).await.unwrap_err();
    assert!(matches!(refused, Overloaded::WaitedInVain { .. }), "{refused}");
}

#[tokio::test]
async fn a_plugin_is_slow_after_two_slow_calls_and_quick_after_a_quick_one() {
    let (turns, pace) = (Turns::of(2), Pace::default());
    for (time, slow_after) in [(2, false), (2, true), (0, false), (2, false), (0, false), (2, false), (2, true)] {
        if time == 0 {
            // Not run: on a busy machine nothing is quick for certain.
            pace.tell(false);
        } else {
            let turn = turns.begin(&pace, late()).await.unwrap();
            turns.run(busy(QUICK_MAX * time), turn, &pace, late()).await;
        }
        assert_eq!(pace.is_slow(), slow_after);
    }
    let turn = turns.begin(&pace, late()).await.unwrap();
    assert_eq!(turns.quick.available_permits(), turns.quick_max, "its turn is none of the quick ones'");
    assert_eq!(turns.slow.available_permits() + turns.spare.available_permits(), 1);
    drop(turn);
}

#[tokio::test]
async fn a_slow_run_gives_its_turn_on_after_each_slice() {
    let (turns, slices) = (Turns::of(2), Mutex::new(Vec::new()));
    let call = |name: &'static str| {
        let (turns, slices) = (&turns, &slices);
        async move {
            let pace = Pace::default();
            let turn = turns.begin(&pace, late()).await.unwrap();
            let run = Box::pin(async move {
                for _ in 0..5 {
                    std::thread::sleep(2 * QUICK_MAX);
                    slices.lock().unwrap().push(name);
                    // Quick calls come all the time: there is one turn for both.
                    turns.last_quick.store(u64::MAX, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
                report()
            });
            turns.run(run, turn, &pace, late()).await;
        }
    };
    tokio::join!(call("one"), call("other"));
    let slices = slices.lock().unwrap();
    let kept = slices.windows(3).any(|three| three.iter().all(|name| *name == three[0]));
    assert!(!kept, "each in turn, in one order or the other: {slices:?}");
}

#[tokio::test]
async fn one_processor_is_kept_free_of_the_slow_while_quick_calls_come() {
    let turns = Turns::of(2);
    turns.last_quick.store(u64::MAX, Ordering::Relaxed);
    let first = at_once(turns.slice(late())).await;
    assert!(first.is_some() && at_once(turns.slice(late())).await.is_none());
    drop(turns.begin(&Pace::default(), late()).await.unwrap());
    tokio::time::sleep(QUICK_EXPECTED + Duration::from_millis(10)).await;
    assert!(at_once(turns.slice(late())).await.is_some(), "nobody needs it");
}
