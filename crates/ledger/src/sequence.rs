//! Gives each event its index, id, time and link: the one place where the chain grows.

use std::fmt::Write;

use omega_contract::ports::Recorded;
use omega_contract::{Sha256Hex, Timestamp};
use ulid::{ULID_LEN, Ulid};

use crate::encode::{DraftLine, Place, TS_BYTES};

/// The end of the chain.
#[derive(Debug, Clone)]
pub(crate) struct Sequence {
    next_index: u64,
    head: Option<Sha256Hex>,
    last_ts: Timestamp,
    last_id: Ulid,
    /// `last_ts` as text: within one second only its last digits change.
    ts_text: String,
    ts_second: i64,
}

impl Sequence {
    /// The chain ends before `next_index` with an event of this hash, time and id.
    pub(crate) fn after(next_index: u64, head: Option<Sha256Hex>, last_ts: Timestamp, last_id: &str) -> Self {
        let last_id = Ulid::from_string(last_id).unwrap_or(Ulid::nil());
        let ts_text = String::with_capacity(TS_BYTES);
        Self { next_index, head, last_ts, last_id, ts_text, ts_second: i64::MIN }
    }

    /// The index of the next event.
    pub(crate) const fn next_index(&self) -> u64 {
        self.next_index
    }

    /// The last event.
    pub(crate) fn head(&self) -> Option<Recorded> {
        Some(Recorded { index: self.next_index.checked_sub(1)?, event_hash: self.head? })
    }

    /// Appends the line of `draft` to `into`. `now` may be before the last event's time: then that is taken.
    pub(crate) fn append(&mut self, draft: &DraftLine, now: Timestamp, into: &mut Vec<u8>) -> Recorded {
        self.tick(now);
        let mut id = [0; ULID_LEN];
        let place = Place { event_id: self.last_id.array_to_str(&mut id), prev_hash: self.head, ts: &self.ts_text };
        let event_hash = draft.place(&place, into);
        let index = self.next_index;
        self.next_index += 1;
        self.head = Some(event_hash);
        Recorded { index, event_hash }
    }

    /// Moves time and id on. Ids rise, also where many events fall into one millisecond.
    fn tick(&mut self, now: Timestamp) {
        self.last_ts = self.last_ts.max(now);
        let unix_ms = u64::try_from(self.last_ts.unix_micros() / 1_000).unwrap_or(0);
        let fresh = |ms: u64| Ulid::from_parts(ms, Ulid::generate().random());
        self.last_id = if unix_ms > self.last_id.timestamp_ms() {
            fresh(unix_ms)
        } else {
            // All 2^80 of one millisecond used up: borrow from the next one.
            self.last_id.increment().unwrap_or_else(|_| fresh(self.last_id.timestamp_ms() + 1))
        };
        self.write_ts();
    }

    fn write_ts(&mut self) {
        const TO_TEXT: &str = "writing to text does not fail";
        let second = self.last_ts.unix_micros().div_euclid(1_000_000);
        if second == self.ts_second {
            // Digit by digit: a formatter costs more than the rest of the event's place.
            self.ts_text.truncate(TS_BYTES - 7);
            let micros = self.last_ts.unix_micros().rem_euclid(1_000_000);
            for unit in [100_000, 10_000, 1_000, 100, 10, 1] {
                let digit = u8::try_from(micros / unit % 10).unwrap_or(0);
                self.ts_text.push(char::from(b'0' + digit));
            }
            self.ts_text.push('Z');
        } else {
            self.ts_text.clear();
            write!(self.ts_text, "{}", self.last_ts).expect(TO_TEXT);
            self.ts_second = second;
        }
    }
}

#[cfg(test)]
mod tests {
    use omega_contract::{Event, EventDraft, EventKind};
    use omega_proof::line::strict_event;

    use super::*;

    #[test]
    fn time_and_ids_never_run_back() {
        let mut sequence = Sequence::after(0, None, Timestamp::EPOCH, "");
        let draft = DraftLine::new(&EventDraft::system(EventKind::Policy)).unwrap();
        let mut before: Option<Event> = None;
        for micros in [5_000_000, 5_000_001, 5_000_001, 3, 5_999_999, 6_000_000, -1, 6_000_000, 90_000_000_000] {
            let mut line = Vec::new();
            let recorded = sequence.append(&draft, Timestamp::from_unix_micros(micros), &mut line);
            let event = strict_event(line.strip_suffix(b"\n").unwrap()).unwrap();
            let ts: Timestamp = event.ts.parse().unwrap();
            if let Some(before) = &before {
                assert!(event.event_id > before.event_id && event.ts >= before.ts, "{micros}");
                assert_eq!(event.prev_hash, before.event_hash.to_string());
            }
            assert!(ts.unix_micros() >= micros);
            assert_eq!(sequence.head(), Some(recorded));
            before = Some(event);
        }
        assert_eq!(sequence.next_index(), 9);
    }

    #[test]
    fn ids_go_on_after_the_last_of_a_millisecond() {
        let last = Ulid::from_parts(7, u128::MAX).to_string();
        let mut sequence = Sequence::after(3, Some(Sha256Hex::of(b"")), Timestamp::from_unix_micros(7_000), &last);
        let mut line = Vec::new();
        let draft = DraftLine::new(&EventDraft::system(EventKind::Policy)).unwrap();
        sequence.append(&draft, Timestamp::EPOCH, &mut line);
        let event = strict_event(line.strip_suffix(b"\n").unwrap()).unwrap();
        assert!(event.event_id > last, "{}", event.event_id);
    }
}
