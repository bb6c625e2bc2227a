//! Payment card numbers: 13 to 19 digits with a right Luhn digit (ISO/IEC 7812), in groups or not.

use super::spaced_digits;

const DIGITS_MIN: usize = 13;
const DIGITS_MAX: usize = 19;

/// How many characters a card number at the start of the text takes up.
pub(crate) fn length(text: &[char]) -> Option<usize> {
    let (digits, length) = spaced_digits(text, &[' ', '-'], DIGITS_MAX);
    let ends = !text.get(length).is_some_and(char::is_ascii_alphanumeric);
    (ends && is_card(&digits)).then_some(length)
}

/// Whether digits are a card number: by length, by what networks issue (they start with 2 to 6) and by check digit.
pub(crate) fn is_card(digits: &str) -> bool {
    (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())
        && digits.starts_with(['2', '3', '4', '5', '6'])
        && has_luhn_digit(digits)
}

fn has_luhn_digit(digits: &str) -> bool {
    let mut sum = 0;
    for (place, digit) in digits.chars().rev().filter_map(|digit| digit.to_digit(10)).enumerate() {
        let doubled = if place % 2 == 1 { digit * 2 } else { digit };
        sum += doubled / 10 + doubled % 10;
    }
    sum % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::is_card;

    #[test]
    fn knows_card_numbers() {
        for card in ["4111111111111111", "5500005555555559", "340000000000009", "6011000000000004", "4222222222222"] {
            assert!(is_card(card), "{card}");
        }
        for other in ["4111111111111112", "422222222222", "41111111111111111111", "1234567812345670", ""] {
            assert!(!is_card(other), "{other}");
        }
    }
}
