//! `text-stats`: text to a JSON report of what is in it. One pass over the words, nothing kept but slices of the text.
//!
//! This is also the guest of the repository's benchmarks, so it is built for speed.

mod report;
#[cfg(test)]
mod tests;
mod words;

use omega_plugin::{Json, Refusal, Text, plugin};
use report::Report;

/// Reports on the text.
///
/// # Errors
/// Declines a text without any word (`no_words`): every average of it would be made up.
#[plugin]
fn handle(text: Text) -> Result<Json<Report>, Refusal> {
    let report =
        Report::on(&text.content).ok_or_else(|| Refusal::new("no_words", "the text has no words to report on"))?;
    Ok(Json::new(report))
}
