//! The report of a run as one page of HTML: for an auditor, on a screen or on paper, without network or script.
//!
//! What never happens here: text from outside that is markup. `maud` escapes whatever is spliced in, and what could turn
//! or hide text is written out first, as on a terminal; the page's own policy lets no script run and nothing be fetched.

mod chart;
mod tables;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use omega_gateway::RunFacts;
use omega_gateway::contract::{Sha256Hex, Timestamp};

use crate::output::untrusted;
use crate::show;
use crate::timeline::{Ending, Timeline, time};

const STYLE: &str = include_str!("page.css");

/// Rows of a table, and bars of the chart, at most: the proof holds every event, however many.
pub(super) const ROWS_MAX: usize = 2_000;

/// All that a page says.
pub(crate) struct Page<'a> {
    pub(crate) facts: &'a RunFacts,
    pub(crate) timeline: &'a Timeline,
    pub(crate) verification: &'a Verification,
    pub(crate) made_at: Timestamp,
}

/// What was verified, and how anybody does it again.
pub(crate) struct Verification {
    /// What the verifier said, label by label.
    pub(crate) facts: Vec<(String, String)>,
    /// The commands that repeat it, exactly.
    pub(crate) commands: Vec<String>,
    /// What it does not show.
    pub(crate) limits: Vec<String>,
    /// The proof's file, beside the page.
    pub(crate) proof_file: String,
    /// On which all of it hangs.
    pub(crate) head: Sha256Hex,
}

/// Text from outside: nothing in it turns, hides or overwrites what stands beside it.
pub(super) fn text(text: impl AsRef<str>) -> String {
    untrusted::one_line(text.as_ref()).into_owned()
}

impl Page<'_> {
    /// The whole page.
    pub(crate) fn render(&self) -> String {
        let run = text(self.facts.run_id.as_str());
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(policy());
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="referrer" content="no-referrer";
                    meta name="generator" content=(concat!("omega ", env!("CARGO_PKG_VERSION")));
                    title { "Run " (run) " · OMEGA Plugin Gateway" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    (self.header(&run))
                    main {
                        (self.timings())
                        (tables::calls(self.timeline))
                        (tables::packages(self.facts))
                        (tables::decisions(self.facts))
                        (self.verified())
                        (tables::events(self.facts))
                    }
                    footer {
                        p { "Made " (self.made_at) " by the OMEGA Plugin Gateway " (env!("CARGO_PKG_VERSION"))
                            " from the ledger of its home. No payload, result, secret or path of the host is on this page." }
                    }
                }
            }
        }
        .into_string()
    }

    fn header(&self, run: &str) -> Markup {
        let count = |ending: Ending| self.timeline.rows.iter().filter(|row| row.ending == ending).count();
        let figures = [
            ("ok", count(Ending::Ok)),
            ("rejected", count(Ending::Rejected)),
            ("failed", count(Ending::Error)),
            ("timed out", count(Ending::Timeout)),
            ("without outcome", count(Ending::Open)),
        ];
        html! {
            header {
                p class="soft" { "Report of a run" }
                h1 class="id" { (run) }
                p { span class="badge ok" { "Proof verified" } " "
                    span class="soft" { "whole and unchanged since it was exported; "
                        a href="#verification" { "what that shows, and how to repeat it" } } }
                dl class="figures" {
                    div class="moment" { dt { "began (UTC)" } dd { (show::when(self.timeline.began_at)) } }
                    div { dt { "took" } dd { (time(self.timeline.total_us)) } }
                    div { dt { "events" } dd { (self.facts.events.len()) } }
                    @for (label, number) in figures {
                        @if number > 0 || label == "ok" { div { dt { (label) } dd { (number) } } }
                    }
                }
            }
        }
    }

    fn timings(&self) -> Markup {
        html! {
            h2 id="timings" { "When each call ran" }
            @if self.timeline.rows.is_empty() {
                p { "No call is recorded in this run." }
            } @else {
                (chart::chart(self.timeline))
                @if self.timeline.rows.len() > ROWS_MAX {
                    p class="soft" { "The first " (ROWS_MAX) " of " (self.timeline.rows.len()) " attempts." }
                }
            }
        }
    }

    fn verified(&self) -> Markup {
        let verification = self.verification;
        html! {
            h2 id="verification" { "Verification" }
            p { span class="badge ok" { "Verified" } " The proof " code { (text(&verification.proof_file)) }
                " holds every event of this run, and was verified when this page was made." }
            dl class="facts" {
                @for (label, value) in &verification.facts {
                    dt { (text(label)) } dd class="id" { (text(value)) }
                }
            }
            h3 { "To repeat it" }
            p { "Anybody can, without this gateway's home and without a network. The head is "
                code class="id" { (verification.head) } "." }
            pre { code { @for command in &verification.commands { (text(command)) "\n" } } }
            @if !verification.limits.is_empty() {
                div class="limit" {
                    p { strong { "What this does not show" } }
                    @for limit in &verification.limits { p { (text(limit)) } }
                }
            }
        }
    }
}

/// Nothing is fetched, nothing runs, and the one style sheet is this one.
fn policy() -> String {
    use base64::Engine as _;
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256Hex::of(STYLE.as_bytes()).as_bytes());
    format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
}

#[cfg(test)]
mod tests;
