//! A line of the ledger: the fast reader and the strict one agree, and only the exact canonical line passes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omega_contract::canonical_bytes;
use omega_fuzz::with_its_hash;
use omega_proof::line::{Line, checked_event, strict_event};

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // A mutation breaks the hash; set it right, so that what is behind that door is reached too.
    check(&with_its_hash(bytes));
});

fn check(line: &[u8]) {
    let scanned = Line::scan(line);
    if let Ok(scanned) = &scanned {
        for key in ["reason", "", "\"", "attempt"] {
            let _ = scanned.meta().get(key);
        }
    }
    let checked = checked_event(line);
    if checked.is_ok() {
        assert!(scanned.is_ok_and(|scanned| scanned.hash().is_ok()), "the event without its line");
    }
    if let Ok(event) = strict_event(line) {
        assert_eq!(checked.expect("the strict reader takes no more"), event, "two readers see different events");
        assert_eq!(canonical_bytes(&event).expect("an event can be written"), line, "another form was taken");
    }
}
