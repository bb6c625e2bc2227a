//! Writes an event's line directly in its RFC 8785 form (spec page 3, "Event").
//!
//! Everything that does not depend on the event's place is written before the chain is locked. A test
//! compares each line with what the canonical writer of the contract makes of the same event.

use omega_contract::limits::EVENT_LINE_BYTES_MAX;
use omega_contract::ports::RecorderError;
use omega_contract::{EventDraft, EventKind, Sha256Hex};
use omega_proof::line::{LINE_PREFIX_BYTES, hash_after_prefix};

/// A draft as the bytes before and after its `prev_hash`.
#[derive(Debug)]
pub(crate) struct DraftLine {
    bytes: Vec<u8>,
    /// Where `prev_hash` goes.
    split: usize,
    pub(crate) kind: EventKind,
}

/// Bytes of a ULID as text.
pub(crate) const ULID_BYTES: usize = 26;
/// Bytes of a timestamp as text.
pub(crate) const TS_BYTES: usize = 27;
const HASH_BYTES: usize = 64;
/// Prefix, `"event_id":"…"`, `prev_hash`, `ts`, `"}` and the newline.
const PLACE_BYTES: usize = LINE_PREFIX_BYTES + 12 + ULID_BYTES + 1 + HASH_BYTES + TS_BYTES + 3;

impl DraftLine {
    /// Writes what is known before the event has its place.
    ///
    /// # Errors
    /// An event that no line can hold: it is longer than a line may be, or a key of its `meta` is not plain
    /// ASCII (then UTF-16 order, which RFC 8785 asks for, would not be byte order).
    pub(crate) fn new(draft: &EventDraft) -> Result<Self, RecorderError> {
        // Room for the usual line, so that it does not grow on the way.
        let mut bytes = Vec::with_capacity(1024);
        put(&mut bytes, ",\"input_hash\":\"");
        put_hash(&mut bytes, draft.input_hash);
        put(&mut bytes, "\",\"kind\":\"");
        put(&mut bytes, draft.kind.as_str());
        put(&mut bytes, "\",\"meta\":{");
        for (at, (key, value)) in draft.meta.iter().enumerate() {
            if !key.bytes().all(|byte| (0x20..0x80).contains(&byte) && byte != b'"' && byte != b'\\') {
                let shown: String = key.chars().take(32).collect();
                return Err(RecorderError { cause: format!("a key of meta is not plain ASCII: {shown:?}") });
            }
            put(&mut bytes, if at == 0 { "\"" } else { ",\"" });
            put(&mut bytes, key);
            put(&mut bytes, "\":");
            put_text(&mut bytes, value);
        }
        put(&mut bytes, "},\"output_hash\":\"");
        put_hash(&mut bytes, draft.output_hash);
        put(&mut bytes, "\",\"plugin_id\":");
        put_text(&mut bytes, draft.plugin_id.as_ref().map_or("", |id| id.as_str()));
        put(&mut bytes, ",\"prev_hash\":\"");
        let split = bytes.len();
        put(&mut bytes, "\",\"request_id\":");
        put_text(&mut bytes, draft.request_id.as_ref().map_or("", |id| id.as_str()));
        put(&mut bytes, ",\"run_id\":");
        put_text(&mut bytes, draft.run_id.as_str());
        put(&mut bytes, ",\"ts\":\"");
        let line = Self { bytes, split, kind: draft.kind };
        if line.bytes_max() > EVENT_LINE_BYTES_MAX {
            let cause = format!("an event of {} bytes; a line has at most {EVENT_LINE_BYTES_MAX}", line.bytes_max());
            return Err(RecorderError { cause });
        }
        Ok(line)
    }

    /// Bytes of the line, its newline included; the first line of a ledger has 64 fewer.
    pub(crate) fn bytes_max(&self) -> usize {
        self.bytes.len() + PLACE_BYTES
    }

    /// Appends the whole line, newline included, to `into`, and gives the event's hash.
    pub(crate) fn place(&self, place: &Place<'_>, into: &mut Vec<u8>) -> Sha256Hex {
        let start = into.len();
        into.extend_from_slice(b"{\"event_hash\":\"");
        into.extend_from_slice(&[b'0'; HASH_BYTES]);
        into.extend_from_slice(b"\",\"event_id\":\"");
        into.extend_from_slice(place.event_id.as_bytes());
        into.push(b'"');
        let (before, after) = self.bytes.split_at(self.split);
        into.extend_from_slice(before);
        put_hash(into, place.prev_hash);
        into.extend_from_slice(after);
        into.extend_from_slice(place.ts.as_bytes());
        into.extend_from_slice(b"\"}");
        let hash = hash_after_prefix(&into[start + LINE_PREFIX_BYTES..]);
        into[start + 15..start + 15 + HASH_BYTES].copy_from_slice(hash.to_hex().as_str().as_bytes());
        into.push(b'\n');
        hash
    }
}

/// What an event's place in the chain gives it.
pub(crate) struct Place<'a> {
    /// A ULID.
    pub(crate) event_id: &'a str,
    /// The hash of the event before.
    pub(crate) prev_hash: Option<Sha256Hex>,
    /// RFC 3339.
    pub(crate) ts: &'a str,
}

fn put(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend_from_slice(text.as_bytes());
}

fn put_hash(bytes: &mut Vec<u8>, hash: Option<Sha256Hex>) {
    if let Some(hash) = hash {
        put(bytes, hash.to_hex().as_str());
    }
}

/// A JSON string. Most text has nothing to escape, which is found out in one vectorised pass; the rest goes
/// through serde_json, whose escapes are those of RFC 8785.
fn put_text(bytes: &mut Vec<u8>, text: &str) {
    let odd = |odd: u8, byte: u8| odd | u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    if text.bytes().fold(0, odd) == 0 {
        bytes.push(b'"');
        put(bytes, text);
        bytes.push(b'"');
    } else {
        serde_json::to_writer(bytes, text).expect("writing text to memory does not fail");
    }
}

/// `text` as it stands inside the quotes of a line.
pub(crate) fn escaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len() + 2);
    put_text(&mut bytes, text);
    let quoted = String::from_utf8(bytes).unwrap_or_default();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use omega_contract::canonical_bytes;
    use omega_proof::line::{checked_event, strict_event};
    use proptest::prelude::*;

    use super::*;

    const PLACE: Place<'_> =
        Place { event_id: "01KAGXYZ0123456789ABCDEFGH", prev_hash: None, ts: "2026-11-20T11:18:34.123456Z" };

    proptest! {
        #[test]
        fn a_line_is_what_the_canonical_writer_makes(run in ".{1,40}", value in "\\PC{0,40}|.{0,40}", key in "[a-z_.]{1,9}", linked in any::<bool>()) {
            let mut draft = EventDraft::of_run(EventKind::Invoke, run.parse().unwrap()).with("attempt", value.clone());
            draft.meta.insert(key.into(), value);
            draft.request_id = Some(run.parse().unwrap());
            draft.plugin_id = Some("text-stats".parse().unwrap());
            draft.input_hash = Some(Sha256Hex::of(b"in"));
            let prev_hash = linked.then(|| Sha256Hex::of(b"before"));
            let mut bytes = b"before\n".to_vec();
            let line = DraftLine::new(&draft).unwrap();
            let hash = line.place(&Place { prev_hash, ..PLACE }, &mut bytes);
            let written = bytes.strip_prefix(b"before\n").unwrap().strip_suffix(b"\n").unwrap();
            let event = strict_event(written).unwrap();
            prop_assert_eq!(event.event_hash, hash);
            prop_assert_eq!(&canonical_bytes(&event).unwrap(), written);
            prop_assert_eq!(event.run_id.as_str(), draft.run_id.as_str());
            prop_assert_eq!(&event.meta, &draft.meta);
            prop_assert_eq!(event.prev_hash.is_empty(), !linked);
            prop_assert_eq!(line.bytes_max(), written.len() + 1 + if linked { 0 } else { 64 });
        }
    }

    #[test]
    fn a_line_has_a_largest_length() {
        let of = |bytes: usize| DraftLine::new(&EventDraft::system(EventKind::Policy).with("a", "x".repeat(bytes)));
        let fixed = of(0).unwrap().bytes_max();
        let longest = of(EVENT_LINE_BYTES_MAX - fixed).unwrap();
        let mut bytes = Vec::new();
        longest.place(&Place { prev_hash: Some(Sha256Hex::of(b"")), ..PLACE }, &mut bytes);
        assert_eq!(bytes.len(), EVENT_LINE_BYTES_MAX);
        checked_event(bytes.strip_suffix(b"\n").unwrap()).unwrap();
        let refused = of(EVENT_LINE_BYTES_MAX - fixed + 1).unwrap_err();
        assert!(refused.cause.contains("1048577 bytes"), "{refused}");
    }

    #[test]
    fn keys_of_meta_are_plain() {
        for key in ["é", "a\"b", "a\\b", "a\n"] {
            let draft = EventDraft::system(EventKind::Policy).with(key, "");
            assert!(DraftLine::new(&draft).unwrap_err().cause.contains("plain ASCII"), "{key}");
        }
    }
}
