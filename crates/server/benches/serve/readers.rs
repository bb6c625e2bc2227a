//! What readers of the event stream cost those who append.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use omega_gateway::contract::{Payload, Status};
use omega_gateway::request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::home::Served;

/// Callers that append.
const CALLERS: usize = 64;

/// Calls a second without readers, with them, and without them again: `millis` each, several times in turn.
pub(crate) fn append_beside_readers(readers: usize, millis: usize) {
    let time = Duration::from_millis(millis as u64 / 5);
    println!(
        "{readers} readers of all events, {CALLERS} callers of examples/hello, batch durability, {time:?} in turn"
    );
    println!("{:<12} {:>16} {:>16} {:>10} {:>18}", "", "calls/s without", "calls/s with", "ratio", "events per reader");
    let runtime = crate::runtime();
    runtime.block_on(async {
        let served = Served::new("batch", "examples/hello").await;
        append(&served, time / 4).await;
        let mut ratios = Vec::new();
        for round in 1..=5 {
            let without = append(&served, time).await;
            let crowd = Crowd::new(&served, readers).await;
            let with = append(&served, time).await;
            let seen = crowd.leave().await;
            ratios.push(with / without);
            let each = seen as f64 / readers as f64;
            println!("{round:<12} {without:>16.0} {with:>16.0} {:>10.2} {each:>18.0}", with / without);
        }
        ratios.sort_unstable_by(f64::total_cmp);
        println!("{:<12} {:>44.2}\n", "median", ratios[ratios.len() / 2]);
        served.stop().await;
    });
}

/// Calls a second, two events each.
async fn append(served: &Served, time: Duration) -> f64 {
    let started = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..CALLERS {
        let (gateway, plugin) = (served.gateway.clone(), served.plugin.clone());
        tasks.push(tokio::spawn(async move {
            let mut calls = 0_u64;
            while started.elapsed() < time {
                let answer = gateway.invoke(&plugin, request(Payload::text("OMEGA"))).await.unwrap();
                assert_eq!(answer.response.status, Status::Ok);
                calls += 1;
            }
            calls
        }));
    }
    let mut calls = 0;
    for task in tasks {
        calls += task.await.unwrap();
    }
    calls as f64 / started.elapsed().as_secs_f64()
}

/// Readers on a thread of their own, which only count.
struct Crowd {
    leaving: Arc<AtomicBool>,
    seen: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Crowd {
    async fn new(served: &Served, readers: usize) -> Self {
        let (leaving, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (there, arrived) = tokio::sync::oneshot::channel();
        let request: Arc<str> = format!(
            "GET /v1/events HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\naccept: text/event-stream\r\n\r\n",
            served.address, served.token
        )
        .into();
        let (address, left, counted) = (served.address, Arc::clone(&leaving), Arc::clone(&seen));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut tasks = tokio::task::JoinSet::new();
                for _ in 0..readers {
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    stream.write_all(request.as_bytes()).await.unwrap();
                    let mut bytes = vec![0; 64 * 1024];
                    let read = stream.read(&mut bytes).await.unwrap();
                    assert!(bytes[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&bytes[..read]));
                    let counted = Arc::clone(&counted);
                    tasks.spawn(async move {
                        while let Ok(read @ 1..) = stream.read(&mut bytes).await {
                            let ends = memchr::memmem::find_iter(&bytes[..read], b"\n\nid: ").count();
                            counted.fetch_add(ends as u64, Ordering::Relaxed);
                        }
                    });
                }
                there.send(()).unwrap();
                while !left.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        });
        arrived.await.unwrap();
        Self { leaving, seen, thread }
    }

    /// How many events all of them saw, about.
    async fn leave(self) -> u64 {
        self.leaving.store(true, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || self.thread.join().unwrap()).await.unwrap();
        // What they held goes with them.
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.seen.load(Ordering::Relaxed)
    }
}
