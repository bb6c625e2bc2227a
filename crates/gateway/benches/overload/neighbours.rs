//! One plugin's time beside another that hangs, floods or traps in every call.

use std::time::{Duration, Instant};

use omega_contract::{Payload, PluginId, Status};
use omega_gateway::{Gateway, request};

use crate::{Quantiles, home};

/// Callers of the neighbour: as many as it has places (its `max_concurrency`).
const NEIGHBOUR_CALLERS: usize = 16;
/// Between two calls of one of them: at most 1,600 calls of the second, so that what is measured is
/// what the plugin does and not how many calls the callers make.
const NEIGHBOUR_PAUSE: Duration = Duration::from_millis(10);
/// Times that each neighbour has its turn, so that what else the machine does strikes all alike.
const ROUNDS: u32 = 3;

/// The first is sound, and called as often: what a neighbour costs that does nothing wrong.
const NEIGHBOURS: [&str; 6] =
    ["examples/hello", "hostile/spin", "hostile/sleeper", "hostile/log-flood", "hostile/stdout-flood", "hostile/trap"];

pub(crate) fn measure(text: &str, seconds: f64) {
    let seconds = seconds / f64::from(ROUNDS);
    for (name, breaker) in [("breaker as by default", ""), ("no breaker", "[breaker]\nfailures = 1000000\n")] {
        println!(
            "text-stats, 4 KiB, one caller, {name}, beside {NEIGHBOUR_CALLERS} callers of a neighbour; bar: p99 <= 1.20"
        );
        println!("{:<22} {:>9} {:>9} {:>9} {:>9} {:>12}", "neighbour", "p50 µs", "p99 µs", "p50", "p99", "its calls/s");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(table(text, seconds, &format!("durability = 'relaxed'\n{breaker}")));
        println!();
    }
}

async fn table(text: &str, seconds: f64, config: &str) {
    let (_folder, gateway) = home::open(config).await;
    let good = home::install(&gateway, "examples/text-stats", |_| {}).await;
    let mut neighbours = vec![("alone", None)];
    for name in NEIGHBOURS {
        let places = u32::try_from(NEIGHBOUR_CALLERS).unwrap();
        let plugin = home::install(&gateway, name, |manifest| manifest.limits.max_concurrency = places).await;
        gateway.invoke(&plugin, request(Payload::text("go"))).await.unwrap();
        neighbours.push((name, Some(plugin)));
    }
    serve(&gateway, &good, text, seconds).await;
    let mut took: Vec<(Quantiles, f64)> = neighbours.iter().map(|_| Default::default()).collect();
    for _ in 0..ROUNDS {
        for ((_, neighbour), (took, calls)) in neighbours.iter().zip(&mut took) {
            let callers = neighbour.as_ref().map(|plugin| call_on(&gateway, plugin));
            took.extend(serve(&gateway, &good, text, seconds).await);
            if let Some(callers) = callers {
                *calls += callers.stop().await / f64::from(ROUNDS) / seconds;
            }
        }
    }
    let alone = took[0].0.quantiles();
    for ((name, _), (took, calls)) in neighbours.iter().zip(&took) {
        let (p50, p99) = took.quantiles();
        println!("{name:<22} {p50:>9.0} {p99:>9.0} {:>9.2} {:>9.2} {calls:>12.0}", p50 / alone.0, p99 / alone.1);
    }
}

/// The good plugin, called again and again for so long.
async fn serve(gateway: &Gateway, plugin: &PluginId, text: &str, seconds: f64) -> Quantiles {
    let (gateway, plugin, text) = (gateway.clone(), plugin.clone(), text.to_owned());
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let caller = tokio::spawn(async move {
        let mut took = Quantiles::default();
        while Instant::now() < until {
            let started = Instant::now();
            let answer = gateway.invoke(&plugin, request(Payload::text(text.as_str()))).await.unwrap();
            assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
            took.add(started.elapsed());
            // A caller with something else to do: the machine is not full of the good plugin alone.
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        took
    });
    caller.await.unwrap()
}

struct Callers(Vec<tokio::task::JoinHandle<()>>, std::sync::Arc<std::sync::atomic::AtomicU64>);

fn call_on(gateway: &Gateway, plugin: &PluginId) -> Callers {
    let made = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let caller = |_| {
        let (gateway, plugin, made) = (gateway.clone(), plugin.clone(), std::sync::Arc::clone(&made));
        tokio::spawn(async move {
            loop {
                gateway.invoke(&plugin, request(Payload::text("go"))).await.unwrap();
                made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tokio::time::sleep(NEIGHBOUR_PAUSE).await;
            }
        })
    };
    Callers((0..NEIGHBOUR_CALLERS).map(caller).collect(), made)
}

impl Callers {
    /// Ends them, their calls too; gives how many calls were answered.
    async fn stop(self) -> f64 {
        for caller in &self.0 {
            caller.abort();
        }
        for caller in self.0 {
            assert!(caller.await.is_err_and(|error| error.is_cancelled()), "a caller of the neighbour failed");
        }
        self.1.load(std::sync::atomic::Ordering::Relaxed) as f64
    }
}
