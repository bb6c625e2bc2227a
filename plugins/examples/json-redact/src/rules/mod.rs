//! One rule per kind of thing. Each looks at the text from one place on and says how many characters of it are a match; none
//! looks further than its own longest match, so that a scan is linear in the text.

pub(crate) mod card;
pub(crate) mod email;
pub(crate) mod iban;
pub(crate) mod phone;

/// The digits at the start of the text, with at most one separator between two of them: the digits, and how many characters
/// they take up. Never more than `digits_max` digits.
fn spaced_digits(text: &[char], separators: &[char], digits_max: usize) -> (String, usize) {
    let mut digits = String::new();
    let mut length = 0;
    let mut at = 0;
    while let Some(character) = text.get(at) {
        if character.is_ascii_digit() && digits.len() < digits_max {
            digits.push(*character);
            length = at + 1;
        } else if !separators.contains(character) || length != at || length == 0 {
            break;
        }
        at += 1;
    }
    (digits, length)
}
