//! T7: whatever is done to a ledger's files, `verify` names it: the tamper list of spec page 3.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::{Path, PathBuf};

use omega_contract::{ErrorCode, Event, EventKind, Recorder, Sha256Hex, canonical_bytes};
use omega_ledger::{FaultKind, Ledger, LedgerError, LedgerFault, LedgerOptions, Strictness};
use omega_proof::line::LineFault;
use proptest::prelude::*;
use support::{call, draft, open, options, verify};

/// A ledger of three segments, the last one not full.
struct Home {
    dir: tempfile::TempDir,
}

const CALLS: u64 = 30;

impl Home {
    fn new() -> Self {
        let home = Self { dir: tempfile::tempdir().unwrap() };
        let small = LedgerOptions { segment_bytes_max: 8 * 1024, ..options() };
        let ledger = Ledger::open(home.path(), small).unwrap();
        for number in 0..CALLS {
            call(&ledger, "run", &number.to_string());
            ledger.flush().unwrap();
        }
        ledger.close().unwrap();
        assert!(home.segments().len() >= 3, "{:?}", home.segments());
        home
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn segments(&self) -> Vec<PathBuf> {
        let names = std::fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<_> = names.filter(|path| path.extension().is_some_and(|e| e == "ndjson")).collect();
        names.sort();
        names
    }

    /// Changes the lines of segment `at`.
    fn edit(&self, at: usize, change: impl FnOnce(&mut Vec<String>)) {
        let path = &self.segments()[at];
        let mut lines: Vec<String> = std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
        change(&mut lines);
        std::fs::write(path, lines.concat_with_newlines()).unwrap();
    }

    fn verify(&self) -> Result<omega_ledger::LedgerVerdict, LedgerError> {
        let relaxed = verify(self.path(), Strictness::Standard, |_| ());
        let strict = verify(self.path(), Strictness::Strict, |_| ());
        assert_eq!(relaxed.as_ref().map_err(ToString::to_string), strict.as_ref().map_err(ToString::to_string));
        relaxed
    }

    fn fault(&self) -> LedgerFault {
        let refused = self.verify().unwrap_err();
        assert_eq!(refused.code(), ErrorCode::LedgerCorrupt);
        match refused {
            LedgerError::Corrupt(fault) => fault,
            other => panic!("{other}"),
        }
    }
}

trait Lines {
    fn concat_with_newlines(&self) -> String;
}

impl Lines for Vec<String> {
    fn concat_with_newlines(&self) -> String {
        self.join("\n") + "\n"
    }
}

/// The line with one field changed and its hash made right again: what an attacker with an editor does.
fn forged(line: &str, change: impl FnOnce(&mut Event)) -> String {
    let mut event: Event = serde_json::from_str(line).unwrap();
    change(&mut event);
    let bytes = canonical_bytes(&event).unwrap();
    event.event_hash = Sha256Hex::of(&[b"{", &bytes[81..]].concat());
    String::from_utf8(canonical_bytes(&event).unwrap()).unwrap()
}

/// After `change`, the fault is in segment `at`, in line `line`, and of a kind whose text contains `kind`.
fn check(at: usize, line: u64, kind: &str, change: impl FnOnce(&mut Vec<String>)) {
    let home = Home::new();
    let file = home.segments()[at].file_name().unwrap().to_str().unwrap().to_owned();
    home.edit(at, change);
    let fault = home.fault();
    assert!(fault.kind.to_string().contains(kind), "{kind}: {fault}");
    assert_eq!((fault.file.as_str(), fault.line), (file.as_str(), line), "{fault}");
    let bytes = std::fs::read(home.path().join(&file)).unwrap();
    let offset: u64 = bytes.split_inclusive(|b| *b == b'\n').zip(1..line).map(|(l, _)| l.len() as u64).sum();
    assert_eq!(fault.offset, offset, "{fault}");
}

#[test]
fn t7_an_untouched_ledger_verifies() {
    let home = Home::new();
    let mut told = Vec::new();
    let verdict = verify(home.path(), Strictness::Strict, |progress| told.push(progress)).unwrap();
    assert_eq!((verdict.events, verdict.synced_events, verdict.unfinished_bytes), (2 * CALLS, 2 * CALLS, 0));
    assert_eq!(verdict.segments, home.segments().len() as u64);
    let last = told.last().unwrap();
    assert_eq!((last.bytes_done, last.events_done), (last.bytes_total, 2 * CALLS));
    assert_eq!(Some(verdict.head), open(home.path()).head().map(|head| Some(head.event_hash)));
}

#[test]
fn t7_a_flipped_bit() {
    check(1, 3, "hash mismatch", |lines| lines[2] = lines[2].replacen("wasm", "wasl", 1));
    check(0, 1, "bad JSON", |lines| lines[0] = lines[0].replacen('{', "z", 1));
}

#[test]
fn t7_an_edited_field_with_recomputed_hash() {
    let output = |event: &mut Event| event.output_hash = Sha256Hex::of(b"forged").to_string();
    check(1, 3, "other event", |lines| lines[2] = forged(&lines[2], output));
    // The last line of a segment.
    let home = Home::new();
    home.edit(0, |lines| *lines.last_mut().unwrap() = forged(lines.last().unwrap(), output));
    let fault = home.fault();
    assert_eq!(fault.file, home.segments()[0].file_name().unwrap().to_str().unwrap());
    let lines = std::fs::read_to_string(&home.segments()[0]).unwrap().lines().count() as u64;
    assert_eq!((fault.line, fault.kind), (lines, FaultKind::OtherLeaf { index: lines - 1 }));
    // The last line of all, as long as it was or longer.
    let input = |event: &mut Event| event.input_hash = Sha256Hex::of(b"forged").to_string();
    let home = Home::new();
    home.edit(home.segments().len() - 1, |lines| *lines.last_mut().unwrap() = forged(lines.last().unwrap(), input));
    assert_eq!(home.fault().kind, FaultKind::OtherLeaf { index: 2 * CALLS - 1 });
    home.edit(home.segments().len() - 1, |lines| *lines.last_mut().unwrap() = forged(lines.last().unwrap(), output));
    assert!(matches!(home.fault().kind, FaultKind::OverMark));
}

#[test]
fn t7_a_removed_line() {
    check(1, 3, "broken link", |lines| drop(lines.remove(2)));
    check(0, 1, "broken link", |lines| drop(lines.remove(0)));
}

#[test]
fn t7_a_repeated_line() {
    check(1, 4, "broken link", |lines| lines.insert(3, lines[2].clone()));
}

#[test]
fn t7_swapped_lines() {
    check(1, 3, "broken link", |lines| lines.swap(2, 3));
}

#[test]
fn t7_an_inserted_line() {
    let meant = |lines: &mut Vec<String>| {
        let before: Event = serde_json::from_str(&lines[2]).unwrap();
        lines.insert(3, forged(&lines[3], |event| event.prev_hash = before.event_hash.to_string()));
        lines[3] = forged(&lines[3], |event| event.request_id = "inserted".into());
    };
    check(1, 4, "other event", meant);
    check(1, 4, "bad JSON", |lines| lines.insert(3, String::new()));
}

#[test]
fn t7_a_truncated_tail_below_what_was_synced() {
    let home = Home::new();
    let last = home.segments().pop().unwrap();
    let length = std::fs::metadata(&last).unwrap().len();
    for cut in [1, 700] {
        std::fs::OpenOptions::new().write(true).open(&last).unwrap().set_len(length - cut).unwrap();
        let fault = home.fault();
        assert!(
            matches!(fault.kind, FaultKind::Line(LineFault::MissingNewline) | FaultKind::Truncated { .. }),
            "{fault}"
        );
        assert_eq!(fault.file, last.file_name().unwrap().to_str().unwrap());
    }
    // On a line's end.
    home.edit(home.segments().len() - 1, |lines| lines.truncate(2));
    let fault = home.fault();
    assert!(matches!(fault.kind, FaultKind::Truncated { .. }), "{fault}");
    std::fs::remove_file(&last).unwrap();
    assert!(matches!(home.fault().kind, FaultKind::Truncated { found: 0, .. }));
}

#[test]
fn t7_a_removed_or_replaced_segment() {
    let home = Home::new();
    let (first, second, third) = (&home.segments()[0], &home.segments()[1], &home.segments()[2]);
    let elsewhere = home.path().join("elsewhere");
    std::fs::rename(second, &elsewhere).unwrap();
    assert!(matches!(home.fault().kind, FaultKind::SegmentOutOfPlace { .. }));
    // Another ledger's segment under its name.
    let other = Home::new();
    std::fs::copy(&other.segments()[1], second).unwrap();
    let fault = home.fault();
    assert_eq!((fault.file.as_str(), fault.line), (second.file_name().unwrap().to_str().unwrap(), 1), "{fault}");
    assert!(fault.to_string().contains("broken link"), "{fault}");
    std::fs::rename(&elsewhere, second).unwrap();
    assert!(home.verify().is_ok());
    // Its own segments under each other's names.
    std::fs::rename(second, &elsewhere).unwrap();
    std::fs::rename(third, second).unwrap();
    std::fs::rename(&elsewhere, third).unwrap();
    assert!(home.fault().to_string().contains("broken link"));
    std::fs::remove_file(first).unwrap();
    assert!(matches!(home.fault().kind, FaultKind::BeginningMissing));
}

#[test]
fn t7_the_mark_itself() {
    let home = Home::new();
    let mark = home.path().join("synced");
    let genuine = std::fs::read(&mark).unwrap();
    std::fs::write(&mark, &genuine[1..]).unwrap();
    assert!(matches!(home.fault().kind, FaultKind::MarkUnreadable));
    std::fs::remove_file(&mark).unwrap();
    assert!(matches!(home.fault().kind, FaultKind::MarkMissing));
    let refused = Ledger::open(home.path(), options()).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::LedgerCorrupt);
    // One from a ledger with another history.
    let other = Home::new();
    std::fs::copy(other.path().join("synced"), &mark).unwrap();
    assert!(matches!(home.fault().kind, FaultKind::OtherHead { .. }));
}

#[test]
fn t7_what_open_refuses_it_does_not_change() {
    let home = Home::new();
    home.edit(home.segments().len() - 1, |lines| lines[0] = lines[0].replacen("wasm", "wasl", 1));
    let before: Vec<_> = home.segments().iter().map(|path| std::fs::read(path).unwrap()).collect();
    let refused = Ledger::open(home.path(), options()).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::LedgerCorrupt);
    assert!(refused.to_string().contains(", line 1, byte 0: hash mismatch"), "{refused}");
    let after: Vec<_> = home.segments().iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(before, after);
    assert!(!home.path().join("quarantine").exists());
}

#[test]
fn t7_a_torn_tail_above_what_was_synced_is_no_fault() {
    let home = Home::new();
    let last = home.segments().pop().unwrap();
    let mut bytes = std::fs::read(&last).unwrap();
    bytes.extend_from_slice(b"{\"event_hash\":\"0123");
    std::fs::write(&last, bytes).unwrap();
    assert_eq!(home.verify().unwrap().unfinished_bytes, 19);
}

#[test]
fn t7_an_inserted_event_by_a_writer_who_has_the_lock_is_history_like_any_other() {
    // The honest limit: whoever may write the home can add to it. What they cannot do is change what was.
    let home = Home::new();
    let ledger = open(home.path());
    ledger.record(draft(EventKind::Invoke, "run", "later", 1)).unwrap();
    ledger.close().unwrap();
    assert_eq!(home.verify().unwrap().events, 2 * CALLS + 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any single edit of any byte is detected.
    #[test]
    fn t7_any_single_edit_of_any_byte_is_detected(segment in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        thread_local!(static HOME: Home = Home::new());
        HOME.with(|home| {
            let path = segment.get(&home.segments()).clone();
            let genuine = std::fs::read(&path).unwrap();
            let mut edited = genuine.clone();
            edited[at.index(genuine.len())] ^= flip;
            std::fs::write(&path, edited).unwrap();
            let outcome = home.verify();
            std::fs::write(&path, genuine).unwrap();
            prop_assert!(matches!(outcome, Err(LedgerError::Corrupt(_))));
            Ok(())
        })?;
    }

    /// Any removed or inserted run of bytes is detected.
    #[test]
    fn t7_any_cut_or_insertion_is_detected(segment in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), cut in 1_usize..2_000, insert in any::<bool>()) {
        thread_local!(static HOME: Home = Home::new());
        HOME.with(|home| {
            let path = segment.get(&home.segments()).clone();
            let genuine = std::fs::read(&path).unwrap();
            let mut edited = genuine.clone();
            let at = at.index(genuine.len());
            if insert {
                let repeated = genuine[at..(at + cut).min(genuine.len())].to_vec();
                edited.splice(at..at, repeated);
            } else {
                edited.drain(at..(at + cut).min(genuine.len()));
            }
            std::fs::write(&path, edited).unwrap();
            let outcome = home.verify();
            std::fs::write(&path, genuine).unwrap();
            prop_assert!(matches!(outcome, Err(LedgerError::Corrupt(_))));
            Ok(())
        })?;
    }
}
