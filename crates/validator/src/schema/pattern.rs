//! Patterns of a schema: which are taken, and what one byte under them costs.
//!
//! The engine that matches them is linear in the text, but not always by the same factor: where a small
//! automaton says all there is to say, a byte is one step in it; where none does, each state of the pattern
//! may be simulated on each byte. What never happens here: a backtracking engine.

use regex_automata::dfa::StartKind;
use regex_automata::dfa::dense;
use regex_automata::nfa::thompson::NFA;

/// Bytes of one pattern.
pub const PATTERN_BYTES_MAX: usize = 1024;
/// Patterns in one schema, `patternProperties` included.
pub const PATTERNS_MAX: usize = 128;
/// Bytes of a compiled pattern, in the engine's own measure.
pub(super) const PROGRAM_BYTES_MAX: usize = 256 * 1024;
/// Bytes of an automaton that counts as small: well within the cache in which the engine builds its own.
const AUTOMATON_BYTES_MAX: usize = 128 * 1024;

/// Sixteenths of a work unit on each byte, where an automaton matches.
const AUTOMATON_SIXTEENTHS: u64 = 2;
/// Sixteenths of a work unit on each byte and state, where states are simulated.
const STATE_SIXTEENTHS: u64 = 4;

/// Sixteenths of a work unit that one byte of a string costs under this pattern, at worst; none where the
/// pattern is not taken.
pub(super) fn sixteenths_per_byte(pattern: &str) -> Option<u64> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return None;
    }
    // As the `jsonschema` crate reads it: ECMA-262, as far as it has no look-around or back-reference.
    let translated = jsonschema_regex::to_rust_regex(pattern).ok()?;
    let config = NFA::config().nfa_size_limit(Some(PROGRAM_BYTES_MAX));
    let nfa = NFA::compiler().configure(config).build(&translated).ok()?;
    let config = dense::Config::new()
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(Some(AUTOMATON_BYTES_MAX))
        .determinize_size_limit(Some(AUTOMATON_BYTES_MAX));
    let small = dense::Builder::new().configure(config).build_from_nfa(&nfa).is_ok();
    Some(if small { AUTOMATON_SIXTEENTHS } else { STATE_SIXTEENTHS * nfa.states().len() as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_costs_what_the_engine_may_do_on_it() {
        for small in ["", "^[a-z]+$", "^\\d{4}-\\d{2}-\\d{2}$", "(a|b)*abb", "\\p{Lu}", "^.{1,64}$"] {
            assert_eq!(sixteenths_per_byte(small), Some(AUTOMATON_SIXTEENTHS), "{small}");
        }
        // Its automaton has 2^40 states.
        let exponential = sixteenths_per_byte("[ab]*a[ab]{40}").unwrap();
        assert!(exponential > 40 * STATE_SIXTEENTHS, "{exponential}");
        for not_taken in ["(?=a)", "(a)\\1", "((a{1000}){1000}){1000}", "(", &"a".repeat(PATTERN_BYTES_MAX + 1)] {
            assert_eq!(sixteenths_per_byte(not_taken), None, "{not_taken}");
        }
    }
}
