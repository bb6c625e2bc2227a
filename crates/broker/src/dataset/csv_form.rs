//! Refuses what RFC 4180 does not allow and a lenient CSV reader would silently guess at.
//!
//! It stands between a file and the `csv` crate and changes nothing but a byte order mark at the start,
//! which it drops. It also bounds the bytes of a record before the reader behind it would gather them.

use std::io::{self, Read};

use super::{DatasetFault, LineFault, ROW_BYTES_MAX};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    RecordStart,
    FieldStart,
    Unquoted,
    Quoted,
    /// After a quote inside a quoted field: it was the closing one, or the first of two.
    AfterQuote,
    /// After a carriage return outside quotes: a line feed must follow.
    AfterReturn,
}

pub(crate) struct StrictCsv<R> {
    source: R,
    place: Place,
    line: u64,
    quoted_since_line: u64,
    record_bytes: usize,
    mark_bytes_seen: usize,
}

const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

impl<R: Read> StrictCsv<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, place: Place::RecordStart, line: 1, quoted_since_line: 1, record_bytes: 0, mark_bytes_seen: 0 }
    }

    fn take(&mut self, byte: u8) -> Result<(), DatasetFault> {
        self.record_bytes += 1;
        self.place = match (self.place, byte) {
            (Place::Quoted, b'"') => Place::AfterQuote,
            (Place::Quoted, _) | (Place::AfterQuote, b'"') => Place::Quoted,
            (Place::RecordStart | Place::FieldStart, b'"') => {
                self.quoted_since_line = self.line;
                Place::Quoted
            }
            (Place::Unquoted, b'"') => return Err(LineFault::StrayQuote.at(self.line)),
            (Place::AfterReturn, b'\n') => Place::RecordStart,
            (Place::AfterReturn, _) => return Err(LineFault::LoneCarriageReturn.at(self.line)),
            (Place::RecordStart, b'\n' | b'\r') => return Err(LineFault::Empty.at(self.line)),
            (_, b'\n') => Place::RecordStart,
            (_, b'\r') => Place::AfterReturn,
            (_, b',') => Place::FieldStart,
            (Place::AfterQuote, _) => return Err(LineFault::TextAfterQuote.at(self.line)),
            (Place::RecordStart | Place::FieldStart | Place::Unquoted, _) => Place::Unquoted,
        };
        // The end of a record does not count as its content.
        if self.record_bytes > ROW_BYTES_MAX && !matches!(self.place, Place::RecordStart | Place::AfterReturn) {
            return Err(LineFault::TooLong.at(self.line));
        }
        if self.place == Place::RecordStart {
            self.record_bytes = 0;
        }
        if byte == b'\n' {
            self.line += 1;
        }
        Ok(())
    }

    fn end(&self) -> Result<(), DatasetFault> {
        match self.place {
            Place::Quoted => Err(LineFault::UnclosedQuote.at(self.quoted_since_line)),
            Place::AfterReturn => Err(LineFault::LoneCarriageReturn.at(self.line)),
            _ => Ok(()),
        }
    }

    /// Drops a byte order mark while it is still at the start; returns where the rest begins.
    fn skip_mark(&mut self, bytes: &[u8]) -> usize {
        let mut skipped = 0;
        while let (Some(mark), Some(byte)) = (BYTE_ORDER_MARK.get(self.mark_bytes_seen), bytes.get(skipped)) {
            if mark != byte {
                // UTF-8 text never starts with a part of the mark; what does is refused as not UTF-8 anyway.
                self.mark_bytes_seen = BYTE_ORDER_MARK.len();
                break;
            }
            self.mark_bytes_seen += 1;
            skipped += 1;
        }
        skipped
    }
}

impl<R: Read> Read for StrictCsv<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.source.read(buffer)?;
            let Some(bytes) = buffer.get(..count) else { return Ok(0) };
            if count == 0 {
                return self.end().map(|()| 0).map_err(as_io);
            }
            let skipped = self.skip_mark(bytes);
            for byte in bytes.iter().skip(skipped) {
                self.take(*byte).map_err(as_io)?;
            }
            buffer.copy_within(skipped..count, 0);
            if skipped < count || buffer.is_empty() {
                return Ok(count - skipped);
            }
        }
    }
}

fn as_io(fault: DatasetFault) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(bytes: &[u8], at_once: usize) -> Result<Vec<u8>, DatasetFault> {
        struct Drip<'a>(&'a [u8], usize);
        impl Read for Drip<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let count = self.1.min(self.0.len()).min(buffer.len());
                let (now, later) = self.0.split_at(count);
                buffer[..count].copy_from_slice(now);
                self.0 = later;
                Ok(count)
            }
        }
        let mut passed = Vec::new();
        match StrictCsv::new(Drip(bytes, at_once)).read_to_end(&mut passed) {
            Ok(_) => Ok(passed),
            Err(e) => Err(*e.into_inner().unwrap().downcast::<DatasetFault>().unwrap()),
        }
    }

    fn check(text: &str, expect: &Result<&str, DatasetFault>) {
        for at_once in [1, 2, 5, 4096] {
            let got = through(text.as_bytes(), at_once).map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(got, expect.clone().map(ToOwned::to_owned), "{text:?} by {at_once}");
        }
    }

    #[test]
    fn rfc_4180_passes_unchanged() {
        for text in [
            "",
            "a,b\n1,2\n",
            "a,b\r\n1,2\r\n",
            "a\n1",
            "a,b\n\"1\n\n2\",\"\"\"x\"\"\"\n",
            "a,b\n,\n",
            "a\n\"\"\n",
            "a\n\"\r\"\n",
        ] {
            check(text, &Ok(text));
        }
        check("\u{feff}a,b\n1,2\n", &Ok("a,b\n1,2\n"));
        check("\u{feff}\"a\",b\n1,2\n", &Ok("\"a\",b\n1,2\n"));
        check("a\n\u{feff}1\n", &Ok("a\n\u{feff}1\n"));
    }

    #[test]
    fn guesses_are_refused() {
        check("a,b\n1,x\"y\n", &Err(LineFault::StrayQuote.at(2)));
        check("a,b\n1,\"x\"y\n", &Err(LineFault::TextAfterQuote.at(2)));
        check("a,b\n1,\"x\n2,3\n", &Err(LineFault::UnclosedQuote.at(2)));
        check("a,b\n1,2\r3,4\n", &Err(LineFault::LoneCarriageReturn.at(2)));
        check("a\r", &Err(LineFault::LoneCarriageReturn.at(1)));
        check("a\n\n1\n", &Err(LineFault::Empty.at(2)));
        check("\na\n", &Err(LineFault::Empty.at(1)));
    }

    #[test]
    fn records_are_bounded_at_the_limit_and_one_past_it() {
        for end in ["\n", "\r\n", ""] {
            let record = |bytes: usize| format!("a\n{}{end}", "x".repeat(bytes));
            assert!(through(record(ROW_BYTES_MAX).as_bytes(), 4096).is_ok());
            let past = through(record(ROW_BYTES_MAX + 1).as_bytes(), 4096);
            assert_eq!(past, Err(LineFault::TooLong.at(2)));
        }
        let unclosed = format!("a\n\"{}", "x\n".repeat(ROW_BYTES_MAX));
        assert!(matches!(
            through(unclosed.as_bytes(), 4096),
            Err(DatasetFault::Line { fault: LineFault::TooLong, .. })
        ));
    }
}
