//! Phone numbers: international ones by their plus sign, national ones by how people group them. Dates, addresses and plain
//! numbers must not be taken for them.

const SEPARATORS: [char; 5] = [' ', '-', '.', '/', '\u{a0}'];
/// The longest number that E.164 allows, in digits, and the `00` that may stand for its plus.
const DIGITS_MAX: usize = 15 + 2;
const INTERNATIONAL_DIGITS_MIN: usize = 8;
const NATIONAL_DIGITS_MIN: usize = 9;

/// How many characters a phone number at the start of the text takes up.
pub(crate) fn length(text: &[char]) -> Option<usize> {
    let groups = Groups::at(text);
    let ends =
        !text.get(groups.length).is_some_and(|character| character.is_alphanumeric() || matches!(character, ':' | '_'));
    let is_phone = if groups.plus {
        groups.digits >= INTERNATIONAL_DIGITS_MIN && groups.digits <= 15
    } else {
        groups.is_national()
    };
    (ends && is_phone).then_some(groups.length)
}

/// Digits in groups, as they are written at the start of a text.
struct Groups {
    plus: bool,
    /// Whether one group stands in parentheses, as an area code does.
    area: bool,
    leading_zero: bool,
    sizes: Vec<usize>,
    digits: usize,
    length: usize,
}

impl Groups {
    fn at(text: &[char]) -> Self {
        let plus = text.first() == Some(&'+');
        let mut groups = Self { plus, area: false, leading_zero: false, sizes: Vec::new(), digits: 0, length: 0 };
        let mut at = usize::from(plus);
        while groups.digits < DIGITS_MAX {
            let area = text.get(at) == Some(&'(') && !groups.area;
            let from = at + usize::from(area);
            let rest = text.get(from..).unwrap_or_default();
            let size = rest.iter().take(DIGITS_MAX + 1).take_while(|character| character.is_ascii_digit()).count();
            let closes = !area || rest.get(size) == Some(&')');
            if size == 0 || size + groups.digits > DIGITS_MAX || !closes {
                break;
            }
            groups.leading_zero |= groups.sizes.is_empty() && rest.first() == Some(&'0');
            groups.area |= area;
            groups.sizes.push(size);
            groups.digits += size;
            at = from + size + usize::from(area);
            groups.length = at;
            // One separator, or one and the parenthesis after it.
            at += usize::from(text.get(at).is_some_and(|character| SEPARATORS.contains(character)));
        }
        groups
    }

    fn is_national(&self) -> bool {
        let first = self.sizes.first().copied().unwrap_or_default();
        match self.sizes.as_slice() {
            // 212-555-0123, (212) 555-0123
            [3, 3, 4] => true,
            // 01 23 45 67 89, 01701234567
            [2, 2, 2, 2, 2] | [10..=13] => self.leading_zero,
            [_] | [] => false,
            // 030 1234567, 0041 44 123 45 67; a date's first group has two digits, or four and no zero before.
            _ => (self.leading_zero && first >= 3 || self.area) && self.digits >= NATIONAL_DIGITS_MIN,
        }
    }
}
