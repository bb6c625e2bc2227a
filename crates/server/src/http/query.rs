//! Query strings and names in paths, read strictly.
//!
//! What never happens here: a parameter that is passed over; an encoding that is guessed at.

use std::str::FromStr;

use omega_gateway::contract::limits::JSON_INTEGER_MAX;

use super::problem::Problem;

/// Entries of a page, where the request does not say.
pub(super) const PAGE_DEFAULT: u32 = 100;
/// Entries of a page, at most.
pub(super) const PAGE_MAX: u32 = 1_000;
/// Parameters of one query string.
const PARAMETERS_MAX: usize = 32;
/// Characters of a value that a problem shows.
const SHOWN_CHARS_MAX: usize = 64;

/// The parameters of one request. Each is taken out by its name; what is left then is refused.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `name=value&…` in percent-encoding, `+` standing for a space.
    ///
    /// # Errors
    /// `request_invalid`.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let mut found = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            if found.len() == PARAMETERS_MAX {
                return Err(Problem::malformed(format!("more than {PARAMETERS_MAX} query parameters")));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let spaced = |text: &str| text.replace('+', " ");
            found.push((decoded(&spaced(name))?, decoded(&spaced(value))?));
        }
        Ok(Self(found))
    }

    /// Every value of a parameter that may stand several times.
    pub(super) fn all(&mut self, name: &str) -> Vec<String> {
        let (of_it, rest) = std::mem::take(&mut self.0).into_iter().partition(|(found, _)| found == name);
        self.0 = rest;
        let of_it: Vec<(String, String)> = of_it;
        of_it.into_iter().map(|(_, value)| value).collect()
    }

    /// The value of a parameter.
    ///
    /// # Errors
    /// `request_invalid` where it stands twice.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let mut values = self.all(name);
        let value = values.pop();
        if values.is_empty() { Ok(value) } else { Err(Problem::malformed(format!("`{name}` stands more than once"))) }
    }

    /// The value of a parameter, as what it has to be.
    ///
    /// # Errors
    /// `request_invalid` where it stands twice or is not of that form.
    pub(super) fn take<T>(&mut self, name: &str) -> Result<Option<T>, Problem>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        self.text(name)?.map(|value| read(name, &value)).transpose()
    }

    /// A value out of a list of words.
    ///
    /// # Errors
    /// `request_invalid`.
    pub(super) fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Problem> {
        self.text(name)?.map(|value| word(name, &value, words)).transpose()
    }

    /// An index of the ledger.
    ///
    /// # Errors
    /// `request_invalid`.
    pub(super) fn index(&mut self, name: &str) -> Result<Option<u64>, Problem> {
        self.text(name)?.map(|value| whole_number(name, &value, 0, JSON_INTEGER_MAX)).transpose()
    }

    /// How many entries a page is to have.
    ///
    /// # Errors
    /// `request_invalid`.
    pub(super) fn limit(&mut self) -> Result<usize, Problem> {
        let Some(value) = self.text("limit")? else { return Ok(PAGE_DEFAULT as usize) };
        let limit = whole_number("limit", &value, 1, PAGE_MAX.into())?;
        Ok(usize::try_from(limit).unwrap_or(PAGE_MAX as usize))
    }

    /// Refuses what was not taken.
    ///
    /// # Errors
    /// `request_invalid`, naming it.
    pub(super) fn refuse_rest(&self) -> Result<(), Problem> {
        let Some((name, _)) = self.0.first() else { return Ok(()) };
        Err(Problem::malformed(format!("there is no query parameter `{}`", shown(name))))
    }
}

/// A word of a list.
pub(super) fn word<T: Copy>(name: &str, value: &str, words: &[(&str, T)]) -> Result<T, Problem> {
    let found = words.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning);
    found.ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Problem::malformed(format!("`{name}` is one of {}, not `{}`", known.join(", "), shown(value)))
    })
}

/// Digits only: no sign, no blank, no other script's digits.
pub(super) fn whole_number(name: &str, value: &str, min: u64, max: u64) -> Result<u64, Problem> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|number| digits && (min..=max).contains(number));
    number.ok_or_else(|| {
        Problem::malformed(format!("`{name}` is a whole number from {min} to {max}, not `{}`", shown(value)))
    })
}

/// What a name or a value has to be.
pub(super) fn read<T>(name: &str, value: &str) -> Result<T, Problem>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    value.parse().map_err(|error: T::Err| Problem::malformed(format!("`{name}`: {error}, not `{}`", shown(value))))
}

/// A name in a path, decoded once, as what it has to be.
pub(super) fn path_name<T>(name: &str, encoded: &str) -> Result<T, Problem>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    read(name, &decoded(encoded)?)
}

/// Percent-decoding (RFC 3986), of UTF-8 alone.
fn decoded(text: &str) -> Result<String, Problem> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (high, low) = match rest {
            [high, low, behind @ ..] => {
                rest = behind;
                (char::from(*high).to_digit(16), char::from(*low).to_digit(16))
            }
            _ => (None, None),
        };
        let value = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        bytes.push(value.ok_or_else(|| Problem::malformed("a `%` that is not followed by two hex digits"))?);
    }
    String::from_utf8(bytes).map_err(|_| Problem::malformed("percent-encoding of what is not UTF-8"))
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_whole_or_refused() {
        let mut query = Query::parse(Some("a=1&b=x%20y+z&kind=A&kind=B")).unwrap();
        assert_eq!(query.take::<u64>("a").unwrap(), Some(1));
        assert_eq!(query.text("b").unwrap().as_deref(), Some("x y z"));
        assert_eq!(query.all("kind"), ["A", "B"]);
        assert_eq!(query.text("c").unwrap(), None);
        query.refuse_rest().unwrap();
        assert!(Query::parse(Some("a=1")).unwrap().refuse_rest().is_err());
        assert!(Query::parse(Some("a=1&a=1")).unwrap().text("a").is_err());
        for broken in ["a=%", "a=%2", "a=%zz", "a=%+1", "a=%ff"] {
            assert!(Query::parse(Some(broken)).is_err(), "{broken}");
        }
        assert!(Query::parse(Some(&"a&".repeat(PARAMETERS_MAX))).is_ok());
        assert!(Query::parse(Some(&"a&".repeat(PARAMETERS_MAX + 1))).is_err());
    }

    #[test]
    fn numbers_are_digits_within_their_bounds() {
        let limit = |value: &str| Query::parse(Some(&format!("limit={value}"))).unwrap().limit().ok();
        assert_eq!(limit("1"), Some(1));
        assert_eq!(limit("1000"), Some(1_000));
        for refused in ["0", "1001", "", "-1", "%2B1", "+1", "1.0", "1e2", "99999999999999999999999", "%D9%A1"] {
            assert_eq!(limit(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_name_is_decoded_once() {
        assert_eq!(path_name::<String>("run_id", "a%252Fb").unwrap(), "a%2Fb");
        assert_eq!(path_name::<String>("run_id", "%2e%2e%2F%00").unwrap(), "../\0");
        assert!(path_name::<String>("run_id", "%c3%28").is_err());
    }
}
