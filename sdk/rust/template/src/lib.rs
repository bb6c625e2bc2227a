//! `{{plugin_id}}`: counts the words of a text. Replace it by what your plugin does.

#[cfg(test)]
mod tests;

use omega_plugin::{Json, JsonPayload, Refusal, Text, plugin};

/// What the plugin answers; `schemas/outputs/report.schema.json` describes it.
#[derive(serde::Serialize)]
struct Report {
    words: u64,
    longest_word: String,
}

impl JsonPayload for Report {
    const SCHEMA_REF: &'static str = "omega:{{plugin_id}}:output:report:v1.0.0";
}

/// The plugin. Its argument's type says what it takes, its result's what it answers; `Err` declines the input.
#[plugin]
fn handle(text: Text) -> Result<Json<Report>, Refusal> {
    let words = || text.content.split_whitespace();
    // From the end, so that it is the first of several: `max_by_key` takes the last that it sees.
    let Some(longest) = words().rev().max_by_key(|word| word.chars().count()) else {
        return Err(Refusal::new("no_words", "there are no words to count"));
    };
    Ok(Json::new(Report {
        words: words().count() as u64,
        longest_word: longest.to_owned(),
    }))
}
