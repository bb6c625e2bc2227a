//! The gateway beside Extism and Node on the same work: see README.md for what is compared and what is not equal.
//!
//! `cargo run --release -- [--svg DIR] [--quick] [--no-memory] [--no-node]`

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

mod cases;
mod extism_peer;
mod figures;
mod guests;
mod memory;
mod node;
mod ours;
mod plots;
mod svg;

use std::path::PathBuf;
use std::time::Duration;

use cases::{Case, SIZES, Work};
use extism_peer::{ExtismPeer, Use};
use figures::{Cell, Rate, figure, print, print_ratios, quantiles};
use ours::{Ours, Reading};

/// A call whose caller has its JSON as a payload already.
const HELD: &str = "gateway, relaxed, payload made before";

/// Blocks of each way, in turn.
const ROUNDS: usize = 6;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let after = |flag: &str| arguments.iter().skip_while(|argument| *argument != flag).nth(1);
    if let Some(way) = after(memory::FLAG) {
        let size = arguments.last().and_then(|size| size.parse().ok()).expect("--memory WAY SIZE");
        return memory::one(way, size);
    }
    guests::build();
    if let Some(profiled) = after("--profile") {
        return profile(profiled);
    }
    let block = Duration::from_millis(if has("--quick") { 5 } else { 60 });
    let cases = Case::all();
    let mut cells = in_process(&cases, block);
    let found = if has("--no-node") { None } else { node::measure(&cases, block.as_secs_f64() * 12.0) };
    let mut live = if has("--no-memory") { Vec::new() } else { memory::measure() };
    if let Some(found) = found {
        println!("Node {}", found.version);
        cells.extend(found.cells);
        let bytes = |size: &str| found.memory.get(size).copied().unwrap_or_default();
        live.push((node::NAME, SIZES.map(|(_, size)| bytes(size))));
    }
    print(&cells);
    let fresh = ExtismPeer::name_of(Use::Fresh);
    let others = [fresh, ExtismPeer::name_of(Use::FreshPooled), ExtismPeer::name_of(Use::Warm), node::NAME];
    print_ratios(&cells, "gateway, relaxed", &others);
    print_ratios(&cells, HELD, &others);
    print_ratios(&cells, "gateway, batch", &others);
    println!("\n### memory of a live call, KiB (echo)\n\n| way | {} |", SIZES.map(|(_, size)| size).join(" | "));
    println!("|---|--:|--:|--:|--:|");
    for (way, bytes) in &live {
        println!("| {way} | {} |", bytes.map(|bytes| figure(bytes / 1024.0)).join(" | "));
    }
    if let Some(folder) = after("--svg") {
        plots::write(&PathBuf::from(folder), &cells, &live);
    }
}

/// The gateway and Extism, in one process and in turn, so that whatever else the machine does strikes all alike.
fn in_process(cases: &[Case], block: Duration) -> Vec<Cell> {
    let gateways = ["relaxed", "batch"].map(|durability| (Ours::open(durability, 1), Ours::open(durability, 2)));
    let extisms = [Use::Fresh, Use::FreshPooled, Use::Warm].map(ExtismPeer::new);
    let mut cells = Vec::new();
    for case in cases {
        for (gateway, _) in &gateways {
            case.check(&gateway.name(), &gateway.once(case));
        }
        for extism in &extisms {
            case.check(extism.name(), &extism.once(case, None));
        }
        let mut took: [Vec<Duration>; 5] = Default::default();
        let (mut held, mut warming) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for ((gateway, _), took) in gateways.iter().zip(&mut took[..2]) {
                gateway.block(case, Reading::Counted, block / 6, &mut warming);
                gateway.block(case, Reading::Counted, block, took);
            }
            if case.work == Work::Report {
                gateways[0].0.block(case, Reading::Before, block / 6, &mut warming);
                gateways[0].0.block(case, Reading::Before, block, &mut held);
            }
            for (extism, took) in extisms.iter().zip(&mut took[2..]) {
                extism.block(case, block / 6, &mut warming);
                extism.block(case, block, took);
            }
        }
        let time = block * 3;
        let mut took = took.into_iter();
        for (one, two) in &gateways {
            let many = two.rate(case, 64, time);
            let rates = [one.rate(case, 1, time), two.rate(case, 2, time)];
            cells.push(cell(one.name(), case, took.next().unwrap_or_default(), Some(&rates), Some(many.per_second)));
        }
        if !held.is_empty() {
            cells.push(cell(HELD.to_owned(), case, held, None, None));
        }
        for extism in &extisms {
            let rates = [extism.rate(case, 1, time), extism.rate(case, 2, time)];
            cells.push(cell(extism.name().to_owned(), case, took.next().unwrap_or_default(), Some(&rates), None));
        }
    }
    cells
}

fn cell(way: String, case: &Case, mut took: Vec<Duration>, rates: Option<&[Rate; 2]>, rate_many: Option<f64>) -> Cell {
    let (p50, p99) = quantiles(&mut took);
    Cell {
        way,
        work: case.work.id().to_owned(),
        size: case.size.to_owned(),
        calls: took.len(),
        p50,
        p99,
        rates: rates.map(|rates| [rates[0].per_second, rates[1].per_second]),
        rate_many,
        cpu: rates.map(|rates| rates[0].cpu_us),
    }
}

/// Calls of one case alone for ten seconds, for `perf record`: `--profile gateway:report:3`, or `fresh`, or `warm`.
fn profile(wanted: &str) {
    let mut parts = wanted.split(':');
    let (way, work) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let size = parts.next().and_then(|size| size.parse::<usize>().ok()).unwrap_or_default();
    let cases = Case::all();
    let case = cases.iter().find(|case| case.work.id() == work && case.size == SIZES[size].1).expect("WAY:WORK:0..=3");
    let (time, mut took) = (Duration::from_secs(10), Vec::new());
    match way {
        "gateway" => Ours::open("relaxed", 1).block(case, Reading::Counted, time, &mut took),
        "held" => Ours::open("relaxed", 1).block(case, Reading::Before, time, &mut took),
        "warm" => ExtismPeer::new(Use::Warm).block(case, time, &mut took),
        "pooled" => ExtismPeer::new(Use::FreshPooled).block(case, time, &mut took),
        _ => ExtismPeer::new(Use::Fresh).block(case, time, &mut took),
    }
    let (p50, p99) = quantiles(&mut took);
    println!("{wanted}: {} calls, p50 {p50:.1} µs, p99 {p99:.1} µs", took.len());
}
