//! Tells from the first part of a file how its fields are separated and whether its first record names them.

use std::collections::BTreeSet;

use csv::{ReaderBuilder, StringRecord};

use crate::cell::Cell;

/// How many of the first records are looked at.
const SAMPLE_RECORDS_MAX: usize = 20;

/// What may separate fields; the first that fits best wins.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The delimiter under which the sample's records agree best on having several fields.
pub(crate) fn delimiter(sample: &[u8]) -> u8 {
    let mut best = (0, DELIMITERS[0]);
    for delimiter in DELIMITERS {
        let score = score(sample, delimiter);
        if score > best.0 {
            best = (score, delimiter);
        }
    }
    best.1
}

/// How many of the first records have as many fields as the first one, if that has several.
fn score(sample: &[u8], delimiter: u8) -> usize {
    let mut reader = ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(sample);
    let counts: Vec<usize> =
        reader.byte_records().take(SAMPLE_RECORDS_MAX).map_while(Result::ok).map(|record| record.len()).collect();
    match counts.first() {
        Some(fields) if *fields > 1 => counts.iter().filter(|count| *count == fields).count(),
        _ => 0,
    }
}

/// A record names columns if every field is a text of its own: no number, no date, no null, none twice.
pub(crate) fn is_header(record: &StringRecord) -> bool {
    let mut names = BTreeSet::new();
    record.iter().all(|name| Cell::of(name.trim()) == Cell::Text && names.insert(name))
}
