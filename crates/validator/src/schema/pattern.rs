//! Patterns of a schema: which are taken, and what one byte under them costs.
//!
//! What never happens here: a backtracking engine.

/// Bytes of one pattern.
pub const PATTERN_BYTES_MAX: usize = 1024;
/// Patterns in one schema, `patternProperties` included.
pub const PATTERNS_MAX: usize = 256;

/// Sixteenths of a work unit that one byte of a string costs under this pattern, at worst.
pub(super) fn sixteenths_per_byte(pattern: &str) -> Option<u64> {
    // The engine's fallback simulates each state of the pattern on each byte; a state takes at least a
    // character of the pattern unless it is counted, which the compiled size bounds.
    (pattern.len() <= PATTERN_BYTES_MAX).then(|| 16 + pattern.len() as u64)
}
