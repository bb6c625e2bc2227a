//! What is measured, each part in a process of its own.

use std::path::Path;
use std::time::{Duration, Instant};

use omega_contract::plugin_info::{PluginInfo, PluginStatus};
use omega_contract::{Payload, PluginRef, Status};
use omega_gateway::{Gateway, Home, HomeReader, OpenOptions, Page, PluginFilter, request};

use crate::home::plugin_id;

/// The parts, in their order.
pub(crate) const NAMES: [&str; 4] = ["open", "look", "call", "rebuild"];

const PAGE_ROWS: u32 = 100;
/// Plugins that are called for the first time.
const FIRST_CALLS: usize = 50;

/// Measures one part and prints its figures.
pub(crate) fn measure(part: &str, path: &Path) {
    let home = Home::open(path).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match part {
            "open" => open(&home).await,
            "look" => look(&home),
            "call" => call(&home).await,
            "rebuild" => rebuild(&home).await,
            other => panic!("no part {other}"),
        }
    });
}

fn print(name: &str, value: f64, unit: &str) {
    println!("{name}\t{value}\t{unit}");
}

fn print_ms(name: &str, took: Duration) {
    print(name, took.as_secs_f64() * 1e3, "ms");
}

/// Megabytes of this process that are in memory; none where the system does not say.
fn resident_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok().map(|kib| kib * 1024.0 / 1e6)
}

fn print_resident(name: &str) {
    if let Some(megabytes) = resident_mb() {
        print(name, megabytes, "MB");
    }
}

async fn opened(home: &Home) -> Gateway {
    Gateway::open(home, OpenOptions::default()).await.unwrap()
}

async fn open(home: &Home) {
    let started = Instant::now();
    let gateway = opened(home).await;
    print_ms("open", started.elapsed());
    // Longer than any of its threads waits before it looks for work.
    tokio::time::sleep(Duration::from_secs(1)).await;
    print_resident("idle after opening");
    let started = Instant::now();
    drop(gateway);
    print_ms("close", started.elapsed());
}

fn look(home: &Home) {
    let started = Instant::now();
    let reader = HomeReader::open(home).unwrap();
    print_ms("open to look", started.elapsed());
    let every = PluginFilter::default();
    let whole = walk(&reader, &every);
    print("plugins in all pages", whole.len() as f64, "");
    let enabled = PluginFilter { status: Some(PluginStatus::Enabled), ..PluginFilter::default() };
    let of_enabled = walk(&reader, &enabled);
    for (name, filter, list, share) in [
        ("page of 100, first", &every, &whole, 0),
        ("page of 100, middle", &every, &whole, 50),
        ("page of 100, last", &every, &whole, 99),
        ("page of 100, enabled, last", &enabled, &of_enabled, 99),
    ] {
        let after = list.get((list.len() * share / 100).wrapping_sub(1)).map(place);
        // A reader of its own: the first question that it is asked.
        let reader = HomeReader::open(home).unwrap();
        let started = Instant::now();
        let rows = reader.list_plugins(filter, &Page { after, rows_max: PAGE_ROWS }).unwrap();
        print_ms(name, started.elapsed());
        assert!(!rows.is_empty());
    }
    let rejected = PluginFilter { status: Some(PluginStatus::Rejected), ..PluginFilter::default() };
    let started = Instant::now();
    assert!(reader.list_plugins(&rejected, &Page::first(PAGE_ROWS)).unwrap().is_empty());
    print_ms("page of the rejected (none)", started.elapsed());
    let reference = PluginRef { plugin_id: whole[whole.len() / 2].plugin_id.clone(), version: None };
    let started = Instant::now();
    assert!(reader.plugin_details(&reference).unwrap().manifest.is_some());
    print_ms("info of one", started.elapsed());
    print_resident("after looking");
}

/// Every row, page by page.
fn walk(reader: &HomeReader, filter: &PluginFilter) -> Vec<PluginInfo> {
    let mut list: Vec<PluginInfo> = Vec::new();
    loop {
        let page = Page { after: list.last().map(place), rows_max: 1_000 };
        let rows = reader.list_plugins(filter, &page).unwrap();
        if rows.is_empty() {
            return list;
        }
        list.extend(rows.into_iter().map(|row| row.info));
    }
}

fn place(info: &PluginInfo) -> (omega_contract::PluginId, semver::Version, omega_contract::Sha256Hex) {
    (info.plugin_id.clone(), info.version.clone(), info.package_digest)
}

async fn call(home: &Home) {
    let gateway = opened(home).await;
    let enabled = PluginFilter { status: Some(PluginStatus::Enabled), ..PluginFilter::default() };
    let programs = gateway.list_plugins(&enabled, &Page::first(u32::MAX)).unwrap().len();
    // Not in the order in which they were compiled.
    let numbers = (0..programs.min(FIRST_CALLS)).map(|number| number * 37 % programs);
    let mut took = Vec::new();
    for number in numbers.collect::<std::collections::BTreeSet<_>>() {
        let started = Instant::now();
        let answer = gateway.invoke(&plugin_id(number), request(Payload::text("Ada"))).await.unwrap();
        took.push(started.elapsed());
        assert_eq!(answer.response.status, Status::Ok, "{}", answer.response.notes);
    }
    print_ms("first call in this process", took.remove(0));
    took.sort_unstable();
    print_ms("first call of another plugin", took[took.len() / 2]);
    print_ms("  the slowest of them", took[took.len() - 1]);
    print_resident(&format!("after {} plugins were called", took.len() + 1));
}

async fn rebuild(home: &Home) {
    let gateway = opened(home).await;
    let started = Instant::now();
    let report = gateway.admin().rebuild_registry().await.unwrap();
    print_ms("registry rebuild", started.elapsed());
    assert!(report.identical);
    print_resident("after the rebuild");
}
