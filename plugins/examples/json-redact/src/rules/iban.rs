//! International bank account numbers (ISO 13616): a country, two check digits, and as many characters as that country's
//! numbers have, in groups or not.

/// How many characters the numbers of each country have, from the IBAN registry.
#[rustfmt::skip]
const LENGTHS: [(&str, usize); 88] = [
    ("AD", 24), ("AE", 23), ("AL", 28), ("AT", 20), ("AZ", 28), ("BA", 20), ("BE", 16), ("BG", 22), ("BH", 22), ("BI", 27),
    ("BR", 29), ("BY", 28), ("CH", 21), ("CR", 22), ("CY", 28), ("CZ", 24), ("DE", 22), ("DJ", 27), ("DK", 18), ("DO", 28),
    ("EE", 20), ("EG", 29), ("ES", 24), ("FI", 18), ("FK", 18), ("FO", 18), ("FR", 27), ("GB", 22), ("GE", 22), ("GI", 23),
    ("GL", 18), ("GR", 27), ("GT", 28), ("HN", 28), ("HR", 21), ("HU", 28), ("IE", 22), ("IL", 23), ("IQ", 23), ("IS", 26),
    ("IT", 27), ("JO", 30), ("KW", 30), ("KZ", 20), ("LB", 28), ("LC", 32), ("LI", 21), ("LT", 20), ("LU", 20), ("LV", 21),
    ("LY", 25), ("MC", 27), ("MD", 24), ("ME", 22), ("MK", 19), ("MN", 20), ("MR", 27), ("MT", 31), ("MU", 30), ("NI", 28),
    ("NL", 18), ("NO", 15), ("OM", 23), ("PK", 24), ("PL", 28), ("PS", 29), ("PT", 25), ("QA", 29), ("RO", 24), ("RS", 22),
    ("RU", 33), ("SA", 24), ("SC", 31), ("SD", 18), ("SE", 24), ("SI", 19), ("SK", 24), ("SM", 27), ("SO", 23), ("ST", 25),
    ("SV", 28), ("TL", 23), ("TN", 24), ("TR", 26), ("UA", 29), ("VA", 22), ("VG", 24), ("XK", 20),
];

/// How many characters an IBAN at the start of the text takes up.
pub(crate) fn length(text: &[char]) -> Option<usize> {
    let country: String = text.iter().take(2).map(char::to_ascii_uppercase).collect();
    let (_, chars) = LENGTHS.iter().find(|(code, _)| *code == country)?;
    let mut iban = String::new();
    let mut length = 0;
    while iban.len() < *chars {
        match text.get(length)? {
            character if character.is_ascii_alphanumeric() => iban.push(character.to_ascii_uppercase()),
            // One space between two groups.
            ' ' if text.get(length + 1) != Some(&' ') => {}
            _ => return None,
        }
        length += 1;
    }
    let ends = !text.get(length).is_some_and(char::is_ascii_alphanumeric);
    (ends && has_check_digits(&iban)).then_some(length)
}

/// The number made of the rest, then the first four, with letters as 10 to 35, is 1 modulo 97.
fn has_check_digits(iban: &str) -> bool {
    let Some((head, rest)) = iban.split_at_checked(4) else { return false };
    let values = rest.chars().chain(head.chars()).filter_map(|character| character.to_digit(36));
    let remainder = values.fold(0, |remainder, value| {
        let shift = if value < 10 { 10 } else { 100 };
        (remainder * shift + value) % 97
    });
    remainder == 1
}
