//! Reads the ledger's lines one after the other, from any place, in constant memory.
//!
//! A writer may be at work: only whole lines are taken, and what follows the last newline of the last
//! segment is left alone. Lines are not checked here, only told apart.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::Path;

use omega_contract::limits::EVENT_LINE_BYTES_MAX;
use omega_proof::line::LineFault;

use crate::error::{FaultKind, LedgerError, LedgerFault, file_name};
use crate::segment::{Segment, Spot, list_segments, segment_name};

const BLOCK_BYTES: usize = 1024 * 1024;

/// Gives each whole line from `from` on, without its newline, to `each`, until that breaks off. Gives the
/// place after the last line that was taken.
///
/// # Errors
/// What `each` gives, unreadable files, and a gap between segments.
pub(crate) fn stream_lines(
    dir: &Path,
    from: Spot,
    mut each: impl FnMut(Spot, &[u8]) -> Result<ControlFlow<()>, LedgerError>,
) -> Result<Spot, LedgerError> {
    let segments = list_segments(dir)?;
    let mut spot = from;
    let Some(first) = segments.iter().position(|segment| segment.first_index == from.segment) else {
        return if segments.is_empty() && from == Spot::START { Ok(from) } else { Err(gone(from)) };
    };
    let to_read = segments.get(first..).unwrap_or_default();
    for (at, segment) in to_read.iter().enumerate() {
        if segment.first_index != spot.index && spot.segment != segment.first_index {
            let kind = FaultKind::SegmentOutOfPlace { expected: spot.index };
            return Err(LedgerFault { file: file_name(&segment.path), line: 0, offset: 0, kind }.into());
        }
        if spot.segment != segment.first_index {
            spot = Spot { index: spot.index, segment: segment.first_index, offset: 0 };
        }
        let is_last = at + 1 == to_read.len();
        if stream_segment(segment, is_last, &mut spot, &mut each)?.is_break() {
            break;
        }
    }
    Ok(spot)
}

fn gone(from: Spot) -> LedgerError {
    let kind = FaultKind::SegmentOutOfPlace { expected: from.segment };
    LedgerFault { file: segment_name(from.segment), line: 0, offset: 0, kind }.into()
}

fn stream_segment(
    segment: &Segment,
    is_last: bool,
    spot: &mut Spot,
    each: &mut impl FnMut(Spot, &[u8]) -> Result<ControlFlow<()>, LedgerError>,
) -> Result<ControlFlow<()>, LedgerError> {
    let failed = |error| LedgerError::read(&segment.path)(error);
    let mut file = File::open(&segment.path).map_err(failed)?;
    file.seek(SeekFrom::Start(spot.offset)).map_err(failed)?;
    let mut buffer: Vec<u8> = Vec::with_capacity(BLOCK_BYTES);
    loop {
        let got = file.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut buffer).map_err(failed)?;
        let mut done = 0;
        while let Some(end) = memchr::memchr(b'\n', buffer.get(done..).unwrap_or_default()) {
            let line = buffer.get(done..done + end).unwrap_or_default();
            let next = Spot { index: spot.index + 1, offset: spot.offset + end as u64 + 1, ..*spot };
            let flow = each(*spot, line)?;
            *spot = next;
            done += end + 1;
            if flow.is_break() {
                return Ok(flow);
            }
        }
        buffer.drain(..done);
        let cut = match got {
            _ if buffer.len() >= EVENT_LINE_BYTES_MAX => Some(LineFault::TooLong),
            0 if !is_last && !buffer.is_empty() => Some(LineFault::MissingNewline),
            0 => return Ok(ControlFlow::Continue(())),
            _ => None,
        };
        if let Some(kind) = cut {
            return Err(fault_at(*spot, kind.into()).into());
        }
    }
}

/// A fault of the line at `spot`.
pub(crate) fn fault_at(spot: Spot, kind: FaultKind) -> LedgerFault {
    LedgerFault { file: segment_name(spot.segment), line: spot.index - spot.segment + 1, offset: spot.offset, kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::segment_path;

    fn lines_from(dir: &Path, from: Spot) -> Result<(Vec<String>, Spot), LedgerError> {
        let mut lines = Vec::new();
        let end = stream_lines(dir, from, |spot, line| {
            assert_eq!(spot.index, from.index + lines.len() as u64);
            lines.push(String::from_utf8_lossy(line).into_owned());
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((lines, end))
    }

    #[test]
    fn crosses_segments_and_leaves_a_cut_line_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(lines_from(dir.path(), Spot::START).unwrap(), (vec![], Spot::START));
        let long = "x".repeat(BLOCK_BYTES - 1);
        std::fs::write(segment_path(dir.path(), 0), format!("a\n{long}\nb\n")).unwrap();
        std::fs::write(segment_path(dir.path(), 3), "c\nd\ncut").unwrap();
        let (lines, end) = lines_from(dir.path(), Spot::START).unwrap();
        assert_eq!(lines, ["a", &long, "b", "c", "d"]);
        assert_eq!(end, Spot { index: 5, segment: 3, offset: 4 });
        let (lines, _) = lines_from(dir.path(), Spot { index: 1, segment: 0, offset: 2 }).unwrap();
        assert_eq!(lines, [&long, "b", "c", "d"]);
        assert_eq!(lines_from(dir.path(), end).unwrap(), (vec![], end));
    }

    #[test]
    fn names_a_gap_and_a_cut_line_inside() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(segment_path(dir.path(), 0), "a\nb\n").unwrap();
        std::fs::write(segment_path(dir.path(), 3), "c\n").unwrap();
        let fault = lines_from(dir.path(), Spot::START).unwrap_err().to_string();
        assert!(fault.contains("00000000000000000003.ndjson: segment out of place"), "{fault}");
        std::fs::rename(segment_path(dir.path(), 3), segment_path(dir.path(), 2)).unwrap();
        std::fs::write(segment_path(dir.path(), 0), "a\nb\ncut").unwrap();
        let fault = lines_from(dir.path(), Spot::START).unwrap_err().to_string();
        assert!(fault.contains("line 3, byte 4: missing newline"), "{fault}");
    }
}
