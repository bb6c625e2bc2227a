//! The work itself. Both wasm guests call these functions; `node/work.js` says the same in JavaScript.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Text in, the same text out: what a host costs when the guest does nothing.
pub fn echo(text: String) -> String {
    text
}

/// How many vowels a text has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vowels {
    pub count: u64,
}

/// Extism's own example: counts a, e, i, o and u without regard to case.
pub fn count_vowels(text: &str) -> Vowels {
    let vowel = |byte: &&u8| matches!(byte.to_ascii_lowercase(), b'a' | b'e' | b'i' | b'o' | b'u');
    Vowels { count: text.as_bytes().iter().filter(vowel).count() as u64 }
}

/// A list of measurements, as a service hands it out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rows {
    pub rows: Vec<Row>,
}

/// One of them, of about 64 bytes in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub id: u32,
    pub name: String,
    pub kind: String,
    pub value: f64,
}

/// What is in the rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub rows: u64,
    pub kinds: Vec<String>,
    pub name_characters: u64,
    pub sum: f64,
    pub least: Option<f64>,
    pub greatest: Option<f64>,
}

/// Sums the rows up.
pub fn report(input: &Rows) -> Report {
    let kinds: BTreeSet<&str> = input.rows.iter().map(|row| row.kind.as_str()).collect();
    let values = || input.rows.iter().map(|row| row.value);
    Report {
        rows: input.rows.len() as u64,
        kinds: kinds.into_iter().map(str::to_owned).collect(),
        name_characters: input.rows.iter().map(|row| row.name.chars().count() as u64).sum(),
        sum: values().sum(),
        least: values().reduce(f64::min),
        greatest: values().reduce(f64::max),
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, Row, Rows, count_vowels, echo, report};

    #[test]
    fn does_what_it_says() {
        assert_eq!(echo("Grüße".to_owned()), "Grüße");
        assert_eq!(count_vowels("").count, 0);
        assert_eq!(count_vowels("The QUICK brown fox").count, 5);
        let row = |name: &str, kind: &str, value| Row { id: 1, name: name.into(), kind: kind.into(), value };
        let expect = Report {
            rows: 2,
            kinds: vec!["a".into(), "b".into()],
            name_characters: 5,
            sum: 1.0,
            least: Some(-1.5),
            greatest: Some(2.5),
        };
        assert_eq!(report(&Rows { rows: vec![row("Grü", "b", 2.5), row("xy", "a", -1.5)] }), expect);
        assert_eq!(report(&Rows { rows: vec![] }).least, None);
    }
}
