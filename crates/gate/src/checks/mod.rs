//! The checks, one module each; the four that only read are one.

pub(crate) mod determinism;
pub(crate) mod fail_closed;
pub(crate) mod non_actuating;
pub(crate) mod proof;
pub(crate) mod stateless;
pub(crate) mod statics;
pub(crate) mod timeout;

/// A count with its noun: `1 example`, `2 examples`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
