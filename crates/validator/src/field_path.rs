//! Field paths as people write them: `io.inputs[0].limits.max_bytes`.
//!
//! What never happens here: a path longer than [`PATH_CHARS_MAX`]; keys come from outside.

use jsonschema::paths::{Location, LocationSegment};

/// Characters of a path that are shown.
pub(crate) const PATH_CHARS_MAX: usize = 256;
/// Characters of one key or name from outside that are shown.
const NAME_CHARS_MAX: usize = 64;

/// The path of an instance location; `""` for the whole.
pub(crate) fn of_location(location: &Location) -> String {
    let mut path = String::new();
    for segment in location {
        match segment {
            LocationSegment::Property(name) => push_name(&mut path, &name),
            LocationSegment::Index(index) => push_index(&mut path, index),
        }
        if path.chars().count() > PATH_CHARS_MAX {
            path = path.chars().take(PATH_CHARS_MAX).collect();
            path.push('…');
            break;
        }
    }
    path
}

/// `base.name`, or `name` where the base is the whole.
pub(crate) fn child(base: &str, name: &str) -> String {
    let mut path = base.to_owned();
    push_name(&mut path, name);
    path
}

/// A key or name from outside, cut and without control characters.
pub(crate) fn shown(name: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut text: String = name.chars().take(NAME_CHARS_MAX).map(plain).collect();
    if name.chars().nth(NAME_CHARS_MAX).is_some() {
        text.push('…');
    }
    text
}

fn push_name(path: &mut String, name: &str) {
    let identifier = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'));
    if identifier {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(&shown(name));
    } else {
        path.push_str("[\"");
        path.push_str(&shown(name));
        path.push_str("\"]");
    }
}

fn push_index(path: &mut String, index: usize) {
    path.push('[');
    path.push_str(&index.to_string());
    path.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_people_write_them() {
        let check = |segments: &[LocationSegment<'static>], expect: &str| {
            assert_eq!(of_location(&segments.iter().cloned().collect::<Location>()), expect);
        };
        check(&[], "");
        check(&["io".into(), "inputs".into(), 0.into(), "limits".into()], "io.inputs[0].limits");
        check(&["a b".into(), "c".into()], r#"["a b"].c"#);
        check(&["a/b".into(), "c~d".into()], r#"["a/b"]["c~d"]"#);
        check(&["a\nb".into()], "[\"a\u{fffd}b\"]");
        let long: Vec<_> = (0..200).map(LocationSegment::from).collect();
        assert_eq!(of_location(&long.into_iter().collect::<Location>()).chars().count(), PATH_CHARS_MAX + 1);
    }
}
