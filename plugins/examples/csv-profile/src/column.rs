//! The summary of one column, built field by field.

use serde::Serialize;

use crate::{cell::Cell, distinct::Distinct};

/// How many different values are shown as examples, and how much of each, in characters.
const EXAMPLES_MAX: usize = 3;
const EXAMPLE_CHARS_MAX: usize = 40;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ColumnType {
    /// Nothing but nulls.
    Empty,
    Boolean,
    Integer,
    /// Numbers, some of them with a fraction.
    Number,
    Date,
    /// Dates with a time, or dates of both kinds.
    DateTime,
    Text,
    /// Several of the above; `kinds` says which and how many.
    Mixed,
}

/// How many fields of each kind a column has.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Kinds {
    boolean: u64,
    integer: u64,
    number: u64,
    date: u64,
    date_time: u64,
    text: u64,
}

impl Kinds {
    fn column_type(&self) -> ColumnType {
        let some =
            [self.boolean > 0, self.integer > 0 || self.number > 0, self.date > 0 || self.date_time > 0, self.text > 0];
        match some {
            [false, false, false, false] => ColumnType::Empty,
            [true, false, false, false] => ColumnType::Boolean,
            [false, true, false, false] if self.number == 0 => ColumnType::Integer,
            [false, true, false, false] => ColumnType::Number,
            [false, false, true, false] if self.date_time == 0 => ColumnType::Date,
            [false, false, true, false] => ColumnType::DateTime,
            [false, false, false, true] => ColumnType::Text,
            _ => ColumnType::Mixed,
        }
    }
}

/// Smallest, largest and mean of a column's numbers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Range {
    min: f64,
    max: f64,
    mean: f64,
    #[serde(skip)]
    count: f64,
}

impl Range {
    fn add(range: &mut Option<Self>, value: f64) {
        let range = range.get_or_insert(Self { min: value, max: value, mean: 0.0, count: 0.0 });
        range.min = range.min.min(value);
        range.max = range.max.max(value);
        range.count += 1.0;
        range.mean += (value - range.mean) / range.count;
    }
}

/// Shortest and longest field that is not null, in characters.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Lengths {
    min: u64,
    max: u64,
}

/// The summary of one column.
#[derive(Debug, Serialize)]
pub(crate) struct Column {
    name: String,
    #[serde(rename = "type")]
    holds: ColumnType,
    kinds: Kinds,
    nulls: u64,
    distinct: u64,
    distinct_is_exact: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<Range>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lengths: Option<Lengths>,
    examples: Vec<String>,
    #[serde(skip)]
    seen: Distinct,
}

impl Column {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            holds: ColumnType::Empty,
            kinds: Kinds::default(),
            nulls: 0,
            distinct: 0,
            distinct_is_exact: true,
            range: None,
            lengths: None,
            examples: Vec::new(),
            seen: Distinct::default(),
        }
    }

    /// Takes a field of the column, or its absence in a short record.
    pub(crate) fn add(&mut self, field: &str) {
        let field = field.trim();
        let kind = match Cell::of(field) {
            Cell::Null => {
                self.nulls += 1;
                return;
            }
            Cell::Boolean => &mut self.kinds.boolean,
            Cell::Integer(value) => {
                Range::add(&mut self.range, value);
                &mut self.kinds.integer
            }
            Cell::Number(value) => {
                Range::add(&mut self.range, value);
                &mut self.kinds.number
            }
            Cell::Date => &mut self.kinds.date,
            Cell::DateTime => &mut self.kinds.date_time,
            Cell::Text => &mut self.kinds.text,
        };
        *kind += 1;
        self.seen.add(field);
        let length = field.chars().count() as u64;
        let lengths = self.lengths.get_or_insert(Lengths { min: length, max: length });
        lengths.min = lengths.min.min(length);
        lengths.max = lengths.max.max(length);
        self.show(field);
    }

    fn show(&mut self, field: &str) {
        if self.examples.len() < EXAMPLES_MAX {
            let mut example: String = field.chars().take(EXAMPLE_CHARS_MAX).collect();
            if example.len() < field.len() {
                example.push('…');
            }
            if !self.examples.contains(&example) {
                self.examples.push(example);
            }
        }
    }

    /// The column with its counts settled.
    pub(crate) fn finish(mut self) -> Self {
        self.holds = self.kinds.column_type();
        self.distinct = self.seen.count();
        self.distinct_is_exact = self.seen.is_exact();
        self
    }
}
