//! E-mail addresses, as people write them: a local part, an at sign, a domain with a dot.

/// The longest that SMTP carries (RFC 5321, 4.5.3.1), in characters.
const LOCAL_CHARS_MAX: usize = 64;
const DOMAIN_CHARS_MAX: usize = 255;

/// How many characters an address at the start of the text takes up.
pub(crate) fn length(text: &[char]) -> Option<usize> {
    let local = text.iter().take(LOCAL_CHARS_MAX + 1).take_while(|character| is_local(**character)).count();
    if local == 0 || local > LOCAL_CHARS_MAX || text.get(local) != Some(&'@') {
        return None;
    }
    let domain = domain_length(text.get(local + 1..)?)?;
    Some(local + 1 + domain)
}

/// Whether an address can have this character before its at sign.
pub(crate) fn is_local(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '.' | '_' | '%' | '+' | '-' | '\'')
}

fn domain_length(text: &[char]) -> Option<usize> {
    let mut labels = 0;
    let mut end = 0;
    let mut label_from = 0;
    for at in 0..=text.len().min(DOMAIN_CHARS_MAX) {
        let character = text.get(at);
        if character.is_some_and(|character| character.is_alphanumeric() || *character == '-') {
            continue;
        }
        let label = text.get(label_from..at).unwrap_or_default();
        if label.is_empty() || label.first() == Some(&'-') {
            break;
        }
        labels += 1;
        let top_level =
            label.len() >= 2 && label.iter().all(|character| character.is_alphabetic() || *character == '-');
        if labels >= 2 && top_level {
            end = at;
        }
        if character != Some(&'.') {
            break;
        }
        label_from = at + 1;
    }
    (end > 0).then_some(end)
}
