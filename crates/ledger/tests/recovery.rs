//! What a start makes of what a crash left: table-driven, with random damage, and with a process that is killed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use omega_contract::ports::Recorded;
use omega_contract::{ErrorCode, EventKind, Recorder, Sha256Hex};
use omega_ledger::{Ledger, LedgerError, LedgerOptions, LedgerReader, Query, Strictness};
use proptest::prelude::*;
use support::{CHECKPOINTS, Said, block_on, call, draft, open, options, verify};

const SYNCED: &str = "synced";

fn newest_segment(dir: &Path) -> PathBuf {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|e| e == "ndjson")).max().unwrap()
}

fn quarantined(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir.join("quarantine")) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// A ledger with four calls of which the mark knows the first two, and no checkpoint any: what a crash after a write
/// leaves.
fn half_synced(segment_bytes_max: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), LedgerOptions { segment_bytes_max, ..options() }).unwrap();
    let checkpoints = Said::now(dir.path(), &CHECKPOINTS);
    call(&ledger, "run", "a");
    call(&ledger, "run", "b");
    ledger.flush().unwrap();
    let mark = std::fs::read(dir.path().join(SYNCED)).unwrap();
    call(&ledger, "run", "c");
    ledger.flush().unwrap();
    call(&ledger, "run", "d");
    ledger.close().unwrap();
    std::fs::write(dir.path().join(SYNCED), mark).unwrap();
    checkpoints.again();
    dir
}

#[test]
fn the_longest_good_prefix_above_the_mark_is_kept() {
    type Damage = fn(&mut Vec<u8>);
    // What is done to the bytes of eight lines, how many events stay, and what the cut has.
    let cases: [(&str, Damage, u64, bool); 9] = [
        ("nothing", |_| (), 8, false),
        ("a cut line", |bytes| bytes.truncate(bytes.len() - 1), 7, true),
        ("two lines gone", |bytes| bytes.truncate(line_start(bytes, 6)), 6, false),
        ("all above the mark gone", |bytes| bytes.truncate(line_start(bytes, 4)), 4, false),
        ("zeros behind", |bytes| bytes.extend([0; 5_000]), 8, true),
        ("a flipped bit in the sixth line", |bytes| flip(bytes, 5), 5, true),
        ("a flipped bit in the fifth line", |bytes| flip(bytes, 4), 4, true),
        ("a line twice", |bytes| bytes.extend_from_within(line_start(bytes, 7)..), 8, true),
        ("an empty line behind", |bytes| bytes.push(b'\n'), 8, true),
    ];
    for (name, damage, kept, is_cut) in cases {
        let dir = half_synced(u64::MAX);
        let path = newest_segment(dir.path());
        let before = std::fs::read(&path).unwrap();
        let mut bytes = before.clone();
        damage(&mut bytes);
        std::fs::write(&path, &bytes).unwrap();
        let ledger = open(dir.path());
        let opening = ledger.opening().clone();
        assert_eq!(opening.events, kept, "{name}");
        assert_eq!(opening.quarantined.len(), usize::from(is_cut), "{name}");
        let kept_bytes = &before[..line_start(&before, usize::try_from(kept).unwrap())];
        assert!(std::fs::read(&path).unwrap().starts_with(kept_bytes), "{name}");
        if let Some(cut) = opening.quarantined.first() {
            let rest = &bytes[kept_bytes.len()..];
            assert_eq!((cut.bytes, cut.sha256), (rest.len() as u64, Sha256Hex::of(rest)), "{name}");
            assert_eq!(std::fs::read(dir.path().join("quarantine").join(&cut.file)).unwrap(), rest, "{name}");
            let told = ledger.event(kept).unwrap().unwrap().event;
            assert_eq!((told.kind, told.run_id.as_str()), (EventKind::Recovery, "system"), "{name}");
            assert_eq!(told.meta["sha256"], cut.sha256.to_string(), "{name}");
            assert_eq!(told.meta["bytes"], cut.bytes.to_string(), "{name}");
        }
        ledger.close().unwrap();
        verify(dir.path(), Strictness::Strict, |_| ()).unwrap();
        assert!(open(dir.path()).opening().quarantined.is_empty(), "{name}: told once");
    }
}

/// Where line `number` starts; the length where there is none.
fn line_start(bytes: &[u8], number: usize) -> usize {
    bytes.split_inclusive(|byte| *byte == b'\n').take(number).map(<[u8]>::len).sum()
}

fn flip(bytes: &mut [u8], line: usize) {
    let at = line_start(bytes, line) + 100;
    bytes[at] ^= 1;
}

/// Found by the failing disk: sectors reach a disk in any order.
#[test]
fn a_first_line_that_nobody_was_told_of_may_be_torn() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let told = Said::now(dir.path(), &[SYNCED, CHECKPOINTS[0], CHECKPOINTS[1]]);
    call(&ledger, "run", "a");
    ledger.close().unwrap();
    told.again();
    let path = newest_segment(dir.path());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..512].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let ledger = open(dir.path());
    assert_eq!((ledger.opening().events, ledger.opening().quarantined.len()), (0, 1));
}

#[test]
fn damage_below_the_mark_is_refused_and_named() {
    for (line, at) in [(0, 0), (0, 100), (3, 100)] {
        let dir = half_synced(u64::MAX);
        let path = newest_segment(dir.path());
        let mut bytes = std::fs::read(&path).unwrap();
        let start = line_start(&bytes, line);
        bytes[start + at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let refused = Ledger::open(dir.path(), options()).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::LedgerCorrupt);
        let place = format!("00000000000000000000.ndjson, line {}, byte {start}: ", line + 1);
        assert!(refused.to_string().starts_with(&place), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "nothing is rewritten");
        assert!(quarantined(dir.path()).is_empty());
    }
}

#[test]
fn damage_at_the_seams_of_sealed_segments_is_refused_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), LedgerOptions { segment_bytes_max: 1_200, ..options() }).unwrap();
    for request in ["a", "b", "c"] {
        call(&ledger, "run", request);
        ledger.flush().unwrap();
    }
    ledger.close().unwrap();
    // The first and the last line of the first and the second of three segments, of two lines each.
    for (segment, line) in [(0_usize, 0_usize), (0, 1), (1, 0), (1, 1)] {
        let path = dir.path().join(format!("{:020}.ndjson", segment * 2));
        let genuine = std::fs::read(&path).unwrap();
        let mut bytes = genuine.clone();
        flip(&mut bytes, line);
        std::fs::write(&path, &bytes).unwrap();
        let refused = Ledger::open(dir.path(), options()).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::LedgerCorrupt);
        let offset = line_start(&genuine, line);
        let place = format!("{:020}.ndjson, line {}, byte {offset}: ", segment * 2, line + 1);
        assert!(refused.to_string().starts_with(&place), "{refused}");
        std::fs::write(&path, genuine).unwrap();
    }
    open(dir.path());
}

#[test]
fn a_torn_tail_over_several_segments_goes_into_quarantine_whole() {
    let dir = half_synced(1_200);
    let segments = || {
        let paths = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == "ndjson")).collect();
        paths.sort();
        paths
    };
    let before = segments();
    assert_eq!(before.len(), 3, "one segment a batch");
    // The third call's segment is the first above the mark.
    let mut bytes = std::fs::read(&before[1]).unwrap();
    flip(&mut bytes, 1);
    std::fs::write(&before[1], bytes).unwrap();
    let ledger = open(dir.path());
    assert_eq!((ledger.opening().events, ledger.opening().quarantined.len()), (5, 2));
    // The INVOKE that stays lost its RESULT.
    assert_eq!(ledger.opening().interrupted.len(), 1);
    ledger.close().unwrap();
    assert_eq!(segments(), before[..2]);
    assert_eq!(verify(dir.path(), Strictness::Strict, |_| ()).unwrap().events, 5 + 2 + 1);
}

#[test]
fn dangling_invokes_are_closed_once_with_what_names_them() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    call(&ledger, "run", "done");
    ledger.record(draft(EventKind::Invoke, "run", "retried", 1)).unwrap();
    ledger.record(draft(EventKind::Error, "run", "retried", 1)).unwrap();
    ledger.record(draft(EventKind::Invoke, "run", "retried", 2)).unwrap();
    ledger.record(draft(EventKind::Invoke, "other \"run\"", "step", 1).with("step", "3")).unwrap();
    for n in 0..50 {
        call(&ledger, "run", &n.to_string());
    }
    ledger.close().unwrap();
    let ledger = open(dir.path());
    let interrupted = &ledger.opening().interrupted;
    assert_eq!(interrupted.iter().map(|open| open.invoke_index).collect::<Vec<_>>(), [4, 5]);
    let query = Query { kinds: vec![EventKind::Error], limit: 2, ..Query::default() };
    let errors = ledger.query(&query).unwrap().events;
    let told: Vec<_> = errors
        .iter()
        .rev()
        .map(|placed| (&placed.event.run_id[..], &placed.event.request_id[..], &placed.event.meta))
        .collect();
    assert_eq!((told[0].0, told[0].1), ("run", "retried"));
    assert_eq!((told[1].0, told[1].1), ("other \"run\"", "step"));
    for (meta, attempt, step) in [(told[0].2, "2", "0"), (told[1].2, "1", "3")] {
        assert_eq!((&meta["reason"][..], &meta["attempt"][..], &meta["step"][..]), ("interrupted", attempt, step));
    }
    assert_eq!(errors[0].event.plugin_id, "text-stats");
    assert_eq!(errors[0].event.input_hash, Sha256Hex::of(b"in").to_string());
    ledger.close().unwrap();
    assert!(open(dir.path()).opening().interrupted.is_empty());
}

#[test]
fn an_old_mark_finds_the_same_dangling_invokes() {
    // The mark is not synced: after a power cut it may be older than the events.
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    ledger.record(draft(EventKind::Invoke, "run", "early", 1)).unwrap();
    ledger.flush().unwrap();
    let mark = std::fs::read(dir.path().join(SYNCED)).unwrap();
    ledger.record(draft(EventKind::Result, "run", "early", 1)).unwrap();
    ledger.record(draft(EventKind::Invoke, "run", "late", 1)).unwrap();
    ledger.close().unwrap();
    std::fs::write(dir.path().join(SYNCED), mark).unwrap();
    let ledger = open(dir.path());
    let interrupted = &ledger.opening().interrupted;
    assert_eq!(interrupted.iter().map(|open| open.invoke.request_id.as_str()).collect::<Vec<_>>(), ["late"]);
}

#[test]
fn time_goes_on_from_the_last_event_when_the_clock_was_turned_back() {
    let dir = tempfile::tempdir().unwrap();
    let clock = support::TestClock::new();
    let ledger = Ledger::open(dir.path(), LedgerOptions { clock: clock.clone(), ..options() }).unwrap();
    call(&ledger, "run", "a");
    ledger.close().unwrap();
    clock.turn(-1_000_000_000);
    let ledger = Ledger::open(dir.path(), LedgerOptions { clock, ..options() }).unwrap();
    call(&ledger, "run", "b");
    ledger.close().unwrap();
    verify(dir.path(), Strictness::Strict, |_| ()).unwrap();
    let ledger = open(dir.path());
    let ids: Vec<_> =
        ledger.run_events(&"run".parse().unwrap()).unwrap().into_iter().map(|e| e.event.event_id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
}

#[test]
fn a_ledger_that_cannot_be_written_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let refused = Ledger::open(&file, options()).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::LedgerUnavailable, "{refused}");
    // A folder where the lock should be.
    let home = dir.path().join("home");
    std::fs::create_dir_all(home.join("lock")).unwrap();
    let refused = Ledger::open(&home, options()).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::LedgerUnavailable, "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens to the bytes above the mark, the start finds the longest good prefix and goes on.
    #[test]
    fn any_damage_above_the_mark_is_survived(at in any::<prop::sample::Index>(), damage in proptest::collection::vec(any::<u8>(), 0..200), cut in any::<bool>()) {
        let dir = half_synced(u64::MAX);
        let path = newest_segment(dir.path());
        let mut bytes = std::fs::read(&path).unwrap();
        let synced = line_start(&bytes, 4);
        let at = synced + at.index(bytes.len() - synced);
        if cut {
            bytes.truncate(at);
        }
        let end = (at + damage.len()).min(bytes.len());
        bytes.splice(at.min(end)..end, damage);
        std::fs::write(&path, &bytes).unwrap();
        let ledger = open(dir.path());
        let events = ledger.opening().events;
        prop_assert!((4..=8).contains(&events));
        call(&ledger, "run", "later");
        ledger.close().unwrap();
        prop_assert!(verify(dir.path(), Strictness::Strict, |_| ()).is_ok());
        let copied: u64 = quarantined(dir.path()).iter().map(|path| std::fs::metadata(path).unwrap().len()).sum();
        let kept = line_start(&bytes, usize::try_from(events).unwrap()) as u64;
        prop_assert_eq!(copied, bytes.len() as u64 - kept, "nothing is thrown away");
    }
}

const CHILD_DIR: &str = "OMEGA_LEDGER_TEST_CHILD";

/// Not a test of its own: what the process that is killed runs. It tells each acknowledged event.
#[test]
fn child_process() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let ledger = Ledger::open(Path::new(&dir), LedgerOptions { segment_bytes_max: 30_000, ..options() }).unwrap();
    let first = ledger.opening().events;
    let mut told = std::io::stdout();
    for number in 0..1_000_000_u64 {
        let request = format!("{first}-{number}");
        let invoke = ledger.record(draft(EventKind::Invoke, "run", &request, 1)).unwrap();
        if number % 5 == 4 {
            continue;
        }
        let result = ledger.record(draft(EventKind::Result, "run", &request, 1)).unwrap();
        block_on(ledger.durable(result)).unwrap();
        for Recorded { index, event_hash } in [invoke, result] {
            writeln!(told, "acknowledged {index} {event_hash}").unwrap();
        }
    }
}

fn spawn_child(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child_process", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_second_process_is_told_who_holds_the_ledger_and_may_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = spawn_child(dir.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.starts_with("acknowledged ")).unwrap();
    let refused = Ledger::open(dir.path(), options()).unwrap_err();
    assert!(matches!(refused, LedgerError::Locked { pid } if pid == Some(child.id())), "{refused}");
    assert!(LedgerReader::open(dir.path()).unwrap().event(0).unwrap().is_some());
    verify(dir.path(), Strictness::Strict, |_| ()).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(open(dir.path()).opening().events >= 2);
}

#[test]
fn a_reader_changes_nothing_of_the_ledger() {
    let dir = half_synced(1_200);
    let state = || {
        let entries = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let files = entries.filter(|path| path.is_file() && !path.to_string_lossy().contains("index.sqlite"));
        let mut files: Vec<_> = files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
        files.sort();
        files
    };
    let before = state();
    let reader = LedgerReader::open(dir.path()).unwrap();
    assert_eq!(reader.stats().unwrap().events, 8);
    assert_eq!(reader.query(&Query::default()).unwrap().events.len(), 8);
    verify(dir.path(), Strictness::Strict, |_| ()).unwrap();
    assert_eq!(state(), before);
}

#[cfg(unix)]
#[test]
fn kill_9_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut known: Vec<(u64, String)> = Vec::new();
    for round in 0..12 {
        let mut child = spawn_child(dir.path());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = lines.map(Result::unwrap).filter_map(|line| {
            let mut words = line.strip_prefix("acknowledged ")?.split(' ').map(str::to_owned);
            Some((words.next()?.parse().ok()?, words.next()?))
        });
        let before = known.len();
        for event in told {
            known.push(event);
            if known.len() == before + 7 + 23 * round {
                // SIGKILL: no destructor runs, no buffer is flushed.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(known.len() > before);
        verify(dir.path(), Strictness::Standard, |_| ()).unwrap();
    }
    let ledger = open(dir.path());
    for (index, hash) in &known {
        let found = ledger.event(*index).unwrap().unwrap().event;
        assert_eq!(found.event_hash.to_string(), *hash, "event {index}");
    }
    ledger.close().unwrap();
    let verdict = verify(dir.path(), Strictness::Strict, |_| ()).unwrap();
    assert!(verdict.segments > 1);
    // Every INVOKE that was left open was closed by the start after.
    let ledger = open(dir.path());
    let mut attempts = omega_proof::attempts::Attempts::default();
    for placed in ledger.run_events(&"run".parse().unwrap()).unwrap() {
        attempts.observe(&placed.event, placed.index).unwrap();
    }
    assert_eq!(attempts.open().count(), 0);
}
