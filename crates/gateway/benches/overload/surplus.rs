//! Twice the capacity: what is served, how soon the surplus is told no, what memory it takes.
//!
//! The capacity is the most that is served of calls that come by themselves, as those of the overload do. It is found
//! twice: with blanks that make up for the arrivals that the overload has more (then all that differs is what the
//! gateway does), and without (then making and spawning a second arrival for each counts as the gateway's loss).

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::generator::{Asked, Load, offer};
use crate::{Quantiles, home};

/// As many callers as the plugin has places (its `max_concurrency`).
const CALLERS: usize = 100;
/// What the capacity is looked for at, as shares of what callers that wait for their answers get.
const SHARES: [f64; 5] = [0.76, 0.84, 0.92, 1.0, 1.08];
/// Times that each load has its turn, so that what else the machine does, and the ledger's index that follows in steps,
/// strike all alike.
const ROUNDS: u32 = 4;

/// The bar for a refusal.
const REFUSAL_MAX: Duration = Duration::from_millis(5);
/// Name, unit, decimals.
const COLUMNS: [(&str, &str, usize); 16] = [
    ("closed/s", "", 0),
    ("bare/s", "", 0),
    ("capac./s", "", 0),
    ("offered/s", "", 0),
    ("served/s", "", 0),
    ("ratio", "", 2),
    ("÷ bare", "", 2),
    ("served", "p50 ms", 2),
    ("served", "p99 ms", 2),
    ("refused", "p50 ms", 2),
    ("refused", "p99 ms", 2),
    ("refused", "% <= 5 ms", 1),
    ("late", "p99 ms", 2),
    ("sync", "p50 ms", 2),
    ("sync", "p99 ms", 2),
    ("resident", "+ MiB", 1),
];

pub(crate) fn measure(text: &str, seconds: f64) {
    println!("twice the capacity: text-stats, 4 KiB, {CALLERS} places; bars: ratio >= 0.90, refused p99 <= 5 ms");
    println!("capacity: the most that is served of calls that come by themselves, among as many blanks;");
    println!("bare: without the blanks; closed: by {CALLERS} callers that wait for their answers;");
    println!("sync: 4 KiB appended to a file beside the home and synced, under the same load");
    println!("{:<8}{}", "", COLUMNS.map(|(name, ..)| format!(" {name:>9}")).concat());
    println!("{:<8}{}", "", COLUMNS.map(|(_, unit, _)| format!(" {unit:>9}")).concat());
    for durability in ["relaxed", "batch"] {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(line(durability, text, seconds));
    }
    println!();
}

async fn line(durability: &str, text: &str, seconds: f64) {
    // A queue that holds about a hundredth of a second of work: what waits in it is served in time.
    let config = format!("durability = {durability:?}\n[quotas]\nqueue_max = 200\n");
    let (folder, gateway) = home::open(&config).await;
    let plugin = home::install(&gateway, "examples/text-stats", |_| {}).await;
    let asked = Asked { gateway, plugin, text: text.into() };
    // The ledger's index begins once it is 200,000 events behind: what follows it is what lasts.
    closed_loop(&asked, seconds).await;
    let closed = closed_loop(&asked, seconds / 4.0).await;
    let (bare_best, best) = (most(&asked, closed, 0.0, seconds).await, most(&asked, closed, 1.0, seconds).await);
    let (mut bare, mut capacity, mut over) = (Load::default(), Load::default(), Load::default());
    let mut syncs = Quantiles::default();
    for _ in 0..ROUNDS {
        let seconds = seconds / f64::from(ROUNDS);
        bare.add(&offer(&asked, (bare_best, 0.0), seconds).await);
        capacity.add(&offer(&asked, (best, best), seconds).await);
        let twice = 2.0 * capacity.served_rate();
        let syncing = Syncing::begin(folder.path());
        over.add(&offer(&asked, (twice, 0.0), seconds).await);
        syncs.extend(&syncing.end());
    }
    let (served, refused, sync) = (over.served.quantiles(), over.refused.quantiles(), syncs.quantiles());
    let figures = [
        closed,
        bare.served_rate(),
        capacity.served_rate(),
        over.offered_rate(),
        over.served_rate(),
        over.served_rate() / capacity.served_rate(),
        over.served_rate() / bare.served_rate(),
        served.0 / 1e3,
        served.1 / 1e3,
        refused.0 / 1e3,
        refused.1 / 1e3,
        100.0 * over.refused.share_within(REFUSAL_MAX),
        over.late.quantiles().1 / 1e3,
        sync.0 / 1e3,
        sync.1 / 1e3,
        over.growth_bytes / f64::from(1 << 20),
    ];
    let row = COLUMNS.iter().zip(figures).map(|((.., decimals), figure)| format!(" {figure:>9.decimals$}"));
    println!("{durability:<8}{}", row.collect::<String>());
}

/// The rate of calls of which the most is served, with so many blanks to each.
async fn most(asked: &Asked, closed: f64, blanks: f64, seconds: f64) -> f64 {
    let mut best = (0.0, 0.0);
    for rate in SHARES.map(|share| share * closed) {
        let served = offer(asked, (rate, blanks * rate), seconds / 5.0).await.served_rate();
        if served > best.0 {
            best = (served, rate);
        }
    }
    best.1
}

/// Appends and syncs now and then: what a durable answer waits for at least.
struct Syncing {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Quantiles>,
}

impl Syncing {
    fn begin(folder: &Path) -> Self {
        let mut file = std::fs::File::create(folder.join("synced")).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut took = Quantiles::default();
            while !stopped.load(Ordering::Relaxed) {
                file.write_all(&[0; 4096]).unwrap();
                let started = Instant::now();
                file.sync_data().unwrap();
                took.add(started.elapsed());
                std::thread::sleep(Duration::from_millis(20));
            }
            took
        });
        Self { stop, thread }
    }

    fn end(self) -> Quantiles {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
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
