//! Mixed load at one and a half times what the server can take, for a while: what does not come back?

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::client::{Connection, drive};
use crate::home::Served;

/// Connections that call.
const CALLERS: usize = 256;
/// Calls that measure the capacity.
const CAPACITY_CALLS: usize = 20_000;
/// How often what the process uses is looked at.
const LOOKS: u32 = 10;

#[derive(Default)]
struct Tally {
    ok: AtomicU64,
    refused: AtomicU64,
    other: AtomicU64,
}

/// Calls that are paced to 1.5 times the capacity, good and bad ones, beside lists, event readers that come and go, and
/// connections that are dropped in mid-call.
pub(crate) fn mixed_load(text: &str, time: Duration) {
    let runtime = crate::runtime();
    runtime.block_on(async {
        let served = Arc::new(Served::new("batch", "examples/text-stats").await);
        let calls = if time > Duration::from_secs(10) { CAPACITY_CALLS } else { 100 };
        let (capacity, _) = drive(served.address, served.request(text), 64, calls).await;
        let offered = capacity * 1.5;
        println!("mixed load for {time:?}: capacity {capacity:.0} calls/s, offered {offered:.0}");
        println!(
            "{:>8} {:>12} {:>12} {:>8} {:>14} {:>8} {:>8} {:>10}",
            "s", "ok/s", "refused/s", "other", "resident MiB", "fds", "threads", "files"
        );
        let tally = Arc::new(Tally::default());
        let until = Instant::now() + time;
        let mut tasks = tokio::task::JoinSet::new();
        let pause = Duration::from_secs_f64(CALLERS as f64 / offered);
        for caller in 0..CALLERS {
            tasks.spawn(call(Arc::clone(&served), text.to_owned(), Arc::clone(&tally), (caller, pause, until)));
        }
        tasks.spawn(come_and_go(Arc::clone(&served), text.to_owned(), until));
        let mut before = (0, 0);
        for look in 1..=LOOKS {
            tokio::time::sleep(time / LOOKS).await;
            let (ok, refused) = (tally.ok.load(Ordering::Relaxed), tally.refused.load(Ordering::Relaxed));
            let seconds = (time / LOOKS).as_secs_f64();
            let (rate, refusals) = ((ok - before.0) as f64 / seconds, (refused - before.1) as f64 / seconds);
            before = (ok, refused);
            let at = (time / LOOKS * look).as_secs();
            let other = tally.other.load(Ordering::Relaxed);
            println!("{at:>8} {rate:>12.0} {refusals:>12.0} {other:>8} {}", usage(&served));
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        println!("{:>8} {:>12} {:>12} {:>8} {}\n", "after", "", "", "", usage(&served));
        let Ok(served) = Arc::try_unwrap(served) else { panic!("nobody else holds it") };
        served.stop().await;
    });
}

/// One connection's calls, each begun when its time has come; every tenth is one that a rule refuses.
async fn call(
    served: Arc<Served>,
    text: String,
    tally: Arc<Tally>,
    (caller, pause, until): (usize, Duration, Instant),
) {
    let good = served.request(&text);
    let mut good = Connection::to(served.address, good).await;
    let mut bad = Connection::to(served.address, served.unfit()).await;
    let mut next = Instant::now() + pause.mul_f64(fastrand::f64());
    let mut count = caller;
    while Instant::now() < until {
        tokio::time::sleep_until(next.into()).await;
        next += pause;
        count += 1;
        let status = if count.is_multiple_of(10) { bad.status().await } else { good.status().await };
        let counter = match status {
            200 => &tally.ok,
            422 | 429 | 503 => &tally.refused,
            _ => &tally.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Readers of the stream, lists, and clients that go away before they have their answer.
async fn come_and_go(served: Arc<Served>, text: String, until: Instant) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let get = |path: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n", served.address, served.token)
    };
    while Instant::now() < until {
        for bytes in [get("/v1/plugins"), get("/v1/ledger/events"), get("/v1/events"), get("/metrics")] {
            let mut stream = tokio::net::TcpStream::connect(served.address).await.unwrap();
            stream.write_all(bytes.as_bytes()).await.unwrap();
            let mut some = [0; 16 * 1024];
            assert_ne!(stream.read(&mut some).await.unwrap(), 0);
        }
        for _ in 0..4 {
            let mut stream = tokio::net::TcpStream::connect(served.address).await.unwrap();
            stream.write_all(&served.request(&text)).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What the process uses, and how many files its home has.
fn usage(served: &Served) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        line.split_whitespace().next().and_then(|digits| digits.parse::<u64>().ok()).unwrap_or(0)
    };
    let fds = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    format!(
        "{:>14.1} {fds:>8} {:>8} {:>10}",
        number("VmRSS:") as f64 / 1024.0,
        number("Threads:"),
        files(served.gateway.home().path())
    )
}

fn files(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}
