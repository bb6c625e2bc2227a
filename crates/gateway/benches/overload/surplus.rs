//! Twice the capacity: what is served, how soon the surplus is told no, what memory it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use omega_contract::{ErrorCode, Payload, PluginId, RequestPolicy, Status};
use omega_gateway::{Answer, Gateway, request};

use crate::{Quantiles, home, resident_bytes};

/// As many callers as the plugin has places (its `max_concurrency`).
const CALLERS: usize = 100;
/// How often the open-loop generator looks for arrivals that are due.
const PACE: Duration = Duration::from_micros(250);

pub(crate) fn measure(text: &str, seconds: f64) {
    println!("twice the capacity: text-stats, 4 KiB, {CALLERS} places; bars: ratio >= 0.90, refusal p99 <= 5 ms");
    println!(
        "{:<9} {:>10} {:>9} {:>9} {:>7} {:>9} {:>9} {:>9} {:>9} {:>10} {:>9}",
        "", "peak/s", "offered/s", "served/s", "ratio", "served", "served", "refused", "refused", "resident", "growth"
    );
    println!(
        "{:<9} {:>10} {:>9} {:>9} {:>7} {:>9} {:>9} {:>9} {:>9} {:>10} {:>9}",
        "", "", "", "", "", "p50 ms", "p99 ms", "p50 ms", "p99 ms", "MiB", "MiB"
    );
    for durability in ["relaxed", "batch"] {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // A queue that holds about a tenth of a second of work: what waits in it is served in time.
            let config = format!("durability = {durability:?}\n[quotas]\nqueue_max = 200\n");
            let (_folder, gateway) = home::open(&config).await;
            let plugin = home::install(&gateway, "examples/text-stats", |_| {}).await;
            closed_loop(&gateway, &plugin, text, seconds / 4.0).await;
            let peak = closed_loop(&gateway, &plugin, text, seconds).await;
            let before = resident_bytes();
            let load = open_loop(&gateway, &plugin, text, 2.0 * peak, seconds).await;
            let after = resident_bytes();
            let (served, refused) = (load.served.quantiles(), load.refused.quantiles());
            let mib = |bytes: f64| bytes / f64::from(1 << 20);
            println!(
                "{durability:<9} {peak:>10.0} {:>9.0} {:>9.0} {:>7.2} {:>9.2} {:>9.2} {:>9.3} {:>9.3} {:>10.0} {:>9.1}",
                load.offered_rate,
                load.served_rate,
                load.served_rate / peak,
                served.0 / 1e3,
                served.1 / 1e3,
                refused.0 / 1e3,
                refused.1 / 1e3,
                mib(before),
                mib(after - before),
            );
        });
    }
    println!();
}

/// Calls of the second, by callers that each wait for their answer.
async fn closed_loop(gateway: &Gateway, plugin: &PluginId, text: &str, seconds: f64) -> f64 {
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let started = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (gateway, plugin, text) = (gateway.clone(), plugin.clone(), text.to_owned());
            let (stop, served) = (Arc::clone(&stop), Arc::clone(&served));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let answer = call(&gateway, &plugin, &text).await;
                    assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
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

async fn call(gateway: &Gateway, plugin: &PluginId, text: &str) -> Answer {
    let mut asked = request(Payload::text(text));
    asked.policy = Some(RequestPolicy { deterministic_only: false, timeout_ms: 10_000, max_retries: 0 });
    gateway.invoke(plugin, asked).await.unwrap()
}

struct Load {
    offered_rate: f64,
    served_rate: f64,
    served: Quantiles,
    refused: Quantiles,
}

/// Calls that come at this rate, whether or not the earlier ones were answered. Each one's time is counted
/// from the moment it was due.
async fn open_loop(gateway: &Gateway, plugin: &PluginId, text: &str, rate: f64, seconds: f64) -> Load {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let runtime = tokio::runtime::Handle::current();
    let (gateway, plugin, text) = (gateway.clone(), plugin.clone(), Arc::<str>::from(text));
    let started = Instant::now();
    let generator = std::thread::spawn(move || {
        let mut offered = 0_u64;
        while started.elapsed().as_secs_f64() < seconds {
            while Duration::from_secs_f64(offered as f64 / rate) <= started.elapsed() {
                let due = started + Duration::from_secs_f64(offered as f64 / rate);
                let (gateway, plugin, text) = (gateway.clone(), plugin.clone(), Arc::clone(&text));
                let sender = sender.clone();
                runtime.spawn(async move {
                    let answer = call(&gateway, &plugin, &text).await;
                    let refused = match (answer.response.status, answer.reason) {
                        (Status::Ok, _) => false,
                        (Status::Rejected, Some(ErrorCode::Overloaded)) => true,
                        other => panic!("{other:?}: {}", answer.response.notes),
                    };
                    let ended = Instant::now();
                    sender.send((refused, ended.duration_since(due), ended.duration_since(started))).unwrap();
                });
                offered += 1;
            }
            std::thread::sleep(PACE);
        }
        offered
    });
    let (mut served, mut refused) = (Quantiles::default(), Quantiles::default());
    let mut served_in_time = 0_u64;
    while let Some((no, took, ended)) = receiver.recv().await {
        if no {
            refused.add(took);
        } else {
            served.add(took);
            served_in_time += u64::from(ended.as_secs_f64() < seconds);
        }
    }
    let offered = generator.join().unwrap();
    Load { offered_rate: offered as f64 / seconds, served_rate: served_in_time as f64 / seconds, served, refused }
}
