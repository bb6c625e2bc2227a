//! Text as JavaScript has it, which may hold lone surrogates, and text as frames have it, which may not.
//!
//! What never happens here: a text that is longer than its bound.

use rquickjs::{Ctx, String as JsString};

/// The start of a text, at most so many bytes of it.
pub(super) fn cut(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

/// The end of a text: the last lines of a trace are the outermost, which say least, but a cut message says even less.
pub(super) fn cut_lines(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let part = &text[..text.floor_char_boundary(bytes_max)];
    part.rsplit_once('\n').map_or(part, |(whole, _)| whole).to_owned()
}

/// A string of JavaScript's; a lone surrogate is written out, as `\ud800`.
pub(super) fn text_of<'js>(ctx: &Ctx<'js>, string: &JsString<'js>) -> rquickjs::Result<String> {
    match string.to_string() {
        Err(rquickjs::Error::Utf8(_)) => {
            let literal = ctx.json_stringify(string.clone())?.map(|literal| literal.to_string()).transpose()?;
            Ok(written_out(&literal.unwrap_or_default()))
        }
        text => text,
    }
}

/// Where JSON text that the engine wrote escapes a lone surrogate: it escapes no other character so.
pub(super) fn lone_surrogate(json: &str) -> Option<usize> {
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]) {
        let escape = at + found;
        if matches!(
            bytes.get(escape + 1..escape + 4),
            Some([b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F'])
        ) {
            return Some(escape);
        }
        at = escape + 2;
        if at > bytes.len() {
            break;
        }
    }
    None
}

/// The text of a JSON literal in which lone surrogates are escaped, with those escapes as they stand.
fn written_out(literal: &str) -> String {
    let (mut whole, mut rest) = (String::with_capacity(literal.len()), literal);
    while let Some(place) = lone_surrogate(rest) {
        let (before, after) = rest.split_at(place);
        whole.push_str(before);
        whole.push('\\');
        // The escaped backslash, and the letter that follows it.
        let (escape, after) = after.split_at(2);
        whole.push_str(escape);
        rest = after;
    }
    whole.push_str(rest);
    serde_json::from_str(&whole).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_found_and_nothing_else() {
        let check = |json: &str, place: Option<usize>| assert_eq!(lone_surrogate(json), place, "{json}");
        check(r#""plain""#, None);
        check(r#""\ud800""#, Some(1));
        check(r#""a\udfff""#, Some(2));
        check(r#""\\ud800""#, None);
        check(r#""\\\ud800""#, Some(3));
        check(r#""\u0001\n""#, None);
        check(r#""\"#, None);
    }

    #[test]
    fn lone_surrogates_are_written_out() {
        assert_eq!(written_out(r#""a\ud800b\\\udc00\n""#), "a\\ud800b\\\\udc00\n");
        assert_eq!(written_out(r#""plain""#), "plain");
    }

    #[test]
    fn texts_are_cut_at_characters() {
        assert_eq!(cut("aé".to_owned(), 2), "a");
        assert_eq!(cut_lines("one\ntwo\nthree", 9), "one\ntwo");
        assert_eq!(cut_lines("one", 9), "one");
    }
}
