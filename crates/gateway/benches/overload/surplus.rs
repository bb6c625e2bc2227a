//! Twice the capacity: what is served, how soon the surplus is told no, what memory it takes.
//!
//! The capacity is the most that is served of calls that come by themselves, as those of the overload do. It is found
//! twice: with blanks that make up for the arrivals that the overload has more (then all that differs is what the
//! gateway does), and without (then making and spawning a second arrival for each counts as the gateway's loss).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::generator::{Asked, Load, offer};
use crate::home;

/// As many callers as the plugin has places (its `max_concurrency`).
const CALLERS: usize = 100;
/// What the capacity is looked for at, as shares of what callers that wait for their answers get.
const SHARES: [f64; 5] = [0.8, 0.87, 0.94, 1.01, 1.08];

pub(crate) fn measure(text: &str, seconds: f64) {
    println!("twice the capacity: text-stats, 4 KiB, {CALLERS} places; bars: ratio >= 0.90, refused p99 <= 5 ms");
    println!("capacity: the most that is served of calls that come by themselves, among as many blanks;");
    println!("bare: without the blanks; closed: by {CALLERS} callers that wait for their answers");
    let columns = [
        "closed/s",
        "bare/s",
        "capac./s",
        "offered/s",
        "served/s",
        "ratio",
        "÷ bare",
        "served",
        "served",
        "refused",
        "refused",
        "late",
        "resident",
    ];
    let units = ["", "", "", "", "", "", "", "p50 ms", "p99 ms", "p50 ms", "p99 ms", "p99 ms", "+ MiB"];
    println!("{:<8}{}", "", columns.map(|column| format!(" {column:>9}")).concat());
    println!("{:<8}{}", "", units.map(|unit| format!(" {unit:>9}")).concat());
    for durability in ["relaxed", "batch"] {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(line(durability, text, seconds));
    }
    println!();
}

async fn line(durability: &str, text: &str, seconds: f64) {
    // A queue that holds about a hundredth of a second of work: what waits in it is served in time.
    let config = format!("durability = {durability:?}\n[quotas]\nqueue_max = 200\n");
    let (_folder, gateway) = home::open(&config).await;
    let plugin = home::install(&gateway, "examples/text-stats", |_| {}).await;
    let asked = Asked { gateway, plugin, text: text.into() };
    closed_loop(&asked, seconds / 4.0).await;
    let closed = closed_loop(&asked, seconds / 4.0).await;
    let (mut bare, mut capacity) = (0.0_f64, 0.0_f64);
    for rate in SHARES.map(|share| share * closed) {
        bare = bare.max(offer(&asked, (rate, 0.0), seconds / 4.0).await.served_rate);
        capacity = capacity.max(offer(&asked, (rate, rate), seconds / 4.0).await.served_rate);
    }
    let load = offer(&asked, (2.0 * capacity, 0.0), seconds).await;
    let Load { offered_rate, served_rate, served, refused, late, growth_bytes } = load;
    let rates = [closed, bare, capacity, offered_rate, served_rate].map(|rate| format!(" {rate:>9.0}"));
    let ratios = [served_rate / capacity, served_rate / bare].map(|ratio| format!(" {ratio:>9.2}"));
    let times = [served.quantiles().0, served.quantiles().1, refused.quantiles().0, refused.quantiles().1];
    let times = times.map(|took| format!(" {:>9.2}", took / 1e3));
    let (late, growth) = (late.quantiles().1 / 1e3, growth_bytes / f64::from(1 << 20));
    println!("{durability:<8}{}{}{} {late:>9.2} {growth:>9.1}", rates.concat(), ratios.concat(), times.concat());
}

/// Calls of the second, by callers that each wait for their answer.
async fn closed_loop(asked: &Asked, seconds: f64) -> f64 {
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let started = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (asked, stop, served) = (asked.clone(), Arc::clone(&stop), Arc::clone(&served));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    assert!(asked.call().await, "there is a place for each");
                    served.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    served.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
}
