//! Events of the ledger, for people and for programs.

use omega_gateway::contract::Event;
use omega_gateway::ledger::PlacedEvent;
use serde_json::{Value, json};

use crate::output::{Cell, Side, Table, Tone};
use crate::show;

/// An event and where it stands.
pub(super) fn document(placed: &PlacedEvent) -> Value {
    json!({"index": placed.index, "event": placed.event})
}

/// One event a row.
pub(super) fn table(events: &[PlacedEvent]) -> Table {
    let mut table = Table::new(header());
    for placed in events {
        table.row(row(placed));
    }
    table
}

fn header() -> [(&'static str, Side); 6] {
    [
        ("INDEX", Side::Right),
        ("TIME", Side::Left),
        ("KIND", Side::Left),
        ("PLUGIN", Side::Left),
        ("WHAT", Side::Left),
        ("HASH", Side::Left),
    ]
}

fn row(placed: &PlacedEvent) -> [Cell; 6] {
    let event = &placed.event;
    [
        Cell::plain(placed.index.to_string()),
        Cell::plain(show::when(&event.ts)),
        show::kind(event.kind),
        Cell::new(Tone::Name, &event.plugin_id),
        Cell::plain(what(event)),
        Cell::faint(show::short(event.event_hash.to_hex().as_str())),
    ]
}

/// One event of a stream, on one line of its own.
pub(super) fn line(placed: &PlacedEvent) -> Vec<Cell> {
    let [index, time, kind, plugin, what, hash] = row(placed);
    let hash = Cell::faint(format!("[{}]", hash.text()));
    vec![Cell::plain(format!("{:>6}", index.text())), time, kind, plugin, what, hash]
}

/// What an event says beyond its kind, in a few words.
fn what(event: &Event) -> String {
    let meta = |key: &str| event.meta.get(key).map(String::as_str);
    let mut words: Vec<String> = Vec::new();
    for key in ["action", "reason", "version", "capability"] {
        words.extend(meta(key).map(ToOwned::to_owned));
    }
    if let Some(attempt) = meta("attempt").filter(|attempt| *attempt != "1") {
        words.push(format!("attempt {attempt}"));
    }
    if let Some(step) = meta("step").filter(|step| *step != "0") {
        words.push(format!("step {step}"));
    }
    if let Some(micros) = meta("duration_us") {
        words.push(format!("{micros} us"));
    }
    words.join(" ")
}
