//! JavaScript programs: what they are given, what becomes of what they give.

use std::sync::Arc;
use std::time::Duration;

use omega_contract::Lane;
use omega_contract::manifest::DeterminismMode;
use omega_contract::ports::{GuestPayload, LaneCall, LaneEnding, LaneProgram, LaneReport, ProgramExit, ReadyProgram};

use crate::outside::programs;
use crate::support::{Heard, call, lane, run, text};

fn prepare(source: &str) -> Arc<dyn ReadyProgram> {
    lane().prepare(&programs::javascript(source)).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn refused(source: &str) -> String {
    match lane().prepare(&programs::javascript(source)) {
        Ok(_) => panic!("it is loaded: {source}"),
        Err(refusal) => refusal.detail,
    }
}

fn said(report: &LaneReport) -> &str {
    match &report.ending {
        LaneEnding::Finished(output) => match &output.payload {
            GuestPayload::Text { content, .. } => content,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?} {}", report.output_text),
    }
}

/// A module that answers with the text that this expression has.
fn answering(expression: &str) -> String {
    format!(
        "export async function handle(request, host) {{
            const content = String(await ({expression}));
            return {{payload: {{kind: 'text', content, encoding: 'utf-8', metadata: {{}}}}}};
        }}"
    )
}

#[tokio::test]
async fn a_program_answers() {
    let ready = prepare(&answering("request.payload.content.toUpperCase()"));
    for content in ["one", "zwei, drei", "vier 🎉"] {
        assert_eq!(said(&run(&ready, content).await), content.to_uppercase());
    }
}
