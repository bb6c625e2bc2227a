//! Local references: `#`, `#/json/pointer`, `#anchor`.
//!
//! What never happens here: looking anything up outside the document.

/// What a `$ref` names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A JSON Pointer (RFC 6901) in its plain form: `""`, `/a/b~1c`.
    Pointer(String),
    /// An anchor's name.
    Anchor(String),
}

/// Reads a reference; `None` where it is not local to the document.
pub(super) fn target(reference: &str) -> Option<Target> {
    let fragment = percent_decoded(reference.strip_prefix('#')?)?;
    if fragment.is_empty() || fragment.starts_with('/') {
        return Some(Target::Pointer(fragment));
    }
    Some(Target::Anchor(fragment))
}

/// `pointer` as a URI fragment, every byte but plain ones escaped.
pub(super) fn fragment(pointer: &str) -> String {
    let mut text = String::with_capacity(pointer.len() + 1);
    text.push('#');
    for byte in pointer.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~' | b'$') {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(hex(byte >> 4)));
            text.push(char::from(hex(byte & 0xf)));
        }
    }
    text
}

/// `pointer/key`, the key escaped (RFC 6901, section 3).
pub(super) fn join(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn hex(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'A' + (nibble - 10),
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let [high, low, tail @ ..] = rest else { return None };
        let value = char::from(*high).to_digit(16)? * 16 + char::from(*low).to_digit(16)?;
        bytes.push(u8::try_from(value).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_references_have_a_target() {
        let pointer = |text: &str| Some(Target::Pointer(text.into()));
        let check = |reference: &str, expect: Option<Target>| assert_eq!(target(reference), expect, "{reference}");
        check("#", pointer(""));
        check("#/$defs/a", pointer("/$defs/a"));
        check("#/%24defs/a%20b", pointer("/$defs/a b"));
        check("#/a~1b", pointer("/a~1b"));
        check("#name", Some(Target::Anchor("name".into())));
        for other in ["", "a.json", "a.json#/x", "https://x/y#/z", "file:///etc/passwd", "#%", "#%g0", "#%ff", "/x"] {
            check(other, None);
        }
    }

    #[test]
    fn fragments_read_back() {
        for pointer in ["", "/a", "/a b/ü/%/\"", "/$defs/x~1y"] {
            assert_eq!(target(&fragment(pointer)), Some(Target::Pointer(pointer.into())));
        }
        assert_eq!(join("/a", "b/c~d"), "/a/b~1c~0d");
    }
}
