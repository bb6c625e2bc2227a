//! Goes through a text once and replaces what the rules find.

use crate::{
    finding::{Counts, Finding},
    rules::{card, email, iban, phone},
};

/// The text with marks in place of what was found, or nothing where nothing was.
pub(crate) fn redact(text: &str, counts: &mut Counts) -> Option<String> {
    // Whatever is found has one of these in it; most strings have not, and are not looked at further.
    if !text.bytes().any(|byte| byte == b'@' || byte.is_ascii_digit()) {
        return None;
    }
    let characters: Vec<char> = text.chars().collect();
    let mut redacted = String::with_capacity(text.len());
    let mut found_any = false;
    let mut at = 0;
    let mut before = None;
    while let Some(rest @ [character, ..]) = characters.get(at..) {
        if let Some((finding, length)) = find(before, rest) {
            counts.add(finding);
            redacted.push_str(finding.mark());
            found_any = true;
            at += length;
        } else {
            redacted.push(*character);
            at += 1;
        }
        before = at.checked_sub(1).and_then(|last| characters.get(last)).copied();
    }
    found_any.then_some(redacted)
}

/// What stands at the start of the text, and how many characters it takes up.
fn find(before: Option<char>, text: &[char]) -> Option<(Finding, usize)> {
    // An address starts where the characters that it can have start, so each is looked at once.
    if !before.is_some_and(email::is_local)
        && let Some(length) = email::length(text)
    {
        return Some((Finding::Email, length));
    }
    // A number in the middle of a longer one, or of a word, is none of ours.
    let in_a_word = before.is_some_and(|before| before.is_alphanumeric() || matches!(before, '_' | '+'));
    let in_a_number = before == Some('.') || before == Some('-');
    if in_a_word {
        return None;
    }
    if let Some(length) = iban::length(text) {
        return Some((Finding::Iban, length));
    }
    if let Some(length) = card::length(text) {
        return Some((Finding::Card, length));
    }
    if in_a_number {
        return None;
    }
    phone::length(text).map(|length| (Finding::Phone, length))
}

#[cfg(test)]
mod tests {
    use super::redact;
    use crate::finding::Counts;

    fn check(text: &str, expect: &str) {
        let mut counts = Counts::default();
        let redacted = redact(text, &mut counts);
        assert_eq!(redacted.as_deref().unwrap_or(text), expect);
        let marks = u64::try_from(expect.matches('[').count() - text.matches('[').count()).expect("a count");
        assert_eq!(counts.total(), marks, "{text}");
        assert_eq!(redacted.is_none(), marks == 0, "{text}");
    }

    #[test]
    fn emails() {
        check("write to ada.lovelace+math@example.co.uk.", "write to [email].");
        check("<o'brien@example.org>, b@x.de", "<[email]>, [email]");
        check("jürgen@müller.de", "[email]");
        check("@handle, a@b, a@b.c, a@.de, a@-x.de", "@handle, a@b, a@b.c, a@.de, a@-x.de");
        check("root@192.168.0.1", "root@192.168.0.1");
    }

    #[test]
    fn email_at_its_longest_and_one_past() {
        let local = "l".repeat(64);
        check(&format!("{local}@example.org"), "[email]");
        let longer = format!("l{local}@example.org");
        check(&longer, &longer);
    }

    #[test]
    fn cards() {
        check("4111 1111 1111 1111", "[card]");
        check("card 4111-1111-1111-1111, exp 12/29", "card [card], exp 12/29");
        check("340000000000009", "[card]");
        check("4111 1111 1111 1112", "4111 1111 1111 1112");
        check("id 94111111111111111, x4111111111111111", "id 94111111111111111, x4111111111111111");
    }

    #[test]
    fn ibans() {
        check("DE89 3704 0044 0532 0130 00", "[iban]");
        check("pay to gb82west12345698765432 now", "pay to [iban] now");
        check("DE89370400440532013000.", "[iban].");
        check("GB82 WEST 1234 5698 7654 33", "GB82 WEST 1234 5698 7654 33");
        check("NO93 8601 1117 947 and more", "[iban] and more");
    }

    #[test]
    fn phones() {
        for phone in [
            "+49 30 1234567",
            "+1 (212) 555-0123",
            "+442079460958",
            "(212) 555-0123",
            "212-555-0123",
            "212.555.0123",
            "030 123456",
            "030/1234567",
            "0041 44 123 45 67",
            "01 23 45 67 89",
            "01701234567",
        ] {
            check(&format!("call {phone}, please"), "call [phone], please");
        }
    }

    #[test]
    fn what_is_no_phone_number() {
        for text in [
            "2026-01-31",
            "31.01.2026",
            "01.02.2026 12:30",
            "2026-01-31T12:30:00Z",
            "192.168.100.200",
            "version 10.20.30",
            "1234567890",
            "+1234567",
            "+1234567890123456",
            "12 345 678",
            "3.14159265358979",
            "a1701234567",
        ] {
            check(text, text);
        }
    }
}
