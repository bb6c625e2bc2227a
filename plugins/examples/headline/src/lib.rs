//! `headline`: text in, a headline out. It is one of the text's own sentences, and which of the good ones is left to chance:
//! declared `probabilistic`, and asked again it may answer otherwise.

mod candidates;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher as _, RandomState};

use omega_plugin::{Refusal, Reply, Text, plugin};

use crate::candidates::{Candidate, candidates};

/// Picks a headline.
///
/// # Errors
/// Declines a text without a sentence that could be one (`no_candidate`).
#[plugin]
fn handle(text: Text) -> Result<Reply<Text>, Refusal> {
    let candidates = candidates(&text.content);
    let chosen = choose(&candidates, random())
        .ok_or_else(|| Refusal::new("no_candidate", "no sentence of this text is short enough for a headline"))?;
    let headline = Text::new(chosen.headline()).with_metadata("candidates", candidates.len().to_string());
    Ok(Reply::new(headline).with_notes(format!("chosen by chance among {} candidates", candidates.len())))
}

/// A number from the host: what the standard library seeds its hash maps with.
fn random() -> u64 {
    RandomState::new().hash_one("headline")
}

/// One candidate, the likelier the higher its score.
fn choose<'a>(candidates: &'a [Candidate<'_>], random: u64) -> Option<&'a Candidate<'a>> {
    let total: u64 = candidates.iter().map(|candidate| candidate.score).sum();
    let mut ticket = random.checked_rem(total)?;
    for candidate in candidates {
        match ticket.checked_sub(candidate.score) {
            Some(rest) => ticket = rest,
            None => return Some(candidate),
        }
    }
    None
}
