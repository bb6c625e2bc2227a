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
/// Between two calls of the good plugin, which has something else to do: the machine is not full of it alone.
const PAUSE: Duration = Duration::from_micros(500);
/// Times that each neighbour has its turn, so that what else the machine does strikes all alike.
const ROUNDS: u32 = 3;

/// The first is sound, and called as often: what a neighbour costs that does nothing wrong.
const NEIGHBOURS: [&str; 6] =
    ["examples/hello", "hostile/spin", "hostile/sleeper", "hostile/log-flood", "hostile/stdout-flood", "hostile/trap"];

pub(crate) fn measure(text: &str, seconds: f64) {
    let seconds = seconds / f64::from(ROUNDS);
    for (name, breaker) in [("breaker as by default", ""), ("no breaker", "[breaker]\nfailures = 1000000\n")] {
        println!(
            "text-stats, 4 KiB, one caller, {name}, beside {NEIGHBOUR_CALLERS} callers of a neighbour; bar: p99 <= 1.20\n\
             call: from its first poll; asked: from when a thread outside asked for it"
        );
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(table(text, seconds, &format!("durability = 'relaxed'\n{breaker}")));
        println!();
    }
}

async fn table(text: &str, seconds: f64, config: &str) {
    let (_folder, gateway) = home::open(config).await;
    let good = home::install(&gateway, "examples/text-stats", |_| {}).await;
    let mut neighbours = Vec::new();
    for name in NEIGHBOURS {
        let places = u32::try_from(NEIGHBOUR_CALLERS).unwrap();
        let plugin = home::install(&gateway, name, |manifest| manifest.limits.max_concurrency = places).await;
        gateway.invoke(&plugin, request(Payload::text("go"))).await.unwrap();
        neighbours.push((name, plugin));
    }
    let served = Served { plugin: good, text: text.to_owned(), seconds, pause: PAUSE };
    beside(&gateway, &served, NEIGHBOUR_CALLERS, neighbours).await;
}

/// The good plugin, called again and again.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) plugin: PluginId,
    pub(crate) text: String,
    /// For so long beside each neighbour.
    pub(crate) seconds: f64,
    /// Between two calls.
    pub(crate) pause: Duration,
}

/// Calls the good plugin alone and beside each neighbour, which has so many callers, and prints a row for each.
pub(crate) async fn beside(gateway: &Gateway, good: &Served, callers: usize, bad: Vec<(&str, PluginId)>) {
    let seconds = good.seconds;
    let neighbours: Vec<(&str, Option<PluginId>)> =
        std::iter::once(("alone", None)).chain(bad.into_iter().map(|(name, plugin)| (name, Some(plugin)))).collect();
    serve(gateway, good).await;
    let mut took: Vec<(Took, f64)> = neighbours.iter().map(|_| Default::default()).collect();
    for _ in 0..ROUNDS {
        for ((_, neighbour), (took, calls)) in neighbours.iter().zip(&mut took) {
            let callers = neighbour.as_ref().map(|plugin| call_on(gateway, plugin, callers));
            took.extend(&serve(gateway, good).await);
            if let Some(callers) = callers {
                *calls += callers.stop().await / f64::from(ROUNDS) / seconds;
            }
        }
    }
    let columns = ["call p50", "p99 µs", "p50", "p99", "asked p50", "p99 µs", "p50", "p99", "its calls/s"];
    println!("{:<22}{}", "neighbour", columns.map(|column| format!(" {column:>11}")).concat());
    let alone = took[0].0.quantiles();
    for ((name, _), (took, calls)) in neighbours.iter().zip(&took) {
        let row = took.quantiles().into_iter().zip(&alone).map(|((p50, p99), alone)| {
            format!(" {p50:>11.0} {p99:>11.0} {:>11.2} {:>11.2}", p50 / alone.0, p99 / alone.1)
        });
        println!("{name:<22}{} {calls:>11.0}", row.collect::<String>());
    }
}

/// How long the good plugin's calls took.
#[derive(Default)]
struct Took {
    /// From the first poll of the call.
    call: Quantiles,
    /// From when a thread outside the runtime asked for it, as whoever reads a socket would: that the runtime comes
    /// to look at it is part of it.
    asked: Quantiles,
}

impl Took {
    fn extend(&mut self, other: &Self) {
        self.call.extend(&other.call);
        self.asked.extend(&other.asked);
    }

    fn quantiles(&self) -> [(f64, f64); 2] {
        [self.call.quantiles(), self.asked.quantiles()]
    }
}

async fn serve(gateway: &Gateway, served: &Served) -> Took {
    let (gateway, Served { plugin, text, seconds, pause }) = (gateway.clone(), served.clone());
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let runtime = tokio::runtime::Handle::current();
    let caller = tokio::task::spawn_blocking(move || {
        let mut took = Took::default();
        while Instant::now() < until {
            let (gateway, plugin, text) = (gateway.clone(), plugin.clone(), text.clone());
            let (sender, receiver) = std::sync::mpsc::channel();
            let asked = Instant::now();
            runtime.spawn(async move {
                let started = Instant::now();
                let answer = gateway.invoke(&plugin, request(Payload::text(text))).await.unwrap();
                assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
                let ended = Instant::now();
                sender.send((ended - started, ended - asked)).unwrap();
            });
            let (call, asked) = receiver.recv().unwrap();
            took.call.add(call);
            took.asked.add(asked);
            std::thread::sleep(pause);
        }
        took
    });
    caller.await.unwrap()
}

struct Callers(Vec<tokio::task::JoinHandle<()>>, std::sync::Arc<std::sync::atomic::AtomicU64>);

fn call_on(gateway: &Gateway, plugin: &PluginId, callers: usize) -> Callers {
    let made = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let caller = |number: usize| {
        let (gateway, plugin, made) = (gateway.clone(), plugin.clone(), std::sync::Arc::clone(&made));
        tokio::spawn(async move {
            // Not all at once: a burst of sound calls is a wait for others too.
            tokio::time::sleep(NEIGHBOUR_PAUSE.mul_f64(number as f64 / callers as f64)).await;
            loop {
                gateway.invoke(&plugin, request(Payload::text("go"))).await.unwrap();
                made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tokio::time::sleep(NEIGHBOUR_PAUSE).await;
            }
        })
    };
    Callers((0..callers).map(caller).collect(), made)
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
