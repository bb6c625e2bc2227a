//! Every question has the same answer whatever the index covers, and whatever was done to it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use omega_contract::ports::{CallKey, Recorder};
use omega_contract::{Clock, EventDraft, EventKind, Timestamp};
use omega_proof::bundle::PlacedEvent;
use proptest::prelude::*;

use super::{INDEX_FILE, IndexWriter};
use crate::claims::InHistory;
use crate::segment::list_segments;
use crate::view::View;
use crate::{Ledger, LedgerOptions, Order, Query, RunQuery};

/// Ten microseconds for every second look.
struct StepClock(std::sync::atomic::AtomicI64);

impl Clock for StepClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_micros(self.0.fetch_add(5, std::sync::atomic::Ordering::Relaxed) / 10 * 10)
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

const RUNS: [&str; 3] = ["system", "run \"one\"", "réd"];
const KINDS: [EventKind; 6] =
    [EventKind::Invoke, EventKind::Result, EventKind::Error, EventKind::Reject, EventKind::Policy, EventKind::Register];
const PLUGINS: [Option<&str>; 3] = [None, Some("text-stats"), Some("hello")];

/// What one event is made of: places in the lists above, a request, an attempt.
type Choice = (usize, usize, usize, usize, usize);

fn choices() -> impl Strategy<Value = Vec<Choice>> {
    proptest::collection::vec((0..RUNS.len(), 0..KINDS.len(), 0..PLUGINS.len(), 0..4_usize, 0..4_usize), 1..60)
}

fn write(dir: &Path, choices: &[Choice]) {
    let clock = Arc::new(StepClock(1_795_173_514_000_000.into()));
    let options = LedgerOptions { segment_bytes_max: 2_000, ..LedgerOptions::new(clock, crate::testing::log_signer()) };
    let ledger = Ledger::open(dir, options).unwrap();
    for (run, kind, plugin, request, attempt) in choices {
        let mut draft = EventDraft::of_run(KINDS[*kind], RUNS[*run].parse().unwrap());
        if *attempt > 0 {
            draft = draft.with("attempt", attempt.to_string());
        }
        if *attempt == 2 {
            draft = draft.with("reason", "timeout");
        }
        draft.plugin_id = PLUGINS[*plugin].map(|id| id.parse().unwrap());
        draft.request_id = Some(format!("request {request}").parse().unwrap());
        ledger.record(draft).unwrap();
        ledger.flush().unwrap();
    }
    ledger.close().unwrap();
    // The thread may have begun an index of its own.
    remove_index(dir);
}

fn remove_index(dir: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let _absent = std::fs::remove_file(dir.join(format!("{INDEX_FILE}{suffix}")));
    }
}

/// Everything that can be asked, with its answers.
#[derive(Debug, PartialEq)]
struct Answers {
    events: BTreeMap<String, Vec<PlacedEvent>>,
    runs: Vec<crate::RunSummary>,
    totals: String,
    keys: Vec<InHistory>,
}

fn ask_everything(view: &View) -> Answers {
    let mut events = BTreeMap::new();
    let middle = view.event(5).unwrap().map(|placed| placed.event.ts.parse().unwrap());
    for order in [Order::OldestFirst, Order::NewestFirst] {
        for run in RUNS.map(Some).into_iter().chain([None, Some("nobody")]) {
            for plugin in PLUGINS.into_iter().chain([Some("nobody")]) {
                for kinds in [vec![], vec![EventKind::Result], vec![EventKind::Policy, EventKind::Error]] {
                    for (since, until) in [(None, None), (middle, None), (None, middle)] {
                        let query = Query {
                            run_id: run.map(|id| id.parse().unwrap()),
                            plugin_id: plugin.map(|id| id.parse().unwrap()),
                            kinds: kinds.clone(),
                            since,
                            until,
                            order,
                            limit: 7,
                            ..Query::default()
                        };
                        events.insert(format!("{query:?}"), all_pages(view, query));
                    }
                }
            }
        }
    }
    events.insert("lifecycle".into(), view.lifecycle_since(Some(2), usize::MAX).unwrap());
    events.insert("run".into(), view.run_events(&RUNS[1].parse().unwrap()).unwrap());
    let runs = view.runs(&RunQuery { limit: 2, ..RunQuery::default() }).unwrap();
    let mut all_runs = runs.runs;
    if let Some(before) = runs.next {
        all_runs.extend(view.runs(&RunQuery { before, limit: 2 }).unwrap().runs);
    }
    let stats = crate::Stats { indexed_events: 0, ..view.stats().unwrap() };
    let key = |run: &str, request: u8| CallKey {
        run_id: run.parse().unwrap(),
        request_id: format!("request {request}").parse().unwrap(),
        step: 0,
    };
    let keys = RUNS.iter().flat_map(|run| (0..5).map(|request| key(run, request)));
    let keys = keys.map(|key| view.look_up(&key, 30).unwrap()).collect();
    Answers { events, runs: all_runs, totals: format!("{stats:?}"), keys }
}

fn all_pages(view: &View, mut query: Query) -> Vec<PlacedEvent> {
    let mut events = Vec::new();
    loop {
        let page = view.query(&query).unwrap();
        events.extend(page.events);
        let Some(next) = page.next else { return events };
        query.indexes = next;
    }
}

/// What a query means, said in the plainest way.
fn by_definition(all: &[PlacedEvent], query: &Query) -> Vec<PlacedEvent> {
    let ts = |placed: &PlacedEvent| placed.event.ts.parse::<Timestamp>().unwrap();
    let mut found: Vec<PlacedEvent> = all
        .iter()
        .filter(|placed| query.run_id.as_ref().is_none_or(|id| placed.event.run_id == id.as_str()))
        .filter(|placed| query.plugin_id.as_ref().is_none_or(|id| placed.event.plugin_id == id.as_str()))
        .filter(|placed| query.kinds.is_empty() || query.kinds.contains(&placed.event.kind))
        .filter(|placed| query.since.is_none_or(|since| ts(placed) >= since))
        .filter(|placed| query.until.is_none_or(|until| ts(placed) < until))
        .cloned()
        .collect();
    if query.order == Order::NewestFirst {
        found.reverse();
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn answers_do_not_depend_on_what_is_indexed(choices in choices(), step in 9_u64..40) {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &choices);
        let expect = ask_everything(&View::new(dir.path()));
        let mut writer = IndexWriter::new(dir.path());
        let end = choices.len() as u64;
        let mut covered = 0;
        while covered < end {
            covered = writer.catch_up(end, step).unwrap();
            let view = View::new(dir.path());
            prop_assert_eq!(view.stats().unwrap().indexed_events, covered);
            prop_assert_eq!(&ask_everything(&view), &expect, "{} of {} indexed", covered, end);
        }
    }

    #[test]
    fn a_query_means_what_it_says(choices in choices(), run in 0..RUNS.len(), kind in 0..KINDS.len(), newest in any::<bool>()) {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &choices);
        let view = View::new(dir.path());
        let all = all_pages(&view, Query { order: Order::OldestFirst, ..Query::default() });
        prop_assert_eq!(all.len(), choices.len());
        let query = Query {
            run_id: Some(RUNS[run].parse().unwrap()),
            kinds: vec![KINDS[kind], EventKind::Policy],
            since: Some(all[all.len() / 3].event.ts.parse().unwrap()),
            until: Some(all[all.len() * 2 / 3].event.ts.parse().unwrap()),
            order: if newest { Order::NewestFirst } else { Order::OldestFirst },
            limit: 3,
            ..Query::default()
        };
        prop_assert_eq!(all_pages(&view, query.clone()), by_definition(&all, &query));
    }
}

/// A ledger of some size, wholly indexed.
fn indexed() -> (tempfile::TempDir, Answers) {
    let dir = tempfile::tempdir().unwrap();
    let choices: Vec<Choice> = (0..50).map(|n| (n % 3, n * 7 % 6, n % 2, n % 5 % 4, n % 3)).collect();
    write(dir.path(), &choices);
    let expect = ask_everything(&View::new(dir.path()));
    assert_eq!(IndexWriter::new(dir.path()).catch_up(50, 1_000).unwrap(), 50);
    (dir, expect)
}

#[test]
fn an_index_that_points_elsewhere_is_put_aside() {
    for change in [
        "UPDATE event SET offset = offset + 1",
        "UPDATE event SET offset = 0",
        "UPDATE event SET segment = 77",
        "UPDATE event SET run = 0, kind = 4",
        "DROP TABLE event",
    ] {
        let (dir, expect) = indexed();
        let db = rusqlite::Connection::open(dir.path().join(INDEX_FILE)).unwrap();
        db.execute_batch(change).unwrap();
        drop(db);
        let view = View::new(dir.path());
        let all = all_pages(&view, Query { order: Order::OldestFirst, ..Query::default() });
        assert_eq!(all.len(), 50, "{change}");
        let query = Query { run_id: Some(RUNS[0].parse().unwrap()), limit: 7, ..Query::default() };
        assert_eq!(all_pages(&view, query.clone()), expect.events[&format!("{query:?}")], "{change}");
    }
}

#[test]
fn an_index_that_cannot_be_used_is_made_anew() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 5] = [
        ("removed", remove_index),
        ("garbage", |dir| std::fs::write(dir.join(INDEX_FILE), [0x5a; 4096]).unwrap()),
        ("cut", |dir| {
            let path = dir.join(INDEX_FILE);
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("another version", |dir| {
            let db = rusqlite::Connection::open(dir.join(INDEX_FILE)).unwrap();
            db.execute_batch("PRAGMA user_version = 99").unwrap();
        }),
        ("another ledger's", |dir| {
            let (other, _) = indexed();
            std::fs::copy(other.path().join(INDEX_FILE), dir.join(INDEX_FILE)).unwrap();
        }),
    ];
    for (name, harm) in harms {
        let (dir, expect) = indexed();
        harm(dir.path());
        assert_eq!(ask_everything(&View::new(dir.path())), expect, "{name}, before it is made anew");
        assert_eq!(IndexWriter::new(dir.path()).catch_up(50, 1_000).unwrap(), 50, "{name}");
        let view = View::new(dir.path());
        assert_eq!(view.stats().unwrap().indexed_events, 50, "{name}");
        assert_eq!(ask_everything(&view), expect, "{name}, after");
    }
}

#[test]
fn a_served_line_is_hashed_again() {
    let (dir, _) = indexed();
    let segment = &list_segments(dir.path()).unwrap()[1];
    let text = std::fs::read_to_string(&segment.path).unwrap();
    std::fs::write(&segment.path, text.replacen("\"kind\":\"", "\"kind\":\"X", 1).replacen("\"X", "\"", 1)).unwrap();
    assert!(View::new(dir.path()).event(segment.first_index).unwrap().is_some());
    std::fs::write(&segment.path, text.replacen("request ", "requesT ", 1)).unwrap();
    let refused = View::new(dir.path()).event(segment.first_index).unwrap_err();
    assert_eq!(refused.code(), omega_contract::ErrorCode::LedgerCorrupt);
    assert!(refused.to_string().contains("line 1, byte 0: hash mismatch"), "{refused}");
}
