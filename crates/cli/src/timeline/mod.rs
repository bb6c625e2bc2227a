//! When what happened in a run: one row for each attempt and each refusal, grouped by request.
//!
//! Text and pages draw it, each in its own way. What never happens here: a time that no event states.

mod draw;

use std::collections::BTreeMap;

use omega_gateway::contract::{Event, EventKind, Timestamp};
use omega_gateway::ledger::PlacedEvent;
use serde::Serialize;

pub(crate) use draw::{Glyphs, lines, time};

/// A run on its own time axis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Timeline {
    /// When its first event was recorded.
    pub(crate) began_at: Timestamp,
    /// From there to the last event that is no export of a proof, in microseconds.
    pub(crate) total_us: u64,
    /// By request in the order of their first events; within one by step and attempt.
    pub(crate) rows: Vec<Row>,
}

/// One attempt, or one refusal before anything ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    pub(crate) request_id: String,
    pub(crate) plugin_id: String,
    pub(crate) step: u32,
    /// None: nothing ran.
    pub(crate) attempt: Option<u32>,
    /// From the run's first event.
    pub(crate) start_us: u64,
    /// In the sandbox, where the plugin's log level tells; else from INVOKE to outcome.
    pub(crate) duration_us: u64,
    pub(crate) measured: Measured,
    pub(crate) ending: Ending,
    /// The code where it did not end well.
    pub(crate) reason: Option<String>,
    /// The INVOKE, or the refusal.
    pub(crate) event_index: u64,
    /// The outcome, where there is one and it is another event.
    pub(crate) outcome_index: Option<u64>,
    /// What it read through the gateway.
    pub(crate) uses: Vec<BrokerUse>,
}

/// Where a duration is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measured {
    /// The lane's own measure.
    InSandbox,
    /// The time between two events.
    BetweenEvents,
}

/// How a row ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    Ok,
    /// A rule said no, before or after it ran.
    Rejected,
    Timeout,
    Error,
    /// No outcome yet.
    Open,
}

impl Ending {
    /// The word for people.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::Error => "error",
            Self::Open => "open",
        }
    }

    fn of(event: &Event) -> Self {
        match event.kind {
            EventKind::Result => Self::Ok,
            EventKind::Reject => Self::Rejected,
            _ if event.meta.get("reason").is_some_and(|reason| reason == "timeout") => Self::Timeout,
            _ => Self::Error,
        }
    }
}

/// One broker that an attempt asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BrokerUse {
    pub(crate) broker: String,
    pub(crate) uses: u64,
    pub(crate) bytes: u64,
}

/// What names an attempt within a run.
type Key = (String, u32, Option<u32>);

impl Timeline {
    /// The timeline of one run's events, oldest first; none where there is no event.
    pub(crate) fn of(events: &[PlacedEvent]) -> Option<Self> {
        let began_at = events.first()?.event.ts.parse::<Timestamp>().unwrap_or(Timestamp::EPOCH);
        let since = |event: &Event| {
            let at = event.ts.parse::<Timestamp>().map_or(0, Timestamp::unix_micros);
            u64::try_from(at.saturating_sub(began_at.unix_micros())).unwrap_or(0)
        };
        let mut rows: Vec<Row> = Vec::new();
        let mut open: BTreeMap<Key, usize> = BTreeMap::new();
        for placed in events {
            let (event, at_us) = (&placed.event, since(&placed.event));
            let key = key_of(event);
            match event.kind {
                EventKind::Invoke => {
                    open.insert(key, rows.len());
                    rows.push(row(placed, at_us, Ending::Open));
                }
                EventKind::Broker => {
                    if let Some(row) = open.get(&key).and_then(|at| rows.get_mut(*at)) {
                        row.uses.push(broker_use(event));
                    }
                }
                EventKind::Result | EventKind::Reject | EventKind::Error => {
                    match open.remove(&key).and_then(|at| rows.get_mut(at)) {
                        Some(row) => close(row, placed, at_us),
                        None => rows.push(row(placed, at_us, Ending::of(event))),
                    }
                }
                _ => {}
            }
        }
        // What is open lasts until now, as far as the run knows.
        // An export may come days later: it is no part of what ran.
        let ran = events.iter().filter(|placed| placed.event.kind != EventKind::ProofExport);
        let last_us = ran.map(|placed| since(&placed.event)).max().unwrap_or(0);
        for at in open.into_values() {
            if let Some(row) = rows.get_mut(at) {
                row.duration_us = last_us.saturating_sub(row.start_us);
            }
        }
        let total_us = rows.iter().map(|row| row.start_us.saturating_add(row.duration_us)).max();
        let total_us = total_us.unwrap_or(0).max(last_us);
        Some(Self { began_at, total_us, rows: grouped(rows) })
    }
}

fn key_of(event: &Event) -> Key {
    let number = |key: &str| event.meta.get(key).and_then(|text| text.parse().ok());
    (event.request_id.clone(), number("step").unwrap_or(0), number("attempt"))
}

fn row(placed: &PlacedEvent, start_us: u64, ending: Ending) -> Row {
    let event = &placed.event;
    let (request_id, step, attempt) = key_of(event);
    Row {
        request_id,
        plugin_id: event.plugin_id.clone(),
        step,
        attempt,
        start_us,
        duration_us: 0,
        measured: Measured::BetweenEvents,
        ending,
        reason: event.meta.get("reason").cloned(),
        event_index: placed.index,
        outcome_index: None,
        uses: Vec::new(),
    }
}

fn close(row: &mut Row, placed: &PlacedEvent, at_us: u64) {
    let event = &placed.event;
    row.ending = Ending::of(event);
    row.reason = event.meta.get("reason").cloned();
    row.outcome_index = Some(placed.index);
    match event.meta.get("duration_us").and_then(|text| text.parse().ok()) {
        Some(duration_us) => (row.duration_us, row.measured) = (duration_us, Measured::InSandbox),
        None => row.duration_us = at_us.saturating_sub(row.start_us),
    }
}

fn broker_use(event: &Event) -> BrokerUse {
    let number = |key: &str| event.meta.get(key).and_then(|text| text.parse().ok()).unwrap_or(0);
    BrokerUse {
        broker: event.meta.get("broker").cloned().unwrap_or_default(),
        uses: number("uses"),
        bytes: number("bytes"),
    }
}

/// Rows of one request together, in the order in which requests first appear.
fn grouped(mut rows: Vec<Row>) -> Vec<Row> {
    let mut first: BTreeMap<String, u64> = BTreeMap::new();
    for row in &rows {
        first.entry(row.request_id.clone()).or_insert(row.event_index);
    }
    rows.sort_by_key(|row| (first.get(&row.request_id).copied(), row.step, row.event_index));
    rows
}

#[cfg(test)]
pub(crate) mod tests {
    use omega_gateway::contract::{Meta, Sha256Hex};

    use super::*;

    /// An event of run `r`, `at_us` after its start.
    pub(crate) fn event(
        index: u64,
        at_us: i64,
        kind: EventKind,
        (request, plugin): (&str, &str),
        meta: &[(&'static str, &str)],
    ) -> PlacedEvent {
        let started = "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap().unix_micros();
        let meta: Meta = meta.iter().map(|(key, value)| ((*key).into(), (*value).to_owned())).collect();
        let event = Event {
            event_hash: Sha256Hex::of(&index.to_be_bytes()),
            event_id: String::new(),
            input_hash: String::new(),
            kind,
            meta,
            output_hash: String::new(),
            plugin_id: plugin.into(),
            prev_hash: String::new(),
            request_id: request.into(),
            run_id: "r".into(),
            ts: Timestamp::from_unix_micros(started + at_us).to_string(),
        };
        PlacedEvent { index, event }
    }

    /// A call, a pipeline of two steps of which one reads a file, a call that is tried twice, a refusal, one that is open.
    pub(crate) fn run() -> Vec<PlacedEvent> {
        use EventKind::{Broker, Error, Invoke, Reject, Result};
        let first = [("attempt", "1"), ("step", "0")];
        vec![
            event(10, 0, Invoke, ("q1", "hello"), &first),
            event(11, 0, Invoke, ("slow", "spin"), &first),
            event(12, 900, Result, ("q1", "hello"), &[first[0], first[1], ("duration_us", "800")]),
            event(13, 1_000, Invoke, ("pipe", "csv-profile"), &first),
            event(
                14,
                3_000,
                Broker,
                ("pipe", "csv-profile"),
                &[first[0], first[1], ("broker", "artifacts"), ("uses", "3"), ("bytes", "5000")],
            ),
            event(15, 3_500, Result, ("pipe", "csv-profile"), &first),
            event(16, 4_000, Invoke, ("pipe", "text-stats"), &[("attempt", "1"), ("step", "1")]),
            event(17, 4_100, Reject, ("q1", "hello"), &[("step", "0"), ("reason", "duplicate_request")]),
            event(
                18,
                5_000,
                Reject,
                ("pipe", "text-stats"),
                &[("attempt", "1"), ("step", "1"), ("reason", "output_too_large"), ("duration_us", "900")],
            ),
            event(
                19,
                5_000,
                Error,
                ("slow", "spin"),
                &[first[0], first[1], ("reason", "timeout"), ("duration_us", "5000")],
            ),
            event(20, 5_500, Invoke, ("slow", "spin"), &[("attempt", "2"), ("step", "0")]),
            event(
                21,
                7_500,
                Error,
                ("slow", "spin"),
                &[("attempt", "2"), ("step", "0"), ("reason", "plugin_trap"), ("duration_us", "1900")],
            ),
            event(22, 8_000, Invoke, ("evil\u{1b}[2J\u{202e}", "hello"), &first),
            event(
                23,
                10_000,
                Broker,
                ("evil\u{1b}[2J\u{202e}", "hello"),
                &[first[0], first[1], ("broker", "\u{1b}[1m"), ("uses", "1"), ("bytes", "7")],
            ),
            event(24, 86_400_000_000, EventKind::ProofExport, ("", ""), &[]),
        ]
    }

    #[test]
    fn events_become_rows() {
        use Ending::{Error, Ok, Open, Rejected, Timeout};
        let timeline = Timeline::of(&run()).unwrap();
        assert_eq!(timeline.total_us, 10_000);
        let rows: Vec<_> = timeline
            .rows
            .iter()
            .map(|row| (&*row.request_id, row.step, row.attempt, row.start_us, row.duration_us, row.ending))
            .collect();
        let expect = [
            ("q1", 0, Some(1), 0, 800, Ok),
            ("q1", 0, None, 4_100, 0, Rejected),
            ("slow", 0, Some(1), 0, 5_000, Timeout),
            ("slow", 0, Some(2), 5_500, 1_900, Error),
            ("pipe", 0, Some(1), 1_000, 2_500, Ok),
            ("pipe", 1, Some(1), 4_000, 900, Rejected),
            ("evil\u{1b}[2J\u{202e}", 0, Some(1), 8_000, 2_000, Open),
        ];
        assert_eq!(rows, expect);
        let piped = &timeline.rows[4];
        assert_eq!((piped.measured, piped.uses[0].bytes), (Measured::BetweenEvents, 5_000));
        assert_eq!((piped.event_index, piped.outcome_index), (13, Some(15)));
        assert!(Timeline::of(&[]).is_none());
    }

    #[test]
    fn what_cannot_be_read_is_no_panic() {
        let mut events = run();
        for placed in &mut events {
            placed.event.ts = "yesterday".into();
            for value in placed.event.meta.values_mut() {
                *value = "-1".into();
            }
        }
        assert!(Timeline::of(&events).is_some());
    }
}
