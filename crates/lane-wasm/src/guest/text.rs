//! What a guest writes for people: log lines, standard output, standard error. Bounded.
//!
//! What never happens here: a write that waits or fails for want of room. What is over the bound is
//! counted and dropped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use omega_contract::ports::GuestLogLevel;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi_io::bytes::Bytes;

use crate::options::DETAIL_BYTES_MAX;

/// Bytes that a stream takes in one write.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// All text of one call. Made of nothing until the guest writes.
pub(crate) struct GuestText {
    bytes_max: u64,
    kept: Option<Arc<Mutex<Kept>>>,
}

/// A stream that a guest writes to. Each has the whole bound for itself, and so has the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// What was kept and what was not.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    bytes_max: u64,
    /// In the order in which it came.
    text: Vec<u8>,
    /// The last bytes of standard error, whatever the bound: a panic's message comes last.
    error_tail: Vec<u8>,
    pub(crate) output: Tally,
    pub(crate) error: Tally,
    pub(crate) log: Tally,
    pub(crate) log_lines_kept: u64,
    pub(crate) log_lines_dropped: u64,
}

/// Bytes of one source.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) kept_bytes: u64,
    pub(crate) dropped_bytes: u64,
}

impl GuestText {
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, kept: None }
    }

    fn shared(&mut self) -> &Arc<Mutex<Kept>> {
        self.kept.get_or_insert_with(|| Arc::new(Mutex::new(Kept { bytes_max: self.bytes_max, ..Kept::default() })))
    }

    /// A stream into this text, for the guest.
    pub(crate) fn stream(&mut self, source: Source) -> TextStream {
        TextStream { kept: Arc::clone(self.shared()), source }
    }

    /// Takes one log line; says whether it is kept.
    pub(crate) fn log(&mut self, level: GuestLogLevel, message: &str) -> bool {
        lock(self.shared()).log(level, message)
    }

    /// Looks at what was kept, if the guest wrote at all.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Kept) -> T) -> Option<T> {
        self.kept.as_ref().map(|kept| look(&lock(kept)))
    }
}

impl Kept {
    /// Everything that was kept.
    pub(crate) fn text(&self) -> String {
        readable(&self.text)
    }

    /// The end of standard error.
    pub(crate) fn error_tail(&self) -> String {
        readable(&self.error_tail)
    }

    fn tally(&mut self, source: Source) -> &mut Tally {
        match source {
            Source::Output => &mut self.output,
            Source::Error => &mut self.error,
        }
    }

    fn write(&mut self, source: Source, bytes: &[u8]) {
        if source == Source::Error {
            self.remember_tail(bytes);
        }
        let bytes_max = self.bytes_max;
        let tally = self.tally(source);
        let room = usize::try_from(bytes_max - tally.kept_bytes).unwrap_or(usize::MAX);
        let (keep, drop) = bytes.split_at(bytes.len().min(room));
        tally.kept_bytes += keep.len() as u64;
        tally.dropped_bytes += drop.len() as u64;
        self.text.extend_from_slice(keep);
    }

    fn remember_tail(&mut self, bytes: &[u8]) {
        let last = &bytes[bytes.len().saturating_sub(DETAIL_BYTES_MAX)..];
        let surplus = (self.error_tail.len() + last.len()).saturating_sub(DETAIL_BYTES_MAX);
        self.error_tail.drain(..surplus);
        self.error_tail.extend_from_slice(last);
    }

    /// Lines are kept whole or not at all.
    fn log(&mut self, level: GuestLogLevel, message: &str) -> bool {
        let mark = level_mark(level);
        let bytes = (mark.len() + message.len() + 1) as u64;
        let kept = self.log.kept_bytes + bytes <= self.bytes_max;
        if kept {
            self.log.kept_bytes += bytes;
            self.log_lines_kept += 1;
            self.text.extend_from_slice(mark.as_bytes());
            self.text.extend_from_slice(message.as_bytes());
            self.text.push(b'\n');
        } else {
            self.log.dropped_bytes += bytes;
            self.log_lines_dropped += 1;
        }
        kept
    }
}

/// Text for people: what is not UTF-8, and control characters that would speak to a terminal, replaced.
pub(crate) fn readable(bytes: &[u8]) -> String {
    let speaks = |c: char| c.is_control() && c != '\n' && c != '\t';
    String::from_utf8_lossy(bytes).replace(speaks, "\u{fffd}")
}

const fn level_mark(level: GuestLogLevel) -> &'static str {
    match level {
        GuestLogLevel::Debug => "debug: ",
        GuestLogLevel::Info => "info: ",
        GuestLogLevel::Warn => "warn: ",
        GuestLogLevel::Error => "error: ",
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    // Nothing that holds this lock can panic half-way through a change that matters.
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Standard output or standard error of one call.
pub(crate) struct TextStream {
    kept: Arc<Mutex<Kept>>,
    source: Source,
}

#[wasmtime_wasi::async_trait]
impl Pollable for TextStream {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi::async_trait]
impl OutputStream for TextStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        lock(&self.kept).write(self.source, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_kept_up_to_the_bound_and_counted_past_it() {
        for (written, kept, dropped) in [(9, 9, 0), (10, 10, 0), (11, 10, 1)] {
            let mut text = GuestText::new(10);
            for source in [Source::Output, Source::Error] {
                let mut stream = text.stream(source);
                for _ in 0..written {
                    stream.write(Bytes::from_static(b"x")).unwrap();
                }
            }
            let expect = Tally { kept_bytes: kept, dropped_bytes: dropped };
            assert_eq!(text.read(|k| (k.output, k.error)), Some((expect, expect)), "{written}");
            assert_eq!(text.read(Kept::text).unwrap().len() as u64, 2 * kept);
        }
    }

    #[test]
    fn a_guest_cannot_speak_to_a_terminal() {
        let mut text = GuestText::new(100);
        text.stream(Source::Output).write(Bytes::from_static(b"a\x1b[2J\r\tb\xff\n\xc2\x9b")).unwrap();
        assert_eq!(text.read(Kept::text).unwrap(), "a\u{fffd}[2J\u{fffd}\tb\u{fffd}\n\u{fffd}");
    }

    #[test]
    fn log_lines_are_kept_whole_or_not_at_all() {
        let mut text = GuestText::new(21);
        assert!(text.log(GuestLogLevel::Info, "four"));
        assert!(!text.log(GuestLogLevel::Warn, "five"));
        assert!(text.log(GuestLogLevel::Error, "ok"));
        assert_eq!(text.read(|k| (k.log_lines_kept, k.log_lines_dropped)), Some((2, 1)));
        assert_eq!(text.read(Kept::text).unwrap(), "info: four\nerror: ok\n");
    }

    #[test]
    fn the_end_of_standard_error_is_remembered_past_the_bound() {
        let mut text = GuestText::new(4);
        let mut stream = text.stream(Source::Error);
        stream.write(Bytes::from(vec![b'a'; 3 * DETAIL_BYTES_MAX])).unwrap();
        stream.write(Bytes::from_static(b"panicked")).unwrap();
        let tail = text.read(Kept::error_tail).unwrap();
        assert_eq!(tail.len(), DETAIL_BYTES_MAX);
        assert!(tail.ends_with("aapanicked"));
        assert_eq!(text.read(Kept::text).unwrap(), "aaaa");
    }
}
