//! Calls that go well.

use omega_contract::ports::{GuestPayload, LaneEnding};

use crate::support::{prepare, run};

const UPPER: &str = "
from omega_plugin import Text, plugin

@plugin
def handle(text: Text) -> Text:
    return Text(text.content.upper())
";

#[tokio::test]
async fn a_program_answers() {
    let ready = prepare(UPPER);
    for content in ["one", "two", "three"] {
        let report = run(&ready, content).await;
        let LaneEnding::Finished(output) = report.ending else { panic!("{report:?}") };
        assert!(matches!(output.payload, GuestPayload::Text { content: got, .. } if got == content.to_uppercase()));
    }
}
