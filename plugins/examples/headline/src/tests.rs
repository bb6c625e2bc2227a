//! The plugin's function under the SDK's harness.

use std::collections::BTreeSet;

use omega_plugin::testing::{Request, run};

use crate::{candidates::candidates, choose, handle};

const TEXT: &str = "The gateway runs plugins that nobody trusts. Each plugin runs in a sandbox of its own.\n\
    What the plugin answers is written to a ledger. The ledger can be verified later!";

#[test]
fn answers_with_a_sentence_of_the_text() {
    let answer = run(handle, Request::text(TEXT));
    let flat = TEXT.replace('\n', " ");
    assert!(flat.contains(answer.text()) && !answer.text().ends_with(['.', '!']), "{}", answer.text());
    assert_eq!(answer.notes(), "chosen by chance among 4 candidates");
}

#[test]
fn chance_reaches_every_candidate_and_a_better_one_more_often() {
    let candidates = candidates(TEXT);
    let total: u64 = candidates.iter().map(|candidate| candidate.score).sum();
    let chosen: Vec<String> =
        (0..total).filter_map(|ticket| choose(&candidates, ticket)).map(super::Candidate::headline).collect();
    assert_eq!(chosen.len() as u64, total);
    assert_eq!(chosen.iter().collect::<BTreeSet<_>>().len(), candidates.len());
    for candidate in &candidates {
        let times = chosen.iter().filter(|headline| **headline == candidate.headline()).count() as u64;
        assert_eq!(times, candidate.score);
    }
}

#[test]
fn declines_a_text_without_a_short_sentence() {
    for text in ["", "Two words.", ". . .", &"word ".repeat(40)] {
        assert_eq!(run(handle, Request::text(text)).refusal().code, "no_candidate");
    }
}

#[test]
fn answers_its_examples() {
    let headline = run(handle, Request::from_file("examples/news.json")).text().to_owned();
    assert!(!headline.is_empty() && !headline.contains('\n'));
}
