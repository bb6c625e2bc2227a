//! What is measured, and the tables.

use std::time::{Duration, Instant};

use crate::cases::{SIZES, Work};

/// How one way of running plugins does one case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    pub(crate) way: String,
    pub(crate) work: String,
    pub(crate) size: String,
    /// Calls behind the quantiles.
    pub(crate) calls: usize,
    /// Microseconds.
    pub(crate) p50: f64,
    /// Microseconds.
    pub(crate) p99: f64,
    /// Calls per second by one caller on one thread, and by two on two; only where that was measured.
    pub(crate) rates: Option<[f64; 2]>,
    /// The same where many callers share two threads; only where that means something.
    pub(crate) rate_many: Option<f64>,
    /// Microseconds of processor time of one call, all threads of the process, by one caller.
    pub(crate) cpu: Option<f64>,
}

/// Calls, and what they took.
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    pub(crate) cpu_us: f64,
}

/// When calls were begun.
pub(crate) struct Begun {
    at: Instant,
    cpu: Duration,
}

impl Begun {
    pub(crate) fn now() -> Self {
        Self { at: Instant::now(), cpu: process_cpu() }
    }

    pub(crate) fn ended_after(self, calls: u64) -> Rate {
        let (took, cpu) = (self.at.elapsed(), process_cpu().saturating_sub(self.cpu));
        Rate { per_second: calls as f64 / took.as_secs_f64(), cpu_us: cpu.as_secs_f64() * 1e6 / calls as f64 }
    }
}

/// Processor time of all threads that live, in the scheduler's nanoseconds. Threads that ended are left out, so whoever
/// wants a figure lets none end in between.
fn process_cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let spent = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(spent.sum())
}

/// p50 and p99 in microseconds.
pub(crate) fn quantiles(took: &mut [Duration]) -> (f64, f64) {
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1e6;
    (at(50), at(99))
}

/// Prints every table.
pub(crate) fn print(cells: &[Cell]) {
    for work in Work::ALL {
        println!("\n### {}\n", work.title());
        println!(
            "| size | way | calls | p50 µs | p99 µs | calls/s, 1 thread | 2 threads | 2 threads, 64 callers | CPU µs per call |"
        );
        println!("|---|---|--:|--:|--:|--:|--:|--:|--:|");
        for (_, size) in SIZES {
            for cell in cells.iter().filter(|cell| cell.work == work.id() && cell.size == size) {
                let optional = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), figure);
                println!(
                    "| {size} | {} | {} | {} | {} | {} | {} | {} | {} |",
                    cell.way,
                    cell.calls,
                    figure(cell.p50),
                    figure(cell.p99),
                    optional(cell.rates.map(|rates| rates[0])),
                    optional(cell.rates.map(|rates| rates[1])),
                    optional(cell.rate_many),
                    optional(cell.cpu),
                );
            }
        }
    }
}

/// p50 of one way by p50 of the others, case by case.
pub(crate) fn print_ratios(cells: &[Cell], of: &str, by: &[&str]) {
    println!("\n### p50 of `{of}` divided by p50 of\n");
    println!("| work | size | {} |", by.join(" | "));
    println!("|---|---|{}", "--:|".repeat(by.len()));
    for work in Work::ALL {
        for (_, size) in SIZES {
            let p50 = |way: &str| {
                cells
                    .iter()
                    .find(|cell| cell.way == way && cell.work == work.id() && cell.size == size)
                    .map(|it| it.p50)
            };
            let Some(ours) = p50(of) else { continue };
            let ratios: Vec<_> = by
                .iter()
                .map(|way| p50(way).map_or_else(|| "–".to_owned(), |theirs| format!("{:.2}", ours / theirs)))
                .collect();
            println!("| {} | {size} | {} |", work.title(), ratios.join(" | "));
        }
    }
}

/// Three digits that count, as a person reads them.
pub(crate) fn figure(value: f64) -> String {
    match value {
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
