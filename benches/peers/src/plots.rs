//! Which charts there are.

use std::path::Path;

use crate::cases::{SIZES, Work};
use crate::extism_peer::{ExtismPeer, Use};
use crate::figures::Cell;
use crate::svg::{Line, Panel, chart};

/// Writes the charts into the folder.
pub(crate) fn write(folder: &Path, cells: &[Cell], live: &[(&'static str, [f64; 4])]) {
    let sizes = SIZES.map(|(_, size)| size);
    std::fs::create_dir_all(folder).expect("the folder can be made");
    let put = |name: &str, text: String| std::fs::write(folder.join(name), text).expect("the folder can be written");
    put("latency.svg", chart("One call, p50 (lower is better)", "µs", &sizes, &panels(cells, |cell| cell.p50)));
    let two = panels(cells, |cell| cell.rate_many.unwrap_or_default().max(cell.rates.unwrap_or_default()[1]));
    put("throughput.svg", chart("Calls per second on two threads (higher is better)", "calls/s", &sizes, &two));
    if !live.is_empty() {
        let lines = live.iter().map(|(name, bytes)| Line {
            name: (*name).to_owned(),
            values: bytes.iter().map(|bytes| bytes / 1024.0).collect(),
        });
        let panel = Panel { title: "echo".to_owned(), note: String::new(), lines: lines.collect() };
        put("memory.svg", chart("Memory of a live call", "KiB", &sizes, &[panel]));
    }
}

/// A panel for each piece of work, a line for each way.
fn panels(cells: &[Cell], value: impl Fn(&Cell) -> f64) -> Vec<Panel> {
    let mut ways: Vec<&str> = Vec::new();
    // What was measured of one work alone is in the tables.
    for cell in cells.iter().filter(|cell| cell.rates.is_some()) {
        if !ways.contains(&cell.way.as_str()) {
            ways.push(&cell.way);
        }
    }
    let of = |work: Work, way: &str| {
        let in_order = SIZES.map(|(_, size)| {
            let cell = cells.iter().find(|cell| cell.way == way && cell.work == work.id() && cell.size == size);
            cell.map_or(0.0, &value)
        });
        Line { name: way.to_owned(), values: in_order.into() }
    };
    let panel = |work: Work| {
        let lines: Vec<Line> = ways.iter().map(|way| of(work, way)).collect();
        Panel { title: work.title().to_owned(), note: ratios(&lines), lines }
    };
    Work::ALL.into_iter().map(panel).collect()
}

/// The gateway by Extism's fresh instance, size by size.
fn ratios(lines: &[Line]) -> String {
    let find = |name: &str| lines.iter().find(|line| line.name == name);
    let (Some(ours), Some(theirs)) = (find("gateway, relaxed"), find(ExtismPeer::name_of(Use::Fresh))) else {
        return String::new();
    };
    let each: Vec<_> = ours.values.iter().zip(&theirs.values).map(|(a, b)| format!("{:.2}", a / b)).collect();
    format!("gateway, relaxed ÷ Extism fresh: {}", each.join(" · "))
}
