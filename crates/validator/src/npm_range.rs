//! npm's range grammar (node-semver, "Range Grammar"), strictly.
//!
//! The `nodejs-semver` crate passes over words that it does not know, forgets comparators that contradict each
//! other and drops an alternative that is empty: `^1.0.0 and more` would be a range, and `1 =2.0.0` would take
//! 1.1.0. So the text is taken apart here, and the crate is asked about one comparator at a time. Of what
//! npm's reader takes beyond its own grammar, spaces after an operator, `v` and `~>` are taken too.
//!
//! What never happens here: deciding what a single comparator takes.

use nodejs_semver::{Range, Version};

/// The largest part of a version that npm takes: 2^53 - 1.
const PART_MAX: u64 = (1 << 53) - 1;
const OPERATORS: [&str; 8] = ["~>", "~", "^", ">=", "<=", ">", "<", "="];

/// A range: alternatives of comparators that hold together.
#[derive(Debug)]
pub(crate) struct NpmRange {
    alternatives: Vec<Vec<Comparator>>,
}

#[derive(Debug)]
enum Comparator {
    /// `*`, `^x`, `>=*`: any version.
    Any,
    /// `<*`, `>x`: none.
    None,
    /// What the crate is asked about.
    Range(Range),
}

impl NpmRange {
    /// Reads a range; none where any part of `text` is outside the grammar.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let alternatives = text.split("||").map(alternative).collect::<Option<_>>()?;
        Some(Self { alternatives })
    }

    /// True where one alternative takes the version; an empty one takes any.
    pub(crate) fn takes(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|comparators| comparators.iter().all(|one| one.takes(version)))
    }
}

impl Comparator {
    fn takes(&self, version: &Version) -> bool {
        match self {
            Self::Any => true,
            Self::None => false,
            Self::Range(range) => range.satisfies(version),
        }
    }
}

/// `a - b`, or comparators side by side.
fn alternative(text: &str) -> Option<Vec<Comparator>> {
    let text = text.trim();
    if let Some((from, to)) = hyphen(text) {
        let range = format!("{} - {}", whole_partial(from)?, whole_partial(to)?);
        return Some(vec![Comparator::Range(Range::parse(range).ok()?)]);
    }
    let mut reader = Reader(text);
    let mut comparators = Vec::new();
    while !reader.0.is_empty() {
        let operator = OPERATORS.into_iter().find(|operator| reader.take(operator)).unwrap_or_default();
        if !operator.is_empty() {
            reader.skip_space();
        }
        let partial = reader.partial()?;
        if !(reader.0.is_empty() || reader.0.starts_with(char::is_whitespace)) {
            return None;
        }
        reader.skip_space();
        comparators.push(match operator {
            "<" | ">" if names_no_version(partial) => Comparator::None,
            _ if names_no_version(partial) => Comparator::Any,
            _ => Comparator::Range(Range::parse(format!("{operator}{partial}")).ok()?),
        });
    }
    Some(comparators)
}

/// True for `*`, `x.x` and the like, which the crate does not know after an operator.
fn names_no_version(partial: &str) -> bool {
    partial.starts_with(['x', 'X', '*'])
}

/// The two sides of a hyphen between spaces.
fn hyphen(text: &str) -> Option<(&str, &str)> {
    text.match_indices('-').find_map(|(at, _)| {
        let (from, to) = (text.get(..at)?, text.get(at + 1..)?);
        let spaced = from.ends_with(char::is_whitespace) && to.starts_with(char::is_whitespace);
        spaced.then(|| (from.trim(), to.trim()))
    })
}

fn whole_partial(text: &str) -> Option<&str> {
    let mut reader = Reader(text);
    reader.partial().filter(|_| reader.0.is_empty())
}

struct Reader<'t>(&'t str);

impl<'t> Reader<'t> {
    fn take(&mut self, word: &str) -> bool {
        self.0.strip_prefix(word).map(|rest| self.0 = rest).is_some()
    }

    fn skip_space(&mut self) {
        self.0 = self.0.trim_start();
    }

    /// Takes the longest start made of such characters.
    fn run(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let (run, rest) = self.0.split_at(self.0.find(|c| !fits(c)).unwrap_or(self.0.len()));
        self.0 = rest;
        run
    }

    /// `1`, `1.2`, `1.2.3`, `1.2.3-pre+build`, after a `v` or not; the last parts may be `x`, `X` or `*`.
    fn partial(&mut self) -> Option<&'t str> {
        self.take("v");
        let start = self.0;
        let mut parts = vec![self.part()?];
        while parts.len() < 3 && self.take(".") {
            parts.push(self.part()?);
        }
        // After an `x` only more of it: npm reads `1.x.3` in three ways, depending on what stands before it.
        let known = parts.iter().take_while(|part| **part == Part::Number).count();
        if parts.iter().skip(known).any(|part| *part == Part::Number) {
            return None;
        }
        if known == 3 && !(self.pre_release() && self.build()) {
            return None;
        }
        start.get(..start.len() - self.0.len())
    }

    fn part(&mut self) -> Option<Part> {
        if ["x", "X", "*"].into_iter().any(|any| self.take(any)) {
            return Some(Part::Any);
        }
        let digits = self.run(|c| c.is_ascii_digit());
        let plain = digits == "0" || !digits.starts_with('0');
        let fits = plain && digits.parse::<u64>().is_ok_and(|value| value <= PART_MAX);
        fits.then_some(Part::Number)
    }

    /// SemVer 2.0.0, item 9: a numeric identifier has no leading zero.
    fn pre_release(&mut self) -> bool {
        let leading_zero = |identifier: &str| {
            identifier.len() > 1 && identifier.starts_with('0') && identifier.bytes().all(|byte| byte.is_ascii_digit())
        };
        !self.take("-") || self.identifiers(|identifier| !leading_zero(identifier))
    }

    /// SemVer 2.0.0, item 10.
    fn build(&mut self) -> bool {
        !self.take("+") || self.identifiers(|_| true)
    }

    /// One or more dot-separated identifiers, each of which fits.
    fn identifiers(&mut self, fits: impl Fn(&str) -> bool) -> bool {
        let list = self.run(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
        list.split('.').all(|identifier| !identifier.is_empty() && fits(identifier))
    }
}

/// One part of a version in a range.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Number,
    Any,
}
