//! The tables of the page.

use maud::{Markup, html};
use omega_gateway::{GrantInForce, RanPackage, RunFacts};

use super::{ROWS_MAX, text};
use crate::show;
use crate::timeline::{Measured, Row, Timeline, time};

/// A table that may be wider than the screen, and can then be moved with the keyboard too.
fn table(label: &str, caption: &str, head: &Markup, body: &Markup) -> Markup {
    html! {
        div class="wide" role="region" aria-label=(label) tabindex="0" {
            table { caption { (caption) } thead { tr { (head) } } tbody { (body) } }
        }
    }
}

fn columns(names: &[(&str, bool)]) -> Markup {
    html! { @for (name, number) in names { th scope="col" class=[number.then_some("number")] { (name) } } }
}

/// What ran and how it ended.
pub(super) fn calls(timeline: &Timeline) -> Markup {
    let head = columns(&[
        ("Request", false),
        ("Step", true),
        ("Attempt", true),
        ("Plugin", false),
        ("Ended", false),
        ("Reason", false),
        ("Began after", true),
        ("Took", true),
        ("Read through the gateway", false),
        ("Events", false),
    ]);
    let body = html! { @for row in timeline.rows.iter().take(ROWS_MAX) { (call(row)) } };
    html! {
        h2 id="calls" { "What ran" }
        (table("Calls", "Each attempt of each call, and each refusal before anything ran.", &head, &body))
    }
}

fn call(row: &Row) -> Markup {
    let ending = row.ending.as_str();
    let took = match (row.attempt, row.measured) {
        (None, _) => "did not run".to_owned(),
        (Some(_), Measured::InSandbox) => time(row.duration_us),
        (Some(_), Measured::BetweenEvents) => format!("about {}", time(row.duration_us)),
    };
    let uses = row
        .uses
        .iter()
        .map(|used| format!("{}: {}, {}", used.broker, show::count(used.uses, "use"), show::bytes(used.bytes)));
    html! {
        tr {
            th scope="row" class="id" { (text(&row.request_id)) }
            td class="number" { (row.step) }
            td class="number" { @match row.attempt { Some(attempt) => (attempt), None => "–" } }
            td class="id" { (text(&row.plugin_id)) }
            td { span class=(format!("badge {ending}")) { (ending) } }
            td class="id" { (row.reason.as_ref().map(text).unwrap_or_default()) }
            td class="number" { (time(row.start_us)) }
            td class="number" { (took) }
            td { (text(uses.collect::<Vec<_>>().join("; "))) }
            td class="number" { (row.event_index) @if let Some(outcome) = row.outcome_index { "–" (outcome) } }
        }
    }
}

/// Whose code ran, and who vouched for it.
pub(super) fn packages(facts: &RunFacts) -> Markup {
    let head = columns(&[
        ("Plugin", false),
        ("Version", false),
        ("Package digest (SHA-256)", false),
        ("Signed by", false),
        ("Determinism", false),
        ("Asks for", false),
        ("Admitted by", false),
    ]);
    let body = html! { @for package in &facts.packages { (package_row(package)) } };
    html! {
        h2 id="plugins" { "Whose code it was" }
        @if facts.packages.is_empty() { p { "No plugin ran." } } @else {
            (table("Plugins", "Each package that ran, as the ledger has it.", &head, &body))
        }
    }
}

fn package_row(package: &RanPackage) -> Markup {
    let registered = package.registered.as_ref();
    let event = |index: Option<u64>| index.map_or_else(|| "no event".to_owned(), |index| format!("event {index}"));
    html! {
        tr {
            th scope="row" class="id" { (text(package.plugin_id.as_str()))
                @if let Some(registered) = registered { br; span class="soft" { (text(&registered.name)) } } }
            td { (registered.map(|registered| registered.version.to_string()).unwrap_or_default()) }
            td class="id hash" { (package.package_digest) }
            td class="id hash" { (signer(package)) }
            td { (registered.map(|registered| registered.determinism.as_str()).unwrap_or_default()) }
            td { (registered.map(|registered| show::list(&registered.capabilities, "nothing")).unwrap_or_default()) }
            td { "registered: " (event(package.registered_by_event)) br; "enabled: " (event(package.enabled_by_event)) }
        }
    }
}

fn signer(package: &RanPackage) -> Markup {
    html! {
        @if let Some(registered) = &package.registered { (registered.key_id) } @else { "no REGISTER event" }
        @if let Some(key) = &package.key {
            br;
            span class="soft" { (text(&key.label)) ", approved by " (text(key.trusted_by.as_deref().unwrap_or("unknown")))
                @if let Some(index) = key.trusted_by_event { " (event " (index) ")" } }
            @if let Some(index) = key.revoked_by_event {
                br;
                span class="badge rejected" { "revoked, event " (index)
                    @if let Some(at) = key.revoked_at { ", " (show::when(at)) } }
            }
        }
    }
}

/// What a person allowed, and the bounds of the whole.
pub(super) fn decisions(facts: &RunFacts) -> Markup {
    let decided: Vec<(&RanPackage, &GrantInForce)> =
        facts.packages.iter().flat_map(|package| package.grants.iter().map(move |grant| (package, grant))).collect();
    let head =
        columns(&[("Plugin", false), ("Capability", false), ("Decision", false), ("By", false), ("Event", true)]);
    let body = html! {
        @for (package, grant) in &decided {
            tr {
                th scope="row" class="id" { (text(package.plugin_id.as_str())) }
                td class="id" { (grant.capability) }
                td { @if grant.granted { "granted" } @else { "taken back" } }
                td class="id" { (text(&grant.actor)) }
                td class="number" { (grant.event_index) }
            }
        }
    };
    html! {
        h2 id="grants" { "Under which grants" }
        @if decided.is_empty() {
            p { "No decision on single plugins: each held what its manifest asks for of the default grants." }
        } @else {
            (table("Grants", "What a person decided before the run, beside the default grants.", &head, &body))
        }
        @if let Some(policy) = &facts.policy {
            p class="soft" { "The gateway's policy in force when the run began:" }
            pre { code { @for line in pretty(policy).lines() { (text(line)) "\n" } } }
        }
    }
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Everything that the ledger has of the run.
pub(super) fn events(facts: &RunFacts) -> Markup {
    let head = columns(&[
        ("Index", true),
        ("Time (UTC)", false),
        ("Kind", false),
        ("Plugin", false),
        ("Request", false),
        ("Payload hash", false),
        ("Result hash", false),
        ("Event hash", false),
    ]);
    let body = html! {
        @for placed in facts.events.iter().take(ROWS_MAX) {
            @let event = &placed.event;
            tr {
                td class="number" { (placed.index) }
                td { (text(&event.ts)) }
                th scope="row" { (event.kind) }
                td class="id" { (text(&event.plugin_id)) }
                td class="id" { (text(&event.request_id)) }
                td class="id hash" { (text(&event.input_hash)) }
                td class="id hash" { (text(&event.output_hash)) }
                td class="id hash" { (event.event_hash) }
            }
        }
    };
    let total = facts.events.len();
    let caption = if total > ROWS_MAX {
        format!("The first {ROWS_MAX} of {total} events; the proof holds all.")
    } else {
        "Every event of the run, as it stands in the ledger.".to_owned()
    };
    html! { h2 id="events" { "The events" } (table("Events", &caption, &head, &body)) }
}
