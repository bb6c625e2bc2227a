//! What is done: three pieces of work at four sizes, and what must come out of each.

use std::fmt::Write as _;

use work::{Report, Row, Rows, Vowels};

/// Sizes of the input in bytes.
pub(crate) const SIZES: [(usize, &str); 4] = [(0, "0 B"), (4 << 10, "4 KiB"), (64 << 10, "64 KiB"), (1 << 20, "1 MiB")];

/// A piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Echo,
    CountVowels,
    Report,
}

impl Work {
    pub(crate) const ALL: [Self; 3] = [Self::Echo, Self::CountVowels, Self::Report];

    /// The name of the guests, and the plugin's id.
    pub(crate) fn id(self) -> &'static str {
        ["echo", "count-vowels", "report"][self as usize]
    }

    pub(crate) fn title(self) -> &'static str {
        ["echo", "count vowels", "JSON report"][self as usize]
    }
}

/// One piece of work at one size.
pub(crate) struct Case {
    pub(crate) work: Work,
    pub(crate) size: &'static str,
    /// What goes in, as text.
    pub(crate) input: String,
}

impl Case {
    pub(crate) fn all() -> Vec<Self> {
        Work::ALL.into_iter().flat_map(|work| SIZES.map(|(bytes, size)| Self::new(work, bytes, size))).collect()
    }

    pub(crate) fn new(work: Work, bytes: usize, size: &'static str) -> Self {
        let input = match work {
            Work::Echo | Work::CountVowels => text(bytes),
            Work::Report => rows(bytes),
        };
        Self { work, size, input }
    }

    /// Panics where an answer is not the work's. Hosts may write the same number differently.
    pub(crate) fn check(&self, way: &str, answer: &str) {
        let right = match self.work {
            Work::Echo => answer == self.input,
            Work::CountVowels => {
                serde_json::from_str::<Vowels>(answer).is_ok_and(|it| it == work::count_vowels(&self.input))
            }
            Work::Report => {
                let rows: Rows = serde_json::from_str(&self.input).expect("rows are rows");
                serde_json::from_str::<Report>(answer).is_ok_and(|it| it == work::report(&rows))
            }
        };
        assert!(right, "{way}: {} of {} is wrong: {:.200}", self.work.id(), self.size, answer);
    }
}

/// English text of exactly so many bytes.
pub(crate) fn text(bytes: usize) -> String {
    "The quick brown fox jumps over the lazy dog, twice.\n".chars().cycle().take(bytes).collect()
}

/// As many rows as fit; at least the empty list, which is 11 bytes.
fn rows(bytes: usize) -> String {
    let mut written = String::from("{\"rows\":[");
    for id in 0_u32.. {
        let row = Row {
            id,
            name: format!("sensor {id}"),
            kind: ["heat", "light", "sound"][id as usize % 3].to_owned(),
            // Quarters, so that every host's sum is exact.
            value: f64::from(id % 1_000) * 0.25,
        };
        let row = serde_json::to_string(&row).expect("a row is JSON");
        if written.len() + row.len() + 3 > bytes {
            break;
        }
        let comma = if id == 0 { "" } else { "," };
        write!(written, "{comma}{row}").expect("a String takes everything");
    }
    written + "]}"
}
