//! The wall clock goes backwards: while the gateway runs, and by a year between two runs.
//!
//! (Time within the ledger alone: `crates/ledger/tests/recovery.rs`.)

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use omega_contract::{Clock, Payload, Status, Timestamp};
use omega_gateway::{Gateway, Home, OpenOptions, SystemClock, request};
use omega_ledger::Strictness;

use super::survey::events;
use crate::harness::{Bench, id};

/// `limits.max_ms` of the plugin that never ends.
const SPIN_MAX: Duration = Duration::from_millis(100);
const DAY_MICROS: i64 = 24 * 3_600 * 1_000_000;

/// The machine's clock, set wrong by some microseconds; its monotonic side goes on as it does.
struct WrongClock {
    right: SystemClock,
    by_micros: AtomicI64,
}

impl WrongClock {
    fn by_days(days: i64) -> Arc<Self> {
        Arc::new(Self { right: SystemClock::default(), by_micros: AtomicI64::new(days * DAY_MICROS) })
    }
}

impl Clock for WrongClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.right.now().unix_micros() + self.by_micros.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.right.monotonic()
    }
}

async fn opened(home: &Home, clock: Arc<WrongClock>) -> Gateway {
    Gateway::open_with_clock(home, OpenOptions::default(), clock).await.unwrap()
}

fn check_times(home: &Home) -> Vec<String> {
    omega_ledger::verify(&home.ledger_dir(), &home.log_verifier_key().unwrap(), Strictness::Strict, |_| ()).unwrap();
    let events = events(home);
    assert!(events.is_sorted_by(|a, b| a.ts <= b.ts && a.event_id < b.event_id));
    events.into_iter().map(|event| event.ts).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_earlier_after_a_restart() {
    let bench = Bench::new().await;
    let hello = bench.install("examples/hello").await;
    bench.text(&hello, "Ada").await;
    let (home, _folder) = bench.closed();
    let before = check_times(&home);

    let gateway = opened(&home, WrongClock::by_days(-365)).await;
    let answer = gateway.invoke(&hello, request(Payload::text("Ada"))).await.unwrap();
    assert_eq!(answer.response.status, Status::Ok);
    gateway.disable_plugin(&hello).await.unwrap();
    gateway.enable_plugin(&hello, None).await.unwrap();
    assert!(gateway.admin().rebuild_registry().await.unwrap().identical);
    drop(gateway);
    let after = check_times(&home);
    // Time stands still where it would run back.
    assert!(after[before.len()..].iter().all(|ts| ts == before.last().unwrap()), "{after:?}");
}

/// Turned while calls are under way: deadlines and breakers go by the monotonic clock.
#[tokio::test(flavor = "multi_thread")]
async fn deadlines_and_breakers_do_not_see_the_wall_clock() {
    let bench = Bench::with_config("[breaker]\nfailures = 2\ncooldown_ms = 400\n").await;
    bench.install("examples/hello").await;
    let spin = bench.install("hostile/spin").await;
    let (home, _folder) = bench.closed();
    let clock = WrongClock::by_days(0);
    let gateway = opened(&home, Arc::clone(&clock)).await;
    let spun = async || {
        let mut asked = request(Payload::text("go"));
        asked.policy =
            Some(omega_contract::RequestPolicy { deterministic_only: false, timeout_ms: 5_000, max_retries: 0 });
        gateway.invoke(&spin, asked).await.unwrap()
    };
    let mut turned = [-365, 400, -30].into_iter();
    let mut turn = || clock.by_micros.store(turned.next().unwrap() * DAY_MICROS, Ordering::Relaxed);
    // A year back in the middle of a call: it ends when its time is over, not a year later.
    let (answer, ()) = futures_util::future::join(spun(), async {
        tokio::time::sleep(SPIN_MAX / 4).await;
        turn();
    })
    .await;
    assert_eq!(answer.response.status, Status::Timeout);
    // Far ahead in the middle of a call: it is not over at once.
    let began = Instant::now();
    let (answer, ()) = futures_util::future::join(spun(), async {
        tokio::time::sleep(SPIN_MAX / 4).await;
        turn();
    })
    .await;
    assert_eq!(answer.response.status, Status::Timeout);
    let took = began.elapsed();
    assert!(took >= SPIN_MAX, "a deadline never comes early: {took:?}");
    // The breaker is open: not for good after a step back, and it is a day ahead that closes nothing.
    let answer = spun().await;
    assert_eq!(answer.reason, Some(omega_contract::ErrorCode::CircuitOpen));
    turn();
    tokio::time::sleep(Duration::from_millis(450)).await;
    assert_eq!(spun().await.response.status, Status::Timeout, "the trial call runs");
    let answer = gateway.invoke(&id("hello"), request(Payload::text("Ada"))).await.unwrap();
    assert_eq!(answer.response.status, Status::Ok);
    drop(gateway);
    check_times(&home);
}
