//! What the HTTP door costs, beside an axum handler that only echoes the same bodies, in the same run.
//!
//! `cargo xtask guests && cargo bench -p omega-server --bench serve`. Without `--bench` (as `cargo test` runs it) only a
//! few rounds are made, to show that it works. Clients and servers share the machine's cores, as the echo's do.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot go on fails")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

mod apart;
mod client;
mod home;
mod readers;
mod soak;
mod usage;

use std::time::{Duration, Instant};

use omega_gateway::contract::{Payload, Status};
use omega_gateway::request;

use apart::Asker;
use home::{Echo, Served};

/// The one that the `omega` command has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections that ask at once.
const CONNECTIONS: usize = 64;
/// Calls of one kind in a row.
const BLOCK_CALLS: usize = 50;

fn main() {
    if apart::main() {
        return;
    }
    let measured = std::env::args().any(|argument| argument == "--bench");
    let scale = |full: usize| if measured { full } else { (full / 1_000).max(2) };
    let text = "The quick brown fox jumps over the lazy dog, twice.\n".repeat(80)[..4096].to_owned();
    let parts: [(&str, &dyn Fn()); 5] = [
        ("one", &|| one_call("examples/text-stats", &text, scale(10_000))),
        ("many", &|| many_calls("examples/text-stats", &text, scale(40_000))),
        ("many-small", &|| many_calls("examples/hello", "OMEGA", scale(80_000))),
        ("readers", &|| readers::append_beside_readers(scale(1_000), scale(10_000))),
        ("soak", &|| soak::mixed_load(&text, soak_time(measured))),
    ];
    // `cargo bench -p omega-server --bench serve -- one many` runs these two. The soak takes ten minutes and is run when
    // it is named; `--seconds=60` shortens it.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    for (name, part) in parts {
        let by_itself = wanted.is_empty() && (name != "soak" || !measured);
        if by_itself || wanted.iter().any(|wanted| wanted == name) {
            part();
        }
    }
}

/// Ten minutes, or what `--seconds=N` says.
fn soak_time(measured: bool) -> Duration {
    let given = std::env::args().find_map(|argument| argument.strip_prefix("--seconds=")?.parse().ok());
    Duration::from_secs(given.unwrap_or(if measured { 600 } else { 2 }))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

/// One keep-alive connection: the echo, the call in process, and the call over HTTP, in turn.
fn one_call(guest: &str, text: &str, rounds: usize) {
    println!("one call over HTTP keep-alive, {} bytes to {guest}, relaxed durability, {rounds} rounds", text.len());
    println!("{:<32} {:>9} {:>9}", "", "p50 µs", "p99 µs");
    let runtime = runtime();
    let (echo, served) = runtime.block_on(async { (Echo::new().await, Served::new("relaxed", guest).await) });
    let mut to_echo = Asker::new(echo.address, &echo.request(text));
    let mut to_server = Asker::new(served.address, &served.request(text));
    let mut to_look = Asker::new(served.address, &served.look());
    let here = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut pinged = apart::Ping::new();
    let [mut echoed, mut looked, mut called, mut woken, mut handed_over, mut over_http] = [const { Vec::new() }; 6];
    for _ in 0..rounds.div_ceil(BLOCK_CALLS) {
        echoed.extend(to_echo.ask(BLOCK_CALLS));
        looked.extend(to_look.ask(BLOCK_CALLS));
        for call in 0..2 * BLOCK_CALLS {
            let asked = request(Payload::text(text));
            let started = Instant::now();
            let answer = here.block_on(served.gateway.invoke(&served.plugin, asked)).unwrap();
            assert_eq!(answer.response.status, Status::Ok);
            note(&mut called, call, started);
        }
        for call in 0..2 * BLOCK_CALLS {
            let asked = request(Payload::text(text));
            pinged.once();
            let started = Instant::now();
            let answer = here.block_on(served.gateway.invoke(&served.plugin, asked)).unwrap();
            assert_eq!(answer.response.status, Status::Ok);
            note(&mut woken, call, started);
        }
        for call in 0..2 * BLOCK_CALLS {
            let (gateway, plugin, asked) =
                (served.gateway.clone(), served.plugin.clone(), request(Payload::text(text)));
            let started = Instant::now();
            let call_there = runtime.spawn(async move { gateway.invoke(&plugin, asked).await.unwrap() });
            assert_eq!(here.block_on(call_there).unwrap().response.status, Status::Ok);
            note(&mut handed_over, call, started);
        }
        over_http.extend(to_server.ask(BLOCK_CALLS));
    }
    let [echo, look, call, woken, there, http] = [echoed, looked, called, woken, handed_over, over_http].map(quantiles);
    for (what, (p50, p99)) in [
        ("echo over HTTP", echo),
        ("checkpoint over HTTP", look),
        ("call in process", call),
        ("call in process, after a wait", woken),
        ("call in process, other thread", there),
        ("call over HTTP", http),
    ] {
        println!("{what:<32} {p50:>9.1} {p99:>9.1}");
    }
    println!("{:<32} {:>9.1}", "beyond echo + call", http.0 - echo.0 - call.0);
    println!("{:<32} {:>9.1}\n", "beyond echo + call after a wait", http.0 - echo.0 - woken.0);
    runtime.block_on(served.stop());
}

/// The first calls of a block warm it up.
fn note(took: &mut Vec<Duration>, call: usize, started: Instant) {
    if call >= BLOCK_CALLS {
        took.push(started.elapsed());
    }
}

/// Many connections at once.
fn many_calls(guest: &str, text: &str, calls: usize) {
    println!("{CONNECTIONS} connections, {calls} calls of {guest} with {} bytes, all cores", text.len());
    println!(
        "{:<32} {:>12} {:>10} {:>10} {:>10} {:>18}",
        "", "calls/s", "p50 ms", "p99 ms", "of echo's", "processor µs here"
    );
    let runtime = runtime();
    let echo = runtime.block_on(Echo::new());
    let mut echo_rate = None;
    let mut line = |what: &str, run: &dyn Fn() -> (f64, Vec<Duration>)| {
        let before = usage::processor_time();
        let (rate, took) = run();
        // With what comes after: events are indexed once they are there.
        usage::settle();
        let used = usage::processor_time().saturating_sub(before).as_secs_f64() * 1e6 / calls as f64;
        let (p50, p99) = quantiles(took);
        let ratio = rate / *echo_rate.get_or_insert(rate);
        println!("{what:<32} {rate:>12.0} {:>10.2} {:>10.2} {ratio:>10.2} {used:>18.1}", p50 / 1e3, p99 / 1e3);
    };
    line("echo over HTTP", &|| apart::drive(echo.address, &echo.request(text), CONNECTIONS, calls));
    drop(echo);
    for durability in ["relaxed", "batch"] {
        let served = runtime.block_on(Served::new(durability, guest));
        let over_http = |calls| apart::drive(served.address, &served.request(text), CONNECTIONS, calls);
        over_http(calls / 10);
        usage::settle();
        line(&format!("in process, {durability}"), &|| runtime.block_on(served.in_process(text, CONNECTIONS, calls)));
        line(&format!("over HTTP, {durability}"), &|| over_http(calls));
        runtime.block_on(served.stop());
    }
    println!();
}

/// The 50th and 99th percentile, in microseconds.
fn quantiles(mut took: Vec<Duration>) -> (f64, f64) {
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    (at(0.5), at(0.99))
}
